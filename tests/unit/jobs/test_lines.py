"""Messages between the engine and its workers."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.jobs import lines
from mailferry.jobs.engine import Job
from mailferry.migration.states import PassKind


def read(text: bytes, cuts: list[int], longest_bytes: int = 1000) -> list[bytes]:
    async def collect() -> list[bytes]:
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

        class Stream(asyncio.StreamReader):
            async def read(self, n: int = -1) -> bytes:
                while pieces:
                    if piece := pieces.pop(0):
                        return piece
                return b""

        return [line async for line in lines.read_lines(Stream(), longest_bytes)]

    return asyncio.run(collect())


@given(st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=6), st.data())
def test_lines_are_the_same_however_they_arrive(given_lines: list[bytes], data: st.DataObject) -> None:
    text = b"".join(line + b"\n" for line in given_lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    assert read(text, cuts) == given_lines
    assert read(text, cuts, longest_bytes=4) == [line[:4] for line in given_lines]


def test_the_last_line_may_have_no_end() -> None:
    assert read(b"a\nb", []) == [b"a", b"b"]


def test_a_job_comes_back_as_it_was() -> None:
    job = Job(5, 9, PassKind.COMPLETION)
    assert lines.job_of(lines.decode(lines.encode(lines.run_message(job)))[lines.RUN]) == job


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"5", b"\xff"])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        lines.decode(line)
