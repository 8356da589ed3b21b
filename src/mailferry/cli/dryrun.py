"""`mailferry copy --dry-run`: the plan, with the folder map and the counts. Nothing is changed anywhere.

Both mailboxes are read only, and the ledger is asked through a copy of it; a Maildir that is not there is not made.
"""

from __future__ import annotations

import asyncio
import tempfile
from bisect import bisect_left
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from mailferry.backends.base import Features, FolderStatus, Listed, Reader, Want
from mailferry.backends.registry import features_before_it_exists, source_opener
from mailferry.cli.ledgers import snapshot
from mailferry.cli.requests import Request
from mailferry.cli.wiretrace import Loggers
from mailferry.errors import MailferryError, RootNotFound, Side
from mailferry.records import dataclass, field
from mailferry.sync.ledger import FolderRow, Ledger, Load
from mailferry.sync.leftout import apply_range, left_out
from mailferry.sync.limit import choose, must_choose, over_limit, uids_changed
from mailferry.sync.names import FolderMap, MappedFolder, map_folders
from mailferry.sync.options import Options
from mailferry.sync.plan import FolderPlan, is_unchanged, plan_folder, within


@dataclass(slots=True)
class PlannedFolder:
    """One folder. `too_large`, `over_limit` and `left_out` messages are not copied; the last were not received in the
    range. `there` are on the target already, and are matched first.
    """

    source: str
    target: str
    reason: str
    exists: bool
    found: int = 0
    to_copy: int = 0
    size_bytes: int = 0
    too_large: int = 0
    over_limit: int = 0
    left_out: int = 0
    there: int = 0
    error: str = ""


@dataclass(slots=True)
class Plan:
    """What a copy would do."""

    folders: list[PlannedFolder] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    target_exists: bool = True

    @property
    def chose_nothing(self) -> bool:
        """True if the source has folders, and a copy would take none of them."""
        return not self.folders and bool(self.left_out)

    def to_dict(self) -> dict[str, object]:
        """Give it for JSON."""
        return {
            "target_exists": self.target_exists,
            "folders": [asdict(folder) for folder in self.folders],
            "left_out": [{"folder": name, "reason": why} for name, why in self.left_out],
            "warnings": self.warnings,
        }


async def make_plan(request: Request, options: Options, loggers: Loggers) -> Plan:
    """Look at both mailboxes and at the ledger. Raises MailferryError."""
    async with snapshot(request.state, request.keys) as ledger:
        with tempfile.TemporaryDirectory(prefix="mailferry-") as scratch:
            opened = await asyncio.gather(
                source_opener(request.source, Side.SOURCE, loggers[0])(),
                _there(source_opener(request.target, Side.TARGET, loggers[1], state=Path(scratch))()),
                return_exceptions=True,
            )
            source, target = opened
            try:
                if isinstance(source, BaseException):
                    raise source
                if isinstance(target, BaseException):
                    raise target
                features = target.features if target is not None else features_before_it_exists(request.target)
                assert features is not None  # only what a copy makes may be missing
                return await Planner(source, target, features, ledger, options).plan()
            finally:
                for reader in opened:
                    if reader is not None and not isinstance(reader, BaseException):
                        await reader.close()


async def _there(opening: Awaitable[Reader]) -> Reader | None:
    """Give the target's reader, None if it is a folder that a copy would make."""
    try:
        return await opening
    except RootNotFound:
        return None


