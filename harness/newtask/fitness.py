"""Is a table fit to learn from? Leaks, identifiers, copies, too few rows: told in plain words."""

import difflib
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness import CALL
from harness.newtask.columns import looks_like_id
from harness.task import DataError, Task, area_under_roc

MIN_ROWS = 50  # fewer: five folds of eight rows measure luck
FEW_ROWS = 200
MIN_PER_CLASS, FEW_PER_CLASS = 10, 30
COPY = 0.9999  # association from which on a column is the target under another name
CLOSE = 0.98
MOSTLY_MISSING = 0.95
MANY_COPIES = 0.5  # of the test rows that also stand in the training rows
DEFAULT_METRICS = {"binary": "roc_auc", "multiclass": "roc_auc_ovr", "regression": "r2"}
ALSO_CALLED = {
    "roc_auc": "auc auroc roc",
    "average_precision": "ap pr_auc",
    "accuracy": "acc accuracy_score",
    "balanced_accuracy": "balanced_accuracy_score",
    "f1": "f1_score",
    "neg_log_loss": "log_loss logloss",
    "neg_brier_score": "brier brier_score",
    "neg_mean_squared_error": "mse",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
    "neg_mean_absolute_percentage_error": "mape",
    "neg_root_mean_squared_log_error": "rmsle",
    "r2": "r2_score r_squared",
}


class Finding(NamedTuple):
    """One thing that is wrong, or may be."""

    refuse: bool  # whether it ends the making of a task
    text: str


refuse, warn = partial(Finding, True), partial(Finding, False)


def examine(task: Task, keep: tuple[str, ...] = ()) -> list[Finding]:
    """Look a task's data over; refusals come first.

    Parameters
    ----------
    task : Task
        With everything chosen; its data is loaded here.
    keep : tuple of str
        Columns that a person vouches for: what would be refused is only warned about.
    """
    X, y = task.load()
    found = list(_target(task, y))
    if not any(f.refuse for f in found):
        found += _roles(task, X)
    if not any(f.refuse for f in found):
        found += [*_split(task, y), *_leaks(task, X, y, keep), *_columns(task, X)]
    return sorted(found, key=lambda f: not f.refuse)


def _target(task: Task, y: np.ndarray) -> Iterator[Finding]:
    n, target = len(y), f"target '{task.target}'"
    if task.kind == "regression":
        if not np.isfinite(y).all():
            yield refuse(f"{target} has infinite values: mend those rows")
        elif np.ptp(y) == 0:
            yield refuse(f"{target} has one value: there is nothing to predict")
    else:
        counts = np.bincount(y[y >= 0], minlength=2)
        names = task.labels or (f"not {'/'.join(task.positive)}", "/".join(task.positive))
        few, least = names[int(counts.argmin())], counts.min()
        if (counts > 0).sum() < 2:
            yield refuse(
                f"{target} has one class ('{names[int(counts.argmax())]}' on every row): there is "
                "nothing to tell apart; check the file, or choose another --target or --positive"
            )
        elif least < MIN_PER_CLASS:
            yield refuse(
                f"class '{few}' has {least} rows, {MIN_PER_CLASS} are the least: collect more, "
                "join it with another class, or leave those rows out"
            )
        elif least < FEW_PER_CLASS:
            yield warn(f"class '{few}' has only {least} rows: scores will be noisy")
    if n < MIN_ROWS:
        yield refuse(f"{n} rows are too few, {MIN_ROWS} are the least: a score would be luck")
    elif n < FEW_ROWS:
        yield warn(f"{n} rows are few: most gains will be smaller than the noise, audit the run")


def _roles(task: Task, X: pd.DataFrame) -> Iterator[Finding]:
    for role in ("groups", "time"):
        name, least = getattr(task, role), 2 * task.n_folds
        if name is None:
            continue
        what, k = f"--{role} column '{name}'", X[name].nunique()
        if gaps := int(X[name].isna().sum()):
            yield refuse(f"{what} is empty on {gaps} rows: fill or drop them")
        elif role == "time" and X[name].dtype.kind not in "Mf":
            yield refuse(
                f"{what} holds neither dates nor numbers: write it like 2026-01-31, or use --type "
                "to say what it is"
            )
        elif role == "time" and k < least + 2:
            yield refuse(f"{what} has {k} moments: too few to cut in folds")
        elif role == "groups" and k < least:
            yield refuse(
                f"{what} has {k} values, {least} are the least for {task.n_folds} folds and a "
                "test: use fewer --folds, or other groups"
            )
        elif role == "groups" and k == len(X):
            yield warn(f"{what} differs on every row: it has no effect")


