"""What a backend must bring to be tested."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mailferry.backends.base import Features, Flags, FolderPath, Mode, Reader, Target


class Site(Protocol):
    """A mailbox that holds an empty INBOX and nothing else, on a server of its own or under a user of its own."""

    async def connect(self) -> Target:
        """Open a session. Where `Backend.shared` holds, there may be several. Tests close what they open."""
        ...

    async def look(self) -> Reader:
        """Open one more session that only reads, beside those that are open."""
        ...


class BackDoor(Protocol):
    """What happens to a mailbox without us: done by the server's own tools."""

    async def put(self, path: FolderPath, data: bytes, flags: Flags, date: int | None, zone: int) -> None:
        """Add a message. `date` None: one that cannot be understood."""
        ...

    async def delete_folder(self, path: FolderPath) -> None:
        """Delete a folder with its mail."""
        ...


Fixtures = Callable[[str], Any]
"""Gives a fixture by its name: how a site gets at a server that runs for the whole session."""


class OpenSite(Protocol):
    """Makes a site; `folder` is an empty folder on disk for whatever it needs."""

    def __call__(self, folder: Path, fixtures: Fixtures) -> AbstractAsyncContextManager[Site]: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend under test.

    `features` must be those that its sessions report; they say which clauses are tested. `kept_as` is what a
    message reads as once a lane has stored it: None for one that is refused. `read_as` is the same for one that
    came through the back door.
    """

    name: str
    open_site: OpenSite
    features: Features
    modes: frozenset[Mode]
    kept_as: Callable[[bytes], bytes | None] = lambda data: data
    read_as: Callable[[bytes], bytes] = lambda data: data
    shared: bool = True  # several sessions may write at once
    kept_zone: bool = True  # whether the zone of INTERNALDATE survives
    refused_names: frozenset[str] = frozenset()  # parts of folder names that cannot be made
    future_dates: bool = True  # whether an INTERNALDATE that is still to come survives
    takes_empty: bool = True  # whether the back door can put a message of no bytes
    undated: bool = False  # whether the back door can put a message whose INTERNALDATE is not understood
    back_door: Callable[[Site], BackDoor] | None = None
    markers: tuple[str, ...] = ()  # of pytest, for what it needs

    def __str__(self) -> str:
        return self.name
