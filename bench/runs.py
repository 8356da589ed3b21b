"""The runs: what is copied, how far, by which tools. Each gives a Result for every tool, step and round."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import startup
from bench.goals import BARE_LOOP
from bench.measure import Usage, run
from bench.results import Result, of_usage
from bench.stage import Mailbox, Stage, count, files_below
from bench.tools import OWN, PUMP, Command, Task, Tool, mailferry_to, pump
from tests.servers.base import memory_folder

NEW_MESSAGES = 100
_BULK_BATCH = 100


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is copied, in messages."""

    small: int = 20_000
    bulk: int = 3_000
    distant: int = 5_000
    on_disk: int = 5_000
    many_small: int = 1_000
    many_bulk: int = 100
    many_passes: int = 50
    csv_rows: int = 50_000


QUICK = Sizes(2_000, 200, 1_000, 1_000, 100, 20, 50, 2_000)


@dataclass(frozen=True, slots=True)
class Copy:
    """A run in which tools copy a mailbox to a fresh user, and then do what `steps` say."""

    name: str
    profile: str
    messages: int
    steps: tuple[str, ...] = ("copy",)
    round_trip_seconds: float = 0.0
    without: tuple[str, ...] = ()
    """Tools that take no part."""
    multiappend: bool = True


def copies(sizes: Sizes) -> tuple[Copy, ...]:
    """All runs of this kind."""
    return (
        Copy("small", "small", sizes.small, ("copy", "no change", "100 new")),
        Copy("bulk", "bulk", sizes.bulk, ("copy", "no change", "100 new")),
        Copy("delay40", "small", sizes.distant, ("copy", "no change"), 0.04, ("imapsync",)),
        Copy("delay160", "small", sizes.distant, ("copy", "no change"), 0.16, ("imapsync",)),
        Copy("single", "small", sizes.distant, ("copy",), 0.04, ("imapsync", "interimap"), multiappend=False),
    )


def copy_round(stage: Stage, what: Copy, tools: dict[str, Tool], number: int) -> Iterator[Result]:
    """Let every tool run once. The order turns from round to round."""
    mailbox = stage.mailbox(what.profile, what.messages)
    names = [name for name in tools if name not in what.without]
    turn = number % len(names)
    with stage.distance(what.round_trip_seconds):
        for name in names[turn:] + names[:turn]:
            stage.reset(mailbox)
            with stage.fresh_user() as user, own_folder() as folder:
                batch = 1 if not what.multiappend else _BULK_BATCH if what.profile == "bulk" else 500
                command = tools[name](Task(stage.ports, (mailbox.user, user), folder, batch))
                for step in what.steps:
                    if name == PUMP and step != "copy":
                        continue  # it remembers nothing
                    yield _step(stage, mailbox, user, command, Result(what.name, step, name, number, 0, 0, 0, 0, 0.0))
    stage.reset(mailbox)


def _step(stage: Stage, mailbox: Mailbox, user: str, command: Command, blank: Result) -> Result:
    moved, moved_bytes = mailbox.messages, mailbox.size_bytes
    if blank.step == "no change":
        moved = moved_bytes = 0
    elif blank.step == "100 new":
        stage.add(mailbox, NEW_MESSAGES)
        moved, moved_bytes = NEW_MESSAGES, mailbox.size_bytes * NEW_MESSAGES // mailbox.messages
    usage = _run(stage, command)
    wanted, found = mailbox.messages + mailbox.added, count(stage.target, user)
    return _filled(blank, usage, moved=moved, moved_bytes=moved_bytes, wanted=wanted, found=found)


def adoption_round(stage: Stage, sizes: Sizes, tools: dict[str, Tool], number: int) -> Iterator[Result]:
    """Let our program find a target that another tool has filled: nothing may be copied again."""
    mailbox = stage.mailbox("small", sizes.small)
    stage.reset(mailbox)
    with stage.fresh_user() as user, own_folder() as folder:
        task = Task(stage.ports, (mailbox.user, user), folder)
        _run(stage, pump(task))
        blank = Result("adoption", "filled target", OWN, number, 0, 0, mailbox.messages, 0, 0.0)
        usage = _run(stage, tools[OWN](task))
        moved = {"moved": mailbox.messages, "moved_bytes": mailbox.size_bytes}
        yield _filled(blank, usage, **moved, found=count(stage.target, user))


