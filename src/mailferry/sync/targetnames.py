"""Names that a target can have: what it can store, what it keeps for itself, and what is there already."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Sequence

from mailferry.backends.base import Features, Listed, SpecialUse
from mailferry.sync.foldernames import GMAIL_CONTAINERS, NOT_MAIL, Parts, canonical, folded, meaning

# Control characters; separators of lines; halves of surrogate pairs, which no server can store.
_NOT_ALLOWED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED = re.compile(r"&|[^\x20-\x7e]+")
_HASH_DIGITS = 8
_SHORTEST_LIMIT = 32  # room for the hash, a number, and some of the name


def stored_bytes(name: str) -> int:
    """Give the length of a name as stored: in modified UTF-7 (RFC 3501, 5.1.3) or UTF-8, whichever is longer."""
    encoded = sum(1 if run == "&" else 1 - len(run) + _base64_length(run) for run in _ENCODED.findall(name))
    return max(len(name) + encoded, len(name.encode()))


def _base64_length(run: str) -> int:
    return 1 + -(-len(run.encode("utf-16-be")) * 4 // 3)  # & and the digits; the closing - is counted by the caller


class TargetNames:
    """What a name must be like on one target, and which names are there already."""

    def __init__(self, features: Features, listed: Sequence[Listed]) -> None:
        self.features = features
        self.below_inbox = features.children_of_inbox and features.delimiter is not None
        self.substitute = "_" if features.delimiter != "_" else "-"
        self._limit = max(features.folder_name_bytes, _SHORTEST_LIMIT)
        self._existing: dict[Parts, Listed] = {}
        self._parents: set[Parts] = set()
        for folder in sorted(listed, key=lambda f: (not f.selectable, f.path, f.raw_name)):
            parts = folder.path.parts
            self._existing.setdefault(self.key(parts), folder)
            self._parents.update(self.key(parts[:level]) for level in range(1, len(parts)))
        self._reserved = {("inbox",)} | set(self._reserved_names(listed))

    def _reserved_names(self, listed: Sequence[Listed]) -> list[Parts]:
        names: list[Parts] = [("files",)] if self.features.is_exchange else []
        for folder in listed:
            parts = tuple(map(folded, folder.path.parts))
            if self.features.is_exchange and len(parts) == 1 and meaning(parts[0]) in NOT_MAIL:
                names.append(parts)  # mail in the calendar's or the notes' own folder is not seen by anyone
            if folder.special_use in (SpecialUse.ALL, SpecialUse.FLAGGED) and not self.features.is_gmail:
                names.append(parts)
        return names

    def key(self, parts: Parts) -> Parts:
        """Give the form in which two paths are equal if the target takes them for one folder."""
        parts = canonical(parts)
        return tuple(map(folded, parts)) if self.features.case_insensitive else parts

    def existing(self, parts: Parts) -> Listed | None:
        """Give the folder that the target lists at this place."""
        return self._existing.get(self.key(parts))

    def selectable(self, parts: Parts) -> Listed | None:
        """Give the folder at this place if it can hold mail."""
        folder = self.existing(parts)
        return folder if folder and folder.selectable else None

    def is_listed(self, parts: Parts) -> bool:
        """Say whether there is a folder at this place, or one below it."""
        key = self.key(parts)
        return key in self._existing or key in self._parents

    def is_reserved(self, parts: Parts, *, only_parent: bool) -> bool:
        """Say whether the target keeps this name for itself."""
        names = tuple(map(folded, parts))
        if self.features.is_gmail and len(names) == 1 and names[0] in GMAIL_CONTAINERS:
            return not only_parent
        return names in self._reserved

    def fit(self, below: Parts, name: str) -> tuple[Parts, list[str]]:
        """Make a name that the target can store out of `name`; the list says what had to be changed.

        The separator, control characters and whatever the target forbids become `_`. A target without a separator
        gets the levels joined by `_`.
        """
        fitting = _NOT_ALLOWED.sub(self.substitute, name)
        if self.features.delimiter:
            fitting = fitting.replace(self.features.delimiter, self.substitute)
        for character in self.features.forbidden_characters + ("^" if self.features.is_gmail else ""):
            fitting = fitting.replace(character, self.substitute)
        if fitting.strip() in (".", ".."):  # would leave the folder of a mailbox that is stored as files
            fitting = self.substitute * len(fitting.strip())
        changes = ["character not allowed"] if fitting != name else []
        tidy = self._tidy(fitting)
        if tidy != fitting:
            changes.append("blanks removed")
        if self.features.delimiter is None and below:
            tidy, below = self.substitute.join([*below, tidy]), ()
            changes.append("no subfolders on the target")
        roomy = self._with_room(below, stored_bytes(tidy))
        if not roomy and tidy[0] in self.features.forbidden_first:
            tidy = self.substitute + tidy[1:]
            changes = [*changes, "character not allowed"] if fitting == name else changes
        limit = self._limit_below(roomy)
        if roomy != below or stored_bytes(tidy) > limit:
            changes.append("too long")
        if stored_bytes(tidy) > limit:
            tidy = self._shortened(tidy, name, limit)
        return (*roomy, tidy), changes

    def _tidy(self, name: str) -> str:
        if self.features.is_gmail:
            name = " ".join(name.split())
        elif self.features.is_exchange:
            name = name.strip()
        return name or self.substitute

    def _shortened(self, name: str, origin: str, limit: int) -> str:
        digest = hashlib.blake2b(origin.encode("utf-8", "surrogatepass"), digest_size=_HASH_DIGITS // 2).hexdigest()
        return self._cut(name, limit - _HASH_DIGITS - 1) + self.substitute + digest

    def _cut(self, name: str, limit: int) -> str:
        length = bisect_right(range(1, min(len(name), limit) + 1), limit, key=lambda n: stored_bytes(name[:n]))
        return name[:length].rstrip()

    def numbered(self, parts: Parts, number: int) -> Parts:
        """Give the path with ` (number)` after the name."""
        suffix = f" ({number})"
        name = parts[-1]
        below = self._with_room(parts[:-1], stored_bytes(name) + len(suffix))
        if not below and name[0] in self.features.forbidden_first:
            name = self.substitute + name[1:]
        return (*below, self._cut(name, self._limit_below(below) - len(suffix)) + suffix)

    def _with_room(self, below: Parts, name_bytes: int) -> Parts:
        """Go up until a name of this length, or at least a short one, has room."""
        while below and self._limit_below(below) < min(name_bytes, _SHORTEST_LIMIT):
            below = below[:-1]
        return below

    def _limit_below(self, below: Parts) -> int:
        """Give the bytes that a name may have below these; there may be none left."""
        if self.features.path_bytes is None:
            return self._limit
        left = max(self.features.path_bytes, _SHORTEST_LIMIT) - sum(stored_bytes(part) + 1 for part in below)
        return min(self._limit, left)
