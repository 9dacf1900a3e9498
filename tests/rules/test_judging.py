"""From a score to a decision: how many fold seeds are scored at once changes nothing."""

import numpy as np
import pytest

from harness.candidate import CandidateError
from harness.rules import RULES, Best, decide
from harness.rules.certificate import Tries
from harness.scoring import Score

SEEDS = RULES["confirm"].fold_seeds
TRIES = Tries(units=242, share=0.25).plus([0.01, -0.01, 0.01, -0.01, 0.0])


class Table:
    """A scorer that knows the gain on each seed; None is a failure."""

    def __init__(self, gains, seeds_at_once):
        self.gains, self.seeds_at_once, self.asked = gains, seeds_at_once, []

    def fold_scores(self, source, seeds):
        self.asked.append(tuple(seeds))
        gains = [self.gains[SEEDS.index(seed)] for seed in seeds]
        if None in gains:
            raise CandidateError("crashed (on this seed)")
        return [[0.8 + gain + 0.001 * fold for fold in range(5)] for gain in gains]


def judged(gains, at_once):
    base = [[0.8 + 0.001 * fold for fold in range(5)]] * 5
    best = Best(0, "sha", "best", 0.8, (0.8,) * 5, base)
    score = Score("ok", 0.81, fold_scores=(0.80, 0.82, 0.81, 0.81, 0.81))
    table = Table(gains, at_once)
    try:
        found = decide("program", score, best, RULES["confirm"], table, TRIES)
    except CandidateError as err:
        return str(err), table.asked
    return (found.keep, found.reason, found.t, np.asarray(found.repeats).tolist()), table.asked


@pytest.mark.parametrize("at_once", [2, 3, 5, 8])
@pytest.mark.parametrize(
    ("gains", "seeds"),
    [([0.01, 0.012, 0.011, 0.01, 0.009], 5), ([-0.02, 0.03, 0.03, 0.03, 0.03], 1),
     ([0.01, 0.01, -0.04, 0.03, 0.03], 3), ([0.001, -0.002, None, 0.1, 0.1], 2),
     ([0.01, 0.01, 0.01, None, 0.01], 4)],
)  # fmt: skip
def test_seeds_side_by_side_decide_as_one_by_one(gains, seeds, at_once):
    one_by_one, asked = judged(gains, 1)
    assert asked == [(seed,) for seed in SEEDS[:seeds]]
    side_by_side, asked = judged(gains, at_once)
    assert side_by_side == one_by_one
    assert len(asked[0]) == min(at_once, 5)
