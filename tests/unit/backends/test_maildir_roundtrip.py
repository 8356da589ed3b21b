"""What the target wrote is what the reader reads."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.backends.base import (
    INBOX,
    FetchJob,
    FlagChange,
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
    Reader,
    Target,
    Want,
)
from mailferry.backends.maildir import open_reader, open_target
from mailferry.backends.maildir_bytes import LineEnds, bare_line_feeds, to_crlf
from mailferry.errors import FolderGone

SEEN: Flags = frozenset({"\\Seen"})
DATE = 1_700_000_000
EVERYTHING = ((1, 2**32 - 1),)
LARGE = b"".join(b"%060d\r\n" % number for number in range(40_000))

Letter = tuple[int, bytes, Flags, int]


async def send(target: Target, path: FolderPath, letters: Sequence[Letter], key: str = "k") -> list[Outcome | None]:
    lane = await target.open_lane()
    chunk = lane.chunk(path, Mode.SINGLE, key)
    for uid, data, flags, date in letters:
        chunk.add(Mail(uid, flags, date, 0, len(data), data[:65_536]), flags, date, 0)
        for start in range(65_536, len(data), 70_000):
            chunk.piece(data[start : start + 70_000])
            await lane.drain()
    outcomes = await chunk.release()
    await lane.close()
    return outcomes


async def items(reader: Reader, *jobs: FetchJob) -> list[Item]:
    queue = list(jobs)
    return [item async for batch in reader.stream(lambda: queue.pop(0) if queue else None) for item in batch]


async def read(reader: Reader, path: FolderPath = INBOX) -> list[Letter]:
    found: list[Letter] = []
    sizes: list[int] = []
    for item in await items(reader, FetchJob(path, EVERYTHING)):
        assert not isinstance(item, JobFailed)
        if isinstance(item, Mail):
            assert item.date is not None
            found.append((item.uid, item.data, item.flags, item.date))
            sizes.append(item.size)
        elif isinstance(item, bytes):
            uid, data, flags, date = found[-1]
            found[-1] = (uid, data + item, flags, date)
    assert [len(data) for _, data, _, _ in found] == sizes
    return found


def foreign(root: Path, name: str, data: bytes, part: str = "cur") -> Path:
    for each in ("cur", "new", "tmp"):
        (root / each).mkdir(parents=True, exist_ok=True)
    path = root / part / name
    path.write_bytes(data)
    return path


async def test_bytes_flags_and_dates_come_back(tmp_path: Path) -> None:
    path = FolderPath(("Entwürfe", "2024"))
    letters: list[Letter] = [
        (3, b"Subject: tidy\r\n\r\nbody\r\n", SEEN | {"\\Answered", "$Forwarded"}, DATE),
        (4, b"Subject: bare\n\nbody\r\nmixed\n", frozenset({"Project", "\\Draft", "\\Flagged", "\\Deleted"}), 1),
        (9, b"", frozenset(), DATE - 5),
        (12, LARGE, frozenset({"project"}), -86_400),
        (13, b"\0\r\r\n\n\r", frozenset({"has blank"}), 2**33),
    ]
    target = await open_target(tmp_path / "mail")
    assert [made.error for made in await target.create_folders([(path, None)])] == [""]
    outcomes = await send(target, path, letters)
    assert outcomes == [Outcome(OutcomeKind.STORED, uid) for uid in range(1, 6)]
    expected = [(number, data, flags, date) for number, (_, data, flags, date) in enumerate(letters, 1)]
    expected[3] = (4, LARGE, frozenset({"Project"}), -86_400)
    expected[4] = (5, letters[4][1], frozenset(), 2**33)
    assert await read(target, path) == expected
    await target.close()
    reader = await open_reader(tmp_path / "mail", state_directory=tmp_path / "state")
    assert await read(reader, path) == expected
    listing = await reader.listing(path, Want.FLAGS | Want.DATE | Want.SIZE | Want.IDENTITY, identify=len)
    assert list(listing.uids) == [1, 2, 3, 4, 5]
    assert listing.flags == [flags for _, _, flags, _ in expected]
    assert list(listing.sizes) == [len(data) for _, data, _, _ in expected]
    assert list(listing.dates) == [date for _, _, _, date in expected]
    assert listing.identities[0] == len(b"Subject: tidy\r\n\r\n")
    await reader.close()


async def test_the_same_message_is_never_stored_twice(tmp_path: Path) -> None:
    target = await open_target(tmp_path / "mail")
    letters: list[Letter] = [(uid, b"x%d" % uid, frozenset(), DATE) for uid in range(1, 41)]
    first = await send(target, INBOX, letters)
    await target.change_flags(INBOX, [FlagChange([2], SEEN, frozenset())])
    os.rename(*(_only(tmp_path, 3).parent.parent / part / _only(tmp_path, 3).name for part in ("cur", "new")))
    assert await send(target, INBOX, letters) == first
    # Another date, repaired bytes, twice in one chunk, large: still the same message.
    again: list[Letter] = [(2, b"other", SEEN, 5), (41, LARGE, SEEN, 5), (41, LARGE, SEEN, 5), (41, b"", SEEN, 5)]
    assert [outcome and outcome.uid for outcome in await send(target, INBOX, again)] == [2, 41, 41, 41]
    assert len(await read(target)) == 41
    assert [outcome and outcome.uid for outcome in await send(target, INBOX, letters[:1], key="other")] == [42]
    await target.close()


def _only(root: Path, uid: int) -> Path:
    [path] = root.glob(f"mail/*/*.M{uid}P*")
    return path


async def test_what_was_removed_may_come_again(tmp_path: Path) -> None:
    target = await open_target(tmp_path / "mail")
    lane = await target.open_lane()
    for expected in (1, 2):
        chunk = lane.chunk(INBOX, Mode.SINGLE, "k")
        chunk.add(Mail(7, SEEN, DATE, 0, 1, b"x"), SEEN, DATE, 0)
        assert await chunk.release() == [Outcome(OutcomeKind.STORED, expected)]
        await target.remove(INBOX, [expected])
        assert await read(target) == []
    await target.close()


async def test_the_26th_keyword_is_the_last(tmp_path: Path) -> None:
    target = await open_target(tmp_path / "mail")
    names = [f"word{number:02}" for number in range(30)]
    system = frozenset({"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"})
    assert await target.permanent_flags(INBOX) == (system | {"$Forwarded"}, True)
    await send(target, INBOX, [(number, b"x", frozenset({name}), DATE) for number, name in enumerate(names[:20], 1)])
    assert (await target.permanent_flags(INBOX))[1]
    await target.change_flags(INBOX, [FlagChange([1], frozenset(names[20:]), frozenset())])
    flags, more = await target.permanent_flags(INBOX)
    assert (frozenset(names[:26]) < flags, more) == (True, False)
    assert not frozenset(names[26:]) & flags
    assert (await read(target))[0][2] == frozenset({names[0], *names[20:26]})
    await send(target, INBOX, [(50, b"x", frozenset({"$Forwarded", "word29"}), DATE)])
    assert (await read(target))[-1][2] == {"$Forwarded"}
    await target.close()


async def test_keywords_of_another_program_keep_their_letters(tmp_path: Path) -> None:
    foreign(tmp_path / "mail", "1.M1P1.host:2,Sac", b"x")
    (tmp_path / "mail" / "dovecot-keywords").write_bytes(b"0 Alpha\n2 Gamma")
    target = await open_target(tmp_path / "mail")
    await send(target, INBOX, [(1, b"y", frozenset({"Beta", "gamma"}), DATE)])
    assert [flags for _, _, flags, _ in await read(target)] == [{"\\Seen", "Alpha", "Gamma"}, {"Beta", "Gamma"}]
    await target.close()


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0"]), max_size=12).map(b"".join), st.data())
def test_line_ends_in_pieces(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=4)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    ends = LineEnds()
    assert b"".join(map(ends.convert, pieces)) == to_crlf(data)
    ends = LineEnds()
    assert sum(map(ends.count, pieces)) == bare_line_feeds(data) == len(to_crlf(data)) - len(data)
    assert to_crlf(to_crlf(data)) == to_crlf(data)


@pytest.mark.parametrize("lines", [3, 1_100, 30_000])
@pytest.mark.parametrize("told", [False, True])
async def test_files_of_other_programs_have_crlf(tmp_path: Path, lines: int, told: bool) -> None:
    data = b"Subject: x\n\n" + b"a line of mail that is not that short\n" * (lines - 1) + b"\r\n\r\r\nend"
    served = to_crlf(data)
    foreign(tmp_path / "mail", "5.M1P1.host" + f",S={len(data)},W={len(served)}" * told + ":2,FPS", data)
    reader = await open_reader(tmp_path / "mail", state_directory=tmp_path / "state")
    [(_, found, flags, _)] = await read(reader)
    assert found == served
    assert flags == {"\\Flagged", "\\Seen", "$Forwarded"}
    listing = await reader.listing(INBOX, Want.SIZE | Want.IDENTITY, identify=len)
    assert (listing.sizes[0], listing.identities[0]) == (len(served), len(b"Subject: x\r\n\r\n"))
    await reader.close()


async def test_only_message_files_count(tmp_path: Path) -> None:
    root = tmp_path / "mail"
    foreign(root, "1.a:2,S", b"one")
    foreign(root, "2.b", b"two", "new")
    foreign(root, "3.c", b"not yet", "tmp")
    foreign(root, ".hidden", b"no")
    (root / "cur" / "4.directory").mkdir()
    (root / "cur" / "5.link").symlink_to(foreign(tmp_path / "outside", "secret", b"secret"))
    os.mkfifo(root / "cur" / "6.pipe")
    (root / ".Linked").symlink_to(tmp_path / "outside")
    (root / ".Gone").mkdir()
    foreign(root / ".A.B", "1.x", b"deep")
    reader = await open_reader(root, state_directory=tmp_path / "state")
    assert [(data, flags) for _, data, flags, _ in await read(reader)] == [(b"one", SEEN), (b"two", frozenset())]
    listed = {str(folder.path): folder for folder in await reader.list_folders()}
    assert {name for name, folder in listed.items() if folder.selectable} == {"INBOX", "A/B"}
    assert set(listed) == {"INBOX", "A", "A/B", "Linked", "Gone"}
    assert listed["A/B"].raw_name == b"A.B"
    with pytest.raises(FolderGone):
        await reader.listing(FolderPath(("Linked",)), Want.FLAGS)
    await reader.close()


async def test_files_that_move_or_vanish_while_they_are_read(tmp_path: Path) -> None:
    root = tmp_path / "mail"
    for uid in range(1, 301):
        foreign(root, f"{uid}.a:2,", b"%d" % uid)
    reader = await open_reader(root, state_directory=tmp_path / "state")
    pending = [FetchJob(INBOX, EVERYTHING)]
    found: list[Item] = []
    async for batch in reader.stream(lambda: pending.pop() if pending else None):
        if not found:
            for uid in range(200, 301):
                os.rename(root / "cur" / f"{uid}.a:2,", root / "cur" / f"{uid}.a:2,S")
            for uid in range(250, 301):
                os.unlink(root / "cur" / f"{uid}.a:2,S")
        found += batch
    mails = [item for item in found if isinstance(item, Mail)]
    assert [mail.data for mail in mails] == [b"%d" % uid for uid in range(1, 250)]
    assert {mail.flags for mail in mails[199:]} == {SEEN}
    assert isinstance(found[-1], JobDone)
    await reader.close()


async def test_jobs_of_several_folders(tmp_path: Path) -> None:
    root = tmp_path / "mail"
    for number, folder in enumerate([root, root / ".A", root / ".B"]):
        for uid in range(1, 71):
            foreign(folder, f"{uid}.a", b"%d/%d" % (number, uid))
    reader = await open_reader(root, state_directory=tmp_path / "state")
    a, b, none = FolderPath(("A",)), FolderPath(("B",)), FolderPath(("None",))
    jobs = [
        FetchJob(INBOX, ((2, 3), (69, 90)), 1),
        FetchJob(INBOX, ((5, 5),), 2),
        FetchJob(none, EVERYTHING, 3),
        FetchJob(a, EVERYTHING, 4),
        FetchJob(b, ((71, 99),), 5),
    ]
    found = await items(reader, *jobs)
    few = [item for item in found if not isinstance(item, Mail) or item.uid < 6]
    shape = [item.data if isinstance(item, Mail) else type(item) for item in few]
    inbox = [Opened, b"0/2", b"0/3", JobDone, b"0/5", JobDone]
    a_mails = [b"1/%d" % uid for uid in range(1, 6)]
    assert shape == [*inbox, JobFailed, Opened, *a_mails, JobDone, Opened, JobDone]
    assert [item.job.key for item in found if isinstance(item, JobDone | JobFailed)] == [1, 2, 3, 4, 5]
    assert len([item for item in found if isinstance(item, Mail)]) == 2 + 2 + 1 + 70
    await reader.close()


async def test_a_file_that_cannot_be_read_fails_the_job_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for uid in range(1, 101):
        foreign(tmp_path / "mail", f"{uid}.a", b"%d" % uid)
    reader = await open_reader(tmp_path / "mail", state_directory=tmp_path / "state")
    opened: Callable[..., int] = os.open

    def refuse(path: bytes, flags: int, *mode: int) -> int:
        if path.endswith(b"/50.a"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *mode)

    monkeypatch.setattr("mailferry.backends.maildir_bytes.os.open", refuse)
    found = await items(reader, FetchJob(INBOX, EVERYTHING))
    monkeypatch.undo()
    assert len([item for item in found if isinstance(item, Mail)]) == 99
    assert isinstance(found[-1], JobFailed)
    assert "50.a" in found[-1].reason
    await reader.close()


async def test_a_stream_that_is_left_alone_closes_its_files(tmp_path: Path) -> None:
    for uid in range(1, 9):
        foreign(tmp_path / "mail", f"{uid}.a", LARGE)
    reader = await open_reader(tmp_path / "mail", state_directory=tmp_path / "state")
    before = len(os.listdir("/proc/self/fd"))
    pending = [FetchJob(INBOX, EVERYTHING)]
    stream = reader.stream(lambda: pending.pop() if pending else None)
    assert [type(item) for item in await anext(stream)] == [Opened]
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert len(os.listdir("/proc/self/fd")) == before
    await reader.close()
