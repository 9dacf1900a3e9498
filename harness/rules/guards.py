"""Guards: what may not get worse, however much the score gains.

A guard speaks before the rule and compares with the best so far, so that every decision can be made
again from two commits. `brier` limits the loss in the Brier score out of fold, on the frozen folds:
a ranking can gain while its probabilities go astray. `time` limits how many times the best's CPU
seconds a score may take.
"""

import math
from collections.abc import Mapping

MARGINS = {"brier": (0.0, 0.005), "time": (1.0, 3.0)}  # the least, and the usual one
FLOOR_S = 2.0  # what takes less CPU is never too slow: a start that fits in no time forbids nothing


def check_guards(given: Mapping) -> dict[str, float]:
    """Return guards as `run.json` has them; "" means the usual margin; a ValueError for others."""
    found = {}
    for name, margin in given.items():
        least, usual = MARGINS.get(name, (math.inf, math.nan))
        try:
            found[name] = usual if margin == "" else float(margin)
        except (TypeError, ValueError):
            found[name] = math.nan
        if not least <= found[name] < math.inf:
            bad = f"bad guard {name!s:.20}={margin!s:.20}"
            raise ValueError(f"{bad}: write a guard as brier, brier=0.01, time or time=3")
    return found


def measure(guards: Mapping[str, float], score) -> dict[str, float]:
    """Take from a score what the guards look at; not every system says CPU seconds."""
    found = {name: score.brier if name == "brier" else score.cpu_s for name in guards}
    if "time" in found and not math.isfinite(found["time"]):
        found["time"] = score.wall_time_s
    return found


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
