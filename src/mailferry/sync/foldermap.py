"""What becomes of the folders of a source: the result of `names.map_folders`."""

from __future__ import annotations

from enum import StrEnum

from mailferry.backends.base import FolderPath, Listed, SpecialUse
from mailferry.records import dataclass, field


class Why(StrEnum):
    """Why a folder of the source is left out."""

    EXCLUDED = "excluded"
    NOT_SELECTABLE = "not-selectable"
    LISTED_TWICE = "listed-twice"
    NOT_MAIL = "not-mail"
    ALL_MAIL = "all-mail"
    TOO_DEEP = "too-deep"


@dataclass(frozen=True, slots=True)
class MappedFolder:
    """One folder that is copied. `special_use` is the use that it has, or is to be made with, on the target."""

    source: Listed
    target: FolderPath
    special_use: SpecialUse | None
    reason: str
    exists: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One folder that is not copied. `text` is for people."""

    source: Listed
    code: Why
    text: str


@dataclass(frozen=True, slots=True)
class FolderMap:
    """The whole map: every folder of the source is in `entries` (in the order of copying) or in `left_out`.

    `to_create` has parents first and is what `Target.create_folders` takes. `unmatched`: what was to be included, as
    the user wrote it, and means no folder; the warnings tell it too.
    """

    entries: list[MappedFolder] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    to_create: list[tuple[FolderPath, SpecialUse | None]] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
