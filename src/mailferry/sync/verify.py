"""`verify`: proves what arrived. It lists both sides, pairs their messages, and compares the bytes of each pair.

Nothing is changed on either side. `verify_report` says what comes out, `verify_match` how messages are paired,
`verify_content` how they are compared, `verify_repair` how what is missing is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailferry.backends.base import FolderPath, Listed, Reader
from mailferry.errors import MailferryError, Scope
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.names import FolderMap, MappedFolder, map_folders
from mailferry.sync.received import ReceivedRange
from mailferry.sync.verify_folder import FolderCheck, Ledgered
from mailferry.sync.verify_match import Rows
from mailferry.sync.verify_moved import Moved
from mailferry.sync.verify_repair import mark_for_resend as mark_for_resend
from mailferry.sync.verify_report import MAX_FINDINGS, OtherFolder
from mailferry.sync.verify_report import ComparedBy as ComparedBy
from mailferry.sync.verify_report import Counts as Counts
from mailferry.sync.verify_report import Finding as Finding
from mailferry.sync.verify_report import FindingKind as FindingKind
from mailferry.sync.verify_report import FolderReport as FolderReport
from mailferry.sync.verify_report import VerifyReport as VerifyReport

_ONE_FOLDER = frozenset({Scope.MESSAGE, Scope.FOLDER})


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Settings. `quick`: compare identities and counts, read no body. `reread_source`: read the source although the
    ledger has the digest of what was sent. `window_messages` are read at a time. `received`: messages that were not
    received then need not be on the target.
    """

    filter: FolderFilter = field(default_factory=lambda: FolderFilter.parse((), ()))
    received: ReceivedRange = field(default_factory=ReceivedRange)
    quick: bool = False
    reread_source: bool = False
    window_messages: int = 2_000
    max_findings: int = MAX_FINDINGS


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far `verify` is; `messages` are those of the source in all folders that are compared."""

    folder: str
    folders_done: int
    folders: int
    messages_done: int
    messages: int


async def verify(
    source: Reader,
    target: Reader,
    options: VerifyOptions,
    *,
    known_map: Mapping[bytes, FolderPath],
    rows: Rows | None = None,
    progress: Callable[[VerifyProgress], None] = lambda progress: None,
) -> VerifyReport:
    """Compare the mailboxes. `known_map` is the ledger's (raw name on the source to path on the target); what it does
    not name is mapped as `copy` would. `rows` is the ledger with its pair opened; without it all is read.

    Contents are compared where the target keeps bytes and `options.quick` is off. A folder that cannot be read is
    told in its report. Raises MailferryError for what concerns more than a folder.
    """
    listed = await source.list_folders()
    there = await target.list_folders()
    folder_map = map_folders(listed, there, source.features, target.features, known_map, options.filter)
    report = VerifyReport(max_findings=options.max_findings)
    walk = _Walk(source, target, options, report, await Ledgered.read(rows), progress)
    await walk.run(folder_map, there)
    return report


class _Walk:
    """One call of `verify`, folder by folder."""

    def __init__(
        self,
        source: Reader,
        target: Reader,
        options: VerifyOptions,
        report: VerifyReport,
        ledgered: Ledgered,
        progress: Callable[[VerifyProgress], None],
    ) -> None:
        self._source = source
        self._target = target
        self._options = options
        self._report = report
        self._ledgered = ledgered
        self._progress = progress
        self._moved = Moved(target, report)
        self._done = 0

    async def run(self, folder_map: FolderMap, there: Sequence[Listed]) -> None:
        places = {self._key(folder.path): folder for folder in there if folder.selectable}
        entries = folder_map.entries
        total = sum(entry.source.status.messages for entry in entries if entry.source.status)
        for number, entry in enumerate(entries):
            before = self._done

            def step(messages: int, entry: MappedFolder = entry, number: int = number) -> None:
                self._done += messages
                self._progress(VerifyProgress(str(entry.source.path), number, len(entries), self._done, total))

            step(0)
            folder = await self._folder(entry, places.pop(self._key(entry.target), None), step)
            self._done = before + folder.source
        self._report.left_out += [
            OtherFolder(str(out.source.path), _messages(out.source), out.text) for out in folder_map.left_out
        ]
        others = sorted(places.values(), key=lambda folder: folder.path)
        self._report.only_on_target += [OtherFolder(str(folder.path), _messages(folder)) for folder in others]
        await self._moved.find(others)
        self._progress(VerifyProgress("", len(entries), len(entries), self._done, total))

    async def _folder(self, entry: MappedFolder, there: Listed | None, step: Callable[[int], None]) -> FolderReport:
        folder = FolderReport(
            folder=str(entry.source.path),
            target_folder=str(there.path if there else entry.target),
            source_raw=entry.source.raw_name,
            target_exists=there is not None,
        )
        by_content = self._target.features.keeps_bytes and not self._options.quick
        folder.compared_by = ComparedBy.CONTENT if by_content else ComparedBy.IDENTITY
        self._report.folders.append(folder)
        check = FolderCheck(self._source, self._target, folder, self._report, self._ledgered, self._moved)
        try:
            await check.run(
                entry.source.path,
                there.path if there else None,
                received=self._options.received,
                reread_source=self._options.reread_source,
                window_messages=self._options.window_messages,
                step=step,
            )
        except MailferryError as error:
            if error.scope not in _ONE_FOLDER:
                raise
            folder.error = str(error)
        return folder

    def _key(self, path: FolderPath) -> tuple[str, ...]:
        if self._target.features.case_insensitive:
            return tuple(part.casefold() for part in path.parts)
        return ("INBOX", *path.parts[1:]) if path.parts[0].upper() == "INBOX" else path.parts


def _messages(folder: Listed) -> int:
    return folder.status.messages if folder.status else -1
