"""The pump's translation of FETCH responses into APPEND commands."""

from __future__ import annotations

import pytest

from bench.pump import Batches, Buffer, PumpFailed, append_head

BODIES = [b"first\r\n", b"F OK is no answer in here\r\n* 9 FETCH (\r\n", b"x" * 5000]
DATE = b'"01-Jan-2020 10:00:00 +0100"'


def responses(bodies: list[bytes] = BODIES) -> bytes:
    parts = [b"* 3 EXISTS\r\nE OK [READ-ONLY] done\r\n"]
    for number, body in enumerate(bodies, 1):
        head = b"* %d FETCH (UID %d FLAGS (\\Seen \\Recent Work) INTERNALDATE %s BODY[] {%d}\r\n"
        parts.append(head % (number, number, DATE, len(body)) + body + b")\r\n")
    return b"".join([*parts, b"* OK Searched 40%\r\n", b"F OK done\r\n"])


def sent(stream: bytes, batch: int, cut: int) -> tuple[bytes, Batches]:
    """Give the stream in pieces of `cut` bytes; what is not used is given again, as the pump does."""
    batches, out, rest = Batches(b'"A"', batch), bytearray(), b""
    for start in range(0, len(stream), cut):
        data = rest + stream[start : start + cut]
        pieces: list[Buffer] = []
        used = batches.take(memoryview(data), pieces)
        out += b"".join(pieces)
        rest = data[used:]
    return bytes(out), batches


def wanted(groups: list[list[bytes]]) -> bytes:
    message = b" (\\Seen Work) " + DATE + b" {%d+}\r\n"
    commands = (b"".join(message % len(body) + body for body in group) for group in groups)
    return b"".join(b'A APPEND "A"' + command + b"\r\n" for command in commands)


@pytest.mark.parametrize("cut", [1, 7, 100, 1 << 20])
@pytest.mark.parametrize(
    ("batch", "groups"), [(1, [[body] for body in BODIES]), (2, [BODIES[:2], BODIES[2:]]), (500, [BODIES])]
)
def test_appends_however_the_stream_is_cut(cut: int, batch: int, groups: list[list[bytes]]) -> None:
    out, batches = sent(responses(), batch, cut)
    assert out == wanted(groups)
    assert batches.done
    assert (batches.messages, batches.commands) == (len(BODIES), len(groups))


def test_an_empty_folder_sends_nothing() -> None:
    out, batches = sent(responses([]), 500, 1 << 20)
    assert out == b""
    assert batches.done
    assert batches.commands == 0


def test_a_refusal_ends_the_pump() -> None:
    with pytest.raises(PumpFailed):
        sent(b"F NO not now\r\n", 500, 1 << 20)


def test_recent_is_not_passed_on() -> None:
    assert append_head(b"\\Recent", DATE, 3) == b" () " + DATE + b" {3+}\r\n"
