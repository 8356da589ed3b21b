from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cli import wording


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("36700160", 36_700_160),
        ("35MB", 36_700_160),
        ("35M", 36_700_160),
        ("35 mb", 36_700_160),
        ("35MiB", 36_700_160),
        ("1.5K", 1536),
        ("2G", 2 << 30),
        ("10B", 10),
    ],
)
def test_sizes_are_read(text: str, size_bytes: int) -> None:
    assert wording.parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MB", "-1", "0", "0MB", "1e9", "35 MBit", "ten"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        wording.parse_size(text)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KB"), (1_048_575, "1.0 MB"), (36_700_160, "35.0 MB")],
)
def test_sizes_are_written(size_bytes: int, text: str) -> None:
    assert wording.size(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1:00 min"), (187, "3:07 min"), (3723, "1:02:03 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("texts", "entries"),
    [
        (["INBOX,Clients/*"], ["INBOX", "Clients/*"]),
        (["INBOX", "Clients"], ["INBOX", "Clients"]),
        ([r"Miller\, Sons,Sent"], ["Miller, Sons", "Sent"]),
        ([r"a\\,b"], [r"a\\", "b"]),
        ([r"\#Notes\#,a\/b"], [r"\#Notes\#", r"a\/b"]),
        (["a,,b, "], ["a", "b"]),
        (["a\\"], ["a\\"]),
    ],
)
def test_lists_are_split_at_commas(texts: list[str], entries: list[str]) -> None:
    assert wording.split_list(texts) == entries


@given(st.lists(st.text(st.characters(exclude_characters="\\"), min_size=1).filter(lambda t: t.strip() == t)))
def test_every_name_can_be_an_entry(names: list[str]) -> None:
    assert wording.split_list([",".join(name.replace(",", r"\,") for name in names)]) == names


@given(st.text())
def test_printable_text_cannot_steer_a_terminal(text: str) -> None:
    shown = wording.printable(text)
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "\u202e" not in shown
    assert all(c.isprintable() for c in shown.replace("\u3000", "").replace("\xa0", "") if not c.isspace())


def test_printable_keeps_what_people_write() -> None:
    assert wording.printable("Größe 会議\tRe: x") == "Größe 会議 Re: x"
    assert wording.printable("a\x1b[31mb\u202ec") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c"