def maildir_round(stage: Stage, sizes: Sizes, number: int) -> Iterator[Result]:
    """Write a Maildir on the disk, and beside it the same messages without any program around it."""
    mailbox = stage.mailbox("small", sizes.on_disk)
    home = stage.source.home(mailbox.user)
    order = (OWN, BARE_LOOP) if number % 2 == 0 else (BARE_LOOP, OWN)
    for name in order:
        stage.reset(mailbox)
        folder = Path(tempfile.mkdtemp(prefix="disk-", dir=stage.scratch))
        try:
            task = Task(stage.ports, (mailbox.user, ""), folder)
            loop = Command([sys.executable, "-m", "bench.disk", str(home / "Maildir"), str(folder / "Maildir")])
            command = mailferry_to(task, f"maildir:{folder}/Maildir") if name == OWN else loop
            usage = _run(stage, command)
            found, size_bytes = files_below(folder / "Maildir"), mailbox.size_bytes
            blank = Result("maildir", "copy", name, number, mailbox.messages, size_bytes, mailbox.messages, found, 0.0)
            yield _filled(blank, usage)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def memory_round(stage: Stage, sizes: Sizes, number: int) -> Iterator[Result]:
    """Run one pass and many in one process, and an interpreter that does nothing."""
    blank = Result("memory", "interpreter", "python", number, 0, 0, 0, 0, 0.0)
    yield _filled(blank, run([sys.executable, "-c", "import time; time.sleep(0.2)"], {}))
    small, bulk = stage.mailbox("small", sizes.small), stage.mailbox("bulk", sizes.bulk)
    yield _passes(stage, [small], "one pass SMALL", number)
    yield _passes(stage, [bulk], "one pass BULK", number)
    mixed = [stage.mailbox("small", sizes.many_small), stage.mailbox("bulk", sizes.many_bulk)]
    each = sizes.many_passes // len(mixed)
    yield _passes(stage, mixed * each, f"{sizes.many_passes} passes", number)


def _passes(stage: Stage, mailboxes: Sequence[Mailbox], step: str, number: int) -> Result:
    for mailbox in {mailbox.user: mailbox for mailbox in mailboxes}.values():
        stage.reset(mailbox)  # a server that indexes for the first time may tell others that a folder is empty
    with ExitStack() as closing:
        users = [closing.enter_context(stage.fresh_user()) for _ in mailboxes]
        folder = closing.enter_context(own_folder())
        pairs = [f"{mailbox.user}:{user}" for mailbox, user in zip(mailboxes, users, strict=True)]
        line = [sys.executable, "-m", "bench.passes", *map(str, stage.ports), str(folder), *pairs]
        usage = _run(stage, Command(line))
        found = sum(count(stage.target, user) for user in users)
    wanted, size_bytes = sum(box.messages for box in mailboxes), sum(box.size_bytes for box in mailboxes)
    return _filled(Result("memory", step, OWN, number, wanted, size_bytes, wanted, found, 0.0), usage)


def start_round(tools: dict[str, Tool], number: int) -> Iterator[Result]:
    """See how long each tool takes until it connects."""
    for name, tool in tools.items():
        with own_folder() as folder:
            seconds = startup.until_connect(partial(_knock, tool, folder))
        yield Result("startup", "first connect", name, number, 0, 0, 0, 0, seconds)


def _knock(tool: Tool, folder: Path, port: int) -> Command:
    return tool(Task((port, port), ("nobody", "somebody"), folder))


def _run(stage: Stage, command: Command) -> Usage:
    return run(command.line, stage.clocks, environment=command.environment)


def _filled(blank: Result, usage: Usage, **more: Any) -> Result:
    return replace(blank, **{**of_usage(usage), **more})


@contextmanager
def own_folder() -> Iterator[Path]:
    """Give a folder for a tool's own files, in memory like the mail."""
    folder = tempfile.mkdtemp(prefix="bench-", dir=memory_folder())
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
