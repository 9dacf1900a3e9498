"""What got worse while the score got better is said: probabilities elsewhere, a subgroup."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.evidence import harms
from harness.evidence.findings import Elsewhere
from harness.rules.stats import Interval
from harness.task.task import HEART, Task

SOME = Interval(0.87, 0.8, 0.9)


def elsewhere(before, now, guess=0.23):
    return Elsewhere("heart-hungary", 294, SOME, SOME, SOME, 0.4, before, now, guess)


def test_probabilities_that_got_worse_are_said_though_the_auc_did_not():
    said = harms.in_probabilities([elsewhere(0.134, 0.262), elsewhere(0.134, 0.139)])
    assert len(said) == 1
    assert (
        "0.134 before, 0.262 now, and always saying how common it is there gives 0.230" in said[0]
    )
    assert harms.in_probabilities([elsewhere(0.134, 0.2)])[0].endswith("0.200 now.")
    assert harms.in_probabilities([Elsewhere("x", 9, error="crashed")]) == []


class ByColumn:
    """Every "program" is the name of a column, which it predicts by."""

    def outputs(self, source, X_train, y_train, X_new):
        return X_new[source].to_numpy()[:, None], 0.5


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    good = y + rng.normal(0, 1, 400)
    half = rng.integers(0, 2, 400)
    # The new program is much better for one half, and worthless for the other.
    new = np.where(half == 1, y + rng.normal(0, 0.2, 400), rng.normal(0, 1, 400))
    X = pd.DataFrame({"before": good, "now": new, "same": good, "half": half})
    return Task.from_frames("halves", X, y, subgroup="half", test_size=0.0)


def test_the_subgroup_that_loses_is_named(task):
    said = harms.in_subgroups(ByColumn(), task, {"baseline": "before", "best": "now"}, 9001)
    assert len(said) == 1
    assert said[0].startswith("Where half is 0 (")
    assert harms.in_subgroups(ByColumn(), task, {"baseline": "now", "best": "before"}, 9001)[0]


def test_nothing_is_said_where_nothing_got_worse(task):
    assert harms.in_subgroups(ByColumn(), task, {"baseline": "before", "best": "same"}, 9001) == []
    for other in (replace(task, subgroup=None), replace(task, subgroup="before")):
        assert harms.in_subgroups(ByColumn(), other, {"a": "before", "b": "now"}, 9001) == []
    assert HEART.subgroup == "sex"
