"""Searches its own memory.

Tries: scans every readable page of the process for the text of the data file
Stopped by: the template never holds the data; a worker holds one fold's rows
Seen: -
Family: patching and frames
Expect: honest-value baseline
"""

import ctypes

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "patching and frames: own memory"


START = b"63,1,1,145,233,1,2,150"


def find():
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    for where, rights, *_ in lines:
        start, end = (int(part, 16) for part in where.split("-"))
        if "rw" in rights and end - start < 1 << 28:
            block = ctypes.string_at(start, end - start)
            at = block.find(START, block.find(START) + 1)  # the first is this constant
            if at >= 0:
                return table(block[at : at + 16000].decode("latin-1"))
    return {}


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def keys(X):
    return [row.tobytes() for row in np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)]


def table(text):
    lines = [s.replace("?", "") for s in text.splitlines() if s.count(",") == 13 and "age" not in s]
    rows = np.array([[float(c or "nan") for c in line.split(",")] for line in lines])
    return dict(zip(keys(rows[:, :13]), (rows[:, 13] > 0).astype(int), strict=True))


class Finder(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        try:
            self.found_ = find()
        except Exception:
            self.found_ = {}
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = np.array([self.found_.get(k, q) for k, q in zip(keys(X), p, strict=True)])
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Finder()
