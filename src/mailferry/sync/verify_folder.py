"""`verify` of one folder: list, pair, compare, and say of each message what became of it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mailferry.backends.base import FolderPath, FolderStatus, Listing, Reader, Want
from mailferry.errors import FolderGone, Side
from mailferry.sync.identity import NO_IDENTITY, Description, describe, identity
from mailferry.sync.ledger import ExceptionKind, ExceptionRow, FolderRow
from mailferry.sync.packed import RowOutcome
from mailferry.sync.received import ReceivedRange
from mailferry.sync.verify_content import Comparison, Place, Verdict, both
from mailferry.sync.verify_match import NO_ROW, Known, Pairing, Rows, pair, read_known
from mailferry.sync.verify_moved import Moved
from mailferry.sync.verify_report import ComparedBy, Finding, FindingKind, FolderReport, VerifyReport

_COLUMNS = Want.FLAGS | Want.DATE | Want.SIZE | Want.IDENTITY
_NOT_COPIED = (
    ExceptionKind.SKIPPED,
    ExceptionKind.CANNOT_BE_CARRIED,
    ExceptionKind.MERGED,
)
_PROBLEMS: Mapping[int, tuple[FindingKind, str]] = {
    Verdict.ALTERED: (FindingKind.ALTERED, "other bytes on the target"),
    Verdict.UNREADABLE: (FindingKind.UNREADABLE, "a server listed the message, but did not hand it over"),
    Verdict.LINE_ENDS: (FindingKind.LINE_ENDS, "equal but for line ends"),
}


@dataclass(frozen=True, slots=True)
class Ledgered:
    """The ledger's folder map, and its exceptions by folder id; empty without a ledger."""

    rows: Rows | None = None
    folders: Mapping[bytes, FolderRow] = field(default_factory=dict)
    exceptions: Mapping[int, list[ExceptionRow]] = field(default_factory=dict)

    @classmethod
    async def read(cls, rows: Rows | None) -> Ledgered:
        """Read both."""
        if rows is None:
            return cls()
        exceptions: dict[int, list[ExceptionRow]] = {}
        for row in await rows.exceptions():
            exceptions.setdefault(row.folder_id, []).append(row)
        return cls(rows, {row.source_raw: row for row in await rows.folders()}, exceptions)


