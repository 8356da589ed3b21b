"""What is asked for ahead comes once, and whatever else is asked before it is read is right all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mailferry.backends.base import INBOX, FetchJob, JobDone, Reader, Want
from tests.conformance.actions import ALL, contents, deliver, folder, items, joined, make
from tests.conformance.clauses import Subject, clause
from tests.conformance.mails import message, sized, tidy

WORK = folder("Work")


async def _list(reader: Reader) -> object:
    return [(item.path, item.status and item.status.messages) for item in await reader.list_folders()]


async def _count(reader: Reader) -> object:
    return [status and status.messages for status in await reader.status([INBOX, WORK])]


async def _listing(reader: Reader) -> object:
    return list((await reader.listing(INBOX, Want.SIZE)).sizes)


async def _changes(reader: Reader) -> object:
    since = 1 if reader.features.condstore else 0
    return list((await reader.listing(WORK, Want.FLAGS, changed_since=since)).flags)


async def _keywords(reader: Reader) -> object:
    return await reader.keywords([INBOX, WORK])


async def _other(reader: Reader) -> object:
    return await contents(reader, WORK)


async def _part(reader: Reader) -> object:
    return [found.uid for found in joined(await items(reader, FetchJob(INBOX, ((2, 3),))))]


async def _nothing(reader: Reader) -> object:
    return await items(reader)


QUESTIONS: Mapping[str, Callable[[Reader], Awaitable[object]]] = {
    "folders": _list,
    "counts": _count,
    "listing": _listing,
    "changes": _changes,
    "keywords": _keywords,
    "another folder": _other,
    "other messages": _part,
    "nothing": _nothing,
}


async def _fill(subject: Subject) -> list[bytes]:
    """Put more into the inbox than waits in memory, and something into another folder."""
    await make(subject.target, WORK)
    await deliver(subject.target, WORK, message(7), message(8))
    await deliver(subject.target, INBOX, *tidy(3), sized(4, 3_000_000), message(5))
    return await contents(subject.target, INBOX)


@clause()
async def test_what_was_expected_comes_once_under_the_key_of_the_job(subject: Subject) -> None:
    held = await _fill(subject)
    reader = await subject.site.look()
    reader.expect(FetchJob(INBOX, ALL))
    asked, then = FetchJob(INBOX, ALL, key=7), FetchJob(WORK, ALL, key=8)
    stream = await items(reader, asked, then)
    assert [found.data for found in joined(stream)] == [*held, *await contents(subject.target, WORK)]
    assert [item for item in stream if isinstance(item, JobDone)] == [JobDone(asked), JobDone(then)]
    await reader.close()


@clause(cases=QUESTIONS)
async def test_something_else_is_asked_first(subject: Subject, question: Callable[[Reader], Awaitable[object]]) -> None:
    held = await _fill(subject)
    reader = await subject.site.look()
    answer = await question(reader)
    reader.expect(FetchJob(INBOX, ALL))
    assert await question(reader) == answer
    assert await contents(reader, INBOX) == held
    await reader.close()


@clause()
async def test_nobody_reads_what_was_expected(subject: Subject) -> None:
    held = await _fill(subject)
    reader = await subject.site.look()
    reader.expect(FetchJob(INBOX, ALL))
    await reader.close()
    assert await contents(subject.target, INBOX) == held


@clause()
async def test_the_expected_folder_is_not_there(subject: Subject) -> None:
    await _fill(subject)
    reader = await subject.site.look()
    reader.expect(FetchJob(folder("Nowhere"), ALL))
    assert len(joined(await items(reader, FetchJob(folder("Nowhere"), ALL), FetchJob(WORK, ALL)))) == 2
    await reader.close()
