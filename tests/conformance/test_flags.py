"""Changing flags and removing messages on the target."""

from __future__ import annotations

import pytest

from mailferry.backends.base import INBOX, FlagChange, Flags
from mailferry.errors import CommandFailed, FolderGone
from tests.conformance.actions import NONE, Letter, deliver, folder, read
from tests.conformance.clauses import Subject, clause
from tests.conformance.contract import Backend
from tests.conformance.mails import message, tidy

SEEN, FLAGGED, ANSWERED = frozenset({"\\Seen"}), frozenset({"\\Flagged"}), frozenset({"\\Answered"})
DELETED = frozenset({"\\Deleted"})


def can_remove(backend: Backend) -> bool:
    return backend.features.uid_expunge


async def _flags(subject: Subject) -> list[Flags]:
    return [found.flags for found in await read(subject.target, INBOX)]


@clause()
async def test_flags_are_added_and_removed_and_the_others_stay(subject: Subject) -> None:
    letters = [Letter(message(1), SEEN | ANSWERED), Letter(message(2), FLAGGED), Letter(message(3))]
    uids = await deliver(subject.target, INBOX, *letters)
    await subject.target.change_flags(INBOX, [FlagChange(uids[:2], FLAGGED, SEEN)])
    assert await _flags(subject) == [ANSWERED | FLAGGED, FLAGGED, NONE]


@clause(needs=lambda backend: backend.shared)
async def test_what_the_user_changed_meanwhile_survives(subject: Subject) -> None:
    """Three ways: the user answers a message while we mark it as seen."""
    [uid] = await deliver(subject.target, INBOX, Letter(message(1), FLAGGED))
    user = await subject.site.connect()
    await user.change_flags(INBOX, [FlagChange([uid], ANSWERED, FLAGGED)])
    await user.close()
    await subject.target.change_flags(INBOX, [FlagChange([uid], SEEN, NONE)])
    assert await _flags(subject) == [ANSWERED | SEEN]


@clause()
async def test_several_changes_at_once(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(6))
    changes = [
        FlagChange(uids[::2], SEEN, NONE),
        FlagChange(uids[3:], FLAGGED | ANSWERED, NONE),
        FlagChange(uids[4:5], NONE, SEEN | ANSWERED),
    ]
    await subject.target.change_flags(INBOX, changes)
    both = FLAGGED | ANSWERED
    assert await _flags(subject) == [SEEN, NONE, SEEN, both, FLAGGED, both]


@clause()
async def test_changes_can_be_repeated(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, Letter(message(1), FLAGGED))
    for _ in range(2):
        await subject.target.change_flags(INBOX, [FlagChange(uids, SEEN, FLAGGED)])
        assert await _flags(subject) == [SEEN]


@clause()
async def test_no_change_is_no_mistake(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, message(1))
    await subject.target.change_flags(INBOX, [])
    await subject.target.change_flags(INBOX, [FlagChange(uids, NONE, NONE)])
    assert await _flags(subject) == [NONE]


@clause()
async def test_uids_that_are_gone_are_passed_over(subject: Subject) -> None:
    [uid] = await deliver(subject.target, INBOX, message(1))
    await subject.target.change_flags(INBOX, [FlagChange([uid, uid + 1, uid + 1000], SEEN, NONE)])
    assert await _flags(subject) == [SEEN]


@clause()
async def test_a_change_to_hundreds_of_messages(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(300))
    await subject.target.change_flags(INBOX, [FlagChange(uids[::2], SEEN, NONE), FlagChange(uids[1::2], FLAGGED, NONE)])
    assert await _flags(subject) == [SEEN, FLAGGED] * 150


@clause(needs=lambda backend: backend.features.custom_keywords)
async def test_keywords_change_like_flags(subject: Subject) -> None:
    old, new = frozenset({"$Label1", "Project-7"}), frozenset({"$Forwarded"})
    uids = await deliver(subject.target, INBOX, Letter(message(1), old | SEEN), Letter(message(2)))
    await subject.target.change_flags(INBOX, [FlagChange(uids, new, frozenset({"$Label1"}))])
    assert await _flags(subject) == [SEEN | {"Project-7", "$Forwarded"}, new]


@clause(needs=lambda backend: backend.features.condstore)
async def test_a_change_raises_the_mod_sequence(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, message(1))
    [before] = await subject.target.status([INBOX])
    await subject.target.change_flags(INBOX, [FlagChange(uids, SEEN, NONE)])
    [after] = await subject.target.status([INBOX])
    assert before is not None
    assert after is not None
    assert after.highest_modseq > before.highest_modseq


@clause()
async def test_a_change_leaves_message_uid_and_date_alone(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(2))
    before = await read(subject.target, INBOX)
    await subject.target.change_flags(INBOX, [FlagChange(uids, SEEN, NONE)])
    assert [each._replace(flags=NONE) for each in await read(subject.target, INBOX)] == before


@clause()
async def test_no_change_in_a_folder_that_is_gone(subject: Subject) -> None:
    with pytest.raises(FolderGone):
        await subject.target.change_flags(folder("Never there"), [FlagChange([1], SEEN, NONE)])


@clause(needs=can_remove)
async def test_only_the_named_messages_are_removed(subject: Subject) -> None:
    """Others that the user marked as deleted are not ours to expunge (RFC 4315)."""
    letters = [Letter(message(number), DELETED if number % 2 else SEEN) for number in range(1, 7)]
    uids = await deliver(subject.target, INBOX, *letters)
    await subject.target.remove(INBOX, [uids[1], uids[2], uids[5]])
    left = await read(subject.target, INBOX)
    assert [each.uid for each in left] == [uids[0], uids[3], uids[4]]
    assert [each.flags for each in left] == [DELETED, SEEN, DELETED]
    [status] = await subject.target.status([INBOX])
    assert status is not None
    assert status.messages == 3


@clause(needs=can_remove)
async def test_removing_what_is_gone_is_no_mistake(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(2))
    await subject.target.remove(INBOX, uids[:1])
    await subject.target.remove(INBOX, [uids[0], uids[1] + 1000])
    await subject.target.remove(INBOX, [])
    assert [each.uid for each in await read(subject.target, INBOX)] == uids[1:]


@clause(needs=lambda backend: not can_remove(backend))
async def test_nothing_is_removed_where_others_would_go_too(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, Letter(message(1), DELETED), message(2))
    with pytest.raises(CommandFailed):
        await subject.target.remove(INBOX, uids[1:])
    assert await _flags(subject) == [DELETED, NONE]
