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
import time
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.tables import Start
from harness.agents import get_agent
from harness.evidence import certify
from harness.run import OutOfTime, loop
from harness.run.ratchet import Run
from harness.scoring.scorer import Scorer
from harness.task.task import Task


@dataclass(frozen=True)
class Outcome:
    """What an arm came to on one split.

    `val_start` and `val_best` are its own estimates from the training rows (nan where it
    makes none); `predictions`, shape (n,) or (n, n_outputs), are for the rows that nothing saw:
    scores of class 1 (which begins at `threshold`), class probabilities, or values.
    """

    predictions: np.ndarray
    seconds: float
    threshold: float = 0.5
    predict_seconds: float = math.nan  # where they are not what is left of the arm's time
    val_start: float = math.nan
    val_best: float = math.nan
    tries: int = 0
    kept: int = 0
    model: str = ""
    more: dict = field(default_factory=dict)  # what else its record shall say


@dataclass
class Setting:
    """Rows, budget and tools of one split, shared by its arms."""

    task: Task  # of the training rows alone: no row of X_new is in it
    start: Start
    X_train: pd.DataFrame
    y_train: np.ndarray
    X_new: pd.DataFrame
    budget_s: float
    iterations: int | None  # instead of the budget, for arms that are a ratchet
    cores: int
    seed: int
    scorer: Scorer
    folder: Path | None = None  # for runs
    searches: dict = field(default_factory=dict)  # of arms that share one

    def predict(self, source: str) -> tuple[np.ndarray, float]:
        """Fit a candidate on all training rows and predict the new ones, isolated.

        Returns
        -------
        predictions : ndarray of shape (n_new, n_outputs)
        threshold : float
        """
        return self.scorer.outputs(source, self.X_train, self.y_train, self.X_new)

    def search(self, agent: str, rule: str, certify: bool = False) -> Search:
        """Run the loop; what it came to is shared by the arms that ask for the same.

        With a certificate the search has half of the seconds, the certificate what is left. Where
        tries are counted both are the same search.
        """
        key = agent, rule, certify and not self.iterations
        if key not in self.searches:
            self.searches[key] = Search.made(self, *key)
        return self.searches[key]


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


# -- arms of the ratchet ------------------------------------------------------------------


def baseline(setting: Setting) -> Outcome:
    """The task's starting train.py as it is."""
    start = time.monotonic()
    p, threshold = setting.predict(setting.start.train)
    return Outcome(p, time.monotonic() - start, threshold, model="train.py")


@dataclass
class Search:
    """A run of the loop that has ended."""

    path: Path
    setting: Setting
    seconds: float
    val_start: float
    val_best: float
    tries: int
    kept: int
    source: str
    hypothesis: str
    certifying_s: float = 0.0

    @classmethod
    def made(cls, setting: Setting, agent: str, rule: str, certify: bool = False) -> Search:
        """Run the real loop with this agent and this rule; `certify` asks for a certificate too."""
        start = time.monotonic()
        run = Run.open(
            f"{agent}-{rule}" + "-certified" * certify,
            root=setting.folder,
            task=setting.task,
            agent=agent,
            rule=rule,
            seed=setting.seed,
            scorer=setting.scorer,
            start=(setting.start.train.encode(), setting.start.program.encode()),
        )
        proposer = get_agent(agent)
        try:
            budget = None if setting.iterations else setting.budget_s / (1 + certify)
            loop.run(run, proposer, iterations=setting.iterations, time_budget=budget)
            seconds = time.monotonic() - start
            rows, best = run.ledger.rows, run.best
            kept = sum(row.decision == "kept" for row in rows)
            figures = seconds, rows[0].val_auc, best.val_auc, len(rows) - 1, kept
            told = best.source, rows[best.iteration].hypothesis
            found = cls(run.path, setting, *figures, *told)
            if certify:
                with run.pace.until(start + setting.budget_s):
                    found.certify(run.pace.piece)
            return found
        finally:
            proposer.close()
            run.close()

    @cached_property
    def certificate(self):
        """What may be claimed of the run, made once; None if there was no time for it."""
        return self.certify()

    def certify(self, piece=contextlib.nullcontext):
        """Make the certificate, as a piece of work that may be out of time."""
        start, found = time.monotonic(), None
        with contextlib.suppress(OutOfTime), piece():
            found = certify(self.path, self.setting.scorer)
        self.certifying_s = time.monotonic() - start
        self.certificate = found
        return found

    def outcome(self, source: str, val_best: float, model: str, **more) -> Outcome:
        """A program of this run, on the new rows."""
        start = time.monotonic()
        p, threshold = self.setting.predict(source)
        times = self.seconds + self.certifying_s, threshold, time.monotonic() - start
        return Outcome(p, *times, self.val_start, val_best, self.tries, self.kept, model, more)


