"""Is a table fit to learn from? Leaks, identifiers, copies, too few rows: told in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.newtask.columns import looks_like_id
from harness.task import DataError, Task

MIN_ROWS = 50  # fewer: five folds of eight rows measure luck
FEW_ROWS = 200
MIN_PER_CLASS, FEW_PER_CLASS = 10, 30
COPY = 0.9999  # association from which on a column is the target under another name
CLOSE = 0.98
MOSTLY_MISSING = 0.95
MANY_COPIES = 0.5  # of the test rows that also stand in the training rows


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or may be: `refuse` ends the making of a task."""

    refuse: bool
    text: str


def examine(task: Task, keep: tuple[str, ...] = ()) -> list[Finding]:
    """Look a task's data over.

    Parameters
    ----------
    task : Task
        With everything chosen; its data is loaded here.
    keep : tuple of str
        Columns that a person vouches for: what would be refused is only warned about.

    Returns
    -------
    list of Finding
        Refusals first.
    """
    X, y = task.load()
    found = list(_target(task, y))
    if not any(f.refuse for f in found):
        found += _roles(task, X)
    if not any(f.refuse for f in found):
        found += [*_split(task, X, y), *_leaks(task, X, y, keep), *_columns(task, X)]
    return sorted(found, key=lambda f: not f.refuse)


def refuse(text: str) -> Finding:
    """Make a finding that ends the making of a task."""
    return Finding(True, text)


def warn(text: str) -> Finding:
    """Make a finding that is only told."""
    return Finding(False, text)


def _target(task: Task, y: np.ndarray) -> Iterator[Finding]:
    n = len(y)
    if task.kind == "regression":
        if not np.isfinite(y).all():
            yield refuse(f"target '{task.target}' has infinite values: mend those rows")
        elif np.ptp(y) == 0:
            yield refuse(f"target '{task.target}' has one value: there is nothing to predict")
    else:
        counts = np.bincount(y[y >= 0], minlength=2)
        names = task.labels or (f"not {'/'.join(task.positive)}", "/".join(task.positive))
        if (counts > 0).sum() < 2:
            only = names[int(counts.argmax())]
            yield refuse(
                f"target '{task.target}' has one class ('{only}' on every row): there is nothing "
                "to tell apart; check the file, or choose another --target or --positive"
            )
        elif counts.min() < MIN_PER_CLASS:
            few = names[int(counts.argmin())]
            yield refuse(
                f"class '{few}' has {counts.min()} rows, {MIN_PER_CLASS} are the least: collect "
                "more, join it with another class, or leave those rows out"
            )
        elif counts.min() < FEW_PER_CLASS:
            few = names[int(counts.argmin())]
            yield warn(f"class '{few}' has only {counts.min()} rows: scores will be noisy")
    if n < MIN_ROWS:
        yield refuse(f"{n} rows are too few, {MIN_ROWS} are the least: a score would be luck")
    elif n < FEW_ROWS:
        yield warn(f"{n} rows are few: most gains will be smaller than the noise, audit the run")


def _roles(task: Task, X: pd.DataFrame) -> Iterator[Finding]:
    for role, name in (("groups", task.groups), ("time", task.time)):
        if name is not None and X[name].isna().any():
            gaps = int(X[name].isna().sum())
            yield refuse(f"--{role} column '{name}' is empty on {gaps} rows: fill or drop them")
            return
    if task.groups is not None:
        k = X[task.groups].nunique()
        if k < 2 * task.n_folds:
            yield refuse(
                f"--groups column '{task.groups}' has {k} values, {2 * task.n_folds} are the "
                f"least for {task.n_folds} folds and a test: use fewer --folds, or other groups"
            )
        elif k == len(X):
            yield warn(f"--groups column '{task.groups}' differs on every row: it has no effect")
    if task.time is not None:
        if X[task.time].dtype.kind not in "Mf":
            yield refuse(
                f"--time column '{task.time}' holds neither dates nor numbers: write it like "
                "2026-01-31, or use --type to say what it is"
            )
        elif X[task.time].nunique() < 2 * (task.n_folds + 1):
            k = X[task.time].nunique()
            yield refuse(f"--time column '{task.time}' has {k} moments: too few to cut in folds")


