"""A mailbox in memory: a full backend, and the one that the engine's own tests run on.

`MemoryServer` is the server and keeps the mail; `MemoryMailbox` is one client of it. Several clients, one after
the other or at once, may share a server. `Steps` makes any step of a client fail.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from mailferry.backends.base import (
    Created,
    FetchJob,
    FlagChange,
    Flags,
    FolderPath,
    FolderStatus,
    Identify,
    Item,
    Listed,
    Listing,
    SpecialUse,
    Want,
)
from mailferry.backends.memory_feed import Feed, LargeMail
from mailferry.backends.memory_lane import MemoryLane
from mailferry.backends.memory_options import SYSTEM_FLAGS, MemoryOptions, Refusal
from mailferry.backends.memory_server import MemoryFolder, MemoryServer, StoredMail, rewritten
from mailferry.backends.memory_steps import How, Killed, Steps
from mailferry.errors import CommandFailed, ConnectionLost, Side

__all__ = [
    "SYSTEM_FLAGS",
    "How",
    "Killed",
    "MemoryFolder",
    "MemoryLane",
    "MemoryMailbox",
    "MemoryOptions",
    "MemoryServer",
    "Refusal",
    "Steps",
    "StoredMail",
    "rewritten",
]


class MemoryMailbox:
    """A client of a `MemoryServer`: a Target, and so a Reader too.

    A connection that broke raises ConnectionLost once, from the call that finds it; the next call logs in again.
    """

    def __init__(self, server: MemoryServer, *, side: Side = Side.TARGET, steps: Steps | None = None) -> None:
        self.key = f"memory://{server.name}"
        self.features = server.options.features()
        self._server = server
        self._side = side
        self._steps = steps or Steps()
        self._connected = False
        self._lost = False
        self._steps.join(self)

    # --- Reader ---

    async def list_folders(self, *, status: bool = True) -> list[Listed]:
        """List all folders; see `Reader.list_folders`."""
        with self._step("list"):
            return [self._listed(folder, status) for folder in self._server.folders]

    def expect(self, job: FetchJob) -> None:
        """Nothing: there is no server to be asked."""

    async def keywords(self, paths: Sequence[FolderPath]) -> Flags:
        """Not told: no reader has a use for it."""
        return frozenset()

    async def status(self, paths: Sequence[FolderPath]) -> list[FolderStatus | None]:
        """Count; see `Reader.status`."""
        with self._step("status"):
            self._server.look()
            found = [self._server.find(path) for path in paths]
            return [self._status(folder) if folder is not None else None for folder in found]

    async def listing(
        self,
        path: FolderPath,
        want: Want,
        *,
        first_uid: int = 1,
        also: Sequence[int] = (),
        identify: Identify | None = None,
        changed_since: int = 0,
    ) -> Listing:
        """List messages; see `Reader.listing`. Raises ValueError for what was not offered."""
        if changed_since and not self.features.condstore:
            raise ValueError("changed_since without CONDSTORE")
        if Want.IDENTITY in want and identify is None:
            raise ValueError("identities without identify")
        with self._step("listing"):
            self._server.look()
            folder = self._server.folder(path)
            listing = Listing(self._status(folder))
            for mail in folder.mails.values():
                if (mail.uid >= first_uid or mail.uid in also) and mail.modseq > changed_since:
                    _note(listing, mail, want, identify)
            return listing

    async def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Read bodies; see `Reader.stream`."""
        for batch in Feed(self._server, jobs).batches():
            await asyncio.sleep(0)
            fault = self._begin("batch", inside=batch.before)
            if fault is How.CUT_BEFORE:
                self._resume(batch.before)
            yield batch.items
            if fault is How.CUT_AFTER:
                self._resume(batch.after)

    async def close(self) -> None:
        """Log out."""
        self._steps.check()
        self._connected = self._lost = False

    # --- Target ---

    async def create_folders(
        self, folders: Sequence[tuple[FolderPath, SpecialUse | None]], *, then: Sequence[FolderPath] = ()
    ) -> list[Created]:
        """Make folders; see `Target.create_folders`. The answers come in the order of the request."""
        answers: dict[FolderPath, Created] = {}
        for path, special_use in sorted(folders, key=lambda wanted: len(wanted[0].parts)):
            with self._step("create"):
                answers[path] = self._create(path, special_use)
        return [answers[path] for path, _ in folders]

    async def subscribe(self, paths: Sequence[FolderPath]) -> None:
        """Subscribe; see `Target.subscribe`."""
        for path in paths:
            with self._step("subscribe"):
                folder = self._server.find(path)
                if folder is not None:
                    folder.subscribed = True

    async def permanent_flags(self, path: FolderPath) -> tuple[Flags, bool]:
        """Give the flags that are kept; see `Target.permanent_flags`. Raises FolderGone."""
        with self._step("select"):
            self._server.folder(path)
            return self._server.options.permanent_flags, self._server.options.custom_keywords

    def expect_keywords(self, path: FolderPath, keywords: Flags) -> None:
        """Nothing to prepare."""

    async def open_lane(self) -> MemoryLane:
        """Open a writer connection; see `Target.open_lane`. Raises ConnectionLost."""
        with self._step("lane"):
            return MemoryLane(self._server, self._side, self._steps)

    async def change_flags(self, path: FolderPath, changes: Sequence[FlagChange]) -> None:
        """Change flags; see `Target.change_flags`. Raises FolderGone."""
        for change in changes:
            with self._step("flags"):
                folder = self._server.folder(path)
                add = {flag for flag in change.add if self._server.can_store(flag)}
                for uid in change.uids:
                    if (mail := folder.mails.get(uid)) is not None:
                        folder.set_flags(uid, (mail.flags - change.remove) | add)

    async def remove(self, path: FolderPath, uids: Sequence[int]) -> None:
        """Expunge messages; see `Target.remove`. Raises FolderGone, and CommandFailed without UIDPLUS."""
        with self._step("expunge"):
            if not self.features.uid_expunge:
                raise CommandFailed("UID EXPUNGE is not offered.", side=self._side)
            self._server.folder(path).expunge(uids)

    # --- the connection ---

    def drop(self, *, killed: bool) -> None:
        """Break the connection; see `Link`."""
        self._lost = self._connected
        self._connected = False

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        fault = self._begin(what)
        if fault is How.CUT_BEFORE:
            self._cut()
        yield
        if fault is How.CUT_AFTER:
            self._cut()

    def _begin(self, what: str, *, inside: LargeMail | None = None) -> How | None:
        self._steps.check()
        if self._lost:
            self._lost = False
            self._resume(inside)
        self._log_in()
        return self._steps.at(f"{self._side.value} {what}")

    def _log_in(self) -> None:
        if not self._connected:
            if self._steps.at(f"{self._side.value} login") is not None:
                self._cut()
            self._connected = True

    def _resume(self, inside: LargeMail | None) -> None:
        """Take a large message up again over a new connection, at the same byte. Raises ConnectionLost."""
        if inside is None or not inside.still_there(self._server):
            self._cut()
        self._connected = False
        self._log_in()

    def _cut(self) -> NoReturn:
        self._connected = self._lost = False
        raise ConnectionLost(side=self._side)

    # --- the server's answers ---

    def _create(self, path: FolderPath, special_use: SpecialUse | None) -> Created:
        error = self._misnamed(path)
        if not error and self._server.options.refuse_folder is not None:
            error = self._server.options.refuse_folder(path) or ""
        if error:
            return Created(path, error=error)
        made = self._server.add_folder(path, special_use=special_use)
        return Created(path, self._raw_name(self._server.folder(path).path), made)

    def _misnamed(self, path: FolderPath) -> str:
        delimiter = self.features.delimiter
        if delimiter is None and len(path.parts) > 1:
            return "No hierarchy here"
        if delimiter is not None and any(delimiter in part for part in path.parts):
            return "Invalid mailbox name"
        if max(len(part.encode()) for part in path.parts) > self.features.folder_name_bytes:
            return "Mailbox name too long"
        return ""

    def _raw_name(self, path: FolderPath) -> bytes:
        return (self.features.delimiter or "").join(path.parts).encode()

    def _status(self, folder: MemoryFolder) -> FolderStatus:
        return folder.status(condstore=self.features.condstore)

    def _listed(self, folder: MemoryFolder, status: bool) -> Listed:
        return Listed(
            folder.path,
            self._raw_name(folder.path),
            selectable=folder.selectable,
            subscribed=folder.subscribed,
            special_use=folder.special_use,
            mailbox_id=folder.mailbox_id,
            status=self._status(folder) if status and folder.selectable else None,
        )


def _note(listing: Listing, mail: StoredMail, want: Want, identify: Identify | None) -> None:
    listing.uids.append(mail.uid)
    if Want.FLAGS in want:
        listing.flags.append(mail.flags)
    if Want.DATE in want:
        listing.dates.append(-1 if mail.date is None else mail.date)
    if Want.SIZE in want:
        listing.sizes.append(len(mail.data))
    if Want.IDENTITY in want and identify is not None:
        listing.identities.append(identify(re.split(rb"\r?\n\r?\n", mail.data, maxsplit=1)[0] + b"\r\n\r\n"))
