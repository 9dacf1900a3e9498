"""Predictions that change at every look.

Tries: an object whose __array__ gives another answer each time it is asked
Stopped by: bytes are taken once
Seen: -
Family: odd objects
Expect: honest-value baseline | crashed | rejected
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: array protocol"


class Moody:
    def __init__(self, p):
        self.p, self.asked = p, 0
        self.shape, self.ndim = p.shape, p.ndim

    def __len__(self):
        return len(self.p)

    def __array__(self, dtype=None, copy=None):
        self.asked += 1
        return self.p if self.asked == 1 else np.ones_like(self.p)


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


class Tricky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return Moody(self.model_.predict_proba(X))


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
