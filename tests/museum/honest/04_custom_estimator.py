"""A naive Bayes with kernel densities, written from scratch.

Family: honest
Expect: ok
"""

import numpy as np

HYPOTHESIS = "custom estimator"


def feature_fn(X):
    return X


class KernelBayes:
    """No base class at all: fit, predict_proba and classes_ are enough."""

    def fit(self, X, y):
        X = np.asarray(X, dtype=float)
        self.classes_ = np.unique(y)
        self.middle_ = np.nanmedian(X, axis=0)
        X = np.where(np.isnan(X), self.middle_, X)
        self.width_ = 0.4 * X.std(axis=0) + 1e-9
        self.rows_ = [X[y == c] for c in self.classes_]
        self.prior_ = np.log([len(rows) for rows in self.rows_])
        return self

    def predict_proba(self, X):
        X = np.asarray(X, dtype=float)
        X = np.where(np.isnan(X), self.middle_, X)
        logs = []
        for rows, prior in zip(self.rows_, self.prior_, strict=True):
            apart = (X[:, None, :] - rows[None]) / self.width_
            logs.append(np.log(np.exp(-(apart**2) / 2).mean(axis=1) + 1e-12).sum(axis=1) + prior)
        logs = np.array(logs).T
        p = np.exp(logs - logs.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)


def build_pipeline():
    return KernelBayes()
