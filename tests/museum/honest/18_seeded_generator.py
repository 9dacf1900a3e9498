"""Feature bagging by a seeded generator.

Family: honest
Expect: ok
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "seeded generator"


def feature_fn(X):
    return X


class Subspaces(ClassifierMixin, BaseEstimator):
    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        rng = np.random.default_rng(self.seed)
        X = np.asarray(X)
        self.parts_ = [rng.choice(X.shape[1], 8, replace=False) for _ in range(20)]
        self.models_ = [LogisticRegression(max_iter=500).fit(X[:, p], y) for p in self.parts_]
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        pairs = zip(self.parts_, self.models_, strict=True)
        return np.mean([m.predict_proba(np.asarray(X)[:, p]) for p, m in pairs], axis=0)


def build_pipeline():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), Subspaces())
