"""The tools that are compared: how each is told to copy one mailbox. Peers that are not there are left out."""

from __future__ import annotations

import compileall
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bench as bench_package
import mailferry as mailferry_package
import tests.servers as servers_package
from tests.servers.base import HOST, PASSWORD
from tests.servers.errors import ServerUnavailable
from tests.servers.peers import Peer, peers

OWN = "mailferry"
PUMP = "pump"


@dataclass(frozen=True, slots=True)
class Task:
    """What to copy. `folder` is for the tool's own files and kept between the passes of one copy."""

    ports: tuple[int, int]
    users: tuple[str, str]
    folder: Path
    batch: int = 500
    """For the pump: messages in one APPEND command."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and what its environment must hold beside ours."""

    line: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


Tool = Callable[[Task], Command]


def own_program() -> str:
    """The program beside the interpreter that runs the benchmark."""
    return str(Path(sys.executable).with_name("mailferry"))


def mailferry_to(task: Task, target: str, *more: str) -> Command:
    """Copy to any location."""
    secret = _written(task.folder / "password", f"{PASSWORD}\n")
    source = f"imap://{task.users[0]}@{HOST}:{task.ports[0]}"
    options = ["--source-password-file", secret, "--state", str(task.folder / "ledger.sqlite"), *more]
    return Command([own_program(), "copy", source, target, *options])


def mailferry(task: Task) -> Command:
    """Our own program."""
    target = f"imap://{task.users[1]}@{HOST}:{task.ports[1]}"
    return mailferry_to(task, target, "--target-password-file", str(task.folder / "password"))


def pump(task: Task) -> Command:
    """The reference; see `bench.pump`."""
    return Command([sys.executable, "-m", "bench.pump", *map(str, task.ports), *task.users, str(task.batch)])


def mbsync(peer: Peer, task: Task) -> Command:
    """Isync, pulling what is new; pipelining at its default, which is without limit."""
    text = "".join(
        f"IMAPAccount {side}\nHost {HOST}\nPort {port}\nUser {user}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n"
        f"IMAPStore {side}\nAccount {side}\n\n"
        for side, port, user in zip(("source", "target"), task.ports, task.users, strict=True)
    )
    text += "Channel copy\nFar :source:\nNear :target:\nPatterns *\nSync Pull New\nCreate Near\nCopyArrivalDate yes\n"
    config = _written(task.folder / "mbsyncrc", f"{text}SyncState {task.folder}/state-\n")
    return Command([*peer.command, "-q", "-q", "-c", config, "copy"], {"HOME": str(task.folder), **peer.environment})


def interimap(peer: Peer, task: Task) -> Command:
    """Interimap; it goes both ways, and the target starts empty."""
    text = f"database = {task.folder}/interimap.db\n" + "".join(
        f"\n[{side}]\ntype = imap\nhost = {HOST}\nport = {port}\nusername = {user}\npassword = {PASSWORD}\n"
        "STARTTLS = NO\ncompress = NO\n"
        for side, port, user in zip(("remote", "local"), task.ports, task.users, strict=True)
    )
    home = str(task.folder)
    environment = {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, **peer.environment}
    config = _written(task.folder / "interimap.conf", text)
    return Command([*peer.command, "--quiet", f"--config={config}"], environment)


def imapsync(program: str, task: Task) -> Command:
    """Imapsync with its defaults, without logs and look-ups of new releases."""
    line = [program, "--noreleasecheck", "--nolog", "--tmpdir", str(task.folder), "--pidfile", f"{task.folder}/pid"]
    for number, port, user in zip("12", task.ports, task.users, strict=True):
        line += [f"--host{number}", HOST, f"--port{number}", str(port), f"--user{number}", user]
        line += [f"--password{number}", PASSWORD, f"--nossl{number}", f"--notls{number}"]
    return Command(line, {"HOME": str(task.folder)})


def tools() -> dict[str, Tool]:
    """All tools that are here, ours first; what is in Python is compiled, so that no first run pays for it."""
    for package in (mailferry_package, bench_package, servers_package):
        compileall.compile_dir(str(Path(str(package.__file__)).parent), quiet=2)
    found: dict[str, Tool] = {OWN: mailferry, PUMP: pump}
    try:
        there = peers()
    except ServerUnavailable as reason:
        print(f"No mbsync and interimap: {reason}", file=sys.stderr)
    else:
        found["interimap"] = lambda task: interimap(there["interimap"], task)
        found["mbsync"] = lambda task: mbsync(there["mbsync"], task)
    program = shutil.which("imapsync")
    if program is not None:
        found["imapsync"] = lambda task: imapsync(program, task)
    return found


def _written(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    os.chmod(path, 0o600)
    path.write_text(text)
    return str(path)
