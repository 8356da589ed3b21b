"""Writing: what is stored, and how it reads afterwards."""

from __future__ import annotations

from mailferry.backends.base import INBOX, PREFIX_BYTES, Mode, OutcomeKind
from tests.conformance.actions import (
    DATE,
    Letter,
    contents,
    deliver,
    folder,
    plain_mode,
    read,
    send,
)
from tests.conformance.clauses import Subject, clause
from tests.conformance.contract import Backend
from tests.conformance.mails import EMPTY, corpus, message, same_id, sized, tidy, twins, untidy

WORK, PLAY = folder("Work"), folder("Play")
STORED, REFUSED, UNSENT = OutcomeKind.STORED, OutcomeKind.REFUSED, OutcomeKind.UNSENT

DATES = {
    "the second second": 1,
    "leap day": 951_782_400,
    "end of 2015": 1_451_606_399,
    "last of winter time": 1_711_846_799,
    "first of summer time": 1_711_846_800,
    "2037": 2_114_380_800,
}
ZONES = (0, 60, -480, 330, 765, -210)


def keeps_bytes(backend: Backend) -> bool:
    return backend.features.keeps_bytes


def keeps_twins(backend: Backend) -> bool:
    return not backend.features.is_gmail


def keeps_dates(backend: Backend) -> bool:
    return backend.features.keeps_internal_date


@clause(modes=True)
async def test_a_chunk_is_stored_in_order(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    assert frozenset(lane.modes) == subject.backend.modes
    outcomes = await send(lane, INBOX, mode, tidy(5))
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [STORED] * 5
    found = await read(subject.target, INBOX)
    assert [each.data for each in found] == [subject.backend.kept_as(mail) for mail in tidy(5)]
    uids = [outcome.uid for outcome in outcomes if outcome]
    assert uids == ([each.uid for each in found] if subject.backend.features.reports_new_ids else [0] * 5)


@clause(modes=True)
async def test_every_kind_of_message(subject: Subject, mode: Mode) -> None:
    """One a chunk, so that a refusal is that message's own."""
    lane = await subject.target.open_lane()
    mails = [*tidy(2), *untidy().values()] if not keeps_twins(subject.backend) else corpus()
    expected = [subject.backend.kept_as(mail) for mail in mails]
    for mail, kept in zip(mails, expected, strict=True):
        [outcome] = await send(lane, INBOX, mode, [mail])
        assert outcome is not None
        if kept is not None:
            assert outcome.kind is STORED, (mail[:80], outcome)
        else:
            assert outcome.kind in (REFUSED, UNSENT), (mail[:80], outcome)
    await lane.close()
    stored = await contents(subject.target, INBOX)
    if keeps_twins(subject.backend):
        assert stored == [kept for kept in expected if kept is not None]
    else:
        assert set(stored) <= set(expected)


@clause(modes=True)
async def test_many_kinds_in_one_chunk(subject: Subject, mode: Mode) -> None:
    mails = [mail for mail in untidy().values() if subject.backend.kept_as(mail) is not None]
    if not keeps_twins(subject.backend):
        mails = tidy(30)
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, mode, mails, features=subject.backend.features)
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [STORED] * len(mails)
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(mail) for mail in mails]


@clause(modes=True, cases={str(size): size for size in (PREFIX_BYTES, PREFIX_BYTES + 1, 3_000_000)})
async def test_sizes(subject: Subject, mode: Mode, size: int) -> None:
    mails = [message(1), sized(2, size), message(3), sized(4, size)]
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, mode, mails, features=subject.backend.features, piece_bytes=50_001)
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [STORED] * 4
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(mail) for mail in mails]


@clause(needs=keeps_twins, modes=True)
async def test_equal_messages_are_two(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    await send(lane, INBOX, mode, [*twins(), *same_id()])
    await send(lane, INBOX, mode, twins())
    await lane.close()
    mails = [*twins(), *same_id(), *twins()]
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(mail) for mail in mails]


@clause(needs=lambda backend: backend.features.is_gmail)
async def test_a_server_that_merges_answers_with_the_uid_it_has(subject: Subject) -> None:
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, plain_mode(lane), [*twins(), *same_id()])
    await lane.close()
    found = await read(subject.target, INBOX)
    assert [each.data for each in found] == [twins()[0], same_id()[0]]
    first, second = (each.uid for each in found)
    assert [(outcome.kind, outcome.uid) for outcome in outcomes if outcome] == [
        (STORED, first),
        (STORED, first),
        (STORED, second),
        (STORED, second),
    ]


