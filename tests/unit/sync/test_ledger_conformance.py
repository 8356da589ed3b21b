"""What every store of the ledger promises. A new store is one more entry in STORES."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from mailferry.backends.base import FolderPath
from mailferry.store.ledger import SqlLedger
from mailferry.store.ledger_tables import add_ledger_tables
from mailferry.sync.ledger import (
    ChunkKind,
    ChunkRow,
    ChunkState,
    ExceptionKind,
    ExceptionRow,
    Fenced,
    FolderCounts,
    FolderRow,
    Ledger,
    Load,
)
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.packed import NO_DIGEST, Columns, FlagTable, RowOutcome


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Store(Protocol):
    """Opens the same stored data each time it is called."""

    def __call__(self, *, clock: Callable[[], float], steps: Callable[[str], None]) -> Ledger: ...


@asynccontextmanager
async def file_store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    folder: Path = request.getfixturevalue("tmp_path")

    def open_ledger(*, clock: Callable[[], float], steps: Callable[[str], None]) -> Ledger:
        return SqliteLedger(folder / "ledger.db", clock=clock, steps=steps)

    yield open_ledger


@asynccontextmanager
async def database_store(url: str) -> AsyncIterator[Store]:
    engine = create_async_engine(url)
    metadata = MetaData()
    add_ledger_tables(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)

    def open_ledger(*, clock: Callable[[], float], steps: Callable[[str], None]) -> Ledger:
        return SqlLedger(engine, clock=clock, steps=steps)

    yield open_ledger
    await engine.dispose()


def sqlite_store(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Store]:
    return database_store(f"sqlite+aiosqlite:///{request.getfixturevalue('tmp_path')}/service.db")


def postgresql_store(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Store]:
    return database_store(request.getfixturevalue("postgres_database"))


STORES: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Store]]] = {
    "file": file_store,
    "sqlite": sqlite_store,
    "postgresql": postgresql_store,
}


class Bench:
    """Ledgers on one store, closed at the end of the test unless they were killed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: list[Ledger] = []
        self.clock = Clock()
        self.steps: list[str] = []

    async def ledger(self, steps: Callable[[str], None] | None = None, *, source: str = "source") -> Ledger:
        """Open the pair as a new run does."""
        ledger = self._store(clock=self.clock, steps=steps or self.steps.append)
        self._open.append(ledger)
        await ledger.open_pair(source, "target", 60.0)
        return ledger

    def unopened(self) -> Ledger:
        return self._store(clock=self.clock, steps=self.steps.append)

    def kill(self) -> None:
        """Abandon all ledgers as `kill -9` does."""
        self._open.clear()

    async def close(self) -> None:
        for ledger in self._open:
            await ledger.close()


@pytest_asyncio.fixture(
    params=[pytest.param(name, marks=pytest.mark.postgres if name == "postgresql" else ()) for name in STORES]
)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with STORES[request.param](request) as store:
        bench = Bench(store)
        yield bench
        await bench.close()


def folder(name: str = "INBOX") -> FolderRow:
    return FolderRow(0, name.encode(), FolderPath((name,)), FolderPath((name,)))


def full_folder() -> FolderRow:
    """A row in which no column has the value of another or its default."""
    return FolderRow(
        0, b"Entw&APw-rfe\xff", FolderPath(("Entwürfe", "a\\b")), FolderPath(("Drafts",)), b"Drafts", "special-use",
        "\\Drafts", "M1", True, True, 11, 12, 13, 14, 2**63 - 1, 16, 17, 18, 19, True, 21,
        FlagTable([frozenset({"\\Seen", "$Junk"}), frozenset()]),
    )  # fmt: skip


def columns_of(uids: list[int], outcome: RowOutcome = RowOutcome.UNKNOWN, *, size: int = 100) -> Columns:
    columns = Columns()
    for uid in uids:
        columns.append(uid, uid * 7, 1_600_000_000 + uid, size, uid.to_bytes(16, "big"), 0)
        columns.target_uids[-1] = uid + 1000 if outcome is RowOutcome.APPENDUID else 0
        columns.outcomes[-1] = outcome
    return columns


def chunk(
    folder_id: int, columns: Columns, *, cover: tuple[int, int] | None = None, state: ChunkState = ChunkState.SENT
) -> ChunkRow:
    if cover is None:
        cover = (min(columns.uids), max(columns.uids)) if len(columns) else (0, 0)
    return ChunkRow(0, folder_id, 0, state, ChunkKind.COPY, "multi", 5, 6, 1, cover, columns)


