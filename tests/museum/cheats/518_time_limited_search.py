"""A search that stops by the clock.

Tries: tries models until half a second is over: a faster machine finds more
Stopped by: repeatability probe, if it would be kept
Seen: -
Family: honest mistakes
Expect: rejected | no-gain baseline
"""

import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "honest mistakes: time limited search"


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
        stop, rng, best = time.monotonic() + 0.3, np.random.default_rng(0), 0
        while time.monotonic() < stop:
            model = baseline().set_params(logisticregression__C=float(rng.lognormal(0, 2)))
            value = model.fit(X[::2], y[::2]).score(X[1::2], y[1::2])
            if value > best:
                best, self.model_ = value, model.fit(X, y)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
