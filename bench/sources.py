"""Made-up mailboxes to copy, written straight into a Maildir; the same every time.

Run as a process of its own: `python -m bench.sources small 20000 FOLDER [FIRST]`.
"""

from __future__ import annotations

import base64
import math
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from itertools import accumulate
from pathlib import Path

from tests.servers.mailboxes import encode_name

KEYWORDS = ("$Forwarded", "$MDNSent", "Work", "NonJunk")
FOLDERS = {
    "INBOX": 40,
    "Sent": 15,
    "Archive/2019": 5,
    "Archive/2020": 5,
    "Archive/2021": 5,
    "Archive/2022": 5,
    "Archive/2023": 5,
    "Archive/2024": 5,
    "Entwürfe": 5,
    "Проекты/Älteres": 5,
    "日本語": 5,
}
"""How many of a hundred messages each folder holds."""

_FIRST_DATE = 1_546_300_800
_DATES = 80_000  # then they begin anew: servers cannot store dates after 2037
_FLAGS = {"F": 0.1, "R": 0.25, "S": 0.75}
_KEYWORD_SHARES = (0.05, 0.02, 0.15, 0.3)
_ADDED = "added"


@dataclass(frozen=True, slots=True)
class Profile:
    """How large the messages are: log-normal, in bytes as they lie on disk."""

    median_bytes: int
    sigma: float
    least_bytes: int
    most_bytes: int
    attachment: bool


PROFILES = {
    "small": Profile(3_550, 0.5, 700, 64 << 10, attachment=False),
    "bulk": Profile(110_000, 1.48, 2_000, 10 << 20, attachment=True),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """One message: the folder, the flags and keywords as letters of a Maildir name, seconds since 1970, the bytes."""

    folder: str
    letters: str
    date: int
    data: bytes


def mails(profile: str, count: int, first: int = 0) -> Iterator[Mail]:
    """Make messages number `first` to `first + count - 1`."""
    shape = PROFILES[profile]
    draw = random.Random(f"{profile} {first}")
    text, blob = _text(draw), base64.encodebytes(draw.randbytes(57 * 55_000))  # whole lines of 76
    names, shares = list(FOLDERS), list(accumulate(FOLDERS.values()))
    for number in range(first, first + count):
        wanted = int(draw.lognormvariate(math.log(shape.median_bytes), shape.sigma))
        size_bytes = min(max(wanted, shape.least_bytes), shape.most_bytes)
        date = _FIRST_DATE + number % _DATES * 7_000
        head = _head(draw, number, date)
        body = _attached(draw, size_bytes - len(head), blob) if shape.attachment else b"\n"
        start = draw.randrange(len(text) >> 1)
        start = text.index(b"\n", start) + 1
        if not shape.attachment:
            body += text[start : text.index(b"\n", start + max(size_bytes - len(head), 60)) + 1]
        letters = [letter for letter, share in _FLAGS.items() if draw.random() < share]
        letters += [chr(97 + at) for at, share in enumerate(_KEYWORD_SHARES) if draw.random() < share]
        yield Mail(draw.choices(names, cum_weights=shares)[0], "".join(letters), date, head + body)


def write(profile: str, count: int, home: Path, first: int = 0) -> int:
    """Write the mailbox into `home`/Maildir; give its size in bytes as IMAP counts it (CRLF).

    With `first`, add to the mailbox that is there; `take_away` removes what was added.
    """
    folders = {name: _make_folder(home / "Maildir", name) for name in FOLDERS}
    subscribed = "".join(f"{_wire(name)}\n" for name in FOLDERS)
    (home / "Maildir" / "subscriptions").write_text(subscribed)
    mark, total = _ADDED if first else "made", 0
    for at, mail in enumerate(mails(profile, count, first)):
        wire_bytes = len(mail.data) + mail.data.count(b"\n")
        unique = f"{mail.date}.M{first + at:07}.{mark}"
        path = folders[mail.folder] / "cur" / f"{unique},S={len(mail.data)},W={wire_bytes}:2,{mail.letters}"
        path.write_bytes(mail.data)
        os.utime(path, (mail.date, mail.date))
        total += wire_bytes
    return total


def take_away(home: Path) -> None:
    """Remove the messages that were written with `first`."""
    for path in home.rglob(f"cur/*.{_ADDED},*"):
        path.unlink()


def _make_folder(root: Path, name: str) -> Path:
    path = root if name == "INBOX" else root / f".{_wire(name)}"
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True, exist_ok=True)
    keywords = path / "dovecot-keywords"
    if not keywords.exists():
        keywords.write_text("".join(f"{at} {word}\n" for at, word in enumerate(KEYWORDS)))
    if name != "INBOX":
        (path / "maildirfolder").touch()
    return path


def _wire(name: str) -> str:
    return ".".join(encode_name(part).decode() for part in name.split("/"))


def _text(draw: random.Random) -> bytes:
    words = ["ledger", "invoice", "meeting", "Grüße", "project", "naïve", "report", "schedule", "façade", "answer"]
    lines = (" ".join(draw.choices(words, k=draw.randint(5, 12))) for _ in range(12_000))
    return "".join(f"{line}\n" for line in lines).encode() * 2


def _head(draw: random.Random, number: int, date: int) -> bytes:
    hops = "".join(
        f"Received: from relay{hop}.example.net (relay{hop}.example.net [192.0.2.{draw.randint(1, 254)}])\n"
        f"\tby mx.example.org with ESMTPS id {draw.getrandbits(60):015x}; {formatdate(date - hop)}\n"
        for hop in range(3)
    )
    return (
        f"{hops}From: Sender {number % 89} <s{number % 89}@example.net>\nTo: Reader <reader@example.org>\n"
        f"Subject: Message {number} of {draw.getrandbits(24):06x}\nDate: {formatdate(date)}\n"
        f"Message-ID: <{number}.{draw.getrandbits(64):016x}@example.net>\nMIME-Version: 1.0\n"
    ).encode()


def _attached(draw: random.Random, room_bytes: int, blob: bytes) -> bytes:
    line_bytes = 77
    lines = max(room_bytes - 250, 2 * line_bytes) // line_bytes
    start = draw.randrange(len(blob) // line_bytes) * line_bytes
    data = (blob * (lines * line_bytes // len(blob) + 2))[start : start + lines * line_bytes]
    boundary = b"=_%016x" % draw.getrandbits(64)
    return b"".join(
        [
            b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\n\n',
            b"--" + boundary + b"\nContent-Type: text/plain\n\nSee the attachment.\n",
            b"--" + boundary + b"\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n",
            data,
            b"--" + boundary + b"--\n",
        ]
    )


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[4:]]
    print(write(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *numbers))
