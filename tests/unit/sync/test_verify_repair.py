"""`verify` with a ledger, after real passes, and `mark_for_resend`: what is missing comes back, and nothing twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mailferry.backends.base import INBOX, FetchJob, FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_server import MemoryServer
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Clock, Options
from mailferry.sync.packed import RowOutcome
from mailferry.sync.run import PassResult, run_pass
from mailferry.sync.verify import FindingKind, FolderReport, VerifyOptions, VerifyReport, mark_for_resend, verify

WORK = FolderPath(("Work",))


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


FAST = Options(clock=Clock(sleep=no_wait), chunk_messages=5, single_messages=3)


def mail(number: int, body: bytes = b"hello\r\n") -> bytes:
    return b"Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\n%s" % (number, number, body)


class Counting(MemoryMailbox):
    """A client that counts the ranges it reads bodies of."""

    ranges = 0

    def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
        def counted() -> FetchJob | None:
            job = jobs()
            self.ranges += len(job.ranges) if job is not None else 0
            return job

        return super().stream(counted)


class Rig:
    """A source, a target and a ledger."""

    def __init__(self, state: Path, target: MemoryOptions | None = None) -> None:
        self.source = MemoryServer(name="source")
        self.target = MemoryServer(target, name="target")
        self.state = state
        self.source.add_folder(WORK)
        for number in range(12):
            self.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
        for _ in range(3):
            self.source.add_mail(WORK, mail(50), date=1_700_000_050)

    async def copy(self, options: Options = FAST) -> PassResult:
        ledger = SqliteLedger(self.state)

        async def open_source() -> MemoryMailbox:
            return MemoryMailbox(self.source, side=Side.SOURCE)

        async def open_target() -> MemoryMailbox:
            return MemoryMailbox(self.target, side=Side.TARGET)

        try:
            return await run_pass(open_source, open_target, ledger, ("s", "t"), options)
        finally:
            await ledger.close()

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[SqliteLedger]:
        ledger = SqliteLedger(self.state)
        await ledger.open_pair("s", "t", 60.0)
        try:
            yield ledger
        finally:
            await ledger.close()

    async def verify(self, options: VerifyOptions | None = None, *, repair: bool = False) -> VerifyReport:
        self.reader = Counting(self.source, side=Side.SOURCE)
        async with self.ledger() as ledger:
            known = {row.source_raw: row.target_path for row in await ledger.folders()}
            target = MemoryMailbox(self.target, side=Side.TARGET)
            report = await verify(self.reader, target, options or VerifyOptions(), known_map=known, rows=ledger)
            self.marked = await mark_for_resend(ledger, report) if repair else 0
        return report

    def content(self, server: MemoryServer) -> Counter[tuple[FolderPath, bytes]]:
        return Counter((f.path, m.data) for f in server.folders if f.selectable for m in server.mails(f.path))


def folder(report: VerifyReport, name: str = "INBOX") -> FolderReport:
    return next(each for each in report.folders if each.folder == name)


TARGETS = {
    "multi": MemoryOptions(),
    "single": MemoryOptions(multi_append=False),
    "no UIDPLUS": MemoryOptions(reports_new_ids=False),
    "no dates": MemoryOptions(keeps_internal_date=False),
}


@pytest.fixture(params=TARGETS)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Two mailboxes after a copy."""
    rig = Rig(tmp_path / "state.db", TARGETS[request.param])
    await rig.copy()
    return rig


async def test_with_a_ledger_the_source_is_not_read(rig: Rig) -> None:
    report = await rig.verify()
    assert (report.ok, report.complete, report.findings) == (True, True, [])
    assert report.totals.equal == 15
    assert rig.reader.ranges == 0
    assert (await rig.verify(VerifyOptions(reread_source=True))).totals.equal == 15
    assert rig.reader.ranges > 0


