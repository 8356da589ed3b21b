"""`verify` without a ledger: what is on two servers in memory is compared, message by message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, FetchJob, FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_server import MemoryServer, rewritten
from mailferry.errors import ConnectionLost, Side
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.verify import (
    ComparedBy,
    Counts,
    Finding,
    FindingKind,
    FolderReport,
    VerifyOptions,
    VerifyProgress,
    VerifyReport,
    verify,
)

WORK = FolderPath(("Work",))
QUICK = VerifyOptions(quick=True)
REWRITES = MemoryOptions(keeps_bytes=False)


def mail(number: int, body: bytes = b"hello\r\n", *, message_id: bool = True) -> bytes:
    head = b"Subject: %d\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n" % number
    return (b"Message-ID: <%d@example.org>\r\n" % number if message_id else b"") + head + b"\r\n" + body


class Counting(MemoryMailbox):
    """A client that notes what is read of each folder."""

    jobs: list[FetchJob]

    def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
        self.jobs = getattr(self, "jobs", [])

        def noted() -> FetchJob | None:
            job = jobs()
            if job is not None:
                self.jobs.append(job)
            return job

        return super().stream(noted)


class Rig:
    """Two servers with the same folders."""

    def __init__(self, target: MemoryOptions | None = None, source: MemoryOptions | None = None) -> None:
        self.source = MemoryServer(source, name="source")
        self.target = MemoryServer(target, name="target")
        for server in (self.source, self.target):
            server.add_folder(WORK)

    def both(self, data: bytes, path: FolderPath = INBOX, *, date: int = 1_700_000_000) -> tuple[int, int]:
        return self.source.add_mail(path, data, date=date), self.target.add_mail(path, data, date=date)

    async def verify(self, options: VerifyOptions | None = None) -> VerifyReport:
        self.reader = Counting(self.source, side=Side.SOURCE)
        target = MemoryMailbox(self.target, side=Side.TARGET)
        return check(await verify(self.reader, target, options or VerifyOptions(window_messages=3), known_map={}))


def check(report: VerifyReport) -> VerifyReport:
    """What holds for every report."""
    for folder in report.folders:
        kinds = ("equal", "line_ends", "altered", "missing", "skipped", "not_yet", "unreadable")
        assert folder.error or folder.source == sum(getattr(folder, kind) for kind in kinds)
    json.dumps(report.to_dict())
    return report


def by_kind(report: VerifyReport, kind: FindingKind) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind is kind]


def changed(counts: Counts) -> dict[str, int]:
    return {name: number for name, number in counts.counts().items() if number}


def inbox(report: VerifyReport) -> FolderReport:
    return next(folder for folder in report.folders if folder.folder == "INBOX")


async def test_equal_mailboxes_are_proven_equal() -> None:
    rig = Rig()
    for number in range(10):
        rig.both(mail(number), date=1_700_000_000 + number)
    rig.both(mail(77), WORK)
    report = await rig.verify()
    assert (report.ok, report.complete, report.findings) == (True, True, [])
    assert changed(report.totals) == {"source": 11, "target": 11, "equal": 11}
    assert {folder.compared_by for folder in report.folders} == {ComparedBy.CONTENT}


async def test_a_missing_message_is_named() -> None:
    rig = Rig()
    rig.both(mail(1))
    uid = rig.source.add_mail(INBOX, mail(2), date=1_700_000_002)
    report = await rig.verify()
    assert not report.ok
    [finding] = report.findings
    assert finding.kind is FindingKind.MISSING
    assert (finding.folder, finding.source_uid, finding.target_uid) == ("INBOX", uid, 0)
    assert (finding.subject, finding.message_id) == ("2", "<2@example.org>")
    assert (finding.date, finding.size) == (1_700_000_002, len(mail(2)))
    assert finding.to_dict()["date"] == "2023-11-14T22:13:22+00:00"
    assert list(inbox(report).missing_uids) == [uid]


async def test_an_extra_message_is_listed_and_no_error() -> None:
    rig = Rig()
    rig.both(mail(1))
    uid = rig.target.add_mail(INBOX, mail(2), date=1_700_000_002)
    report = await rig.verify()
    assert report.ok
    [finding] = report.findings
    assert (finding.kind, finding.target_uid, finding.subject) == (FindingKind.EXTRA, uid, "2")


async def test_one_of_three_twins_is_missing() -> None:
    rig = Rig()
    rig.both(mail(1))
    rig.both(mail(1))
    rig.source.add_mail(INBOX, mail(1), date=1_700_000_000)
    for options in (VerifyOptions(), QUICK):
        report = await rig.verify(options)
        assert changed(inbox(report)) == {"source": 3, "target": 2, "equal": 2, "missing": 1}


async def test_altered_bytes_are_found_but_not_by_a_quick_look() -> None:
    rig = Rig()
    rig.both(mail(1))
    rig.source.add_mail(INBOX, mail(2, b"one\r\n"), date=5)
    rig.target.add_mail(INBOX, mail(2, b"two\r\n"), date=5)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 2, "target": 2, "equal": 1, "altered": 1}
    assert not report.ok
    assert (await rig.verify(QUICK)).ok


async def test_other_line_ends_are_no_failure() -> None:
    rig = Rig()
    text = mail(1, b"one\r\ntwo\r\n")
    rig.source.add_mail(INBOX, text.replace(b"\r\n", b"\n"), date=5)
    rig.target.add_mail(INBOX, text, date=5)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 1, "target": 1, "line_ends": 1}
    assert report.ok
    assert by_kind(report, FindingKind.LINE_ENDS)


async def test_a_message_in_the_wrong_folder_is_missing_and_found() -> None:
    rig = Rig()
    rig.source.add_mail(INBOX, mail(1), date=5)
    rig.target.add_mail(WORK, mail(1), date=5)
    report = await rig.verify()
    assert not report.ok
    assert (inbox(report).missing, inbox(report).elsewhere, report.totals.extra) == (1, 1, 1)
    assert by_kind(report, FindingKind.MISSING)[0].elsewhere == "Work"
    assert list(inbox(report).missing_uids) == []


async def test_a_message_moved_to_a_folder_of_the_target_alone_is_found() -> None:
    rig = Rig()
    rig.both(mail(1))
    own = FolderPath(("Archive", "2024"))
    rig.target.add_folder(own)
    rig.target.move(INBOX, [1], own)
    report = await rig.verify()
    assert by_kind(report, FindingKind.MISSING)[0].elsewhere == "Archive/2024"
    assert [(folder.folder, folder.messages) for folder in report.only_on_target] == [("Archive/2024", 1)]


async def test_messages_without_message_id_or_any_header_are_paired_by_content() -> None:
    rig = Rig(MemoryOptions(keeps_internal_date=False))
    for body in (b"one\r\n", b"two\r\n"):
        rig.both(mail(7, body, message_id=False))
        rig.source.add_mail(INBOX, b"\r\n" + body, date=6)
        rig.target.add_mail(INBOX, b"\r\n" + body, date=7)
    rig.source.add_mail(INBOX, b"\r\nthree\r\n", date=6)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 5, "target": 4, "equal": 4, "missing": 1}


async def test_equal_message_ids_with_other_content_find_their_own_partners() -> None:
    rig = Rig()
    one, two, three = (mail(1, body) for body in (b"one\r\n", b"two\r\n", b"six\r\n"))
    for data in (one, two, three):
        rig.source.add_mail(INBOX, data, date=5)
    for data in (three, two.replace(b"\r\n", b"\n"), one):
        rig.target.add_mail(INBOX, data, date=5)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 3, "target": 3, "equal": 2, "line_ends": 1}
    assert report.ok


async def test_the_missing_one_of_two_versions_is_told_by_content() -> None:
    rig = Rig()
    rig.source.add_mail(INBOX, mail(1, b"one\r\n"), date=5)
    uid = rig.source.add_mail(INBOX, mail(1, b"two\r\n"), date=5)
    rig.target.add_mail(INBOX, mail(1, b"two\r\n"), date=5)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 2, "target": 1, "equal": 1, "missing": 1}
    assert list(inbox(report).missing_uids) == [1]
    assert uid == 2


async def test_large_messages_in_pieces() -> None:
    rig = Rig()
    large = mail(1, b"x" * 300_000 + b"\r\n")
    rig.both(large)
    rig.source.add_mail(INBOX, mail(2, b"y" * 200_000), date=5)
    rig.target.add_mail(INBOX, mail(2, b"y" * 199_999 + b"z"), date=5)
    rig.source.add_mail(INBOX, mail(3, b"line\n" * 40_000), date=6)
    rig.target.add_mail(INBOX, mail(3, b"line\r\n" * 40_000), date=6)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 3, "target": 3, "equal": 1, "line_ends": 1, "altered": 1}


async def test_a_target_that_rewrites_messages_is_compared_by_identity() -> None:
    rig = Rig(REWRITES)
    for number in range(4):
        rig.source.add_mail(INBOX, mail(number), date=5)
        if number:
            rig.target.add_mail(INBOX, rewritten(mail(number)), date=9)
    report = await rig.verify()
    assert changed(inbox(report)) == {"source": 4, "target": 3, "equal": 3, "missing": 1, "date_differences": 3}
    assert inbox(report).compared_by is ComparedBy.IDENTITY
    assert not hasattr(rig.reader, "jobs")


async def test_flags_and_dates_are_told_and_no_failure() -> None:
    rig = Rig()
    rig.source.add_mail(INBOX, mail(1), {"\\Seen", "Work"}, date=5)
    rig.target.add_mail(INBOX, mail(1), {"\\Flagged", "work"}, date=9)
    report = await rig.verify()
    assert report.ok
    assert report.complete
    assert (inbox(report).flag_differences, inbox(report).date_differences) == (1, 1)
    assert by_kind(report, FindingKind.FLAGS)[0].detail == "+\\Flagged -\\Seen"


async def test_folders_on_one_side_only() -> None:
    rig = Rig()
    rig.source.add_folder(FolderPath(("Old",)))
    rig.source.add_mail(FolderPath(("Old",)), mail(1))
    rig.source.add_folder(FolderPath(("Secret",)))
    rig.target.add_folder(FolderPath(("New",)))
    report = await rig.verify(VerifyOptions(FolderFilter.parse((), ("Secret",))))
    assert [folder.folder for folder in report.only_on_source] == ["Old"]
    assert report.only_on_source[0].missing == 1
    assert [folder.folder for folder in report.left_out] == ["Secret"]
    assert [folder.folder for folder in report.only_on_target] == ["New"]
    assert not report.ok


async def test_the_known_map_decides_where_a_folder_went() -> None:
    rig = Rig()
    other = FolderPath(("Elsewhere",))
    rig.target.add_folder(other)
    rig.source.add_mail(WORK, mail(1), date=5)
    rig.target.add_mail(other, mail(1), date=5)
    source, target = MemoryMailbox(rig.source, side=Side.SOURCE), MemoryMailbox(rig.target)
    report = check(await verify(source, target, VerifyOptions(), known_map={b"Work": other}))
    assert report.ok
    assert [folder.folder for folder in report.only_on_target] == ["Work"]


async def test_failures_keep_their_place_in_a_full_list() -> None:
    rig = Rig()
    for number in range(20):
        rig.target.add_mail(INBOX, mail(100 + number), date=5)
        rig.source.add_mail(WORK, mail(number), date=5)
    report = await rig.verify(VerifyOptions(max_findings=20))
    assert len(by_kind(report, FindingKind.EXTRA)) == 10
    assert len(by_kind(report, FindingKind.MISSING)) == 10
    assert report.findings_left_out == 20
    assert len(next(folder for folder in report.folders if folder.folder == "Work").missing_uids) == 20


class Renumbered(MemoryMailbox):
    """A client whose folder gets other UIDs between listing and reading."""

    def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
        self._server.renew_uid_validity(INBOX)
        return super().stream(jobs)


async def test_a_folder_that_changes_meanwhile_is_an_error_of_that_folder() -> None:
    rig = Rig()
    rig.both(mail(1))
    rig.both(mail(2), WORK)
    target = Renumbered(rig.target, side=Side.TARGET)
    report = check(await verify(MemoryMailbox(rig.source), target, VerifyOptions(), known_map={}))
    assert "UIDs changed" in inbox(report).error
    assert not report.ok
    assert [folder.equal for folder in report.folders if folder.folder == "Work"] == [1]


class Broken(MemoryMailbox):
    """A client whose connection breaks when bodies are read."""

    def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
        raise ConnectionLost(side=Side.TARGET)


async def test_a_lost_connection_is_raised() -> None:
    rig = Rig()
    rig.both(mail(1))
    with pytest.raises(ConnectionLost):
        await verify(MemoryMailbox(rig.source), Broken(rig.target), VerifyOptions(), known_map={})


async def test_a_message_that_is_not_handed_over_is_not_proven() -> None:
    rig = Rig()
    rig.both(mail(1))

    class Hiding(MemoryMailbox):
        def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
            self._server.expunge(INBOX, [1])
            return super().stream(jobs)

    report = check(await verify(MemoryMailbox(rig.source), Hiding(rig.target), VerifyOptions(), known_map={}))
    assert (report.ok, inbox(report).unreadable) == (False, 1)


async def test_progress_counts_up_to_all_messages() -> None:
    rig = Rig()
    for number in range(7):
        rig.both(mail(number))
    rig.both(mail(9), WORK)
    seen: list[VerifyProgress] = []
    options = VerifyOptions(window_messages=2)
    await verify(MemoryMailbox(rig.source), MemoryMailbox(rig.target), options, known_map={}, progress=seen.append)
    done = [each.messages_done for each in seen]
    assert done == sorted(done)
    assert (done[-1], seen[-1].messages, seen[-1].folders_done) == (8, 8, 2)
    assert 2 in done


BODIES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from((b"a\r\n", b"b\r\n", b"a\n")), st.integers(5, 6)))


def _multiset(server: MemoryServer) -> Iterator[bytes]:
    return (re.sub(rb"\r?\n", b"\n", each.data) for each in server.mails(INBOX))


@settings(max_examples=150, deadline=None)
@given(source=BODIES, target=BODIES)
async def test_what_is_found_equal_is_what_can_be(
    source: list[tuple[int, bytes, int]], target: list[tuple[int, bytes, int]]
) -> None:
    rig = Rig()
    for server, mails in ((rig.source, source), (rig.target, target)):
        for number, body, date in mails:
            server.add_mail(INBOX, mail(number, body), date=date)
    report = await rig.verify()
    there = list(_multiset(rig.target))
    most = 0
    for data in _multiset(rig.source):
        if data in there:
            there.remove(data)
            most += 1
    folder = inbox(report)
    assert folder.equal + folder.line_ends == most
    assert folder.target == folder.equal + folder.line_ends + folder.altered + folder.extra
    assert folder.ok is (most == len(source))
