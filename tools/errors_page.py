"""Write docs/internals/errors.md from the error classes. Usage: .venv/bin/python tools/errors_page.py"""

from __future__ import annotations

from pathlib import Path

from mailferry.cli import exitcodes
from mailferry.errors import MailferryError, Retry, Scope, Side

PAGE = Path(__file__).resolve().parents[1] / "docs" / "internals" / "errors.md"

HEAD = """\
# Errors

Made by `tools/errors_page.py` from the error classes; do not edit.

Each error has a code that never changes, says whether trying again helps, how much is spoiled, and what to do. Codes
stand in reports and events; the exit code is that of the process when the error ends it.

| trying again | means |
| --- | --- |
| soon | it may work in a moment; `copy` does so by itself some times |
| later | the server asked for patience; `copy` waits, then goes on |
| after-repair | a person must change something first |
| never | the same input gives the same answer |
"""


def page() -> str:
    """Give the text of the page."""
    parts = [HEAD]
    for kind in sorted(exitcodes.error_classes(), key=lambda kind: kind.code):
        parts.append(f"## {kind.code}\n\n{kind.summary()}\n\n{_facts(kind)}")
        if kind.advice:
            parts.append(f"{kind.advice}\n")
    parts.append("## Exit codes\n\n| code | side | meaning |\n| --- | --- | --- |\n" + _codes())
    return "\n".join(parts)


def _facts(kind: type[MailferryError]) -> str:
    codes = sorted({exitcodes.exit_code(kind(side=side)) for side in Side} - _no_side(kind))
    numbers = ", ".join(map(str, codes))
    retry, scope = Retry(kind.retry), Scope(kind.scope)
    return f"Trying again: {retry.value}. Spoiled: {scope.value}. Exit code: {numbers}.\n"


def _no_side(kind: type[MailferryError]) -> set[int]:
    """An error of a server always comes with its side; the code without one is of no use then."""
    codes = {exitcodes.exit_code(kind(side=side)) for side in (Side.SOURCE, Side.TARGET)}
    return {exitcodes.UNEXPECTED} if len(codes) > 1 else set()


def _codes() -> str:
    lines = (
        f"| {line.number} | {line.side.value if line.side else ''} | {line.text} |\n" for line in exitcodes.table()
    )
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
