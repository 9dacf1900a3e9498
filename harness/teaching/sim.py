"""`sim`: a clinic whose truth is known, and its twin with nothing to find.

Patients are drawn by a generator fitted to HEART:

1. a row of HEART (gaps filled by the median) is drawn with replacement, and the numeric columns
   get normal noise of 0.3 SD, so that no two patients are the same;
2. the log odds of disease are those of a logistic regression fitted to HEART, on its 13 columns;
3. in the clinic `strength` times the product of two standardised columns (`PAIR`) is added; in the
   twin it is not: there the starting program, a logistic regression, is the right model already;
4. who is sick is a toss with that probability.

1,200 patients are a task to search on. 20,000 more are kept as the truth: no run ever sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.task import HEART, NUMERIC, Task

SEARCH, TRUTH = 1_200, 20_000
PAIR = ("age", "thalach")  # whose product decides, with the sign of `STRENGTH`
STRENGTH = 0.8


@dataclass(frozen=True)
class Clinic:
    """A task to search on, and the patients by which the truth is known."""

    task: Task
    X_new: pd.DataFrame  # (20,000, 13)
    y_new: np.ndarray

    def worth(self, scorer, source: str) -> float:
        """AUC on the 20,000 of a program fitted to all 1,200, in isolation like any candidate."""
        X, y = self.task.load()
        numbers, _ = scorer.outputs(source, X, y, self.X_new)
        return self.task.score_predictions(self.y_new, numbers)


def draw(n: int, strength: float, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw n patients: table (n, 13) in the units of HEART, and outcome (n,)."""
    from sklearn.linear_model import LogisticRegression

    X, y = HEART.load()
    X = X.fillna(X.median())
    mean, sd = X.mean(), X.std()
    model = LogisticRegression(max_iter=500).fit(((X - mean) / sd).to_numpy(), y)
    drawn = X.iloc[rng.integers(0, len(X), n)].reset_index(drop=True)
    for name in sorted(set(NUMERIC) - {"ca"}):  # in one order; a count of vessels stays one
        drawn[name] += 0.3 * sd[name] * rng.normal(size=n)
    Z = (drawn - mean) / sd
    logit = model.decision_function(Z.to_numpy()) + strength * Z[PAIR[0]] * Z[PAIR[1]]
    return drawn, (rng.uniform(size=n) < 1 / (1 + np.exp(-logit))).astype(int)


def clinic(strength: float = STRENGTH, seed: int = 0) -> Clinic:
    """Draw a clinic; its twin has `strength` 0."""
    rng = np.random.default_rng([seed, round(1000 * strength)])
    X, y = draw(SEARCH, strength, rng)
    name = "clinic" if strength else "twin"
    task = Task.from_frames(name, X, y, test_size=0.0)
    return Clinic(task, *draw(TRUTH, strength, rng))