def _split(task: Task, y: np.ndarray) -> Iterator[Finding]:
    """Cut as the task will be cut, and look at the parts."""
    try:
        split = task.split()
        folds = task.folds(split.X_train, split.y_train)
    except ValueError as err:
        yield refuse(f"the rows cannot be cut into {task.n_folds} folds: {err}")
        return
    parts = {"the sealed test": (split.y_test, split.y_train)}
    for k, (train, val) in enumerate(folds):
        parts[f"fold {k + 1}"] = split.y_train[val], split.y_train[train]
    for name, (asked, learned) in parts.items():
        if not len(asked) or not len(learned):
            yield refuse(f"{name} has no rows: too many share one moment or group")
            return
        classes = [] if task.kind == "regression" else np.arange(max(task.n_outputs, 2))
        for what, labels in ((name, asked), (f"the training rows of {name}", learned)):
            gone = np.setdiff1d(classes, labels)
            if len(gone):
                label = (task.labels or ("0", "1"))[int(gone[0])]
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
    found = [(0.0, "")]
    holes = values.isna().to_numpy()
    if 0 < holes.mean() < 1:
        found.append((_separation(task, holes.astype(float), y), "by where it is empty"))
    if values.dtype.kind in "Mf":
        numbers = values.to_numpy()[~holes]
        numbers = (numbers.astype(np.int64) if values.dtype.kind == "M" else numbers).astype(float)
        if len(numbers) > 0.5 * len(y) and np.ptp(numbers) > 0:
            found.append((_separation(task, numbers, y[~holes]), "by its order"))
    if values.nunique() <= max(20, len(y) // 10):
        found.append((_purity(task, values, y), "by its values"))
    return max(found)


def _separation(task: Task, numbers: np.ndarray, y: np.ndarray) -> float:
    """Area under the ROC curve either way round, one against the rest; rank correlation."""
    if task.kind == "regression":
        from scipy.stats import rankdata

        ranks = rankdata(numbers)
        if np.ptp(y) == 0 or np.ptp(ranks) == 0:
            return 0.0
        return float(abs(np.corrcoef(ranks, rankdata(y))[0, 1]))
    try:
        aucs = [area_under_roc(y == k, numbers) for k in range(max(task.n_outputs, 2))]
    except ValueError:  # these rows lack a class
        return 0.0
    return min(max(auc, 1 - auc) for auc in aucs)  # a copy of the target tells every class


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
    date = next((name for name, kind in task.columns if kind.startswith("date")), None)
    if date and task.time is None:
        yield warn(
            f"column '{date}' is a date: if the future is to be predicted from the past, use "
            f"--time '{date}'"
        )


def check_metric(task: Task) -> None:
    """Make sure that the metric suits the kind of task, on numbers made up for it.

    Raises
    ------
    DataError
        With what to use instead.
    """
    from sklearn.metrics import get_scorer, get_scorer_names

    name, instead = task.metric, f"use for example '{DEFAULT_METRICS[task.kind]}'"
    if name not in get_scorer_names():
        word = name.lower().replace("-", "_").replace(" ", "_")
        near = [known for known, also in ALSO_CALLED.items() if word in also.split()]
        near = near or difflib.get_close_matches(name, get_scorer_names(), 1)
        hint = f": did you mean '{near[0]}'?" if near else f": see `{CALL} new --help`"
        raise DataError(f"scikit-learn has no scorer '{name}'{hint} (greater must be better)")
    family = get_scorer(name)._score_func.__module__
    for_numbers = family.endswith("_regression")
    if "cluster" in family or for_numbers != (task.kind == "regression"):
        raise DataError(f"metric '{name}' is not for {task.kind} tasks: {instead}")
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
        why = " ".join(str(err).split())
        raise DataError(
            f"metric '{name}' cannot score a {task.kind} task ({why}): {instead}"
        ) from None
    if not (np.isfinite(scores).all() and scores[0] > scores[1]):
        raise DataError(f"metric '{name}' does not tell good predictions from bad ones here")
