"""What may be changed in a message that a server refused as it is, step by step.

Each repair mends one thing that servers refuse, leaves a message alone that doesn't have it, and changes nothing
when it is applied again. They are tried in order, each on top of those before it; see `attempts`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

from mailferry.records import dataclass
from mailferry.sync.identity import LineEndDigester as LineEndDigester
from mailferry.sync.identity import equal_but_for_line_ends as equal_but_for_line_ends
from mailferry.sync.identity import with_lf

Level = Literal["none", "line-ends", "all"]

LONGEST_LINE: Final = 998
"""Octets without the line end (RFC 5322, 2.1.1)."""

LONGEST_COMMAND_LINE: Final = 10_239
"""Exchange breaks an APPEND off at a longer line; many servers take lines up to it that are against the standard."""

LONGEST_HEADER: Final = 65_536
"""Octets. A server that limits the header takes this much."""

MARK: Final = b"X-Unreadable-Header: "
"""Put before a line of the header that is no field, so that it becomes one."""

_MBOX_LINE: Final = re.compile(rb">?From (?![ \t]*:)[^\r\n]*(?:\r*\n|\r)")
_UTF8_TAIL: Final = range(0x80, 0xC0)
_HEADER_END: Final = re.compile(rb"\n(?=\r?\n)")
_FIELD: Final = re.compile(rb"[^\n]+(?:\n[ \t][^\n]*)*\n?")
_PROPER_FIELD: Final = re.compile(rb"[!-9;-~\x80-\xff]+[ \t]*:")
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_ENCODED_BYTES: Final = 39  # an encoded word has at most 75 octets (RFC 2047, 2)

_TEXTS: Final = frozenset((b"subject", b"comments", b"content-description", b"thread-topic", b"keywords"))
_WITH_NAMES: Final = frozenset(
    b"from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc resent-bcc".split()
)
_WITH_FILE_NAMES: Final = frozenset((b"content-type", b"content-disposition"))
_NEEDED: Final = frozenset(
    b"from sender reply-to to cc bcc subject date message-id in-reply-to references mime-version content-type "
    b"content-transfer-encoding content-disposition content-description content-id content-language".split()
)


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair. `apply` takes and gives a whole message; `name` stands in the report."""

    name: str
    apply: Callable[[bytes], bytes]


def repairs(level: Level) -> Sequence[Repair]:
    """The repairs of a level, in the order in which they are tried: what changes least comes first."""
    return _REPAIRS[level]


def attempts(data: bytes, level: Level) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """The versions of a refused message that are worth sending, with the names of the repairs they went through.

    Each differs from the one before it, the first from `data`; none if there is nothing to mend.
    """
    names: tuple[str, ...] = ()
    for repair in repairs(level):
        mended = repair.apply(data)
        if mended != data:
            names, data = (*names, repair.name), mended
            yield names, data


def mend_line_ends(data: bytes) -> bytes:
    """Make each line end CRLF (bare LF, bare CR, several CR before an LF) and end the message with one."""
    if not data:
        return data
    mended = with_lf(data).replace(b"\n", b"\r\n")
    return mended if mended.endswith(b"\n") else mended + b"\r\n"


def strip_nul(data: bytes) -> bytes:
    """Leave out NUL, which a literal may not hold (RFC 3501, 4.3)."""
    return data.replace(b"\0", b"")


def strip_mbox_line(data: bytes) -> bytes:
    """Leave out the line `From ...` with which an mbox file begins a message; it is not part of it."""
    at = 0
    while found := _MBOX_LINE.match(data, at):
        at = found.end()
    return data[at:]


def break_lines(data: bytes, longest: int = LONGEST_LINE) -> bytes:
    """Break lines over `longest` octets into lines of at most 998.

    The break stands before white space, which in a header is folding and changes nothing (RFC 5322, 2.2.3). A text
    without white space, such as base64, is broken where it must be, but not inside a character or `=XX`.
    """
    header, body = _split(data)
    long_line = re.compile(rb"(?<![^\r\n])[^\r\n]{%d,}" % (longest + 1))
    return long_line.sub(_fold_field, header) + long_line.sub(_fold_text, body)


def mark_broken_lines(data: bytes) -> bytes:
    """Make fields of the lines of the header that are none; where only such lines follow, the body begins."""
    header, body = _split(data)
    fields: list[bytes] = _FIELD.findall(header)
    proper = [_PROPER_FIELD.match(field) is not None for field in fields]
    if all(proper):
        return data
    count = len(proper) - proper[::-1].index(True) if True in proper else 0
    marked = [field if is_proper else MARK + field for field, is_proper in zip(fields, proper, strict=True)]
    lost_body = b"".join(fields[count:])
    return b"".join(marked[:count]) + (b"\r\n" + lost_body if lost_body else b"") + body


def encode_header(data: bytes) -> bytes:
    """Write 8-bit bytes of the header as encoded words (RFC 2047); as `?` in fields for programs.

    What isn't UTF-8 is labelled `unknown-8bit` (RFC 1428), so that its bytes are not lost.
    """
    header, body = _split(data)
    return data if header.isascii() else b"".join(map(_encode_field, _FIELD.findall(header))) + body


