"""Reports by mail: which ones are sent and when, with a mail server that is there, away, or refuses."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from mailferry.migration.mailtext import ERRORS_FILE, STATISTICS_FILE
from mailferry.migration.model import DAY_SECONDS
from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.mailer import Mailer
from mailferry.service.mailnotes import PREFIX, MailNotes
from mailferry.service.mailserver import NotSent
from mailferry.store import settings
from mailferry.store.schema import BATCH, SETTING
from tests.servers.smtp import MailSink, files_of, text_of
from tests.unit.service.scene import NOW, Scene
from tests.unit.service.scene import csv as csv_file

B, U = BatchStatus, UserStatus
EMAILS = ["admin@contoso.com", "boss@contoso.com"]
HOUR = 3_600.0


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


class Office:
    """A batch `b`, a mailer that looks when it is told, and a clock that is set by hand."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.restart()

    def restart(self) -> None:
        """Begin anew with what is stored."""
        self.mailer = Mailer(self.scene.database, self.scene.config, self.scene.reports, self.scene.clock)

    async def batch(self, *names: str, **given: Any) -> None:
        """Make the batch."""
        await self.scene.places()
        given = {"notification_emails": EMAILS} | given
        await self.scene.batch(*(names or ("ann", "bob")), settings=BatchSettings(**given))

    async def at(self, status: BatchStatus, users: UserStatus = U.SYNCED, **values: Any) -> None:
        """Put the batch and its users into states, and look."""
        ended = {"initial_synced_at": self.scene.now} if users is U.SYNCED else {}
        done = {"finalized_at": self.scene.now} if status.value.startswith("Completed") else {}
        await self.scene.put(users, **values)
        change = update(BATCH).values(status=status, status_at=self.scene.now, **ended, **done)
        async with self.scene.database.begin() as connection:
            await connection.execute(change)
        await self.mailer.look()

    async def look(self, after_seconds: float = 0.0) -> None:
        """Look later."""
        self.scene.now += after_seconds
        await self.mailer.look()

    async def message(self) -> str:
        """Give what is shown with the batch."""
        return (await self.scene.batches.get("b")).batch.message


@pytest.fixture
async def office(scene: Scene) -> Office:
    return Office(scene)


def subjects(sink: MailSink) -> list[str]:
    """Give what the subjects say behind the name of the batch."""
    return [str(mail["Subject"]).removeprefix('E-mail migration batch "b" ') for mail in sink.mails]


async def test_a_mail_when_the_initial_sync_has_ended_and_when_the_batch_is_completed(
    office: Office, sink: MailSink
) -> None:
    await office.batch(report_interval_seconds=0)
    await office.scene.config.change(sink.settings())
    await office.at(B.SYNCING, U.SYNCING)
    assert sink.mails == []
    await office.at(B.SYNCED)
    assert subjects(sink) == ["has finished"]
    mail = sink.mails[0]
    assert str(mail["To"]) == "admin@contoso.com, boss@contoso.com"
    assert str(mail["From"]) == "Mailferry <mailferry@contoso.com>"
    assert sink.envelopes[0].mail_from == "mailferry@contoso.com"
    assert sink.envelopes[0].rcpt_tos == EMAILS
    assert "2: 2 synced" in text_of(mail)
    assert list(files_of(mail)) == [STATISTICS_FILE]
    await office.look()
    office.restart()
    await office.look(100 * DAY_SECONDS)
    await office.at(B.INCREMENTAL_SYNCING, U.INCREMENTAL_SYNCING)
    await office.at(B.SYNCED)
    assert len(sink.mails) == 1, "told once, also by a new process; daily syncs are no occasion"
    await office.at(B.COMPLETED, U.COMPLETED)
    await office.look()
    office.restart()
    await office.look(DAY_SECONDS)
    assert subjects(sink) == ["has finished", "has been completed"]
    assert len({mail["Message-ID"] for mail in sink.mails}) == 2


