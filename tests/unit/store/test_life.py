"""Random lives of users, beside a model that knows only the tables of `migration/states.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailferry.migration.model import Durations, Progress, User
from mailferry.migration.states import (
    AFTER_PASS,
    CLAIMABLE,
    RUNNING,
    USER_ACTIONS,
    Action,
    Outcome,
    PassKind,
    UserStatus,
    user_goes_on,
)
from mailferry.migration.statistics import durations
from mailferry.store import claims, transitions
from mailferry.store.claims import Claim
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from tests.unit.store.scene import Scene, new_users

USERS = 4
LIMIT, INCREMENTAL_LIMIT = 3, 1
DONE = (Outcome.DONE, Outcome.DONE_WITH_SKIPS)
IN_PROGRESS = (*RUNNING.values(), UserStatus.STOPPING)
CHANGES = {
    Action.START: transitions.start,
    Action.STOP: transitions.stop,
    Action.SYNC_NOW: transitions.sync_now,
    Action.COMPLETE: transitions.complete,
    Action.REMOVE: transitions.remove,
}


@dataclass
class Life:
    """What a user must look like."""

    status: UserStatus = UserStatus.QUEUED
    next: tuple[PassKind, float] | None = (PassKind.INITIAL, 0.0)
    running: PassKind | None = None
    fence: int = 0
    initial: bool = False
    stalled: bool = False
    attempts: int = 0
    since: float = 0.0
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(Durations.__slots__, 0.0))
    at_rest: float = 0.0

    def to(self, status: UserStatus, now: float) -> None:
        """Leave a status and account for the time in it."""
        seconds, self.since = now - self.since, now
        if self.status is UserStatus.QUEUED:
            self.spent["stalled" if self.stalled else "queued"] += seconds
        elif self.status in IN_PROGRESS:
            self.spent["in_progress"] += seconds
        elif self.status is UserStatus.SYNCED:
            self.spent["synced"] += seconds
        else:
            self.at_rest += seconds
        self.status = status

    def act(self, action: Action, now: float) -> None:
        """Do what a person asks for, if the state allows it."""
        if self.status not in USER_ACTIONS[action]:
            return
        kind = user_goes_on(self.status, self.initial) if action is Action.START else PassKind.COMPLETION
        if action is Action.SYNC_NOW:
            self.next = (PassKind.REQUESTED, now)
        elif action is Action.STOP:
            stopped = UserStatus.INCREMENTAL_STOPPED if self.initial else UserStatus.STOPPED
            self.to(UserStatus.STOPPING if self.running else stopped, now)
            self.next = None
        elif action is Action.REMOVE:
            self.to(UserStatus.REMOVING, now)
            self.next = None
        elif kind is not None:
            self.to(UserStatus.COMPLETING if kind is PassKind.COMPLETION else UserStatus.QUEUED, now)
            self.next = (kind, now)
        if action is not Action.SYNC_NOW:
            self.stalled, self.attempts = False, 0

    def begin(self, now: float) -> None:
        """Be claimed."""
        assert self.next is not None
        kind, due_at = self.next
        assert due_at <= now
        assert self.status in CLAIMABLE[kind]
        assert self.running is None
        self.to(RUNNING[kind], now)
        self.next, self.running, self.stalled, self.fence = None, kind, False, self.fence + 1

    def end(self, outcome: Outcome, now: float, wait: float | None) -> None:
        """Have a pass behind it."""
        kind = self.running
        assert kind is not None
        self.initial = self.initial or outcome in DONE
        if self.status is UserStatus.REMOVING:
            after = UserStatus.REMOVING
        elif self.status is UserStatus.STOPPING and not (kind is PassKind.COMPLETION and outcome in DONE):
            after = UserStatus.INCREMENTAL_STOPPED if self.initial else UserStatus.STOPPED
        else:
            after = AFTER_PASS[kind, outcome]
        self.to(after, now)
        self.running = None
        again = outcome in (Outcome.WAIT, Outcome.LOST)
        self.attempts = self.attempts + (outcome is Outcome.WAIT) if again else 0
        following = PassKind.INCREMENTAL if outcome in DONE else kind
        plans = (again or wait is not None) and after in CLAIMABLE[following]
        self.next = (following, now + (wait or 0.0)) if plans else None
        self.stalled = plans and outcome is Outcome.WAIT

    def compare(self, user: User, now: float) -> None:
        """Check the stored user."""
        assert (user.status, user.running_kind, user.fence) == (self.status, self.running, self.fence)
        assert bool(user.claimed_by) == (self.running is not None)
        assert (user.next_kind, user.due_at) == (self.next or (None, None))
        assert (user.attempts, bool(user.stalled_reason)) == (self.attempts, self.stalled)
        assert user.durations == Durations(**self.spent)
        assert user.status_at == self.since
        shown = durations(user, now)
        counted = shown.queued + shown.in_progress + shown.synced + shown.stalled
        resting = self.at_rest + (now - self.since if shown == user.durations else 0.0)
        assert counted + resting == now - user.created_at


Step = tuple[float, str, object]
some_seconds = st.integers(0, 100).map(float)
some_users = st.lists(st.integers(0, USERS - 1), unique=True, min_size=1)
actions = st.tuples(st.sampled_from(Action).filter(lambda action: action is not Action.EDIT), some_users)
ends = st.tuples(st.integers(0, LIMIT - 1), st.sampled_from(Outcome), st.none() | some_seconds)
steps = st.one_of(
    st.tuples(some_seconds, st.just("claim"), st.integers(1, LIMIT)),
    st.tuples(some_seconds, st.just("claim"), st.integers(1, LIMIT)),
    st.tuples(some_seconds, st.just("finish"), ends),
    st.tuples(some_seconds, st.just("finish"), ends),
    st.tuples(some_seconds, st.just("late"), st.sampled_from(Outcome)),
    st.tuples(some_seconds, st.just("act"), actions),
)


class Play:
    """Carries steps out on the database and on the model."""

    def __init__(self, scene: Scene, ids: Sequence[int]) -> None:
        self.scene = scene
        self.lives = {user_id: Life() for user_id in ids}
        self.ids = list(ids)
        self.claims: list[Claim] = []
        self.late: list[Claim] = []

    async def step(self, now: float, name: str, value: object) -> None:
        """Do one, then compare all users."""
        await getattr(self, f"_{name}")(now, value)
        for user_id, life in self.lives.items():
            life.compare(await self.scene.user(user_id), now)
        kinds = [life.running for life in self.lives.values() if life.running]
        assert len(kinds) <= LIMIT
        assert len(kinds) - kinds.count(PassKind.INITIAL) <= INCREMENTAL_LIMIT

    async def _claim(self, now: float, most: int) -> None:
        free = min(most, LIMIT - sum(life.running is not None for life in self.lives.values()))
        waiting = [life.next[0] for life in self.lives.values() if life.next and life.next[1] <= now]
        found = await self.scene.claim(now, most=most)
        assert len(found) <= free
        assert len(found) >= min(free, waiting.count(PassKind.INITIAL))
        for claim in found:
            life = self.lives[claim.user_id]
            life.begin(now)
            assert (claim.kind, claim.fence) == (life.running, life.fence)
        self.claims += found

    async def _finish(self, now: float, value: tuple[int, Outcome, float | None]) -> None:
        number, outcome, wait = value
        if number >= len(self.claims):
            return
        claim = self.claims.pop(number)
        reason = "Target: busy" if outcome is Outcome.WAIT else ""
        status = await self.scene.finish(claim, outcome, now, due_in_seconds=wait, stalled_reason=reason)
        life = self.lives[claim.user_id]
        life.end(outcome, now, wait)
        assert status is life.status
        self.late.append(claim)

    async def _late(self, now: float, outcome: Outcome) -> None:
        for claim in self.late:
            assert await self.scene.finish(claim, outcome, now, progress=Progress(found=9), due_in_seconds=1.0) is None
            async with self.scene.database.begin() as connection:
                told = await claims.progress(connection, claim.user_id, claim.fence, Progress(found=9), now)
            assert told is None

    async def _act(self, now: float, value: tuple[Action, list[int]]) -> None:
        action, numbers = value
        chosen = [self.ids[number] for number in numbers]
        async with self.scene.database.begin() as connection:
            number = await CHANGES[action](connection, Selection(user_ids=chosen), now)
        assert number == sum(self.lives[user_id].status in USER_ACTIONS[action] for user_id in chosen)
        for user_id in chosen:
            self.lives[user_id].act(action, now)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(life=st.lists(steps, max_size=25))
async def test_users_live_by_the_tables(database: Database, life: list[Step]) -> None:
    scene = await Scene.make(database, max_migrations=LIMIT, max_incremental_syncs=INCREMENTAL_LIMIT)
    play = Play(scene, await scene.add(new_users(USERS)))
    now = 0.0
    for seconds, name, value in life:
        now += seconds
        await play.step(now, name, value)


@pytest.mark.parametrize("outcome", Outcome)
async def test_a_life_with_every_stop(database: Database, outcome: Outcome) -> None:
    """The long way, so that it is gone in each run whatever the examples are."""
    scene = await Scene.make(database, max_migrations=LIMIT, max_incremental_syncs=INCREMENTAL_LIMIT)
    play = Play(scene, await scene.add(new_users(USERS)))
    everyone, now = list(range(USERS)), 0.0
    script: list[tuple[str, object]] = [("claim", 2), ("finish", (0, Outcome.DONE, 5.0)), ("claim", 3)]
    for action in (Action.STOP, Action.START, Action.SYNC_NOW, Action.COMPLETE, Action.START, Action.REMOVE):
        script += [("act", (action, everyone)), ("finish", (0, outcome, 7.0)), ("late", outcome), ("claim", 3)]
        script += [("finish", (0, Outcome.DONE, None)), ("finish", (0, outcome, None)), ("claim", 1)]
    for name, value in script:
        now += 10.0
        await play.step(now, name, value)