async def test_an_altered_message_is_found_by_its_digest(rig: Rig) -> None:
    stored = rig.target.mails(INBOX)[3]
    stored.data = stored.data.replace(b"hello", b"HELLO")
    other = rig.target.mails(INBOX)[5]
    other.data = other.data.replace(b"\r\n", b"\n")
    report = await rig.verify()
    assert (folder(report).equal, folder(report).altered, folder(report).line_ends) == (10, 1, 1)
    assert not report.ok
    assert rig.reader.ranges == 2  # only what differs


async def test_the_ledger_knows_which_twin_is_missing(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db")
    await rig.copy()
    rig.target.expunge(WORK, [2])
    report = await rig.verify()
    assert (folder(report, "Work").equal, folder(report, "Work").missing) == (2, 1)
    assert list(folder(report, "Work").missing_uids) == [2]
    assert "is no longer there" in report.findings[0].detail


async def test_missing_messages_come_back_once(rig: Rig) -> None:
    rig.target.expunge(INBOX, [2, 3, 12])
    rig.target.expunge(WORK, [1])
    assert (await rig.copy()).stats.total("copied") == 0  # a copy leaves to the user what the user deleted
    report = await rig.verify(repair=True)
    assert (report.totals.missing, rig.marked) == (4, 4)
    again = await rig.verify(repair=True)
    assert (again.totals.not_yet, again.totals.missing, rig.marked) == (4, 0, 0)
    assert (await rig.copy()).stats.total("copied") == 4
    assert rig.content(rig.target) == rig.content(rig.source)
    assert (await rig.copy()).stats.total("copied") == 0
    assert (await rig.verify()).complete


async def test_a_folder_that_is_gone_comes_back(rig: Rig) -> None:
    rig.target.remove_folder(WORK)
    report = await rig.verify(repair=True)
    assert [each.folder for each in report.only_on_source] == ["Work"]
    assert rig.marked == 3
    await rig.copy()
    assert rig.content(rig.target) == rig.content(rig.source)


async def test_a_report_made_before_a_copy_marks_nothing_anew(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db")
    await rig.copy()
    rig.target.expunge(INBOX, [2])
    report = await rig.verify(repair=True)
    await rig.copy()
    async with rig.ledger() as ledger:
        assert await mark_for_resend(ledger, report) == 0
    assert (await rig.copy()).stats.total("copied") == 0


async def test_moved_mail_is_left_where_it_is(rig: Rig) -> None:
    rig.target.move(INBOX, [4], WORK)
    report = await rig.verify(repair=True)
    assert (report.totals.missing, report.totals.elsewhere, rig.marked) == (1, 1, 0)


async def test_a_report_without_the_ledger_marks_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db")
    await rig.copy()
    rig.source.add_mail(INBOX, mail(90))
    rig.target.expunge(INBOX, [2])
    report = await verify(MemoryMailbox(rig.source), MemoryMailbox(rig.target), VerifyOptions(), known_map={})
    assert report.totals.missing == 2
    async with rig.ledger() as ledger:
        assert await mark_for_resend(ledger, report) == 0


async def test_messages_that_no_row_answers_for_are_sent(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db")
    await rig.copy()
    async with rig.ledger() as ledger:
        [row] = [row for row in await ledger.folders() if row.source_path == WORK]
        [chunk] = await ledger.chunks(row.id)
        emptied = type(chunk.columns)()
        emptied.append(1, 0, -1, 0, bytes(16), 0)
        emptied.outcomes[0] = RowOutcome.GONE_AT_SOURCE
        await ledger.settle_chunk(chunk.id, emptied)
    rig.target.expunge(WORK, [1, 2])
    report = await rig.verify(repair=True)
    assert (folder(report, "Work").missing, rig.marked) == (2, 2)
    await rig.copy()
    assert rig.content(rig.target) == rig.content(rig.source)


async def test_new_mail_is_not_yet_copied(rig: Rig) -> None:
    uid = rig.source.add_mail(INBOX, mail(99), date=1_700_000_099)
    report = await rig.verify(repair=True)
    assert (report.ok, report.complete, folder(report).not_yet, rig.marked) == (True, False, 1, 0)
    assert [(each.kind, each.source_uid) for each in report.findings] == [(FindingKind.NOT_YET, uid)]


async def test_refused_and_too_large_messages_are_skipped_with_their_reason(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: frozenset[str]) -> Refusal | None:
        return Refusal("NO", "CANNOT", "No viruses here") if b"virus" in data else None

    rig = Rig(tmp_path / "state.db", MemoryOptions(refuse=refuse))
    rig.source.add_mail(INBOX, mail(80, b"virus\r\n"), date=5)
    rig.source.add_mail(INBOX, mail(81, b"x" * 5000), date=5)
    await rig.copy(Options(clock=FAST.clock, max_message_bytes=4000))
    report = await rig.verify(repair=True)
    assert (report.ok, report.complete, folder(report).skipped, rig.marked) == (True, False, 2, 0)
    refused, large = report.findings
    assert refused.kind is FindingKind.SKIPPED
    assert "No viruses here" in refused.detail
    assert "5" in large.detail
    assert (refused.subject, large.subject) == ("80", "81")


async def test_repaired_messages_are_no_failure(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: frozenset[str]) -> Refusal | None:
        return Refusal("NO", "CANNOT", "Bare newlines") if b"\n" in data.replace(b"\r\n", b"") else None

    rig = Rig(tmp_path / "state.db", MemoryOptions(refuse=refuse))
    rig.source.add_mail(INBOX, mail(80, b"bare\nnewline\n"), date=5)
    await rig.copy()
    for options in (VerifyOptions(), VerifyOptions(reread_source=True)):
        report = await rig.verify(options)
        assert (report.ok, folder(report).skipped, folder(report).equal) == (True, 1, 12)
        assert "line-ends" in report.findings[0].detail
    stored = rig.target.mails(INBOX)[-1]
    stored.data = stored.data.replace(b"bare", b"bear")
    assert folder(await rig.verify()).altered == 1


async def test_adopted_mail_is_read_on_both_sides(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db")
    rig.target.add_mail(INBOX, mail(3), date=1_700_000_003)
    await rig.copy()
    report = await rig.verify()
    assert (report.complete, folder(report).equal) == (True, 12)
    assert rig.reader.ranges == 1


async def test_one_copy_for_two_is_told_as_merged(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db", MemoryOptions(dedupes=True))
    rig.source.add_mail(WORK, mail(50, b"another body\r\n"), date=1_700_000_050)
    await rig.copy()
    assert len(rig.target.mails(WORK)) == 1
    report = await rig.verify(repair=True)
    assert (folder(report, "Work").equal, folder(report, "Work").skipped, rig.marked) == (3, 1, 0)


async def test_new_uids_on_a_side_do_not_confuse(rig: Rig) -> None:
    rig.target.expunge(INBOX, [1])
    rig.target.renew_uid_validity(INBOX)
    report = await rig.verify()
    assert (folder(report).equal, folder(report).missing) == (11, 1)
    rig.source.expunge(INBOX, [1, 2])
    rig.source.renew_uid_validity(INBOX)
    report = await rig.verify(repair=True)
    assert (folder(report).equal, folder(report).extra, rig.marked) == (10, 1, 0)


async def test_an_altered_message_of_which_two_claim_to_be_the_source(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "state.db", MemoryOptions(dedupes=True))
    rig.source.add_mail(WORK, mail(50, b"another body\r\n"), date=1_700_000_050)
    await rig.copy()
    rig.target.mails(WORK)[0].data = mail(50, b"neither of them\r\n")
    report = await rig.verify()
    assert (report.ok, folder(report, "Work").altered, folder(report, "Work").skipped) == (False, 1, 3)
