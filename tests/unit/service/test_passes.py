"""What a pass makes of its user: every kind of end, what is waited for, what the report says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mailferry import errors
from mailferry.backends.base import INBOX, Flags, FolderPath
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_server import MemoryServer
from mailferry.errors import MailferryError
from mailferry.migration.model import Batch, User
from mailferry.migration.states import PassKind, UserStatus
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.config import Config
from mailferry.service.passes import PassRunner
from mailferry.service.passresults import pass_options, wait_seconds
from mailferry.store import claims
from mailferry.store.keyring import Keyring
from mailferry.sync.options import Options
from tests.unit.service.passes import Passes, failing, mail

U = UserStatus
ADDRESS = "ann@contoso.com"
DAY = 86_400.0
FINAL = [errors.LoginFailed, errors.RootNotFound, errors.OverQuota, errors.TlsFailed, errors.ReadOnly]


async def test_a_pass_copies_and_the_next_one_follows_a_day_later(passes: Passes) -> None:
    passes.mailboxes.source.add_folder(FolderPath(("Junk",)))
    passes.mailboxes.source.add_mail(FolderPath(("Junk",)), mail(66))
    user = await passes.run()
    assert (user.status, user.next_kind, user.due_at) == (U.SYNCED, PassKind.INCREMENTAL, passes.scene.now + DAY)
    progress = user.progress
    assert (progress.found, progress.synced, progress.skipped, progress.had) == (5, 5, 0, 0)
    assert progress.bytes_synced == progress.bytes_found == sum(len(mail(number)) for number in range(5))
    assert (progress.folder, progress.phase, user.consistency) == ("", "", "Perfect")
    assert (user.initial_synced_at, user.last_synced_at) == (passes.scene.now, passes.scene.now)
    source, target = passes.mailboxes.opened[:2]
    assert (source.user, source.password.reveal(), source.host) == ("ann", "secret of ann", "imap.contoso.com")
    assert target.path == str(passes.scene.folder / "archive" / ADDRESS)
    assert len(passes.mailboxes.target.mails(INBOX)) == 5
    told = await passes.report()
    assert told.splitlines()[0] == "info: Initial sync began."
    assert told.splitlines()[-1] == "info: Done: 5 messages on the source, 5 copied."
    assert "INBOX: 5 messages copied" in told


async def test_mail_outside_the_content_filter_is_no_part_of_the_migration(passes: Passes) -> None:
    source, target = passes.mailboxes.source, passes.mailboxes.target
    source.add_mail(INBOX, mail(60), date=1_000_000_000)
    await passes.scene.batches.change("B", BatchSettings(content_filter="Received -ge '2010-01-01'"))
    user = await passes.run()
    assert (user.progress.found, user.progress.synced, user.progress.skipped) == (5, 5, 0)
    assert (user.status, user.consistency, len(target.mails(INBOX))) == (U.SYNCED, "Perfect", 5)
    assert "6 messages on the source, 5 copied, 1 left out by the content filter." in await passes.report()
    await passes.scene.batches.change("B", BatchSettings(content_filter=""))
    passes.scene.now += DAY
    user = await passes.run()
    assert (user.progress.found, user.progress.synced, len(target.mails(INBOX))) == (6, 6, 6)


async def test_a_delta_counts_what_was_there_too(passes: Passes) -> None:
    await passes.run()
    passes.mailboxes.source.add_mail(INBOX, mail(7), date=1_700_000_000)
    passes.mailboxes.source.expunge(INBOX, [1, 2, 3])
    passes.scene.now += DAY
    user = await passes.run()
    assert (user.status, user.initial_synced_at) == (U.SYNCED, passes.scene.now - DAY)
    assert len(passes.mailboxes.target.mails(INBOX)) == 6, "deletions do not follow"
    assert (user.progress.synced, user.progress.found) == (6, 6), "three of them were there"
    assert (await passes.report()).splitlines()[-1] == "info: Done: 3 messages on the source, 1 copied."
    statistics = await passes.scene.users.statistics(ADDRESS)
    assert statistics.percentage == 100
    await passes.scene.users.complete(ADDRESS)
    user = await passes.run()
    assert (user.status, user.next_kind, user.completed_at) == (U.COMPLETED, None, passes.scene.now)


async def test_what_was_not_copied_is_listed(passes: Passes) -> None:
    await passes.scene.config.change({"max_message_bytes": 500})
    passes.mailboxes.source.add_mail(INBOX, mail(9, "x" * 1_000), date=1_700_000_000)
    user = await passes.run()
    assert (user.status, user.consistency) == (U.SYNCED, "Investigate")
    assert (user.progress.found, user.progress.synced, user.progress.skipped) == (6, 5, 1)
    (item,) = await passes.scene.users.skipped_items(ADDRESS)
    assert (item.folder, item.uid, item.subject, item.message_id) == ("INBOX", 6, "Mail 9", "<9@contoso.com>")
    assert (item.kind, item.date) == ("skipped", 1_700_000_000.0)
    assert "1 not copied" in await passes.report()
    assert "Mail 9" in await passes.scene.reports.user_text(ADDRESS)
    await passes.scene.config.change({"max_message_bytes": 5_000})
    passes.scene.now += DAY
    user = await passes.run()
    assert (user.consistency, user.progress.skipped, user.progress.synced) == ("Perfect", 0, 6)
    assert await passes.scene.users.skipped_items(ADDRESS) == []


async def test_a_completion_with_skips_warns(passes: Passes) -> None:
    await passes.run()
    await passes.scene.config.change({"max_message_bytes": 500})
    passes.mailboxes.source.add_mail(INBOX, mail(9, "x" * 1_000), date=1_700_000_000)
    await passes.scene.users.complete(ADDRESS)
    assert (await passes.run()).status is U.COMPLETED_WITH_WARNINGS


async def test_a_folder_that_fails_is_listed_and_the_score_is_poor(passes: Passes) -> None:
    def refuse(path: FolderPath) -> str | None:
        return "no such name here" if path.parts == ("Bad",) else None

    passes.mailboxes.target = MemoryServer(MemoryOptions(refuse_folder=refuse))
    passes.mailboxes.source.add_folder(FolderPath(("Bad",)))
    passes.mailboxes.source.add_mail(FolderPath(("Bad",)), mail(1), date=1_700_000_000)
    user = await passes.run()
    assert (user.status, user.consistency) == (U.SYNCED, "Poor")
    assert [(item.folder, item.kind) for item in await passes.scene.users.skipped_items(ADDRESS)] == [
        ("Bad", "failed-folder")
    ]


@pytest.mark.parametrize("kind", [errors.ServerBusy, errors.AlreadyRunning])
async def test_what_may_pass_is_waited_for(passes: Passes, kind: type[MailferryError]) -> None:
    await passes.scene.config.change({"retry_seconds": 40})
    passes.mailboxes.error = failing(kind, wait_seconds=60)
    for attempts in (1, 2):
        user = await passes.run()
        assert (user.status, user.next_kind, user.attempts) == (U.QUEUED, PassKind.INITIAL, attempts)
        assert user.due_at is not None
        assert user.due_at - passes.scene.now >= 60, "the server's wish"
        assert user.stalled_reason.startswith("Source: ")
        assert (user.failure.code, user.failure.side, user.failure.retry) == (kind.code, "source", "later")
        assert "warning: " in await passes.report()
        passes.scene.now = user.due_at
    passes.mailboxes.error = None
    user = await passes.run()
    assert (user.status, user.attempts, user.stalled_reason, bool(user.failure)) == (U.SYNCED, 0, "", False)
    assert user.durations.stalled >= 60, "the wait was no queue"


@pytest.mark.parametrize("kind", FINAL)
async def test_what_needs_a_person_is_not_tried_again(passes: Passes, kind: type[MailferryError]) -> None:
    passes.mailboxes.error = failing(kind)
    user = await passes.run()
    assert (user.status, user.next_kind, user.due_at) == (U.FAILED, None, None)
    assert (user.failure.code, user.failure.advice) == (kind.code, kind.advice)
    assert "It says why." in user.failure.text
    assert [place.kind for place in passes.mailboxes.opened].count("imap") == 1, "tried once"
    assert (await passes.report()).splitlines()[-1].startswith("error: ")
    assert user.consistency == ""


async def test_patience_ends(passes: Passes) -> None:
    await passes.scene.config.change({"retry_attempts": 2})
    passes.mailboxes.error = failing(errors.ServerBusy, wait_seconds=60)
    for _ in range(2):
        user = await passes.run()
        assert (user.status, user.due_at is not None) == (U.QUEUED, True)
        passes.scene.now = user.due_at or 0.0
    user = await passes.run()
    assert (user.status, user.failure.code) == (U.FAILED, "server-busy")
    assert (user.next_kind, user.stalled_reason) == (None, "")


async def test_an_incremental_sync_that_fails_is_tried_again_the_next_day(passes: Passes) -> None:
    await passes.run()
    await passes.scene.config.change({"retry_attempts": 1})
    passes.mailboxes.error = failing(errors.ServerBusy, wait_seconds=60)
    passes.scene.now += DAY
    user = await passes.run()
    assert (user.status, user.next_kind) == (U.SYNCED, PassKind.INCREMENTAL)
    passes.scene.now = user.due_at or 0.0
    user = await passes.run()
    assert (user.status, user.due_at) == (U.INCREMENTAL_FAILED, passes.scene.now + DAY)
    passes.mailboxes.error = failing(errors.LoginFailed)
    passes.scene.now += DAY
    user = await passes.run()
    assert (user.status, user.due_at) == (U.INCREMENTAL_FAILED, None), "somebody must act"


async def test_a_completion_that_fails(passes: Passes) -> None:
    await passes.run()
    await passes.scene.users.complete(ADDRESS)
    passes.mailboxes.error = failing(errors.LoginFailed)
    assert (await passes.run()).status is U.COMPLETION_FAILED
    passes.mailboxes.error = None
    await passes.scene.users.start(ADDRESS)
    assert (await passes.run()).status is U.COMPLETED


async def test_a_pass_that_brought_something_is_tried_again_whatever_went_before(
    passes: Passes,
) -> None:
    await passes.scene.config.change({"retry_attempts": 1, "retry_seconds": 30})
    taken: list[bytes] = []

    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        if data not in taken and len(taken) < 2:
            taken.append(data)
            return None
        return Refusal("NO", "UNAVAILABLE", "Suggested Backoff Time: 90000 milliseconds")

    passes.mailboxes.target = MemoryServer(MemoryOptions(refuse=refuse, multi_append=False))
    await passes.scene.put(U.QUEUED, attempts=5)
    user = await passes.run()
    assert user.status is U.QUEUED
    assert (user.due_at or 0.0) - passes.scene.now >= 90
    assert (user.progress.synced, user.attempts) == (2, 0)
    passes.scene.now = user.due_at or 0.0
    user = await passes.run()
    assert (user.status, user.attempts) == (U.QUEUED, 1), "the patience begins anew"


async def test_a_defect_ends_this_pass_and_says_nothing_secret(passes: Passes) -> None:
    passes.mailboxes.error = ValueError("the password is secret of ann")
    user = await passes.run()
    assert (user.status, user.failure.code, user.failure.at) == (U.FAILED, "internal", passes.scene.now)
    assert "ValueError" in user.failure.text
    assert "secret of" not in user.failure.text + await passes.report()


async def test_a_password_that_no_key_opens_fails_the_user(passes: Passes) -> None:
    other = Keyring.open(passes.scene.folder / "other.key")
    passes.runner = PassRunner(passes.scene.database, other, passes.ledgers, passes.writer, passes.scene.clock)
    user = await passes.run()
    assert (user.status, user.failure.code) == (U.FAILED, "key-unusable")
    assert passes.mailboxes.opened == []


async def test_a_claim_that_is_no_longer_ours_does_nothing(passes: Passes) -> None:
    job = await passes.claim()
    await passes.runner.run(replace(job, fence=job.fence - 1))
    await passes.runner.run(replace(job, user_id=99))
    assert passes.mailboxes.opened == []
    assert (await passes.scene.users.get(ADDRESS)).status is U.SYNCING


async def test_a_pass_that_lost_its_user_stores_nothing(passes: Passes) -> None:
    job = await passes.claim()
    passes.mailboxes.waits = True
    task = asyncio.create_task(passes.runner.run(job))
    await passes.mailboxes.begun.wait()
    async with passes.scene.database.begin() as connection:
        await claims.lost(connection, "w/", passes.scene.now)
    await passes.claim()
    await passes.writer.write()
    await task
    user = await passes.scene.users.get(ADDRESS)
    assert (user.status, user.fence, user.progress.found) == (U.SYNCING, job.fence + 1, 0)
    assert await passes.report() == ""


def test_waits_grow_up_to_a_limit_and_vary() -> None:
    config = Config(retry_seconds=30, longest_retry_seconds=1_800)
    for attempts, middle in enumerate((30, 60, 120, 240, 480, 960, 1_800, 1_800)):
        waits = {wait_seconds(config, attempts, 0.0) for _ in range(50)}
        assert len(waits) > 1
        assert all(middle * 0.75 <= wait <= middle * 1.25 for wait in waits)
    assert wait_seconds(config, 0, 7_200.0) == 7_200.0
    assert wait_seconds(config, 10**6, 0.0) <= 1_800 * 1.25


async def test_all_flags_are_compared_when_somebody_asks_and_at_the_end(
    passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source has no CONDSTORE, so the daily pass looks at the newest messages only: here at one."""

    def looks_at_one(config: Config, batch: Batch, kind: PassKind) -> Options:
        return replace(pass_options(config, batch, kind), newest_flags=1)

    monkeypatch.setattr("mailferry.service.passes.pass_options", looks_at_one)
    source, target = passes.mailboxes.source, passes.mailboxes.target
    source.options = replace(source.options, condstore=False)

    def oldest() -> Flags:
        return frozenset(target.mails(INBOX)[0].flags)

    await passes.run()
    source.set_flags(INBOX, 1, {"\\Seen"})
    passes.scene.now += DAY
    await passes.run()
    assert oldest() == frozenset()
    asked = await passes.scene.users.sync_now(ADDRESS)
    assert asked.next_kind is PassKind.REQUESTED
    assert (await passes.run()).next_kind is PassKind.INCREMENTAL
    assert oldest() == {"\\Seen"}
    assert "info: Requested sync began." in await passes.report()
    source.set_flags(INBOX, 1, set())
    await passes.scene.users.complete(ADDRESS)
    assert (await passes.run()).status is U.COMPLETED
    assert oldest() == frozenset()


async def test_a_pass_is_told_the_settings(passes: Passes) -> None:
    batch = (await passes.scene.batches.get("b")).batch
    config = Config(max_items=7, max_message_bytes=8, repair="none")
    options = pass_options(config, batch, PassKind.INITIAL)
    assert (options.max_items, options.max_message_bytes, options.repair) == (7, 8, "none")
    assert not options.mirror_deletions


def test_ledgers_are_apart_in_folders(passes: Passes, tmp_path: Path) -> None:
    user = User(1, "abcd-guid", 1, "b", 1, ADDRESS, "ann", U.QUEUED)
    assert passes.ledgers.path(user) == tmp_path / "ledgers" / "ab" / "abcd-guid.db"