async def test_failures_are_told_with_the_file_to_mend(office: Office, sink: MailSink) -> None:
    await office.scene.places()
    rows = csv_file("ann@contoso.com,ann,secret-a", "bob@contoso.com,bob,", "kim@contoso.com,kim,secret-k")
    given = BatchSettings(notification_emails=EMAILS)
    await office.scene.batches.create("b", "source", rows, given, auto_start=True)
    await office.scene.config.change(sink.settings())
    await office.scene.put(U.SYNCED, "ann@contoso.com")
    broken = {"error_code": "login-failed", "error_text": "The login was refused.", "error_side": "source"}
    await office.scene.put(U.FAILED, "kim@contoso.com", **broken, error_advice="Correct the password.")
    async with office.scene.database.begin() as connection:
        await connection.execute(update(BATCH).values(status=B.SYNCED_WITH_ERRORS))
    await office.look()
    assert subjects(sink) == ["has finished - with errors"]
    text = text_of(sink.mails[0])
    assert "kim@contoso.com: The login was refused. (source)\n    Correct the password." in text
    assert "line 3: Password is empty" in text
    files = files_of(sink.mails[0])
    errors = {row["EmailAddress"]: row for row in csv.DictReader(io.StringIO(files[ERRORS_FILE]))}
    assert errors["bob@contoso.com"]["ErrorMessage"].startswith("Password is empty")
    assert errors["kim@contoso.com"]["ErrorMessage"] == "The login was refused."
    assert {row["Password"] for row in errors.values()} == {""}
    assert len(list(csv.DictReader(io.StringIO(files[STATISTICS_FILE])))) == 2
    assert "secret-" not in sink.mails[0].as_string()
    await office.look(HOUR)
    assert len(sink.mails) == 1


async def test_a_better_result_is_told_and_a_worse_one_waits_for_the_next_report(
    office: Office, sink: MailSink
) -> None:
    await office.batch()
    await office.scene.config.change(sink.settings())
    await office.at(B.FAILED, U.FAILED)
    await office.at(B.SYNCED)
    await office.at(B.SYNCED_WITH_ERRORS, U.INCREMENTAL_FAILED)
    assert subjects(sink) == ["has finished - with errors", "has finished"]
    await office.look(DAY_SECONDS)
    assert subjects(sink)[2:] == ["is synced - with errors"]


async def test_reports_while_it_is_at_work_only_if_there_is_something_new(office: Office, sink: MailSink) -> None:
    await office.batch(report_interval_seconds=2 * HOUR)
    await office.scene.config.change(sink.settings())
    await office.at(B.SYNCING, U.SYNCING, found=10, synced=1)
    await office.look(2 * HOUR - 1)
    assert sink.mails == []
    await office.look(1)
    assert subjects(sink) == ["is syncing"]
    assert "2 of 20 synced" in text_of(sink.mails[0])
    await office.look(10 * HOUR)
    assert len(sink.mails) == 1, "nothing has happened"
    await office.at(B.SYNCING, U.SYNCING, synced=5)
    office.restart()
    await office.look(HOUR)
    assert len(sink.mails) == 1, "the interval goes on from the last look at the figures"
    await office.look(HOUR)
    assert subjects(sink) == ["is syncing", "is syncing"]
    await office.at(B.STOPPED, U.STOPPED)
    await office.look(10 * HOUR)
    assert len(sink.mails) == 2, "nothing is told of a batch that is stopped"


@pytest.mark.parametrize("given", [{"notification_emails": []}, {"skip_reports": True}])
async def test_nobody_wants_a_mail(office: Office, sink: MailSink, given: dict[str, Any]) -> None:
    await office.batch(**given)
    await office.scene.config.change(sink.settings())
    await office.at(B.SYNCED)
    await office.at(B.COMPLETED, U.COMPLETED)
    await office.look(DAY_SECONDS)
    assert sink.mails == []
    assert sink.connections == 0


async def test_without_a_server_nothing_is_sent_and_old_news_are_not_told_later(office: Office, sink: MailSink) -> None:
    await office.batch(report_interval_seconds=0)
    await office.at(B.SYNCED)
    await office.look(2 * DAY_SECONDS)
    await office.scene.config.change(sink.settings())
    await office.look()
    assert sink.mails == []
    await office.at(B.COMPLETED, U.COMPLETED)
    assert subjects(sink) == ["has been completed"]


