"""Stop at every single step of a pass, start again, and find every message exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mailferry.backends.base import FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_server import MemoryServer
from mailferry.backends.memory_steps import How, Killed, Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Clock, Options
from mailferry.sync.run import PassResult, run_pass

KEYS = ("source", "target")


async def no_wait(seconds: float) -> None:
    """Let other tasks run; nothing waits."""
    for _ in range(3):
        await asyncio.sleep(0)


FAST = Options(clock=Clock(sleep=no_wait), chunk_messages=4, single_messages=3, lanes=2)


def mail(number: int, *, message_id: bool = True, size: int = 0) -> bytes:
    """Make a small message; `size` fills it up."""
    head = b"From: a@example.org\r\nSubject: %d\r\nDate: Mon, 1 Jan 2024 00:00:%02d +0000\r\n" % (number, number % 60)
    if message_id:
        head += b"Message-ID: <%d@example.org>\r\n" % number
    body = b"body %d\r\n" % number
    return head + b"\r\n" + body + b"x" * max(0, size - len(head) - len(body) - 2)


def fill(server: MemoryServer) -> None:
    """A mailbox of a few folders: twins, messages without Message-ID, an empty and a large one."""
    inbox, sent, deep = FolderPath(("INBOX",)), FolderPath(("Sent",)), FolderPath(("Clients", "2024"))
    for path in (sent, FolderPath(("Clients",)), deep, FolderPath(("Empty",))):
        server.add_folder(path)
    for number in range(6):
        server.add_mail(inbox, mail(number), flags={"\\Seen"} if number % 2 else set(), date=1_700_000_000 + number)
    twin = mail(90)
    for _ in range(3):
        server.add_mail(sent, twin, date=1_700_000_500)
    server.add_mail(sent, mail(7, message_id=False), date=1_700_000_007)
    server.add_mail(sent, mail(7, message_id=False), date=1_700_000_007)
    server.add_mail(deep, mail(20, size=150_000), date=1_700_000_020)
    server.add_mail(deep, mail(21), flags={"\\Flagged", "Work"}, date=1_700_000_021)


def content(server: MemoryServer) -> Counter[tuple[object, ...]]:
    """What a server holds, for comparing."""
    return Counter(
        (folder.path, m.data, frozenset(m.flags), m.date)
        for folder in server.folders
        if folder.selectable
        for m in server.mails(folder.path)
    )


async def one_pass(source: MemoryServer, target: MemoryServer, state: Path, steps: Steps | None) -> PassResult:
    """Run one pass, like a process of its own."""
    steps = steps or Steps()
    ledger = SqliteLedger(state, steps=steps.reach)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(target, side=Side.TARGET, steps=steps)

    try:
        return await steps.run(run_pass(open_source, open_target, ledger, KEYS, FAST))
    finally:
        await ledger.close()


TARGETS = {
    "multi": MemoryOptions(),
    "single": MemoryOptions(multi_append=False),
    "multi, no UIDPLUS": MemoryOptions(reports_new_ids=False),
    "single, no UIDPLUS": MemoryOptions(multi_append=False, reports_new_ids=False),
    "multi, late": MemoryOptions(late=2),
    "single, late": MemoryOptions(multi_append=False, late=2),
    "single, no UIDPLUS, late": MemoryOptions(multi_append=False, reports_new_ids=False, late=1),
}


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize("name", TARGETS)
async def test_a_stop_at_any_step_leaves_each_message_once(
    name: str, how: How, tmp_path: Path, subtests_k: Callable[[int], bool]
) -> None:
    source = MemoryServer()
    fill(source)
    wanted = content(source)
    undisturbed, steps = MemoryServer(TARGETS[name]), Steps()
    await one_pass(source, undisturbed, tmp_path / "whole.db", steps)
    assert content(undisturbed) == wanted
    for k in range(1, steps.total + 1):
        if not subtests_k(k):
            continue
        target = MemoryServer(TARGETS[name])
        state = tmp_path / f"{k}.db"
        try:
            await one_pass(source, target, state, Steps(stop_at=k, how=how))
        except Killed:
            await one_pass(source, target, state, None)
        where = f"step {k} of {steps.total}: {steps.names[k - 1]}"
        assert content(target) == wanted, where
        again = await one_pass(source, target, state, None)
        assert again.stats.total("copied") == 0, where
        assert content(target) == wanted, where
        for file in tmp_path.glob(f"{k}.db*"):
            file.unlink()


@pytest.fixture
def subtests_k() -> Callable[[int], bool]:
    """Every step."""
    return lambda k: True