def _split(task: Task, X: pd.DataFrame, y: np.ndarray) -> Iterator[Finding]:
    """Cut as the task will be cut, and look at the parts."""
    try:
        split = task.split()
        folds = task.folds(split.X_train, split.y_train)
    except ValueError as err:
        yield refuse(f"the rows cannot be cut into {task.n_folds} folds: {err}")
        return
    parts = [("the sealed test", split.y_test, split.y_train)]
    for k, (train, val) in enumerate(folds):
        parts.append((f"fold {k + 1}", split.y_train[val], split.y_train[train]))
    for name, asked, learned in parts:
        if not len(asked) or not len(learned):
            yield refuse(f"{name} has no rows: too many share one moment or group")
            return
        if task.kind == "regression":
            continue
        classes = np.arange(max(task.n_outputs, 2))
        for what, labels in ((name, asked), (f"the training rows of {name}", learned)):
            gone = np.setdiff1d(classes, labels)
            if len(gone):
                label = (task.labels or ("0", "1"))[gone[0]]
                yield refuse(
                    f"{what} would hold no row of class '{label}': the classes are too unevenly "
                    "spread over time or groups; use fewer --folds, or leave --time/--groups out"
                )
                return
    yield from _copies(split)


def _copies(split) -> Iterator[Finding]:
    keys = [
        pd.util.hash_pandas_object(X, index=False).to_numpy() for X in (split.X_train, split.X_test)
    ]
    both = np.concatenate(keys)
    extra = len(both) - len(np.unique(both))
    if not extra:
        return
    crossing = int(np.isin(keys[1], keys[0]).sum())
    share = crossing / max(len(keys[1]), 1)
    text = (
        f"{extra} {'rows are copies of others' if extra > 1 else 'row is a copy of another'} in "
        f"every column, and {crossing} of the {len(keys[1])} test rows also "
        f"{'stand' if crossing != 1 else 'stands'} among the training rows"
    )
    if share > MANY_COPIES:
        yield refuse(f"{text}: drop the copies, or keep them together with --groups")
    else:
        yield warn(f"{text}: scores may flatter; drop the copies, or use --groups")


def _leaks(task: Task, X: pd.DataFrame, y: np.ndarray, keep: tuple[str, ...]) -> Iterator[Finding]:
    for name in X.columns:
        if name == task.groups:
            continue
        strength, how = association(task, X[name], y)
        if strength >= COPY and name not in keep:
            yield refuse(
                f"column '{name}' gives the target away ({how}): --drop '{name}', or --keep "
                f"'{name}' if it is known before the target is"
            )
        elif strength >= CLOSE:
            yield warn(
                f"column '{name}' alone nearly tells the target ({how}): is it known before the "
                f"target is? If not, --drop '{name}'"
            )


