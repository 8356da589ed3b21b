"""Which folder of the target each folder of the source goes to. Pure: it reads two listings and sends nothing.

In order: the stored map of earlier runs, INBOX, the special-use folders (RFC 6154, by attribute, then by localised
name), then every other folder under its own name below wherever its parent went, level by level, names that
need no change first. No two folders of the source share one of the target: the later gets ` (2)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from mailferry.backends.base import Features, FolderPath, Listed, SpecialUse
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.foldermap import FolderMap, LeftOut, MappedFolder, Why
from mailferry.sync.foldernames import GMAIL_CONTAINERS, USES, Candidates, Parts, candidates, canonical, folded
from mailferry.sync.foldertree import INBOX_PARTS, FolderTree, Node
from mailferry.sync.targetnames import TargetNames

__all__ = ["FolderMap", "LeftOut", "MappedFolder", "Why", "map_folders"]

_MOVED_WITH_PARENT = "parent has another name"


def map_folders(
    source: Sequence[Listed],
    target: Sequence[Listed],
    source_features: Features,
    target_features: Features,
    known: Mapping[bytes, FolderPath],
    folder_filter: FolderFilter,
) -> FolderMap:
    """Map the folders of `source` to those of `target`.

    `known` is the stored map (raw name on the source to path on the target): it always wins. The result does
    not depend on the order of the listings.
    """
    result = FolderMap()
    tree = FolderTree(source_features, known, folder_filter, result)
    tree.read(source)
    mapper = _Mapper(tree, TargetNames(target_features, target), known, result)
    mapper.choose_special(candidates(target, is_gmail=target_features.is_gmail))
    tree.leave_out()
    mapper.place()
    return mapper.finish()


class _Mapper:
    """The state of one call of `map_folders` on the target's side; the methods are its steps, in order."""

    def __init__(
        self, tree: FolderTree, names: TargetNames, known: Mapping[bytes, FolderPath], result: FolderMap
    ) -> None:
        self.tree = tree
        self.names = names
        self.known = known
        self.special: dict[SpecialUse, Parts] = {}  # chosen places on the target
        self.taken: dict[Parts, str] = {}  # comparable target path -> the source folder that goes there
        self.numbers: dict[Parts, int] = {}  # comparable wish -> the next number to try
        self.result = result

    # --- special use ----------------------------------------------------------------------------------

    def choose_special(self, there: Candidates) -> None:
        """Decide for each use which folder of the source has it, and which of the target."""
        for kind, use in USES.items():
            mine = self.tree.found.by_use.get(use) or self.tree.found.by_name.get(kind)
            if not mine:
                continue
            theirs = there.by_use.get(use) or there.by_name.get(kind, [])
            keys = {self.names.key(folder.path.parts): folder.path.parts for folder in reversed(theirs)}
            # Of several candidates the one that has the target's name already: then no second name is made.
            winner = next((f for f in mine if self.names.key(f.path.parts) in keys), mine[0])
            self.tree.nodes[self.tree.ident(winner.path.parts)].use = use
            own = self.names.key(winner.path.parts)
            same_name = self.names.selectable(winner.path.parts)
            if own in keys:
                self.special[use] = keys[own]
            elif use not in there.by_use and same_name and same_name.special_use is None:
                # A folder of this very name says more than a guess by another name.
                self.special[use] = same_name.path.parts
            elif theirs:
                self.special[use] = theirs[0].path.parts

    # --- places on the target -------------------------------------------------------------------------

    def place(self) -> None:
        """Find a place for every node of the tree."""
        for stored in self.known.values():
            # A folder that is gone from the source keeps its place: its mail is there.
            self.taken.setdefault(self.names.key(stored.parts), "")
        self._place_stored()
        self._place_special()
        by_level: dict[int, list[Node]] = {}
        for node in self.tree.nodes.values():
            if not node.place:
                by_level.setdefault(len(node.parts), []).append(node)
        for _, nodes in sorted(by_level.items()):
            wishes = sorted(((self._wish(node), node) for node in nodes), key=lambda pair: self._wish_rank(*pair))
            # Numbers are given last, so that they never take a name that a folder really has.
            rest = [(wish, node) for wish, node in wishes if not self._place_as_wished(node, wish)]
            for wish, node in rest:
                self._place_numbered(node, wish)

    def _place_stored(self) -> None:
        for _, node in sorted(self.tree.nodes.items()):
            stored = self.known.get(node.folder.raw_name) if node.folder else None
            if stored is None:
                continue
            node.place, node.reasons = stored.parts, ["stored"]
            other = self.taken.get(self.names.key(stored.parts))
            if other and node.copied:
                self.result.warnings.append(f"{other!r} and {node.path!r} are both stored as going to {str(stored)!r}")
            if node.copied:
                self._take(node)

    def _place_special(self) -> None:
        inbox = self.tree.nodes.get(self.tree.ident(INBOX_PARTS))
        if inbox and not inbox.place:
            inbox.place, inbox.reasons = INBOX_PARTS, ["same name"]
            if inbox.copied:
                self._take(inbox)
        for _, node in sorted(self.tree.nodes.items()):
            place = self.special.get(node.use) if node.use else None
            if node.place or not place or self.names.key(place) in self.taken:
                continue
            node.place = place
            by_attribute = node.folder is not None and node.folder.special_use is node.use
            node.reasons = [f"special use {node.use}" if by_attribute else f"name table {node.use}"]
            if node.copied:
                self._take(node)

    def _wish(self, node: Node) -> Parts:
        """Give the path that the node would have if nothing were in its way; its reasons are noted."""
        parent = node.parts[:-1]
        below = self.tree.nodes[self.tree.ident(parent)].place if parent else ()
        if self._only_in_gmail(node.parts):
            below = ()
            node.reasons.append("Gmail's container left out")
        elif below == INBOX_PARTS and not self.names.below_inbox:
            below = ()
            node.reasons.append("no folders below INBOX")
        elif below != parent:
            node.reasons.append(_MOVED_WITH_PARENT)
        wish, changes = self.names.fit(below, node.parts[-1])
        node.reasons += changes
        return wish

    def _only_in_gmail(self, parts: Parts) -> bool:
        """Say whether this is in Gmail's own container, in which nobody else can make folders."""
        gmail = self.tree.features.is_gmail or self.names.features.is_gmail
        inside = gmail and len(parts) == 2 and folded(parts[0]) in GMAIL_CONTAINERS
        return inside and self.names.existing(parts) is None

    def _wish_rank(self, wish: Parts, node: Node) -> tuple[bool, bool, Parts]:
        there = self.names.existing(wish)
        return not (there and there.path.parts == wish), wish != node.parts, node.parts

    def _place_as_wished(self, node: Node, wish: Parts) -> bool:
        place = self._spelt(wish)
        if self._obstacle(node, place):
            return False
        if place != wish:
            node.reasons.append("other case on the target")
        self._settle(node, place)
        return True

    def _place_numbered(self, node: Node, wish: Parts) -> None:
        node.reasons.append(self._obstacle(node, self._spelt(wish)))
        key = self.names.key(wish)
        for number in count(self.numbers.get(key, 2)):
            place = self._spelt(self.names.numbered(wish, number))
            if not self._obstacle(node, place):
                self._settle(node, place)
                if node.copied:
                    self.numbers[key] = number + 1
                return

    def _spelt(self, place: Parts) -> Parts:
        """Give the server's own spelling of a folder that is there, so that equal paths mean equal folders."""
        there = self.names.existing(place)
        return canonical(there.path.parts) if there else place

    def _obstacle(self, node: Node, place: Parts) -> str:
        """Say why the node cannot go to `place`; empty if it can."""
        if self.names.is_reserved(place, only_parent=not node.copied):
            return "reserved name"
        if not node.copied:
            return ""  # only a parent: it may share its place
        key = self.names.key(place)
        if key in self.taken:
            other = self.taken[key]
            only_case = other != node.path and folded(other) == folded(node.path)
            return "case clash" if only_case else "name taken"
        for use, special in self.special.items():
            if use is not node.use and self.names.key(special) == key:
                return f"name of the special folder {use}"
        return ""

    def _settle(self, node: Node, place: Parts) -> None:
        node.place = place
        if not node.copied:
            return
        self._take(node)
        if set(node.reasons) - {_MOVED_WITH_PARENT}:
            target = "/".join(place)
            self.result.warnings.append(f"{node.path!r} is copied to {target!r}: {', '.join(node.reasons)}")
        node.reasons = node.reasons or ["same name"]

    def _take(self, node: Node) -> None:
        self.taken[self.names.key(node.place)] = node.path

    # --- the result -----------------------------------------------------------------------------------

    def finish(self) -> FolderMap:
        """Put everything in order."""
        nodes = sorted((n for n in self.tree.nodes.values() if n.copied), key=self._copy_rank)
        for node in nodes:
            if node.folder is None:
                continue
            exists = node.place == INBOX_PARTS or self.names.selectable(node.place) is not None
            entry = MappedFolder(
                node.folder, FolderPath(node.place), self._use_there(node), ", ".join(node.reasons), exists
            )
            self.result.entries.append(entry)
        self.result.left_out.sort(key=lambda out: (out.source.path, out.source.raw_name, out.code))
        self.result.to_create.extend(self._missing(self.result.entries))
        return self.result

    def _use_there(self, node: Node) -> SpecialUse | None:
        special = self.special.get(node.use) if node.use else None
        return node.use if special is None or self.names.key(special) == self.names.key(node.place) else None

    def _copy_rank(self, node: Node) -> tuple[int, Parts, Parts]:
        """INBOX, Sent, Drafts, then by name; Trash and Junk, with what is below them, last."""
        above = [self.tree.nodes[self.tree.ident(node.parts[:level])].use for level in range(1, len(node.parts) + 1)]
        if node.parts == INBOX_PARTS:
            rank = 0
        elif SpecialUse.TRASH in above:
            rank = 4
        elif SpecialUse.JUNK in above:
            rank = 5
        else:
            rank = {SpecialUse.SENT: 1, SpecialUse.DRAFTS: 2}.get(node.use, 3) if node.use else 3
        return rank, tuple(map(folded, node.parts)), node.parts

    def _missing(self, entries: Iterable[MappedFolder]) -> Iterable[tuple[FolderPath, SpecialUse | None]]:
        """Give what must be made, each folder once, after its parents."""
        uses = {self.names.key(e.target.parts): e.special_use for e in entries}
        done: set[Parts] = {INBOX_PARTS}
        for entry in entries:
            parts = entry.target.parts
            for level in range(1, len(parts) + 1):
                key = self.names.key(parts[:level])
                there = entry.exists if level == len(parts) else self.names.is_listed(parts[:level])
                if key in done or there:
                    continue
                done.add(key)
                yield FolderPath(parts[:level]), uses.get(key)
