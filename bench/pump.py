"""The least that copying over IMAP takes: bytes go from one socket to the other, and nothing is remembered.

It stands for the speed the servers allow. No ledger, no digest, no repairs, no second try: never use it on real mail.
It waits for greetings, logins and the list of folders, both sides at once, and then for nothing: EXAMINE and one
UID FETCH for every folder are queued ahead, and APPEND commands follow each other without a look at the answers.

Run as `python -m bench.pump SOURCE_PORT TARGET_PORT SOURCE_USER TARGET_USER BATCH`; BATCH 1 sends single APPENDs.
"""

from __future__ import annotations

import re
import socket
import sys
from dataclasses import dataclass, field

from tests.servers.base import HOST, PASSWORD

Buffer = bytes | memoryview

_RECEIVE_BYTES = 1 << 20
_BATCH_BYTES = 32 << 20
_PIECES = 1000  # the kernel takes 1,024 in one call
_LIST = re.compile(rb'\* LIST \(([^)]*)\) (?:"[^"]*"|NIL) (?:"([^"]*)"|(\S+))\r\n')
_FETCH = re.compile(rb'\* \d+ FETCH \(UID \d+ FLAGS \(([^)]*)\) INTERNALDATE ("[^"]*") BODY\[\] \{(\d+)\}\r\n')


class PumpFailed(Exception):
    """A server said something other than what a pump can live with."""


def append_head(flags: bytes, date: bytes, size_bytes: int) -> bytes:
    """Give what stands before a body in an APPEND; `date` is quoted. RFC 3502, RFC 7888."""
    kept = b" ".join(flag for flag in flags.split() if flag != rb"\Recent")
    return b" (%s) %s {%d+}\r\n" % (kept, date, size_bytes)


@dataclass(slots=True)
class Batches:
    """Turns the bytes of FETCH responses into APPEND commands for one folder, without joining anything."""

    name: bytes
    batch: int
    commands: int = 0
    messages: int = 0
    _in_command: int = 0
    _command_bytes: int = 0
    _left: int = 0
    done: bool = False

    def take(self, data: memoryview, out: list[Buffer]) -> int:
        """Put what is to be sent for `data` into `out`; return how much was used. `done` at the tagged answer."""
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                out.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            line_end = _line_end(data, at)
            if line_end < 0:
                break
            self._line(bytes(data[at:line_end]), out)
            at = line_end
        return at

    def _line(self, line: bytes, out: list[Buffer]) -> None:
        match = _FETCH.match(line)
        if match:
            size_bytes = int(match[3])
            full = self._in_command == self.batch or self._command_bytes + size_bytes > _BATCH_BYTES
            if self._in_command and full:
                self._end_command(out)
            if not self._in_command:
                self.commands += 1
                out.append(b"A APPEND " + self.name)
            out.append(append_head(match[1], match[2], size_bytes))
            self._left = size_bytes
            self._in_command += 1
            self._command_bytes += size_bytes
            self.messages += 1
        elif line.startswith(b"F "):
            if not line.startswith(b"F OK"):
                raise PumpFailed(line)
            if self._in_command:
                self._end_command(out)
            self.done = True

    def _end_command(self, out: list[Buffer]) -> None:
        out.append(b"\r\n")
        self._in_command = self._command_bytes = 0


def _line_end(data: memoryview, at: int) -> int:
    """Give the place after the next CRLF, or -1. Lines are short."""
    found = bytes(data[at : at + 4096]).find(b"\r\n")
    return at + found + 2 if found >= 0 else -1


@dataclass(slots=True)
class Wire:
    """A blocking connection."""

    socket: socket.socket
    text: bytes = b""
    answers: list[bytes] = field(default_factory=list)

    @classmethod
    def open(cls, port: int) -> Wire:
        """Connect; the greeting is not waited for."""
        connection = socket.create_connection((HOST, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection)

    def login(self, user: str) -> None:
        """Wait for the greeting, as whoever must know what the server can do; the answer is not waited for."""
        self.until(b"*")
        self.socket.sendall(b'L LOGIN "%s" "%s"\r\n' % (user.encode(), PASSWORD.encode()))

    def until(self, tag: bytes, count: int = 1) -> bytes:
        """Read up to the answers with this tag; give all that came with them. Raises PumpFailed for NO and BAD."""
        seen, taken = 0, b""
        while seen < count:
            line, found, self.text = self.text.partition(b"\r\n")
            if not found:
                data = self.socket.recv(1 << 16)
                if not data:
                    raise PumpFailed(f"the connection ended before {tag!r}")
                self.text = line + data
                continue
            taken += line + found
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise PumpFailed(line)
                seen += 1
        return taken

    def send(self, pieces: list[Buffer]) -> None:
        """Send all pieces, copying none."""
        for start in range(0, len(pieces), _PIECES):
            group = pieces[start : start + _PIECES]
            sent = self.socket.sendmsg(group)
            for piece in group:
                if sent >= len(piece):
                    sent -= len(piece)
                else:
                    self.socket.sendall(memoryview(piece)[sent:])
                    sent = 0


def pump(source: Wire, target: Wire, batch: int) -> int:
    """Copy all folders; give the number of messages. Raises PumpFailed, OSError."""
    source.until(b"L")
    source.socket.sendall(b'N LIST "" "*"\r\n')
    listed = [
        b'"' + (match[2] or match[3]) + b'"'
        for match in _LIST.finditer(source.until(b"N"))
        if not {rb"\noselect", rb"\nonexistent"} & set(match[1].lower().split())
    ]
    fetch = b"F UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n"
    source.socket.sendall(b"".join(b"E EXAMINE " + name + b"\r\n" + fetch for name in listed))
    made = [name for name in listed if name.upper() != b'"INBOX"']
    target.socket.sendall(b"".join(b"C CREATE " + name + b"\r\n" for name in made))
    target.until(b"L")
    messages = commands = 0
    buffer = bytearray(_RECEIVE_BYTES)
    view, start, end = memoryview(buffer), 0, len(source.text)
    buffer[:end] = source.text
    for name in listed:
        batches = Batches(name, batch)
        while not batches.done:
            out: list[Buffer] = []
            start += batches.take(view[start:end], out)
            if out:
                target.send(out)
            if batches.done:
                break
            rest = end - start
            buffer[:rest] = buffer[start:end]
            received = source.socket.recv_into(view[rest:])
            if not received:
                raise PumpFailed("the source ended the connection")
            start, end = 0, rest + received
        messages, commands = messages + batches.messages, commands + batches.commands
    if made:
        target.until(b"C", len(made))
    target.until(b"A", commands)
    return messages


def main(arguments: list[str]) -> None:
    """See the module."""
    source_port, target_port, source_user, target_user, batch = arguments
    source, target = Wire.open(int(source_port)), Wire.open(int(target_port))
    source.login(source_user)
    target.login(target_user)
    print(pump(source, target, int(batch)))


if __name__ == "__main__":
    main(sys.argv[1:])