async def test_a_server_that_is_down_is_tried_again_with_growing_delay(office: Office, sink: MailSink) -> None:
    await office.batch(report_interval_seconds=0)
    await office.scene.config.change(sink.settings())
    sink.stop()
    await office.at(B.SYNCED)
    message = await office.message()
    assert message.startswith(f"Report by mail: the mail server 127.0.0.1:{sink.port} was not reached (")
    assert message.endswith("It is tried again.")
    sink.start()
    await office.look(59)
    office.restart()
    await office.look()
    assert sink.connections == 0
    await office.look(1)
    assert subjects(sink) == ["has finished"]
    assert await office.message() == ""
    await office.look(DAY_SECONDS)
    assert len(sink.mails) == 1


async def test_it_is_given_up_after_days_and_the_next_occasion_is_told_again(office: Office, sink: MailSink) -> None:
    await office.batch(report_interval_seconds=0)
    await office.scene.config.change(sink.settings())
    sink.answer = "554 5.7.1 no reports here"
    await office.at(B.SYNCED)
    tries = 1
    while "given up" not in await office.message():
        assert "554 5.7.1 no reports here" in await office.message()
        await office.look(HOUR)
        tries += 1
    assert 5 * 24 < tries < 5 * 24 + 3
    assert office.scene.now - NOW > 5 * DAY_SECONDS
    sink.answer = "250 taken"
    await office.look(DAY_SECONDS)
    assert sink.mails == []
    await office.at(B.COMPLETED, U.COMPLETED)
    assert subjects(sink) == ["has been completed"]
    assert await office.message() == ""


async def test_a_mended_setting_is_tried_at_once(office: Office, sink: MailSink) -> None:
    await office.batch()
    await office.scene.config.change(sink.settings(smtp_ca_file="/nowhere/ca.pem", smtp_security="Tls"))
    await office.at(B.SYNCED)
    assert "smtp_ca_file /nowhere/ca.pem cannot be used: No such file or directory." in await office.message()
    await office.scene.config.change(sink.settings())
    await office.look(1)
    assert subjects(sink) == ["has finished"]


async def test_a_refused_recipient_keeps_the_others_from_nothing(office: Office, sink: MailSink) -> None:
    await office.batch(notification_emails=["gone@contoso.com", "admin@contoso.com", "a@b, c@d", "admin@contoso.com"])
    await office.scene.config.change(sink.settings())
    sink.refused = {"gone@contoso.com"}
    await office.at(B.SYNCED)
    assert [envelope.rcpt_tos for envelope in sink.envelopes] == [["admin@contoso.com"]]
    message = await office.message()
    assert "gone@contoso.com (550 5.1.1 no such user)" in message
    assert "a@b, c@d (not an address)" in message
    await office.look(HOUR)
    assert len(sink.mails) == 1
    sink.refused.add("admin@contoso.com")
    await office.at(B.COMPLETED, U.COMPLETED)
    assert "refused all recipients" in await office.message()


async def test_one_server_that_is_down_is_asked_once_for_all_batches(office: Office, sink: MailSink) -> None:
    await office.batch("ann")
    for name in ("c", "d"):
        await office.scene.batch(f"{name}1", name=name, settings=BatchSettings(notification_emails=EMAILS))
    await office.scene.config.change(sink.settings())
    sink.answer = "421 4.3.2 going down"
    await office.at(B.SYNCED)
    assert sink.connections >= 1
    before = sink.connections
    sink.stop()
    await office.look(60)
    for name in ("b", "c", "d"):
        assert "was not reached" in (await office.scene.batches.get(name)).batch.message
    sink.answer = "250 taken"
    sink.start()
    await office.look(120)
    assert len(sink.mails) == 3
    assert sink.connections == before + 3


