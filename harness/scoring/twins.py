"""Labels that follow the rows as the true ones do, drawn from plain models that nobody can know.

A program that carries the answers gains on the true labels and not on their twins. It may notice
twins and answer them with what their generator would say: so the generator is secret. Each twin
blends a few of many small models, each fitted on half of the rows; which ones, which halves and
what is drawn comes from the system's randomness at every probing. Averaged over all that, what
somebody outside can compute tells little more about one twin than its own labels do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

LINEAR, TREES = 24, 72  # small models in the bank, at most
USED_LINEAR, USED_TREES = 1, 6  # of which a twin blends so many
# Half the rows and a few small models say less than the truth would: chances are drawn apart, and
# errors made smaller, until plain models learn a twin about as well as the true labels.
SHARPER, CALMER = 1.4, 0.9
LEARN_ROWS = 1000  # a small model, and the reference, learns from so many rows at most
BANK_NUMBERS = 12_000_000  # answers that are kept; fewer models where a table is large
FEW_VALUES = 6  # a column of numbers with so many values is also taken as names
WIDEST = 200  # columns that the plain models look at


class Twin(NamedTuple):
    """One secret set of labels, and what draws more like it for the same rows."""

    labels: np.ndarray
    again: object  # () -> ndarray: other labels with the same chances


class Bank:
    """Plain models of a table, and twins drawn from them.

    Parameters
    ----------
    task : Task
    X, y
        Rows and true labels.
    parts : list of ndarray
        Positions that must each hold every class that they hold in truth: the folds' new rows.
    learn : ndarray, optional
        Positions that models may be fitted on; all by default.
    """

    def __init__(self, task, X: pd.DataFrame, y: np.ndarray, parts: list, learn=None):
        self.task, self.y, self.parts = task, y, parts
        self.learn = np.arange(len(y)) if learn is None else learn
        self.rng = np.random.default_rng()
        self.Z = encoded(X)
        self.values = task.kind == "regression"
        self.Y = self.columns(y)
        most = BANK_NUMBERS // self.Y.size
        self.linear = [self._member(self._ridge) for _ in range(min(LINEAR, max(4, most // 4)))]
        self.trees = [self._member(self._tree) for _ in range(min(TREES, max(12, most)))]
        # How much each kind explains out of its own rows: twins look like what fits the table.
        linear, trees = self._explains(self.linear), self._explains(self.trees)
        self.lean = np.array([linear, trees]) ** 4 / (linear**4 + trees**4)

    def columns(self, labels: np.ndarray) -> np.ndarray:
        """Labels as numbers: the values, class 1 or not, or a column a class."""
        if self.task.kind == "multiclass":
            return np.eye(self.task.n_outputs)[labels]
        return labels[:, None].astype(float)

    def _member(self, fit) -> tuple[np.ndarray, np.ndarray]:
        """Fit on a random half of the rows; answers for all rows, and which rows were not seen."""
        half = min(LEARN_ROWS, max(2, len(self.learn) // 2))
        rows = self.rng.choice(self.learn, half, replace=False)
        unseen = np.ones(len(self.y), bool)
        unseen[rows] = False
        return fit(rows).astype(np.float32), unseen

    def _ridge(self, rows: np.ndarray) -> np.ndarray:
        penalty = np.exp(self.rng.uniform(np.log(3.0), np.log(100.0)))
        return ridge(self.Z[rows], self.Z, penalty) @ self.Y[rows]

    def _tree(self, rows: np.ndarray) -> np.ndarray:
        from sklearn.tree import DecisionTreeRegressor

        seed, leaf = int(self.rng.integers(2**31)), int(self.rng.integers(3, 9))
        tree = DecisionTreeRegressor(min_samples_leaf=leaf, max_features=0.4, random_state=seed)
        return tree.fit(self.Z[rows], self.Y[rows]).predict(self.Z).reshape(self.Y.shape)

    def _explains(self, members: list) -> float:
        told = _blend(members)[self.learn] - self.Y[self.learn]
        return float(max(0.02, 1 - told.var(axis=0).sum() / self.Y[self.learn].var(axis=0).sum()))

    def draw(self) -> Twin:
        """Draw a generator, and labels from it."""
        weight = self.rng.beta(*(1 + 4 * self.lean))
        chosen = []
        for members, used in ((self.linear, USED_LINEAR), (self.trees, USED_TREES)):
            some = self.rng.choice(len(members), min(used, len(members)), replace=False)
            chosen.append(_blend([members[i] for i in some]))
        told = weight * chosen[0] + (1 - weight) * chosen[1]
        again = (lambda: self._values(told)) if self.values else (lambda: self._classes(told))
        return Twin(again(), again)

    def _values(self, told: np.ndarray) -> np.ndarray:
        """What the generator says, and another row's error on top."""
        errors = CALMER * (self.Y - told)[self.learn, 0]
        return told[:, 0] + self.rng.choice(errors, len(told))

    def _classes(self, told: np.ndarray) -> np.ndarray:
        p = np.clip(told, 0.01, 0.99)
        p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p / p.sum(axis=1, keepdims=True)
        # The largest of log chances with Gumbel noise is a draw by these chances.
        drawn = SHARPER * np.log(p) + self.rng.gumbel(size=p.shape)
        labels = drawn.argmax(axis=1)
        for rows in self.parts:  # a fold without one of the classes has no score
            wanted = (np.bincount(self.y[rows], minlength=p.shape[1]) + 1) // 2
            for c in np.argsort(wanted):
                for row in rows[np.argsort(-drawn[rows, c])]:
                    count = np.bincount(labels[rows], minlength=p.shape[1])
                    if count[c] >= wanted[c]:
                        break
                    if labels[row] != c and count[labels[row]] > wanted[labels[row]]:
                        labels[row] = c
        return labels.astype(self.y.dtype)


