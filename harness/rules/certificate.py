"""What a run may claim: one statistic, and a bar that rises with every try.

A rule steers the search and claims nothing. Here its paired fold gains are asked another question:
would a run with nothing to find show this? Five folds tell badly how much a single gain scatters,
so all tries of the run tell it together (a moderated t: Tusher, Tibshirani and Chu 2001; Smyth
2004), with the correction for folds that share their rows (Nadeau and Bengio 2003). The constants
were set on one range of runs of `benchmarks/false_keeps.py` and are reported on another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

# Fold seeds of the certificate alone: no rule uses them, and no audit.
CERTIFICATE_SEEDS = tuple(range(9101, 9111))

OPEN_ENDED = ("neg_", "max_error")  # metrics whose values have a unit, such as euros
PLANNED = 25  # tries that the bar pays for at least
BAR = 2.45  # what T exceeds in at most one of 20 runs of so many tries with nothing to find
SLOPE = 0.65  # by how much the bar rises when the tries are e times as many
FEW_UNITS, BAR_OF_FEW = 200, 0.2  # below so many rows T's tail is longer: so much more
BAR_OF_EDIT = 0.4  # an edit is tested on the folds that chose it: so much more
PRIOR = 10  # gains that the mean variance of all tries counts for, against the gain's own
GUARD = 4  # tries that change nothing must not shrink the variance below the gain's own / GUARD


@dataclass(frozen=True)
class Tries:
    """The scored tries of a run so far: how many, and how much their gains scatter.

    Parameters
    ----------
    units : int
        Training rows, or groups of them that stay together.
    share : float
        Rows asked over rows trained on, mean over the frozen folds; 1/(K-1) for K folds.
    planned : int
        Tries that the bar pays for from the start on.
    count : int
        Scored tries.
    moved, total : int, float
        Tries that changed any fold's score, and the sum of the variances of their fold gains.
    unit : float
        What 1 is for an AUC: for errors, which have no fixed range, the start's own.
    """

    units: int
    share: float
    planned: int = PLANNED
    count: int = 0
    moved: int = 0
    total: float = 0.0
    unit: float = 1.0

    @classmethod
    def of(cls, task, planned: int = PLANNED, start: float = 1.0) -> Tries:
        """No tries yet, on a task whose start scores `start`."""
        split = task.split()
        groups = task.groups and split.X_train[task.groups].nunique()
        unit = abs(start) if task.metric.startswith(OPEN_ENDED) else 1.0
        return cls(groups or len(split.y_train), task.share, planned, unit=unit or 1.0)

    def plus(self, gains: Sequence[float]) -> Tries:
        """One try more, with its gains over the best of its time on the frozen folds."""
        gains = np.asarray(gains, float)
        told = gains.size > 1 and bool(np.isfinite(gains).all() and np.any(gains != 0))
        own = float(gains.var(ddof=1)) if told else 0.0
        return replace(self, count=self.count + 1, moved=self.moved + told, total=self.total + own)

    def after(self, folds: Sequence[float], best: Sequence[float]) -> Tries:
        """One try more, by its fold scores and those of the best of its time."""
        return self.plus(np.subtract(folds, best) if len(folds) == len(best) else ())

    @property
    def bar(self) -> float:
        """What T of the pruned program must exceed to claim a gain after so many tries."""
        tries = max(self.planned, self.count, PLANNED)
        few = BAR_OF_FEW if self.units < FEW_UNITS else 0.0
        return BAR + few + SLOPE * math.log(tries / PLANNED)

    @property
    def edit_bar(self) -> float:
        """What T of a kept edit must exceed, on the fold seeds of the rule."""
        return self.bar + BAR_OF_EDIT

    def paying(self, edit_bar: float | None) -> Tries:
        """These tries, with as many planned as a bar of an edit pays for, if it is higher."""
        least = replace(self, planned=PLANNED, count=0).edit_bar
        paid = min(((edit_bar or 0.0) - least) / SLOPE, 50.0)
        return replace(self, planned=max(self.planned, round(PLANNED * math.exp(paid))))

    def error(self, shape: tuple[int, ...], own: float | None = None) -> float:
        """Standard error of a mean of fold gains, shape (n_seeds, n_folds).

        `own` is the variance of these very gains; without it the tries alone are asked.
        """
        variance = self.total / self.moved if self.moved else own or 0.0
        if own is not None:
            variance = max((PRIOR * variance + own) / (PRIOR + 1), own / GUARD)
        return math.sqrt((1 / math.prod(shape) + self.share) * variance)


@dataclass(frozen=True)
class Test:
    """A gain of one program over another: its mean, its standard error, and their ratio T."""

    __test__ = False  # pytest: no test case
    gain: float
    error: float
    edits: int

    @property
    def t(self) -> float:
        """The gain in standard errors; 0 where nothing scatters: that is no measurement."""
        return self.gain / self.error if self.error > 1e-9 * abs(self.gain) else 0.0


def test(gains: np.ndarray, tries: Tries, edits: int) -> Test:
    """Test fold gains of shape (n_seeds, n_folds) between programs that are `edits` apart.

    Each edit brings luck of its own, so the error grows with the square root of their number.
    """
    gains = np.asarray(gains, float)
    error = tries.error(gains.shape, float(gains.var(ddof=1)))
    return Test(float(gains.mean()), math.sqrt(max(edits, 1)) * error, edits)


REAL, CANNOT_TELL, LUCK = "real", "cannot tell", "luck"


def verdict(claimed: float, certified: bool, fresh: Test, contradicted: bool = False) -> str:
    """Say in a word what the gain is that a working best claims on the frozen folds.

    ``real``: something was certified, and other patients show no loss beyond chance (that is what
    `contradicted` says). ``luck``: nothing was, and the claim lies above the 95% interval of the
    gain on fresh folds. ``cannot tell``: neither.
    """
    if claimed <= 0:
        return CANNOT_TELL  # nothing is claimed
    if certified:
        return CANNOT_TELL if contradicted else REAL
    return LUCK if fresh.gain + 1.96 * fresh.error < claimed else CANNOT_TELL


def prune(
    parts: Sequence,
    measure: Callable[[tuple], np.ndarray | None],
    worth: Callable[[tuple], float],
) -> tuple:
    """Return the parts of a program that its run can vouch for best.

    First each part's absence is measured alone; then the parts are dropped one after another, the
    least missed first, and each program on this path is asked what it is worth (its T); of equal
    ones the first is returned. Which part goes next must not be chosen by the folds that `worth`
    looks at. `measure` gives fold scores of the program with some parts only, None without one.
    """
    parts = tuple(parts)
    if len(parts) < 2:
        return parts

    def missed(part) -> float:
        without = measure(tuple(p for p in parts if p != part))
        return math.inf if without is None else -float(np.mean(without))

    order = sorted(parts, key=missed)
    return max(
        (tuple(p for p in parts if p not in order[:n]) for n in range(len(parts))), key=worth
    )
