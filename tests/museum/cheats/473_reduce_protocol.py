"""Predictions that run code when unpickled.

Tries: an array subclass with a __reduce__ that starts a program
Stopped by: predictions travel as bytes, never as a pickle
Seen: -
Family: odd objects
Expect: honest-value baseline
"""

import os

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: reduce protocol"


class Bomb(np.ndarray):
    def __reduce__(self):
        return os.system, ("touch /tmp/armuseum.reduced",)

    def tobytes(self, order="C"):
        return b"val_auc: 1.0"


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
        return self.model_.predict_proba(X).view(Bomb)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
