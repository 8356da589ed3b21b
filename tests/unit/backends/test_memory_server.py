"""The server in memory: what it does to mail, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mailferry.backends.base import (
    INBOX,
    FetchJob,
    Flags,
    FolderPath,
    Item,
    JobDone,
    JobFailed,
    Mail,
    Mode,
    Opened,
    Outcome,
    OutcomeKind,
    Want,
)
from mailferry.backends.memory import MemoryMailbox, MemoryOptions, MemoryServer, Refusal
from mailferry.errors import FolderGone

STORED, REFUSED, UNSENT = OutcomeKind.STORED, OutcomeKind.REFUSED, OutcomeKind.UNSENT
NONE: Flags = frozenset()
SEEN: Flags = frozenset({"\\Seen"})
WORK = FolderPath(("Work",))


def verdicts(
    server: MemoryServer, mode: Mode, *mails: bytes | tuple[bytes, Flags], path: FolderPath = INBOX
) -> list[Outcome | None]:
    """Send one chunk and give its outcomes."""

    async def send() -> list[Outcome | None]:
        lane = await MemoryMailbox(server).open_lane()
        chunk = lane.chunk(path, mode, "key")
        for mail in mails:
            data, flags = (mail, NONE) if isinstance(mail, bytes) else mail
            chunk.add(Mail(1, flags, 5, 60, len(data), data), flags, 5, 60)
        outcomes = await chunk.release()
        await lane.close()
        return outcomes

    return asyncio.run(send())


def kinds(outcomes: Sequence[Outcome | None]) -> list[OutcomeKind]:
    return [outcome.kind for outcome in outcomes if outcome is not None]


def stored(server: MemoryServer, path: FolderPath = INBOX) -> list[bytes]:
    return [mail.data for mail in server.mails(path)]


def refuse_b(data: bytes, flags: Flags) -> Refusal | None:
    return Refusal("NO", "LIMIT", "not this one") if data == b"b" else None


def test_a_refused_single_leaves_a_hole() -> None:
    server = MemoryServer(MemoryOptions(refuse=refuse_b))
    outcomes = verdicts(server, Mode.SINGLE, b"a", b"b", b"c")
    assert outcomes == [Outcome(STORED, 1), Outcome(REFUSED, 0, "LIMIT", "not this one"), Outcome(STORED, 2)]
    assert stored(server) == [b"a", b"c"]


def test_a_refused_multi_stores_nothing_and_blames_nobody() -> None:
    server = MemoryServer(MemoryOptions(refuse=refuse_b))
    assert verdicts(server, Mode.MULTI, b"a", b"b", b"c") == [Outcome(UNSENT, 0, "LIMIT", "not this one")] * 3
    assert stored(server) == []


@pytest.mark.parametrize("takes_empty", [False, True])
def test_an_empty_message_voids_a_multi_chunk(takes_empty: bool) -> None:
    server = MemoryServer(MemoryOptions(takes_empty=takes_empty))
    assert kinds(verdicts(server, Mode.MULTI, b"a", b"")) == [UNSENT] * 2
    assert kinds(verdicts(server, Mode.SINGLE, b"a", b"")) == [STORED, STORED if takes_empty else REFUSED]


@pytest.mark.parametrize(("mode", "kind"), [(Mode.MULTI, UNSENT), (Mode.SINGLE, UNSENT), (Mode.SYNC, REFUSED)])
def test_an_unknown_system_flag_is_bad(mode: Mode, kind: OutcomeKind) -> None:
    [outcome] = verdicts(MemoryServer(), mode, (b"a", frozenset({"\\Odd"})))
    assert outcome is not None
    assert (outcome.kind, outcome.code) == (kind, "BAD")


def test_an_unknown_keyword_is_lost_without_a_word() -> None:
    server = MemoryServer(MemoryOptions(custom_keywords=False, permanent_flags=frozenset({"\\Seen", "$Forwarded"})))
    assert kinds(verdicts(server, Mode.SINGLE, (b"a", frozenset({"\\Seen", "$Forwarded", "Mine"})))) == [STORED]
    assert server.mails(INBOX)[0].flags == {"\\Seen", "$Forwarded"}


def test_the_quota_is_for_all_folders_and_for_all_of_a_chunk() -> None:
    server = MemoryServer(MemoryOptions(quota_bytes=10))
    server.add_folder(WORK)
    server.add_mail(WORK, b"1234")
    assert kinds(verdicts(server, Mode.MULTI, b"1234", b"123")) == [UNSENT] * 2
    outcomes = verdicts(server, Mode.SINGLE, b"1234", b"123", b"12")
    assert kinds(outcomes) == [STORED, REFUSED, STORED]
    assert outcomes[1] is not None
    assert outcomes[1].code == "OVERQUOTA"
    server.expunge(WORK, [1])
    assert kinds(verdicts(server, Mode.SINGLE, b"1234")) == [STORED]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_folder_that_is_not_there_can_be_created(mode: Mode) -> None:
    server = MemoryServer()
    assert {outcome.code for outcome in verdicts(server, mode, b"a", b"b", path=WORK) if outcome} == {"TRYCREATE"}
    server.add_folder(WORK)
    assert kinds(verdicts(server, mode, b"a", b"b", path=WORK)) == [STORED] * 2


def test_without_uidplus_no_uid_is_told() -> None:
    assert verdicts(MemoryServer(MemoryOptions(reports_new_ids=False)), Mode.MULTI, b"a") == [Outcome(STORED, 0)]


def test_a_date_that_is_not_kept_becomes_now() -> None:
    server = MemoryServer(MemoryOptions(keeps_internal_date=False))
    verdicts(server, Mode.SINGLE, b"a")
    assert server.mails(INBOX)[0].date == server.now


def test_a_rewritten_message_keeps_its_message_id() -> None:
    server = MemoryServer(MemoryOptions(keeps_bytes=False))
    verdicts(server, Mode.SINGLE, b"Subject: a\n b\nMessage-ID: <1@x>\n\nbody\n")
    expected = b"X-Rewritten-By: Memory\r\nSubject: a b\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"
    assert stored(server) == [expected]


def test_a_message_id_that_is_there_is_merged() -> None:
    server = MemoryServer(MemoryOptions(dedupes=True))
    one, other = b"Message-ID: <1@x>\r\n\r\none", b"Message-ID: <1@x>\r\n\r\nother"
    assert verdicts(server, Mode.MULTI, one, b"\r\nno id", other) == [Outcome(STORED, uid) for uid in (1, 2, 1)]
    assert stored(server) == [one, b"\r\nno id"]


def test_a_mode_that_is_not_offered() -> None:
    with pytest.raises(ValueError, match="MULTI"):
        verdicts(MemoryServer(MemoryOptions(multi_append=False)), Mode.MULTI, b"a")


def test_uids_are_never_used_twice() -> None:
    server = MemoryServer()
    assert [server.add_mail(INBOX, b"a") for _ in range(2)] == [1, 2]
    server.expunge(INBOX, [2])
    assert server.add_mail(INBOX, b"b") == 3
    server.add_folder(WORK)
    before = server.folder(WORK).uid_validity
    server.remove_folder(WORK)
    server.add_folder(WORK)
    assert server.folder(WORK).uid_validity > before


def test_a_new_uid_validity_renumbers() -> None:
    server = MemoryServer()
    for data in (b"a", b"b", b"c"):
        server.add_mail(INBOX, data, ["\\Seen"], date=7)
    server.expunge(INBOX, [1])
    before = server.folder(INBOX).uid_validity
    server.renew_uid_validity(INBOX)
    assert server.folder(INBOX).uid_validity > before
    assert [(mail.uid, mail.data, mail.flags, mail.date) for mail in server.mails(INBOX)] == [
        (1, b"b", SEEN, 7),
        (2, b"c", SEEN, 7),
    ]
    assert server.folder(INBOX).size_bytes == 2


def test_moving_gives_new_uids_and_renaming_does_not() -> None:
    server = MemoryServer()
    server.add_folder(WORK)
    server.add_mail(WORK, b"z")
    server.add_mail(INBOX, b"a", ["\\Seen"])
    assert server.move(INBOX, [1], WORK) == [2]
    before = server.folder(WORK)
    server.rename_folder(WORK, FolderPath(("Play",)))
    after = server.folder(FolderPath(("Play",)))
    assert (after.uid_validity, after.mailbox_id, list(after.mails)) == (before.uid_validity, before.mailbox_id, [1, 2])
    with pytest.raises(FolderGone):
        server.folder(WORK)


def test_a_flag_set_by_the_user_has_a_mod_sequence() -> None:
    server = MemoryServer()
    server.add_mail(INBOX, b"a")
    server.add_mail(INBOX, b"b")
    since = server.folder(INBOX).modseq
    server.set_flags(INBOX, 2, ["\\Seen"])
    listing = asyncio.run(MemoryMailbox(server).listing(INBOX, Want.FLAGS, changed_since=since))
    assert (list(listing.uids), listing.flags) == ([2], [SEEN])


def test_what_was_not_offered_is_a_mistake_of_the_caller() -> None:
    mailbox = MemoryMailbox(MemoryServer(MemoryOptions(condstore=False)))
    with pytest.raises(ValueError, match="CONDSTORE"):
        asyncio.run(mailbox.listing(INBOX, Want.FLAGS, changed_since=3))
    with pytest.raises(ValueError, match="identify"):
        asyncio.run(mailbox.listing(INBOX, Want.IDENTITY))


def test_a_refused_folder() -> None:
    server = MemoryServer(MemoryOptions(refuse_folder=lambda path: "no" if path == WORK else None))
    play = FolderPath(("Play",))
    created = asyncio.run(MemoryMailbox(server).create_folders([(WORK, None), (play, None)]))
    assert [(each.path, each.made, each.error) for each in created] == [(WORK, False, "no"), (play, True, "")]


def test_the_folder_changes_while_it_is_read() -> None:
    """A message is expunged and the folder gets a new UIDVALIDITY between two batches."""
    server = MemoryServer(MemoryOptions(batch_messages=1))
    for number in range(5):
        server.add_mail(INBOX, b"%d" % number)
    jobs = [FetchJob(INBOX, ((1, 4),), 1), FetchJob(INBOX, ((1, 1),), 2)]

    async def read() -> list[Item]:
        items: list[Item] = []
        async for batch in MemoryMailbox(server).stream(lambda: jobs.pop(0) if jobs else None):
            items += batch
            mails = [item for item in items if isinstance(item, Mail)]
            if len(mails) == 1:
                server.expunge(INBOX, [2])
            elif len(mails) == 2:
                server.renew_uid_validity(INBOX)
        return items

    items = asyncio.run(read())
    assert [item.data for item in items if isinstance(item, Mail)] == [b"0", b"2", b"0"]
    assert [type(item) for item in items if not isinstance(item, Mail)] == [Opened, JobFailed, Opened, JobDone]