async def test_a_crash_between_sending_and_noting_sends_twice_under_one_message_id(
    office: Office, sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather one mail too many than none."""
    await office.batch(report_interval_seconds=0)
    await office.scene.config.change(sink.settings())
    write = MailNotes.write

    async def crash(self: MailNotes, batch: Any, before: Any, after: Any) -> Any:
        if sink.mails:
            raise KeyboardInterrupt
        return await write(self, batch, before, after)

    with monkeypatch.context() as patch:
        patch.setattr(MailNotes, "write", crash)
        with pytest.raises(KeyboardInterrupt):
            await office.at(B.SYNCED)
    office.restart()
    await office.look()
    assert len(sink.mails) == 1, "not at once: a process that crashes again and again would fill mailboxes"
    await office.look(60)
    await office.look(DAY_SECONDS)
    assert len(sink.mails) == 2
    assert len({mail["Message-ID"] for mail in sink.mails}) == 1


async def test_of_two_processes_one_sends(office: Office, sink: MailSink) -> None:
    await office.batch()
    await office.scene.config.change(sink.settings())
    await office.scene.put(U.SYNCED)
    async with office.scene.database.begin() as connection:
        await connection.execute(update(BATCH).values(status=B.SYNCED, status_at=NOW, initial_synced_at=NOW))
    first = office.mailer
    office.restart()
    await asyncio.gather(first.look(), office.mailer.look())
    assert len(sink.mails) == 1


async def test_notes_of_removed_batches_are_removed(office: Office, sink: MailSink) -> None:
    await office.batch()
    await office.scene.config.change(sink.settings())
    async with office.scene.database.begin() as connection:
        await settings.put(connection, f"{PREFIX}gone", "{}")
    await office.at(B.SYNCED)
    async with office.scene.database.connect() as connection:
        names = [row.name for row in await connection.execute(SETTING.select()) if row.name.startswith(PREFIX)]
    assert names == [f"{PREFIX}{(await office.scene.batches.get('b')).batch.guid}"]


async def test_a_message_of_somebody_else_stays(office: Office, sink: MailSink) -> None:
    await office.batch()
    await office.scene.config.change(sink.settings())
    sink.stop()
    async with office.scene.database.begin() as connection:
        await connection.execute(update(BATCH).values(message="Read this."))
    await office.at(B.SYNCED)
    assert await office.message() == "Read this."


async def test_files_that_are_too_large_are_named(
    office: Office, sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailferry.service.mailcontent.MOST_FILE_BYTES", 300)
    await office.batch("ann", "bob")
    await office.scene.config.change(sink.settings())
    await office.at(B.FAILED, U.FAILED, error_code="x", error_text="short")
    assert list(files_of(sink.mails[0])) == [ERRORS_FILE]
    assert f"Too large for a mail: {STATISTICS_FILE}." in text_of(sink.mails[0])


async def test_it_looks_when_a_batch_changes_and_ends_when_told(scene: Scene, sink: MailSink) -> None:
    await scene.config.change(sink.settings())
    mailer = Mailer(scene.database, scene.config, scene.reports, scene.clock, tick_seconds=0.01)
    office = Office(scene)
    running = asyncio.create_task(mailer.run())
    await office.batch()
    await scene.put(U.SYNCED)
    async with scene.database.begin() as connection:
        await connection.execute(update(BATCH).values(status=B.SYNCED, status_at=NOW, initial_synced_at=NOW))
    await scene.batches.sync_now("b")
    while not sink.mails:
        await asyncio.sleep(0.01)
        scene.now += 1  # at the latest after a minute
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert subjects(sink) == ["has finished"]


async def test_a_slow_server_does_not_hold_up_the_end(
    office: Office, sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailferry.service.mailer.CLOSING_SECONDS", 0.05)
    sending, release = threading.Event(), threading.Event()

    def slow(*given: object) -> dict[str, str]:
        sending.set()
        release.wait(60)
        raise NotSent("too late.", for_all=True)

    monkeypatch.setattr("mailferry.service.mailserver.send", slow)
    await office.batch()
    await office.scene.config.change(sink.settings())
    await office.scene.put(U.SYNCED)
    async with office.scene.database.begin() as connection:
        await connection.execute(update(BATCH).values(status=B.SYNCED, status_at=NOW, initial_synced_at=NOW))
    running = asyncio.create_task(office.mailer.run())
    while not sending.is_set():
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)
    release.set()
    notes = await MailNotes(office.scene.database).read()
    assert [(note.attempts, note.ended) for _, note in notes] == [(1, "")], "it is sent again"


async def test_settings_of_batches_that_change_meanwhile_are_not_undone(office: Office, sink: MailSink) -> None:
    await office.batch()
    view = await office.scene.batches.get("b")
    stale = replace(view.batch, message="Report by mail: earlier")
    await MailNotes(office.scene.database).show(stale, "later")
    assert await office.message() == ""
