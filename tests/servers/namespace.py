"""Runs a daemon over its unpacked packages, in a user and mount namespace of its own.

Inside, the packages lie over /usr, /etc and /run are private, and the daemon is the one ordinary user
`vmail`; outside, all of it belongs to the caller, root or not. Everything ends with the namespace's
first process, which waits on a pipe from the caller: nothing survives a caller that is killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.errors import ServerFailed, ServerUnavailable

DAEMON_USER = "vmail"
DAEMON_ID = 1000
_STOP_SECONDS = 8.0

# $1 unpacked packages, $2 private folder, $3 uid inside, $4 "dev" for a private /dev, $5 "keep" or "once".
_SCRIPT = r"""
tree=$1 box=$2 id=$3 dev=$4 how=$5; shift 5
mount -t overlay -o "lowerdir=$tree/usr:/usr" overlay /usr || exit 97
if [ "$dev" = dev ]; then
    for node in null zero full random urandom tty; do mount --bind "/dev/$node" "$box/dev/$node" || exit 97; done
    if [ -d /dev/shm ]; then mount --bind /dev/shm "$box/dev/shm" || exit 97; fi
    mount --rbind "$box/dev" /dev || exit 97
fi
mount --bind "$box/run" /run && mount --bind "$box/etc" /etc || exit 97
ulimit -n 8192 2>/dev/null || :
if [ "$how" = once ]; then exec unshare -U --map-user="$id" --map-group="$id" -- "$@"; fi
rm -f "$box/pid" "$box/exit"
(
    sh -c 'echo $$ >"$0/pid"; exec "$@"' "$box" unshare -U --map-user="$id" --map-group="$id" -- "$@" </dev/null
    echo $? >"$box/exit"
) &
echo ready
if read -r line; then kill -TERM "$(cat "$box/pid")" && wait; fi
"""

_PASSWD = ("root:x:0:0::/root:/bin/sh", "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin")
_COPIED = ("alternatives", "hosts", "localtime", "protocols", "services", "ssl/openssl.cnf", "ld.so.cache", "perl")


class Namespace:
    """One place for one daemon: `tree` over /usr, `box` for what is private to it.

    `etc` (in the box) is /etc inside and may be filled before the start. With `device_log`, /dev is
    private too and /dev/log leads to that path, where the caller may listen.
    """

    def __init__(self, tree: Path, box: Path, *, device_log: Path | None = None) -> None:
        self._tree, self._box = tree, box
        self._private_dev = device_log is not None
        self.etc = box / "etc"
        self._process: subprocess.Popen[bytes] | None = None
        for folder in (self.etc, box / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        self._fill_etc()
        if device_log is not None:
            self._fill_dev(device_log)

    @property
    def pid(self) -> int | None:
        """The outermost process, an ancestor of all others; None when not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start the daemon, which must stay in the foreground. Raises ServerUnavailable."""
        self._box.joinpath("exit").unlink(missing_ok=True)
        process = self._spawn("keep", command, environment)
        assert process.stdout is not None
        self._process = process
        if process.stdout.readline() != b"ready\n":
            reason = self._close().decode(errors="replace").strip()
            raise ServerUnavailable(f"no user namespace with its own /usr can be made here: {reason}")

    def exited(self) -> bool:
        """Whether the daemon has ended by itself, or was ended."""
        return self.pid is None or self._box.joinpath("exit").exists()

    def stop(self) -> None:
        """End the daemon by SIGTERM, then everything that is left in the namespace."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        try:
            if self.pid is not None:
                self._process.stdin.write(b"stop\n")
                self._process.stdin.flush()
            self._process.wait(_STOP_SECONDS)
        except BrokenPipeError:
            pass
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.kill()

    def kill(self) -> None:
        """End everything at once, as a power failure would; returns when nothing is left."""
        if self._process is not None:
            self._close()

    def run(self, command: Sequence[str], *, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Run a helper program to its end beside the daemon; return its output. Raises ServerFailed."""
        process = self._spawn("once", command, environment)
        output, errors = process.communicate(stdin, timeout=60)
        if process.returncode == 97:
            raise ServerUnavailable(f"no user namespace with its own /usr can be made here: {errors.decode()}")
        if process.returncode != 0:
            raise ServerFailed(f"{command[0]} ended with {process.returncode}: {errors.decode(errors='replace')}")
        return output

    def _spawn(
        self, how: str, command: Sequence[str], environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        if shutil.which("unshare") is None:
            raise ServerUnavailable("unshare is not installed")
        outer = ["unshare", "-Urm", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
        dev = "dev" if self._private_dev else "-"
        script = ["sh", "-c", _SCRIPT, "sh", str(self._tree), str(self._box), str(DAEMON_ID), dev, how]
        errors = self._box.joinpath("stderr").open("ab") if how == "keep" else None
        try:
            return subprocess.Popen(
                [*outer, *script, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors or subprocess.PIPE,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(environment or {})},
                start_new_session=True,
            )
        finally:
            if errors:
                errors.close()

    def _close(self) -> bytes:
        process, self._process = self._process, None
        if process is None:
            return b""
        assert process.stdin is not None
        assert process.stdout is not None
        # The first process ends with its input, the kernel then kills the rest, and only after that does unshare end.
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        return self._box.joinpath("stderr").read_bytes()[-500:]

    def _fill_etc(self) -> None:
        users = (*_PASSWD, *(f"{n}:x:{DAEMON_ID}:{DAEMON_ID}::/:/bin/sh" for n in (DAEMON_USER, "courier", "cyrus")))
        groups = ("root:x:0:", "nogroup:x:65534:", f"{DAEMON_USER}:x:{DAEMON_ID}:", f"mail:x:{DAEMON_ID}:")
        self.etc.joinpath("passwd").write_text("\n".join(users) + "\n")
        self.etc.joinpath("group").write_text("\n".join(groups) + "\n")
        self.etc.joinpath("nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        for name in _COPIED:
            source, copy = Path("/etc", name), self.etc / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if copy.exists():
                continue
            if source.is_dir():
                shutil.copytree(source, copy, symlinks=True)
            elif source.exists():
                shutil.copyfile(source, copy)

    def _fill_dev(self, device_log: Path) -> None:
        dev = self._box / "dev"
        dev.joinpath("shm").mkdir(parents=True, exist_ok=True)
        for node in ("null", "zero", "full", "random", "urandom", "tty"):
            dev.joinpath(node).touch()
        for name, target in {"fd": "/proc/self/fd", "log": str(device_log)}.items():
            if not dev.joinpath(name).is_symlink():
                dev.joinpath(name).symlink_to(target)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its live descendants, and the children they have waited for."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = entry.joinpath("stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = sum(map(int, fields[11:15]))
    total, todo = 0, [pid]
    while todo:
        current = todo.pop()
        total += ticks.get(current, 0)
        todo += children.get(current, ())
    return total / os.sysconf("SC_CLK_TCK")
