"""The tables of states: complete, closed, and batches that follow their users come to rest at once."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from mailferry.migration.states import (
    AFTER_PASS,
    BATCH_ACTIONS,
    CLAIMABLE,
    RUNNING,
    SUMMARY,
    USER_ACTIONS,
    Action,
    BatchStatus,
    Counts,
    Outcome,
    PassKind,
    StatusSummary,
    UserStatus,
    batch_follows,
    user_goes_on,
)

B = BatchStatus
U = UserStatus
FIXED = {B.CREATED, B.WAITING, B.REMOVING, B.CORRUPTED}
counts = st.dictionaries(st.sampled_from(U), st.integers(0, 3)).map(Counts)


def test_every_state_action_and_outcome_has_its_row() -> None:
    assert set(SUMMARY) == set(U)
    assert set(BATCH_ACTIONS) == set(USER_ACTIONS) == set(Action)
    assert set(AFTER_PASS) == set(product(PassKind, Outcome))
    assert set(RUNNING) == set(CLAIMABLE) == set(PassKind)


def after(status: U, initial_done: bool) -> set[tuple[U, bool]]:
    """Give every state that may follow, by a person or a pass; with whether the initial sync is done."""
    found: set[tuple[U, bool]] = set()
    goes_on = user_goes_on(status, initial_done)
    if goes_on is not None:
        found.add((U.COMPLETING if goes_on is PassKind.COMPLETION else U.QUEUED, initial_done))
    if status in USER_ACTIONS[Action.STOP]:
        found.add((U.STOPPING, initial_done))
        found.add((U.INCREMENTAL_STOPPED if initial_done else U.STOPPED, initial_done))
    if status is U.STOPPING:
        found.add((U.INCREMENTAL_STOPPED if initial_done else U.STOPPED, initial_done))
    if status in USER_ACTIONS[Action.COMPLETE]:
        found.add((U.COMPLETING, initial_done))
    if status in USER_ACTIONS[Action.REMOVE]:
        found.add((U.REMOVING, initial_done))
    for kind, claimable in CLAIMABLE.items():
        fits = initial_done or kind is PassKind.INITIAL
        if status in claimable and fits and not (kind is PassKind.INITIAL and initial_done):
            found.add((RUNNING[kind], initial_done))
        if status is RUNNING[kind] and fits:
            done = {Outcome.DONE, Outcome.DONE_WITH_SKIPS}
            found |= {(AFTER_PASS[kind, outcome], initial_done or outcome in done) for outcome in Outcome}
    return found


def reachable() -> set[tuple[U, bool]]:
    seen: set[tuple[U, bool]] = set()
    front = {(U.QUEUED, False), (U.STOPPED, False)}
    while front:
        seen |= front
        front = {state for one in front for state in after(*one)} - seen
    return seen


def test_users_reach_every_state_and_none_that_belies_what_was_synced() -> None:
    found = reachable()
    assert {status for status, _ in found} == set(U) - {U.CORRUPTED}
    needs_initial = {
        U.SYNCED,
        U.INCREMENTAL_SYNCING,
        U.INCREMENTAL_FAILED,
        U.INCREMENTAL_STOPPED,
        U.COMPLETED,
        U.COMPLETED_WITH_WARNINGS,
        U.COMPLETION_FAILED,
    }
    assert all(initial_done for status, initial_done in found if status in needs_initial)
    assert not any(initial_done for status, initial_done in found if status in (U.SYNCING, U.STOPPED, U.FAILED))


def test_only_removal_has_no_way_out_but_every_user_can_be_removed() -> None:
    for state in reachable():
        ways = {status for status, _ in after(*state)} - {state[0]}
        assert ways or state[0] is U.REMOVING
        assert state[0] is U.REMOVING or U.REMOVING in ways


def test_start_says_what_runs_next() -> None:
    for status in U:
        for initial_done in (True, False):
            kind = user_goes_on(status, initial_done)
            assert (kind is not None) == (status in USER_ACTIONS[Action.START])
    assert user_goes_on(U.STOPPED, False) is PassKind.INITIAL
    assert user_goes_on(U.INCREMENTAL_FAILED, True) is PassKind.INCREMENTAL
    assert user_goes_on(U.COMPLETION_FAILED, True) is PassKind.COMPLETION


def test_a_batch_comes_to_rest_at_once() -> None:
    groups = [U.QUEUED, U.SYNCING, U.INCREMENTAL_SYNCING, U.COMPLETING, U.STOPPING, U.SYNCED, U.COMPLETED, U.STOPPED]
    groups += [U.FAILED, U.INCREMENTAL_FAILED, U.REMOVING]
    for some in product((0, 2), repeat=len(groups)):
        counts = Counts(dict(zip(groups, some, strict=True)))
        for status in B:
            once = batch_follows(status, counts)
            assert batch_follows(once, counts) is once, (status, counts)
            assert (once is status) if status in FIXED else (once not in FIXED)


@given(st.sampled_from(sorted(set(B) - FIXED)), counts)
def test_a_batch_says_what_its_users_do(status: BatchStatus, counts: Counts) -> None:
    follows = batch_follows(status, counts)
    failed = counts.of(StatusSummary.FAILED)
    if follows in (B.SYNCED, B.COMPLETED):
        assert not failed
    if follows is B.FAILED:
        assert counts.total == failed > 0
    if follows in (B.SYNCED, B.SYNCED_WITH_ERRORS, B.COMPLETED, B.COMPLETED_WITH_ERRORS, B.FAILED):
        running = (U.QUEUED, U.SYNCING, U.INCREMENTAL_SYNCING, U.COMPLETING, U.STOPPING)
        assert not any(counts[one] for one in running)
    if follows is B.COMPLETED:
        assert counts.of(StatusSummary.COMPLETED) or counts.total == counts[U.REMOVING]
        assert not counts.of(StatusSummary.SYNCED)


def test_the_ways_of_a_batch() -> None:
    def follows(status: BatchStatus, **users: int) -> BatchStatus:
        return batch_follows(status, Counts({UserStatus[name]: number for name, number in users.items()}))

    assert follows(B.STARTING, QUEUED=5) is B.STARTING
    assert follows(B.STARTING, QUEUED=4, SYNCING=1) is B.SYNCING
    assert follows(B.SYNCING, QUEUED=1, SYNCED=4) is B.SYNCING
    assert follows(B.SYNCING, SYNCED=5) is B.SYNCED
    assert follows(B.SYNCING, SYNCED=4, FAILED=1) is B.SYNCED_WITH_ERRORS
    assert follows(B.SYNCING, FAILED=5) is B.FAILED
    assert follows(B.SYNCED, SYNCED=4, INCREMENTAL_SYNCING=1) is B.INCREMENTAL_SYNCING
    assert follows(B.STOPPING, STOPPING=1, STOPPED=4) is B.STOPPING
    assert follows(B.STOPPING, STOPPED=5) is B.STOPPED
    assert follows(B.STOPPED, STOPPED=4, QUEUED=1) is B.SYNCING
    assert follows(B.COMPLETING, COMPLETING=1, COMPLETED=4) is B.COMPLETING
    assert follows(B.COMPLETING, COMPLETED=5) is B.COMPLETED
    assert follows(B.COMPLETING, COMPLETED=3, COMPLETED_WITH_WARNINGS=1, FAILED=1) is B.COMPLETED_WITH_ERRORS
    for status in (B.STARTING, B.SYNCED, B.SYNCED_WITH_ERRORS, B.FAILED, B.STOPPED):
        assert follows(status) is follows(status, REMOVING=1) is B.STOPPED, "nobody is left, so nothing is synced"
    assert follows(B.COMPLETED) is follows(B.COMPLETED_WITH_ERRORS) is B.COMPLETED
    assert follows(B.CREATED) is B.CREATED
