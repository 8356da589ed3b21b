"""The queue of what waits to be sent: gates hold back, a refused command's rest is dropped whole."""

from __future__ import annotations

import pytest

from mailferry.imap.outgoing import Outgoing


@pytest.fixture
def sent() -> list[bytes]:
    """What has been written."""
    return []


@pytest.fixture
def queue(sent: list[bytes]) -> Outgoing:
    """An empty queue."""
    return Outgoing(sent.append)


def test_nothing_waits_without_a_gate(queue: Outgoing, sent: list[bytes]) -> None:
    queue.push("a", b"1")
    queue.push("b", b"2")
    assert sent == [b"1", b"2"]
    assert queue.held_bytes == 0


def test_a_gate_holds_everything_behind_it(queue: Outgoing, sent: list[bytes]) -> None:
    queue.push("a", b"head")
    gate = queue.hold("a", for_server=True)
    queue.push("a", b"body")
    ours = queue.hold("a", for_server=False)
    queue.push("a", b"\r\n")
    queue.push("b", b"next")
    assert sent == [b"head"]
    assert queue.held_bytes == 10
    assert queue.waiting_for_server() is gate
    assert not queue.blocked_by_us
    gate.open()
    gate.open()
    assert sent == [b"head", b"body"]
    assert queue.waiting_for_server() is None
    assert queue.blocked_by_us
    ours.open()
    assert sent == [b"head", b"body", b"\r\n", b"next"]
    assert queue.held_bytes == 0
    assert not queue.blocked_by_us


def test_a_gate_opened_early_does_not_open_the_one_before(queue: Outgoing, sent: list[bytes]) -> None:
    first = queue.hold("a", for_server=True)
    second = queue.hold("a", for_server=False)
    queue.push("a", b"x")
    second.open()
    assert sent == []
    first.open()
    assert sent == [b"x"]


def test_a_refused_command_is_dropped_and_the_next_goes_on(queue: Outgoing, sent: list[bytes]) -> None:
    queue.push("a", b"head")
    queue.hold("a", for_server=True)
    queue.push("a", b"body")
    assert queue.holds("a")
    assert not queue.holds_others("a")
    queue.push("b", b"next")
    assert queue.holds_others("a")
    queue.drop("a")
    assert sent == [b"head", b"next"]
    assert not queue.holds("a")
    assert queue.held_bytes == 0


def test_a_drop_leaves_the_gates_of_others(queue: Outgoing, sent: list[bytes]) -> None:
    queue.hold("a", for_server=True)
    queue.push("a", b"body")
    gate = queue.hold("b", for_server=False)
    queue.push("b", b"12345")
    queue.drop("a")
    assert sent == []
    assert queue.held_bytes == 5
    gate.open()
    assert sent == [b"12345"]


def test_clear_forgets_everything(queue: Outgoing, sent: list[bytes]) -> None:
    gate = queue.hold("a", for_server=False)
    queue.push("a", b"x")
    queue.clear()
    gate.open()
    queue.push("b", b"y")
    assert sent == [b"y"]
    assert queue.held_bytes == 0
