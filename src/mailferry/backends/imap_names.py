"""Folder names between the wire and FolderPath. A wire name is a *mailbox* in the RFC's words, a folder in ours."""

from __future__ import annotations

from collections.abc import Sequence

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


def root_candidates(user_root: str, own: Sequence[Namespace], foreign: Sequence[Namespace]) -> list[tuple[bytes, str]]:
    """Spell a user root such as `/users/terry.adams` in all ways that servers are known to use, with the delimiter.

    `own` are the login's personal namespaces, `foreign` those of other users and shared ones. A foreign namespace may
    hold the first part in its prefix (Dovecot's `users/`), or all of it comes behind (Courier's `#shared.`), or the
    path is given as the server lists it. Nothing of the login's own is among them if there is anything foreign, and
    its INBOX never is.
    """
    parts = [part for part in user_root.strip("/").split("/") if part]
    delimiter = next((space.delimiter for space in (*own, *foreign) if space.delimiter), "/")
    found: dict[tuple[bytes, str], None] = {}
    spaces = [space for space in foreign if space.prefix or not any(not mine.prefix for mine in own)]
    prefixes = {space.prefix for space in (*own, *foreign)}
    for space in spaces or [Namespace(b"", delimiter), *own]:
        mark = space.delimiter or delimiter
        end = mark.encode()
        behind = space.prefix.removesuffix(end).rsplit(end, 1)[-1]
        literal = utf7.encode(user_root.strip("/"))
        names = [literal] if space.prefix and literal.startswith(space.prefix) else []
        for spelt in _spellings(parts, mark):
            whole = [utf7.encode(part) for part in spelt]
            path = end.join(whole)
            if behind and whole[0] == behind:
                names.append(space.prefix + end.join(whole[1:]))
            names.append(path if path.startswith(space.prefix) else space.prefix + path)
        for name in names:
            if name + end not in prefixes and name not in prefixes and not _in_inbox(name, end):
                found[name, mark] = None
    return list(found)


def _spellings(parts: Sequence[str], mark: str) -> list[list[str]]:
    """Spell names that hold the delimiter itself. Never as they are: that would be a folder of another user."""
    if not parts:
        return []
    if mark == ".":
        courier, munged, cyrus = (
            [part.replace(".", " ") for part in parts],
            [part.replace("\\", "\\\\").replace(".", "\\:") for part in parts],
            [part.replace(".", "^") for part in parts],
        )
        return [courier, munged, cyrus]
    return [] if any(mark in part for part in parts) else [list(parts)]


def _in_inbox(name: bytes, end: bytes) -> bool:
    return (name + end).upper().startswith(b"INBOX" + end)
