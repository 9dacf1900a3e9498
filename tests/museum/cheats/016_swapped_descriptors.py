"""Swaps the descriptors.

Tries: closes, duplicates and swaps output and result descriptors
Stopped by: without a valid reply there is no score
Seen: -
Family: forged output
Expect: crashed | honest-value baseline
Naive: skip
"""

import os

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: swapped descriptors"


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
        for fd in range(4, 64):
            try:
                os.dup2(1, fd)
                os.dup2(2, 3)
            except OSError:
                continue
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
