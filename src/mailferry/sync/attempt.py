"""One attempt of a pass, from login to logout. Its state is in the ledger; the object is thrown away.

What a pass that finds nothing new can do without is loaded where it is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from mailferry.backends.base import Flags, FolderPath, Listing, Reader, Target, Want
from mailferry.sync.ahead import first_job
from mailferry.sync.flags import FlagsOfSource, follow_flags
from mailferry.sync.gone import failing_alone, follow_folders, look_for_failed
from mailferry.sync.ledger import ExceptionKind, FolderRow, Ledger, Load
from mailferry.sync.names import FolderMap, map_folders
from mailferry.sync.options import Event, Listener, Options, Stats
from mailferry.sync.plan import FolderPlan, within
from mailferry.sync.prepare import Context, Preparation
from mailferry.sync.renames import follow_renames
from mailferry.sync.work import FolderWork, Resend

_A = TypeVar("_A")
_B = TypeVar("_B")
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
        self.warnings: list[str] = []
        self._preparation: Preparation | None = None
        self._keywords: asyncio.Future[Flags] | None = None

    @property
    def gone_from_target(self) -> int:
        """Messages that were on the target once and are not there any more."""
        return self._preparation.gone_from_target if self._preparation is not None else 0

    async def run(self) -> None:
        """Do all there is to do. Raises MailferryError."""
        self._stats.phase = "connecting"
        source, target = await _both(self._open_source(), self._open_target())
        try:
            await self._run(source, target)
        finally:
            if self._keywords is not None:
                self._keywords.cancel()
            await asyncio.gather(source.close(), target.close())

    async def _run(self, source: Reader, target: Target) -> None:
        self._stats.phase = "listing folders"
        listed, there = await _both(source.list_folders(), target.list_folders())
        rows = {row.source_raw: row for row in await self._ledger.folders()}
        self._stats.notices += await follow_renames(source, self._ledger, rows, listed)
        before, rows = rows, {row.source_raw: row for row in rows.values()}
        known = {raw: row.target_path for raw, row in rows.items()}
        self.map = map_folders(listed, there, source.features, target.features, known, self._options.filter)
        follow_folders(self._stats, before, self.map)
        self.warnings = self._stats.notices + self.map.warnings
        told = {"folders": len(self.map.entries), "left_out": len(self.map.left_out), "unmatched": self.map.unmatched}
        self._listen(Event("folders mapped", told))
        context = Context(source, target, self._ledger, self._options, self._stats, self._listen)
        self._preparation = prepare = Preparation(context, self.map, self.failed, self.warnings)
        fresh = [e.source for e in self.map.entries if e.source.raw_name not in rows and e.source.status is not None]
        if fresh:
            self._ask_keywords(source, [folder.path for folder in fresh])
            if not rows and (first := first_job(self.map, there, target.features, self._options)) is not None:
                source.expect(first)
            asyncio.get_running_loop().run_in_executor(None, _load_copier)
        works = await prepare.works(rows, listed, there)
        await self._copy(source, target, [w for w in works if w.row.id not in prepare.unsettled])
        doubtful = [w for w in works if w.row.id in prepare.unsettled]
        if doubtful:
            from mailferry.sync.doubt import resolve_all

            self._stats.phase = "settling"
            lost = await resolve_all(target, self._ledger, [work.row for work in doubtful], self._options)
            for work in doubtful:
                fields = {"folder": str(work.row.source_path), "to_send_again": lost[work.row.id]}
                self._listen(Event("outcome settled", fields))
                await prepare.plan(work)
            await prepare.refresh_floors(doubtful)
            await self._copy(source, target, doubtful)
        await self._learn_validity(target, works)
        await self._finish_all(source, target, works)
        await look_for_failed(source, self.map, self.failed)
        if self._options.mirror_deletions and not self.failed:
            from mailferry.sync.deletions import follow_deletions

            self._stats.phase = "following deletions"
            folders = {entry.source.raw_name: self._stats.folders[entry.source.raw_name] for entry in self.map.entries}
            self.warnings += await follow_deletions(source, target, self._ledger, folders, self._listen)
        for row in await self._ledger.folders():
            if row.in_doubt:
                from mailferry.sync.doubt import sweep

                await sweep(target, self._ledger, row)

    # bodies

    async def _copy(self, source: Reader, target: Target, works: Sequence[FolderWork]) -> None:
        todo = [w for w in works if w.plan.ranges or w.plan.resend]
        asked = [w for w in works if not w.plan.empty]
        # Asked before the first body: a break inside that finds nothing else unanswered and can be mended (rule 12).
        keywords = self._ask_keywords(source, [work.row.source_path for work in asked])
        learning = asyncio.ensure_future(_learn_flags(target, asked, keywords))
        try:
            if not todo or self._suspects:
                await learning
            todo = [w for w in todo if w.row.source_raw not in self._suspects or await self._takes_mail(target, w)]
            await self._copy_bodies(source, target, todo, learning)
        finally:
            for task in (learning, keywords):
                task.cancel()
            await asyncio.wait((learning, keywords))
            self._keywords = None

    def _ask_keywords(self, source: Reader, paths: Sequence[FolderPath]) -> asyncio.Future[Flags]:
        """Ask once for a copy: of a mailbox that is new, before its folders are made, so that the target has seen the
        keywords when the first body comes.
        """
        if self._keywords is None:
            self._keywords = asyncio.ensure_future(source.keywords(paths[:_KEYWORD_FOLDERS]))
            self._keywords.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._keywords

    async def _copy_bodies(
        self, source: Reader, target: Target, todo: Sequence[FolderWork], learning: asyncio.Future[None]
    ) -> None:
        if not todo:
            return
        from mailferry.sync.apply import Copier

        self._stats.phase = "copying"
        for _ in range(2):  # the second time for what the server did not hand over
            copier = Copier(source, target, self._ledger, self._options, self._pass_no)
            await copier.run(todo, learning)
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
        from mailferry.sync.probe import probe

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
        if known + work.stats.skipped + work.stats.left_out >= work.opened.messages:
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

    async def _finish_all(self, source: Reader, target: Target, works: Sequence[FolderWork]) -> None:
        """Follow flags, and note how far the folders are: in one transaction, of those that were reached."""
        self._stats.phase = "following flags"
        whole = [work for work in works if not work.failed]
        flags = FlagsOfSource(source, self._ledger, whole, newest=self._options.newest_flags)
        finished: list[FolderRow] = []
        try:
            for work in works:
                if not work.failed:
                    await self._follow(source, flags, target, work)
                if work.failed:
                    self.failed[str(work.row.source_path)] = work.stats.note = work.failed
                    work.stats.state = "failed"
                else:
                    await self._finish(target, work)
                    finished.append(work.row)
        finally:
            await flags.stop()
            if finished:
                await self._ledger.save_folders(finished)

    async def _follow(self, source: Reader, flags: FlagsOfSource, target: Target, work: FolderWork) -> None:
        """Do what needs the folder on the source once more."""
        if work.exceptions:
            await self._ledger.add_exceptions(work.exceptions)
        listing: Listing | None = None
        with failing_alone(work):
            if work.plan.resend:
                from mailferry.sync.resent import settle_resent

                await settle_resent(source, self._ledger, work.row, work.plan.resend)
            listing = await flags.of(work) if work.plan.flags else None
        if listing is not None:
            work.stats.flags_changed += await follow_flags(listing, target, self._ledger, work)

    async def _finish(self, target: Target, work: FolderWork) -> None:
        row, stats = work.row, work.stats
        if target.features.is_gmail:
            from mailferry.sync.merged import note_merged

            await note_merged(self._ledger, row)
        if work.plan.all_flags:
            row.full_compare_at = int(self._options.clock.now())
        status = work.opened or work.source
        uid_next = min(status.uid_next, work.last_uid + 1) if work.last_uid else status.uid_next
        row.source_uid_next_done = max(row.source_uid_next_done, uid_next)
        row.source_messages = status.messages
        row.source_modseq_done, row.source_modseq_begun = row.source_modseq_begun, 0
        stats.state = "done"
        stats.found = status.messages
        stats.had = max(0, stats.found - stats.copied - stats.skipped - stats.adopted - stats.left_out)
        fields = {
            "folder": stats.source,
            "copied": stats.copied,
            "skipped": stats.skipped,
            "size_bytes": stats.size_bytes,
        }
        self._listen(Event("folder synced", fields))


def _load_copier() -> None:
    """Import it beforehand, in a thread: while the servers make folders there is time."""
    import mailferry.sync.apply as copier

    del copier


async def _learn_flags(target: Target, works: Sequence[FolderWork], keywords: Awaitable[Flags]) -> None:
    """Ask which flags the target's folders can store, and tell the target which keywords will come."""
    kinds = asyncio.gather(*(target.permanent_flags(work.row.target_path) for work in works))
    for work, (permanent, anything) in zip(works, await kinds, strict=True):
        work.permanent, work.any_keyword = permanent, anything
    if works:
        target.expect_keywords(works[-1].row.target_path, works[-1].sendable(await keywords))


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
