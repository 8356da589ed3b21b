"""Writing: when a chunk is stored, and which verdicts there are."""

from __future__ import annotations

from mailferry.backends.base import INBOX, PREFIX_BYTES, Mail, Mode, OutcomeKind
from tests.conformance.actions import (
    DATE,
    NONE,
    Letter,
    contents,
    deliver,
    feed,
    folder,
    make,
    plain_mode,
    send,
)
from tests.conformance.clauses import Subject, clause
from tests.conformance.contract import Backend
from tests.conformance.mails import EMPTY, message, sized, tidy

WORK, PLAY = folder("Work"), folder("Play")
STORED, REFUSED, UNSENT = OutcomeKind.STORED, OutcomeKind.REFUSED, OutcomeKind.UNSENT


def has_multi(backend: Backend) -> bool:
    return Mode.MULTI in backend.modes


def _chunks(subject: Subject, mode: Mode) -> list[list[bytes]]:
    """Give chunks with small and large messages, as they may stand together."""
    small, large = [message(1), message(3)], sized(2, 300_000)
    together = mode is Mode.MULTI or subject.backend.features.idempotent_names
    return [[small[0], large, small[1]]] if together else [small, [large]]


@clause(modes=True)
async def test_nothing_is_stored_before_the_release(subject: Subject, mode: Mode) -> None:
    for mails in _chunks(subject, mode):
        before = await contents(subject.target, INBOX)
        lane = await subject.target.open_lane()
        chunk = lane.chunk(INBOX, mode, str(len(before)))
        for mail in mails:
            feed(chunk, Letter(mail))
            await lane.drain()
        other = await subject.site.look()  # the session itself may be busy with the chunk
        assert await contents(other, INBOX) == before
        [status] = await other.status([INBOX])
        assert status is not None
        assert status.messages == len(before)
        await other.close()
        await chunk.release()
        assert len(await contents(subject.target, INBOX)) == len(before) + len(mails)
        await lane.close()


