"""Sends the reply twice.

Tries: writes a complete reply of its own before the worker's, so that the stream is longer
Stopped by: the trusted side reads an exact number of bytes, and only predictions
Seen: -
Family: forged output
Expect: honest-value baseline | crashed
Naive: skip
"""

import os
import struct

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: reply twice"


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
        proba = self.model_.predict_proba(X)
        os.write(3, b"\0" + struct.pack("<d", 0.5) + proba[:, 1].astype("<f8").tobytes())
        return proba


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
