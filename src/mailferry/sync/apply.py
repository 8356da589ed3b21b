"""Carrying out a plan: one stream of bodies from the source, one or a few lanes into the target.

The row before the effect: what a chunk will commit is durable before its commit leaves (rule 1; see
docs/internals/exactly-once.md). Nothing is awaited per message; a chunk's row, commit and verdict run behind the
stream.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import deque
from collections.abc import Awaitable, Sequence

from mailferry import errors
from mailferry.backends.base import (
    FetchJob,
    JobDone,
    JobFailed,
    Mail,
    Mode,
    Opened,
    Outcome,
    OutcomeKind,
    Reader,
    Target,
)
from mailferry.errors import MailferryError
from mailferry.sync.flow import JobState, LaneState, OpenChunk
from mailferry.sync.intake import Intake
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, Ledger
from mailferry.sync.options import Options
from mailferry.sync.packed import RowOutcome
from mailferry.sync.verdict import Verdicts
from mailferry.sync.work import FolderWork, Resend

LANE_BYTES = 1 << 20
_CHUNKS_AHEAD = 8
_JOBS_PER_LANE = 3
_LAST_ANSWERS_SECONDS = 90.0
# A limit of connections: the lanes that there are will do.
_NO_MORE_LANES = (errors.ServerBusy, errors.LoginFailed, errors.ConnectFailed, errors.ConnectionLost)


class Copier:
    """Copies the bodies of some folders. One object for one attempt; after an error it is thrown away."""

    def __init__(self, source: Reader, target: Target, ledger: Ledger, options: Options, pass_no: int) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._options = options
        self._todo: deque[FolderWork] = deque()
        self._lanes: list[LaneState] = []
        self._jobs: dict[int, JobState] = {}
        self._serial = 0
        self._ready: Awaitable[None] | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._main: asyncio.Task[None] | None = None
        self._verdicts = Verdicts(target, options, pass_no)
        self._intake = Intake(source, target, options, pass_no, self._seal)

    async def run(self, works: Sequence[FolderWork], ready: Awaitable[None] | None = None) -> None:
        """Copy. Reading begins at once, sending when `ready` is done: only then is known what may be sent.

        Raises the first error that concerns more than one message; what was in doubt then is noted.
        """
        self._todo.extend(works)
        self._ready = ready
        try:
            await self._open_lane()
            if not self._one_lane_is_best():
                await self._open_more(min(self._options.lanes, len(works)) - 1)
            for work in works:
                work.start(newest_first=self._options.newest_first, whole=len(self._lanes) == 1)
            self._main = asyncio.create_task(self._pump())
            try:
                await self._main
            except asyncio.CancelledError:
                if self._error is None:
                    raise
            if self._error is not None:
                raise self._error
            if any(work.in_doubt for work in works):  # the connection broke when all was sent
                raise errors.ConnectionLost("before the last answers came", side=errors.Side.TARGET)
        except BaseException as error:
            await self._break_off(error)
            raise
        finally:
            await asyncio.gather(*(state.lane.close() for state in self._lanes))

    async def _open_more(self, count: int) -> None:
        """Open further lanes at once, as many as the server allows."""
        for opened in await asyncio.gather(*(self._open_lane() for _ in range(count)), return_exceptions=True):
            if opened is not None and not isinstance(opened, _NO_MORE_LANES):
                raise opened

    async def _open_lane(self) -> None:
        self._lanes.append(LaneState(await self._target.open_lane()))

    def _one_lane_is_best(self) -> bool:
        """Where many messages share a commit, one connection fills the line; else a few share the waiting."""
        return Mode.MULTI in self._lanes[0].lane.modes or self._target.features.idempotent_names

    async def _pump(self) -> None:
        intake = self._intake
        while True:
            async for batch in self._source.stream(self._next_job):
                if self._ready is not None:
                    ready, self._ready = self._ready, None
                    await ready
                job: JobState | None = None
                for item in batch:
                    if type(item) is Mail:
                        if job is None:
                            job = self._current()
                        intake.mail(job, item)
                    elif type(item) is bytes:
                        intake.piece(item)
                    else:
                        self._mark(item)  # type: ignore[arg-type]  # the tests above narrow at full speed
                        job = None
                await self._breathe()
            if not await self._more():
                return

    async def _more(self) -> bool:
        """After the last job: wait for verdicts, which may ask for messages to be sent again."""
        for state in self._lanes:
            self._seal(state)
        while self._commits and not any(state.again for state in self._lanes):
            await asyncio.wait(self._commits, return_when=asyncio.FIRST_COMPLETED)
        for state in self._lanes:
            await state.lane.drain()  # raises if the connection is gone: nothing can be sent again on it
        return any(state.again for state in self._lanes)

    # what to read next

    def _next_job(self) -> FetchJob | None:
        """Ask the lane with the least to do; with one lane, folder after folder without a pause."""
        single = len(self._lanes) == 1
        for state in sorted(self._lanes, key=lambda s: s.jobs):
            if not single and (state.jobs >= _JOBS_PER_LANE or state.lane.queued_bytes > LANE_BYTES):
                continue
            job = self._job_for(state)
            if job is not None:
                return job
        return None

    def _job_for(self, state: LaneState) -> FetchJob | None:
        while True:
            if state.again:
                work = state.again.popleft()
            elif state.work is not None:
                work = state.work
            elif self._todo:
                work = state.work = self._todo.popleft()
                work.stats.state = "copying"
            else:
                return None
            found = work.next_job(self._serial + 1)
            if found is None:
                if work is state.work:
                    state.work = None
                continue
            self._serial += 1
            job, resend, window = found
            self._jobs[self._serial] = JobState(work, state, resend, window, window[0] if window else 0)
            state.jobs += 1
            work.jobs_open += 1
            return job

    # what was read

    def _mark(self, item: Opened | JobDone | JobFailed) -> None:
        if isinstance(item, Opened):
            work = self._current().work
            validity = work.row.source_uid_validity
            if validity and item.status.uid_validity and item.status.uid_validity != validity:
                raise errors.FolderGone(f"{item.path}: the UIDs changed meanwhile", side=errors.Side.SOURCE)
            work.opened = item.status
            return
        job = self._jobs.pop(item.job.key)
        job.lane.jobs -= 1
        job.work.jobs_open -= 1
        if isinstance(item, JobFailed):
            job.work.failed = item.reason or "the folder cannot be read"
        else:
            self._intake.job_done(job)

    def _current(self) -> JobState:
        """The job whose messages are being read: jobs are answered in the order in which they were given."""
        return next(iter(self._jobs.values()))

    # chunks

    def _seal(self, state: LaneState) -> None:
        """End the chunk: from here on its row, its commit and its verdict run behind the stream."""
        if state.open is not None:
            state.open.fill()
        current, state.open = state.open, None
        if current is None:
            return
        current.work.open_rows += 1
        state.commits += 1
        task = asyncio.create_task(self._commit(state, current))
        self._commits.add(task)
        task.add_done_callback(self._committed)

    async def _commit(self, state: LaneState, current: OpenChunk) -> None:
        """Write the row, let the commit out, note the verdicts."""
        if current.resend is None:
            await self._carry_out(state, current)
            return
        async with state.one_by_one:  # after a refusal, look at each verdict before sending more
            if self._error is None:
                await self._carry_out(state, current)
            else:
                current.work.open_rows -= 1
                state.commits -= 1
                current.chunk.abandon()

    async def _carry_out(self, state: LaneState, current: OpenChunk) -> None:
        work, columns = current.work, current.columns
        try:
            row = ChunkRow(
                0,
                work.row.id,
                0,
                ChunkState.SENT,
                ChunkKind.COPY,
                current.mode.value,
                work.row.source_uid_validity,
                work.row.target_uid_validity,
                work.floor,
                (0, 0) if current.resend is not None else current.cover,
                columns,
            )
            exceptions, work.exceptions = work.exceptions, []
            await self._ledger.open_chunk(row, exceptions, flag_sets=work.row.flag_sets)
            outcomes = await current.chunk.release()
            state_after = self._note(work, current, outcomes)
            rulings = self._verdicts.rule(work, current.mode, current.repair, columns, outcomes, current.heads)
            if work.exceptions:  # a refusal is listed before the row says that it is final
                exceptions, work.exceptions = work.exceptions, []
                await self._ledger.add_exceptions(exceptions)
            await self._ledger.settle_chunk(row.id, columns, state_after)
            if current.resend is not None:
                stored = [uid for i, uid in enumerate(columns.uids) if columns.confirmed(i)]
                await self._ledger.clear_exceptions(work.row.id, stored, kinds=[ExceptionKind.SKIPPED])
        finally:
            work.open_rows -= 1
            state.commits -= 1
        self._follow(state, work, rulings)

    def _note(self, work: FolderWork, current: OpenChunk, outcomes: Sequence[Outcome | None]) -> ChunkState:
        """Write the verdicts into the columns."""
        columns = current.columns
        uids = [outcome.uid for outcome in outcomes if outcome is not None and outcome.kind is OutcomeKind.STORED]
        work.stats.copied += len(uids)
        if len(uids) == len(columns) and all(uids) and not current.repaired:  # the usual case, at once
            columns.outcomes[:] = bytes((RowOutcome.APPENDUID,)) * len(uids)
            columns.target_uids = array("I", uids)
            work.stats.size_bytes += columns.size_bytes
        else:
            self._note_each(work, current, outcomes)
        validity = getattr(current.chunk, "uid_validity", 0)
        if validity and not work.row.target_uid_validity:
            work.row.target_uid_validity = validity
        elif validity and validity != work.row.target_uid_validity:
            self._fail(
                errors.FolderGone(f"{work.row.target_path}: the UIDs changed meanwhile", side=errors.Side.TARGET)
            )
        if None not in outcomes:
            work.raise_floor([uid for uid in uids if uid] if all(uids) else [])
            return ChunkState.SETTLED
        return ChunkState.SENT

    def _note_each(self, work: FolderWork, current: OpenChunk, outcomes: Sequence[Outcome | None]) -> None:
        columns = current.columns
        for i, outcome in enumerate(outcomes):
            if outcome is None:
                work.in_doubt = True
            elif outcome.kind is OutcomeKind.STORED:
                columns.outcomes[i] = RowOutcome.APPENDUID if outcome.uid else RowOutcome.COUNTED
                columns.target_uids[i] = outcome.uid
                work.stats.size_bytes += columns.sizes[i]
                if i in current.repaired:
                    work.exceptions.append(current.repaired[i])
            else:
                columns.outcomes[i] = self._verdicts.outcome(outcome, current.mode, current.repair)

    def _follow(self, state: LaneState, work: FolderWork, rulings: Sequence[Resend | MailferryError]) -> None:
        """Do what the verdicts ask for: end the attempt, or send again in another way."""
        for ruling in rulings:
            if isinstance(ruling, MailferryError):
                self._fail(ruling)
                return
            work.resends.append(ruling)
            state.again.append(work)

    def _committed(self, done: asyncio.Task[None]) -> None:
        self._commits.discard(done)
        if not done.cancelled() and (error := done.exception()) is not None:
            self._fail(error)

    # waiting, and giving up

    async def _breathe(self) -> None:
        """Let the slower side catch up: the one await for each batch."""
        many = len(self._lanes) > 1
        for state in self._lanes:
            if state.lane.queued_bytes > LANE_BYTES * (8 if many else 1):
                await state.lane.drain()
            while state.commits > _CHUNKS_AHEAD and self._commits:
                await asyncio.wait(self._commits, return_when=asyncio.FIRST_COMPLETED)

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        if self._main is not None:
            self._main.cancel()

    async def _break_off(self, error: BaseException) -> None:
        """Read every answer to what was already sent, then let go of what was not."""
        if not isinstance(error, (Exception, asyncio.CancelledError)):
            return  # killed: nothing more happens
        if self._commits:
            await asyncio.wait(self._commits, timeout=_LAST_ANSWERS_SECONDS)
        broken = isinstance(error, errors.ConnectionLost) and error.side is errors.Side.TARGET
        for state in self._lanes:
            current, state.open = state.open, None
            if current is None:
                continue
            current.fill()
            current.chunk.abandon()
            if broken:
                uids = list(current.columns.uids)
                await self._ledger.note_attempts(current.work.row.id, current.work.row.source_uid_validity, uids)
        for task in self._commits:
            task.cancel()