class Planner:
    """Makes one plan. `target`: None if it is not there yet; `ledger`: a copy, which is written to."""

    def __init__(
        self, source: Reader, target: Reader | None, features: Features, ledger: Ledger, options: Options
    ) -> None:
        self._source = source
        self._target = target
        self._features = features
        self._ledger = ledger
        self._limit_bytes = min(options.max_message_bytes, features.max_message_bytes or options.max_message_bytes)
        self._filter = options.filter
        self._max_items = options.max_items
        self._received = options.received

    async def plan(self) -> Plan:
        """Map the folders, and look into each that is not as it was. Raises MailferryError."""
        listed = await self._source.list_folders()
        there: Sequence[Listed] = await self._target.list_folders() if self._target is not None else []
        rows: Mapping[bytes, FolderRow] = {row.source_raw: row for row in await self._ledger.folders()}
        known = {raw: row.target_path for raw, row in rows.items()}
        mapped: FolderMap = map_folders(listed, there, self._source.features, self._features, known, self._filter)
        counts = {folder.path: folder.status.messages for folder in there if folder.status is not None}
        plan = Plan(target_exists=self._target is not None, warnings=list(mapped.warnings))
        plan.left_out = [(str(out.source.path), out.text) for out in mapped.left_out]
        statuses = {entry.source.raw_name: await self._status(entry) for entry in mapped.entries}
        rows = await self._with_fresh(rows, mapped.entries, statuses)
        folders = [(rows[raw], status) for raw, status in statuses.items() if status is not None]
        await apply_range(self._source, self._ledger, [row for row, _ in folders], self._received)
        await self._limit(folders)
        exceptions = await self._ledger.exceptions()
        # What was left out of a folder whose UIDs changed is looked at once more.
        known_rows = [row for row, status in folders if not uids_changed(row, status)]
        over, outside = over_limit(exceptions, known_rows), left_out(exceptions, known_rows)
        for entry in mapped.entries:
            planned = PlannedFolder(str(entry.source.path), str(entry.target), entry.reason, entry.exists)
            status = statuses[entry.source.raw_name]
            planned.there = counts.get(entry.target, 0) if entry.source.raw_name not in known else 0
            if status is None:
                planned.error = "the folder cannot be read"
            else:
                row = rows[entry.source.raw_name]
                planned.over_limit, planned.left_out = over.get(row.id, 0), outside.get(row.id, 0)
                await self._look(entry, row, status, planned)
            plan.folders.append(planned)
        return plan

    async def _status(self, entry: MappedFolder) -> FolderStatus | None:
        return entry.source.status or (await self._source.status([entry.source.path]))[0]

    async def _with_fresh(
        self,
        rows: Mapping[bytes, FolderRow],
        entries: Sequence[MappedFolder],
        statuses: Mapping[bytes, FolderStatus | None],
    ) -> Mapping[bytes, FolderRow]:
        """Give the rows with those of new folders added, in this copy of the ledger: the limit is of all folders."""
        made = [
            FolderRow(0, raw, entry.source.path, entry.target, source_uid_validity=status.uid_validity)
            for entry in entries
            if (raw := entry.source.raw_name) not in rows and (status := statuses[raw]) is not None
        ]
        return {**rows, **{row.source_raw: row for row in await self._ledger.save_folders(made)}}

    async def _limit(self, folders: Sequence[tuple[FolderRow, FolderStatus]]) -> None:
        """Leave out what a copy would, in this copy of the ledger."""
        most, received = self._max_items, self._received
        begun = bool(await self._ledger.counts()) or any(row.source_uid_next_done for row, _ in folders)
        if await must_choose(self._ledger, folders, most, received, begun=begun):
            await choose(self._source, self._ledger, folders, most, received, begun=begun)

    async def _look(self, entry: MappedFolder, row: FolderRow, status: FolderStatus, planned: PlannedFolder) -> None:
        planned.found = status.messages
        if not status.messages or await self._is_unchanged(row, status):
            return
        received = self._received
        try:
            listing = await self._source.listing(
                entry.source.path, Want.SIZE if received.is_open else Want.SIZE | Want.DATE
            )
        except MailferryError as error:
            planned.error = str(error)
            return
        wanted = await self._wanted(row, status)
        for i, (uid, size) in enumerate(zip(listing.uids, listing.sizes, strict=True)):
            if wanted is not None and not _is_in(uid, wanted):
                continue
            if not received.is_open and not received.admits(listing.dates[i]):
                planned.left_out += 1
            elif size > self._limit_bytes:
                planned.too_large += 1
            else:
                planned.to_copy += 1
                planned.size_bytes += size

    async def _is_unchanged(self, row: FolderRow, status: FolderStatus) -> bool:
        return is_unchanged(row, status) and not await self._ledger.lost_uids(row.id)

    async def _wanted(self, row: FolderRow, status: FolderStatus) -> FolderPlan | None:
        """Give what is not known of the folder; None if nothing is."""
        if row.source_uid_validity != status.uid_validity:
            return None
        covers = await self._ledger.covers(row.id, source_uid_validity=row.source_uid_validity)
        chunks = await self._ledger.chunks(row.id, columns=Load.OUTCOMES)
        covers = [*covers, *((uid, uid) for chunk in chunks if chunk.cover == (0, 0) for uid in chunk.columns.uids)]
        lost = await self._ledger.lost_uids(row.id)
        return plan_folder(row, status, covers, lost, condstore=self._source.features.condstore)


def _is_in(uid: int, plan: FolderPlan) -> bool:
    at = bisect_left(plan.resend, uid)
    return within(uid, plan.ranges) or (at < len(plan.resend) and plan.resend[at] == uid)


def totals(plan: Plan) -> Mapping[str, int]:
    """Add the folders up."""
    names = ("found", "to_copy", "size_bytes", "too_large", "over_limit", "left_out", "there")
    return {name: sum(int(getattr(folder, name)) for folder in plan.folders) for name in names}
