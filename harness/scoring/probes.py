"""Tests of a score that is about to be kept: does the program learn, or does it know?

An honest program learns whatever labels it is given. One that has memorised the answers, or hears
them from another fold, does well only on the true ones. The probes need no sandbox, so they are the
backstop on every platform. `benchmarks/probes.py` shows what each measures on honest programs; the
thresholds below come from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.scoring.score import Probe, Score
from harness.task import HEART, Task

TWIN_DRAWS = 4
SHUFFLES = 2
# A score on turned labels this far below the score on true ones means that the program predicts
# the true labels although it was taught the opposite: nothing that learns does that. An honest
# program may lose up to the distance from its score to chance (a monotone constraint does).
FLIP_REJECT = 0.60
FLIP_REJECT_VALUES = 1.2  # regression: who knows the values loses 2 (errors) to 4 (R2) of a guess
FLIP_REVIEW = 0.02
# How much better than a plain model a program may do on the true labels than on labels drawn from
# that model. Lower where turned labels already looked odd: honest programs hardly ever do both.
TWIN_REJECT = 0.04
TWIN_REJECT_IF_FLIP_ODD = 0.015
TWIN_REVIEW = 0.025
SHUFFLE_REJECT = 0.15  # above what guessing scores
SAME_NUMBER = 1e-6
SAME_PREDICTION = 1e-6  # relative to the range of the predictions


def run_probes(scorer, source: bytes, score: Score) -> tuple[Probe, ...]:
    """Probe one candidate whose score is known.

    All jobs run side by side, in the same isolation as a score.

    Parameters
    ----------
    scorer : Scorer
        Of the task; makes and runs the jobs.
    source : bytes
    score : Score
        The candidate's score on the frozen folds.

    Returns
    -------
    tuple of Probe
    """
    y = scorer.split.y_train
    twins = scorer.once("twins", twin_labels) if scorer.task.kind == "binary" else []
    shuffles = scorer.once("shuffles", shuffled_labels)
    turned = turn_labels(scorer.task, y)
    plan = _Plan(scorer, source)
    plan.add("repeat", None, backwards=True)
    plan.add("part", None, half=True)
    plan.add("flip", turned)
    for i, twin in enumerate(twins):
        plan.add(f"twin{i}", twin.labels)
    for i, labels in enumerate(shuffles):
        plan.add(f"shuffle{i}", labels)
    plan.run()
    for name, replies in plan.replies.items():
        for reply in replies:
            if reply.problem:
                detail = f"{name} could not be scored: {reply.problem}"
                return (Probe("probe failed", float("nan"), 0.0, "reject", detail),)
    probes = [_repeat(scorer, plan, score), _part(plan, score), _flip(plan, turned, score)]
    if twins:
        odd = probes[-1].verdict == "review"
        probes.append(_twin(plan, twins, score, TWIN_REJECT_IF_FLIP_ODD if odd else TWIN_REJECT))
    return (*probes, _shuffle(scorer, plan, shuffles))


class _Plan:
    """The jobs of all probes, and their replies by name."""

    def __init__(self, scorer, source: bytes):
        self.scorer, self.source = scorer, source
        self.jobs, self.names = [], []
        self.replies: dict[str, list] = {}

    def add(self, name: str, labels, *, backwards: bool = False, half: bool = False) -> None:
        """Plan the folds once more, with other labels or other questions."""
        task = self.scorer.task
        for k, rows in enumerate(self.scorer.folds()[: 2 if half else None]):
            # By default the frozen seeds of the score, so that nothing else changes; backwards,
            # generators that a program forgot to seed stand elsewhere.
            key = ("fold", task.fold_seed, k)
            seed = self.scorer.seed("backwards", k) if backwards else self.scorer.seed(*key)
            asked = (
                rows.new[::-1]
                if backwards
                else rows.new[: len(rows.new) // 2]
                if half
                else rows.new
            )
            job = self.scorer.job(
                self.source, replace(rows, new=asked), ("probe", name, k), labels=labels, seed=seed
            )
            self.jobs.append(job)
            self.names.append(name)

    def run(self) -> None:
        """Run everything; a job may take as long as it might within a score."""
        per_job = self.scorer.task.budget_s / (self.scorer.task.n_folds + 1)
        replies = self.scorer.run_jobs(self.jobs, per_job * len(self.jobs))
        for name, reply in zip(self.names, replies, strict=True):
            self.replies.setdefault(name, []).append(reply)

    def score(self, name: str, labels: np.ndarray) -> float:
        """Mean of the metric over the folds, against other labels."""
        pairs = zip(self.scorer.folds(), self.replies[name], strict=True)
        return float(
            np.mean([self.scorer.metric(rows.new, reply, labels) for rows, reply in pairs])
        )


def _repeat(scorer, plan: _Plan, score: Score) -> Probe:
    again = [
        reply.numbers.reshape(-1, scorer.task.n_outputs)[::-1] for reply in plan.replies["repeat"]
    ]
    values = [
        scorer.metric(rows.new[::-1], reply)
        for rows, reply in zip(scorer.folds(), plan.replies["repeat"], strict=True)
    ]
    apart = max(_apart(a, b) for a, b in zip(again, score.predictions, strict=True))
    gap = abs(float(np.mean(values)) - score.val_auc) / scorer.once("unit", _unit)
    if gap > SAME_NUMBER and apart > SAME_PREDICTION:
        detail = f"scored again it gives {np.mean(values):.6f}, not {score.val_auc:.6f}"
        return Probe("not repeatable", gap, SAME_NUMBER, "reject", detail + "; set random_state")
    if apart > SAME_PREDICTION:
        detail = f"predictions move by {apart:.1e} of their range when rows are asked in reverse"
        return Probe("repeatability", gap, SAME_NUMBER, "review", detail)
    return Probe("repeatability", gap, SAME_NUMBER, "pass", "same number in another order")


def _part(plan: _Plan, score: Score) -> Probe:
    apart = 0.0
    for reply, whole in zip(plan.replies["part"], score.predictions, strict=False):
        apart = max(apart, _apart(reply.numbers, whole[: len(reply.numbers)]))
    if apart > SAME_PREDICTION:
        detail = f"a row's prediction moves by {apart:.1e} of the range with the rows beside it"
        return Probe("batch", apart, SAME_PREDICTION, "review", detail)
    return Probe("batch", apart, SAME_PREDICTION, "pass", "each row is predicted for itself")


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference between two sets of predictions, relative to their range."""
    a, b = np.ravel(a), np.ravel(b)
    return float(np.abs(a - b).max() / (np.ptp(b) or 1.0))


