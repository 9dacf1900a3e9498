"""Two equally good models on sealed rows that are not independent: how often do they "differ"?

Rows of one group, and neighbours in time, share their luck. Here two models share all that is true
and err apart: by an amount for each group and for each row, or by errors that follow each other in
time. Neither is better, so a 5 % test may differ in one draw of twenty, and where a task's rows can
be cut in one way only (time), the sealed test alone may say "real" in one of forty.

    python -m benchmarks.nulls --draws 300
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd

from harness.evidence.audit import _compare as compare
from harness.evidence.audit import by_sealed_test
from harness.rules import REAL
from harness.rules.stats import wilson
from harness.task import HEART

ROWS = 192
# Share of a time's errors that is left at the next row.
FOLLOWING = (0.0, 0.5, 0.9)


def errors_in_time(rng: np.random.Generator, follows: float) -> np.ndarray:
    """Normal errors of variance 1, each after the one before it (AR(1))."""
    fresh = rng.normal(0, np.sqrt(1 - follows**2), ROWS)
    fresh[0] = rng.normal()
    found = np.empty(ROWS)
    for at in range(ROWS):
        found[at] = fresh[at] + (follows * found[at - 1] if at else 0.0)
    return found


def draw_groups(rng: np.random.Generator):
    """24 groups of 8 rows with one label each; both models err by group and by row."""
    groups = np.arange(ROWS) // 8
    y = rng.permutation(np.arange(24) % 2)[groups]
    errors = [rng.normal(0, 1.5, 24)[groups] + rng.normal(0, 0.3, ROWS) for _ in range(2)]
    return replace(HEART, groups="place"), groups, y, errors


def draw_time(rng: np.random.Generator, follows: float):
    """Labels that drift with time, and errors that follow each other."""
    y = (errors_in_time(rng, follows) > 0).astype(int)
    errors = [1.5 * errors_in_time(rng, follows) for _ in range(2)]
    return replace(HEART, time="place"), np.arange(ROWS), y, errors


def measure(draw, draws: int, seed: int) -> tuple[int, int, int]:
    """Draws in which the models differ, in which a gain is called real, and draws that count."""
    rng = np.random.default_rng(seed)
    differs = real = counted = 0
    for _ in range(draws):
        task, place, y, errors = draw(rng)
        if min(y.sum(), ROWS - y.sum()) < 10:
            continue
        answers = [((y + e)[:, None], (0, 1)) for e in errors]
        found = compare(task, pd.DataFrame({"place": place}), y, answers)
        counted += 1
        differs += found.p < 0.05
        claimed = abs(found.difference.value)  # a run claims what it saw
        real += by_sealed_test(claimed, found.difference, contradicted=False) == REAL
    return differs, real, counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    parts = {"24 groups of 8 rows": draw_groups}
    for follows in FOLLOWING:
        parts[f"time, errors follow by {follows}"] = lambda rng, f=follows: draw_time(rng, f)
    for name, draw in parts.items():
        differs, real, draws = measure(draw, args.draws, args.seed)
        shares = [wilson(k, draws) for k in (differs, real)]
        told = [f"{s.value:.1%} [{s.low:.1%}, {s.high:.1%}]" for s in shares]
        print(f"{name}: differ in {told[0]} of {draws}, called real in {told[1]}", flush=True)


if __name__ == "__main__":
    main()
