"""Each repair mends one thing and nothing else."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy

import pytest

from mailferry.sync.repair import (
    LONGEST_COMMAND_LINE,
    Level,
    LineEndDigester,
    attempts,
    break_lines,
    encode_header,
    equal_but_for_line_ends,
    mark_broken_lines,
    mend_line_ends,
    repairs,
    shorten_header,
    strip_mbox_line,
    strip_nul,
)

TIDY = b"From: Ann <ann@example.org>\r\nSubject: hello\r\n there\r\n\r\nHello\r\n\r\n=C3=BC\r\n"


def names(level: Level) -> list[str]:
    return [repair.name for repair in repairs(level)]


def test_levels_go_from_nothing_to_what_changes_more() -> None:
    assert names("none") == []
    assert names("line-ends") == ["line-ends"]
    assert names("all")[:3] == ["line-ends", "nul", "mbox-line"]
    assert len(set(names("all"))) == len(names("all"))


def test_tidy_mail_has_nothing_to_mend() -> None:
    assert list(attempts(TIDY, "all")) == []


def test_attempts_build_on_each_other_and_skip_what_changes_nothing() -> None:
    broken = b"From ann Mon Jan 1\nSubject: \xff\n\nbody"
    assert list(attempts(broken, "none")) == []
    assert [done for done, _ in attempts(broken, "line-ends")] == [("line-ends",)]
    steps = list(attempts(broken, "all"))
    assert [done for done, _ in steps] == [
        ("line-ends",),
        ("line-ends", "mbox-line"),
        ("line-ends", "mbox-line", "8-bit-header"),
    ]
    assert steps[-1][1] == b"Subject: =?unknown-8bit?B?/w==?=\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\rb\r", b"a\r\nb\r\n"),
        (b"a\r\r\nb", b"a\r\nb\r\n"),
        (b"a\n\rb", b"a\r\n\r\nb\r\n"),
        (b"a\r\n\n\r\n", b"a\r\n\r\n\r\n"),
        (b"", b""),
    ],
)
def test_line_ends(broken: bytes, mended: bytes) -> None:
    assert mend_line_ends(broken) == mended
    assert equal_but_for_line_ends(broken, mended)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (b"a\r\nb", b"a\nb\r\n\r\n", True),
        (b"a\rb", b"a\r\r\nb", True),
        (b"a\r\rb", b"a\n\nb", True),
        (b"a\nb", b"a\n\nb", False),
        (b"a b", b"a\nb", False),
        (b"a", b"a ", False),
        (b"\r\n", b"", True),
    ],
)
def test_equal_but_for_line_ends(one: bytes, other: bytes, equal: bool) -> None:
    assert equal_but_for_line_ends(one, other) is equal
    digests = []
    for data in (one, other):
        digester = LineEndDigester()
        digester.update(data)
        digests.append(digester.digest())
    assert (digests[0] == digests[1]) is equal
    assert len(digests[0]) == 16


def test_many_line_ends_count_in_the_middle_only() -> None:
    one, other = LineEndDigester(), LineEndDigester()
    one.update(b"a" + b"\n" * 200_000)
    other.update(b"a")
    assert one.digest() == other.digest()
    one.update(b"b")
    other.update(b"\r" * 200_000)
    other.update(b"b")
    assert one.digest() == other.digest()
    other.update(b"\nb")
    assert one.digest() != other.digest()


def test_nul_is_left_out() -> None:
    assert strip_nul(b"a\0b\0") == b"ab"


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        (b"From ann@example.org Mon Jan  1 10:00:00 2024\r\n" + TIDY, TIDY),
        (b">From ann Mon\nFrom ann Mon\n" + TIDY, TIDY),
        (b"From : ann\r\n\r\n", b"From : ann\r\n\r\n"),
        (b"From nothing else", b"From nothing else"),
        (b"X: y\r\n\r\nFrom here on\r\n", b"X: y\r\n\r\nFrom here on\r\n"),
    ],
)
def test_mbox_line(broken: bytes, mended: bytes) -> None:
    assert strip_mbox_line(broken) == mended


def longest_line(data: bytes) -> int:
    return max(map(len, data.split(b"\r\n")))


def test_a_long_field_is_folded_without_a_change_of_its_value() -> None:
    value = b" ".join(b"<%d@example.org>" % n for n in range(1_000))
    broken = b"References: " + value + b"\r\nSubject: x\r\n\r\nbody\r\n"
    mended = break_lines(broken)
    assert longest_line(mended) <= 998
    assert mended.replace(b"\r\n ", b" ") == broken


def test_folding_makes_no_line_of_blanks_only() -> None:
    broken = (
        b"Subject: a" + b" " * 3_000 + b"b" * 2_000 + b" \t" * 1_000 + b"c" + b" " * 990 + b"\r\nTo: x\r\n\r\nbody\r\n"
    )
    mended = break_lines(broken)
    assert longest_line(mended) <= 998
    header = mended.partition(b"\r\n\r\n")[0]
    assert header.endswith(b"\r\nTo: x")
    assert all(line.strip() for line in header.split(b"\r\n"))
    assert message_from_bytes(mended)["to"] == "x"


def test_a_blank_line_of_the_header_does_not_end_it() -> None:
    assert break_lines(b"A: b\r\n" + b" " * 2_000 + b"\r\nTo: x\r\n\r\n") == b"A: b\r\n \r\nTo: x\r\n\r\n"


def test_base64_in_one_line_stays_what_it_is() -> None:
    content = bytes(range(256)) * 100
    mended = break_lines(
        b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(content) + b"\r\n"
    )
    assert longest_line(mended) <= 998
    assert message_from_bytes(mended).get_payload(decode=True) == content


def test_text_is_broken_before_white_space_and_not_inside_a_character() -> None:
    words = b"\r\n" + b"word " * 1_000 + b"\r\n"
    assert break_lines(b"X: y\r\n" + words).replace(b"\r\n ", b" ") == b"X: y\r\n" + words
    for shift in range(4):
        text = ("x" * shift + "ü€😀" * 1_000).encode()
        lines = break_lines(b"X: y\r\n\r\n" + text).split(b"\r\n")[2:]
        assert "".join(line.decode() for line in lines) == text.decode()
        quoted = b"x" * shift + b"=C3=BC" * 1_000
        assert all(
            line.count(b"=") * 3 == len(line.lstrip(b"x")) for line in break_lines(b"\r\n" + quoted).split(b"\r\n")
        )


def test_lines_that_only_break_the_standard_may_stay() -> None:
    line = b"Subject: x\r\n\r\n" + b"y" * LONGEST_COMMAND_LINE + b"\r\n"
    assert break_lines(line, LONGEST_COMMAND_LINE) == line
    assert longest_line(break_lines(line.replace(b"\r\n\r\n", b"\r\n\r\ny"), LONGEST_COMMAND_LINE)) == 998


def test_eight_bit_text_becomes_encoded_words() -> None:
    header = (
        'Subject: Grüße  an alle, schöne\r\n Grüße\r\nFrom: "Müller, Jörg" <joerg@example.org>\r\n'
        "To: Jörg Müller <j@example.org>, Ann <ann@example.org>, (Grüße) bob@example.org\r\n"
        'Content-Type: text/plain; name="Übersicht.txt"\r\nReceived: from münchen by x\r\nX-Note: "ü"\r\n\r\n'
    )
    mended = encode_header(header.encode() + b"\xff\r\n")
    fields, _, body = mended.partition(b"\r\n\r\n")
    assert fields.isascii()
    assert body == b"\xff\r\n"
    parsed = message_from_bytes(mended, policy=policy.default)
    assert parsed["subject"] == "Grüße  an alle, schöne Grüße"
    assert parsed["from"].addresses[0].display_name == "Müller, Jörg"
    assert [address.addr_spec for address in parsed["to"].addresses] == [
        "j@example.org",
        "ann@example.org",
        "bob@example.org",
    ]
    assert parsed["to"].addresses[0].display_name == "Jörg Müller"
    assert parsed.get_filename() == "Übersicht.txt"
    assert parsed["received"] == "from m??nchen by x"


def test_bytes_of_an_unknown_charset_are_kept_and_words_are_short() -> None:
    value = bytes(range(0xC0, 0x100)) * 40
    mended = encode_header(b"Subject: " + value + b"\r\n\r\n")
    words = mended.partition(b": ")[2].split()
    assert all(len(word) <= 75 for word in words)
    assert b"".join(base64.b64decode(word.split(b"?")[3]) for word in words) == value
    german = encode_header(b"Subject: " + "ü".encode() * 500 + b"\r\n\r\n")
    assert message_from_bytes(german, policy=policy.default)["subject"] == "ü" * 500


def test_lines_that_are_no_fields_are_marked() -> None:
    broken = b"From: x\r\n>From y Mon\r\n more\r\nTo: z\r\n\r\nbody\r\n"
    assert mark_broken_lines(broken) == b"From: x\r\nX-Unreadable-Header: >From y Mon\r\n more\r\nTo: z\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        (
            b"From: x\r\nDear Bob\r\nhow are you\r\n\r\nAnn\r\n",
            b"From: x\r\n\r\nDear Bob\r\nhow are you\r\n\r\nAnn\r\n",
        ),
        (b"Dear Bob\r\n\r\nAnn\r\n", b"\r\nDear Bob\r\n\r\nAnn\r\n"),
        (b"", b""),
        (b"\r\nbody", b"\r\nbody"),
    ],
)
def test_a_body_without_the_empty_line_gets_one(broken: bytes, mended: bytes) -> None:
    assert mark_broken_lines(broken) == mended


def test_a_header_that_is_too_large_loses_what_no_reader_needs() -> None:
    needed = b"From: x\r\nTo: " + b"bob@example.org,\r\n " * 100 + b"eve@example.org\r\n"
    broken = (
        needed + b"X-Huge: " + b"x" * 60_000 + b"\r\nX-Small: y\r\nReceived: " + b"r" * 10_000 + b"\r\n\r\nbody\r\n"
    )
    assert shorten_header(broken) == needed + b"X-Small: y\r\nReceived: " + b"r" * 10_000 + b"\r\n\r\nbody\r\n"
    all_needed = b"To: " + b"x" * 70_000 + b"\r\n\r\nbody\r\n"
    assert shorten_header(all_needed) == all_needed