@clause(modes=True)
async def test_an_abandoned_chunk_leaves_nothing(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    chunk = lane.chunk(INBOX, mode, "a")
    for mail in _chunks(subject, mode)[-1]:
        feed(chunk, Letter(mail))
        await lane.drain()
    chunk.abandon()
    await lane.close()
    target = await subject.again()
    assert await contents(target, INBOX) == []
    assert await deliver(target, INBOX, message(3))
    assert await contents(target, INBOX) == [subject.backend.kept_as(message(3))]
    await target.close()


@clause(modes=True)
async def test_a_chunk_abandoned_inside_a_message_leaves_nothing(subject: Subject, mode: Mode) -> None:
    data = sized(1, 300_000)
    lane = await subject.target.open_lane()
    chunk = lane.chunk(INBOX, mode, "a")
    if len(_chunks(subject, mode)) == 1:
        feed(chunk, Letter(message(2)))
    chunk.add(Mail(3, NONE, DATE, 0, len(data), data[:PREFIX_BYTES]), NONE, DATE, 0)
    chunk.piece(data[PREFIX_BYTES:100_000])
    await lane.drain()
    chunk.abandon()
    await lane.close()
    target = await subject.again()
    assert await contents(target, INBOX) == []
    assert await deliver(target, INBOX, message(3))
    await target.close()


@clause(modes=True)
async def test_closing_stores_nothing_that_was_not_released(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    feed(lane.chunk(INBOX, mode, "a"), Letter(message(1)))
    await lane.close()
    await lane.close()
    target = await subject.again()
    assert await contents(target, INBOX) == []
    await target.close()


@clause(modes=True)
async def test_closing_waits_for_what_was_released(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    chunk = lane.chunk(INBOX, mode, "a")
    for mail in tidy(3):
        feed(chunk, Letter(mail))
    verdicts = chunk.release()
    await lane.close()
    assert [outcome.kind for outcome in await verdicts if outcome] == [STORED] * 3
    assert len(await contents(subject.target, INBOX)) == 3


@clause(modes=True)
async def test_chunks_are_committed_in_the_order_they_were_begun(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    first, second = lane.chunk(INBOX, mode, "a"), lane.chunk(INBOX, mode, "b")
    for chunk, numbers in ((first, (1, 2)), (second, (3, 4))):
        for number in numbers:
            feed(chunk, Letter(message(number)))
    late = second.release()
    early = first.release()
    assert [outcome.kind for outcome in [*await early, *await late] if outcome] == [STORED] * 4
    await lane.close()
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(mail) for mail in tidy(4)]


@clause(modes=True)
async def test_many_chunks_without_waiting(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    results = []
    for number in range(20):
        chunk = lane.chunk(INBOX, mode, str(number))
        for mail in (message(2 * number), message(2 * number + 1)):
            feed(chunk, Letter(mail))
        await lane.drain()
        results.append(chunk.release())
    for result in results:
        assert [outcome.kind for outcome in await result if outcome] == [STORED] * 2
    await lane.close()
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(message(number)) for number in range(40)]


@clause(modes=True)
async def test_a_lane_goes_from_folder_to_folder(subject: Subject, mode: Mode) -> None:
    await make(subject.target, WORK, PLAY)
    lane = await subject.target.open_lane()
    for path, number in ((WORK, 1), (PLAY, 2), (WORK, 3), (INBOX, 4)):
        await send(lane, path, mode, [message(number)])
    await lane.close()
    for path, numbers in ((WORK, [1, 3]), (PLAY, [2]), (INBOX, [4])):
        expected = [subject.backend.kept_as(message(number)) for number in numbers]
        assert await contents(subject.target, path) == expected


@clause(modes=True)
async def test_two_lanes_at_once(subject: Subject, mode: Mode) -> None:
    await make(subject.target, WORK, PLAY)
    lanes = [await subject.target.open_lane() for _ in range(2)]
    chunks = [lane.chunk(path, mode, str(path)) for lane, path in zip(lanes, (WORK, PLAY), strict=True)]
    for number in range(10):
        for chunk in chunks:
            feed(chunk, Letter(message(number)))
    for result in [chunk.release() for chunk in chunks]:
        assert [outcome.kind for outcome in await result if outcome] == [STORED] * 10
    for lane in lanes:
        await lane.close()
    assert await contents(subject.target, WORK) == await contents(subject.target, PLAY)
    assert len(await contents(subject.target, WORK)) == 10


@clause(modes=True)
async def test_an_empty_chunk(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    assert await lane.chunk(INBOX, mode, "a").release() == []
    assert len(await send(lane, INBOX, mode, [message(1)])) == 1
    await lane.close()
    assert len(await contents(subject.target, INBOX)) == 1


@clause(modes=True)
async def test_a_folder_that_is_not_there_takes_nothing(subject: Subject, mode: Mode) -> None:
    lane = await subject.target.open_lane()
    outcomes = await send(lane, folder("Never there"), mode, tidy(3))
    assert len(outcomes) == 3
    assert outcomes[0] is not None  # those behind a refused one may be in doubt: the connection may have to end
    assert {outcome.kind for outcome in outcomes if outcome} <= {REFUSED, UNSENT}
    assert {outcome.code for outcome in outcomes if outcome} <= {"TRYCREATE", "NONEXISTENT"}
    await lane.close()
    target = await subject.again()
    assert folder("Never there") not in {listed.path for listed in await target.list_folders()}
    assert await deliver(target, INBOX, message(4))
    await target.close()


@clause(needs=lambda backend: backend.kept_as(EMPTY) is None)
async def test_a_refused_message_leaves_a_hole(subject: Subject) -> None:
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, plain_mode(lane), [message(1), EMPTY, message(2)])
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [STORED, REFUSED, STORED]
    assert outcomes[1] is not None
    assert outcomes[1].text
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(mail) for mail in tidy(2)]


@clause(needs=lambda backend: has_multi(backend) and backend.kept_as(EMPTY) is None)
async def test_a_multi_chunk_is_stored_whole_or_not_at_all(subject: Subject) -> None:
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, Mode.MULTI, [message(1), EMPTY, message(2)])
    await lane.close()
    assert STORED not in {outcome.kind for outcome in outcomes if outcome}
    assert await contents(subject.target, INBOX) == []


@clause(needs=lambda backend: backend.features.max_message_bytes is not None)
async def test_a_message_over_the_limit_is_refused_and_no_other(subject: Subject) -> None:
    limit = subject.backend.features.max_message_bytes
    assert limit is not None
    lane = await subject.target.open_lane()
    outcomes = await send(lane, INBOX, Mode.SYNC, [message(1), sized(2, limit + 1), message(3)])
    await lane.close()
    assert [outcome.kind for outcome in outcomes if outcome] == [STORED, REFUSED, STORED]
    assert await contents(subject.target, INBOX) == [subject.backend.kept_as(message(number)) for number in (1, 3)]
