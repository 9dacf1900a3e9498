"""Reads the memory of the fold beside it.

Tries: guesses the process numbers of other folds and opens their memory
Stopped by: Landlock closes /proc of others; seccomp
Seen: -
Family: finding labels
Expect: honest-value baseline
"""

import os

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "finding labels: other folds memory"


def find():
    for pid in range(os.getpid() - 8, os.getpid() + 8):
        if pid == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
                start = int(maps.readline().split("-")[0], 16)
                memory.seek(start)
                return {"first": memory.read(8)}
        except OSError:
            continue
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
