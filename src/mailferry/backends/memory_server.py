"""A mail server in memory: it outlives its clients, and it is as honest about commits as a real one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mailferry.backends.base import INBOX, Flags, FolderPath, FolderStatus, SpecialUse
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.errors import FolderGone
from mailferry.records import dataclass, field


class Posted(NamedTuple):
    """A message as a client sends it."""

    data: bytes
    flags: Flags = frozenset()
    date: int | None = 0
    zone: int = 0


@dataclass(slots=True)
class StoredMail:
    """A message as the server keeps it."""

    uid: int
    data: bytes
    flags: Flags
    date: int | None
    zone: int
    modseq: int


@dataclass(eq=False, slots=True)
class MemoryFolder:
    """One folder. `mails` is in ascending order of UID; a UID is never used twice."""

    path: FolderPath
    uid_validity: int
    mailbox_id: str
    selectable: bool = True
    subscribed: bool = False
    special_use: SpecialUse | None = None
    uid_next: int = 1
    modseq: int = 1
    size_bytes: int = 0
    mails: dict[int, StoredMail] = field(default_factory=dict)

    def store(self, mail: Posted) -> int:
        """Add a message and give its UID."""
        uid = self.uid_next
        self.uid_next += 1
        self.modseq += 1
        self.mails[uid] = StoredMail(uid, mail.data, mail.flags - {"\\Recent"}, mail.date, mail.zone, self.modseq)
        self.size_bytes += len(mail.data)
        return uid

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages; UIDs that are not there are ignored."""
        for uid in uids:
            if (gone := self.mails.pop(uid, None)) is not None:
                self.modseq += 1
                self.size_bytes -= len(gone.data)

    def set_flags(self, uid: int, flags: Flags) -> None:
        """Replace the flags of a message, if it is there."""
        mail = self.mails.get(uid)
        if mail is not None and mail.flags != flags:
            self.modseq += 1
            mail.flags, mail.modseq = flags, self.modseq

    def status(self, *, condstore: bool) -> FolderStatus:
        """Count."""
        modseq = self.modseq if condstore else 0
        return FolderStatus(self.uid_validity, self.uid_next, len(self.mails), modseq, self.size_bytes)


