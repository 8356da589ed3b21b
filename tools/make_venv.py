"""Make a virtual environment with the first Python that will do.

Usage: python3 tools/make_venv.py FOLDER [PYTHON]

Runs on any Python 3, so that a machine whose own Python is too old is told so in plain words.
Exit code 1 and one message on standard error when no environment can be made.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWEST = (3, 13)
NAMES = ("python3", "python3.13", "python3.12", "python3.11")
PROBE = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
PROBE_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def ask(python: str, program: str) -> str:
    """Give what `program` prints under this interpreter, or "" if it does not run."""
    try:
        done = subprocess.run([python, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def is_supported(version: str) -> bool:
    """Say whether Mailferry runs on this version, given as "3.12"."""
    return bool(version) and OLDEST <= tuple(int(part) for part in version.split(".")) <= NEWEST


def explain(candidates: "list[str]") -> str:
    """Say what stands in the way and what to install."""
    for python in candidates:
        version = ask(python, PROBE_VERSION)
        if is_supported(version):
            return (
                f"Python {version} ({python}) cannot make virtual environments: its venv package is missing.\n"
                f"Install it, on Debian and Ubuntu as root:  apt install python3-venv  "
                f"(or python{version}-venv), then run the same command again."
            )
    found = ", ".join(f"{python} is {ask(python, PROBE_VERSION) or 'not to be run'}" for python in candidates)
    return (
        f"Mailferry needs Python 3.11, 3.12 or 3.13; found: {found or 'none'}.\n"
        "Install one of them with its venv package (on Debian 12 and later: apt install python3 python3-venv), "
        "or name one:  make install PYTHON=/path/to/python3.12"
    )


def main(arguments: "list[str]") -> int:
    """Make the environment; see the head of this file."""
    folder = arguments[0]
    wanted = [name for name in arguments[1:] if name] or list(NAMES)
    candidates = [path for path in map(shutil.which, wanted) if path]
    for python in candidates:
        if is_supported(ask(python, PROBE)):
            # A half-made environment of an earlier try is cleared.
            return subprocess.run([python, "-m", "venv", "--clear", os.path.abspath(folder)]).returncode
    print(explain(candidates), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