def _flip(plan: _Plan, turned: np.ndarray, score: Score) -> Probe:
    value = score.val_auc - plan.score("flip", turned)
    detail = f"true labels score {value:+.4f} above turned ones"
    value /= plan.scorer.once("unit", _unit)
    limit = FLIP_REJECT_VALUES if plan.scorer.task.kind == "regression" else FLIP_REJECT
    verdict = "reject" if value > limit else "review" if value > FLIP_REVIEW else "pass"
    return Probe("label flip", value, limit, verdict, detail)


def _twin(plan: _Plan, twins: list, score: Score, limit: float) -> Probe:
    real = score.val_auc - twins[0].reference_on_true
    made = [plan.score(f"twin{i}", t.labels) - t.reference for i, t in enumerate(twins)]
    value = real - float(np.mean(made))
    detail = (
        f"gain over a plain model {real:+.4f} on true labels, {np.mean(made):+.4f} on like ones"
    )
    verdict = "reject" if value > limit else "review" if value > TWIN_REVIEW else "pass"
    if verdict == "reject" and plan.scorer.task.name != HEART.name:
        # On one's own data (text, many rows) an honest program may see what the plain models
        # do not: the threshold was measured on HEART.
        verdict = "review"
    return Probe("twin labels", value, limit, verdict, detail)


def _shuffle(scorer, plan: _Plan, shuffles: list[np.ndarray]) -> Probe:
    value = float(np.mean([plan.score(f"shuffle{i}", y) for i, y in enumerate(shuffles)]))
    value = (value - _guessing(scorer, shuffles)) / scorer.once("unit", _unit)
    detail = f"shuffled labels, which nothing can predict, score {value:+.4f} against guessing"
    verdict = "reject" if value > SHUFFLE_REJECT else "pass"
    return Probe("shuffled labels", value, SHUFFLE_REJECT, verdict, detail)