def ratchet(agent: str, rule: str):
    """Make an arm: the loop's working best."""

    def arm(setting: Setting) -> Outcome:
        found = setting.search(agent, rule)
        return found.outcome(found.source, found.val_best, found.hypothesis)

    return arm


def certified(agent: str, rule: str, anyway: bool = False):
    """Make an arm: what `ratchet adopt` offers, the certified program or else the start.

    `anyway` asks for the pruned program though it may not be certified. Where no time was left for
    a certificate nothing is certified.
    """

    def arm(setting: Setting) -> Outcome:
        run = setting.search(agent, rule, True)
        found = run.certificate
        if found is None:
            more = {"certified": False, "verdict": "no time", "certifying_s": run.certifying_s}
            if anyway:
                return run.outcome(run.source, run.val_best, "not pruned", **more)
            return run.outcome(setting.start.train, run.val_start, "train.py", **more)
        told = found.pruned or found.working
        more = {
            "certified": found.certified,
            "verdict": found.verdict(),
            "t": told.t if told else math.nan,
            "bar": found.bar,
            "left": len(found.pruned.edits) if found.pruned else 0,
            "edits_certified": len(found.edits),
            "certifying_s": run.certifying_s,
        }
        if found.pruned and (found.certified or anyway):
            return run.outcome(found.source, found.val_auc, "pruned", **more)
        return run.outcome(setting.start.train, run.val_start, "train.py", **more)

    return arm


# -- arms that are libraries ---------------------------------------------------------------


# What FLAML calls the metrics that it has; greater is better here, less is better there.
FLAML_METRICS = {
    "roc_auc": "roc_auc",
    "roc_auc_ovr": "roc_auc_ovr",
    "roc_auc_ovo": "roc_auc_ovo",
    "average_precision": "ap",
    "accuracy": "accuracy",
    "f1": "f1",
    "f1_macro": "macro_f1",
    "f1_micro": "micro_f1",
    "neg_log_loss": "log_loss",
    "r2": "r2",
    "neg_mean_squared_error": "mse",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
}


def no_library(task: Task) -> str:
    """Why no library can compete on a task; "" if they can."""
    if task.groups:
        return "libraries are left out: their folds would part rows that belong together"
    if task.metric not in FLAML_METRICS:
        return f"libraries are left out: they do not know the metric {task.metric}"
    return ""


def encoded(X: pd.DataFrame, X_new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give tables that a library can take: numbers with gaps, words as categories without.

    A missing word is a category of its own, a date counts days, free text is left out.
    """

    def one(values: pd.Series, seen: pd.Series) -> pd.Series | None:
        if pd.api.types.is_datetime64_any_dtype(seen):
            return (values - seen.min()) / pd.Timedelta(days=1)
        if pd.api.types.is_numeric_dtype(seen):
            return values.astype(float)
        if not isinstance(seen.dtype, pd.CategoricalDtype):
            return None
        known = [*map(str, seen.dropna().unique()), "(missing)"]
        text = values.astype(object).where(values.notna(), "(missing)").astype(str)
        return pd.Series(pd.Categorical(text.where(text.isin(known), "(missing)"), sorted(known)))

    tables = []
    for table in (X, X_new):
        table = table.reset_index(drop=True)
        made = {name: one(table[name], X[name]) for name in X}
        tables.append(pd.DataFrame({name: v for name, v in made.items() if v is not None}))
    return tables[0], tables[1]


def flaml(setting: Setting) -> Outcome:
    """One call of FLAML (Wang et al. 2021) with the whole budget, its defaults otherwise."""
    from flaml import AutoML

    logging.getLogger("flaml").setLevel(logging.ERROR)
    automl, task = AutoML(), setting.task
    X, X_new = encoded(setting.X_train, setting.X_new)
    start = time.monotonic()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        automl.fit(
            X,
            setting.y_train,
            task="regression" if task.kind == "regression" else "classification",
            metric=FLAML_METRICS[task.metric],
            time_budget=setting.budget_s,
            n_jobs=setting.cores,
            seed=setting.seed,
            verbose=0,
        )
        seconds = time.monotonic() - start
        p = automl.predict(X_new) if task.kind == "regression" else automl.predict_proba(X_new)
    p = np.asarray(p, float)
    loss = automl.best_loss
    return Outcome(
        p[:, 1] if task.kind == "binary" else p,
        seconds,
        val_best=-loss if task.metric.startswith("neg_") else 1 - loss,
        tries=len(automl.config_history),
        model=str(automl.best_estimator),
    )


def constant(setting: Setting) -> Outcome:
    """AMLB's constant predictor: the share of class 1."""
    return Outcome(np.full(len(setting.X_new), setting.y_train.mean()), 0.0, model="prior")


FOREST = 2000  # trees, as in AMLB's definitions


def _imputed(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    X, X_new = (
        pd.get_dummies(table, dtype=float) for table in encoded(setting.X_train, setting.X_new)
    )
    middle = X.median()
    return X.fillna(middle).to_numpy(), X_new.fillna(middle).to_numpy()


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
