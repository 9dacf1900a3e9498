"""Tests of a score that is about to be kept: does the program learn, or does it know?

An honest program learns whatever labels it is given. One that has memorised the answers, or hears
them from another fold, does well only on the true ones. The probes need no sandbox, so they are the
backstop on every platform. `benchmarks/probes.py` shows what each measures on honest programs; the
thresholds below come from it.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.scoring.score import Probe, Score
from harness.task import HEART, Task, area_under_roc

TWIN_DRAWS = 4
SHUFFLES = 2
DEALS = 20  # of a program's answers to the rows by chance
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
    score : Score
        The candidate's score on the frozen folds.
    """
    twins = scorer.once("twins", twin_labels) if scorer.task.kind == "binary" else []
    shuffles = scorer.once("shuffles", shuffled_labels)
    turned = turn_labels(scorer.task, scorer.split.y_train)
    plan = _Plan(scorer, source)
    plan.add("repeat", asked=lambda new: new[::-1])
    plan.add("part", asked=lambda new: new[: len(new) // 2], folds=2)
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
    probes = [_repeat(plan, score), _part(plan, score), _flip(plan, turned, score)]
    if twins:
        odd = probes[-1].verdict == "review"
        probes.append(_twin(plan, twins, score, TWIN_REJECT_IF_FLIP_ODD if odd else TWIN_REJECT))
    return (*probes, _shuffle(plan, shuffles))


class _Plan:
    """The jobs of all probes, and their replies by name."""

    def __init__(self, scorer, source: bytes):
        self.scorer, self.source = scorer, source
        self.jobs: list[tuple[str, object]] = []
        self.replies: dict[str, list] = {}

    def add(self, name: str, labels=None, *, asked=lambda new: new, folds: int | None = None):
        """Plan the folds once more, with other labels or other questions."""
        for k, rows in enumerate(self.scorer.folds()[:folds]):
            # The frozen seeds of the score, so that nothing else changes; but where the same is
            # asked again, generators that a program forgot to seed stand elsewhere.
            frozen = ("fold", self.scorer.task.fold_seed, k)
            seed = self.scorer.seed(*(("backwards", k) if name == "repeat" else frozen))
            rows = replace(rows, new=asked(rows.new))
            job = self.scorer.job(self.source, rows, ("probe", name, k), labels=labels, seed=seed)
            self.jobs.append((name, job))

    def run(self) -> None:
        """Run everything; a job may take as long as it might within a score."""
        per_job = self.scorer.task.budget_s / (self.scorer.task.n_folds + 1)
        names, jobs = zip(*self.jobs, strict=True)
        (replies,) = self.scorer.run([jobs], per_job * len(jobs), stop_early=False)
        for name, reply in zip(names, replies, strict=True):
            self.replies.setdefault(name, []).append(reply)

    def ranks(self, predictions, labels: np.ndarray | None = None) -> float:
        """Mean area under the ROC curve over the folds of a binary task, whatever its metric."""
        y = self.scorer.split.y_train if labels is None else labels
        pairs = zip(self.scorer.folds(), predictions, strict=True)
        return float(np.mean([area_under_roc(y[rows.new], np.ravel(p)) for rows, p in pairs]))

    def score(self, name: str, labels: np.ndarray | None = None, step: int = 1) -> float:
        """Mean of the metric over the folds, against other labels."""
        pairs = zip(self.scorer.folds(), self.replies[name], strict=True)
        values = [self.scorer.metric(rows.new[::step], reply, labels) for rows, reply in pairs]
        return float(np.mean(values))


def _repeat(plan: _Plan, score: Score) -> Probe:
    n_outputs = plan.scorer.task.n_outputs
    again = [reply.numbers.reshape(-1, n_outputs)[::-1] for reply in plan.replies["repeat"]]
    apart = max(_apart(a, b) for a, b in zip(again, score.predictions, strict=True))
    value = plan.score("repeat", step=-1)
    gap = abs(value - score.val_auc) / plan.scorer.once("unit", _unit)
    name, verdict, detail = "repeatability", "pass", "same number in another order"
    if apart > SAME_PREDICTION:
        verdict = "review"
        detail = f"predictions move by {apart:.1e} of their range when rows are asked in reverse"
        if gap > SAME_NUMBER:
            name, verdict = "not repeatable", "reject"
            detail = f"scored again it gives {value:.6f}, not {score.val_auc:.6f}; set random_state"
    return Probe(name, gap, SAME_NUMBER, verdict, detail)


def _part(plan: _Plan, score: Score) -> Probe:
    pairs = zip(plan.replies["part"], score.predictions, strict=False)
    apart = max(_apart(r.numbers, whole[: len(r.numbers)]) for r, whole in pairs)
    verdict, detail = "pass", "each row is predicted for itself"
    if apart > SAME_PREDICTION:
        verdict = "review"
        detail = f"a row's prediction moves by {apart:.1e} of the range with the rows beside it"
    return Probe("batch", apart, SAME_PREDICTION, verdict, detail)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference between two sets of predictions, relative to their range."""
    a, b = np.ravel(a), np.ravel(b)
    return float(np.abs(a - b).max() / (np.ptp(b) or 1.0))


def _judged(name: str, value: float, reject: float, detail: str, review: float = np.inf) -> Probe:
    verdict = "reject" if value > reject else "review" if value > review else "pass"
    return Probe(name, value, reject, verdict, detail)


def _flip(plan: _Plan, turned: np.ndarray, score: Score) -> Probe:
    kind = plan.scorer.task.kind
    if kind == "binary":
        # By a measure to which both classes are alike: where one is rare, turned labels alone
        # change an F1 or a precision by more than any knowledge of them.
        answers = [reply.numbers for reply in plan.replies["flip"]]
        lost, unit = plan.ranks(score.predictions) - plan.ranks(answers, turned), 1.0
    else:
        lost = score.val_auc - plan.score("flip", turned)
        unit = plan.scorer.once("unit", _unit)
    detail = f"true labels score {lost:+.4f} above turned ones"
    limit = FLIP_REJECT_VALUES if kind == "regression" else FLIP_REJECT
    return _judged("label flip", lost / unit, limit, detail, FLIP_REVIEW)


def _twin(plan: _Plan, twins: list, score: Score, limit: float) -> Probe:
    real = score.val_auc - twins[0].reference_on_true
    made = np.mean([plan.score(f"twin{i}", t.labels) - t.reference for i, t in enumerate(twins)])
    detail = f"gain over a plain model {real:+.4f} on true labels, {made:+.4f} on like ones"
    probe = _judged("twin labels", real - float(made), limit, detail, TWIN_REVIEW)
    if probe.verdict == "reject" and plan.scorer.task.name != HEART.name:
        # On one's own data (text, many rows) an honest program may see what the plain models
        # do not: the threshold was measured on HEART.
        return replace(probe, verdict="review")
    return probe


def _shuffle(plan: _Plan, shuffles: list[np.ndarray]) -> Probe:
    value = float(np.mean([plan.score(f"shuffle{i}", y) for i, y in enumerate(shuffles)]))
    guess = max(_guessing(plan.scorer, shuffles), _own_guesses(plan, shuffles))
    value = (value - guess) / plan.scorer.once("unit", _unit)
    detail = f"shuffled labels, which nothing can predict, score {value:+.4f} against guessing"
    return _judged("shuffled labels", value, SHUFFLE_REJECT, detail)


def _own_guesses(plan: _Plan, shuffles: list[np.ndarray]) -> float:
    """What the program's own answers score when they are dealt out to the rows by chance.

    A constant guess scores 0 by a metric of classes where it never names the rare one; the program
    names it as often as it does.
    """
    scorer = plan.scorer
    if scorer.task.kind == "regression" or scorer.task.metric == "roc_auc":
        return -np.inf
    rng, scores = np.random.default_rng(0), []
    for i, labels in enumerate(shuffles):
        for rows, reply in zip(scorer.folds(), plan.replies[f"shuffle{i}"], strict=True):
            table = reply.numbers.reshape(len(rows.new), -1)
            for _ in range(DEALS):
                dealt = replace(reply, numbers=rng.permutation(table).ravel())
                scores.append(scorer.metric(rows.new, dealt, labels))
    return float(np.mean(scores))


def _unit(scorer) -> float:
    """One unit of the metric: 1 where it has a fixed range, a guess's error where it has not."""
    if not scorer.task.metric.startswith(("neg_", "max_error")):
        return 1.0
    return abs(_guessing(scorer, [scorer.split.y_train])) or 1.0


def _guessing(scorer, shuffles: list[np.ndarray]) -> float:
    """What guessing scores: the training rows' mean (or class shares), told of every row."""
    if scorer.task.metric == "roc_auc":
        return 0.5

    def told(y: np.ndarray, rows) -> np.ndarray:
        share = y[rows.train].mean()
        if scorer.task.kind == "multiclass":
            share = np.bincount(y[rows.train], minlength=scorer.task.n_outputs) / len(rows.train)
        return np.tile(share, (len(rows.new), 1))

    return float(np.mean([_scores(scorer, y, told) for y in shuffles]))


def _scores(scorer, y: np.ndarray, predict) -> list[float]:
    """The metric on every fold for what ``predict(y, rows)`` gives."""
    measure = scorer.task.score_predictions
    return [measure(y[rows.new], predict(y, rows)) for rows in scorer.folds()]


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
    both = [cross_val_predict(m, X, y, cv=outer, method="predict_proba") for m in (linear, forest)]
    p = np.mean(both, axis=0)[:, 1]
    rng = np.random.default_rng()
    drawn = [_draw_labels(scorer, p, rng) for _ in range(TWIN_DRAWS)]
    on_true = _reference_score(scorer, linear, y)
    return [_Twin(labels, _reference_score(scorer, linear, labels), on_true) for labels in drawn]


def _draw_labels(scorer, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw labels by their probabilities; where few rows are positive, as many in every fold.

    A fold of one class has no score, and that is no fault of the program.
    """
    y = scorer.split.y_train
    labels = (rng.random(len(y)) < p).astype(y.dtype)
    folds = [rows.new for rows in scorer.folds()]
    if all(0 < labels[new].mean() < 1 for new in folds):
        return labels
    # The rows that come out on top of log odds and logistic noise: a draw given their number.
    p = np.clip(p, 1e-6, 1 - 1e-6)
    latent = np.log(p / (1 - p)) + rng.logistic(size=len(y))
    labels = np.zeros_like(y)
    rest = np.setdiff1d(np.arange(len(y)), np.concatenate(folds))
    for rows in (*folds, rest):
        count = int(y[rows].sum())
        labels[rows[np.argsort(-latent[rows])[:count]]] = 1
    return labels


def reference_models(X: pd.DataFrame):
    """Make the plain models: any column types, missing values allowed."""
    from sklearn.base import clone
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    others = OneHotEncoder(handle_unknown="ignore", min_frequency=5)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (others, make_column_selector(dtype_exclude="number")),
    )
    linear = LogisticRegression(max_iter=500)
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    return make_pipeline(columns, linear), make_pipeline(clone(columns), forest)


def _reference_score(scorer, model, labels: np.ndarray) -> float:
    X = scorer.split.X_train

    def fitted(y: np.ndarray, rows) -> np.ndarray:
        return model.fit(X.iloc[rows.train], y[rows.train]).predict_proba(X.iloc[rows.new])[:, [1]]

    return float(np.mean(_scores(scorer, labels, fitted)))