def _unit(scorer) -> float:
    """One unit of the metric: 1 where it has a fixed range, a guess's error where it has not."""
    if not scorer.task.metric.startswith(("neg_", "max_error")):
        return 1.0
    return abs(_guessing(scorer, [scorer.split.y_train])) or 1.0


def _guessing(scorer, shuffles: list[np.ndarray]) -> float:
    """What guessing scores: the training rows' mean (or class shares), told of every row."""
    if scorer.task.metric == "roc_auc":
        return 0.5
    values = []
    for y in shuffles:
        for rows in scorer.folds():
            if scorer.task.kind == "multiclass":
                share = np.bincount(y[rows.train], minlength=scorer.task.n_outputs) / len(
                    rows.train
                )
            else:
                share = np.array([y[rows.train].mean()])
            table = np.tile(share, (len(rows.new), 1))
            values.append(scorer.task.score_predictions(y[rows.new], table))
    return float(np.mean(values))


def turn_labels(task: Task, y: np.ndarray) -> np.ndarray:
    """Turn the labels round: the other class, the next class, the mirrored value."""
    if task.kind == "binary":
        return 1 - y
    if task.kind == "multiclass":
        return (y + 1) % task.n_outputs
    return y.max() + y.min() - y


def shuffled_labels(scorer) -> list[np.ndarray]:
    """Shuffle the labels, anew for every scorer; see `twin_labels`.

    Within each fold's validation rows, so that a rare class is missing in none: most metrics of
    several classes need them all.
    """
    rng = np.random.default_rng()
    drawn = []
    for _ in range(SHUFFLES):
        labels = scorer.split.y_train.copy()
        never = np.ones(len(labels), bool)
        for rows in scorer.folds():
            labels[rows.new] = rng.permutation(labels[rows.new])
            never[rows.new] = False
        labels[never] = rng.permutation(labels[never])  # the oldest rows of folds in time
        drawn.append(labels)
    return drawn


class _Twin(NamedTuple):
    """Labels drawn from a plain model's probabilities, and how that model scores on them."""

    labels: np.ndarray
    reference: float
    reference_on_true: float


def twin_labels(scorer) -> list[_Twin]:
    """Draw labels that follow the plain model, so that there is nothing else in them to find.

    The probabilities are out-of-fold, half from a linear model and half from a forest: what either
    sees in the data is in the twins too. Drawn anew by every scorer from the system's randomness:
    a program that knew the draws could carry their answers as well.
    """
    from sklearn.model_selection import cross_val_predict

    X, y = scorer.split.X_train, scorer.split.y_train
    linear, forest = reference_models(X)
    # Every row once, also where the task's own folds are in time.
    outer = replace(scorer.task, time=None).folds(X, y, 7)
    p = np.mean(
        [
            cross_val_predict(m, X, y, cv=outer, method="predict_proba")[:, 1]
            for m in (linear, forest)
        ],
        axis=0,
    )
    rng = np.random.default_rng()
    drawn = [(rng.random(len(y)) < p).astype(y.dtype) for _ in range(TWIN_DRAWS)]
    on_true = _reference_score(scorer, linear, y)
    return [_Twin(labels, _reference_score(scorer, linear, labels), on_true) for labels in drawn]


def reference_models(X: pd.DataFrame):
    """Make the plain models: any column types, missing values allowed."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")

    def prepared(model):
        columns = make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore", min_frequency=5), others),
        )
        return make_pipeline(columns, model)

    return (
        prepared(LogisticRegression(max_iter=500)),
        prepared(RandomForestClassifier(100, min_samples_leaf=5, random_state=0)),
    )


def _reference_score(scorer, model, labels: np.ndarray) -> float:
    X = scorer.split.X_train
    values = []
    for rows in scorer.folds():
        fitted = model.fit(X.iloc[rows.train], labels[rows.train])
        p = fitted.predict_proba(X.iloc[rows.new])[:, [1]]
        values.append(scorer.task.score_predictions(labels[rows.new], p))
    return float(np.mean(values))