def association(task: Task, values: pd.Series, y: np.ndarray) -> tuple[float, str]:
    """Tell how well one column alone gives the target, from 0 to 1, and how that was measured."""
    best = (0.0, "")
    holes = values.isna().to_numpy()
    if 0 < holes.mean() < 1:
        best = max(best, (_separation(task, holes.astype(float), y), "by where it is empty"))
    if values.dtype.kind in "Mf":
        numbers = values.to_numpy()[~holes]
        numbers = (numbers.astype(np.int64) if values.dtype.kind == "M" else numbers).astype(float)
        if len(numbers) > 0.5 * len(y) and np.ptp(numbers) > 0:
            best = max(best, (_separation(task, numbers, y[~holes]), "by its order"))
    if values.nunique() <= max(20, len(y) // 10):
        best = max(best, (_purity(task, values, y), "by its values"))
    return best


def _separation(task: Task, numbers: np.ndarray, y: np.ndarray) -> float:
    """Area under the ROC curve either way round, one against the rest; rank correlation."""
    from scipy.stats import rankdata

    ranks = rankdata(numbers)
    if task.kind == "regression":
        if np.ptp(y) == 0 or np.ptp(ranks) == 0:
            return 0.0
        return float(abs(np.corrcoef(ranks, rankdata(y))[0, 1]))
    aucs = []
    for k in range(max(task.n_outputs, 2)):
        mine = y == k
        a, b = int(mine.sum()), int((~mine).sum())
        if not a or not b:
            return 0.0
        auc = (ranks[mine].sum() - a * (a + 1) / 2) / (a * b)
        aucs.append(max(auc, 1 - auc))
    return float(min(aucs))  # a copy of the target tells every class


def _purity(task: Task, values: pd.Series, y: np.ndarray) -> float:
    """How much better than guessing rows are told by the value of this column alone."""
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    sizes = np.bincount(codes)
    if task.kind == "regression":
        means = np.bincount(codes, y) / sizes
        left, whole = np.square(y - means[codes]).sum(), np.square(y - y.mean()).sum()
        free = len(y) - len(sizes)
        if free <= 0:
            return 0.0
        return float(max(0.0, 1 - (left / free) / (whole / (len(y) - 1))))
    table = np.zeros((len(sizes), max(task.n_outputs, 2)))
    np.add.at(table, (codes, y), 1)
    # Values seen once are always pure, so they do not count.
    sure = (table.max(axis=1) - 1)[sizes > 1].sum() / max((sizes - 1)[sizes > 1].sum(), 1)
    guess = np.bincount(y).max() / len(y)
    return float(max(0.0, (sure - guess) / (1 - guess)))


def _columns(task: Task, X: pd.DataFrame) -> Iterator[Finding]:
    types = dict(task.columns)
    for name in X.columns:
        share = X[name].isna().mean()
        if share > MOSTLY_MISSING:
            yield warn(f"column '{name}' is empty on {share:.0%} of the rows: --drop '{name}'?")
        k, n = X[name].nunique(), len(X)
        repeats = 1.5 * k < n and k >= 2 * task.n_folds
        if task.groups is None and looks_like_id(name) and repeats:
            yield warn(
                f"column '{name}' looks like an identifier that comes back ({k} values on {n} "
                f"rows): if its rows belong together, use --groups '{name}'"
            )
    dates = [name for name, kind in types.items() if kind.startswith("date")]
    if dates and task.time is None:
        yield warn(
            f"column '{dates[0]}' is a date: if the future is to be predicted from the past, use "
            f"--time '{dates[0]}'"
        )


def check_metric(task: Task) -> None:
    """Make sure that the metric suits the kind of task, on numbers made up for it.

    Raises
    ------
    DataError
        With what to use instead.
    """
    import difflib

    from sklearn.metrics import get_scorer, get_scorer_names

    name = task.metric
    if name not in get_scorer_names():
        known = _ALSO_CALLED.get(name.lower().replace("-", "_").replace(" ", "_"))
        near = [known] if known else difflib.get_close_matches(name, get_scorer_names(), 1)
        hint = f": did you mean '{near[0]}'?" if near else ": see `ratchet new --help`"
        raise DataError(f"scikit-learn has no scorer '{name}'{hint} (greater must be better)")
    family = get_scorer(name)._score_func.__module__
    for_numbers = family.endswith("_regression")
    if "cluster" in family or for_numbers != (task.kind == "regression"):
        raise DataError(
            f"metric '{name}' is not for {task.kind} tasks: use for example "
            f"'{DEFAULT_METRICS[task.kind]}'"
        )
    rng = np.random.default_rng(0)
    k = max(task.n_outputs, 2)
    y = np.arange(60) % k
    if task.kind == "regression":
        y = y + rng.random(60) + 1.0
        good, bad = y[:, None], rng.permutation(y)[:, None]
    elif task.kind == "binary":
        good, bad = np.where(y, 0.9, 0.1)[:, None], np.where(y, 0.4, 0.6)[:, None]
    else:
        good = np.eye(k)[y] * 0.9 + 0.1 / k
        bad = np.roll(good, 1, axis=1)
    try:
        scores = [task.score_predictions(y, p) for p in (good, bad)]
    except ValueError as err:
        raise DataError(
            f"metric '{name}' cannot score a {task.kind} task ({' '.join(str(err).split())}): use "
            f"for example '{DEFAULT_METRICS[task.kind]}'"
        ) from None
    if not (np.isfinite(scores).all() and scores[0] > scores[1]):
        raise DataError(f"metric '{name}' does not tell good predictions from bad ones here")


DEFAULT_METRICS = {"binary": "roc_auc", "multiclass": "roc_auc_ovr", "regression": "r2"}
_ALSO_CALLED = {
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "roc": "roc_auc",
    "ap": "average_precision",
    "pr_auc": "average_precision",
    "acc": "accuracy",
    "accuracy_score": "accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "f1_score": "f1",
    "log_loss": "neg_log_loss",
    "logloss": "neg_log_loss",
    "brier": "neg_brier_score",
    "brier_score": "neg_brier_score",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "rmsle": "neg_root_mean_squared_log_error",
    "r2_score": "r2",
    "r_squared": "r2",
}
