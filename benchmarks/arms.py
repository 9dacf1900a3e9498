"""Who competes: each arm gets training rows and a wall-clock budget, and predicts other rows.

All arms of a split see the same rows, the same budget and the same number of processor
cores. Candidates of the ratchet run in the real harness (sandboxed, warm workers); FLAML
and the forests run here, because their code is a library's.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness import REPO
from harness.agents import get_agent
from harness.run import loop
from harness.run.ratchet import Run
from harness.scoring.scorer import Scorer
from harness.task.task import HEART, Task

STARTING_POINT = REPO / "train.py"


@dataclass(frozen=True)
class Outcome:
    """What an arm came to on one split.

    `val_start` and `val_best` are its own estimates from the training rows (nan where it
    makes none); `predictions` are scores of class 1 for the rows that nothing saw.
    """

    predictions: np.ndarray
    seconds: float
    val_start: float = math.nan
    val_best: float = math.nan
    tries: int = 0
    kept: int = 0
    model: str = ""


@dataclass
class Setting:
    """Rows, budget and tools of one split, shared by its arms."""

    task: Task  # of the training rows alone: no row of X_new is in it
    X_train: pd.DataFrame
    y_train: np.ndarray
    X_new: pd.DataFrame
    budget_s: float
    iterations: int | None  # instead of the budget, for arms that are a ratchet
    cores: int
    seed: int
    scorer: Scorer

    def predict(self, source: str) -> np.ndarray:
        """Fit a candidate on all training rows and predict the new ones, isolated."""
        return self.scorer.predict(source, self.X_train, self.y_train, self.X_new)


class Remembering:
    """A scorer that scores no program twice, for arms that are held to a number of tries.

    The agent's runs under the different rules share most of their proposals, and a score is
    repeatable. Probes are left out: they change no score, and these agents do not cheat.
    """

    def __init__(self, scorer: Scorer):
        self._scorer, self._known = scorer, {}

    def __getattr__(self, name: str):
        return getattr(self._scorer, name)

    def _once(self, key: tuple, work):
        if key not in self._known:
            self._known[key] = work()
        return self._known[key]

    def score(self, source: str):
        return self._once(("score", source), lambda: self._scorer.score(source))

    def score_many(self, sources):
        return [self.score(source) for source in sources]

    def fold_scores(self, source: str, fold_seeds):
        return np.concatenate(
            [
                self._once(
                    ("folds", source, seed),
                    lambda seed=seed: self._scorer.fold_scores(source, [seed]),
                )
                for seed in fold_seeds
            ]
        )

    def probe(self, source: str, score):
        return score


def load_task(name: str) -> Task:
    """Find a binary task: `heart`, one that the harness knows, or one of scikit-learn's.

    Raises
    ------
    ValueError
        If there is none of that name, or it is not binary.
    """
    from harness.task.own import get_task
    from harness.task.table import DataError

    if name == "heart":
        return HEART
    if name in BUILT_IN:
        X, y = BUILT_IN[name]()
        return Task.from_frames(name, X.astype(float), y)
    try:
        task = get_task(name)
    except DataError as err:
        raise ValueError(f"{err}; or one of {', '.join(BUILT_IN)}") from None
    if task.kind != "binary":
        raise ValueError(f"this benchmark needs a binary task, {name} is {task.kind}")
    return task


def _breast_cancer() -> tuple[pd.DataFrame, np.ndarray]:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    return data.data, (data.target == 0).to_numpy().astype(int)  # 1: malignant


def _diabetes() -> tuple[pd.DataFrame, np.ndarray]:
    """442 patients; does the disease progress faster than in the median patient?"""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False)
    return data.data, (data.target > data.target.median()).to_numpy().astype(int)


BUILT_IN = {"breast_cancer": _breast_cancer, "diabetes": _diabetes}


# -- arms of the ratchet ------------------------------------------------------------------


def baseline(setting: Setting) -> Outcome:
    """The starting train.py as it is."""
    source = STARTING_POINT.read_text("utf-8")
    start = time.monotonic()
    p = setting.predict(source)
    return Outcome(p, time.monotonic() - start, model="train.py")


def ratchet(agent: str, rule: str):
    """Make an arm: the real loop with this agent and this rule."""

    def arm(setting: Setting) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            run = Run.open(
                "bench",
                root=Path(folder),
                task=setting.task,
                agent=agent,
                rule=rule,
                seed=setting.seed,
                scorer=setting.scorer,
            )
            proposer = get_agent(agent)
            start = time.monotonic()
            try:
                budget = None if setting.iterations else setting.budget_s
                loop.run(run, proposer, iterations=setting.iterations, time_budget=budget)
                seconds = time.monotonic() - start
                rows, best = run.ledger.rows, run.best
                p = setting.predict(best.source)
                hypothesis = rows[best.iteration].hypothesis
            finally:
                proposer.close()
                run.close()
        return Outcome(
            p,
            seconds,
            val_start=rows[0].val_auc,
            val_best=best.val_auc,
            tries=len(rows) - 1,
            kept=sum(row.decision == "kept" for row in rows),
            model=hypothesis,
        )

    return arm


# -- arms that are libraries ---------------------------------------------------------------


def flaml(setting: Setting) -> Outcome:
    """One call of FLAML (Wang et al. 2021) with the whole budget, its defaults otherwise."""
    from flaml import AutoML

    logging.getLogger("flaml").setLevel(logging.ERROR)
    automl = AutoML()
    start = time.monotonic()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        automl.fit(
            setting.X_train,
            setting.y_train,
            task="classification",
            metric="roc_auc",
            time_budget=setting.budget_s,
            n_jobs=setting.cores,
            seed=setting.seed,
            verbose=0,
        )
        seconds = time.monotonic() - start
        p = automl.predict_proba(setting.X_new)[:, 1]
    return Outcome(
        np.asarray(p),
        seconds,
        val_best=1 - automl.best_loss,
        tries=len(automl.config_history),
        model=str(automl.best_estimator),
    )


def constant(setting: Setting) -> Outcome:
    """AMLB's constant predictor: the share of class 1."""
    return Outcome(np.full(len(setting.X_new), setting.y_train.mean()), 0.0, model="prior")


