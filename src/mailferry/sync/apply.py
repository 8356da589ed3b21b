"""Carrying out a plan: one stream of bodies from the source, one or a few lanes into the target.

The row before the effect: what a chunk will commit is durable before its commit leaves (PROTOCOL rule 1; see
docs/internals/exactly-once.md). Nothing is awaited per message; a chunk's row, commit and verdict run behind the
stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from mailferry import errors
from mailferry.backends.base import (
    PREFIX_BYTES,
    Chunk,
    FetchJob,
    Flags,
    JobDone,
    JobFailed,
    Lane,
    Mail,
    Mode,
    Opened,
    Outcome,
    OutcomeKind,
    Reader,
    Target,
    UidRange,
)
from mailferry.errors import MailferryError
from mailferry.sync import dates
from mailferry.sync.identity import Digester, describe, digest, identity
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, ExceptionRow, Ledger
from mailferry.sync.options import Options, Stats
from mailferry.sync.packed import Columns, RowOutcome
from mailferry.sync.plan import LAST_UID
from mailferry.sync.repair import repairs
from mailferry.sync.verdict import Verdicts
from mailferry.sync.work import FolderWork, Resend

LANE_BYTES = 1 << 20
_CHUNKS_AHEAD = 8
_JOBS_PER_LANE = 3
_HEAD_BYTES = 8192
_LAST_ANSWERS_SECONDS = 90.0


@dataclass(slots=True)
class _Open:
    """The chunk that is being filled."""

    work: FolderWork
    chunk: Chunk
    mode: Mode
    columns: Columns = field(default_factory=Columns)
    size_bytes: int = 0
    cover: UidRange = (0, 0)
    resend: bool = False
    repair: int = 0
    repaired: dict[int, ExceptionRow] = field(default_factory=dict)  # by place; reported once it is stored
    heads: list[bytes] = field(default_factory=list)  # beginnings of messages that may be refused one by one


@dataclass(slots=True)
class _LaneState:
    """One lane. Folders stay with the lane that began them: one writer per folder (rule 3)."""

    lane: Lane
    work: FolderWork | None = None
    open: _Open | None = None
    jobs: int = 0
    commits: int = 0
    again: deque[FolderWork] = field(default_factory=deque)


@dataclass(slots=True)
class _Task:
    """One job under way: whose it is, and how its messages are to be sent."""

    work: FolderWork
    lane: _LaneState
    resend: Resend | None
    window: UidRange | None
    cover_next: int = 0


class Copier:
    """Copies the bodies of some folders. One object for one attempt; after an error it is thrown away."""

    def __init__(
        self, source: Reader, target: Target, ledger: Ledger, options: Options, stats: Stats, pass_no: int
    ) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._options = options
        self._stats = stats
        self._pass_no = pass_no
        self._todo: deque[FolderWork] = deque()
        self._lanes: list[_LaneState] = []
        self._tasks: dict[int, _Task] = {}
        self._serial = 0
        self._commits: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._main: asyncio.Task[None] | None = None
        self._verdicts = Verdicts(target, options, pass_no)
        self._skipping = 0  # bytes of a message that is read but not sent
        self._large: tuple[_Task, Digester, Mail, Flags] | None = None
        self._large_left = 0
        self._whole: list[bytes] | None = None  # a large message that is held whole, to be repaired

    async def run(self, works: Sequence[FolderWork]) -> None:
        """Copy. Raises the first error that concerns more than one message; what was in doubt then is noted."""
        self._todo.extend(works)
        for work in works:
            work.start(newest_first=self._options.newest_first)
        try:
            self._lanes.append(_LaneState(await self._target.open_lane()))
            if not self._one_lane_is_best():
                for _ in range(min(self._options.lanes, len(works)) - 1):
                    self._lanes.append(_LaneState(await self._target.open_lane()))
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
            for state in self._lanes:
                await state.lane.close()

    def _one_lane_is_best(self) -> bool:
        """Where many messages share a commit, one connection fills the line; else a few share the waiting."""
        return Mode.MULTI in self._lanes[0].lane.modes or self._target.features.idempotent_names

    async def _pump(self) -> None:
        while True:
            async for batch in self._source.stream(self._next_job):
                for item in batch:
                    if type(item) is Mail:
                        self._mail(item)
                    elif type(item) is bytes:
                        self._piece(item)
                    else:
                        self._mark(item)  # type: ignore[arg-type]  # the tests above narrow at full speed
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

    def _job_for(self, state: _LaneState) -> FetchJob | None:
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
            self._tasks[self._serial] = _Task(work, state, resend, window, window[0] if window else 0)
            state.jobs += 1
            work.jobs_open += 1
            return job

    # what was read

    def _mark(self, item: Opened | JobDone | JobFailed) -> None:
        if isinstance(item, Opened):
            self._opened(self._current().work, item)
            return
        task = self._tasks.pop(item.job.key)
        task.lane.jobs -= 1
        task.work.jobs_open -= 1
        if isinstance(item, JobFailed):
            task.work.failed = item.reason or "the folder cannot be read"
            return
        current = task.lane.open
        if task.window is not None and current is not None and not current.resend and current.columns.uids:
            if task.cover_next <= task.window[1] < LAST_UID:  # the last window has no end: mail may still come
                current.cover = (current.cover[0] or task.cover_next, task.window[1])
            if self._options.newest_first:
                self._seal(task.lane)
        if task.resend is not None or task.work.jobs_open == 0:
            self._seal(task.lane)

    def _current(self) -> _Task:
        """The job whose messages are being read: jobs are answered in the order in which they were given."""
        return next(iter(self._tasks.values()))

    def _opened(self, work: FolderWork, item: Opened) -> None:
        validity = work.row.source_uid_validity
        if validity and item.status.uid_validity and item.status.uid_validity != validity:
            raise errors.FolderGone(f"{item.path}: the UIDs changed meanwhile", side=errors.Side.SOURCE)
        work.opened = item.status

    def _mail(self, mail: Mail) -> None:
        task = self._current()
        work = task.work
        work.read += 1
        if mail.size > self._limit_bytes():
            self._skip(task, mail, "too-large", f"{mail.size} bytes, the limit is {self._limit_bytes()}")
            return
        if work.attempts and work.attempts.get(mail.uid, 0) >= 5:
            self._skip(task, mail, "cannot-be-carried", "the connection broke five times while it was sent alone")
            return
        if task.resend is not None and task.resend.repair and mail.size > len(mail.data):
            self._whole = [mail.data]
            self._large_left = mail.size - len(mail.data)
            self._large = (task, Digester(), mail, mail.flags)
            return
        self._send(task, mail)

    def _send(self, task: _Task, mail: Mail) -> None:
        work = task.work
        flag_index, flags = work.flags(mail.flags, mail.uid)
        repaired: ExceptionRow | None = None
        if task.resend is not None and task.resend.repair:
            mail, repaired = self._repaired(task, mail)
        date, zone, replaced = mail.date, mail.zone, False
        if date is None or not 0 <= date < 2_145_916_800:  # 1970 to 2037
            date, zone, replaced = dates.sendable(mail.date, zone, mail.data, int(self._options.clock.now()))
        if replaced:
            work.exceptions.append(work.exception(mail.uid, ExceptionKind.DATE_REPLACED, "date-replaced", str(mail.date)))
        current = self._room_for(task, mail)
        current.chunk.add(mail, flags, date, zone)
        complete = len(mail.data) == mail.size
        content = digest(mail.data) if complete else bytes(16)
        current.columns.append(mail.uid, identity(mail.data), date, mail.size, content, flag_index)
        if repaired is not None:
            current.repaired[len(current.columns) - 1] = repaired
        current.size_bytes += mail.size
        if current.mode is not Mode.MULTI:
            current.heads.append(mail.data[:_HEAD_BYTES])
        if task.window is not None:
            if not current.cover[0]:
                current.cover = (task.cover_next, mail.uid)
            else:
                current.cover = (current.cover[0], mail.uid)
            task.cover_next = mail.uid + 1
        if not complete:
            digester = Digester()
            digester.update(mail.data)
            self._large = (task, digester, mail, flags)
            self._large_left = mail.size - len(mail.data)
        elif self._full(current, work):
            self._seal(task.lane)

    def _piece(self, data: bytes) -> None:
        if self._skipping:
            self._skipping -= len(data)
            return
        assert self._large is not None
        task, digester, mail, _ = self._large
        self._large_left -= len(data)
        if self._whole is not None:
            self._whole.append(data)
            if not self._large_left:
                whole, self._whole, self._large = b"".join(self._whole), None, None
                self._send(task, mail._replace(data=whole))
            return
        current = task.lane.open
        assert current is not None
        current.chunk.piece(data)
        digester.update(data)
        if not self._large_left:
            current.columns.digests[-16:] = digester.digest()
            self._large = None
            if current.mode is not Mode.MULTI or self._full(current, task.work):
                self._seal(task.lane)

    def _repaired(self, task: _Task, mail: Mail) -> tuple[Mail, ExceptionRow]:
        assert task.resend is not None
        data = mail.data
        names: list[str] = []
        for repair in list(repairs(self._options.repair))[: task.resend.repair]:
            data = repair.apply(data)
            names.append(repair.name)
        detail = f'{{"before": "{digest(mail.data).hex()}", "after": "{digest(data).hex()}"}}'
        row = task.work.exception(mail.uid, ExceptionKind.REPAIRED, ",".join(names), "", detail=detail)
        return mail._replace(data=data, size=len(data)), row

    def _skip(self, task: _Task, mail: Mail, code: str, text: str) -> None:
        self._skipping = mail.size - len(mail.data)
        what = describe(mail.data[:PREFIX_BYTES])
        kind = ExceptionKind.CANNOT_BE_CARRIED if code == "cannot-be-carried" else ExceptionKind.SKIPPED
        task.work.exceptions.append(
            task.work.exception(
                mail.uid,
                kind,
                code,
                text,
                subject=what.subject,
                message_id=what.message_id,
                date=mail.date if mail.date is not None else -1,
                size_bytes=mail.size,
                pass_no=self._pass_no,
            )
        )
        task.work.stats.skipped += 1

    def _limit_bytes(self) -> int:
        limit = self._target.features.max_message_bytes
        return min(self._options.max_message_bytes, limit) if limit else self._options.max_message_bytes

    # chunks

    def _room_for(self, task: _Task, mail: Mail) -> _Open:
        state = task.lane
        mode = self._mode(task, mail)
        current = state.open
        if current is not None:
            alone = current.mode is not Mode.MULTI and mail.size > PREFIX_BYTES
            limit = self._options.chunk_bytes if current.mode is Mode.MULTI else self._options.single_bytes
            if (
                current.mode is not mode
                or alone
                or current.resend != (task.window is None)
                or current.size_bytes + mail.size > limit
            ):
                self._seal(state)
        if state.open is None:
            row = task.work.row
            key = f"{self._source.key}|{row.source_raw.decode('latin-1')}|{row.source_uid_validity}"
            chunk = state.lane.chunk(row.target_path, mode, key)
            repair = task.resend.repair if task.resend is not None else 0
            state.open = _Open(task.work, chunk, mode, resend=task.window is None, repair=repair)
        return state.open

    def _mode(self, task: _Task, mail: Mail) -> Mode:
        modes = task.lane.lane.modes
        if task.resend is not None and task.resend.mode in modes:
            return task.resend.mode
        if Mode.MULTI in modes and mail.size:  # an empty message would void the whole command
            return Mode.MULTI
        return Mode.SINGLE if Mode.SINGLE in modes else Mode.SYNC

    def _full(self, current: _Open, work: FolderWork) -> bool:
        options = self._options
        many, much = options.chunk_messages, options.chunk_bytes
        if current.mode is not Mode.MULTI and not self._target.features.idempotent_names:
            many, much = options.single_messages, options.single_bytes
        return len(current.columns.uids) >= max(1, many // work.divisor) or current.size_bytes >= much

    def _seal(self, state: _LaneState) -> None:
        """End the chunk: from here on its row, its commit and its verdict run behind the stream."""
        current, state.open = state.open, None
        if current is None:
            return
        current.work.open_rows += 1
        state.commits += 1
        task = asyncio.create_task(self._commit(state, current))
        self._commits.add(task)
        task.add_done_callback(self._committed)

    async def _commit(self, state: _LaneState, current: _Open) -> None:
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
                (0, 0) if current.resend else current.cover,
                columns,
            )
            exceptions, work.exceptions = work.exceptions, []
            await self._ledger.open_chunk(row, exceptions, flag_sets=work.row.flag_sets)
            outcomes = await current.chunk.release()
            state_after = self._note(work, current, outcomes)
            await self._ledger.settle_chunk(row.id, columns, state_after)
        finally:
            work.open_rows -= 1
            state.commits -= 1
        self._judge(state, current, outcomes)

    def _note(self, work: FolderWork, current: _Open, outcomes: Sequence[Outcome | None]) -> ChunkState:
        """Write the verdicts into the columns."""
        columns, uids = current.columns, []
        for i, outcome in enumerate(outcomes):
            if outcome is None:
                work.in_doubt = True
            elif outcome.kind is OutcomeKind.STORED:
                columns.outcomes[i] = RowOutcome.APPENDUID if outcome.uid else RowOutcome.COUNTED
                columns.target_uids[i] = outcome.uid
                uids.append(outcome.uid)
                work.stats.copied += 1
                work.stats.size_bytes += columns.sizes[i]
                if i in current.repaired:
                    work.exceptions.append(current.repaired[i])
            else:
                columns.outcomes[i] = self._verdicts.outcome(outcome, current.mode, current.repair)
        validity = getattr(current.chunk, "uid_validity", 0)
        if validity and not work.row.target_uid_validity:
            work.row.target_uid_validity = validity
        elif validity and validity != work.row.target_uid_validity:
            self._fail(errors.FolderGone(f"{work.row.target_path}: the UIDs changed meanwhile", side=errors.Side.TARGET))
        if None not in outcomes:
            work.raise_floor([uid for uid in uids if uid] if all(uids) else [])
            return ChunkState.SETTLED
        return ChunkState.SENT

    def _judge(self, state: _LaneState, current: _Open, outcomes: Sequence[Outcome | None]) -> None:
        """Decide what a refusal means: for the account, for a way of sending, or for one message (rule 15)."""
        work = current.work
        for ruling in self._verdicts.rule(work, current.mode, current.repair, current.columns, outcomes, current.heads):
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
            current.chunk.abandon()
            if broken:
                uids = list(current.columns.uids)
                await self._ledger.note_attempts(current.work.row.id, current.work.row.source_uid_validity, uids)
        for task in self._commits:
            task.cancel()
