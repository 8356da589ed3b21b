"""Numbers, sizes, times and names as people read and write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?B)?", re.IGNORECASE)
_UNITS = ("bytes", "KB", "MB", "GB", "TB")
# What changes a terminal's state or the direction of writing; mail comes from anybody.
_UNPRINTABLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def parse_size(text: str) -> int:
    """Read `36700160`, `35MB`, `35 M` or `1.5GiB`; a megabyte has 1,048,576 bytes. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size: write bytes, or a number with K, M or G, such as 35MB")
    unit = " KMGT".index(match[2].upper() or " ")
    size_bytes = round(float(match[1]) * (1 << 10 * unit))
    if not size_bytes:
        raise ValueError("the size must be at least one byte")
    return size_bytes


def split_list(texts: Iterable[str]) -> list[str]:
    r"""Split each at its commas; `\,` is a comma itself, other backslashes stay as they are."""
    found: list[str] = []
    for text in texts:
        entry = ""
        for piece in re.findall(r"\\,|\\.|,|[^\\,]+|\\", text, re.DOTALL):
            if piece == ",":
                found.append(entry)
                entry = ""
            else:
                entry += "," if piece == r"\," else piece
        found.append(entry)
    return [entry.strip() for entry in found if entry.strip()]


def number(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def plural(value: int, one: str, many: str = "") -> str:
    """`1 folder`, `12,345 folders`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def size(size_bytes: float) -> str:
    """`512 bytes`, `4.0 KB`, `41.2 MB`."""
    value, unit = float(size_bytes), 0
    while value >= 1023.95 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{value:.0f} {_UNITS[0]}" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3:07 min`, `1:02:03 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


def rate(amount: float, seconds: float) -> float:
    """Per second; nothing is infinite."""
    return amount / max(seconds, 0.001)


def printable(text: str) -> str:
    """Make foreign text safe for a terminal and one line: a subject may hold escape sequences."""
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNPRINTABLE else c for c in _one_line(text)
    )
    return shown.strip()


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n\t ]+", " ", text)
