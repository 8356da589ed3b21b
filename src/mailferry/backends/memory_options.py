"""What the mail server in memory can do, and what it does to mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mailferry.backends.base import Features, Flags, FolderPath
from mailferry.records import dataclass

SYSTEM_FLAGS: Flags = frozenset({"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"})


class Refusal(NamedTuple):
    """A tagged answer other than OK: `status` is NO or BAD, `code` a response code (RFC 5530) or empty."""

    status: str
    code: str
    text: str


Refuse = Callable[[bytes, Flags], Refusal | tuple[str, str, str] | None]
"""Judges a message and its flags before it is stored; None lets it pass."""


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """What this server can do, and what it does to mail."""

    name: str = "Memory"
    multi_append: bool = True
    reports_new_ids: bool = True
    condstore: bool = True
    uid_expunge: bool = True
    permanent_flags: Flags = SYSTEM_FLAGS
    custom_keywords: bool = True  # False: keywords outside permanent_flags vanish; unknown system flags are BAD always
    max_message_bytes: int | None = None
    keeps_bytes: bool = True  # False: adds a header field, unfolds the others and makes every line end CRLF
    keeps_internal_date: bool = True  # False: stores `MemoryServer.now`
    dedupes: bool = False  # a Message-ID that the folder has already is answered with the UID it has
    takes_empty: bool = False  # a single message of 0 bytes is stored; within a MULTI chunk it never is
    quota_bytes: int | None = None
    case_insensitive: bool = False
    delimiter: str | None = "/"
    folder_name_bytes: int = 240
    is_exchange: bool = False
    refuse: Refuse | None = None
    refuse_folder: Callable[[FolderPath], str | None] | None = None
    late: int | None = None
    """What was released but not committed when the connection broke: None, it is lost; n, it is committed all
    the same, one command at each look (`status`, `listing`) after n looks that saw nothing of it."""
    latency_turns: int = 0  # turns of the event loop before a command is executed
    abandon_breaks: bool = False  # giving up a chunk that has begun costs the connection
    batch_messages: int = 64
    batch_bytes: int = 1 << 20
    piece_bytes: int = 1 << 16
    settle_seconds: float = 3.0

    def features(self) -> Features:
        """Say the same as the contract does."""
        return Features(
            name=self.name,
            reports_new_ids=self.reports_new_ids,
            one_lane=self.multi_append,
            keeps_bytes=self.keeps_bytes,
            keeps_internal_date=self.keeps_internal_date,
            condstore=self.condstore,
            custom_keywords=self.custom_keywords,
            max_message_bytes=self.max_message_bytes,
            delimiter=self.delimiter,
            folder_name_bytes=self.folder_name_bytes,
            case_insensitive=self.case_insensitive,
            children_of_inbox=self.delimiter is not None,
            is_exchange=self.is_exchange,
            is_gmail=self.dedupes,
            uid_expunge=self.uid_expunge,
            settle_seconds=self.settle_seconds,
        )
