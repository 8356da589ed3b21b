"""What a refusal means: something about the account, about the way of sending, or about one message (rule 15)."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry import errors
from mailferry.backends.base import Mode, Outcome, OutcomeKind, Target
from mailferry.errors import MailferryError, Side
from mailferry.imap.quirks import Refusal, backoff_seconds, classify
from mailferry.sync.identity import describe
from mailferry.sync.ledger import ExceptionKind
from mailferry.sync.options import Options
from mailferry.sync.packed import Columns, RowOutcome
from mailferry.sync.probe import SuspectRefusals, can_probe
from mailferry.sync.repair import repairs
from mailferry.sync.work import FolderWork, Resend

_SAME_IN_A_ROW = 3
_ACCOUNT: dict[Refusal, type[MailferryError]] = {
    Refusal.QUOTA: errors.OverQuota,
    Refusal.BUSY: errors.ServerBusy,
    Refusal.SERVER_BUG: errors.ServerBusy,
    Refusal.AUTH: errors.ConnectionLost,
    Refusal.PERMISSION: errors.ReadOnly,
    Refusal.TRYCREATE: errors.FolderGone,
    Refusal.NONEXISTENT: errors.FolderGone,
}


class Verdicts:
    """Reads refusals for one target."""

    def __init__(self, target: Target, options: Options, pass_no: int) -> None:
        self._target = target
        self._repairs = len(list(repairs(options.repair)))
        self._pass_no = pass_no

    def _account(self, outcome: Outcome) -> type[MailferryError] | None:
        if outcome.code == "BAD":
            return None
        refusal = classify(outcome.text, outcome.code)
        return _ACCOUNT.get(refusal)

    def _about_message(self, outcome: Outcome, mode: Mode) -> bool:
        """True if the verdict is on this message alone and there is no other way of sending it."""
        if outcome.kind is not OutcomeKind.REFUSED or self._account(outcome) is not None:
            return False
        return outcome.code != "BAD" or mode is Mode.SYNC

    def outcome(self, outcome: Outcome, mode: Mode, repair: int) -> RowOutcome:
        """Say what goes into the row: REFUSED only when nothing else is to be tried."""
        final = self._about_message(outcome, mode) and (repair >= self._repairs or self._too_big(outcome))
        return RowOutcome.REFUSED if final else RowOutcome.LOST

    def _too_big(self, outcome: Outcome) -> bool:
        return classify(outcome.text, outcome.code) in (Refusal.TOO_BIG, Refusal.LIMIT)

    def rule(
        self,
        work: FolderWork,
        mode: Mode,
        repair: int,
        columns: Columns,
        outcomes: Sequence[Outcome | None],
        heads: Sequence[bytes],
    ) -> list[Resend | MailferryError]:
        """Give what is to be sent again and how; an error, which ends the attempt, stands first.

        What is final is added to the folder's exceptions.

        `heads` holds the beginning of each message where one can be refused alone, for the report.
        """
        again: dict[tuple[Mode, int], list[int]] = {}
        fatal: MailferryError | None = None
        for i, outcome in enumerate(outcomes):
            if outcome is None or outcome.kind is OutcomeKind.STORED:
                work.refused_in_a_row = 0 if outcome is not None else work.refused_in_a_row
                continue
            account = self._account(outcome)
            if account is not None:
                wait = backoff_seconds(outcome.text) or 0.0
                fatal = fatal or account(outcome.text, side=Side.TARGET, wait_seconds=wait)
                continue
            uid = columns.uids[i]
            if outcome.code == "BAD" and mode is not Mode.SYNC:
                again.setdefault((Mode.SYNC, repair), []).append(uid)
            elif outcome.kind is OutcomeKind.UNSENT:
                again.setdefault((Mode.SINGLE, repair), []).append(uid)
            elif repair < self._repairs and not self._too_big(outcome):
                again.setdefault((mode if mode is not Mode.MULTI else Mode.SINGLE, repair + 1), []).append(uid)
            else:
                self._refused(work, columns, i, outcome, heads[i] if heads else b"")
        if work.refused_in_a_row >= _SAME_IN_A_ROW and not work.probed and can_probe(self._target):
            suspect = SuspectRefusals(f"{work.row.target_path}: {work.refused_text}", side=Side.TARGET)
            suspect.folder = work.row.source_raw
            fatal = fatal or suspect
        resends = [Resend(tuple(uids), way, level) for (way, level), uids in again.items()]
        return [fatal, *resends] if fatal is not None else list(resends)

    def _refused(self, work: FolderWork, columns: Columns, i: int, outcome: Outcome, head: bytes) -> None:
        if not self._too_big(outcome):
            same = outcome.text == work.refused_text
            work.refused_text, work.refused_in_a_row = outcome.text, work.refused_in_a_row + 1 if same else 1
        work.stats.skipped += 1
        date, what = columns.dates[i], describe(head)
        work.exceptions.append(
            work.exception(
                columns.uids[i],
                ExceptionKind.SKIPPED,
                outcome.code or "refused",
                outcome.text,
                subject=what.subject,
                message_id=what.message_id,
                date=date,
                size_bytes=columns.sizes[i],
                pass_no=self._pass_no,
            )
        )
