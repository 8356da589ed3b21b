"""From messages as read to chunks as sent: limits, flags, dates, digests, repairs. The hot path of the engine."""

from __future__ import annotations

from collections.abc import Callable

from mailferry.backends.base import PREFIX_BYTES, Mail, Mode, Reader, Target
from mailferry.sync import dates
from mailferry.sync.flow import JobState, LaneState, OpenChunk
from mailferry.sync.identity import Digester, describe, digest, identity
from mailferry.sync.ledger import ExceptionKind, ExceptionRow
from mailferry.sync.options import MOST_ATTEMPTS, Options
from mailferry.sync.packed import NO_DIGEST
from mailferry.sync.plan import LAST_UID
from mailferry.sync.repair import repairs
from mailferry.sync.skipped import message_limit

_HEAD_BYTES = 8192
_FIRST_BAD_DATE = 2_145_916_800  # 2038
_UNORDERED = LAST_UID + 1


class Intake:
    """Takes messages in the order of the stream and fills the chunk of the right lane; `seal` ends a chunk."""

    def __init__(
        self, source: Reader, target: Target, options: Options, pass_no: int, seal: Callable[[LaneState], None]
    ) -> None:
        self._key = source.key
        self._options = options
        self._pass_no = pass_no
        self._seal = seal
        self._idempotent = target.features.idempotent_names
        self._limit = message_limit(target, options)
        self._repairs = list(repairs(options.repair))
        self._skipping = 0  # bytes still to come of a message that is read but not sent
        self._left = 0  # bytes still to come of a large message
        self._large: tuple[JobState, Digester, Mail] | None = None
        self._whole: list[bytes] | None = None  # a large message that is held whole, to be repaired

    def mail(self, job: JobState, mail: Mail) -> None:
        """Take a message, or the beginning of a large one."""
        work = job.work
        work.read += 1
        if mail.size > self._limit:
            self._skip(job, mail, "too-large", f"{mail.size} bytes, the limit is {self._limit}")
        elif work.attempts and work.attempts.get(mail.uid, 0) >= MOST_ATTEMPTS:
            self._skip(job, mail, "cannot-be-carried", "the connection broke five times while it was sent alone")
        elif job.resend is not None and job.resend.repair and mail.size > len(mail.data):
            self._whole = [mail.data]
            self._left = mail.size - len(mail.data)
            self._large = (job, Digester(), mail)
        else:
            self._send(job, mail)

    def piece(self, data: bytes) -> None:
        """Take the next bytes of a large message."""
        if self._skipping:
            self._skipping -= len(data)
            return
        assert self._large is not None
        job, digester, mail = self._large
        self._left -= len(data)
        if self._whole is not None:
            self._whole.append(data)
            if not self._left:
                whole, self._whole, self._large = b"".join(self._whole), None, None
                self._send(job, mail._replace(data=whole))
            return
        current = job.lane.open
        assert current is not None
        current.chunk.piece(data)
        digester.update(data)
        if not self._left:
            uid, known_by, date, size, _, flag_index = current.rows[-1]
            current.rows[-1] = (uid, known_by, date, size, digester.digest(), flag_index)
            self._large = None
            if self._alone(current.mode) or current.size_bytes >= current.most_bytes:
                self._seal(job.lane)

    def job_done(self, job: JobState) -> None:
        """The job's window has been read to its end."""
        current = job.lane.open
        if job.window is not None and current is not None and current.work is job.work and current.resend is None:
            if job.cover_next <= job.window[1] < LAST_UID:  # the last window has no end: mail may still come
                current.cover = (current.cover[0] or job.cover_next, job.window[1])
            if self._options.newest_first:
                self._seal(job.lane)
        if job.resend is not None or job.work.jobs_open == 0:
            self._seal(job.lane)

    def _send(self, job: JobState, mail: Mail) -> None:
        work = job.work
        uid, raw_flags, date, zone, size, data = mail
        flag_index, flags = work.flags(raw_flags, uid)
        repaired: ExceptionRow | None = None
        if job.resend is not None and job.resend.repair:
            mail, repaired = self._repaired(job, mail)
            size, data = mail.size, mail.data
        if date is None or not 0 <= date < _FIRST_BAD_DATE:
            date, zone = self._other_date(job, mail)
        current = job.lane.open
        if (
            current is None
            or current.work is not work
            or current.resend is not job.resend
            or current.mode is not Mode.MULTI
            or not size
            or current.size_bytes + size > current.most_bytes
        ):
            current = self._room_for(job, mail)
        current.chunk.add(mail, flags, date, zone)
        complete = len(data) == size
        current.rows.append((uid, identity(data), date, size, digest(data) if complete else NO_DIGEST, flag_index))
        current.size_bytes += size
        if repaired is not None:
            current.repaired[current.count - 1] = repaired
        if current.mode is not Mode.MULTI:
            current.heads.append(data[:_HEAD_BYTES])
        if job.window is not None:
            if uid < job.cover_next:
                # The server does not keep to the order of UIDs: this row answers for its own messages only.
                job.cover_next = _UNORDERED
            if job.cover_next == _UNORDERED:
                current.cover = (0, 0)
            else:
                current.cover = (current.cover[0] or job.cover_next, uid)
                job.cover_next = uid + 1
        if not complete:
            digester = Digester()
            digester.update(data)
            self._large = (job, digester, mail)
            self._left = size - len(data)
        elif current.count >= current.most_messages or current.size_bytes >= current.most_bytes:
            self._seal(job.lane)

    def _other_date(self, job: JobState, mail: Mail) -> tuple[int, int]:
        date, zone, replaced = dates.sendable(mail.date, mail.zone, mail.data, int(self._options.clock.now()))
        if replaced:
            what = describe(mail.data[:PREFIX_BYTES])
            row = job.work.exception(
                mail.uid, ExceptionKind.DATE_REPLACED, "date-replaced", str(mail.date), subject=what.subject, date=date
            )
            job.work.exceptions.append(row)
        return date, zone

    def _repaired(self, job: JobState, mail: Mail) -> tuple[Mail, ExceptionRow]:
        assert job.resend is not None
        data = mail.data
        names: list[str] = []
        for repair in self._repairs[: job.resend.repair]:
            data = repair.apply(data)
            names.append(repair.name)
        what = describe(mail.data[:PREFIX_BYTES])
        detail = f'{{"before": "{digest(mail.data).hex()}", "after": "{digest(data).hex()}"}}'
        row = job.work.exception(
            mail.uid,
            ExceptionKind.REPAIRED,
            ",".join(names),
            "",
            detail=detail,
            subject=what.subject,
            size_bytes=mail.size,
        )
        return mail._replace(data=data, size=len(data)), row

    def _skip(self, job: JobState, mail: Mail, code: str, text: str) -> None:
        self._skipping = mail.size - len(mail.data)
        what = describe(mail.data[:PREFIX_BYTES])
        kind = ExceptionKind.CANNOT_BE_CARRIED if code == "cannot-be-carried" else ExceptionKind.SKIPPED
        job.work.exceptions.append(
            job.work.exception(
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
        job.work.stats.skipped += 1

    def _room_for(self, job: JobState, mail: Mail) -> OpenChunk:
        """Give the chunk that this message goes into, beginning a new one where it must."""
        state = job.lane
        mode = self._mode(job, mail)
        current = state.open
        if current is not None and (
            current.work is not job.work
            or current.mode is not mode
            or current.resend is not job.resend
            or (mail.size > PREFIX_BYTES and self._alone(mode))
            or current.size_bytes + mail.size > current.most_bytes
        ):
            self._seal(state)
        if state.open is None:
            row = job.work.row
            key = f"{self._key}|{row.source_raw.decode('latin-1')}|{row.source_uid_validity}"
            chunk = state.lane.chunk(row.target_path, mode, key)
            options = self._options
            many, much = options.chunk_messages, options.chunk_bytes
            if mode is not Mode.MULTI and not self._idempotent:
                many, much = options.single_messages, options.single_bytes
            state.open = OpenChunk(job.work, chunk, mode, max(1, many // job.work.divisor), much, job.resend)
        return state.open

    def _alone(self, mode: Mode) -> bool:
        """Say whether a large message has to be a chunk of its own: where each has a command of its own."""
        return mode is not Mode.MULTI and not self._idempotent

    def _mode(self, job: JobState, mail: Mail) -> Mode:
        modes = job.lane.lane.modes
        asked = job.resend.mode if job.resend is not None else None
        if asked is not None and asked in modes:
            return asked
        if Mode.MULTI in modes and mail.size:  # an empty message would void the whole command
            return Mode.MULTI
        return Mode.SINGLE if Mode.SINGLE in modes else Mode.SYNC
