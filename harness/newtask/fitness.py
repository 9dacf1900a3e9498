"""Is a table fit to learn from? Leaks, identifiers, copies, too few rows: told in plain words."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.newtask.columns import MANY, looks_like_id
from harness.newtask.words import WORDS, hint, no, say
from harness.task import Task, area_under_roc

MIN_ROWS = 50  # fewer: five folds of eight rows measure luck
FEW_ROWS = 200
MIN_PER_CLASS, FEW_PER_CLASS = 10, 30
COPY = 0.9999  # association from which on a column is the target under another name
CLOSE = 0.98
HOLES = 0.9  # the same for where a column is empty: nature does not tell so much
SAME = 0.95  # share of a column's variance between the values of a key of repeated measures
SUM = {"binary": 0.0, "regression": 0.995}  # correlation of a sum with the target
MOSTLY_MISSING = 0.95
SOME = 10_000  # rows that tell whether a column leaks
MANY_COPIES = 0.5  # of the test rows that also stand in the training rows
DEFAULT_METRICS, ALSO_CALLED = WORDS["metrics"], WORDS["also_called"]


class Finding(NamedTuple):
    """One thing that is wrong, or may be."""

    refuse: bool  # whether it ends the making of a task
    text: str


def _find(refused: bool, key: str, **values: object) -> Finding:
    return Finding(refused, say(key, **values))


refuse, warn = partial(_find, True), partial(_find, False)


def examine(task: Task, keep: tuple[str, ...] = ()) -> list[Finding]:
    """Look a task's data over, refusals first; what is in `keep` a person vouches for."""
    X, y = task.load()
    found = [*_target(task, y), *_roles(task, X)]
    if not any(f.refuse for f in found):
        key = None if task.groups else _key(task, X, y)
        found += [*_split(task, y), *_columns(task, X, key)]
        some = np.random.default_rng(0).permutation(len(y))[:SOME]
        X, y = X.iloc[some], y[some]
        found += [*_leaks(task, X, y, keep, key), *_sums(task, X, y)]
    return sorted(found, key=lambda f: not f.refuse)


def _target(task: Task, y: np.ndarray) -> Iterator[Finding]:
    n, target = len(y), task.target
    if task.kind == "regression":
        if not np.isfinite(y).all():
            yield refuse("infinite_target", target=target)
        elif np.ptp(y) == 0:
            yield refuse("one_value", target=target)
    else:
        counts = np.bincount(y[y >= 0], minlength=2)
        names = task.labels or (f"not {'/'.join(task.positive)}", "/".join(task.positive))
        label, least = names[int(counts.argmin())], counts.min()
        if (counts > 0).sum() < 2:
            yield refuse("one_class", target=target, label=names[int(counts.argmax())])
        elif least < MIN_PER_CLASS:
            numbers = pd.to_numeric(pd.Series(names), "coerce").notna().all()
            quantity = say("as_quantity") if task.kind == "multiclass" and numbers else ""
            told = {"target": target, "label": label, "n": least, "quantity": quantity}
            yield refuse("rare_class", **told, least=MIN_PER_CLASS)
        elif least < FEW_PER_CLASS:
            yield warn("few_of_class", label=label, n=least)
    if n < MIN_ROWS:
        yield refuse("too_few", n=n, least=MIN_ROWS)
    elif n < FEW_ROWS:
        yield warn("few_rows", n=n)


def _roles(task: Task, X: pd.DataFrame) -> Iterator[Finding]:
    for role in ("groups", "time"):
        name, least = getattr(task, role), 2 * task.n_folds
        if name is None:
            continue
        told = {"role": role, "name": name, "n": X[name].nunique()}
        if gaps := int(X[name].isna().sum()):
            yield refuse("role_gaps", **told | {"n": gaps})
        elif role == "time" and X[name].dtype.kind not in "Mf":
            yield refuse("no_order", **told)
        elif role == "time" and told["n"] < least + 2:
            yield refuse("few_moments", **told)
        elif role == "groups" and told["n"] < least:
            yield refuse("few_groups", **told, least=least, folds=task.n_folds)
        elif role == "groups" and told["n"] == len(X):
            yield warn("no_groups", **told)


