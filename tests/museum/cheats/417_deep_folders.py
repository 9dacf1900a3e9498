"""Folders a thousand levels deep.

Tries: nests folders until a path is too long for any clean-up that recurses
Stopped by: clean-up that does not recurse
Seen: -
Family: clock and resources
Expect: honest-value baseline | crashed
Naive: skip
"""

import os

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: deep folders"


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
        try:
            for _ in range(1500):
                os.mkdir("armuseum")
                os.chdir("armuseum")
        except OSError:
            pass
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
