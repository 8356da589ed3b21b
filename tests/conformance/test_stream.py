"""Reading: the order of items, prefix and pieces, jobs and ranges."""

from __future__ import annotations

from collections.abc import Callable

from mailferry.backends.base import INBOX, PREFIX_BYTES, FetchJob, Item, JobDone, JobFailed, Mail, Opened
from tests.conformance.actions import ALL, DATE, Letter, contents, deliver, folder, items, joined, make, read
from tests.conformance.clauses import Subject, clause
from tests.conformance.contract import Backend
from tests.conformance.mails import EMPTY, corpus, message, sized, tidy

WORK, PLAY = folder("Work"), folder("Play")
SIZES = (300, PREFIX_BYTES - 1, PREFIX_BYTES, PREFIX_BYTES + 1, 2 * PREFIX_BYTES, 2 * PREFIX_BYTES + 1, 3_000_000)


def has_back_door(backend: Backend) -> bool:
    return backend.back_door is not None


def kept_as_read(backend: Backend, data: bytes) -> bytes:
    kept = backend.kept_as(data)
    assert kept is not None
    return kept


@clause()
async def test_no_job_no_items(subject: Subject) -> None:
    assert await items(subject.target) == []


@clause()
async def test_an_empty_folder_is_opened_and_done(subject: Subject) -> None:
    job = FetchJob(INBOX, ALL, key=7)
    stream = await items(subject.target, job)
    assert [type(item) for item in stream if not isinstance(item, Opened)] == [JobDone]
    assert stream[-1] == JobDone(job)


@clause()
async def test_messages_come_in_order_of_uid_between_opened_and_done(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(5))
    job = FetchJob(INBOX, ALL)
    opened, *mails, done = await items(subject.target, job)
    assert isinstance(opened, Opened)
    assert (opened.path, opened.status.messages) == (INBOX, 5)
    assert opened.status.uid_next > uids[-1]
    [status] = await subject.target.status([INBOX])
    assert status is not None
    assert opened.status.uid_validity == status.uid_validity
    assert [mail.uid for mail in mails if isinstance(mail, Mail)] == uids == sorted(uids)
    assert done == JobDone(job)


@clause(cases={str(size): size for size in SIZES})
async def test_prefix_and_pieces_of_a_message(subject: Subject, size: int) -> None:
    data = sized(1, size)
    await deliver(subject.target, INBOX, data, message(2))
    stream = await items(subject.target, FetchJob(INBOX, ALL))
    expected = kept_as_read(subject.backend, data)
    first = next(item for item in stream if isinstance(item, Mail))
    assert first.size == len(expected)
    assert first.data == expected[:PREFIX_BYTES]
    assert [found.data for found in joined(stream)] == [expected, kept_as_read(subject.backend, message(2))]


@clause()
async def test_large_and_small_messages_alternate(subject: Subject) -> None:
    mails = [sized(number, size) for number, size in enumerate([400, 200_000, 400, 65_537, 65_536, 1_500_000, 300], 1)]
    await deliver(subject.target, INBOX, *mails)
    assert await contents(subject.target, INBOX) == [kept_as_read(subject.backend, mail) for mail in mails]


@clause(needs=has_back_door)
async def test_every_kind_of_message_is_read(subject: Subject) -> None:
    for mail in corpus():
        await subject.door.put(INBOX, mail, frozenset(), DATE, 0)
    assert await contents(subject.target, INBOX) == [subject.backend.read_as(mail) for mail in corpus()]


@clause(needs=lambda backend: has_back_door(backend) and backend.takes_empty)
async def test_a_message_of_no_bytes_is_read_as_such(subject: Subject) -> None:
    for data in (message(1), EMPTY, message(2)):
        await subject.door.put(INBOX, data, frozenset(), DATE, 0)
    job = FetchJob(INBOX, ALL)
    stream = await items(subject.target, job)
    assert [found.data for found in joined(stream)] == [message(1), EMPTY, message(2)]
    assert [item.size for item in stream if isinstance(item, Mail)] == [len(message(1)), 0, len(message(2))]


@clause(needs=lambda backend: has_back_door(backend) and backend.undated)
async def test_a_date_that_cannot_be_understood_is_none(subject: Subject) -> None:
    await subject.door.put(INBOX, message(1), frozenset(), None, 0)
    assert [found.date for found in await read(subject.target, INBOX)] == [None]


@clause()
async def test_flags_and_dates_come_with_the_message(subject: Subject) -> None:
    flags = frozenset({"\\Seen", "\\Flagged"})
    await deliver(subject.target, INBOX, Letter(message(1), flags, DATE), Letter(message(2), date=DATE - 86_400))
    first, second = await read(subject.target, INBOX)
    assert (first.flags, second.flags) == (flags, frozenset())
    if subject.backend.features.keeps_internal_date:
        assert (first.date, second.date) == (DATE, DATE - 86_400)


@clause()
async def test_only_the_uids_of_the_ranges(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(7))
    one, two = (uids[0], uids[0]), (uids[2], uids[4])
    assert [found.uid for found in await read(subject.target, INBOX, (one, two))] == [uids[0], *uids[2:5]]
    assert await read(subject.target, INBOX, ((uids[-1] + 1, uids[-1] + 100),)) == []
    # A range that ends above the last message must not bring the last one (RFC 3501, 9, on `*`).
    assert [found.uid for found in await read(subject.target, INBOX, ((uids[-1], 2**32 - 1),))] == uids[-1:]