def _split(task: Task, y: np.ndarray) -> Iterator[Finding]:
    """Cut as the task will be cut, and look at the parts."""
    try:
        split = task.split()
        folds = task.folds(split.X_train, split.y_train)
    except ValueError as err:
        yield refuse("no_cut", n=task.n_folds, why=err)
        return
    parts = {"the sealed test": (split.y_test, split.y_train)}
    for k, (train, val) in enumerate(folds):
        parts[f"fold {k + 1}"] = split.y_train[val], split.y_train[train]
    for name, (asked, learned) in parts.items():
        if not len(asked) or not len(learned):
            yield refuse("no_part", part=name)
            return
        classes = [] if task.kind == "regression" else np.arange(max(task.n_outputs, 2))
        for what, labels in ((name, asked), (f"the training rows of {name}", learned)):
            if len(gone := np.setdiff1d(classes, labels)):
                label = (task.labels or ("0", "1"))[int(gone[0])]
                yield refuse("lacks_class", part=what, label=label)
                return
    yield from _copies(split)


def _copies(split) -> Iterator[Finding]:
    X, tables = split.X_train, (split.X_train, split.X_test)
    train, test = (pd.util.hash_pandas_object(some, index=False).to_numpy() for some in tables)
    n = len(train) + len(test)
    extra = n - len(np.union1d(train, test))
    bits = np.log2([max(X[name].nunique(), 1) for name in X.columns[:99]]).sum()
    if not extra or bits < 2 * np.log2(n) + 6:  # so few combinations come twice by chance
        return
    crossing = int(np.isin(test, train).sum())
    are = "rows are copies of others" if extra > 1 else "row is a copy of another"
    stand = "stand" if crossing != 1 else "stands"
    copies = say("copies", n=extra, are=are, crossing=crossing, test=len(test), stand=stand)
    most = crossing > MANY_COPIES * max(len(test), 1)
    yield Finding(most, say("copies_most" if most else "copies_some", copies=copies))


def _leaks(task: Task, X: pd.DataFrame, y: np.ndarray, keep, key) -> Iterator[Finding]:
    for name in X.columns:
        if name in (task.groups, key):
            continue
        strength, how = association(task, X[name], y)
        if strength < HOLES:
            continue
        together = say("together", name=name) if _recurs(task, X[name]) else ""
        if strength >= COPY and name not in keep:
            yield refuse("leak", name=name, how=how, together=together)
        elif strength >= CLOSE or how.endswith("empty"):
            yield warn("near_leak", name=name, how=how, together=together)


def _recurs(task: Task, values: pd.Series) -> bool:
    """Whether a column could be the key of repeated measures: many values that come again."""
    if values.dtype.kind == "f" and (values % 1 != 0).any():
        return False
    return 2 * task.n_folds <= values.nunique() < len(values) / 1.5


def _key(task: Task, X: pd.DataFrame, y: np.ndarray) -> str | None:
    """The column, if any, inside whose values other columns or the target hardly vary."""
    names = (name for name in X if X[name].dtype.kind == "f" and X[name].nunique() > 10)
    filled = {name: X[name].fillna(X[name].median()).to_numpy() for name in islice(names, 30)}
    best = (0, 0, None)
    for name in X.columns[:1000]:
        if name == task.time or not _recurs(task, X[name]):
            continue
        codes = pd.factorize(X[name], use_na_sentinel=False)[0]
        others = [numbers for other, numbers in filled.items() if other != name]
        fixed = sum(_explained(codes, numbers) > SAME for numbers in others)
        same = _purity(task, codes, y) > CLOSE and (looks_like_id(name) or codes.max() >= MANY)
        if same or (fixed and fixed >= max(min(2, len(others)), 0.3 * len(others))):
            best = max(best, (fixed, codes.max(), name), key=lambda b: b[:2])
    return best[2]


def _sums(task: Task, X: pd.DataFrame, y: np.ndarray) -> Iterator[Finding]:
    """Numbers whose sum or difference gives the target."""
    M = X.select_dtypes("number")
    M = M.loc[:, (M.nunique() > 2) & (M.isna().mean() < 0.2)]
    if not 1 < M.shape[1] < min(len(y) / 5, 300) or task.kind == "multiclass":
        return
    Z = ((M - M.mean()) / M.std()).fillna(0).to_numpy()
    order = np.argsort(-np.abs(np.linalg.lstsq(Z, y - y.mean(), rcond=None)[0]))
    for k in range(1, min(4, len(order)) + 1):
        part = Z[:, order[:k]]
        fit = part @ np.linalg.lstsq(part, y - y.mean(), rcond=None)[0]
        if _separation(task, fit, y) >= CLOSE and np.corrcoef(fit, y)[0, 1] >= SUM[task.kind]:
            if k > 1:
                yield warn("sum", names=" and ".join(f"'{M.columns[i]}'" for i in order[:k]))
            return


