"""Suspects are kept apart for a while."""

from __future__ import annotations

from mailferry.jobs.trials import LONGEST_TRIAL_SECONDS, Trials
from tests.unit.jobs.conftest import job


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_only_suspects_are_kept_apart() -> None:
    trials = Trials(Clock(), 5)
    assert trials.began(job(1, losses=1)) == 0
    assert trials.began(job(2, losses=2)) == 5
    assert trials.may_join(job(3, losses=1), [job(1, losses=1), job(2, losses=2)])
    assert trials.may_join(job(3, losses=2), [job(1, losses=1)])
    assert not trials.may_join(job(3, losses=2), [job(2, losses=2)])


def test_a_trial_is_twice_as_long_as_the_job_lived() -> None:
    clock = Clock()
    trials = Trials(clock, 5)
    trials.began(job(1, losses=1))
    clock.now += 30
    trials.ended(job(1, losses=1), lost=True)
    assert trials.began(job(1, losses=2)) == 60
    clock.now += 59
    assert not trials.may_join(job(2, losses=2), [job(1, losses=2)])
    clock.now += 1
    assert trials.may_join(job(2, losses=2), [job(1, losses=2)])


def test_no_trial_takes_hours() -> None:
    clock = Clock()
    trials = Trials(clock, 5)
    trials.began(job(1))
    clock.now += 7200
    trials.ended(job(1), lost=True)
    assert trials.began(job(1, losses=2)) == LONGEST_TRIAL_SECONDS


def test_one_that_ended_well_is_forgotten() -> None:
    clock = Clock()
    trials = Trials(clock, 5)
    trials.began(job(1))
    clock.now += 30
    trials.ended(job(1), lost=True)
    trials.began(job(1, losses=1))
    trials.ended(job(1, losses=1), lost=False)
    assert trials.began(job(1, losses=2)) == 5
