r"""Include and exclude lists of folders, with the meaning they have for Exchange's migration service.

A pattern is a folder's name from the root on, with `/` between the levels whatever the server uses, in any case.
`Clients` is that folder alone, `Clients/*` the folder with all below it. There are no other wildcards.
`#SentItems#`, at the beginning, is the well-known folder in whatever language; `\#Notes\#` a folder really so
named. `\/`, `\*` and `\\` stand for those characters inside a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from mailferry.records import dataclass
from mailferry.sync.foldernames import Parts, WellKnown, canonical, folded

Places = Mapping[WellKnown, Collection[Parts]]
"""Where the well-known folders of a mailbox are; several if it cannot be told which one it is."""

_ROOT = "root"
_ALIASES: Mapping[str, WellKnown] = {kind.value.casefold(): kind for kind in WellKnown}
_TOKEN = re.compile(r"\\([#/*\\])|(/)|(\*)|(.)", re.DOTALL)
_ALIAS = re.compile(r"#([^#/\\]*)#(?=/|$)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One entry of a list. `text` is as the user wrote it."""

    text: str
    kind: WellKnown | None
    parts: Parts
    subfolders: bool

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read one entry. Raises ValueError with a text that tells the user what is wrong."""
        rest = text.strip()
        if not rest.strip("/"):
            raise ValueError(f"folder pattern {text!r} names no folder")
        kind: WellKnown | None = None
        alias = _ALIAS.match(rest)
        if alias:
            kind = _well_known(alias[1], text)
            rest = rest[alias.end() :]
        parts, subfolders = _levels(rest, text)
        return cls(text, kind, parts, subfolders)

    def matches(self, parts: Parts, places: Places) -> bool:
        """Say whether the pattern means the folder at `parts`."""
        path = _comparable(canonical(parts))
        bases = [()] if self.kind is None else [_comparable(canonical(p)) for p in places.get(self.kind, ())]
        return any(self._below(path, base + self.parts) for base in bases)

    def _below(self, path: Parts, wanted: Parts) -> bool:
        return path == wanted or (self.subfolders and path[: len(wanted)] == wanted)


def _well_known(alias: str, text: str) -> WellKnown | None:
    """Give the folder with this alias, None for the root."""
    if alias.casefold() == _ROOT:
        return None
    if kind := _ALIASES.get(alias.casefold()):
        return kind
    names = ", ".join(["#Root#", *(f"#{k.value}#" for k in WellKnown)])
    raise ValueError(
        f"folder pattern {text!r}: there is no well-known folder #{alias}#; there are {names}; "
        f"a folder really so named is written \\#{alias}\\#"
    )


def _levels(rest: str, text: str) -> tuple[Parts, bool]:
    """Split what follows the well-known folder, if any; the second value tells whether it ends in `/*`."""
    tokens: list[tuple[str, str, str, str]] = _TOKEN.findall(rest)
    slash, star = ("", "/", "", ""), ("", "", "*", "")
    subfolders = tokens[-2:] == [slash, star]
    if subfolders:
        del tokens[-2:]
    if tokens[:1] == [slash]:
        del tokens[0]
    if star in tokens:
        raise ValueError(
            f"folder pattern {text!r}: * may only stand at the end, as in Clients/*; \\* is the character itself"
        )
    if not tokens:
        return (), subfolders
    levels = [""]
    for token in tokens:
        if token == slash:
            levels.append("")
        else:
            levels[-1] += token[0] or token[3]
    if not all(map(str.strip, levels)):
        raise ValueError(f"folder pattern {text!r}: there is a / with no name before or after it")
    return _comparable(levels), subfolders


def _comparable(parts: Sequence[str]) -> Parts:
    # Some servers keep blanks around a name; nobody sees them, so nobody can be asked to type them.
    return tuple(folded(part.strip()) for part in parts)


@dataclass(frozen=True, slots=True)
class FolderFilter:
    """Which folders of a mailbox are wanted. Exclude wins over include; an empty include list means all."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> FolderFilter:
        """Read both lists. Raises ValueError with a text for the user if an entry is malformed."""
        return cls(tuple(map(Pattern.parse, include)), tuple(map(Pattern.parse, exclude)))

    def objection(self, parts: Parts, places: Places) -> str:
        """Say why the folder at `parts` is not wanted; empty if it is."""
        for pattern in self.exclude:
            if pattern.matches(parts, places):
                return f"excluded by {pattern.text!r}"
        if self.include and not any(p.matches(parts, places) for p in self.include):
            return "not among the included folders"
        return ""

    def names(self, parts: Parts, places: Places) -> bool:
        """Say whether an include entry means this very folder, not only one above it."""
        return any(not p.subfolders and p.matches(parts, places) for p in self.include)

    def unmatched(self, folders: Collection[Parts], places: Places) -> list[str]:
        """Give the entries that mean no folder of the mailbox, as the user wrote them."""
        patterns = dict.fromkeys(self.include + self.exclude)
        return [p.text for p in patterns if not any(p.matches(parts, places) for parts in folders)]
