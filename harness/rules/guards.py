"""Guards: what may not get worse, however much the score gains.

A guard speaks before the rule and compares with the best so far, so that every decision can be made
again from two commits. `brier` limits the loss in the Brier score (Brier 1950, Verification of
forecasts expressed in terms of probability, Monthly Weather Review 78) out of fold, on the frozen
folds: a ranking can gain while its probabilities go astray. `time` limits how many times the
best's CPU seconds a score may take.
"""

import math
from collections.abc import Mapping

DEFAULTS = {"brier": 0.005, "time": 3.0}  # rows are paired: luck moves a Brier score by less
LEAST = {"brier": 0.0, "time": 1.0}
FLOOR_S = 2.0  # what takes less CPU is never too slow: a start that fits in no time forbids nothing
USAGE = "write a guard as brier, brier=0.01, time or time=3"


def check_guards(given: Mapping) -> dict[str, float]:
    """Return guards as `run.json` has them; a text is read, "" means the usual margin.

    Raises
    ------
    ValueError
        If there is no such guard, or no such margin.
    """
    found = {}
    for name, margin in given.items():
        try:
            found[name] = float(DEFAULTS[name] if margin == "" else margin)
            good = LEAST[name] <= found[name] < math.inf
        except (KeyError, TypeError, ValueError):
            good = False
        if not good:
            raise ValueError(f"bad guard {name!s:.20}={margin!s:.20}: {USAGE}")
    return found


def measure(guards: Mapping[str, float], score) -> dict[str, float]:
    """Take from a score that is ok what the guards look at."""
    cpu_s = score.cpu_s if math.isfinite(score.cpu_s) else score.wall_time_s  # not said everywhere
    return {name: float({"brier": score.brier, "time": cpu_s}[name]) for name in guards}


def objection(guards: Mapping[str, float], mine: Mapping, best: Mapping) -> str:
    """Say why what was measured of a candidate forbids to keep it; "" if nothing does."""
    for name, margin in guards.items():
        ours, theirs = mine.get(name, math.nan), best.get(name, math.nan)
        if name == "brier" and not ours - theirs <= margin:
            what = f"Brier score {ours:.4f}" if math.isfinite(ours) else "no probabilities"
            return f"guard brier: {what}, the best's {theirs:.4f} + {margin:g} allowed"
        if name == "time" and not ours <= max(FLOOR_S, margin * theirs):
            return (
                f"guard time: {ours:.1f} s CPU, {margin:g} times the best's {theirs:.1f} s allowed"
            )
    return ""
