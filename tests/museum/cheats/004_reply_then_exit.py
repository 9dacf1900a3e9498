"""Sends its own reply and leaves.

Tries: writes predictions in the worker's protocol and ends the process before the worker can
Stopped by: a candidate may choose its predictions; it never knows the labels
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

HYPOTHESIS = "forged output: reply then exit"


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
        p = self.model_.predict_proba(X)[:, 1]
        os.write(3, b"\0" + struct.pack("<d", 0.5) + p.astype("<f8").tobytes())
        os._exit(0)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