def shorten_header(data: bytes) -> bytes:
    """Leave out fields that no reader needs, the longest first, until the header has at most 64 KiB."""
    header, body = _split(data)
    excess = len(header) - LONGEST_HEADER
    if excess <= 0:
        return data
    fields: list[bytes] = _FIELD.findall(header)
    for index in sorted(range(len(fields)), key=lambda i: len(fields[i]), reverse=True):
        if excess > 0 and _name(fields[index]) not in _NEEDED:
            excess -= len(fields[index])
            fields[index] = b""
    return b"".join(fields) + body


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The fields of the header, and the rest beginning with the empty line."""
    if data.startswith((b"\r\n", b"\n")):
        return b"", data
    end = _HEADER_END.search(data)
    return (data[: end.end()], data[end.end() :]) if end else (data, b"")


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def _words_to_encode(delimiters: bytes) -> re.Pattern[bytes]:
    """Words with 8-bit bytes that stand in a row: white space between two encoded words isn't shown."""
    ascii_part, word = rb"[^\s\x80-\xff%b]*+" % delimiters, rb"[^\s%b]*+" % delimiters
    eight_bit_word = ascii_part + rb"[\x80-\xff]" + word
    return re.compile(
        rb"(?<![^\s%b])" % delimiters + eight_bit_word + rb"(?:(?:\r?\n)?[ \t]+" + eight_bit_word + rb")*"
    )


_WORDS_OF_TEXT: Final = _words_to_encode(b"")
_WORDS_OF_NAME: Final = _words_to_encode(rb'"<>(),;:@=')


def _encode_field(field: bytes) -> bytes:
    if field.isascii():
        return field
    raw_name, colon, value = field.partition(b":")
    name = raw_name.strip().lower()
    if name in _TEXTS or name.startswith(b"x-"):
        value = _WORDS_OF_TEXT.sub(lambda words: _encoded(words[0]), value)
    elif name in _WITH_NAMES:
        value = _QUOTED.sub(_encode_quoted_name, value)
        value = _WORDS_OF_NAME.sub(lambda words: _encoded(words[0]), value)
    elif name in _WITH_FILE_NAMES:  # not as RFC 2231 has it, but as mail programs write and read it
        value = _WORDS_OF_NAME.sub(lambda words: _encoded(words[0]), value)
    return _NOT_ASCII.sub(b"?", raw_name + colon + value)


def _encode_quoted_name(quoted: re.Match[bytes]) -> bytes:
    if quoted[0].isascii():
        return quoted[0]
    return _encoded(re.sub(rb"\\(.)", rb"\1", quoted[0][1:-1], flags=re.DOTALL))


def _encoded(text: bytes) -> bytes:
    text = _FOLD.sub(b"", text)
    try:
        text.decode("utf-8")
        charset = b"utf-8"
    except UnicodeDecodeError:
        charset = b"unknown-8bit"
    words: list[bytes] = []
    at = 0
    while at < len(text):
        end = min(at + _ENCODED_BYTES, len(text))
        if end < len(text) and charset == b"utf-8":
            end = _hard_cut(text, end)
        words.append(b"=?%b?B?%b?=" % (charset, b64encode(text[at:end])))
        at = end
    return b"\r\n ".join(words)


def _fold_field(line: re.Match[bytes]) -> bytes:
    # A line of blanks only would end the header for some readers: long runs become one blank, so that
    # every break has a word on both sides.
    text = re.sub(rb"[ \t]{100,}", b" ", line[0]).rstrip(b" \t") or b" "
    return _fold(text, b"\r\n ", LONGEST_LINE - 1)


def _fold_text(line: re.Match[bytes]) -> bytes:
    return _fold(line[0], b"\r\n", LONGEST_LINE)


def _fold(text: bytes, hard_break: bytes, longest: int) -> bytes:
    parts: list[bytes] = []
    at = 0
    while len(text) - at > longest:
        last = at + longest
        # Not in the first hundred octets: those may be one run of blanks, and the pieces become tiny.
        blank = max(text.rfind(b" ", at + 100, last + 1), text.rfind(b"\t", at + 100, last + 1))
        if blank > 0:
            parts += (text[at:blank], b"\r\n")
            at = blank
        else:
            cut = _hard_cut(text, last)
            parts += (text[at:cut], hard_break)
            at = cut
    parts.append(text[at:])
    return b"".join(parts)


def _hard_cut(text: bytes, at: int) -> int:
    """The last place at or before `at` that is neither inside a UTF-8 character nor inside `=XX`."""
    for equals in (at - 1, at - 2):
        if text[equals] == 0x3D:
            return equals
    for start in range(at, at - 4, -1):
        if text[start] not in _UTF8_TAIL:
            return start
    return at


_REPAIRS: Final[dict[Level, tuple[Repair, ...]]] = {
    "none": (),
    "line-ends": (Repair("line-ends", mend_line_ends),),
    "all": (
        Repair("line-ends", mend_line_ends),
        Repair("nul", strip_nul),
        Repair("mbox-line", strip_mbox_line),
        Repair("lines-over-10239", lambda data: break_lines(data, LONGEST_COMMAND_LINE)),
        Repair("broken-header-lines", mark_broken_lines),
        Repair("8-bit-header", encode_header),
        Repair("lines-over-998", break_lines),
        Repair("header-size", shorten_header),
    ),
}
