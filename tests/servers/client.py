"""A small blocking IMAP client for filling and reading test mailboxes.

It shares nothing with the program under test and reads the wire in its own way, so that both are
unlikely to be wrong together. Names and arguments are bytes, as they travel.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

Security = Literal["none", "starttls", "tls"]
Item = bytes | list["Item"] | None

_LITERAL_AT_END = re.compile(rb"\{(\d+)\}\r\n\Z")
_TOKEN = re.compile(rb'\s*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|((?:\[[^\]]*\]|[^\s()"])+))', re.DOTALL)

_CHUNK = 100
_UNANSWERED = 32


class Refused(Exception):
    """The server said NO or BAD; `line` is what it said."""

    def __init__(self, line: bytes) -> None:
        super().__init__(line.decode(errors="replace"))
        self.line = line


@dataclass(slots=True)
class Reply:
    """One command's answer: the tagged line after the tag, and the untagged responses before it.

    An untagged response is the bytes between `* ` and CRLF, literals included.
    """

    tagged: bytes
    untagged: list[bytes] = field(default_factory=list)

    def named(self, name: bytes) -> list[bytes]:
        """What follows the name in the untagged responses that have it, such as b"LIST"."""
        start = name.upper() + b" "
        return [line[len(start) :] for line in self.untagged if line.upper().startswith(start)]


class ImapClient:
    """One connection; a context manager that closes it. Raises Refused, OSError, ssl.SSLError."""

    def __init__(
        self, port: int, *, security: Security = "none", ca_file: Path | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.host = host
        self._context = ssl.create_default_context(cafile=ca_file) if security != "none" else None
        self._socket = socket.create_connection((host, port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._tag = 0
        try:
            if security == "tls":
                self._wrap()
            self.greeting = self.read_response()
            if security == "starttls":
                self.command(b"STARTTLS")
                self._wrap()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close without LOGOUT."""
        self._socket.close()

    def login(self, user: str, password: str) -> Reply:
        """LOGIN with both as synchronising literals, so that any character may be in them."""
        return self.command(b"LOGIN", user.encode(), password.encode())

    def authenticate_plain(self, authorise: str, user: str, password: str) -> Reply:
        """SASL PLAIN: `user` logs in with its password and opens the mailbox of `authorise`."""
        return self.authenticate(b"PLAIN", f"{authorise}\0{user}\0{password}".encode())

    def authenticate_xoauth2(self, user: str, token: str) -> Reply:
        """XOAUTH2 with a bearer token."""
        return self.authenticate(b"XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1".encode())

    def authenticate(self, mechanism: bytes, answer: bytes) -> Reply:
        """AUTHENTICATE without an initial response; a second challenge is answered by an empty line."""
        tag = self.send_command(b"AUTHENTICATE " + mechanism)
        answers = iter((base64.b64encode(answer), b""))
        while not (line := self.read_response()).startswith(tag):
            if line.startswith(b"+"):
                self.send(next(answers) + b"\r\n")
        return self._checked(Reply(line[len(tag) + 1 :]))

    def capabilities(self) -> frozenset[str]:
        """What the server announces now."""
        return frozenset(self.command(b"CAPABILITY").named(b"CAPABILITY")[0].decode().upper().split())

    def command(self, verb: bytes, *literals: bytes) -> Reply:
        """Send a command whose last arguments are synchronising literals; return its answer."""
        self._tag += 1
        tag = b"C%d" % self._tag
        pieces = [tag + b" " + verb, *literals]
        untagged: list[bytes] = []
        for number, piece in enumerate(pieces):
            more = number + 1 < len(pieces)
            self.send(piece + (b" {%d}\r\n" % len(pieces[number + 1]) if more else b"\r\n"))
            while more and not (line := self.read_response()).startswith(b"+"):
                if line.startswith(tag):
                    return self._checked(Reply(line[len(tag) + 1 :], untagged))
                untagged.append(line[2:])
        return self.finish(tag, untagged)

    def send_command(self, line: bytes) -> bytes:
        """Send one command line without waiting; return its tag for `finish`."""
        self._tag += 1
        tag = b"C%d" % self._tag
        self.send(tag + b" " + line + b"\r\n")
        return tag

    def finish(self, tag: bytes, untagged: list[bytes] | None = None) -> Reply:
        """Read to the tagged answer. Raises Refused unless it is OK."""
        collected = untagged if untagged is not None else []
        while not (line := self.read_response()).startswith(tag + b" "):
            collected.append(line[2:])
        return self._checked(Reply(line[len(tag) + 1 :], collected))

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def read_response(self) -> bytes:
        """One response with its literals, without the last CRLF. Raises ConnectionError at the end."""
        end = 0
        while True:
            at = self._buffer.find(b"\r\n", end)
            if at < 0:
                end = max(end, len(self._buffer) - 1)
                self._receive()
                continue
            end = at + 2
            # A response line is short; a literal's head is looked for in its tail only.
            literal = _LITERAL_AT_END.search(bytes(self._buffer[max(0, end - 24) : end]))
            if literal is None:
                line = bytes(self._buffer[:at])
                del self._buffer[:end]
                return line
            end += int(literal[1])
            while len(self._buffer) < end:
                self._receive()

    def names(self, pattern: bytes = b"*") -> list[tuple[frozenset[str], bytes | None, bytes]]:
        """LIST: attributes in lower case, delimiter, name as on the wire."""
        found = []
        for line in self.command(b'LIST "" "%s"' % pattern).named(b"LIST"):
            attributes, delimiter, name = parse(line)[:3]
            assert isinstance(attributes, list)
            assert isinstance(name, bytes)
            assert not isinstance(delimiter, list)
            found.append((frozenset(a.decode().lower() for a in attributes if isinstance(a, bytes)), delimiter, name))
        return found

    def personal_prefix(self) -> bytes:
        """The prefix of the user's own folders, empty if the server does not say."""
        if "NAMESPACE" not in self.capabilities():
            return b""
        personal = parse(self.command(b"NAMESPACE").named(b"NAMESPACE")[0])[0]
        first = personal[0] if isinstance(personal, list) and personal else None
        return first[0] if isinstance(first, list) and isinstance(first[0], bytes) else b""

    def append_all(self, name: bytes, messages: Iterable[tuple[bytes, Sequence[str], str | None]]) -> None:
        """Append (bytes, flags, INTERNALDATE text) each, in order, as fast as what the server announces allows."""
        announced = self.capabilities()
        if "LITERAL+" not in announced:
            for data, flags, date in messages:
                self.command(b"APPEND " + quoted(name) + _arguments(flags, date), data)
            return
        room = _CHUNK if "MULTIAPPEND" in announced else 1
        start, tags, chunk = b"APPEND " + quoted(name), list[bytes](), list[bytes]()
        for data, flags, date in messages:
            if chunk and (len(chunk) == room or not data):  # an empty message voids a whole MULTIAPPEND
                tags.append(self.send_command(start + b"".join(chunk)))
                chunk = []
            chunk.append(b"%s {%d+}\r\n%s" % (_arguments(flags, date), len(data), data))
            if len(tags) == _UNANSWERED or not data:
                self._finish_all(tags)  # the answers must not fill the pipe while we only send
            if not data:
                self.finish(self.send_command(start + chunk.pop()))
        if chunk:
            tags.append(self.send_command(start + b"".join(chunk)))
        self._finish_all(tags)

    def _finish_all(self, tags: list[bytes]) -> None:
        for tag in tags:
            self.finish(tag)
        tags.clear()

    def _checked(self, reply: Reply) -> Reply:
        if not reply.tagged.upper().startswith(b"OK"):
            raise Refused(reply.tagged)
        return reply

    def _wrap(self) -> None:
        assert self._context is not None
        self._socket = self._context.wrap_socket(self._socket, server_hostname=self.host)

    def _receive(self) -> None:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._buffer += piece


def _arguments(flags: Sequence[str], date: str | None) -> bytes:
    return f" ({' '.join(flags)}){f' {chr(34)}{date}{chr(34)}' if date else ''}".encode()


def quoted(name: bytes) -> bytes:
    """A quoted string. CR, LF and NUL cannot be in one."""
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def parse(line: bytes) -> list[Item]:
    """Split a response into atoms, strings, literals (all bytes), None for NIL, and lists."""
    top: list[Item] = []
    stack, at = [top], 0
    while match := _TOKEN.match(line, at):
        at = match.end()
        opening, closing, string, literal, atom = match.groups()
        if opening:
            inner: list[Item] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif closing:
            stack.pop()
        elif string is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", string, flags=re.DOTALL))
        elif literal is not None:
            stack[-1].append(line[at : at + int(literal)])
            at += int(literal)
        else:
            stack[-1].append(None if atom.upper() == b"NIL" else atom)
    return top