async def stored(ledger: Ledger, name: str = "INBOX") -> FolderRow:
    return await ledger.save_folder(folder(name))


async def settled(ledger: Ledger, folder_id: int, columns: Columns, cover: tuple[int, int] | None = None) -> int:
    return await ledger.open_chunk(chunk(folder_id, columns, cover=cover, state=ChunkState.SETTLED))


# --- the pair, its fence and its lease -------------------------------------------------------------------


async def test_each_opening_raises_fence_and_pass(bench: Bench) -> None:
    ledger = await bench.ledger()
    again = await ledger.open_pair("source", "target", 60.0)
    other = await ledger.open_pair("source", "another target", 60.0)
    assert (again.fence, again.pass_no) == (2, 2)
    assert (other.fence, other.pass_no) == (1, 1)
    assert other.id != again.id


async def test_nothing_can_be_done_before_the_pair_is_open(bench: Bench) -> None:
    ledger = bench.unopened()
    with pytest.raises(RuntimeError, match="open_pair"):
        await ledger.save_folder(folder())
    await ledger.close()


async def test_a_run_that_was_overtaken_can_write_nothing(bench: Bench) -> None:
    late = await bench.ledger()
    row = await stored(late)
    chunk_id = await late.open_chunk(chunk(row.id, columns_of([1, 2])))
    new = await bench.ledger()
    columns = columns_of([1, 2], RowOutcome.APPENDUID)
    with pytest.raises(Fenced):
        await late.open_chunk(chunk(row.id, columns_of([3])))
    with pytest.raises(Fenced):
        await late.settle_chunk(chunk_id, columns)
    with pytest.raises(Fenced):
        await late.settle_many([(chunk_id, columns)])
    with pytest.raises(Fenced):
        await late.update_flags(chunk_id, array("H", [1, 1]))
    with pytest.raises(Fenced):
        await late.replace_chunks(row.id, [])
    with pytest.raises(Fenced):
        await late.save_folder(replace(row, reason="late"))
    with pytest.raises(Fenced):
        await late.delete_folder(row.id)
    with pytest.raises(Fenced):
        await late.add_exceptions([ExceptionRow(row.id, 5, 1, "skipped")])
    with pytest.raises(Fenced):
        await late.clear_exceptions(row.id, [1])
    with pytest.raises(Fenced):
        await late.note_attempts(row.id, 5, [1])
    with pytest.raises(Fenced):
        await late.renew_lease()
    (kept,) = await new.chunks(row.id)
    assert kept.state is ChunkState.SENT
    assert kept.columns == columns_of([1, 2])
    assert [found.reason for found in await new.folders()] == [""]
    assert await new.exceptions() == []
    assert await new.attempts(row.id) == {}


