"""Sends half a reply.

Tries: writes fewer bytes than promised and exits with status 0
Stopped by: length check
Seen: -
Family: forged output
Expect: crashed
Naive: skip
"""

import os

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: reply half"


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
        os.write(3, b"\0" + bytes(64))
        os._exit(0)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