@clause(needs=lambda backend: backend.features.uid_expunge)
async def test_messages_that_are_gone_are_left_out(subject: Subject) -> None:
    uids = await deliver(subject.target, INBOX, *tidy(5))
    await subject.target.remove(INBOX, [uids[0], uids[2]])
    assert [found.uid for found in await read(subject.target, INBOX)] == [uids[1], uids[3], uids[4]]


@clause()
async def test_jobs_are_done_one_after_the_other(subject: Subject) -> None:
    await make(subject.target, WORK, PLAY)
    work = await deliver(subject.target, WORK, *tidy(4))
    play = await deliver(subject.target, PLAY, message(10), sized(11, 100_000))
    jobs = [
        FetchJob(WORK, ((work[0], work[1]),), 1),
        FetchJob(WORK, ((work[2], work[3]),), 2),
        FetchJob(PLAY, ALL, 3),
        FetchJob(INBOX, ALL, 4),
        FetchJob(WORK, ((work[3], work[3]),), 5),
    ]
    stream = await items(subject.target, *jobs)
    assert [item.job.key for item in stream if isinstance(item, JobDone)] == [1, 2, 3, 4, 5]
    assert _by_job(stream) == {1: work[:2], 2: work[2:], 3: play, 4: [], 5: work[3:]}
    assert _opened_before_messages(stream, {job.key: job for job in jobs})


@clause()
async def test_a_folder_that_is_gone_fails_its_job_only(subject: Subject) -> None:
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, *tidy(2))
    await deliver(subject.target, INBOX, message(3))
    jobs = [FetchJob(WORK, ALL, 1), FetchJob(folder("Never there"), ALL, 2), FetchJob(INBOX, ALL, 3)]
    stream = await items(subject.target, *jobs)
    ends = [item for item in stream if isinstance(item, (JobDone, JobFailed))]
    assert [(type(end), end.job) for end in ends] == [(JobDone, jobs[0]), (JobFailed, jobs[1]), (JobDone, jobs[2])]
    assert next(end.reason for end in ends if isinstance(end, JobFailed))
    assert len(joined(stream)) == 3


@clause()
async def test_jobs_may_come_in_answer_to_items(subject: Subject) -> None:
    """`jobs` returns None while the first job runs, and the next one when that is done."""
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, *tidy(3))
    await deliver(subject.target, INBOX, message(4))
    waiting = [FetchJob(WORK, ALL, 1)]
    later = [FetchJob(INBOX, ALL, 2), FetchJob(WORK, ALL, 3)]
    done: list[int] = []
    async for batch in subject.target.stream(_pop(waiting)):
        for item in batch:
            if isinstance(item, JobDone):
                done.append(item.job.key)
                waiting += later[:1]
                del later[:1]
    assert done == [1, 2, 3]


@clause()
async def test_the_stream_asks_ahead_and_ends_when_there_is_nothing(subject: Subject) -> None:
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, *tidy(3))
    waiting = [FetchJob(WORK, ALL, key) for key in range(20)]
    done = 0
    async for batch in subject.target.stream(_pop(waiting)):
        done += sum(isinstance(item, JobDone) for item in batch)
    assert (done, waiting) == (20, [])


@clause()
async def test_a_stream_can_be_left_and_another_begun(subject: Subject) -> None:
    mails = [sized(number, 200_000) for number in range(1, 7)]
    await deliver(subject.target, INBOX, *mails)
    stream = subject.target.stream(_pop([FetchJob(INBOX, ALL)]))
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # the contract promises an iterator, all give a generator
    assert await contents(subject.target, INBOX) == [kept_as_read(subject.backend, mail) for mail in mails]


@clause()
async def test_new_mail_is_read_by_the_next_stream(subject: Subject) -> None:
    [first] = await deliver(subject.target, INBOX, message(1))
    assert len(await read(subject.target, INBOX)) == 1
    [second] = await deliver(subject.target, INBOX, message(2))
    assert [found.uid for found in await read(subject.target, INBOX, ((first + 1, 2**32 - 1),))] == [second]


@clause()
async def test_reading_changes_nothing(subject: Subject) -> None:
    await deliver(subject.target, INBOX, message(1))
    before = await subject.target.status([INBOX])
    await read(subject.target, INBOX)
    assert [found.flags for found in await read(subject.target, INBOX)] == [frozenset()]
    assert await subject.target.status([INBOX]) == before


def _pop(waiting: list[FetchJob]) -> Callable[[], FetchJob | None]:
    return lambda: waiting.pop(0) if waiting else None


def _by_job(stream: list[Item]) -> dict[int, list[int]]:
    """UIDs of the messages that came before each JobDone."""
    uids: list[int] = []
    by_job: dict[int, list[int]] = {}
    for item in stream:
        if isinstance(item, Mail):
            uids.append(item.uid)
        elif isinstance(item, JobDone):
            by_job[item.job.key], uids = uids, []
    return by_job


def _opened_before_messages(stream: list[Item], jobs: dict[int, FetchJob]) -> bool:
    """Whether the folder opened last is that of each job whose messages come."""
    opened = mails_of = None
    for item in stream:
        if isinstance(item, Opened):
            opened = item.path
        elif isinstance(item, Mail):
            mails_of = opened
        elif isinstance(item, JobDone):
            if mails_of not in (None, jobs[item.job.key].path):
                return False
            mails_of = None
    return True