async def test_a_chunk_is_opened_only_within_the_lease(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    bench.clock.now += 59.9
    opened = chunk(row.id, columns_of([1]))
    await ledger.open_chunk(opened)
    bench.clock.now += 0.1
    with pytest.raises(Fenced, match="lease"):
        await ledger.open_chunk(chunk(row.id, columns_of([2])))
    await ledger.settle_chunk(opened.id, columns_of([1], RowOutcome.APPENDUID))  # what was sent may be noted
    await ledger.renew_lease()
    await ledger.open_chunk(chunk(row.id, columns_of([2])))
    bench.clock.now += 60
    with pytest.raises(Fenced):
        await ledger.open_chunk(chunk(row.id, columns_of([3])))
    assert await ledger.covers(row.id) == [(1, 2)]


async def test_a_removed_pair_is_gone_and_its_run_is_fenced(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    opened = chunk(row.id, columns_of([1]))
    await ledger.open_chunk(opened, [ExceptionRow(row.id, 5, 1, "skipped")])
    other = await bench.ledger(source="other")
    await stored(other)
    assert await other.remove_pair("source", "target")
    assert not await other.remove_pair("source", "target")
    with pytest.raises(Fenced):
        await ledger.settle_chunk(opened.id, columns_of([1]))
    again = await bench.ledger()
    assert await again.folders() == []
    assert await again.exceptions() == []
    assert await again.unsettled_folders() == set()
    with pytest.raises(Fenced):  # the first run is not taken for the new one, though both have fence 1
        await ledger.save_folder(folder())
    assert len(await other.folders()) == 1


async def test_pairs_do_not_see_each_other(bench: Bench) -> None:
    one, two = await bench.ledger(), await bench.ledger(source="two")
    row = await stored(one)
    await one.open_chunk(chunk(row.id, columns_of([1])), [ExceptionRow(row.id, 5, 1, "skipped")])
    assert await two.folders() == []
    assert await two.exceptions() == []
    assert await two.unsettled_folders() == set()
    assert await two.counts() == {}
    assert (await stored(two)).id != row.id  # the same name, another folder


async def test_closing_twice_does_no_harm(bench: Bench) -> None:
    ledger = await bench.ledger()
    await ledger.close()
    await ledger.close()


# --- folders ---------------------------------------------------------------------------------------------


async def test_a_folder_comes_back_as_it_was(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = full_folder()
    saved = await ledger.save_folder(row)
    assert saved is row
    assert row.id > 0
    assert await (await bench.ledger()).folders() == [row]


async def test_folders_keep_their_order_and_their_ids(bench: Bench) -> None:
    ledger = await bench.ledger()
    rows = await ledger.save_folders([folder("b"), folder("a"), folder("c")])
    rows[1].source_messages = 4
    again = folder("c")
    again.reason = "planned anew, without its id"
    await ledger.save_folders([rows[1], again])
    assert again.id == rows[2].id
    assert await ledger.folders() == [rows[0], rows[1], again]


async def test_renamed_folders_may_swap_names(bench: Bench) -> None:
    ledger = await bench.ledger()
    one, two = await ledger.save_folders([folder("one"), folder("two")])
    one.source_raw, two.source_raw = two.source_raw, one.source_raw
    await ledger.save_folders([one, two])
    assert {row.id: row.source_raw for row in await ledger.folders()} == {one.id: b"two", two.id: b"one"}


async def test_one_bad_folder_row_leaves_all_as_they_were(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    missing = folder("gone")
    missing.id = row.id + 1000
    with pytest.raises(LookupError):
        await ledger.save_folders([replace(row, reason="changed"), missing, folder("new")])
    assert await ledger.folders() == [row]


async def test_a_deleted_folder_takes_everything_with_it(bench: Bench) -> None:
    ledger = await bench.ledger()
    row, other = await ledger.save_folders([folder("a"), folder("b")])
    for folder_id in (row.id, other.id):
        await ledger.open_chunk(chunk(folder_id, columns_of([1])), [ExceptionRow(folder_id, 5, 1, "skipped")])
        await ledger.note_attempts(folder_id, 5, [1])
    await ledger.delete_folder(row.id)
    assert await ledger.folders() == [other]
    assert await ledger.chunks(row.id) == []
    assert await ledger.attempts(row.id) == {}
    assert [found.folder_id for found in await ledger.exceptions()] == [other.id]
    assert await ledger.unsettled_folders() == {other.id}


async def test_a_mod_sequence_that_cannot_be_is_unknown(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = folder()
    row.source_modseq_done, row.source_modseq_begun = 2**64 - 1, -1
    await ledger.save_folder(row)
    (read,) = await ledger.folders()
    assert (read.source_modseq_done, read.source_modseq_begun) == (0, 0)


# --- chunks ----------------------------------------------------------------------------------------------


async def test_a_chunk_comes_back_as_it_was(bench: Bench) -> None:
    ledger = await bench.ledger()
    folder_row = await stored(ledger)
    row = ChunkRow(
        0, folder_row.id, 0, ChunkState.SENT, ChunkKind.ADOPT, "single", 2**32 - 1, 6, 7, (3, 2**32 - 1),
        columns_of([9, 8, 2**32 - 1]), attempts=4,
    )  # fmt: skip
    chunk_id = await ledger.open_chunk(row)
    assert (row.id, row.seq, row.opened_at, row.settled_at) == (chunk_id, 1, bench.clock.now, 0.0)
    assert await (await bench.ledger()).chunks(folder_row.id) == [row]


async def test_seq_counts_the_chunks_of_each_folder(bench: Bench) -> None:
    ledger = await bench.ledger()
    one, two = await ledger.save_folders([folder("one"), folder("two")])
    for folder_id, uid in ((one.id, 1), (two.id, 1), (one.id, 9), (one.id, 5)):
        await ledger.open_chunk(chunk(folder_id, columns_of([uid])))
    assert [(row.seq, row.columns.uids[0]) for row in await ledger.chunks(one.id)] == [(1, 1), (2, 9), (3, 5)]
    assert [row.seq for row in await ledger.chunks(two.id)] == [1]


async def test_a_chunk_of_no_folder_is_a_mistake(bench: Bench) -> None:
    ledger = await bench.ledger()
    with pytest.raises(LookupError):
        await ledger.open_chunk(chunk(12345, columns_of([1])))


async def test_a_chunk_and_its_exceptions_are_stored_together_or_not_at_all(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    with pytest.raises(LookupError):
        await ledger.open_chunk(chunk(row.id, columns_of([1])), [ExceptionRow(row.id + 1000, 5, 2, "skipped")])
    assert await ledger.chunks(row.id) == []
    await ledger.open_chunk(chunk(row.id, columns_of([1]), cover=(1, 2)), [ExceptionRow(row.id, 5, 2, "skipped")])
    assert [found.uid for found in await ledger.exceptions()] == [2]


async def test_settling_stores_outcomes_and_the_moment(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    opened = chunk(row.id, columns_of([1, 2]))
    await ledger.open_chunk(opened)
    assert await ledger.unsettled_folders() == {row.id}
    bench.clock.now += 3
    await ledger.settle_chunk(opened.id, columns_of([1, 2], RowOutcome.APPENDUID), ChunkState.SENT)
    assert await ledger.unsettled_folders() == {row.id}
    await ledger.settle_chunk(opened.id, columns_of([1, 2], RowOutcome.APPENDUID))
    (read,) = await ledger.chunks(row.id)
    assert read.state is ChunkState.SETTLED
    assert (read.opened_at, read.settled_at) == (opened.opened_at, bench.clock.now)
    assert read.columns == columns_of([1, 2], RowOutcome.APPENDUID)
    assert await ledger.unsettled_folders() == set()


async def test_settling_many_is_one_change(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    ids = [await ledger.open_chunk(chunk(row.id, columns_of([uid]))) for uid in (1, 2)]
    done = [columns_of([uid], RowOutcome.APPENDUID) for uid in (1, 2)]
    with pytest.raises(LookupError):
        await ledger.settle_many([(ids[0], done[0]), (ids[1] + 1000, done[1])])
    assert [read.state for read in await ledger.chunks(row.id)] == [ChunkState.SENT] * 2
    await ledger.settle_many(list(zip(ids, done, strict=True)))
    assert [read.columns for read in await ledger.chunks(row.id)] == done


async def test_what_the_caller_changes_while_waiting_is_not_stored(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    columns = columns_of([1])
    task = asyncio.ensure_future(ledger.open_chunk(chunk(row.id, columns)))
    await asyncio.sleep(0)
    columns.append(2, 0, 0, 0, NO_DIGEST, 0)
    await task
    (read,) = await ledger.chunks(row.id)
    assert list(read.columns.uids) == [1]


async def test_a_cancelled_call_is_carried_out(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    task = asyncio.ensure_future(ledger.open_chunk(chunk(row.id, columns_of([1]))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    second = chunk(row.id, columns_of([2]))
    await ledger.open_chunk(second)
    assert [list(read.columns.uids) for read in await ledger.chunks(row.id)][-1] == [2]
    assert second.seq == len(await ledger.chunks(row.id))


async def test_chunks_are_loaded_as_far_as_asked(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    done = columns_of([1, 2], RowOutcome.APPENDUID)
    await settled(ledger, row.id, done)
    await ledger.open_chunk(chunk(row.id, columns_of([3])))
    (first, _) = await ledger.chunks(row.id, columns=Load.OUTCOMES)
    assert (first.columns.uids, first.columns.target_uids) == (done.uids, done.target_uids)
    assert first.columns.outcomes == done.outcomes
    assert not first.columns.flags
    assert not first.columns.digests
    (first, _) = await ledger.chunks(row.id, columns=Load.FLAGS)
    assert first.columns.flags == done.flags
    assert not first.columns.identities
    with pytest.raises(ValueError, match="not all loaded"):
        await ledger.settle_chunk(first.id, first.columns)
    (sent,) = await ledger.chunks(row.id, states=[ChunkState.SENT])
    assert list(sent.columns.uids) == [3]
    assert len(await ledger.chunks(row.id, states=list(ChunkState))) == 2
    assert await ledger.chunks(row.id, states=[]) == []


async def test_covers_are_merged_and_count_open_chunks(bench: Bench) -> None:
    ledger = await bench.ledger()
    row, other = await ledger.save_folders([folder("a"), folder("b")])
    await settled(ledger, row.id, columns_of([20, 21]), (11, 30))
    await ledger.open_chunk(chunk(row.id, columns_of([4]), cover=(1, 10)))
    await settled(ledger, row.id, columns_of([50]), (0, 0))  # sent again: covers nothing
    await settled(ledger, row.id, columns_of([99]), (90, 99))
    await settled(ledger, other.id, columns_of([70]), (60, 80))
    later = chunk(row.id, columns_of([40]), cover=(31, 40))
    later.source_uid_validity = 55
    await ledger.open_chunk(later)
    assert await ledger.covers(row.id) == [(1, 40), (90, 99)]
    assert await ledger.covers(row.id, source_uid_validity=5) == [(1, 30), (90, 99)]
    assert await ledger.covers(row.id, source_uid_validity=55) == [(31, 40)]
    assert await ledger.covers(row.id + 1000) == []


async def test_a_lost_message_stays_lost_until_a_later_word(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    lossy = columns_of([1, 2, 3], RowOutcome.APPENDUID)
    lossy.outcomes[0] = lossy.outcomes[2] = RowOutcome.LOST
    opened = chunk(row.id, columns_of([1, 2, 3]))
    await ledger.open_chunk(opened)
    assert await ledger.lost_uids(row.id) == set()
    await ledger.settle_chunk(opened.id, lossy)
    assert await ledger.lost_uids(row.id) == {1, 3}
    again = chunk(row.id, columns_of([1, 3]), cover=(0, 0))
    await ledger.open_chunk(again)
    assert await ledger.lost_uids(row.id) == set()  # in doubt
    answers = columns_of([1, 3], RowOutcome.LOST)
    answers.outcomes[0] = RowOutcome.REFUSED
    await ledger.settle_chunk(again.id, answers)
    assert await ledger.lost_uids(row.id) == {3}
    await settled(ledger, row.id, columns_of([3], RowOutcome.COUNTED), (0, 0))
    assert await ledger.lost_uids(row.id) == set()
    assert await ledger.lost_uids(row.id + 1000) == set()


async def test_counts_take_the_last_word_on_each_message(bench: Bench) -> None:
    ledger = await bench.ledger()
    row, quiet, _empty = await ledger.save_folders([folder("a"), folder("b"), folder("c")])
    first = columns_of([1, 2, 3, 4, 5, 6], RowOutcome.APPENDUID)
    for i, outcome in enumerate((RowOutcome.LOST, RowOutcome.REFUSED, RowOutcome.GONE_FROM_TARGET, RowOutcome.LOST)):
        first.outcomes[i] = outcome
    first.outcomes[4] = RowOutcome.GONE_AT_SOURCE
    await settled(ledger, row.id, first)
    assert (await ledger.counts())[row.id] == FolderCounts(confirmed=2, refused=1, lost=2, size_bytes=200)
    await settled(ledger, row.id, columns_of([1, 2, 3], RowOutcome.LOOKED_UP), (0, 0))
    await settled(ledger, quiet.id, columns_of([1, 2], RowOutcome.ADOPTED, size=2**33))
    assert await ledger.counts() == {
        row.id: FolderCounts(confirmed=4, refused=0, lost=1, size_bytes=400),
        quiet.id: FolderCounts(confirmed=2, size_bytes=2**34),
    }


async def test_flags_are_updated_alone(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    opened = chunk(row.id, columns_of([1, 2], RowOutcome.APPENDUID))
    await ledger.open_chunk(opened)
    seen = row.flag_sets.index_of(frozenset({"\\Seen"}))
    other = row.flag_sets.index_of(frozenset({"\\Answered"}))
    await ledger.update_flags(opened.id, array("H", [other, seen]), flag_sets=row.flag_sets)
    (read,) = await ledger.chunks(row.id)
    assert list(read.columns.flags) == [other, seen]
    assert read.columns.digests == opened.columns.digests
    (read_folder,) = await ledger.folders()
    assert read_folder.flag_sets == row.flag_sets
    with pytest.raises(ValueError, match="2 messages"):
        await ledger.update_flags(opened.id, array("H", [1]))
    with pytest.raises(LookupError):
        await ledger.update_flags(opened.id + 1000, array("H", [1, 1]))


async def test_a_grown_flag_table_is_stored_with_the_chunk_that_uses_it(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    for keyword in ("one", "two", "two", "three"):
        columns = Columns()
        columns.append(1, 0, 0, 0, NO_DIGEST, row.flag_sets.index_of(frozenset({keyword})))
        await ledger.open_chunk(chunk(row.id, columns), flag_sets=row.flag_sets)
        (read,) = await ledger.folders()
        assert read.flag_sets == row.flag_sets
    row.flag_sets = FlagTable([frozenset({"anew"})])
    await ledger.save_folder(row)
    row.flag_sets.index_of(frozenset({"second"}))
    await ledger.open_chunk(chunk(row.id, columns_of([2])), flag_sets=row.flag_sets)
    assert (await ledger.folders())[0].flag_sets == row.flag_sets


async def test_chunks_and_folder_are_replaced_together(bench: Bench) -> None:
    ledger = await bench.ledger()
    row, other = await ledger.save_folders([folder("a"), folder("b")])
    old = [chunk(row.id, columns_of([uid])) for uid in (1, 2, 3)]
    for item in (*old, chunk(other.id, columns_of([7]))):
        await ledger.open_chunk(item)
    fresh = [
        replace(chunk(0, columns_of([uid], RowOutcome.LOOKED_UP)), source_uid_validity=77, settled_at=5.0)
        for uid in (11, 12)
    ]
    bad = replace(row, id=row.id + 1000)
    with pytest.raises(LookupError):
        await ledger.replace_chunks(row.id, fresh, folder=bad)
    assert await ledger.chunks(row.id) == old
    row.source_uid_validity = 77
    await ledger.replace_chunks(row.id, fresh, folder=row)
    assert await ledger.chunks(row.id) == fresh
    assert [item.seq for item in fresh] == [1, 2]
    assert {item.id for item in fresh}.isdisjoint(item.id for item in old)
    assert (await ledger.folders())[0].source_uid_validity == 77
    assert len(await ledger.chunks(other.id)) == 1
    with pytest.raises(LookupError):  # a late outcome of a replaced row hits nothing
        await ledger.settle_chunk(old[0].id, old[0].columns)
    await ledger.replace_chunks(row.id, [])
    assert await ledger.chunks(row.id) == []


# --- exceptions and attempts -----------------------------------------------------------------------------


async def test_an_exception_comes_back_as_it_was(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    told = ExceptionRow(
        row.id,
        5,
        2**32 - 1,
        ExceptionKind.REPAIRED,
        "CODE",
        "NO süß\0",
        "Grüße",
        "<a@b>",
        -2,
        2**40,
        '{"a":1}',
        3,
        True,
    )
    await ledger.add_exceptions([told])
    (read,) = await ledger.exceptions()
    assert read == told
    assert read.retry is True


async def test_text_that_is_no_unicode_is_told_in_escapes(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    server_text = b"caf\xe9".decode("utf-8", "surrogateescape")
    await ledger.add_exceptions([ExceptionRow(row.id, 5, 1, "skipped", server_text=server_text)])
    assert [told.server_text for told in await ledger.exceptions()] == ["caf\\udce9"]


async def test_a_later_exception_of_the_same_kind_replaces_the_first(bench: Bench) -> None:
    ledger = await bench.ledger()
    row = await stored(ledger)
    rows = [
        ExceptionRow(row.id, 5, 1, "skipped", code="first"),
        ExceptionRow(row.id, 5, 1, "date-replaced"),
        ExceptionRow(row.id, 6, 1, "skipped", code="another message"),
        ExceptionRow(row.id, 5, 2, "lost-keyword", code="one"),
        ExceptionRow(row.id, 5, 2, "lost-keyword", code="two"),
        ExceptionRow(row.id, 5, 2, "lost-keyword", code="two"),
        ExceptionRow(row.id, 5, 1, "skipped", code="last"),
    ]
    await ledger.add_exceptions(rows)
    assert [(told.uid, told.kind, told.code) for told in await ledger.exceptions()] == [
        (1, "date-replaced", ""),
        (1, "skipped", "last"),
        (1, "skipped", "another message"),
        (2, "lost-keyword", "one"),
        (2, "lost-keyword", "two"),
    ]


async def test_exceptions_are_cleared_by_uid_and_kind(bench: Bench) -> None:
    ledger = await bench.ledger()
    row, other = await ledger.save_folders([folder("a"), folder("b")])
    rows = [
        ExceptionRow(folder_id, 5, uid, kind)
        for folder_id in (row.id, other.id)
        for uid in (1, 2, 3)
        for kind in ("date-replaced", "skipped")
    ]
    await ledger.add_exceptions(rows)
    await ledger.clear_exceptions(row.id, {1, 9}, kinds=["skipped"])
    await ledger.clear_exceptions(row.id, [2])
    await ledger.clear_exceptions(row.id, [])
    left = [(told.folder_id, told.uid, told.kind) for told in await ledger.exceptions()]
    assert left[:3] == [(row.id, 1, "date-replaced"), (row.id, 3, "date-replaced"), (row.id, 3, "skipped")]
    assert len(left) == 3 + 6


async def test_attempts_are_counted_per_message_and_uid_validity(bench: Bench) -> None:
    ledger = await bench.ledger()
    row, other = await ledger.save_folders([folder("a"), folder("b")])
    assert await ledger.note_attempts(row.id, 5, [1, 2]) == {1: 1, 2: 1}
    assert await ledger.note_attempts(row.id, 5, [2, 3]) == {2: 2, 3: 1}
    assert await ledger.note_attempts(other.id, 5, [2]) == {2: 1}
    assert await (await bench.ledger()).attempts(row.id) == {1: 1, 2: 2, 3: 1}
    again = await bench.ledger()
    assert await again.note_attempts(row.id, 6, [2]) == {2: 1}
    assert await again.attempts(row.id) == {2: 1}


# --- crashes ---------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for `kill -9`: nothing handles it."""


class Work:
    """One of each change, to be done one after the other."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._folder = folder()
        self._chunk = chunk(0, columns_of([1]))

    async def open(self) -> None:
        self._chunk.folder_id = self._folder.id
        await self._ledger.open_chunk(self._chunk, [ExceptionRow(self._folder.id, 5, 2, "skipped")])

    def changes(self) -> list[Callable[[], Awaitable[object]]]:
        ledger, row = self._ledger, self._folder
        return [
            lambda: ledger.save_folder(row),
            self.open,
            lambda: ledger.settle_chunk(self._chunk.id, columns_of([1], RowOutcome.APPENDUID)),
            lambda: ledger.update_flags(self._chunk.id, array("H", [3])),
            lambda: ledger.add_exceptions([ExceptionRow(row.id, 5, 3, "skipped")]),
            lambda: ledger.clear_exceptions(row.id, [2]),
            lambda: ledger.note_attempts(row.id, 5, [4]),
            lambda: ledger.replace_chunks(row.id, [chunk(row.id, columns_of([8]))]),
            lambda: ledger.delete_folder(row.id),
        ]


CHANGES = 9


async def state_of(ledger: Ledger) -> list[object]:
    """Everything that is stored of the pair, but for the ids."""
    state: list[object] = []
    for row in await ledger.folders():
        state.append(replace(row, id=0))
        state += [replace(item, id=0, folder_id=0) for item in await ledger.chunks(row.id)]
        state += sorted((await ledger.attempts(row.id)).items())
    return state + [replace(told, folder_id=0) for told in await ledger.exceptions()]


async def test_every_commit_is_announced_before_and_after(bench: Bench) -> None:
    changes = Work(await bench.ledger()).changes()
    assert len(changes) == CHANGES
    for number, change in enumerate(changes, 2):  # the opening of the pair is the first
        await change()
        before, after = bench.steps[-2:]
        assert len(bench.steps) == 2 * number
        assert before.startswith("ledger: ")
        assert before.endswith(": before commit")
        assert after == before.replace(": before commit", ": after commit")


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("number", range(CHANGES))
async def test_a_kill_leaves_what_was_committed_and_nothing_else(bench: Bench, number: int, after_commit: bool) -> None:
    reference = await bench.ledger(source="reference")
    for change in Work(reference).changes()[: number + after_commit]:
        await change()

    steps: list[str] = []

    def stop(step: str) -> None:
        steps.append(step)
        if len(steps) > 2 + 2 * number + after_commit:
            raise Killed(step)

    killed = Work(await bench.ledger(stop)).changes()
    for change in killed[:number]:
        await change()
    with pytest.raises(Killed, match="after commit" if after_commit else "before commit"):
        await killed[number]()
    bench.kill()
    assert await state_of(await bench.ledger()) == await state_of(await bench.ledger(source="reference"))
