"""Folder names between the wire and FolderPath. A wire name is a *mailbox* in the RFC's words, a folder in ours."""

from __future__ import annotations

from collections.abc import Iterable

from mailferry.backends.base import INBOX, FolderPath
from mailferry.imap import utf7
from mailferry.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Namespace:
    """One entry of NAMESPACE (RFC 2342): prefix as on the wire, delimiter or None for a flat one."""

    prefix: bytes
    delimiter: str | None


@dataclass(slots=True)
class NameCodec:
    """Turns wire names into paths below the user's root and back.

    `root` is the part of every name that stands for the root: the personal namespace's prefix, or the
    user root of an administrator's login followed by the delimiter.
    """

    root: bytes
    delimiter: str | None
    inbox: bytes = b"INBOX"
    others: tuple[bytes, ...] = ()  # prefixes of other people's and shared mailboxes
    _seen: dict[FolderPath, bytes] = field(default_factory=dict)

    def path(self, raw: bytes) -> FolderPath | None:
        """Decode a listed name; None for what is not the user's own or has no name of its own."""
        if raw.upper() == b"INBOX" if self.inbox == b"INBOX" else raw == self.inbox:
            self._seen[INBOX] = raw
            return INBOX
        if any(raw.startswith(other) or raw + self._delimiter == other for other in self.others):
            return None
        name = raw
        if self.root:
            if raw + self._delimiter == self.root:
                return None
            if raw.startswith(self.root):
                name = raw[len(self.root) :]
            elif self.inbox != b"INBOX":
                return None  # outside the user root
        text = utf7.decode(name)
        parts = tuple(p for p in (text.split(self.delimiter) if self.delimiter else [text]) if p)
        if not parts:
            return None
        if parts[0].upper() == "INBOX":
            parts = ("INBOX", *parts[1:])
        path = FolderPath(parts)
        if path == INBOX:  # a folder named like the inbox, below the prefix
            path = FolderPath(("INBOX", "INBOX")) if INBOX in self._seen else INBOX
        self._seen[path] = raw
        return path

    @property
    def _delimiter(self) -> bytes:
        return (self.delimiter or "").encode()

    def raw(self, path: FolderPath) -> bytes:
        """Give the wire name: the one that was listed, else one made by the rules."""
        seen = self._seen.get(path)
        if seen is not None:
            return seen
        if path == INBOX:
            return self.inbox
        parts = path.parts
        parent = path.parent
        if parent is not None and self.delimiter:
            return self.raw(parent) + self._delimiter + utf7.encode(parts[-1])
        return self.root + utf7.encode((self.delimiter or "").join(parts))


def root_candidates(user_root: str, namespaces: Iterable[Namespace], delimiter: str | None) -> list[tuple[bytes, str]]:
    """Spell a user root such as `/users/terry.adams` in all ways that servers are known to use, best first.

    A namespace may hold the first part in its prefix (Dovecot's `users/`), or all of it comes behind (Courier's
    `#shared.`); a dot in a name becomes a blank, or `\\:` with munged names, where the delimiter is a dot.
    """
    parts = [part for part in user_root.strip("/").split("/") if part]
    found: dict[tuple[bytes, str], None] = {}
    spaces = [Namespace(b"", delimiter), *namespaces]
    for space in spaces:
        mark = space.delimiter or delimiter or "/"
        spellings = [parts]
        if mark == ".":
            spellings = [
                [p.replace(".", " ") for p in parts],
                [p.replace("\\", "\\\\").replace(".", "\\:") for p in parts],
                parts,
            ]
        elif mark != "/":
            spellings = [parts, [p.replace(mark, "_") for p in parts]]
        for spelt in spellings:
            tail = space.prefix.rstrip(mark.encode()).rsplit(mark.encode(), 1)[-1]
            if spelt and tail and utf7.encode(spelt[0]) == tail:
                found[space.prefix + utf7.encode(mark.join(spelt[1:])), mark] = None
            found[space.prefix + utf7.encode(mark.join(spelt)), mark] = None
    return [candidate for candidate in found if candidate[0]]
