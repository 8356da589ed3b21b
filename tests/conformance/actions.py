"""What the clauses do with a backend: deliver mail through a lane, read it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import uuid4
from zlib import crc32

from mailferry.backends.base import (
    PREFIX_BYTES,
    Chunk,
    Features,
    FetchJob,
    Flags,
    FolderPath,
    Item,
    JobDone,
    JobFailed,
    Lane,
    Mail,
    Mode,
    Opened,
    Outcome,
    OutcomeKind,
    Reader,
    Target,
    UidRange,
)

ALL: tuple[UidRange, ...] = ((1, 2**32 - 1),)
DATE = 1_700_000_001  # 2023-11-14 22:13:21 UTC
NONE: Flags = frozenset()


class Letter(NamedTuple):
    """A message on its way in."""

    data: bytes
    flags: Flags = NONE
    date: int = DATE
    zone: int = 0


class Found(NamedTuple):
    """A message as it was read, put together."""

    uid: int
    flags: Flags
    date: int | None
    zone: int
    data: bytes


def folder(*parts: str) -> FolderPath:
    """Spell a path."""
    return FolderPath(parts)


async def make(target: Target, *paths: FolderPath) -> None:
    """Make folders that the server is known to accept."""
    for created in await target.create_folders([(path, None) for path in paths]):
        assert not created.error, created


def feed(chunk: Chunk, letter: Letter, *, uid: int = 0, piece_bytes: int = PREFIX_BYTES) -> None:
    """Hand one message to a chunk in the form in which a reader gives it.

    `uid` is that on the source; without one it follows from the bytes, which does for all but twins.
    """
    data, size = letter.data, len(letter.data)
    mail = Mail(uid or crc32(data) or 1, letter.flags, letter.date, letter.zone, size, data[:PREFIX_BYTES])
    chunk.add(mail, letter.flags, letter.date, letter.zone)
    for start in range(PREFIX_BYTES, size, piece_bytes):
        chunk.piece(data[start : start + piece_bytes])


async def send(
    lane: Lane,
    path: FolderPath,
    mode: Mode,
    letters: Sequence[Letter | bytes],
    *,
    key: str = "",
    features: Features | None = None,
    piece_bytes: int = PREFIX_BYTES,
) -> list[Outcome | None]:
    """Send one chunk and wait for the verdicts. `key` names its source; otherwise each chunk has one of its own.

    A large message becomes a chunk of its own where it has to be: unless `features` of the target say otherwise.
    """
    key = key or uuid4().hex
    together = mode is Mode.MULTI or (features is not None and features.idempotent_names)
    outcomes: list[Outcome | None] = []
    chunk = lane.chunk(path, mode, key)
    begun = False
    for uid, given in enumerate(letters, 1):
        letter = given if isinstance(given, Letter) else Letter(given)
        large = len(letter.data) > PREFIX_BYTES and not together
        if large and begun:
            outcomes += await chunk.release()
            chunk = lane.chunk(path, mode, key)
        feed(chunk, letter, uid=uid, piece_bytes=piece_bytes)
        assert lane.queued_bytes >= 0
        begun = True
        await lane.drain()
        if large:
            outcomes += await chunk.release()
            chunk, begun = lane.chunk(path, mode, key), False
    return outcomes + await chunk.release()


def plain_mode(lane: Lane) -> Mode:
    """Give a mode in which each message has its own verdict, if the lane has one."""
    return min(lane.modes, key=[Mode.SINGLE, Mode.SYNC, Mode.MULTI].index)


async def deliver(target: Target, path: FolderPath, *letters: Letter | bytes) -> list[int]:
    """Store messages, all of which are accepted, and give their UIDs."""
    lane = await target.open_lane()
    outcomes = await send(lane, path, plain_mode(lane), letters, features=target.features)
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [OutcomeKind.STORED] * len(letters), outcomes
    return [found.uid for found in await read(target, path)][-len(letters) :]


def queue(*jobs: FetchJob | None) -> Callable[[], FetchJob | None]:
    """Give jobs one after the other, then None for ever."""
    waiting = list(jobs)
    return lambda: waiting.pop(0) if waiting else None


async def items(reader: Reader, *jobs: FetchJob) -> list[Item]:
    """Read jobs to the end."""
    return [item async for batch in reader.stream(queue(*jobs)) for item in batch]


def joined(stream: Sequence[Item]) -> list[Found]:
    """Put messages together; checks their form: prefix and pieces, and nothing between them."""
    found: list[Found] = []
    missing = 0
    for item in stream:
        if isinstance(item, Mail):
            assert not missing, "the message before is incomplete"
            assert len(item.data) == min(item.size, PREFIX_BYTES) or len(item.data) == item.size <= PREFIX_BYTES
            found.append(Found(item.uid, item.flags, item.date, item.zone, item.data))
            missing = item.size - len(item.data)
        elif isinstance(item, bytes):
            assert 0 < len(item) <= missing, "a piece that belongs to no message"
            found[-1] = found[-1]._replace(data=found[-1].data + item)
            missing -= len(item)
        else:
            assert isinstance(item, (Opened, JobDone, JobFailed))
            assert not missing, "the message before is incomplete"
    assert not missing, "the last message is incomplete"
    return found


async def read(reader: Reader, path: FolderPath, ranges: tuple[UidRange, ...] = ALL) -> list[Found]:
    """Read messages of one folder, which must work."""
    job = FetchJob(path, ranges)
    stream = await items(reader, job)
    assert stream[-1] == JobDone(job), stream[-1]
    return joined(stream)


async def contents(reader: Reader, path: FolderPath) -> list[bytes]:
    """Give the bytes of all messages of a folder, in order of UID."""
    return [found.data for found in await read(reader, path)]
