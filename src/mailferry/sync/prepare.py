"""Before bodies are copied: folders are made, their rows brought in line with both servers, and planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from mailferry.backends.base import Created, FolderPath, FolderStatus, Listed, Reader, Target, Want
from mailferry.records import dataclass
from mailferry.sync.ledger import FolderCounts, FolderRow, Ledger, Load
from mailferry.sync.leftout import admitted, apply_range, left_out
from mailferry.sync.limit import choose, must_choose, over_limit, uids_changed
from mailferry.sync.names import FolderMap, MappedFolder
from mailferry.sync.options import Event, FolderStats, Listener, Options, Stats
from mailferry.sync.plan import FolderPlan, all_flags_due, is_unchanged, plan_folder, within
from mailferry.sync.skipped import again, message_limit
from mailferry.sync.work import FolderWork

EMPTY = FolderStatus(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Context:
    """What an attempt works with."""

    source: Reader
    target: Target
    ledger: Ledger
    options: Options
    stats: Stats
    listen: Listener


class Preparation:
    """The folders of one attempt on their way to being copied.

    `failed` (folder to reason) and `warnings` are the attempt's own and are added to.
    """

    def __init__(self, at: Context, folder_map: FolderMap, failed: dict[str, str], warnings: list[str]) -> None:
        self.map = folder_map
        self.unsettled: set[int] = set()
        self.gone_from_target = 0
        self._at = at
        self._failed = failed
        self._warnings = warnings
        self._counts: Mapping[int, FolderCounts] = {}
        self._again: dict[int, set[tuple[int, int]]] = {}

    async def _create(
        self, there: Sequence[Listed], listed: Sequence[Listed], rows: Mapping[bytes, FolderRow]
    ) -> dict[FolderPath, Created]:
        """Make what is missing, and subscribe to what is subscribed on the source."""
        target = self._at.target
        first = [entry.target for entry in self.map.entries if entry.source.raw_name not in rows]
        made = await target.create_folders(self.map.to_create, then=first) if self.map.to_create else []
        by_path = {c.path: c for c in made}
        for entry in self.map.entries:
            done = by_path.get(entry.target)
            if done is not None and done.error:
                self._failed[str(entry.source.path)] = f"the target refuses to make {entry.target}: {done.error}"
        subscribed = {x.path for x in there if x.subscribed}
        everything = not any(x.subscribed for x in listed)
        wanted = [
            e.target
            for e in self.map.entries
            if e.target not in subscribed and (e.source.subscribed or (everything and e.target in by_path))
        ]
        if wanted:
            await target.subscribe(wanted)
        return by_path

    async def works(
        self, rows: Mapping[bytes, FolderRow], listed: Sequence[Listed], there: Sequence[Listed]
    ) -> list[FolderWork]:
        """Give what there is to do, folder by folder. `rows` are those of earlier passes, by raw name."""
        ledger = self._at.ledger
        created = await self._create(there, listed, rows)
        self.unsettled = await ledger.unsettled_folders()
        status_there = {x.path: x.status for x in there}
        raw_there = {path: made.raw_name for path, made in created.items()} | {x.path: x.raw_name for x in there}
        fresh: list[FolderRow] = []
        pending: list[tuple[FolderRow, FolderStatus, FolderStatus | None]] = []
        for entry in self.map.entries:
            status = await self._status(entry)
            if status is None:
                continue
            row = rows.get(entry.source.raw_name)
            if row is None:
                row = _fresh_row(entry, raw_there.get(entry.target, b""), status)
                row.made_by_us = entry.target in created and created[entry.target].made
                fresh.append(row)
            pending.append((row, status, status_there.get(entry.target)))
        if fresh:
            await ledger.save_folders(fresh)
        await apply_range(self._at.source, ledger, [row for row, _, _ in pending], self._at.options.received)
        self._counts = await ledger.counts()
        self._again = again(await ledger.exceptions(), message_limit(self._at.target, self._at.options))
        await self._limit([(row, status) for row, status, _ in pending])
        made = {path for path, done in created.items() if done.made}
        unknown = [row.target_path for row, _, there in pending if there is None and row.target_path not in made]
        if unknown:  # listed without counts, or there although it was not listed: it may hold mail
            told = dict(zip(unknown, await self._at.target.status(unknown), strict=True))
            pending = [(row, status, there or told.get(row.target_path)) for row, status, there in pending]
        begins = {row.id for row, _, _ in pending if not row.source_modseq_begun}
        planned = [await self._work(row, status, there_status) for row, status, there_status in pending]
        works = [work for work in planned if work is not None]
        if begun := [work.row for work in works if work.row.id in begins]:
            await ledger.save_folders(begun)
        return works

    async def _status(self, entry: MappedFolder) -> FolderStatus | None:
        """Begin a folder's numbers and give its counts; None if it has failed already."""
        name = str(entry.source.path)
        stats = self._at.stats.folders.setdefault(entry.source.raw_name, FolderStats(name, str(entry.target)))
        status: FolderStatus | None = None
        if name not in self._failed:
            status = entry.source.status or (await self._at.source.status([entry.source.path]))[0]
            if status is None:
                self._failed[name] = "the folder cannot be read"
        if status is None:
            stats.state, stats.note = "failed", self._failed[name]
        else:
            stats.found = status.messages
            if stats.note:  # an earlier attempt could not do it
                stats.state, stats.note = "waiting", ""
        return status

    async def _limit(self, folders: Sequence[tuple[FolderRow, FolderStatus]]) -> None:
        """Take the newest messages only, if there are too many; decided before anything is copied, and again when the
        limit was raised or the range of received dates is another.
        """
        ledger, limit, received = self._at.ledger, self._at.options.max_items, self._at.options.received
        begun = bool(self._counts) or any(row.source_uid_next_done for row, _ in folders)
        if await must_choose(ledger, folders, limit, received, begun=begun):
            self._at.stats.phase = "choosing the newest"
            names = {row.id: str(row.source_path) for row, _ in folders}
            found = await choose(self._at.source, ledger, folders, limit, received, begun=begun)
            for folder_id, count in found.items():
                self._at.listen(Event("over limit", {"folder": names[folder_id], "messages": count}))
            self._counts = await ledger.counts()
        exceptions = await ledger.exceptions()
        outside = left_out(exceptions, [row for row, _ in folders])
        # What was left out of a folder whose UIDs changed is looked at once more.
        over = over_limit(exceptions, [row for row, status in folders if not uids_changed(row, status)])
        for row, _ in folders:
            self._at.stats.folders[row.source_raw].left_out = outside.get(row.id, 0)
            if row.id in over:
                self._at.stats.folders[row.source_raw].skipped = over[row.id]
                self._warnings.append(f"{row.source_path}: {over[row.id]} older messages are over the limit of {limit}")

    async def _work(self, row: FolderRow, status: FolderStatus, there: FolderStatus | None) -> FolderWork | None:
        """Bring a folder's row in line with both servers and plan it; None if there is nothing to do."""
        source, target = self._at.source, self._at.target
        stats = self._at.stats.folders[row.source_raw]
        known = self._counts[row.id].confirmed if row.id in self._counts else 0
        if there is not None and known > there.messages:
            self._warnings.append(
                f"{row.target_path} on the target has {known - there.messages} messages fewer than were copied into it;"
                " somebody removed them, and they are not copied again (mailferry verify says which)"
            )
        if row.target_uid_validity and (there is None or there.uid_validity != row.target_uid_validity):
            from mailferry.sync.rematch import rematch_target

            there = there or (await target.status([row.target_path]))[0] or EMPTY
            _, gone = await rematch_target(target, self._at.ledger, row, there.uid_validity)
            self.gone_from_target += gone
        row.source_uid_validity = row.source_uid_validity or status.uid_validity
        if uids_changed(row, status):
            from mailferry.sync.rematch import rematch_source

            await rematch_source(source, self._at.ledger, row, status.uid_validity, target.features)
            stats.left_out = 0  # it is looked at once more
        if row.id not in self.unsettled:
            if (
                row.id not in self._again
                and is_unchanged(row, status)
                and not (row.id in self._counts and self._counts[row.id].lost)
            ):
                counted = stats.copied + stats.adopted + stats.skipped + stats.left_out  # by an earlier attempt, too
                stats.had, stats.state = max(0, status.messages - counted), "unchanged"
                return None
            if not row.adopted and not row.made_by_us and there is not None and there.messages and status.messages:
                from mailferry.sync.adopt import adopt

                self._at.stats.phase = "matching"
                stats.adopted += await adopt(source, target, self._at.ledger, row)
            row.adopted = True  # what comes to the target from now on is ours or somebody's own
        if not row.target_uid_validity and there is not None:
            row.target_uid_validity = there.uid_validity
        if not row.source_modseq_begun:
            row.source_modseq_begun = status.highest_modseq
        work = FolderWork(row, status, there, FolderPlan(), stats)
        await self.plan(work)
        if target.features.is_exchange:
            work.drop_flags = frozenset({"$MDNSent"})
        work.floor = await self._floor(row, there)
        stats.had = stats.had if work.plan.ranges else max(0, status.messages - stats.left_out)
        return work

    async def plan(self, work: FolderWork) -> None:
        """Plan a folder from its row and the source's counts, without the messages that are to be left out."""
        work.plan = await self._plan(work.row, work.source)
        received, stats = self._at.options.received, work.stats
        if not received.is_open:
            ledger, known = self._at.ledger, stats.left_out
            found = await admitted(self._at.source, ledger, work.row, work.plan, received, known=known)
            work.plan, work.last_uid, stats.left_out = found
        await self._count_attempts(work)

    async def _count_attempts(self, work: FolderWork) -> None:
        """Make chunks smaller by one half for each attempt that broke on what is still to be sent (rule 13)."""
        work.attempts = await self._at.ledger.attempts(work.row.id)
        resend = set(work.plan.resend)
        open_ = (n for uid, n in work.attempts.items() if uid in resend or within(uid, work.plan.ranges))
        work.divisor = 1 << min(max(open_, default=0), 10)

    async def _plan(self, row: FolderRow, status: FolderStatus) -> FolderPlan:
        options = self._at.options
        all_flags = all_flags_due(row, options.full_flags, options.clock.now())
        planned = partial(plan_folder, row, status, condstore=self._at.source.features.condstore, all_flags=all_flags)
        covers = await self._at.ledger.covers(row.id, source_uid_validity=row.source_uid_validity)
        lost = await self._at.ledger.lost_uids(row.id)
        lost |= {uid for uid, validity in self._again.get(row.id, ()) if validity == row.source_uid_validity}
        plan = planned(covers, lost)
        if plan.ranges:  # rows without a cover (adopted, sent again, out of order) answer for their own messages
            chunks = await self._at.ledger.chunks(row.id, columns=Load.OUTCOMES)
            # Smaller UIDs than these are done with, and there may be many of messages that were left out.
            first = row.source_uid_next_done
            loose = (uid for c in chunks if c.cover == (0, 0) for uid in c.columns.uids if uid >= first)
            single = [(uid, uid) for uid in loose if uid not in lost]
            if single:
                plan = planned([*covers, *single], lost)
        return plan

    async def _floor(self, row: FolderRow, there: FolderStatus | None) -> int:
        if there is None or not there.messages:
            return max(1, there.uid_next if there else 1)
        if there.uid_next:
            return there.uid_next
        listing = await self._at.target.listing(row.target_path, Want.SIZE)
        return (listing.uids[-1] + 1) if listing.uids else 1

    async def refresh_floors(self, works: Sequence[FolderWork]) -> None:
        """Look again from which UID on new mail will be: something has settled since."""
        target = self._at.target
        for work, status in zip(works, await target.status([w.row.target_path for w in works]), strict=True):
            work.floor = await self._floor(work.row, status)


def _fresh_row(entry: MappedFolder, target_raw: bytes, status: FolderStatus) -> FolderRow:
    return FolderRow(
        0,
        entry.source.raw_name,
        entry.source.path,
        entry.target,
        target_raw,
        entry.reason,
        entry.special_use.value if entry.special_use else "",
        entry.source.mailbox_id,
        source_uid_validity=status.uid_validity,
    )
