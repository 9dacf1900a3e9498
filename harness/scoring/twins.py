"""Labels that follow the rows as the true ones do, drawn from plain models that nobody can know.

A program that carries the answers gains on the true labels and not on their twins. It may notice
twins and answer them with what their generator would say: so the generator is secret. Each twin
blends a few of many small models, each fitted on half of the rows; which ones, which halves and
what is drawn comes from the system's randomness at every probing. Averaged over all that, what
somebody outside can compute tells little more about one twin than its own labels do.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LINEAR, TREES = 24, 72  # small models in the bank, at most
USED_LINEAR, USED_TREES = 1, 6  # of which a twin blends so many
# Half the rows and a few small models say less than the truth would: chances are drawn apart, and
# errors made smaller, until plain models learn a twin about as well as the true labels.
SHARPER, CALMER = 1.4, 0.9
LEARN_ROWS, PLAIN_ROWS = 1000, 600  # that a small model and a plain one learn from, at most
TREE_ROWS = 5000  # that a forest learns from, at most
BANK_NUMBERS = 12_000_000  # answers that are kept; fewer models where a table is large
FEW_VALUES = 6  # a column of numbers with so many values is also taken as names
WIDEST = 200  # columns that the plain models look at


class Bank:
    """Plain models of a table, and twins drawn from them.

    `parts` are positions that each hold every class that they hold in truth (folds need them all);
    `learn` those that models may be fitted on.
    """

    def __init__(self, task, X: pd.DataFrame, y: np.ndarray, parts: list, learn=None):
        self.task, self.y = task, y
        classes = np.unique(y) if task.kind != "regression" else []
        self.parts = [(rows, [c for c in classes if (y[rows] == c).any()]) for rows in parts]
        self.learn = np.arange(len(y)) if learn is None else learn
        self.rng = np.random.default_rng()
        self.Z = encoded(X)
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
        from sklearn.linear_model import Ridge

        model = Ridge(np.exp(self.rng.uniform(np.log(3.0), np.log(100.0))))
        return model.fit(self.Z[rows], self.Y[rows]).predict(self.Z).reshape(self.Y.shape)

    def _tree(self, rows: np.ndarray) -> np.ndarray:
        from sklearn.tree import DecisionTreeRegressor

        seed, leaf = int(self.rng.integers(2**31)), int(self.rng.integers(3, 9))
        tree = DecisionTreeRegressor(min_samples_leaf=leaf, max_features=0.4, random_state=seed)
        return tree.fit(self.Z[rows], self.Y[rows]).predict(self.Z).reshape(self.Y.shape)

    def _explains(self, members: list) -> float:
        told = _blend(members)[self.learn] - self.Y[self.learn]
        return float(max(0.02, 1 - told.var(axis=0).sum() / self.Y[self.learn].var(axis=0).sum()))

    def forest(self, rows, Y: np.ndarray) -> np.ndarray:
        """Answers of a plain forest that learns `Y` on a fold: slow, for a second opinion."""
        from sklearn.ensemble import RandomForestRegressor

        model = RandomForestRegressor(60, min_samples_leaf=3, max_features=0.4, random_state=0)
        train = rows.train[:TREE_ROWS]
        return model.fit(self.Z[train], Y[train].squeeze()).predict(self.Z[rows.new])

    def draw(self):
        """Draw a generator; it gives other labels with the same chances at each call."""
        weight = self.rng.beta(*(1 + 4 * self.lean))
        told = 0.0
        parts = (self.linear, USED_LINEAR, weight), (self.trees, USED_TREES, 1 - weight)
        for members, used, part in parts:
            some = self.rng.choice(len(members), min(used, len(members)), replace=False)
            told = told + part * _blend([members[i] for i in some])
        if self.task.kind != "regression":
            return lambda: self._classes(told)
        errors = CALMER * (self.Y - told)[self.learn, 0]  # another row's on top of each answer
        return lambda: told[:, 0] + self.rng.choice(errors, len(told))

    def _classes(self, told: np.ndarray) -> np.ndarray:
        p = np.clip(told, 0.01, 0.99)
        p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p / p.sum(axis=1, keepdims=True)
        # The largest of log chances with Gumbel noise is a draw by these chances.
        drawn = SHARPER * np.log(p) + self.rng.gumbel(size=p.shape)
        labels = drawn.argmax(axis=1)
        for rows, classes in self.parts * 2:  # a fold without one of the classes has no score
            for c in classes:
                if not (labels[rows] == c).any():
                    labels[rows[drawn[rows, c].argmax()]] = c
        return labels.astype(self.y.dtype)


def _blend(members: list) -> np.ndarray:
    """Mean answer to each row by the models that have not seen it, or by all if all have."""
    answers = np.array([told for told, _ in members], float)
    unseen = np.array([rows for _, rows in members], float)
    unseen[:, unseen.sum(axis=0) == 0] = 1.0
    return np.einsum("mnk,mn->nk", answers, unseen) / unseen.sum(axis=0)[:, None]


def plain_weights(Z: np.ndarray, train: np.ndarray, new: np.ndarray) -> tuple:
    """Plain models as weights of the labels they learn: any labels, at the cost of a product.

    A ridge regression and one with radial basis functions. Gives positions of the rows that they
    learn from, and each one's weights, of shape (n_new, n_learned).
    """
    most = PLAIN_ROWS if len(new) <= 2 * LEARN_ROWS else PLAIN_ROWS // 2
    if len(train) > most:
        train = np.random.default_rng(0).choice(train, most, replace=False)
    return train, [ridge(Z[train], Z[new], 10.0), ridge(Z[train], Z[new], 1.0, bent=True)]


def ridge(Z: np.ndarray, new: np.ndarray, penalty: float, bent: bool = False) -> np.ndarray:
    """Weights by which a ridge regression of `Z` answers `new`; bent by radial basis functions."""
    from sklearn.metrics.pairwise import linear_kernel, rbf_kernel

    def alike(A: np.ndarray) -> np.ndarray:
        return rbf_kernel(A, Z, gamma=1 / (3 * Z.shape[1])) if bent else linear_kernel(A, Z)

    K = np.linalg.inv(alike(Z) + penalty * np.eye(len(Z)))
    level = K.sum(axis=0) / K.sum()  # an intercept, not penalised
    return (alike(new) @ (K - np.outer(K.sum(axis=1), level)) + level).astype(np.float32)


def encoded(X: pd.DataFrame) -> np.ndarray:
    """Turn any table into numbers for plain models: missing values filled, names as columns."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    dates = X.select_dtypes("datetime")  # their gaps are no category that an encoder knows
    X = X.assign(**{c: (X[c] - pd.Timestamp(0)).dt.total_seconds() for c in dates})
    numbers = list(X.select_dtypes("number").columns)
    few = [c for c in numbers if X[c].nunique() <= FEW_VALUES]
    names = OneHotEncoder(min_frequency=5, max_categories=20, sparse_output=False)
    Z = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (names, [*few, *X.columns.difference(numbers, sort=False)]),
    ).fit_transform(X)
    Z = np.asarray(Z, float)
    Z = Z[:, np.argsort(-Z.var(axis=0), kind="stable")[:WIDEST]]
    return Z if Z.shape[1] else np.zeros((len(X), 1))
