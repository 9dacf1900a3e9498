"""Guards: what may not get worse, however much the score gains.

A guard speaks after the rule has said keep, and compares with the best so far, so that every
keep can be judged again from two commits. `brier` limits the loss in the Brier score (Brier 1950,
Verification of forecasts expressed in terms of probability, Monthly Weather Review 78), measured
out of fold on the frozen folds: a ranking can gain while its probabilities go astray. `time`
limits how many times the best's CPU seconds a fit may take. The baseline is no yardstick for it:
one that fits in milliseconds would forbid every other model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MARGIN = 0.005  # brier: rows are paired, so that luck moves the difference by less than this
FACTOR = 3.0
FLOOR_S = 2.0  # time: what takes less CPU is never too slow; below it, timing is mostly noise
USAGE = "write a guard as brier, brier=0.01, time or time=3, each once"


@dataclass(frozen=True)
class Guards:
    """Margin of each guard; None where it is off."""

    brier: float | None = None  # absolute loss in Brier score that a keep may cost
    time: float | None = None  # times the best's CPU seconds that a candidate may take

    @classmethod
    def parse(cls, text: str | None) -> "Guards":
        """Read `brier=0.005 time=3`, as `str` writes it.

        Raises
        ------
        ValueError
            If a guard is unknown, is named twice, or its margin is no number that can be one.
        """
        found: dict[str, float] = {}
        for word in (text or "").split():
            name, _, value = word.partition("=")
            try:
                margin = float(value or {"brier": MARGIN, "time": FACTOR}[name])
            except (KeyError, ValueError):
                margin = math.nan
            least = {"brier": 0.0, "time": 1.0}.get(name, math.inf)
            if name in found or not least <= margin < math.inf:
                raise ValueError(f"bad guard {word!r}: {USAGE}")
            found[name] = margin
        return cls(**found)

    def __str__(self) -> str:
        return " ".join(f"{k}={v:g}" for k, v in vars(self).items() if v is not None)

    def measure(self, score) -> dict[str, float]:
        """Take from a score that is ok what the guards look at; nothing for a guard that is off."""
        found = {}
        if self.brier is not None:
            found["brier"] = float(score.brier)
        if self.time is not None:  # wall clock where the system does not say
            found["time"] = float(score.cpu_s if math.isfinite(score.cpu_s) else score.wall_time_s)
        return found

    def objection(self, mine: Mapping[str, float], best: Mapping[str, float]) -> str:
        """Say why a candidate may not be kept; "" if it may."""
        if self.brier is not None:
            ours, theirs = mine["brier"], best["brier"]
            if not math.isfinite(ours):
                return "guard brier: no probabilities"
            if ours - theirs > self.brier:
                by = f"more than {self.brier:g} worse than the best's {theirs:.4f}"
                return f"guard brier: Brier score {ours:.4f} is {by}"
        if self.time is not None:
            ours, theirs = mine["time"], best["time"]
            if ours > max(FLOOR_S, self.time * theirs):
                by = f"more than {self.time:g} times the best's {theirs:.1f} s"
                return f"guard time: {ours:.1f} s is {by}"
        return ""


def write_measured(measured: Mapping[str, float]) -> str:
    """Format what guards measured as one line, every digit kept."""
    return " ".join(f"{name}={value!r}" for name, value in measured.items())


def read_measured(text: str) -> dict[str, float]:
    """Read what `write_measured` wrote."""
    pairs = (word.partition("=") for word in text.split())
    return {name: float(value) for name, mark, value in pairs if mark}


def canonical(texts: Sequence[str] | None) -> str | None:
    """Read what was given on the command line; return it as `run.json` has it."""
    return str(Guards.parse(" ".join(texts))) if texts else None