class FolderCheck:
    """One folder. Fills `folder`, and adds findings to `report`."""

    def __init__(
        self,
        source: Reader,
        target: Reader,
        folder: FolderReport,
        report: VerifyReport,
        ledgered: Ledgered,
        moved: Moved,
    ) -> None:
        self._source = source
        self._target = target
        self._folder = folder
        self._report = report
        self._ledgered = ledgered
        self._moved = moved
        self._row: FolderRow | None = None  # of the UIDVALIDITY that the source has now
        self._skipped: dict[int, ExceptionRow] = {}
        self._repaired: dict[int, ExceptionRow] = {}
        self._outside = bytearray()  # 1 for each message that need not be on the target
        self._told: tuple[list[tuple[int, Finding]], list[tuple[int, Finding]]] = ([], [])  # by side, with identity

    async def run(
        self,
        path: FolderPath,
        there: FolderPath | None,
        *,
        received: ReceivedRange,
        reread_source: bool,
        window_messages: int,
        step: Callable[[int], None],
    ) -> None:
        """Check the folder; `there` is None if it has no counterpart. Raises MailferryError."""
        mine, theirs = await both(_list(self._source, path, Side.SOURCE), _list(self._target, there, Side.TARGET))
        self._folder.source, self._folder.target = len(mine.uids), len(theirs.uids)
        self._folder.source_uid_validity = mine.status.uid_validity
        self._read_ledger(mine.status)
        known = await read_known(self._ledgered.rows, self._row, mine, theirs)
        if self._row is not None:
            self._folder.ledger_seq = known.last_seq
        self._outside = bytearray(not received.admits(date) for date in mine.dates)
        pairing = pair(mine, theirs, known, last=self._outside)
        if there is not None and self._folder.compared_by is ComparedBy.CONTENT:
            verdicts = await Comparison(
                Place(self._source, path, mine, Side.SOURCE),
                Place(self._target, there, theirs, Side.TARGET),
                pairing,
                known,
                self._repaired,
                reread_source,
                window_messages,
                step,
            ).run()
        else:
            verdicts = self._by_identity(pairing)
        self._tell(pairing, known, verdicts)
        await self._describe(self._source, path, self._told[0])
        await self._describe(self._target, there, self._told[1])

    def _read_ledger(self, status: FolderStatus) -> None:
        row = self._ledgered.folders.get(self._folder.source_raw)
        if row is None or row.source_uid_validity != status.uid_validity:
            return
        self._row = row
        for exception in self._ledgered.exceptions.get(row.id, ()):
            if exception.source_uid_validity != row.source_uid_validity:
                continue
            if exception.kind == ExceptionKind.REPAIRED:
                self._repaired[exception.uid] = exception
            elif exception.kind in _NOT_COPIED:
                self._skipped[exception.uid] = exception

    def _by_identity(self, pairing: Pairing) -> bytearray:
        """Without reading: a target that keeps bytes keeps identities, so another one is another message."""
        verdicts = bytearray(len(pairing.partner))
        mine, theirs = pairing.source.identities, pairing.target.identities
        for i, j in enumerate(pairing.partner):
            if j >= 0:
                differs = self._target.features.keeps_bytes and mine[i] != theirs[j]
                verdicts[i] = Verdict.ALTERED if differs else Verdict.SAME_IDENTITY
        return verdicts

    # --- what became of each message ---------------------------------------------------------------------

    def _tell(self, pairing: Pairing, known: Known, verdicts: bytearray) -> None:
        missing = array("I")
        for i, verdict in enumerate(verdicts):
            if verdict == Verdict.UNPAIRED:
                if self._tell_absent(pairing, known, i):
                    missing.append(i)
            else:
                self._tell_present(pairing, i, Verdict(verdict))
                self._tell_differences(pairing, known, i)
        self._folder.missing_uids = array("I", (pairing.source.uids[i] for i in missing))
        self._moved.add_missing(self._folder, pairing.source, missing)
        free = pairing.free()
        self._folder.extra = len(free)
        for j in free:
            self._add(pairing, FindingKind.EXTRA, "", j=j)
        self._moved.add_extra(self._folder.target_folder, pairing.target, free)

    def _tell_present(self, pairing: Pairing, i: int, verdict: Verdict) -> None:
        folder, j = self._folder, pairing.partner[i]
        repaired = self._repaired.get(pairing.source.uids[i])
        if repaired is not None and verdict in (Verdict.EQUAL, Verdict.SAME_IDENTITY):
            folder.skipped += 1
            self._add(pairing, FindingKind.SKIPPED, f"sent after a repair: {repaired.code}", i, j)
        elif verdict is Verdict.ALTERED and pairing.shared[i]:
            folder.skipped += 1
            self._add(pairing, FindingKind.SKIPPED, "the target keeps it as one with another message", i, j)
        elif verdict in (Verdict.EQUAL, Verdict.SAME_IDENTITY):
            folder.equal += 1
        else:
            kind, text = _PROBLEMS[verdict]
            folder.altered += verdict is Verdict.ALTERED
            folder.line_ends += verdict is Verdict.LINE_ENDS
            folder.unreadable += verdict is Verdict.UNREADABLE
            self._add(pairing, kind, text, i, j)

    def _tell_absent(self, pairing: Pairing, known: Known, i: int) -> bool:
        """Say why a message is not there; True if it is missing."""
        if self._outside[i]:
            self._folder.left_out += 1
            return False
        kind, text = self._why_absent(known, i, pairing.source.uids[i])
        self._folder.skipped += kind is FindingKind.SKIPPED
        self._folder.not_yet += kind is FindingKind.NOT_YET
        self._folder.missing += kind is FindingKind.MISSING
        self._add(pairing, kind, text, i)
        return kind is FindingKind.MISSING

    def _why_absent(self, known: Known, i: int, uid: int) -> tuple[FindingKind, str]:
        outcome = known.outcomes[i]
        if known.is_confirmed(i):
            there = f" as UID {known.target_uids[i]}" if known.target_uids[i] else ""
            how = "was there before the copy" if outcome == RowOutcome.ADOPTED else "was copied"
            return FindingKind.MISSING, f"{how}{there}, is no longer there"
        exception = self._skipped.get(uid)
        if exception is not None:
            return FindingKind.SKIPPED, " ".join(f"{exception.kind}: {exception.code} {exception.server_text}".split())
        if outcome == RowOutcome.LEFT_OUT:
            return FindingKind.SKIPPED, "not received in the range that was copied"
        if outcome == RowOutcome.OVER_LIMIT:
            return FindingKind.SKIPPED, "over the limit of items"
        if outcome == RowOutcome.REFUSED:
            return FindingKind.SKIPPED, "refused by the target"
        if outcome in (RowOutcome.LOST, RowOutcome.UNKNOWN):
            return FindingKind.NOT_YET, "the next copy sends it again"
        if outcome == NO_ROW and self._row is not None and uid >= self._row.source_uid_next_done:
            return FindingKind.NOT_YET, "arrived after the last copy"
        return FindingKind.MISSING, "" if self._row is None else "not in the ledger"

    def _tell_differences(self, pairing: Pairing, known: Known, i: int) -> None:
        """Flags, and dates where the target keeps them. Users change flags, so neither is a failure."""
        j = pairing.partner[i]
        mine, theirs = pairing.source.flags[i], pairing.target.flags[j]
        if mine != theirs and (mine_folded := _folded(mine)) != (theirs_folded := _folded(theirs)):
            self._folder.flag_differences += 1
            added = [f"+{theirs_folded[key]}" for key in sorted(theirs_folded.keys() - mine_folded.keys())]
            removed = [f"-{mine_folded[key]}" for key in sorted(mine_folded.keys() - theirs_folded.keys())]
            self._add(pairing, FindingKind.FLAGS, " ".join(added + removed), i, j)
        date, date_there = known.dates[i], pairing.target.dates[j]
        if date >= 0 and date != date_there and self._target.features.keeps_internal_date:
            self._folder.date_differences += 1
            self._add(pairing, FindingKind.DATE, f"{date} was sent, {date_there} is there", i, j)

    def _add(self, pairing: Pairing, kind: FindingKind, text: str, i: int = -1, j: int = -1) -> None:
        """Add a finding about a message of the source, of the target, or about a pair."""
        side, k = (pairing.source, i) if i >= 0 else (pairing.target, j)
        finding = Finding(
            kind,
            self._folder.folder,
            pairing.source.uids[i] if i >= 0 else 0,
            pairing.target.uids[j] if j >= 0 else 0,
            side.dates[k],
            size=side.sizes[k],
            detail=text,
        )
        if self._report.add(finding):
            self._told[i < 0].append((side.identities[k], finding))
            if kind is FindingKind.MISSING:
                self._moved.add_finding(finding)

    # --- names for people --------------------------------------------------------------------------------

    async def _describe(self, reader: Reader, path: FolderPath | None, told: list[tuple[int, Finding]]) -> None:
        """Give findings their subject and Message-ID. Only a header tells them, so the folder is listed once more."""
        wanted = {value for value, _ in told if value != NO_IDENTITY}
        if path is None or not wanted:
            return
        texts: dict[int, Description] = {}

        def look(header: bytes) -> int:
            value = identity(header)
            if value in wanted and value not in texts:
                texts[value] = describe(header)
            return value

        first = min(finding.source_uid or finding.target_uid for _, finding in told)
        try:
            await reader.listing(path, Want.IDENTITY, first_uid=first, identify=look)
        except FolderGone:
            return  # all that was compared stays true
        for value, finding in told:
            if value in texts:
                finding.subject, finding.message_id = texts[value].subject, texts[value].message_id


async def _list(reader: Reader, path: FolderPath | None, side: Side) -> Listing:
    if path is None:
        return Listing(FolderStatus(0, 0, 0))
    listing = await reader.listing(path, _COLUMNS, identify=identity)
    if listing.truncated:
        raise FolderGone(f"{path}: the server lists only a part of its messages", side=side)
    return listing


def _folded(flags: frozenset[str]) -> dict[str, str]:
    """Keywords have no case (RFC 9051, 2.3.2)."""
    return {flag.casefold(): flag for flag in flags}
