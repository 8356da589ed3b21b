"""`verify` over connections that break: the result is the same, whatever breaks and whenever it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from mailferry import errors
from mailferry.backends.base import INBOX, FetchJob, FolderPath, Item, Mail, Reader
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_server import MemoryServer
from mailferry.backends.memory_steps import How, Steps
from mailferry.errors import MailferryError, Side
from mailferry.sync.options import Clock
from mailferry.sync.steady import SteadyReader
from mailferry.sync.verify import VerifyOptions, VerifyReport, verify

WORK = FolderPath(("Work",))


def mail(number: int, size_bytes: int = 50) -> bytes:
    return b"Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\n%s\r\n" % (number, number, b"x" * size_bytes)


class Pair:
    """Two servers that differ in a few messages, and a clock that notes the waits."""

    def __init__(self) -> None:
        self.source = MemoryServer(MemoryOptions(batch_messages=2), name="source")
        self.target = MemoryServer(MemoryOptions(batch_messages=3), name="target")
        for server in (self.source, self.target):
            server.add_folder(WORK)
            for number in range(14):
                server.add_mail(INBOX, mail(number, 200_000 if number == 5 else 50), date=number)
            server.add_mail(WORK, mail(50), date=5)
        self.source.add_mail(INBOX, mail(90), date=1)
        self.source.add_mail(INBOX, mail(91), date=1)
        self.target.add_mail(INBOX, mail(91) + b"other\r\n", date=1)
        self.waits: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    def steady(self, opener: Callable[[], Awaitable[Reader]], first: Reader) -> SteadyReader:
        """Make the reader that is tested."""
        return SteadyReader(first, opener, clock=Clock(sleep=self._sleep))

    async def verify(self, steps: Steps) -> VerifyReport:
        """Compare, over connections that `steps` cuts."""

        async def opener(server: MemoryServer, side: Side) -> Reader:
            return MemoryMailbox(server, side=side, steps=steps)

        openers = partial(opener, self.source, Side.SOURCE), partial(opener, self.target, Side.TARGET)
        source, target = [self.steady(each, await each()) for each in openers]
        return await verify(source, target, VerifyOptions(window_messages=4), known_map={})


@pytest.mark.parametrize("how", [How.CUT_BEFORE, How.CUT_AFTER])
async def test_a_cut_at_any_step_changes_nothing(how: How) -> None:
    steps = Steps()
    whole = (await Pair().verify(steps)).to_dict()
    assert (whole["totals"]["equal"], whole["totals"]["missing"], whole["totals"]["altered"]) == (15, 1, 1)
    mended = 0
    for k in range(1, steps.total + 1):
        pair = Pair()
        found = await pair.verify(Steps(stop_at=k, how=how))
        assert found.to_dict() == whole, steps.names[k - 1]
        mended += len(pair.waits)
    assert mended > steps.total // 2  # a large message is taken up by the mailbox itself


class Brittle(MemoryMailbox):
    """Breaks each time something is read of it."""

    error: MailferryError = errors.ConnectionLost("again")

    async def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
        jobs()
        yield list[Item]()
        raise self.error

    async def list_folders(self, *, status: bool = True):  # type: ignore[no-untyped-def]  # as its parent's
        raise self.error


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (errors.ConnectionLost(), [1.0, 2.0, 4.0, 8.0, 16.0]),
        (errors.ServerBusy(wait_seconds=7.0), [7.0] * 5),
        (errors.ServerBusy(wait_seconds=301.0), []),
        (errors.LoginFailed(), []),
        (errors.FolderGone(), []),
    ],
)
async def test_what_cannot_be_mended_is_raised(error: MailferryError, waits: list[float]) -> None:
    pair = Pair()

    async def opener() -> Reader:
        made = Brittle(pair.source)
        made.error = error
        return made

    steady = pair.steady(opener, await opener())
    with pytest.raises(type(error)):
        await steady.list_folders()
    assert pair.waits == waits


async def test_reading_goes_on_behind_the_last_whole_message() -> None:
    pair = Pair()
    asked: list[FetchJob] = []

    class Noting(MemoryMailbox):
        """Notes what it is asked for, and breaks once inside the large message."""

        broken = False

        async def stream(self, jobs: Callable[[], FetchJob | None]):  # type: ignore[no-untyped-def]  # as its parent's
            def noted() -> FetchJob | None:
                job = jobs()
                asked.extend([job] if job is not None else [])
                return job

            async for batch in super().stream(noted):
                for item in batch:
                    yield [item]
                    if isinstance(item, Mail) and item.size > len(item.data) and not Noting.broken:
                        Noting.broken = True
                        raise errors.ConnectionLost

    async def opener() -> Reader:
        return Noting(pair.source)

    jobs = [FetchJob(INBOX, ((1, 3), (5, 9)), 7)]
    steady = pair.steady(opener, await opener())
    read = [item async for batch in steady.stream(lambda: jobs.pop() if jobs else None) for item in batch]
    assert [item.uid for item in read if isinstance(item, Mail)] == [1, 2, 3, 5, 6, 6, 7, 8, 9]
    assert asked == [FetchJob(INBOX, ((1, 3), (5, 9)), 7), FetchJob(INBOX, ((6, 9),), 7)]
