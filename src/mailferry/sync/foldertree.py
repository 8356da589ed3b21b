"""The folders of the source as a tree, and which of them are not copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailferry.backends.base import Features, FolderPath, Listed, SpecialUse
from mailferry.records import dataclass, field
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.foldermap import FolderMap, LeftOut, Why
from mailferry.sync.foldernames import NOT_MAIL, USES, Candidates, Parts, WellKnown, candidates, canonical, folded

INBOX_PARTS: Parts = ("INBOX",)
MAX_LEVELS = 300
"""Exchange Online's limit. A deeper tree is a broken listing, and costs memory by the square of its depth."""


@dataclass(slots=True)
class Node:
    """One place in the source's tree; `folder` is None where the server lists only something below it."""

    parts: Parts
    folder: Listed | None = None
    copied: bool = False
    use: SpecialUse | None = None
    place: Parts = ()
    reasons: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Give the path for people."""
        return "/".join(self.parts)


class FolderTree:
    """The folders of a source, read from one listing, and which of them are copied.

    What is left out, and warnings, go into `result`.
    """

    def __init__(
        self, features: Features, known: Mapping[bytes, FolderPath], folder_filter: FolderFilter, result: FolderMap
    ) -> None:
        self.features = features
        self.nodes: dict[Parts, Node] = {}
        self.found = Candidates()
        self._known = known
        self._filter = folder_filter
        self._result = result

    def ident(self, parts: Parts) -> Parts:
        """Give the form in which two paths of the source are equal if they mean one folder."""
        parts = canonical(parts)
        return tuple(map(folded, parts)) if self.features.case_insensitive else parts

    def read(self, source: Sequence[Listed]) -> None:
        """Build the tree; a folder that is listed twice counts once."""
        for folder in sorted(source, key=self._listing_rank):
            if len(folder.path.parts) > MAX_LEVELS:
                self._omit(folder, Why.TOO_DEEP, f"more than {MAX_LEVELS} levels deep")
                self._result.warnings.append(f"a folder more than {MAX_LEVELS} levels deep is left out")
                continue
            parts = canonical(folder.path.parts)
            for level in range(1, len(parts) + 1):
                self.nodes.setdefault(self.ident(parts[:level]), Node(parts[:level]))
            node = self.nodes[self.ident(parts)]
            if node.folder is None:
                node.folder, node.parts = folder, parts
                continue
            text = f"the server lists {node.path!r} twice; it is copied once"
            self._omit(folder, Why.LISTED_TWICE, text)
            self._result.warnings.append(text)
        self.found = candidates(self._folders(), is_gmail=self.features.is_gmail)

    def _listing_rank(self, folder: Listed) -> tuple[bool, bool, bool, bool, FolderPath, bytes]:
        # Of two listings of one folder the stored one must win, or the map would change from run to run.
        spelt = folder.path.parts == canonical(folder.path.parts)
        return (
            not folder.selectable,
            folder.raw_name not in self._known,
            not spelt,
            folder.special_use is None,
            folder.path,
            folder.raw_name,
        )

    def _folders(self) -> list[Listed]:
        return [node.folder for node in self.nodes.values() if node.folder]

    def _omit(self, folder: Listed, code: Why, text: str) -> None:
        self._result.left_out.append(LeftOut(folder, code, text))

    def leave_out(self) -> None:
        """Mark what is copied, and say why the rest is not."""
        places = self.places()
        not_mail = {self.ident(parts) for kind in NOT_MAIL for parts in places[kind] if self.features.is_exchange}
        all_mail = {self.ident(parts) for parts in places[WellKnown.ALL] if self.features.is_gmail}
        for ident, node in sorted(self.nodes.items()):
            if node.folder is None:
                continue
            if not node.folder.selectable:
                self._omit(node.folder, Why.NOT_SELECTABLE, "holds no mail, only folders")
            elif objection := self._filter.objection(node.parts, places):
                self._omit(node.folder, Why.EXCLUDED, objection)
            elif any(ident[:level] in not_mail for level in range(1, len(ident) + 1)):
                self._omit(node.folder, Why.NOT_MAIL, "not a mail folder")
            elif ident in all_mail and not self._filter.names(node.parts, places):
                self._omit(node.folder, Why.ALL_MAIL, "shows the mail of all labels once more")
                self._result.warnings.append(
                    f"{node.path!r} is left out, or all mail would arrive twice; "
                    "mail that was archived without a label is only there: include the folder by its name to copy it"
                )
            else:
                node.copied = True
                self._warn_if_virtual(node.folder)
        wanted = [node.parts for node in self.nodes.values() if node.folder]
        included = {pattern.text for pattern in self._filter.include}
        for text in self._filter.unmatched(wanted, places):
            if text in included:
                self._result.unmatched.append(text)
            which = "included" if text in included else "excluded"
            self._result.warnings.append(f"no folder of the source matches {text!r}, which is to be {which}")

    def _warn_if_virtual(self, folder: Listed) -> None:
        if folder.special_use in (SpecialUse.ALL, SpecialUse.FLAGGED):
            self._result.warnings.append(
                f"{str(folder.path)!r} ({folder.special_use}) usually shows mail of other folders, "
                "which then arrives twice: consider excluding it"
            )

    def places(self) -> dict[WellKnown, list[Parts]]:
        """Say where the well-known folders of the source are, for the filter."""
        found = {kind: [f.path.parts for f in self.found.by_name.get(kind, [])] for kind in NOT_MAIL | {WellKnown.ALL}}
        found[WellKnown.ALL] += [f.path.parts for f in self.found.by_use.get(SpecialUse.ALL, [])]
        for kind, use in USES.items():
            found[kind] = [node.parts for node in self.nodes.values() if node.use is use]
        found[WellKnown.INBOX] = [INBOX_PARTS]
        return found
