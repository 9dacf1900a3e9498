"""Worlds in which the truth is known, for `benchmarks.false_keeps`.

A world is a population, a sample of it, and proposals: each says what a program becomes if it is
kept. Programs are tuples of edits. A world scores them by real cross-validation, as the scorer of
a run does (`fold_scores`), and knows what they are worth on 20,000 unseen rows (`truth`).

Most worlds are tables like HEART to which every proposal adds columns. A noise column is worth
less than nothing in the population, since it has to be estimated, but in these rows it may go with
the outcome by chance, on every fold split. Fits are batched over folds: the same numbers as
scikit-learn's at a fiftieth of the time (tests/benchmarks/test_false_keeps.py).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from harness.agents.playbook.null import COPIES
from harness.rules.certificate import Tries
from harness.task.task import HEART, NUMERIC, area_under_roc

N_TRAIN = 242  # rows of HEART's train split
UNSEEN = 20_000
Program = tuple[int, ...]  # the tries that were kept, in order


# -- populations --------------------------------------------------------------------------


@lru_cache(maxsize=1)
def heart_model() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HEART's rows (median-imputed, standardised), spread to add, and log odds of the rows."""
    X, y = HEART.load()
    X = X.fillna(X.median())
    spread = np.array([0.3 if name in NUMERIC else 0.0 for name in X.columns])
    Z = ((X - X.mean()) / X.std()).to_numpy()
    model = LogisticRegression(C=1.0, solver="newton-cholesky").fit(Z, y)
    return Z, spread, np.r_[model.coef_[0], model.intercept_]


def draw_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows like HEART's, shape (n, 13), and the log odds that HEART's model gives them.

    Rows are HEART's, with some spread added to the numeric columns.
    """
    Z, spread, coef = heart_model()
    X = Z[rng.integers(0, len(Z), n)] + rng.normal(size=(n, Z.shape[1])) * spread
    return X, X @ coef[:-1] + coef[-1]


def draw_patients(
    n: int, weight: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw patients like HEART's: table (n, 13), one hidden column (n,), outcome (n,).

    The log odds are those of HEART's model plus `weight` times the hidden column.
    """
    X, logit = draw_rows(n, rng)
    hidden = rng.normal(size=n)
    y = (rng.uniform(size=n) < expit(logit + weight * hidden)).astype(int)
    return X, hidden, y


@dataclass(frozen=True)
class Spec:
    """What a world is: all that `Table` needs apart from the number of the run."""

    kind: str = "binary"  # or "r2", "classes", "groups", "lightgbm"
    rows: int = N_TRAIN
    tries: int = 25
    block: int = 1  # columns that a try adds
    swaps: bool = False  # a try takes the place of the one before it
    real: int = 0  # tries that matter
    weight: float = 0.0  # of each, in log odds

    @property
    def null(self) -> bool:
        """Whether there is nothing to find."""
        return not self.real


