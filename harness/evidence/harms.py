"""What got worse while the score got better: probabilities elsewhere, and single subgroups."""

from __future__ import annotations

import numpy as np

from harness.candidate import CandidateError
from harness.evidence.findings import Elsewhere
from harness.rules import stats
from harness.scoring import probe_sealed

WORSE = 1.10  # a Brier score that grew by this factor is said
LEVELS, FEWEST = 6, 20  # values of a subgroup's column at most; rows of a subgroup at least


def in_probabilities(places: list[Elsewhere]) -> list[str]:
    """Say where the best program's probabilities are further off than the baseline's."""
    said = []
    for part in places:
        if part.brier_best is None or part.brier_best <= WORSE * part.brier_baseline:
            continue
        before, now, guess = part.brier_baseline, part.brier_best, part.brier_guess
        worse = f", and always saying how common it is there gives {guess:.3f}" * (now > guess)
        where = f"Its probabilities got worse on the {part.name} rows"
        said.append(f"{where}: Brier score {before:.3f} before, {now:.3f} now{worse}.")
    return said


def in_the_source(scorer, task, split, source: str) -> list[str]:
    """Say whether the best program seems to hold the sealed test's answers."""
    try:
        probe = probe_sealed(scorer, task, split, source)
    except (CandidateError, ValueError):  # it has no figures there either
        return []
    said = f"Its source may hold the sealed test's answers: {probe.detail}. It proves nothing."
    return [said] * (probe.verdict == "reject")


def in_subgroups(
    scorer, task, programs: dict[str, str], seed: int, answers: dict | None = None
) -> list[str]:
    """Say which subgroup of the task's `subgroup` column loses beyond chance.

    Both programs predict every training row out of fold, unless `answers` has that already; the
    metric's change within a subgroup gets a paired bootstrap interval, at 95% for all subgroups
    together (Bonferroni).
    """
    split = task.split()
    X, y = split.X_train, split.y_train
    if task.subgroup is None or task.subgroup not in X or task.time is not None:
        return []
    levels = X[task.subgroup].value_counts()
    levels = [level for level, count in levels.items() if count >= FEWEST][: LEVELS + 1]
    if not 2 <= len(levels) <= LEVELS:
        return []
    try:
        answers = answers or {
            name: out_of_fold(scorer, task, split, text, seed) for name, text in programs.items()
        }
    except CandidateError:
        return []
    said = []
    for level in levels:
        rows = np.flatnonzero(X[task.subgroup] == level)

        def scores(at: np.ndarray, rows=rows) -> tuple[float, ...]:
            at = rows[at]
            return tuple(task.score_predictions(y[at], p[at], cut) for p, cut in answers.values())

        groups = X[task.groups].to_numpy()[rows] if task.groups else None
        try:
            found = stats.bootstrap_pair(scores, len(rows), groups=groups)
        except ValueError:
            continue
        if found.difference.value < 0 and found.p < 0.05 / len(levels):
            name = f"{level:g}" if isinstance(level, int | float | np.number) else level
            said.append(
                f"Where {task.subgroup} is {name} ({len(rows)} rows) it loses: "
                f"{found.first.value:.3f} before, {found.second.value:.3f} now."
            )
    return said


def out_of_fold(scorer, task, split, source: str, seed: int) -> tuple[np.ndarray, float]:
    """All rows' predictions, (n, n_outputs), each out of fold, and where class 1 begins."""
    X, y = split.X_train, split.y_train
    p, cut = np.empty((len(y), task.n_outputs)), 0.5
    for train, val in task.folds(X, y, seed):
        p[val], cut = scorer.outputs(source, X.iloc[train], y[train], X.iloc[val])
    return p, cut
