"""The flags of the source's folders: asked for before they are needed, but not for any number of messages."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from mailferry.backends.base import Features, FolderPath, FolderStatus, Listing, Reader
from mailferry.errors import FolderGone
from mailferry.sync.flags import FlagsOfSource
from mailferry.sync.ledger import FolderRow, Ledger
from mailferry.sync.options import FolderStats
from mailferry.sync.plan import FolderPlan
from mailferry.sync.work import FolderWork

FEATURES = Features("source", condstore=True)


class Source:
    """Answers when it is told to. `asked` has the folders and mod-sequences of questions that have gone out."""

    def __init__(self, features: Features = FEATURES) -> None:
        self.features = features
        self.asked: list[tuple[str, int]] = []
        self.answer = asyncio.Event()

    async def listing(self, path: FolderPath, want: object, *, changed_since: int = 0, **rest: Any) -> Listing:
        self.asked.append((str(path), changed_since))
        await self.answer.wait()
        if str(path) == "Gone":
            raise FolderGone(str(path))
        return Listing(FolderStatus(1, 1, len(self.asked)))


def work(number: int, name: str, messages: int, *, changed: bool = True) -> FolderWork:
    path = FolderPath((name,))
    row = FolderRow(number, name.encode(), path, path, source_modseq_done=number * 10)
    plan = FolderPlan(flags=changed)
    return FolderWork(row, FolderStatus(1, 1, messages), None, plan, FolderStats(name, name))


def flags(source: Source, works: list[FolderWork]) -> FlagsOfSource:
    return FlagsOfSource(cast(Reader, source), cast(Ledger, None), works, newest=100)


async def test_folders_are_asked_for_together() -> None:
    source, works = Source(), [work(1, "A", 5), work(2, "B", 5, changed=False), work(3, "C", 5)]
    asked = flags(source, works)
    first = asyncio.ensure_future(asked.of(works[0]))
    while len(source.asked) < 2:
        await asyncio.sleep(0)
    source.answer.set()
    await first
    await asked.of(works[2])
    assert source.asked == [("A", 10), ("C", 30)]
    await asked.stop()


async def test_only_so_many_messages_are_asked_for_at_once() -> None:
    source, works = Source(), [work(1, "A", 40_000), work(2, "B", 40_000), work(3, "C", 5), work(4, "D", 90_000)]
    asked = flags(source, works)
    source.answer.set()
    await asked.of(works[0])
    assert [name for name, _ in source.asked] == ["A", "B"]
    await asked.of(works[1])
    await asked.of(works[2])
    await asked.of(works[3])
    assert [name for name, _ in source.asked] == ["A", "B", "C", "D"]


async def test_an_error_is_raised_for_its_own_folder_and_the_rest_is_let_go() -> None:
    source, works = Source(), [work(1, "A", 5), work(2, "Gone", 5), work(3, "C", 5)]
    asked = flags(source, works)
    source.answer.set()
    await asked.of(works[0])
    with pytest.raises(FolderGone):
        await asked.of(works[1])
    await asked.stop()
    assert len(asyncio.all_tasks()) == 1


async def test_nothing_is_asked_ahead_without_mod_sequences() -> None:
    source = Source(replace(FEATURES, condstore=False))
    works = [work(1, "A", 5), work(2, "B", 5)]
    asked = flags(source, works)
    source.answer.set()
    await asked.of(works[0])
    assert source.asked == [("A", 0)]
