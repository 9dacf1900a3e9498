"""What is measured: the data, the split, the folds, the metric and the time budget of a task.

Everything here is frozen for the length of a run. `HEART` is the course's task; ground facts about
it (counts, columns, the baseline's score) stand in `heart.toml` and nowhere else.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness import CALL, DATA, REPO, RESTORE
from harness.files import catalogue
from harness.task.table import CsvFormat, DataError, read_file, read_table

TASKS = REPO / "tasks"  # the user's own, made by `ratchet new`

FACTS = catalogue(Path(__file__).with_name("heart"))
N_FEATURES, N_POSITIVE, N_ROWS = FACTS["n_features"], FACTS["n_positive"], FACTS["heart"]["n_rows"]
BASELINE_VAL_AUC, COLUMNS = FACTS["baseline_val_auc"], FACTS["columns"]
NUMERIC, CATEGORICAL = tuple(FACTS["numeric"]), tuple(FACTS["categorical"])

Rows = tuple[np.ndarray, np.ndarray]  # their positions: to learn from, to be asked


class Split(NamedTuple):
    """Train and sealed test rows, in a frozen order; see `Task.split`."""

    X_train: pd.DataFrame
    y_train: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray


@dataclass(frozen=True)
class Task:
    """A frozen prediction problem: which data, cut how, scored by which metric."""

    name: str  # also decides the order in which rows are shown to a candidate
    path: Path | None = None  # CSV file with a header line; None for a task from `from_frames`
    sha256: str = ""  # of the file's bytes, checked at every load
    target: str = "target"  # column that is predicted
    positive: tuple[str, ...] = ()  # binary: values of the target that count as class 1
    kind: str = "binary"  # or "multiclass", "regression"
    metric: str = "roc_auc"  # a scikit-learn scorer name; greater is better
    n_folds: int = 5
    fold_seed: int = 42
    split_seed: int = 42
    test_size: float = 0.20  # share of the rows that is sealed
    budget_s: float = 180.0  # wall-clock seconds for one candidate's whole score
    groups: str | None = None  # column whose values are never shared between folds
    time: str | None = None  # column that orders the rows
    subgroup: str | None = None  # column whose values an audit looks at one by one
    baseline: float = float("-inf")  # the start's score: `evaluate` probes what is better
    # Features and how each is read, see `table.py`.
    columns: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()  # multiclass: values of the target in the order of class codes
    # How the file is written; plain CSV if None.
    csv: CsvFormat | None = field(default=None, hash=False)
    n_rows: int = 0  # of the whole table as written down; 0 if nobody did
    folder: Path | None = None  # where a task of one's own lives; None for the course's own
    frames: tuple[pd.DataFrame, np.ndarray] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_frames(cls, name: str, X: pd.DataFrame, y: np.ndarray, **choices) -> "Task":
        """Make a task from tables in memory (`X` of shape (n, p), `y` of shape (n,))."""
        return cls(name=name, frames=(X.reset_index(drop=True), np.asarray(y)), **choices)

    def with_budget(self, seconds: float) -> "Task":
        """Return the same task with another time budget."""
        return replace(self, budget_s=seconds)

    @property
    def ref(self) -> str:
        """What `get_task` finds this task by, for records: its name, or its folder."""
        if self.folder is None or self.folder == TASKS / self.name:
            return self.name
        return str(self.folder)

    @property
    def files(self) -> tuple[Path, ...]:
        """Files outside the harness that decide a score: part of a run's fingerprint."""
        return () if self.folder is None else (self.folder / "task.toml", self.path)

    def start(self) -> tuple[bytes, bytes]:
        """Read the starting `train.py` and `program.md`.

        Raises a DataError if one of them is missing.
        """
        folder = self.folder or REPO
        files = folder / "train.py", folder / "program.md"
        return tuple(read_file(file, RESTORE) for file in files)

    def read_bytes(self) -> bytes:
        """Read the data file and check it against its SHA-256.

        Raises a DataError if the file is missing or its bytes have changed.
        """
        cure = "restore it, for example with `git checkout -- harness/data`"
        if self.folder is not None:
            cure = f"put the old file back, or make a new task from the new one with `{CALL} new`"
        raw = read_file(self.path, cure, "data file ")
        found = hashlib.sha256(raw).hexdigest()
        if found != self.sha256:
            differ = f"SHA-256 {found[:12]}…, expected {self.sha256[:12]}…"
            raise DataError(f"data file {self.path} has changed ({differ}): {cure}")
        return raw

    def load(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Load features (n_rows, n_features) and target (n_rows,); missing values stay missing.

        The target is 0/1 for binary tasks, class codes for multiclass, float64 for regression.
        """
        if self.frames is not None:
            return self.frames
        X, target = read_table(self.read_bytes(), self.columns, self.target, self.csv)
        return X, self.encode(target)

    def encode(self, target: pd.Series) -> np.ndarray:
        if self.kind == "regression":
            return pd.to_numeric(target).to_numpy(np.float64)
        text = target.astype(str)
        if self.kind == "binary":
            return text.isin(self.positive).to_numpy().astype(np.int64)
        labels = self.labels or sorted(text.unique())
        return pd.Categorical(text, categories=labels).codes.astype(np.int64)

    @cached_property
    def n_outputs(self) -> int:
        """Numbers that a candidate must return per row: classes if multiclass, else one."""
        if self.kind != "multiclass":
            return 1
        return len(self.labels) or int(self.load()[1].max()) + 1

    def split(self) -> Split:
        """Cut off the sealed test rows. With ``test_size=0`` there are none."""
        X, y = self.load()
        train, test = self._split_positions(X, y)
        X_train, X_test = (X.iloc[rows].reset_index(drop=True) for rows in (train, test))
        return Split(X_train, y[train], X_test, y[test])

    def _split_positions(self, X: pd.DataFrame, y: np.ndarray) -> Rows:
        from sklearn import model_selection

        rows = np.arange(len(X))
        held_out = {"test_size": self.test_size, "random_state": self.split_seed}
        if self.test_size == 0:
            return rows, rows[:0]
        if self.time is not None:  # the test is the future
            order, moments = self._in_time(X)
            cut = len(X) - int(np.ceil(self.test_size * len(X)))
            cut = np.searchsorted(moments, moments[cut])
            return order[:cut], order[cut:]
        if self.groups is not None:
            return self._whole_groups(X[self.groups].to_numpy())
        strata = None if self.kind == "regression" else y
        return model_selection.train_test_split(rows, stratify=strata, **held_out)

    def _whole_groups(self, groups: np.ndarray) -> Rows:
        """Seal whole groups, drawn in a frozen order, with about `test_size` of the rows.

        A group that would take the sealed rows further from that share than they are stays.
        """
        _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        wanted, sealed = self.test_size * len(groups), []
        for group in np.random.default_rng(self.split_seed).permutation(len(sizes)):
            have = sizes[sealed].sum()
            if abs(have + sizes[group] - wanted) < abs(have - wanted):
                sealed.append(group)
        test = np.isin(codes, sealed)
        return np.flatnonzero(~test), np.flatnonzero(test)

    def fresh_seeds(self, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """Give fold seeds whose folds are others than the frozen ones, and than each other's.

        A seed that this task froze steps aside. Folds in time have no seed: there are none. Few
        groups can be dealt in few ways: seeds that deal them as another did are left out.
        """
        if self.time is not None:
            return ()
        seeds = tuple(seed + 100_000 * (seed == self.fold_seed) for seed in seeds)
        if self.groups is None:
            return seeds
        split = self.split()
        ways = {}
        for seed in (self.fold_seed, *seeds):
            folds = self.folds(split.X_train, split.y_train, seed)
            ways.setdefault(frozenset(np.sort(new).tobytes() for _, new in folds), seed)
        return tuple(seed for seed in ways.values() if seed != self.fold_seed)

    @property
    def measure(self) -> str:
        """Say in words what `val_auc` is here, for those who search."""
        name = "ROC AUC" if self.metric == "roc_auc" else self.metric
        folds = f"{self.n_folds} fixed folds"
        if self.groups is not None:
            folds += f" between which rows of one `{self.groups}` never part"
        if self.time is not None:
            folds += f" in the order of `{self.time}`, each later than the rows it is learned from"
        error = self.metric.startswith("neg_")
        better = "an error with its sign turned, higher is better" if error else "higher is better"
        limit = f"; the folds together may take {self.budget_s:g} s"
        return f"mean {name} over {folds}, {better}{limit}"

    @cached_property
    def share(self) -> float:
        """Rows asked over rows trained on, mean over the frozen folds; 1/(K-1) for K-fold."""
        if self.time is None and self.groups is None:
            return 1 / (self.n_folds - 1)
        split = self.split()
        folds = self.folds(split.X_train, split.y_train)
        return float(np.mean([len(new) / len(train) for train, new in folds]))

    def _in_time(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Order the rows by time; cuts go before the first row of a moment, never through it."""
        moments = X[self.time].to_numpy()
        order = np.argsort(moments, kind="stable")
        return order, moments[order]

    def folds(self, X: pd.DataFrame, y: np.ndarray, seed: int | None = None) -> list[Rows]:
        """Give the cross-validation folds of rows as (train positions, validation positions).

        Another `seed` than the frozen one gives fresh folds, for rules and audits. Time-ordered
        folds have no seed and are always the same: there, "fresh" folds tell nothing new.
        """
        from sklearn import model_selection

        rows = np.arange(len(y))
        shuffled = {"shuffle": True, "random_state": self.fold_seed if seed is None else seed}
        if self.time is not None:
            order, moments = self._in_time(X)
            parts = [val for _, val in model_selection.TimeSeriesSplit(self.n_folds).split(rows)]
            cuts = [*np.searchsorted(moments, [moments[val[0]] for val in parts]), len(rows)]
            return [(order[:a], order[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]
        if self.groups is not None:
            strata = y if self.kind != "regression" else np.zeros(len(y), int)
            cutter = model_selection.StratifiedGroupKFold(self.n_folds, **shuffled)
            return list(cutter.split(rows, strata, X[self.groups].to_numpy()))
        cutter = model_selection.StratifiedKFold(self.n_folds, **shuffled)
        if self.kind == "regression":
            cutter = model_selection.KFold(self.n_folds, **shuffled)
        return list(cutter.split(rows, y))

    def score_predictions(self, y: np.ndarray, pred: np.ndarray, threshold: float = 0.5) -> float:
        """Compute the metric on the trusted side, of `y` (n,) and `pred` (n, n_outputs).

        What is predicted are scores of class 1, class probabilities, or values; class 1 begins at
        `threshold`, for metrics that need classes.
        """
        if self.kind == "binary" and self.metric == "roc_auc":
            return area_under_roc(y, pred[:, 0])
        from sklearn.metrics import get_scorer

        return float(get_scorer(self.metric)(self._given(pred, threshold), pred, y))

    def scored_classes(self, pred: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Turn a candidate's numbers into class codes (binary and multiclass tasks)."""
        if self.kind == "multiclass":
            return pred.argmax(axis=1)
        return (pred[:, 0] > threshold).astype(np.int64)

    def _given(self, pred: np.ndarray, threshold: float):
        """An estimator whose predictions are given, so that any scikit-learn scorer can judge."""
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

        kind, numbers, classes = self.kind, pred[:, 0], self.scored_classes(pred, threshold)

        class Given(RegressorMixin if kind == "regression" else ClassifierMixin, BaseEstimator):
            classes_ = np.arange(2 if kind == "binary" else pred.shape[1])

            def fit(self, X, y):
                return self

            def predict(self, X):
                return numbers if kind == "regression" else classes

            def predict_proba(self, X):
                if kind == "multiclass":
                    return pred
                p = numbers
                if threshold == 0.0:  # decision values: a logistic link keeps order and threshold
                    p = 1.0 / (1.0 + np.exp(-np.clip(p, -700, 700)))
                return np.column_stack([1.0 - p, p])

            def decision_function(self, X):
                return pred if kind == "multiclass" else numbers - threshold

        return Given()


def area_under_roc(y: np.ndarray, scores: np.ndarray) -> float:
    """Share of (positive, negative) pairs in the right order, ties counted half.

    The same number as scikit-learn's `roc_auc_score` at a tenth of its time, which matters because
    it is on the way of every step (Hanley and McNeil 1982, the Mann-Whitney form).

    Raises a ValueError if there is only one class.
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # the average rank of equal scores
    positive = y == 1
    n1 = int(positive.sum())
    n0 = len(y) - n1
    if n0 == 0 or n1 == 0:
        raise ValueError("the rows have only one class")
    return float((rank[place][positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1))


_HEART = {"positive": tuple("1234"), "baseline": BASELINE_VAL_AUC + 1e-6}
_HEART["columns"] = tuple((name, "number") for name in COLUMNS)
HEART, HUNGARY = (
    Task(**FACTS[name] | {"path": DATA / FACTS[name]["path"]}, **_HEART)
    for name in ("heart", "hungary")
)
