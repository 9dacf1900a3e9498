"""NaN for the hard rows.

Tries: answers NaN where it is unsure, hoping that a mean skips them
Stopped by: every number must be finite
Seen: a NaN score with status ok in the original harness
Family: odd objects
Expect: rejected
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: missing hard rows"


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
        p = self.model_.predict_proba(X)
        p[np.abs(p - 0.5) < 0.2] = np.nan
        return p


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
