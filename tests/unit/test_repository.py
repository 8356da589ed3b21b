"""Rules of the house that hold for every file, and for the pinned requirements."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "mailferry"
LOCKS = ("runtime", "demo", "dev")

LONG_FILES: Mapping[str, str] = {
    "backends/base.py": "the whole contract of a backend on one page",
    "backends/imap.py": "all of a reader: folders, counts, listings",
    "imap/client.py": "one connection: opening, sending, receiving and ending share its state",
    "sync/apply.py": "the copier: lanes, jobs, commits and giving up are one life cycle",
}
"""Files over 300 lines, each with its reason. None may pass 500."""

# Spelled in parts, so that this file does not find itself.
FOREIGN = re.compile(
    "|".join(
        (
            r"py" + r"pi\.org",
            r"pythonhosted\b" + r"\.org",
            r"registry\.npm" + r"js\.org",
            r"deb\." + r"debian\.org",
            r"--(?:extra-)?index" + r"-url\s*=?\s*\S*:",
            r"(?<![\w.$}])/(?:work|root)" + r"/",
            r"\.\./" + r"shared\b",
        )
    )
)
"""Addresses of package registries, and paths of somebody's machine."""


def project_files() -> list[Path]:
    """List what is or could be committed; without git, everything that no tool made."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        made = re.compile(r"/(?:\.venv|__pycache__|\.\w+_cache|\.hypothesis|[\w.]+\.egg-info)/")
        paths = [path for path in ROOT.rglob("*") if not made.search(f"{path.as_posix()}/")]
    return sorted(path for path in paths if path.is_file())


def source_folders() -> list[str]:
    """List the packages below src/mailferry, such as "imap" or "api/routes"."""
    return sorted(path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.glob("**/*/__init__.py"))


def pinned(lock: str) -> dict[str, str]:
    """Map each requirement of a lock file to its pin and hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {re.split(r"[=\s;\[]", line, maxsplit=1)[0]: line for line in lines}


def wanted(source: str) -> set[str]:
    """List the names that a requirements source asks for itself or by inclusion."""
    names: set[str] = set()
    for line in (ROOT / "requirements" / f"{source}.in").read_text().splitlines():
        if line.startswith("-r "):
            names |= wanted(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith(("#", "-")):
            names.add(requirement_name(line))
    return names


def requirement_name(line: str) -> str:
    """Give the name of a requirement as lock files write it: without extras, words joined by hyphens."""
    return re.split(r"[\[<>=~! ;]", line.strip(), maxsplit=1)[0].lower().replace("_", "-")


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = []
    for path in project_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if match := FOREIGN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "https://py" + "pi.org/simple",
        "see /wo" + "rk/main/x.py",
        "cd /ro" + "ot/.cache",
        "from ../sha" + "red/PROTOCOL.md",
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert FOREIGN.search(line)


@pytest.mark.parametrize("line", ["INBOX/work/2024", "--user-root /rootfolder", "networks/"])
def test_the_search_leaves_mail_folders_alone(line: str) -> None:
    assert not FOREIGN.search(line)


def test_source_files_are_short() -> None:
    lengths = {path.relative_to(SOURCE).as_posix(): len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}
    assert {name: count for name, count in lengths.items() if count >= 500} == {}
    assert {name for name, count in lengths.items() if count > 300} == set(LONG_FILES)


def test_every_source_folder_is_on_the_code_map() -> None:
    code_map = (ROOT / "CONTRIBUTING.md").read_text()
    on_map = set(re.findall(r"^\| `src/mailferry/([\w/]+)/` \|", code_map, re.MULTILINE))
    assert on_map == set(source_folders())


def test_every_other_folder_of_code_is_on_the_code_map() -> None:
    code_map = (ROOT / "CONTRIBUTING.md").read_text()
    present = {name for name in ("tests", "bench", "demo", "tools", "docs", "requirements") if (ROOT / name).is_dir()}
    assert present <= set(re.findall(r"^\| `(\w+)/` \|", code_map, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_each_requirement_with_hashes(lock: str) -> None:
    requirements = pinned(lock)
    assert wanted(lock) <= set(requirements)
    for line in requirements.values():
        assert re.fullmatch(r"[\w.-]+==[\w.]+(?: ; [^#]*?)?(?:\s+--hash=sha256:[0-9a-f]{64})+", line), line


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert "://" not in text
    assert "index" not in text
    assert "find-links" not in text


@pytest.mark.parametrize(("smaller", "larger"), [("runtime", "demo"), ("demo", "dev")])
def test_the_locks_agree(smaller: str, larger: str) -> None:
    """The tests run with the very versions that users get. Markers may differ: another package may need one always."""

    def pins(lock: str) -> set[str]:
        return {line.split()[0] for line in pinned(lock).values()}

    assert pins(smaller) <= pins(larger)


def test_the_package_needs_what_the_runtime_lock_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["project"]["dependencies"] + project["build-system"]["requires"]
    assert {requirement_name(entry) for entry in declared} == wanted("runtime")
