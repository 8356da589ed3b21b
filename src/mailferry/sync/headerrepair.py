"""Repairs of a message's header: bytes over 127, lines that are no fields, and a size that servers refuse."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

LONGEST_HEADER: Final = 65_536
"""Octets. Servers that limit the header at all allow at least this much."""

MARK: Final = b"X-Unreadable-Header: "
"""Put before a line of the header that is no field, so that it becomes one."""

_HEADER_END: Final = re.compile(rb"\n\r?\n")
_FIELD: Final = re.compile(rb"[^\n]*(?:\n[ \t][^\n]*)*\n?")
_PROPER_FIELD: Final = re.compile(rb"[!-9;-~\x80-\xff]+[ \t]*:")
_ASCII: Final = re.compile(rb"[\0-\x7f]*")
_EIGHT_BIT: Final = re.compile(rb"[\x80-\xff]")
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_WORDS: Final = re.compile(
    rb"""[^\s"<>(),;:@]*[\x80-\xff][^\s"<>(),;:@]*
         (?:(?:\r?\n)?[ \t]+[^\s"<>(),;:@]*[\x80-\xff][^\s"<>(),;:@]*)*""",
    re.VERBOSE,
)
_BARE_WORDS: Final = re.compile(rb"\S*[\x80-\xff]\S*(?:(?:\r?\n)?[ \t]+\S*[\x80-\xff]\S*)*")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")

_UNSTRUCTURED: Final = frozenset({b"subject", b"comments", b"content-description", b"thread-topic", b"keywords"})
_WITH_PHRASES: Final = frozenset(
    b"from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc resent-bcc "
    b"disposition-notification-to".split()
)
_WITH_FILE_NAMES: Final = frozenset({b"content-type", b"content-disposition"})
_NEEDED: Final = frozenset(
    b"from sender reply-to to cc bcc subject date message-id in-reply-to references mime-version content-type "
    b"content-transfer-encoding content-disposition content-description content-id content-language".split()
)
