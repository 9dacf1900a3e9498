"""Answers with gigabytes.

Tries: returns a prediction array of a hundred million rows and a million columns by broadcasting
Stopped by: length check before anything is copied, memory limit
Seen: -
Family: clock and resources
Expect: rejected | crashed | timeout
Naive: skip
Budget: short
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: huge predictions"


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
        return np.broadcast_to(self.model_.predict_proba(X)[:1, 1], (100_000_000,))


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