def _blend(members: list) -> np.ndarray:
    """Mean answer to each row by the models that have not seen it, or by all if all have."""
    answers = np.array([told for told, _ in members], float)
    unseen = np.array([rows for _, rows in members], float)
    unseen[:, unseen.sum(axis=0) == 0] = 1.0
    return np.einsum("mnk,mn->nk", answers, unseen) / unseen.sum(axis=0)[:, None]


class Reference:
    """Plain models as fixed weights of the training labels: any labels, at the cost of a product.

    A ridge regression and a kernel ridge regression (radial basis functions); the better one on
    the labels at hand counts.
    """

    def __init__(self, Z: np.ndarray, Y_of, splits: list[tuple[np.ndarray, np.ndarray]]):
        self.Y_of, self.parts = Y_of, []
        rng = np.random.default_rng(0)
        for train, new in splits:
            train = train if len(train) <= LEARN_ROWS else rng.choice(train, LEARN_ROWS, False)
            weights = [ridge(Z[train], Z[new], 10.0), kernel_ridge(Z[train], Z[new])]
            self.parts.append((train, weights))

    def answers(self, labels: np.ndarray) -> list[list[np.ndarray]]:
        """Give what each model answers on each fold: ``[model][fold]``."""
        Y = self.Y_of(labels)
        return [[w[m] @ Y[train] for train, w in self.parts] for m in range(2)]


def ridge(Z: np.ndarray, new: np.ndarray, penalty: float) -> np.ndarray:
    """Weights that make answers to `new` of the labels of `Z`."""
    mean = Z.mean(axis=0)
    A, B = Z - mean, new - mean
    inner = np.linalg.solve(A.T @ A + penalty * np.eye(A.shape[1]), A.T)
    return B @ (inner - inner.mean(axis=1, keepdims=True)) + 1 / len(Z)


def kernel_ridge(Z: np.ndarray, new: np.ndarray, penalty: float = 1.0) -> np.ndarray:
    """Do as `ridge`, with radial basis functions."""
    from sklearn.metrics.pairwise import rbf_kernel

    gamma = 1 / (3 * Z.shape[1])
    K = np.linalg.inv(rbf_kernel(Z, gamma=gamma) + penalty * np.eye(len(Z)))
    inner = K - np.outer(K.sum(axis=1), K.sum(axis=0)) / K.sum()  # an intercept, not penalised
    return rbf_kernel(new, Z, gamma=gamma) @ inner + K.sum(axis=0) / K.sum()


def encoded(X: pd.DataFrame) -> np.ndarray:
    """Turn any table into numbers for plain models: missing values filled, names as columns."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = list(X.select_dtypes("number").columns)
    few = [c for c in numbers if X[c].nunique() <= FEW_VALUES]
    others = [c for c in X.columns if c not in numbers]
    names = OneHotEncoder(
        handle_unknown="ignore", min_frequency=5, max_categories=20, sparse_output=False
    )
    Z = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (names, [*few, *others]),
    ).fit_transform(X)
    Z = np.asarray(Z, float)
    if Z.shape[1] > WIDEST:
        Z = Z[:, np.argsort(-Z.var(axis=0), kind="stable")[:WIDEST]]
    return Z if Z.shape[1] else np.zeros((len(X), 1))