@clause(needs=lambda backend: not keeps_bytes(backend))
async def test_a_server_that_rewrites_keeps_the_message_id(subject: Subject) -> None:
    await deliver(subject.target, INBOX, message(1))
    [data] = await contents(subject.target, INBOX)
    assert data != message(1)
    assert b"Message-ID: <1@mail.example.org>" in data


@clause(needs=keeps_dates, modes=True, cases=DATES)
async def test_dates_are_kept(subject: Subject, mode: Mode, date: int) -> None:
    lane = await subject.target.open_lane()
    letters = [Letter(message(number), date=date, zone=zone) for number, zone in enumerate(ZONES)]
    await send(lane, INBOX, mode, letters)
    await lane.close()
    found = await read(subject.target, INBOX)
    assert len(found) == len(ZONES)
    if subject.backend.future_dates or date != DATES["2037"]:
        assert [each.date for each in found] == [date] * len(ZONES)
    if subject.backend.kept_zone:
        assert [each.zone for each in found] == list(ZONES)


@clause(modes=True)
async def test_flags_are_kept(subject: Subject, mode: Mode) -> None:
    system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"]
    sets = [frozenset[str](), *(frozenset({flag}) for flag in system), frozenset(system)]
    lane = await subject.target.open_lane()
    await send(lane, INBOX, mode, [Letter(message(number), flags) for number, flags in enumerate(sets)])
    await lane.close()
    assert [each.flags for each in await read(subject.target, INBOX)] == sets


@clause(needs=lambda backend: backend.features.custom_keywords, modes=True)
async def test_keywords_are_kept(subject: Subject, mode: Mode) -> None:
    sets = [frozenset({"$Forwarded"}), frozenset({"\\Seen", "Project-7", "$Label1"}), frozenset({"Project-7"})]
    lane = await subject.target.open_lane()
    await send(lane, INBOX, mode, [Letter(message(number), flags) for number, flags in enumerate(sets)])
    await lane.close()
    assert [each.flags for each in await read(subject.target, INBOX)] == sets


@clause(needs=lambda backend: backend.kept_as(EMPTY) is not None, modes=True)
async def test_a_message_of_no_bytes_is_stored(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, mode, [message(1), EMPTY, message(2)])
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [STORED] * 3
    assert await contents(subject.target, INBOX) == [message(1), EMPTY, message(2)]


@clause(modes=True)
async def test_counts_after_an_append(subject: Subject, mode: Mode) -> None:
    [before] = await subject.target.status([INBOX])
    lane = await subject.target.open_lane()
    await send(lane, INBOX, mode, tidy(3))
    [after] = await subject.target.status([INBOX])
    await lane.close()
    assert before is not None
    assert after is not None
    found = await read(subject.target, INBOX)
    assert (after.uid_validity, after.messages) == (before.uid_validity, 3)
    assert before.uid_next <= found[0].uid
    assert found[-1].uid < after.uid_next
    if subject.backend.features.condstore:
        assert after.highest_modseq > before.highest_modseq


@clause(needs=lambda backend: backend.features.uid_expunge)
async def test_a_uid_is_never_used_twice(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(3))
    await subject.target.remove(INBOX, uids)
    [new] = await deliver(subject.target, INBOX, message(4))
    assert new > uids[-1]


@clause()
async def test_another_session_sees_what_was_stored(subject: Subject) -> None:
    await deliver(subject.target, INBOX, *tidy(2))
    other = await subject.site.look()
    assert await contents(other, INBOX) == [subject.backend.kept_as(mail) for mail in tidy(2)]
    assert [(each.uid, each.date) for each in await read(other, INBOX)] == [
        (each.uid, each.date) for each in await read(subject.target, INBOX)
    ]
    await other.close()


@clause(needs=keeps_dates)
async def test_the_date_of_each_message_is_its_own(subject: Subject) -> None:
    letters = [Letter(message(number), date=DATE + number) for number in (3, 1, 2)]
    await deliver(subject.target, INBOX, *letters)
    assert [each.date for each in await read(subject.target, INBOX)] == [DATE + 3, DATE + 1, DATE + 2]


@clause(needs=lambda backend: backend.features.idempotent_names, modes=True)
async def test_the_same_source_message_is_stored_once(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    first = await send(lane, INBOX, mode, twins(), key="a source folder")
    again = await send(lane, INBOX, mode, twins(), key="a source folder")
    await lane.close()
    assert first == again
    assert await contents(subject.target, INBOX) == twins()
