"""What `verify` found: counts by folder, a list of findings, and whether all is well."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

MAX_FINDINGS: Final = 100_000
NOT_IN_LEDGER: Final = -1


class FindingKind(StrEnum):
    """What is to be told about a message."""

    MISSING = "missing"  # on the source, not in the folder's counterpart
    ALTERED = "altered"  # there, with other bytes
    UNREADABLE = "unreadable"  # listed, but a side did not hand it over: nothing is proven
    LINE_ENDS = "line-ends"  # equal but for line ends
    SKIPPED = "skipped"  # the ledger says why it was not copied, or not as it is
    NOT_YET = "not-yet-copied"  # newer than the last pass, or to be sent again
    EXTRA = "extra"  # only on the target
    FLAGS = "flags"
    DATE = "date"


_FAILURES = frozenset({FindingKind.MISSING, FindingKind.ALTERED, FindingKind.UNREADABLE})


class ComparedBy(StrEnum):
    """What a folder's messages were compared by."""

    CONTENT = "content"  # the bytes of each message
    IDENTITY = "identity"  # Message-ID, or a hash of Date, From, To and Subject


@dataclass(slots=True)
class Finding:
    """One message. UIDs are 0 where there is none, `date` is INTERNALDATE in seconds since 1970 (-1: unknown).

    `elsewhere` names the folder of the target that has a missing message after all.
    """

    kind: FindingKind
    folder: str
    source_uid: int = 0
    target_uid: int = 0
    date: int = -1
    subject: str = ""
    message_id: str = ""
    size: int = 0
    detail: str = ""
    elsewhere: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give it for JSON; the date as ISO 8601, or null."""
        return {**asdict(self), "kind": self.kind.value, "date": _iso(self.date)}


@dataclass(slots=True)
class Counts:
    """Numbers of messages. Each message of the source is in exactly one of `equal`, `line_ends`, `altered`,
    `missing`, `skipped`, `not_yet`, `left_out` and `unreadable`.

    `elsewhere` counts those of the missing ones that another folder of the target has. `equal` are messages with
    equal bytes, or of one identity if the folder was compared by identity; `left_out` those that are not on the target
    and need not be, going by the date on which they were received.
    """

    source: int = 0
    target: int = 0
    equal: int = 0
    line_ends: int = 0
    altered: int = 0
    missing: int = 0
    extra: int = 0
    skipped: int = 0
    not_yet: int = 0
    left_out: int = 0
    unreadable: int = 0
    elsewhere: int = 0
    flag_differences: int = 0
    date_differences: int = 0

    def counts(self) -> dict[str, int]:
        """Give the numbers by name."""
        return {each.name: getattr(self, each.name) for each in fields(Counts)}

    @property
    def proven(self) -> bool:
        """True if no message is missing, altered or unreadable."""
        return not (self.missing or self.altered or self.unreadable)


@dataclass(slots=True)
class FolderReport(Counts):
    """One folder of the source and its counterpart. `error` says why it could not be compared.

    `missing_uids` are the UIDs on the source of all missing messages that no other folder has, in ascending order.
    `ledger_seq` is that of the last chunk that was known, NOT_IN_LEDGER if the ledger says nothing of this folder.
    """

    folder: str = ""
    target_folder: str = ""
    source_raw: bytes = b""
    source_uid_validity: int = 0
    ledger_seq: int = NOT_IN_LEDGER
    target_exists: bool = True
    compared_by: ComparedBy = ComparedBy.CONTENT
    error: str = ""
    missing_uids: array[int] = field(default_factory=lambda: array("I"))

    @property
    def ok(self) -> bool:
        """True if the folder is there and every message of the source is proven to be in it or accounted for."""
        return self.target_exists and not self.error and self.proven

    def to_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "folder": self.folder,
            "target_folder": self.target_folder,
            "target_exists": self.target_exists,
            "compared_by": self.compared_by.value,
            "error": self.error,
            "ok": self.ok,
            **self.counts(),
        }


@dataclass(frozen=True, slots=True)
class OtherFolder:
    """A folder that was not compared: left out on the source, or only on the target. `messages` -1: unknown."""

    folder: str
    messages: int
    reason: str = ""


@dataclass(slots=True)
class VerifyReport:
    """The whole result. `findings_left_out` counts those for which the list had no room.

    Half of the room is kept for failures, so that ten thousand flags do not hide one lost message.
    """

    folders: list[FolderReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    findings_left_out: int = 0
    left_out: list[OtherFolder] = field(default_factory=list)
    only_on_target: list[OtherFolder] = field(default_factory=list)
    max_findings: int = MAX_FINDINGS
    _minor: int = 0

    def add(self, finding: Finding) -> bool:
        """Take a finding into the list; False if there is no room for it."""
        minor = finding.kind not in _FAILURES
        if len(self.findings) >= self.max_findings or (minor and self._minor >= self.max_findings // 2):
            self.findings_left_out += 1
            return False
        self._minor += minor
        self.findings.append(finding)
        return True

    @property
    def totals(self) -> Counts:
        """Add the folders up."""
        return Counts(**{each.name: sum(getattr(f, each.name) for f in self.folders) for each in fields(Counts)})

    @property
    def ok(self) -> bool:
        """True if every message of the source is proven to be on the target, was skipped for a reason that the
        ledger knows, or is newer than the last pass.
        """
        return all(folder.ok for folder in self.folders)

    @property
    def complete(self) -> bool:
        """True if every message of the folders compared that is to be on the target is proven to be there."""
        return self.ok and not any(folder.skipped or folder.not_yet for folder in self.folders)

    @property
    def only_on_source(self) -> Sequence[FolderReport]:
        """Folders that have no counterpart on the target."""
        return [folder for folder in self.folders if not folder.target_exists]

    def to_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "ok": self.ok,
            "complete": self.complete,
            "totals": self.totals.counts(),
            "folders": [folder.to_dict() for folder in self.folders],
            "findings": [finding.to_dict() for finding in self.findings],
            "findings_left_out": self.findings_left_out,
            "left_out": [asdict(folder) for folder in self.left_out],
            "only_on_target": [asdict(folder) for folder in self.only_on_target],
        }


def _iso(seconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds >= 0 else None
    except (ValueError, OverflowError, OSError):  # a date beyond the year 9999
        return None
