"""Listings: columns, ranges, changes."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sized
from zlib import crc32

import pytest

from mailferry.backends.base import INBOX, FlagChange, Want
from mailferry.errors import FolderGone
from tests.conformance.actions import DATE, Letter, deliver, folder, make, read
from tests.conformance.clauses import Subject, clause
from tests.conformance.contract import Backend
from tests.conformance.mails import message, sized, untidy

SEEN = frozenset({"\\Seen"})
EVERYTHING = Want.FLAGS | Want.DATE | Want.SIZE | Want.IDENTITY


def has_condstore(backend: Backend) -> bool:
    return backend.features.condstore


@clause()
async def test_an_empty_folder_has_an_empty_listing(subject: Subject) -> None:
    listing = await subject.target.listing(INBOX, EVERYTHING, identify=crc32)
    assert (listing.uids, listing.flags, listing.status.messages, listing.truncated) == (array("I"), [], 0, False)


@clause()
async def test_columns_are_parallel_and_ascend(subject: Subject) -> None:
    letters = [Letter(message(1), SEEN, DATE), Letter(message(2), date=DATE - 7), Letter(sized(3, 70_000), SEEN)]
    uids = await deliver(subject.target, INBOX, *letters)
    listing = await subject.target.listing(INBOX, EVERYTHING, identify=crc32)
    found = await read(subject.target, INBOX)
    assert list(listing.uids) == uids == sorted(set(uids))
    assert [flags - {"\\Recent"} for flags in listing.flags] == [SEEN, frozenset(), SEEN]
    assert not any("\\Recent" in flags for flags in listing.flags)
    assert list(listing.dates) == [each.date for each in found]
    assert list(listing.sizes) == [len(each.data) for each in found]
    assert len(set(listing.identities)) == 3


@clause(cases={str(want.name): want for want in Want})
async def test_columns_that_are_not_wanted_stay_empty(subject: Subject, want: Want) -> None:
    await deliver(subject.target, INBOX, message(1), message(2))
    listing = await subject.target.listing(INBOX, want, identify=crc32)
    columns: dict[Want, Sized] = {
        Want.FLAGS: listing.flags,
        Want.DATE: listing.dates,
        Want.SIZE: listing.sizes,
        Want.IDENTITY: listing.identities,
    }
    assert len(listing.uids) == 2
    assert {each: len(column) for each, column in columns.items()} == {each: 2 * (each is want) for each in Want}


@clause()
async def test_uids_alone(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, message(1), message(2))
    listing = await subject.target.listing(INBOX, Want(0))
    assert list(listing.uids) == uids
    assert [len(each) for each in (listing.flags, listing.dates, listing.sizes, listing.identities)] == [0] * 4


@clause()
async def test_a_listing_from_a_uid_on(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *(message(number) for number in range(1, 6)))
    listing = await subject.target.listing(INBOX, Want.SIZE, first_uid=uids[3])
    assert list(listing.uids) == uids[3:]
    assert listing.status.messages == 5
    # `n:*` means the last message too when n is larger (RFC 3501, 9); here it does not.
    beyond = await subject.target.listing(INBOX, Want.SIZE, first_uid=uids[-1] + 1)
    assert list(beyond.uids) == []


@clause()
async def test_single_uids_are_listed_beside_those_from_a_uid_on(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *(message(number) for number in range(1, 8)))
    listing = await subject.target.listing(INBOX, Want.SIZE, first_uid=uids[5], also=[uids[0], uids[2], uids[3]])
    assert list(listing.uids) == [uids[0], *uids[2:4], *uids[5:]]
    assert len(listing.sizes) == 5


@clause()
async def test_identities_are_made_of_the_header(subject: Subject) -> None:
    given: list[bytes] = []

    def identify(header: bytes) -> int:
        given.append(header)
        return 2**64 - 1 - len(given)

    await deliver(subject.target, INBOX, message(1), message(2, body=b"Message-ID: <in-the-body@example.org>\r\n"))
    listing = await subject.target.listing(INBOX, Want.IDENTITY, identify=identify)
    assert list(listing.identities) == [2**64 - 2, 2**64 - 3]
    for number, header in enumerate(given, 1):
        assert f"<{number}@mail.example.org>".encode() in header
        assert f"sender{number}@example.org".encode() in header
        assert f"Subject: Number {number},".encode() in header
        assert b"receiver@example.com" in header
        assert b"Jan 2024" in header
        assert b"in-the-body" not in header


@clause(cases={name: untidy()[name] for name in ("no header", "one byte", "8-bit header", "5,000 header lines")})
async def test_identities_of_untidy_mail(subject: Subject, data: bytes) -> None:
    if subject.backend.kept_as(data) is not None:
        await deliver(subject.target, INBOX, message(1), data, message(2))
        listing = await subject.target.listing(INBOX, Want.IDENTITY, identify=crc32)
        assert len(listing.identities) == len(listing.uids) == 3
        assert len(set(listing.identities)) == 3


@clause()
async def test_the_status_of_a_listing_is_the_folders(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, message(1), message(2))
    listing = await subject.target.listing(INBOX, Want.FLAGS)
    [status] = await subject.target.status([INBOX])
    assert status is not None
    assert (listing.status.uid_validity, listing.status.messages) == (status.uid_validity, 2)
    assert status.uid_validity > 0
    assert status.uid_next > uids[-1]
    assert bool(status.highest_modseq) == subject.backend.features.condstore


@clause()
async def test_no_listing_of_a_folder_that_is_gone(subject: Subject) -> None:
    with pytest.raises(FolderGone):
        await subject.target.listing(folder("Never there"), Want.FLAGS)
    assert (await subject.target.listing(INBOX, Want.FLAGS)).status.messages == 0


@clause(needs=has_condstore)
async def test_only_what_changed(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *(message(number) for number in range(1, 5)))
    before = (await subject.target.listing(INBOX, Want.FLAGS)).status.highest_modseq
    nothing = await subject.target.listing(INBOX, Want.FLAGS, changed_since=before)
    assert list(nothing.uids) == []
    await subject.target.change_flags(INBOX, [FlagChange([uids[1]], SEEN, frozenset())])
    new = await deliver(subject.target, INBOX, message(5))
    changed = await subject.target.listing(INBOX, Want.FLAGS, changed_since=before)
    assert list(changed.uids) == [uids[1], *new]
    assert changed.flags[0] - {"\\Recent"} == SEEN
    assert changed.status.highest_modseq > before
    new_only = await subject.target.listing(INBOX, Want.FLAGS, changed_since=before, first_uid=new[0])
    assert list(new_only.uids) == new


@clause(needs=has_condstore)
async def test_what_changed_in_several_folders_at_once(subject: Subject) -> None:
    paths = [INBOX, folder("One"), folder("Two")]
    await make(subject.target, *paths[1:])
    uids = [await deliver(subject.target, path, *map(message, range(at, 4))) for at, path in enumerate(paths)]
    before = [(await subject.target.listing(path, Want.FLAGS)).status.highest_modseq for path in paths]
    for path, (uid, *_) in zip(paths, uids, strict=True):
        await subject.target.change_flags(path, [FlagChange([uid], SEEN, frozenset())])
    asked = [
        subject.target.listing(path, Want.FLAGS, changed_since=since) for path, since in zip(paths, before, strict=True)
    ]
    whole = [subject.target.listing(path, Want.FLAGS) for path in paths]
    found = await asyncio.gather(*asked, *whole)
    assert [list(listing.uids) for listing in found] == [*(known[:1] for known in uids), *uids]


@clause(needs=lambda backend: backend.back_door is not None)
async def test_mail_that_came_otherwise_is_listed(subject: Subject) -> None:
    await subject.door.put(INBOX, message(1), SEEN, DATE, 0)
    listing = await subject.target.listing(INBOX, Want.FLAGS | Want.DATE)
    assert (list(listing.flags), list(listing.dates)) == ([SEEN], [DATE])
