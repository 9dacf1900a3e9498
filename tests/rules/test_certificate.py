"""The statistic and the bar of certificates, and pruning: against numpy, by its properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rules import CERTIFICATE_SEEDS, CONFIRM_SEEDS, Tries, prune
from harness.rules import test as compare
from harness.rules.certificate import BAR, GUARD, PLANNED, PRIOR, SLOPE
from harness.task import HEART, Task


def tries_of(gains, **how):
    tries = Tries(**{"units": 242, "share": 0.25} | how)
    for one in gains:
        tries = tries.plus(one)
    return tries


def test_the_statistic_is_the_one_written_down():
    rng = np.random.default_rng(0)
    gains, fresh = rng.normal(0, 0.01, (7, 5)), rng.normal(0.01, 0.01, (5, 5))
    v0, v = gains.var(axis=1, ddof=1).mean(), fresh.var(ddof=1)
    error = math.sqrt((1 / 25 + 1 / 4) * (PRIOR * v0 + v) / (PRIOR + 1))
    found = compare(fresh, tries_of(gains), edits=3)
    assert found.gain == pytest.approx(fresh.mean())
    assert found.t == pytest.approx(fresh.mean() / (math.sqrt(3) * error))


def test_tries_that_change_nothing_do_not_shrink_the_yardstick():
    rng = np.random.default_rng(1)
    fresh = rng.normal(0.01, 0.02, (5, 5))
    idle = tries_of([np.zeros(5)] * 20)
    assert (idle.count, idle.moved) == (20, 0)
    nearly = tries_of([np.full(5, 1e-9) * [1, 2, 3, 4, 5]] * 20)
    least = math.sqrt((1 / 25 + 1 / 4) * fresh.var(ddof=1) / GUARD)
    for tries in (idle, nearly):
        assert compare(fresh, tries, edits=1).error >= least * (1 - 1e-12)
    assert compare(np.zeros((5, 5)), idle, edits=1).t == 0


@given(st.lists(st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=5), max_size=6),
       st.integers(1, 5))  # fmt: skip
def test_more_edits_or_more_tries_never_help(gains, edits):
    fresh = np.linspace(0.001, 0.02, 25).reshape(5, 5)
    tries = tries_of(gains)
    one, more = compare(fresh, tries, edits=edits), compare(fresh, tries, edits=edits + 1)
    assert more.t < one.t
    assert tries.plus(np.zeros(5)).bar >= tries.bar


def test_the_bar_rises_with_tries_and_not_before_the_plan_is_used_up():
    assert tries_of([]).bar == tries_of([np.zeros(5)] * PLANNED).bar == BAR
    assert tries_of([np.zeros(5)] * 100).bar == pytest.approx(BAR + SLOPE * math.log(4))
    assert tries_of([], planned=100).bar == tries_of([np.zeros(5)] * 100).bar
    assert tries_of([], units=150).bar > BAR
    for units in (30, 242):  # what a row tells of its bar is enough to know what was planned
        long = tries_of([np.zeros(5)] * 3, planned=100, units=units)
        short = tries_of([np.zeros(5)] * 3, units=units)
        assert short.paying(long.edit_bar) == long
        assert short.paying(None) == short == short.paying(short.edit_bar - 1)
    for tries in (tries_of([]), tries_of([], planned=100), tries_of([], units=30)):
        assert tries.edit_bar > tries.bar  # an edit is tested on the folds that chose it


def test_what_a_task_says_of_itself():
    tries = Tries.of(HEART)
    assert tries.units == 242
    assert tries.share == pytest.approx(0.25, abs=1e-3)
    X, y = HEART.load()
    grouped = Task.from_frames("g", X.assign(g=np.arange(len(y)) // 10), y, groups="g")
    assert Tries.of(grouped).units == grouped.split().X_train.g.nunique()


def test_no_seed_serves_twice():
    from harness.evidence.audit import AUDIT_SEEDS

    seeds = [*CERTIFICATE_SEEDS, *CONFIRM_SEEDS, *AUDIT_SEEDS, HEART.fold_seed, HEART.split_seed]
    assert len({*seeds}) == len(seeds) - (HEART.fold_seed == HEART.split_seed)


# -- pruning ----------------------------------------------------------------------------------


def additive(worth: dict):
    return lambda parts: np.full((5, 5), 0.8 + sum(worth[p] for p in parts))


def t_of(gain):
    """T of parts with these gains and an error of 0.01 each."""
    return lambda parts: sum(gain[p] for p in parts) / (0.01 * math.sqrt(len(parts)))


def test_what_is_not_missed_goes():
    gain = {"a": 0.01, "b": 0.0005, "c": -0.004, "d": 0.02}
    assert prune("abcd", additive(gain), t_of(gain)) == ("a", "d")
    assert prune("d", additive(gain), t_of(gain)) == ("d",)
    assert prune("", additive({}), t_of({})) == ()


def test_many_small_gains_stay_together():
    gain = dict.fromkeys("abcdefgh", 0.01)
    assert prune("abcdefgh", additive(gain), t_of(gain)) == tuple("abcdefgh")


def test_of_two_that_stand_for_each_other_one_goes():
    gain = lambda parts: 0.02 * bool({"a", "b"} & set(parts))  # noqa: E731
    measure = lambda parts: np.full((5, 5), 0.8 + gain(parts))  # noqa: E731
    assert len(prune("ab", measure, lambda parts: gain(parts) / math.sqrt(len(parts)))) == 1


def test_what_cannot_be_taken_back_goes_last():
    measure = lambda parts: None if "a" not in parts else np.zeros((5, 5))  # noqa: E731
    asked = []
    worth = lambda parts: asked.append(parts) or 0.0  # noqa: E731
    assert prune("abc", measure, worth) == ("a", "b", "c")  # of equal ones the largest
    assert asked[-1] == ("a",)
    assert all("a" in parts for parts in asked)