class MemoryServer:
    """One mailbox on a server. The methods below `folder` are also the user's own doings, for tests."""

    def __init__(self, options: MemoryOptions | None = None, *, name: str = "user@example.org") -> None:
        self.options = options or MemoryOptions()
        self.name = name
        self.now = 1_767_225_600  # 2026-01-01, seconds since 1970
        self._folders: dict[tuple[str, ...], MemoryFolder] = {}
        self._made = 0
        self._late: list[_Late] = []
        self.add_folder(INBOX)

    # --- folders ---

    @property
    def folders(self) -> list[MemoryFolder]:
        """All folders, those that cannot be selected too, by name."""
        return sorted(self._folders.values(), key=lambda folder: folder.path)

    def find(self, path: FolderPath) -> MemoryFolder | None:
        """Give a folder that can be selected, or None."""
        folder = self._folders.get(self._key(path))
        return folder if folder is not None and folder.selectable else None

    def folder(self, path: FolderPath) -> MemoryFolder:
        """Give a folder that can be selected. Raises FolderGone."""
        folder = self.find(path)
        if folder is None:
            raise FolderGone(str(path))
        return folder

    def add_folder(
        self,
        path: FolderPath,
        *,
        special_use: SpecialUse | None = None,
        subscribed: bool = False,
        selectable: bool = True,
    ) -> bool:
        """Make a folder, and its parents as mere names. False if it is there already."""
        key = self._key(path)
        folder = self._folders.get(key)
        if folder is not None and (folder.selectable or not selectable):
            return False
        if path.parent is not None:
            self.add_folder(path.parent, selectable=False)
        self._made += 1
        self._folders[key] = MemoryFolder(
            FolderPath((INBOX.parts[0], *path.parts[1:])) if key[0] == INBOX.parts[0] else path,
            uid_validity=1_000_000 + self._made,
            mailbox_id=f"F{self._made}",
            selectable=selectable,
            subscribed=subscribed,
            special_use=special_use,
        )
        return True

    def remove_folder(self, path: FolderPath) -> None:
        """Delete a folder with its mail; one made later under its name has another UIDVALIDITY."""
        del self._folders[self._key(path)]

    def rename_folder(self, path: FolderPath, new: FolderPath) -> None:
        """Give a folder another name; UIDVALIDITY, UIDs and the mailbox id stay (RFC 3501, 6.3.5; RFC 8474)."""
        folder = self._folders.pop(self._key(path))
        folder.path = new
        self._folders[self._key(new)] = folder

    def renew_uid_validity(self, path: FolderPath) -> None:
        """Give the folder a new UIDVALIDITY and its messages new UIDs from 1 on."""
        folder = self.folder(path)
        self._made += 1
        folder.uid_validity = 1_000_000 + self._made
        mails, folder.mails, folder.uid_next = list(folder.mails.values()), {}, 1
        folder.size_bytes = 0
        for mail in mails:
            folder.store(Posted(mail.data, mail.flags, mail.date, mail.zone))

    # --- messages ---

    def mails(self, path: FolderPath) -> list[StoredMail]:
        """Give the messages of a folder in order of UID. Raises FolderGone."""
        return list(self.folder(path).mails.values())

    def add_mail(
        self, path: FolderPath, data: bytes, flags: Iterable[str] = (), *, date: int | None = 0, zone: int = 0
    ) -> int:
        """Put a message into a folder as it is, no questions asked, and give its UID. Raises FolderGone."""
        return self.folder(path).store(Posted(data, frozenset(flags), date, zone))

    def set_flags(self, path: FolderPath, uid: int, flags: Iterable[str]) -> None:
        """Replace the flags of a message. Raises FolderGone."""
        self.folder(path).set_flags(uid, frozenset(flags))

    def expunge(self, path: FolderPath, uids: Iterable[int]) -> None:
        """Remove messages. Raises FolderGone."""
        self.folder(path).expunge(uids)

    def move(self, path: FolderPath, uids: Iterable[int], to: FolderPath) -> list[int]:
        """Move messages and give their new UIDs. Raises FolderGone."""
        here, there = self.folder(path), self.folder(to)
        moved = [here.mails[uid] for uid in uids]
        here.expunge([mail.uid for mail in moved])
        return [there.store(Posted(mail.data, mail.flags, mail.date, mail.zone)) for mail in moved]

    # --- what clients cause ---

    def append(self, path: FolderPath, mails: Sequence[Posted], *, multi: bool) -> list[int] | Refusal:
        """Execute one APPEND: all messages or none (RFC 3502). Gives the UIDs, or why it was refused."""
        folder = self.find(path)
        if folder is None:
            return Refusal("NO", "TRYCREATE", "Mailbox doesn't exist")
        room = None
        if self.options.quota_bytes is not None:
            room = self.options.quota_bytes - sum(each.size_bytes for each in self._folders.values())
        for mail in mails:
            refusal = self._judge(mail, multi=multi)
            if refusal is not None:
                return refusal
            if room is not None and (room := room - len(mail.data)) < 0:
                return Refusal("NO", "OVERQUOTA", "Quota exceeded")
        return [self._take(folder, mail) for mail in mails]

    def can_store(self, flag: str) -> bool:
        """Whether the server keeps this flag."""
        return flag in self.options.permanent_flags or (self.options.custom_keywords and not flag.startswith("\\"))

    def commit_later(self, commands: Iterable[Callable[[], object]]) -> None:
        """Take over what a broken connection left behind, see `MemoryOptions.late`."""
        waiting = deque(commands)
        if self.options.late is not None and waiting:
            self._late.append(_Late(self.options.late, waiting))

    def look(self) -> None:
        """Let time pass: somebody looks at a folder."""
        for late in self._late:
            if late.looks > 0:
                late.looks -= 1
            else:
                late.commands.popleft()()
        self._late = [late for late in self._late if late.commands]

    def _judge(self, mail: Posted, *, multi: bool) -> Refusal | None:
        options = self.options
        unknown = sorted(flag for flag in mail.flags if flag.startswith("\\") and flag not in options.permanent_flags)
        if unknown:
            return Refusal("BAD", "", f"Invalid system flag {unknown[0]}")
        if not mail.data and (multi or not options.takes_empty):
            return Refusal("NO", "", "Can't save a zero byte message")
        if options.max_message_bytes is not None and len(mail.data) > options.max_message_bytes:
            return Refusal("NO", "TOOBIG", "Message too large")
        refusal = options.refuse(mail.data, mail.flags) if options.refuse is not None else None
        return Refusal(*refusal) if refusal is not None else None

    def _take(self, folder: MemoryFolder, mail: Posted) -> int:
        if self.options.dedupes and (message_id := _message_id(mail.data)):
            for known in folder.mails.values():
                if _message_id(known.data) == message_id:
                    return known.uid
        data = mail.data if self.options.keeps_bytes else rewritten(mail.data)
        flags = frozenset(flag for flag in mail.flags if self.can_store(flag))
        date, zone = (mail.date, mail.zone) if self.options.keeps_internal_date else (self.now, 0)
        return folder.store(Posted(data, flags, date, zone))

    def _key(self, path: FolderPath) -> tuple[str, ...]:
        parts = tuple(part.casefold() for part in path.parts) if self.options.case_insensitive else path.parts
        # INBOX has no case anywhere (RFC 3501, 5.1).
        return (INBOX.parts[0], *parts[1:]) if path.parts[0].upper() == INBOX.parts[0] else parts


@dataclass(slots=True)
class _Late:
    looks: int
    commands: deque[Callable[[], object]]


def rewritten(data: bytes) -> bytes:
    """Do to a message what Exchange does: another header field, no folding, CRLF everywhere. Message-ID stays."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    header, blank, body = lines.partition(b"\r\n\r\n")
    return b"X-Rewritten-By: Memory\r\n" + re.sub(rb"\r\n(?=[ \t])", b"", header) + blank + body


def _message_id(data: bytes) -> bytes:
    header = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    found = re.search(rb"^message-id:\s*(<[^>]*>)", header, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else b""