FOREST = 2000  # trees, as in AMLB's definitions


def _imputed(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    middle = setting.X_train.median()
    return setting.X_train.fillna(middle).to_numpy(), setting.X_new.fillna(middle).to_numpy()


def random_forest(setting: Setting) -> Outcome:
    """AMLB's RandomForest: 2,000 trees, no tuning; it takes no notice of the budget."""
    from sklearn.ensemble import RandomForestClassifier

    X, X_new = _imputed(setting)
    model = RandomForestClassifier(FOREST, n_jobs=setting.cores, random_state=setting.seed)
    start = time.monotonic()
    model.fit(X, setting.y_train)
    seconds = time.monotonic() - start
    return Outcome(model.predict_proba(X_new)[:, 1], seconds, model=f"{FOREST} trees")


def max_features_grid(p: int) -> list[int]:
    """AMLB's values of max_features: the default, then up to five below and up to five above."""

    def uniform(start: int, end: int, length: int) -> list[int]:
        step = (end - start) / (length - 1)
        return sorted({int(start + i * step) for i in range(length)})

    default = max(1, int(math.sqrt(p)))
    below = uniform(1, default, 6)[:-1]
    above = uniform(default, p, 11 - len(below))[1:]
    return [default, *below, *above]


def tuned_random_forest(setting: Setting) -> Outcome:
    """AMLB's TunedRandomForest: `max_features` by cross-validation, then the best of them.

    As in its exec.py: the remaining time is shared out evenly over the values left and the
    final fit; forests of all five folds grow by ten trees at a time until their share is used
    or they have 2,000 trees.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    X, X_new = _imputed(setting)
    y, start, step = setting.y_train, time.monotonic(), 10
    folds = list(StratifiedKFold(5).split(X, y))

    def forest(value: int) -> RandomForestClassifier:
        return RandomForestClassifier(
            step,
            max_features=value,
            warm_start=True,
            n_jobs=setting.cores,
            random_state=setting.seed,
        )

    def grow(models: list, parts: list, until: float) -> None:
        """Fit, then add trees until the next round is expected to end after `until`."""
        while True:
            began = time.monotonic()
            for model, rows in zip(models, parts, strict=True):
                model.fit(X[rows], y[rows])
            now = time.monotonic()
            if models[0].n_estimators >= FOREST or now + (now - began) > until:
                return
            for model in models:
                model.n_estimators += step

    values, scores = max_features_grid(X.shape[1]), {}
    left = list(values)
    while left:
        now = time.monotonic()
        share = (start + setting.budget_s - now) / (len(left) + 1)
        if scores and share <= 0:
            break
        value = left.pop(0)
        models = [forest(value) for _ in folds]
        grow(models, [train for train, _ in folds], now + share)
        scores[value] = np.mean(
            [
                setting.task.score_predictions(y[val], m.predict_proba(X[val])[:, 1:])
                for m, (_, val) in zip(models, folds, strict=True)
            ]
        )
    best = max(scores, key=lambda value: (scores[value], value))
    model = forest(best)
    grow([model], [np.arange(len(y))], start + setting.budget_s)
    return Outcome(
        model.predict_proba(X_new)[:, 1],
        time.monotonic() - start,
        val_start=float(scores[values[0]]),
        val_best=float(scores[best]),
        tries=len(scores),
        model=f"max_features={best}, {model.n_estimators} trees",
    )
