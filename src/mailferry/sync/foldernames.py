"""Names of folders: which of them are well-known ones, and when two are equal.

Look-ups, no rules about where mail goes: those are in `names`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mailferry.backends.base import Listed, SpecialUse
from mailferry.records import dataclass, field
from mailferry.sync.wellknown import NAMES
from mailferry.sync.wellknown import WellKnown as WellKnown

Parts = tuple[str, ...]


USES: Mapping[WellKnown, SpecialUse] = MappingProxyType(
    {
        WellKnown.SENT: SpecialUse.SENT,
        WellKnown.DRAFTS: SpecialUse.DRAFTS,
        WellKnown.ARCHIVE: SpecialUse.ARCHIVE,
        WellKnown.TRASH: SpecialUse.TRASH,
        WellKnown.JUNK: SpecialUse.JUNK,
    }
)
"""The special uses that are a place for mail. `\\All` and `\\Flagged` show mail of other folders (RFC 6154, 2)."""

NOT_MAIL = frozenset(
    {
        WellKnown.OUTBOX,
        WellKnown.CALENDAR,
        WellKnown.CONTACTS,
        WellKnown.JOURNAL,
        WellKnown.TASKS,
        WellKnown.NOTES,
        WellKnown.SYNC_ISSUES,
    }
)
"""What Exchange lists beside mail folders."""

GMAIL_CONTAINERS = frozenset({"[gmail]", "[google mail]"})


def folded(name: str) -> str:
    """Give the form in which two names that differ only in case or in Unicode normalisation are equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def canonical(parts: Parts) -> Parts:
    """Spell a first part that is INBOX in any case as the RFC does (RFC 3501, 5.1)."""
    return ("INBOX", *parts[1:]) if parts[0].casefold() == "inbox" else parts


def table() -> list[tuple[WellKnown, str]]:
    """Give every name with its meaning, the preferred ones of each meaning first."""
    cells = [(kind, cell.strip()) for kind, text in NAMES.items() for cell in text.replace("\n", "|").split("|")]
    return [(kind, name) for kind, name in cells if name]


_MEANING: Mapping[str, tuple[int, WellKnown]] = MappingProxyType(
    {folded(name): (rank, kind) for rank, (kind, name) in reversed(list(enumerate(table())))}
)


def meaning(name: str) -> WellKnown | None:
    """Say which well-known folder bears this name in some language; None if no one does."""
    found = _MEANING.get(folded(name))
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Folders of one listing that may be the well-known ones, best first. A folder is in one list at most."""

    by_use: dict[SpecialUse, list[Listed]] = field(default_factory=dict)
    by_name: dict[WellKnown, list[Listed]] = field(default_factory=dict)


def candidates(folders: Sequence[Listed], *, is_gmail: bool) -> Candidates:
    """Find the folders with a special use (RFC 6154), and those without that bear a well-known name.

    A name counts at the top only: at the root, below `[Gmail]` on Gmail, and directly below INBOX where the server
    keeps every folder there.
    """
    # A server with a prefix INBOX. that announces no namespace shows all folders below INBOX.
    inbox_only = all(canonical(f.path.parts)[0] == "INBOX" for f in folders)
    found = Candidates()
    ranked: list[tuple[int, WellKnown, Listed]] = []
    for folder in sorted(folders, key=lambda f: (len(f.path.parts), f.path, f.raw_name)):
        if folder.special_use:
            # An inbox that is marked as something else stays the inbox: nothing else is ever mapped into it.
            if folder.selectable and canonical(folder.path.parts) != ("INBOX",):
                found.by_use.setdefault(folder.special_use, []).append(folder)
            continue
        hit = _by_name(canonical(folder.path.parts), inbox_only=inbox_only, is_gmail=is_gmail)
        if hit and (folder.selectable or hit[1] in NOT_MAIL):
            ranked.append((*hit, folder))
    for _, kind, folder in sorted(ranked, key=lambda entry: entry[0]):
        found.by_name.setdefault(kind, []).append(folder)
    return found


def _by_name(parts: Parts, *, inbox_only: bool, is_gmail: bool) -> tuple[int, WellKnown] | None:
    in_gmail = is_gmail and len(parts) == 2 and folded(parts[0]) in GMAIL_CONTAINERS
    if not (len(parts) == 1 or in_gmail or (len(parts) == 2 and inbox_only)):
        return None
    hit = _MEANING.get(folded(parts[-1]))
    # "All" and "Todos" are good names for a folder of one's own; only Gmail's container makes them special.
    return None if hit is None or (hit[1] is WellKnown.ALL and not in_gmail) else hit
