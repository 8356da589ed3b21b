"""Messages that are missing in their folder, but lie in another one of the target: somebody moved them, most likely."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from mailferry.backends.base import Listed, Listing, Reader, Want
from mailferry.errors import FolderGone
from mailferry.sync.identity import NO_IDENTITY, identity
from mailferry.sync.matching import Entries, Purpose, Rule, match
from mailferry.sync.verify_report import Finding, FolderReport, VerifyReport


class Moved:
    """Gathers what is missing and what is extra in all folders, and matches the two at the end.

    Matched is what has one identity and the same date or size (on a target that rewrites messages, the identity
    alone); a message without an identity never is.
    """

    def __init__(self, target: Reader, report: VerifyReport) -> None:
        self._target = target
        self._report = report
        self._missing, self._extra = Entries(), Entries()
        self._missing_folders: list[FolderReport] = []
        self._extra_folders: list[str] = []
        self._folder_of_missing, self._folder_of_extra = array("I"), array("I")
        self._findings: dict[tuple[str, int], Finding] = {}

    def add_missing(self, folder: FolderReport, listing: Listing, indexes: Sequence[int]) -> None:
        """Take what is missing in a folder."""
        self._missing_folders.append(folder)
        for i in indexes:
            if _add(self._missing, listing, i):
                self._folder_of_missing.append(len(self._missing_folders) - 1)

    def add_finding(self, finding: Finding) -> None:
        """Take the finding of a missing message, so that it can be told where the message is."""
        self._findings[finding.folder, finding.source_uid] = finding

    def add_extra(self, folder: str, listing: Listing, indexes: Sequence[int]) -> None:
        """Take what a folder of the target has beyond its counterpart."""
        self._extra_folders.append(folder)
        for j in indexes:
            if _add(self._extra, listing, j):
                self._folder_of_extra.append(len(self._extra_folders) - 1)

    async def find(self, others: Sequence[Listed]) -> None:
        """Match, also with what is in the `others`, folders of the target that have no counterpart."""
        if not self._missing.identities:
            return
        for other in others:
            if other.status is None or other.status.messages:
                try:
                    listing = await self._target.listing(
                        other.path, Want.DATE | Want.SIZE | Want.IDENTITY, identify=identity
                    )
                except FolderGone:
                    continue
                self.add_extra(str(other.path), listing, range(len(listing.uids)))
        rule = Rule(Purpose.EXACT, keeps_bytes=self._target.features.keeps_bytes)
        found: dict[int, set[int]] = {}
        for i, j in match(self._missing, self._extra, rule).pairs():
            number = self._folder_of_missing[i]
            folder, uid = self._missing_folders[number], self._missing.uids[i]
            found.setdefault(number, set()).add(uid)
            finding = self._findings.get((folder.folder, uid))
            if finding is not None:
                finding.elsewhere = self._extra_folders[self._folder_of_extra[j]]
                finding.detail = f"{finding.detail}; found as UID {self._extra.uids[j]} in {finding.elsewhere}"
        for number, uids in found.items():
            folder = self._missing_folders[number]
            folder.elsewhere = len(uids)
            folder.missing_uids = array("I", (uid for uid in folder.missing_uids if uid not in uids))


def _add(entries: Entries, listing: Listing, index: int) -> bool:
    if listing.identities[index] == NO_IDENTITY:
        return False
    entries.identities.append(listing.identities[index])
    entries.dates.append(listing.dates[index])
    entries.sizes.append(listing.sizes[index])
    entries.uids.append(listing.uids[index])
    return True
