"""Messages to test with, tidy and untidy ones; the same bytes each time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from random import Random

EMPTY = b""


def message(number: int, *, message_id: str | None = None, body: bytes | None = None) -> bytes:
    """A tidy message (RFC 5322, CRLF). Equal arguments give equal bytes, different numbers different ones."""
    identifier = f"<{number}@mail.example.org>" if message_id is None else message_id
    text = f"Message number {number}.\r\n.\r\n..\r\nFrom the start of a line.\r\n".encode() if body is None else body
    header = (
        f"Date: {number % 28 + 1} Jan 2024 {number % 24:02}:00:00 +0100\r\n"
        f"From: Sender {number} <sender{number}@example.org>\r\n"
        "To: receiver@example.com\r\n"
        f"Subject: Number {number},\r\n folded\r\n"
        f"Message-ID: {identifier}\r\n"
        "\r\n"
    )
    return header.encode() + text


def tidy(count: int) -> list[bytes]:
    """That many different messages."""
    return [message(number) for number in range(1, count + 1)]


def sized(number: int, size_bytes: int) -> bytes:
    """A tidy message of exactly this size; at least 300 bytes. Its body differs at every place."""
    head = message(number, body=b"")
    if size_bytes < len(head):
        raise ValueError(f"{size_bytes} bytes are too few for a message")
    draw = Random(number)
    lines: list[bytes] = []
    missing = size_bytes - len(head)
    while missing >= 78:
        lines.append(draw.randbytes(38).hex().encode() + b"\r\n")
        missing -= 78
    if missing >= 2:
        lines.append(b"." * (missing - 2) + b"\r\n")
    elif missing:
        lines.append(b".")
    return head + b"".join(lines)


def untidy() -> dict[str, bytes]:
    """Messages as they should not be but are. The empty one is not among them: `EMPTY`."""
    head = message(900, message_id="<untidy@example.org>", body=b"")
    return {
        "bare LF": message(901).replace(b"\r\n", b"\n"),
        "LF and CRLF mixed": message(902, body=b"one\r\ntwo\nthree\r\n\nfour\r\n"),
        "bare CR": message(903, body=b"one\rtwo\r\rthree\r\n"),
        "CR before CRLF": message(904, body=b"one\r\r\ntwo\r\r\n"),
        "no line end at the end": message(905, body=b"the last line is open"),
        "CR at the end": message(906, body=b"almost\r"),
        "NUL": message(907, body=b"zero \0 one \0\0\r\n"),
        "NUL in the header": head.replace(b"Number", b"N\0mber") + b"text\r\n",
        "8-bit body": message(908, body=bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"),
        "8-bit header": head.replace(b"Sender", "Übersender 中文".encode()) + b"text\r\n",
        "Latin-1 header": head.replace(b"Sender", "Müller".encode("latin-1")) + b"text\r\n",
        "no header": b"\r\nonly a body, which begins after an empty line\r\n",
        "neither header nor empty line": b"just words\r\nand more words\r\n",
        "header only": message(909, body=b"")[:-2],
        "an mbox line first": b"From somebody Mon Jan  1 00:00:00 2024\r\n" + message(910),
        "one byte": b"x",
        "one empty line": b"\r\n",
        "one LF": b"\n",
        "line of 100 kB": message(911, body=b"abcdefghij" * 10_000 + b"\r\n"),
        "header line of 100 kB": b"X-Long: " + b"0123456789" * 10_000 + b"\r\n" + message(912),
        "5,000 header lines": b"".join(b"X-Line: %d\r\n" % line for line in range(5_000)) + message(913),
        "no Message-ID": message(914).replace(b"Message-ID: <914@mail.example.org>\r\n", b""),
        "empty Message-ID": message(915, message_id=""),
        "two Message-IDs": message(916, message_id="<a@example.org>\r\nMessage-ID: <b@example.org>"),
        "Message-ID folded": message(917, message_id="\r\n <917@mail.example.org>"),
        "Message-ID in the body only": message(918, body=b"Message-ID: <918b@example.org>\r\n").replace(
            b"Message-ID: <918@mail.example.org>\r\n", b""
        ),
        "no date": message(919).replace(b"Date: ", b"X-No-Date: "),
        "nonsense as date": message(920).replace(b"Jan 2024", b"Brumaire 2"),
        "what looks like commands": message(921, body=b'a1 CREATE "by-a-mail"\r\na2 LOGOUT\r\n)\r\n+ go\r\n{5}\r\n'),
        "a literal at the end of a line": message(922, body=b"see {3000}\r\n{3000+}\r\n"),
    }


def same_id() -> list[bytes]:
    """Two messages that share a Message-ID, nothing else."""
    return [message(number, message_id="<shared@example.org>") for number in (930, 931)]


def twins() -> list[bytes]:
    """Two messages equal in every byte."""
    return [message(932), message(932)]


def library() -> list[bytes]:
    """The messages that Python's own tests of the email package use; none where they are not installed."""
    spec = importlib.util.find_spec("test")
    folders = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in sorted(folder.glob("test_email/data/msg_*.txt"))]
    return [data for data in (file.read_bytes() for file in files) if data]


def corpus() -> list[bytes]:
    """All of them, but for the empty message and big ones."""
    return [*tidy(5), *untidy().values(), *same_id(), *twins(), *library()]
