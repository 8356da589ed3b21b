"""What a pass came to, in the form that the summary, the report and the exit code are made from."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.cli import exitcodes
from mailferry.errors import MailferryError
from mailferry.records import dataclass, field
from mailferry.sync.ledger import ExceptionKind, ExceptionRow
from mailferry.sync.names import LeftOut
from mailferry.sync.options import FolderStats, Stats

NOT_COPIED = frozenset((ExceptionKind.SKIPPED, ExceptionKind.OVER_LIMIT, ExceptionKind.CANNOT_BE_CARRIED))
_AT_REST = frozenset(("done", "unchanged", "failed"))


@dataclass(frozen=True, slots=True)
class Message:
    """One message that the report names, and the folder of the source it is in."""

    folder: str
    row: ExceptionRow

    @property
    def not_copied(self) -> bool:
        """True if it is not on the target."""
        return self.row.kind in NOT_COPIED


@dataclass(frozen=True, slots=True)
class Totals:
    """Messages of all mapped folders. `found` is the sum of the next five when a pass is complete."""

    found: int
    copied: int
    already_there: int
    adopted: int
    skipped: int
    left_out: int
    flags_changed: int
    removed: int
    size_bytes: int
    gone_from_target: int


@dataclass(slots=True)
class Ending:
    """A pass that ended: by itself, by an error, or by a signal (`stopped_by`, 0 if none)."""

    stats: Stats
    started_at: float
    seconds: float
    messages: Sequence[Message] = ()
    left_out: Sequence[LeftOut] = ()
    failed_folders: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    gone_from_target: int = 0
    error: MailferryError | None = None
    stopped_by: int = 0

    @property
    def whole(self) -> bool:
        """True if the pass ran to its end, whatever it had to skip."""
        return self.error is None and not self.stopped_by

    @property
    def chose_nothing(self) -> bool:
        """True if the source has folders, and none of them was to be copied."""
        return self.whole and not self.stats.folders and bool(self.left_out)

    @property
    def skipped(self) -> list[Message]:
        """Messages that are not on the target, of this pass and earlier ones."""
        return [message for message in self.messages if message.not_copied]

    @property
    def changed(self) -> list[Message]:
        """Messages that are there, but not just as they were."""
        return [message for message in self.messages if not message.not_copied]

    @property
    def totals(self) -> Totals:
        """Add all folders up."""
        total = self.stats.total
        skipped = max(len(self.skipped), total("skipped"))
        # A folder that did not change counts what was skipped in it earlier as there.
        there = max(0, total("had") - (skipped - total("skipped")))
        return Totals(
            found=total("found"),
            copied=total("copied"),
            already_there=there,
            adopted=total("adopted"),
            skipped=skipped,
            left_out=total("left_out"),
            flags_changed=total("flags_changed"),
            removed=total("removed"),
            size_bytes=total("size_bytes"),
            gone_from_target=self.gone_from_target,
        )

    @property
    def exit_code(self) -> int:
        """What the process tells its caller; the worst news wins."""
        if self.stopped_by:
            return exitcodes.SIGNAL_BASE + self.stopped_by
        if self.error is not None:
            return exitcodes.exit_code(self.error)
        if self.failed_folders:
            return exitcodes.FOLDERS_FAILED
        if self.chose_nothing:
            return exitcodes.NOTHING_CHOSEN
        kinds = {message.row.kind for message in self.skipped}
        if kinds - {ExceptionKind.OVER_LIMIT}:
            return exitcodes.SKIPPED
        return exitcodes.OVER_LIMIT if kinds else exitcodes.COMPLETE

    def note_unfinished(self) -> None:
        """Count folders that the pass left in the middle as failed; a pass that ended well has none."""
        for folder in self.stats.folders.values():
            if self.whole and not _at_rest(folder):
                self.failed_folders.setdefault(folder.source, folder.note or "the folder was not finished")


def _at_rest(folder: FolderStats) -> bool:
    return folder.state in _AT_REST