def draw(spec: Spec, n: int, real: list[int], structure: np.random.Generator, rng) -> tuple:
    """Draw n rows: table (n, p), the tries' columns (n, tries * block), outcome and groups (n,).

    `structure` is for what the sample and the unseen rows share, `rng` for the rows.
    """
    extra = rng.normal(size=(n, (spec.tries + spec.swaps) * spec.block))
    if spec.kind == "r2":
        X, slopes = rng.normal(size=(n, 8)), structure.normal(size=8) / 3
        return X, extra, X @ slopes + rng.normal(size=n), None
    if spec.kind == "classes":
        means = structure.normal(size=(4, 8)) * 0.7
        y = rng.integers(0, 4, n)
        return means[y] + rng.normal(size=(n, 8)), extra, y, None
    X, logit = draw_rows(n, rng)
    groups = None
    if spec.kind == "groups":  # of 8 rows that share half of every column, and some of their risk
        groups = np.arange(n) // 8
        shared = rng.normal(size=(n // 8 + 1, extra.shape[1] + 1))[groups]
        extra = np.sqrt(0.5) * (extra + shared[:, :-1])
        logit = logit + 0.7 * shared[:, -1]
    logit = logit + spec.weight * extra[:, [j * spec.block for j in real]].sum(axis=1)
    return X, extra, (rng.uniform(size=n) < expit(logit)).astype(int), groups


# -- models and metrics, over a batch of folds -----------------------------------------------


def fit_predict(X: np.ndarray, y: np.ndarray, X_new: np.ndarray) -> np.ndarray:
    """The starting train.py in arrays: standardise, logistic regression with C=1."""
    mean, sd = spread(X)
    A = np.c_[(X - mean) / sd, np.ones(len(X))]
    w = logistic(A[None], y[None])[0]
    return np.c_[(X_new - mean) / sd, np.ones(len(X_new))] @ w


def spread(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column; 1 for a constant."""
    mean = X.mean(axis=0)
    sd = np.sqrt(np.square(X - mean).mean(axis=0))
    sd[sd == 0] = 1.0
    return mean, sd


def logistic(A: np.ndarray, y: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Logistic regression with C=1 by Newton's method, shapes (batch, n, p), (batch, n).

    The last column is the intercept, which is free. Rows of zeros count for nothing.
    """
    penalty = np.r_[np.ones(A.shape[2] - 1), 0.0]
    w = np.zeros((len(A), A.shape[2])) if start is None else start
    turned, ridge = A.transpose(0, 2, 1), np.diag(penalty)
    for _ in range(25):
        p = expit((A @ w[:, :, None])[:, :, 0])
        gradient = (turned @ (p - y)[:, :, None])[:, :, 0] + penalty * w
        curvature = turned @ (A * (p * (1 - p))[:, :, None]) + ridge
        curvature[:, -1, -1] += 1e-9  # a step that went too far leaves the intercept free
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        w = w - step
        if np.abs(step).max() < 1e-4:  # the next one would be its square
            return w
    if start is None:
        raise ArithmeticError("Newton's method does not settle")
    return logistic(A, y)  # that start was too far away


def linear(A: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares, shapes as for `logistic`."""
    turned = A.transpose(0, 2, 1)
    return np.linalg.solve(turned @ A, turned @ y[:, :, None])[:, :, 0]


def discriminant(A: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Linear discriminant analysis of four classes: weights of shape (batch, p, 4)."""
    one_hot = (y[:, :, None] == np.arange(4)) * np.abs(A).any(axis=2)[:, :, None]
    counts = one_hot.sum(axis=1)
    means = one_hot.transpose(0, 2, 1) @ A[:, :, :-1] / counts[:, :, None]
    rest = A[:, :, :-1] - one_hot @ means
    shared = rest.transpose(0, 2, 1) @ rest / counts.sum(axis=1)[:, None, None]
    slopes = np.linalg.solve(shared, means.transpose(0, 2, 1))
    level = np.log(counts / counts.sum(axis=1, keepdims=True))
    level = level - (means.transpose(0, 2, 1) * slopes).sum(axis=1) / 2
    return np.concatenate([slopes, level[:, None]], axis=1)


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Area under the ROC curve from ranks (Mann and Whitney), ties counted half."""
    positive = int(y.sum())
    ranks = rankdata(p)[y == 1].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * (len(y) - positive)))


def aucs(y: np.ndarray, p: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The same for a batch of folds, shape (batch, n); rows that were not asked are left out."""
    order = np.sign(p[:, :, None] - p[:, None, :])
    positive, negative = (y == 1) * asked, (y != 1) * asked
    won = ((positive[:, None, :] @ order)[:, 0] * negative).sum(axis=1)
    return 0.5 + won / (2.0 * positive.sum(axis=1) * negative.sum(axis=1))


def measure(kind: str, y: np.ndarray, out: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The metric of a kind of world for a batch of folds."""
    if kind == "r2":
        mean = (y * asked).sum(axis=1, keepdims=True) / asked.sum(axis=1, keepdims=True)
        left = ((y - out[:, :, 0]) ** 2 * asked).sum(axis=1)
        return 1 - left / ((y - mean) ** 2 * asked).sum(axis=1)
    if kind == "classes":
        p = softmax(out, axis=2)
        return np.mean([aucs(y == c, p[:, :, c], asked) for c in range(4)], axis=0)
    return aucs(y, out[:, :, 0], asked)


# -- worlds ---------------------------------------------------------------------------------


class World:
    """What `false_keeps.walk` needs; scores are kept, since every rule asks for the same."""

    start: Program = ()
    planted: frozenset[int] = frozenset()
    separate = False  # whether edits can be taken back one by one

    def __init__(self, tries: int, units: int, folds):
        self.tries, self.units, self.n_folds, self._folds = tries, units, len(folds), {None: folds}
        self.share = float(np.mean([len(val) / len(train) for train, val in folds]))
        self._scores: dict = {}

    def count(self) -> Tries:
        """No tries yet."""
        return Tries(self.units, self.share)

    def fold_scores(self, program: Program, seeds) -> np.ndarray:
        """Scores of shape (n_seeds, n_folds), as the scorer of a run gives them."""
        for seed in seeds:
            if (program, seed) not in self._scores:
                self._scores[program, seed] = self.score(program, seed)
        return np.array([self._scores[program, seed] for seed in seeds])


class Table(World):
    """Programs are sets of extra columns of a table."""

    def __init__(self, spec: Spec, run: int):
        key = zlib.crc32(repr(spec).encode())
        structure = np.random.default_rng([key, run, 1])
        self.spec, rng = spec, np.random.default_rng([key, run])
        self.planted = frozenset(rng.choice(spec.tries, spec.real, replace=False).tolist())
        self._key, self._real = [key, run], sorted(self.planted)
        self.X, self.extra, self.y, groups = draw(spec, spec.rows, self._real, structure, rng)
        columns = pd.DataFrame({"x": self.X[:, 0], "group": 0 if groups is None else groups})
        self.task = replace(
            HEART,
            kind={"r2": "regression", "classes": "multiclass"}.get(spec.kind, "binary"),
            groups="group" if spec.kind == "groups" else None,
        )
        self.columns, self.separate = columns, not spec.swaps
        self._ready: dict = {}
        self._weights: dict = {}
        units = spec.rows if groups is None else len(set(groups))
        super().__init__(spec.tries, units, self.task.folds(columns, self.y))

    def propose(self, best: Program, i: int) -> Program:
        """Try i, on top of the best so far; a swap takes the place of the one before it."""
        return (i,) if self.spec.swaps else (*best, i)

    def parts(self, best: Program) -> tuple:
        """What can be taken back by itself."""
        return best

    def join(self, parts: tuple) -> Program:
        """The program of these parts."""
        return tuple(sorted(parts))

    def _columns(self, program: Program) -> np.ndarray:
        """Positions among the table's columns, the tries' columns and the intercept."""
        p, block = self.X.shape[1], self.spec.block
        tries = [p + j * block + b for j in sorted(program) for b in range(block)]
        if self.spec.swaps and not program:  # the start has columns like those of every try
            tries = [p + self.spec.tries * block + b for b in range(block)]
        return np.array([*range(p), *tries, p + self.extra.shape[1]])

    def _batch(self, folds) -> tuple:
        """Standardised rows of every fold, padded with zeros, and what is asked."""
        whole = np.c_[self.X, self.extra]
        n_train, n_val = (max(len(fold[i]) for fold in folds) for i in (0, 1))
        A = np.zeros((len(folds), n_train, whole.shape[1] + 1))
        B = np.zeros((len(folds), n_val, whole.shape[1] + 1))
        y, y_val = np.zeros(A.shape[:2]), np.zeros(B.shape[:2])
        asked = np.zeros(B.shape[:2], bool)
        for k, (train, val) in enumerate(folds):
            mean, sd = spread(whole[train])
            A[k, : len(train), :-1] = (whole[train] - mean) / sd
            B[k, : len(val), :-1] = (whole[val] - mean) / sd
            A[k, : len(train), -1] = B[k, : len(val), -1] = 1.0
            y[k, : len(train)], y_val[k, : len(val)] = self.y[train], self.y[val]
            asked[k, : len(val)] = True
        return A, y, B, y_val, asked

    def _fit(self, A: np.ndarray, y: np.ndarray, seed, columns: np.ndarray) -> np.ndarray:
        if self.spec.kind == "r2":
            return linear(A, y)[:, :, None]
        if self.spec.kind == "classes":
            return discriminant(A, y)
        # From where the last program's weights on these folds are: three steps instead of six.
        known = self._weights.setdefault(seed, np.zeros((len(A), self.extra.shape[1] + 99)))
        w = logistic(A, y, known[:, columns])
        known[:, columns] = w
        return w[:, :, None]

    def score(self, program: Program, seed: int | None) -> np.ndarray:
        """Scores on the folds of a seed (None: the frozen ones), shape (n_folds,)."""
        if seed not in self._ready:
            if seed not in self._folds:
                self._folds[seed] = self.task.folds(self.columns, self.y, seed)
            self._ready[seed] = self._batch(self._folds[seed])
        A, y, B, y_val, asked = self._ready[seed]
        columns = self._columns(program)
        if self.spec.kind == "lightgbm":
            return self._boosted(columns, self._folds[seed])
        w = self._fit(A[:, :, columns], y, seed, columns)
        return measure(self.spec.kind, y_val, B[:, :, columns] @ w, asked)

    def _boosted(self, columns: np.ndarray, folds) -> np.ndarray:
        whole = np.c_[self.X, self.extra][:, columns[:-1]]
        return np.array([auc(self.y[v], boost(whole[t], self.y[t], whole[v])) for t, v in folds])

    def truth(self, program: Program) -> float:
        """Score on unseen rows of the program fitted to all rows of the sample."""
        if "unseen" not in self._ready:
            structure = np.random.default_rng([*self._key, 1])
            rng = np.random.default_rng([*self._key, 2])
            X, extra, y, _ = draw(self.spec, UNSEEN, self._real, structure, rng)
            self._ready["unseen"] = np.c_[X, extra], y
        if (program, "truth") not in self._scores:
            whole, (new, y_new) = np.c_[self.X, self.extra], self._ready["unseen"]
            columns = self._columns(program)
            picked = columns[:-1]
            if self.spec.kind == "lightgbm":
                value = auc(y_new, boost(whole[:, picked], self.y, new[:, picked]))
            else:
                mean, sd = spread(whole[:, picked])
                A = np.c_[(whole[:, picked] - mean) / sd, np.ones(len(whole))]
                w = self._fit(A[None], self.y[None].astype(float), "all", columns)[0]
                slopes = np.zeros((whole.shape[1], w.shape[1]))
                slopes[picked] = w[:-1] / sd[:, None]
                value = self._unseen_score(y_new, new @ slopes + w[-1] - mean @ slopes[picked])
            self._scores[program, "truth"] = value
        return self._scores[program, "truth"]

    def _unseen_score(self, y: np.ndarray, out: np.ndarray) -> float:
        if self.spec.kind == "r2":
            return float(1 - ((y - out[:, 0]) ** 2).mean() / y.var())
        if self.spec.kind == "classes":
            p = softmax(out, axis=1)
            return float(np.mean([auc(y == c, p[:, c]) for c in range(4)]))
        return area_under_roc(y, out[:, 0])


def boost(X: np.ndarray, y: np.ndarray, X_new: np.ndarray) -> np.ndarray:
    """A small LightGBM."""
    import lightgbm

    choices = {"objective": "binary", "num_leaves": 7, "learning_rate": 0.1, "verbosity": -1}
    choices |= {"num_threads": 1, "min_data_in_leaf": 10, "seed": 0, "deterministic": True}
    return lightgbm.train(choices, lightgbm.Dataset(X, y), num_boost_round=50).predict(X_new)


class Seeds(World):
    """Programs are seeds of the null agent's ensemble, on 242 random rows of HEART.

    Logistic regression, fitted on bootstrap samples and averaged (harness/agents/playbook/null.py).
    By symmetry no seed is better than another.
    """

    start = (0,)

    def __init__(self, run: int, tries: int = 25):
        X, y = HEART.load()
        X = X.fillna(X.median()).to_numpy()
        self.X, _, self.y, _ = train_test_split(
            X, y, train_size=N_TRAIN, stratify=y, random_state=run
        )
        self.run = run
        super().__init__(tries, N_TRAIN, HEART.folds(pd.DataFrame(self.X), self.y))

    def propose(self, best: Program, i: int) -> Program:
        """Another seed in the place of the one before it."""
        return (i + 1,)

    def parts(self, best: Program) -> tuple:
        """One part: no seed can be taken back alone."""
        return best

    def join(self, parts: tuple) -> Program:
        """The seed, or the start's."""
        return parts or self.start

    def score(self, program: Program, seed: int | None) -> np.ndarray:
        """Scores on the folds of a seed, shape (n_folds,)."""
        if seed not in self._folds:
            self._folds[seed] = HEART.folds(pd.DataFrame(self.X), self.y, seed)
        scores = []
        for train, val in self._folds[seed]:
            rng = np.random.default_rng([self.run, program[0]])
            rows = rng.choice(train, (COPIES, len(train)))
            X = self.X[rows]
            mean, sd = X.mean(axis=1, keepdims=True), X.std(axis=1, keepdims=True)
            sd[sd == 0] = 1.0
            A, B = (
                np.concatenate([(Z - mean) / sd, np.ones((COPIES, Z.shape[-2], 1))], axis=2)
                for Z in (X, self.X[val][None])
            )
            votes = expit(B @ logistic(A, self.y[rows])[:, :, None]).sum(axis=0)[:, 0]
            scores.append(auc(self.y[val], votes))
        return np.array(scores)

    def truth(self, program: Program) -> float:
        """One seed is as good as another."""
        return 0.0
