"""After an unknown outcome: wait until the folder has settled, then look which messages arrived.

The server may still be working when we look, so nothing is sent to the folder until its numbers stand still. Then
all open chunks of the folder are resolved together: what was claimed is matched, as multisets and in order, with what
lies at or above the smallest floor and belongs to no row.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.backends.base import FetchJob, FolderPath, Item, Listing, Mail, Mode, Reader, Target, Want
from mailferry.sync.identity import NO_IDENTITY, Digester, identity
from mailferry.sync.ledger import ChunkRow, ChunkState, ExceptionKind, ExceptionRow, FolderRow, Ledger
from mailferry.sync.options import Options
from mailferry.sync.packed import NO_DIGEST, Columns, RowOutcome

_LOOKS = 4  # per settle time
_MULTI_SECONDS = 0.01  # a message of a command with many
_SINGLE_SECONDS = 0.05
_TRICKLE = 64  # single appends that one chunk has on the wire


def settle_seconds(target: Target, rows: Sequence[ChunkRow], options: Options) -> float:
    """Say how long a folder must stand still before we believe that the server is done with it (rule 4).

    Each commit moves the numbers, so the time has to cover the longest single commit: a command with many messages
    takes a while in one piece, single appends trickle in one after the other.
    """
    base = options.settle_seconds if options.settle_seconds is not None else target.features.settle_seconds
    longest = 0.0
    for row in rows:
        if row.state is ChunkState.SENT:
            n = len(row.columns)
            many = row.mode == Mode.MULTI.value
            longest = max(longest, n * _MULTI_SECONDS if many else min(n, _TRICKLE) * _SINGLE_SECONDS)
    return base + longest if base else 0.0


async def wait_until_settled(target: Target, rows: Sequence[FolderRow], seconds: float, options: Options) -> None:
    """Wait until UIDNEXT and MESSAGES of all these folders have stood still for so long."""
    paths = [row.target_path for row in rows]
    last: list[tuple[int, int] | None] | None = None
    still = 0
    while still <= _LOOKS:
        now = [(s.uid_next, s.messages) if s is not None else None for s in await target.status(paths)]
        still = still + 1 if now == last else 0
        last = now
        if still <= _LOOKS:
            await options.clock.sleep(seconds / _LOOKS)


async def resolve_all(target: Target, ledger: Ledger, folders: Sequence[FolderRow], options: Options) -> dict[int, int]:
    """Settle all open chunks of these folders. Gives the number of messages that did not arrive, by folder id.

    Raises FolderGone if a target folder is gone.
    """
    chunks = {row.id: await ledger.chunks(row.id) for row in folders}
    seconds = max((settle_seconds(target, rows, options) for rows in chunks.values()), default=0.0)
    await wait_until_settled(target, folders, seconds, options)
    return {row.id: await _resolve(target, ledger, row, chunks[row.id]) for row in folders}


async def _resolve(target: Target, ledger: Ledger, row: FolderRow, rows: Sequence[ChunkRow]) -> int:
    open_rows = [r for r in rows if r.state is ChunkState.SENT]
    floor = min((r.floor for r in open_rows), default=1)
    merges = target.features.is_gmail  # what was there before may stand for what we sent
    listing = await target.listing(
        row.target_path,
        Want.DATE | Want.SIZE | Want.IDENTITY,
        first_uid=1 if merges else max(floor, 1),
        identify=identity,
    )
    claims = _Claims(rows, listing, floor, keeps_date=target.features.keeps_internal_date)
    await claims.match(target, row.target_path)
    if merges:
        claims.merge()
    lost: list[int] = []
    settled: list[tuple[int, Columns]] = []
    for chunk in rows:
        if chunk.state is ChunkState.SENT or chunk.id in claims.touched:
            for i in range(len(chunk.columns)):
                if chunk.columns.outcomes[i] == RowOutcome.UNKNOWN:
                    chunk.columns.outcomes[i] = RowOutcome.LOST
                    lost.append(chunk.columns.uids[i])
            settled.append((chunk.id, chunk.columns))
    row.in_doubt = True
    row.sweep_floor = min(row.sweep_floor or floor, floor)
    await ledger.save_folder(row)
    await ledger.settle_many(settled)
    if lost:  # the connection broke while they were sent: next time in smaller company
        await ledger.note_attempts(row.id, row.source_uid_validity, lost)
    return len(lost)


async def find_uids(target: Target, ledger: Ledger, row: FolderRow) -> None:
    """Look up the UIDs of messages that the target confirmed without naming them (no UIDPLUS)."""
    rows = await ledger.chunks(row.id)
    if not any(RowOutcome.COUNTED in chunk.columns.outcomes for chunk in rows):
        return
    listing = await target.listing(row.target_path, Want.DATE | Want.SIZE | Want.IDENTITY, identify=identity)
    claims = _Claims(rows, listing, 1, keeps_date=target.features.keeps_internal_date)
    await claims.match(target, row.target_path)
    await ledger.settle_many([(chunk.id, chunk.columns) for chunk in rows if chunk.id in claims.touched])


class _Claims:
    """Messages whose UID on the target is not known, in sending order, against what no row owns."""

    def __init__(self, rows: Sequence[ChunkRow], listing: Listing, floor: int, *, keeps_date: bool) -> None:
        self.rows = rows
        self.listing = listing
        self.touched: set[int] = set()
        self._keeps_date = keeps_date
        owned: set[int] = set()
        # A message the server confirmed without its UID has first claim: it is there for certain.
        self._certain: dict[tuple[int, int], list[tuple[ChunkRow, int]]] = {}
        self._doubtful: dict[tuple[int, int], list[tuple[ChunkRow, int]]] = {}
        for chunk in rows:
            columns = chunk.columns
            for i, outcome in enumerate(columns.outcomes):
                if columns.target_uids[i]:
                    owned.add(columns.target_uids[i])
                elif outcome == RowOutcome.COUNTED:
                    self._certain.setdefault(self._key(columns.identities[i], columns.dates[i]), []).append((chunk, i))
                elif outcome == RowOutcome.UNKNOWN:
                    self._doubtful.setdefault(self._key(columns.identities[i], columns.dates[i]), []).append((chunk, i))
        self._free: dict[tuple[int, int], list[int]] = {}
        for at, uid in enumerate(listing.uids):
            if uid >= floor and uid not in owned:
                key = self._key(listing.identities[at], listing.dates[at])
                self._free.setdefault(key, []).append(at)

    def _key(self, identity_: int, date: int) -> tuple[int, int]:
        return identity_, date if self._keeps_date else 0

    async def match(self, target: Target, path: FolderPath) -> None:
        """Give each claim its message; a digest decides where several different ones could be meant."""
        for key, free in self._free.items():
            certain, doubtful = self._certain.get(key, []), self._doubtful.get(key, [])
            claims = certain + doubtful
            if not claims:
                continue
            if len(free) != len(claims) and len(claims) > 1 and target.features.keeps_bytes and self._differ(claims):
                digests = await read_digests(target, path, [self.listing.uids[at] for at in free])
                for chunk, i in claims:
                    wanted = chunk.columns.digest(i)
                    found = next((at for at in free if digests.get(self.listing.uids[at]) == wanted), None)
                    if found is not None:
                        free.remove(found)
                        self._take(chunk, i, found)
                continue
            for (chunk, i), at in zip(claims, free, strict=False):
                self._take(chunk, i, at)

    def merge(self) -> None:
        """Give what is still in doubt a message of the same identity, whoever has it: the server keeps only one."""
        held = {identity_: at for at, identity_ in enumerate(self.listing.identities) if identity_ != NO_IDENTITY}
        for claims in self._doubtful.values():
            for chunk, i in claims:
                at = held.get(chunk.columns.identities[i])
                if chunk.columns.outcomes[i] == RowOutcome.UNKNOWN and at is not None:
                    self._take(chunk, i, at)
                    chunk.columns.outcomes[i] = RowOutcome.MERGED

    @staticmethod
    def _differ(claims: Sequence[tuple[ChunkRow, int]]) -> bool:
        return len({chunk.columns.digest(i) for chunk, i in claims}) > 1

    def _take(self, chunk: ChunkRow, i: int, at: int) -> None:
        chunk.columns.target_uids[i] = self.listing.uids[at]
        chunk.columns.outcomes[i] = RowOutcome.LOOKED_UP
        self.touched.add(chunk.id)


async def read_digests(reader: Reader, path: FolderPath, uids: Sequence[int]) -> dict[int, bytes]:
    """Read messages whole and give the digest of each, by UID."""
    jobs = [FetchJob(path, tuple((uid, uid) for uid in sorted(uids)))]
    digests: dict[int, bytes] = {}
    digester, uid = Digester(), 0
    async for batch in reader.stream(lambda: jobs.pop() if jobs else None):
        item: Item
        for item in batch:
            if isinstance(item, Mail):
                uid, digester = item.uid, Digester()
                digester.update(item.data)
                digests[uid] = digester.digest()
            elif isinstance(item, bytes):
                digester.update(item)
                digests[uid] = digester.digest()
    return digests


async def sweep(target: Target, ledger: Ledger, row: FolderRow) -> list[ExceptionRow]:
    """Rule 8: look once more at a folder that had an unknown outcome. A surplus copy of something that we sent is
    reported, and removed if its bytes are equal, it lies at or above the floor, and no row owns it.
    """
    rows = await ledger.chunks(row.id)
    listing = await target.listing(
        row.target_path, Want.DATE | Want.IDENTITY, first_uid=max(row.sweep_floor, 1), identify=identity
    )
    owned: set[int] = set()
    ours: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
    anonymous: set[tuple[int, int]] = set()
    for chunk in rows:
        columns = chunk.columns
        for i in range(len(columns)):
            key = (columns.identities[i], columns.dates[i] if target.features.keeps_internal_date else 0)
            if columns.target_uids[i]:
                owned.add(columns.target_uids[i])
            elif columns.outcomes[i] == RowOutcome.COUNTED:
                anonymous.add(key)
            if columns.confirmed(i):
                ours.setdefault(key, []).append((columns.uids[i], columns.digest(i)))
    surplus: list[tuple[int, int, bytes]] = []
    for at, uid in enumerate(listing.uids):
        key = (listing.identities[at], listing.dates[at] if target.features.keeps_internal_date else 0)
        if uid not in owned and key in ours and key not in anonymous:
            surplus += [(uid, source_uid, wanted) for source_uid, wanted in ours[key] if wanted != NO_DIGEST][:1]
    found: list[ExceptionRow] = []
    if surplus:
        digests = await read_digests(target, row.target_path, [uid for uid, _, _ in surplus])
        equal = [uid for uid, _, wanted in surplus if digests.get(uid) == wanted]
        await target.remove(row.target_path, equal)
        for uid, source_uid, _ in surplus:
            removed = uid in equal and target.features.uid_expunge
            found.append(
                ExceptionRow(
                    row.id,
                    row.source_uid_validity,
                    source_uid,
                    ExceptionKind.DUPLICATE_AFTER_CRASH,
                    "removed" if removed else "left",
                    f"UID {uid} on the target",
                )
            )
        await ledger.add_exceptions(found)
    row.in_doubt, row.sweep_floor = False, 0
    await ledger.save_folder(row)
    return found
