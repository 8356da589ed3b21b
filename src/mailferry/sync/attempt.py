"""One attempt of a pass, from login to logout. Its state is in the ledger; the object is thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

from mailferry.backends.base import Created, FolderStatus, Listed, Reader, Target, Want
from mailferry.sync.adopt import adopt
from mailferry.sync.apply import Copier
from mailferry.sync.doubt import resolve_all, sweep
from mailferry.sync.flags import follow_flags
from mailferry.sync.ledger import ExceptionKind, FolderCounts, FolderRow, Ledger, Load
from mailferry.sync.limit import apply_limit, within
from mailferry.sync.names import FolderMap, MappedFolder, map_folders
from mailferry.sync.options import Event, FolderStats, Listener, Options, Stats
from mailferry.sync.plan import FolderPlan, is_unchanged, plan_folder
from mailferry.sync.probe import probe
from mailferry.sync.rematch import rematch_source, rematch_target
from mailferry.sync.renames import follow_renames
from mailferry.sync.skipped import again, message_limit
from mailferry.sync.work import FolderWork, Resend

_A = TypeVar("_A")
_B = TypeVar("_B")
EMPTY = FolderStatus(0, 0, 0)
_KEYWORD_FOLDERS = 16  # enough to see the keywords that a user has


class Attempt:
    """Everything between two logins and two logouts."""

    def __init__(
        self,
        open_source: Callable[[], Awaitable[Reader]],
        open_target: Callable[[], Awaitable[Target]],
        ledger: Ledger,
        options: Options,
        stats: Stats,
        pass_no: int,
        listen: Listener,
        suspects: Collection[bytes] = (),
    ) -> None:
        self._open_source = open_source
        self._open_target = open_target
        self._ledger = ledger
        self._options = options
        self._stats = stats
        self._pass_no = pass_no
        self._listen = listen
        self._suspects = suspects
        self.map: FolderMap | None = None
        self.failed: dict[str, str] = {}
        self.gone_from_target = 0
        self.warnings: list[str] = []
        self._unsettled: set[int] = set()
        self._counts: Mapping[int, FolderCounts] = {}
        self._again: dict[int, set[tuple[int, int]]] = {}

    async def run(self) -> None:
        """Do all there is to do. Raises MailferryError."""
        self._stats.phase = "connecting"
        source, target = await _both(self._open_source(), self._open_target())
        try:
            await self._run(source, target)
        finally:
            await asyncio.gather(source.close(), target.close())

    async def _run(self, source: Reader, target: Target) -> None:
        self._stats.phase = "listing folders"
        listed, there = await _both(source.list_folders(), target.list_folders())
        rows = {row.source_raw: row for row in await self._ledger.folders()}
        renamed = await follow_renames(source, self._ledger, rows, listed)
        rows = {row.source_raw: row for row in rows.values()}
        known = {raw: row.target_path for raw, row in rows.items()}
        self.map = map_folders(listed, there, source.features, target.features, known, self._options.filter)
        self.warnings = renamed + list(self.map.warnings)
        self._listen(Event("folders mapped", {"folders": len(self.map.entries), "left_out": len(self.map.left_out)}))
        created = await self._create(target, there, listed)
        self._unsettled = await self._ledger.unsettled_folders()
        works = await self._works(source, target, rows, there, created)
        await self._copy(source, target, [w for w in works if w.row.id not in self._unsettled])
        doubtful = [w for w in works if w.row.id in self._unsettled]
        if doubtful:
            self._stats.phase = "settling"
            lost = await resolve_all(target, self._ledger, [work.row for work in doubtful], self._options)
            for work in doubtful:
                fields = {"folder": str(work.row.source_path), "to_send_again": lost[work.row.id]}
                self._listen(Event("outcome settled", fields))
                work.plan = await self._plan(source, work.row, work.source)
            await self._refresh_floors(target, doubtful)
            await self._copy(source, target, doubtful)
        await self._learn_validity(target, works)
        self._stats.phase = "following flags"
        for work in works:
            if work.failed:
                self.failed[str(work.row.source_path)] = work.stats.note = work.failed
                work.stats.state = "failed"
            else:
                await self._finish(source, target, work)
        for row in await self._ledger.folders():
            if row.in_doubt:
                await sweep(target, self._ledger, row)

    # folders

    async def _create(self, target: Target, there: Sequence[Listed], listed: Sequence[Listed]) -> dict[object, Created]:
        assert self.map is not None
        made = await target.create_folders(self.map.to_create) if self.map.to_create else []
        by_path: dict[object, Created] = {c.path: c for c in made}
        for entry in self.map.entries:
            done = by_path.get(entry.target)
            if done is not None and done.error:
                self.failed[str(entry.source.path)] = f"the target refuses to make {entry.target}: {done.error}"
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

    async def _works(
        self,
        source: Reader,
        target: Target,
        rows: dict[bytes, FolderRow],
        there: Sequence[Listed],
        created: dict[object, Created],
    ) -> list[FolderWork]:
        assert self.map is not None
        status_there = {x.path: x.status for x in there}
        raw_there = {x.path: x.raw_name for x in there}
        fresh: list[FolderRow] = []
        pending: list[tuple[MappedFolder, FolderRow, FolderStatus, FolderStatus | None]] = []
        for entry in self.map.entries:
            name = str(entry.source.path)
            stats = self._stats.folders.setdefault(entry.source.raw_name, FolderStats(name, str(entry.target)))
            if name in self.failed:
                stats.state, stats.note = "failed", self.failed[name]
                continue
            status = entry.source.status or (await source.status([entry.source.path]))[0]
            if status is None:
                self.failed[name] = "the folder cannot be read"
                stats.state, stats.note = "failed", self.failed[name]
                continue
            stats.found = status.messages
            row = rows.get(entry.source.raw_name)
            if row is None:
                made = created.get(entry.target)
                row = FolderRow(
                    0,
                    entry.source.raw_name,
                    entry.source.path,
                    entry.target,
                    raw_there.get(entry.target, made.raw_name if made else b""),
                    entry.reason,
                    entry.special_use.value if entry.special_use else "",
                    entry.source.mailbox_id,
                    made_by_us=bool(made and made.made),
                    source_uid_validity=status.uid_validity,
                )
                fresh.append(row)
            pending.append((entry, row, status, status_there.get(entry.target)))
        if fresh:
            await self._ledger.save_folders(fresh)
        self._counts = await self._ledger.counts()
        self._again = again(await self._ledger.exceptions(), message_limit(target, self._options))
        await self._limit(source, [(row, status) for _, row, status, _ in pending])
        works = []
        for entry, row, status, target_status in pending:
            work = await self._work(source, target, entry, row, status, target_status)
            if work is not None:
                works.append(work)
        return works

    async def _limit(self, source: Reader, folders: Sequence[tuple[FolderRow, FolderStatus]]) -> None:
        """Take the newest messages only, if there are too many; decided before anything is copied."""
        begun = bool(self._counts) or any(row.source_uid_next_done for row, _ in folders)
        if begun or sum(status.messages for _, status in folders) <= self._options.max_items:
            return
        self._stats.phase = "choosing the newest"
        rows = [row for row, status in folders if status.messages]
        left_out = await apply_limit(source, self._ledger, rows, self._options.max_items)
        for folder, count in left_out.items():
            self._listen(Event("over limit", {"folder": folder, "messages": count}))
            self.warnings.append(
                f"{folder}: the {count} oldest messages are over the limit of {self._options.max_items}"
            )

    async def _work(
        self,
        source: Reader,
        target: Target,
        entry: MappedFolder,
        row: FolderRow,
        status: FolderStatus,
        there: FolderStatus | None,
    ) -> FolderWork | None:
        """Bring a folder's row in line with both servers and plan it; None if there is nothing to do."""
        stats = self._stats.folders[row.source_raw]
        if row.target_uid_validity and (there is None or there.uid_validity != row.target_uid_validity):
            there = there or (await target.status([row.target_path]))[0] or EMPTY
            _, gone = await rematch_target(target, self._ledger, row, there.uid_validity)
            self.gone_from_target += gone
        if row.source_uid_validity and status.uid_validity and row.source_uid_validity != status.uid_validity:
            await rematch_source(source, self._ledger, row, status.uid_validity, target.features)
        if row.id not in self._unsettled:
            if (
                row.id not in self._again
                and is_unchanged(row, status)
                and not (row.id in self._counts and self._counts[row.id].lost)
            ):
                stats.had, stats.state = status.messages, "unchanged"
                return None
            if not row.adopted and not row.made_by_us and there is not None and there.messages and status.messages:
                self._stats.phase = "matching"
                stats.adopted += await adopt(source, target, self._ledger, row)
        if not row.target_uid_validity and there is not None:
            row.target_uid_validity = there.uid_validity
        if not row.source_modseq_begun:
            row.source_modseq_begun = status.highest_modseq
            await self._ledger.save_folder(row)
        plan = await self._plan(source, row, status)
        work = FolderWork(row, status, there, plan, stats)
        work.attempts = await self._ledger.attempts(row.id)
        worst = max(work.attempts.values(), default=0)
        work.divisor = 1 << min(worst, 10)
        if target.features.is_exchange:
            work.drop_flags = frozenset({"$MDNSent"})
        work.floor = await self._floor(target, row, there)
        stats.had = max(0, status.messages) if plan.empty or not plan.ranges else stats.had
        return work

    async def _plan(self, source: Reader, row: FolderRow, status: FolderStatus) -> FolderPlan:
        covers = await self._ledger.covers(row.id, source_uid_validity=row.source_uid_validity)
        lost = await self._ledger.lost_uids(row.id)
        lost |= {uid for uid, validity in self._again.get(row.id, ()) if validity == row.source_uid_validity}
        plan = plan_folder(row, status, covers, lost, condstore=source.features.condstore)
        if plan.ranges:  # rows without a cover (adopted, sent again, out of order) answer for their own messages
            chunks = await self._ledger.chunks(row.id, columns=Load.OUTCOMES)
            single = [(uid, uid) for c in chunks if c.cover == (0, 0) for uid in c.columns.uids if uid not in lost]
            if single:
                plan = plan_folder(row, status, [*covers, *single], lost, condstore=source.features.condstore)
        return plan

    async def _floor(self, target: Target, row: FolderRow, there: FolderStatus | None) -> int:
        if there is None or not there.messages:
            return max(1, there.uid_next if there else 1)
        if there.uid_next:
            return there.uid_next
        listing = await target.listing(row.target_path, Want.SIZE)
        return (listing.uids[-1] + 1) if listing.uids else 1

    async def _refresh_floors(self, target: Target, works: Sequence[FolderWork]) -> None:
        for work, status in zip(works, await target.status([w.row.target_path for w in works]), strict=True):
            work.floor = await self._floor(target, work.row, status)

    # bodies

    async def _copy(self, source: Reader, target: Target, works: Sequence[FolderWork]) -> None:
        todo = [w for w in works if w.plan.ranges or w.plan.resend]
        asked = [w for w in works if not w.plan.empty]
        if asked:
            kinds, keywords = await asyncio.gather(
                asyncio.gather(*(target.permanent_flags(w.row.target_path) for w in asked)),
                source.keywords([w.row.source_path for w in asked[:_KEYWORD_FOLDERS]]),
            )
            for work, (permanent, anything) in zip(asked, kinds, strict=True):
                work.permanent, work.any_keyword = permanent, anything
            target.expect_keywords(asked[-1].row.target_path, asked[-1].sendable(keywords))
        if not todo:
            return
        todo = [w for w in todo if w.row.source_raw not in self._suspects or await self._takes_mail(target, w)]
        if not todo:
            return
        self._stats.phase = "copying"
        for _ in range(2):  # the second time for what the server did not hand over
            copier = Copier(source, target, self._ledger, self._options, self._pass_no)
            await copier.run(todo)
            todo = [w for w in todo if await self._missing(source, w)]
            if not todo:
                return
        for work in todo:
            for resend in work.resends:
                for uid in resend.uids:
                    text = "the server lists the message, but does not hand it over"
                    work.exceptions.append(work.exception(uid, ExceptionKind.SKIPPED, "unreadable", text))
                    work.stats.skipped += 1

    async def _takes_mail(self, target: Target, work: FolderWork) -> bool:
        """Send a test message to a folder that refused several messages in the same words."""
        refusal = await probe(target, work.row.target_path)
        work.probed = True
        if refusal:
            work.failed = f"the target refuses every message: {refusal}"
            self.failed[str(work.row.source_path)] = work.stats.note = work.failed
            work.stats.state = "failed"
        return not refusal

    async def _missing(self, source: Reader, work: FolderWork) -> bool:
        """Compare what was read with what the folder holds; ask again for what did not come."""
        if work.failed or work.opened is None or work.row.source_uid_next_done:
            return False
        counts = (await self._ledger.counts()).get(work.row.id)
        skipped = {row.uid for row in await self._ledger.exceptions() if row.folder_id == work.row.id}
        skipped |= {row.uid for row in work.exceptions}
        known = counts.confirmed + counts.refused if counts is not None else 0
        if known + work.stats.skipped >= work.opened.messages:
            return False
        listing = await source.listing(work.row.source_path, Want(0))
        had = {uid for c in await self._ledger.chunks(work.row.id, columns=Load.OUTCOMES) for uid in c.columns.uids}
        had |= skipped
        missing = tuple(uid for uid in listing.uids if uid not in had and within(uid, work.plan.ranges))
        if missing:
            work.plan = FolderPlan()
            work.resends.append(Resend(missing))
        return bool(missing)

    # afterwards

    async def _learn_validity(self, target: Target, works: Sequence[FolderWork]) -> None:
        """Ask for the UIDVALIDITY of folders that we made and whose appends did not tell it."""
        unknown = [work.row for work in works if not work.row.target_uid_validity]
        if unknown:
            for row, status in zip(unknown, await target.status([r.target_path for r in unknown]), strict=True):
                row.target_uid_validity = status.uid_validity if status is not None else 0

    async def _finish(self, source: Reader, target: Target, work: FolderWork) -> None:
        row, stats = work.row, work.stats
        if work.exceptions:
            await self._ledger.add_exceptions(work.exceptions)
        if work.plan.flags:
            since = row.source_modseq_done if source.features.condstore else 0
            stats.flags_changed += await follow_flags(source, target, self._ledger, work, changed_since=since)
        status = work.opened or work.source
        row.source_uid_next_done = max(row.source_uid_next_done, status.uid_next)
        row.source_messages = status.messages
        row.source_modseq_done, row.source_modseq_begun = row.source_modseq_begun, 0
        await self._ledger.save_folder(row)
        stats.state = "done"
        stats.found = status.messages
        stats.had = max(0, stats.found - stats.copied - stats.skipped - stats.adopted)
        fields = {
            "folder": stats.source,
            "copied": stats.copied,
            "skipped": stats.skipped,
            "size_bytes": stats.size_bytes,
        }
        self._listen(Event("folder synced", fields))


async def _both(first: Awaitable[_A], second: Awaitable[_B]) -> tuple[_A, _B]:
    """Wait for both at once. If one fails, the other is cancelled, or let go of if it is a connection."""
    one, two = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        await asyncio.wait((one, two), return_when=asyncio.FIRST_EXCEPTION)
        return one.result() if one.done() else await one, two.result() if two.done() else await two
    except BaseException:
        for task in (one, two):
            task.cancel()
        for result in await asyncio.gather(one, two, return_exceptions=True):
            close = getattr(result, "close", None)
            if close is not None:
                await close()
        raise