def association(task: Task, values: pd.Series, y: np.ndarray) -> tuple[float, str]:
    """Tell how well one column alone gives the target, from 0 to 1, and how that was measured."""
    found, holes = [(0.0, "")], values.isna().to_numpy()
    if 0 < holes.mean() < 1:
        found.append((_separation(task, holes.astype(float), y), "by where it is empty"))
    if values.dtype.kind in "Mf":
        numbers = values[~holes].astype("int64" if values.dtype.kind == "M" else float)
        if len(numbers) > 0.5 * len(y):
            found.append((_separation(task, numbers.to_numpy(float), y[~holes]), "by its order"))
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    if codes.max() < max(20, len(y) // 10):
        found.append((_purity(task, codes, y), "by its values"))
    return max(found)


def _separation(task: Task, numbers: np.ndarray, y: np.ndarray) -> float:
    """Area under the ROC curve either way round, one against the rest; rank correlation."""
    if np.ptp(numbers) == 0 or np.ptp(y) == 0:
        return 0.0
    if task.kind == "regression":
        ranks = pd.Series(numbers).rank(), pd.Series(y).rank()
        return float(abs(np.corrcoef(*ranks)[0, 1]))
    try:
        classes = range(task.n_outputs) if task.n_outputs > 1 else [1]
        aucs = [area_under_roc(y == k, numbers) for k in classes]
    except ValueError:  # these rows lack a class
        return 0.0
    return min(max(auc, 1 - auc) for auc in aucs)  # a copy of the target tells every class


def _explained(codes: np.ndarray, y: np.ndarray) -> float:
    """Share of the variance between groups, adjusted for their number."""
    sizes = np.bincount(codes)
    means, free = np.bincount(codes, y) / sizes, len(y) - len(sizes)
    left, whole = np.square(y - means[codes]).sum(), np.square(y - y.mean()).sum()
    return float(max(0.0, 1 - (left / free) / (whole / (len(y) - 1)))) if free > 0 < whole else 0.0


def _purity(task: Task, codes: np.ndarray, y: np.ndarray) -> float:
    """How much better than guessing rows are told by the value of this column alone."""
    if task.kind == "regression":
        return _explained(codes, y)
    k = int(y.max()) + 1
    table = np.bincount(codes * k + y.astype(int), minlength=(codes.max() + 1) * k).reshape(-1, k)
    again = table.sum(axis=1) > 1  # values seen once are always pure, so they do not count
    sure = (table.max(axis=1) - 1)[again].sum() / max((table.sum(axis=1) - 1)[again].sum(), 1)
    guess = np.bincount(y).max() / len(y)
    return float(max(0.0, (sure - guess) / (1 - guess)))


def _columns(task: Task, X: pd.DataFrame, key: str | None) -> Iterator[Finding]:
    empty = X.isna().mean()
    empty = empty[empty > MOSTLY_MISSING]
    for name, share in empty.iloc[:5].items():
        yield warn("mostly_empty", name=name, share=share)
    if len(empty) > 5:
        yield warn("more_empty", n=len(empty) - 5)
    if key:
        yield warn("measures", name=key, k=X[key].nunique(), n=len(X))
    for name in X.columns if task.groups is None else ():
        if name != key and looks_like_id(name) and _recurs(task, X[name]):
            yield warn("comes_back", name=name, k=X[name].nunique(), n=len(X))
    date = next((name for name, kind in task.columns if kind.startswith("date")), None)
    if date and task.time is None:
        yield warn("is_date", name=date)


def check_metric(task: Task) -> None:
    """Make sure that the metric suits the kind of task, or raise with what to use instead."""
    from sklearn.metrics import get_scorer, get_scorer_names

    name, kind, instead = task.metric, task.kind, DEFAULT_METRICS[task.kind]
    if name not in get_scorer_names():
        word = name.lower().replace("-", "_").replace(" ", "_")
        near = [known for known, also in ALSO_CALLED.items() if word in also.split()]
        raise no("no_metric", name=name, hint=hint(name, near or get_scorer_names(), 0.0))
    family = get_scorer(name)._score_func.__module__
    if "cluster" in family or family.endswith("_regression") != (kind == "regression"):
        raise no("other_metric", name=name, kind=kind, instead=instead)
    y = np.arange(60) % max(task.n_outputs, 2) if kind != "regression" else np.arange(1.0, 61)
    good = np.eye(task.n_outputs)[y] if kind == "multiclass" else y[:, None]
    try:
        scores = [task.score_predictions(y, p) for p in (good, np.roll(good, 1, axis=0))]
    except ValueError as err:
        why = " ".join(str(err).split())
        raise no("cannot_score", name=name, kind=kind, why=why, instead=instead) from None
    if not (np.isfinite(scores).all() and scores[0] > scores[1]):
        raise no("blind_metric", name=name)
