"""Looks for answers in arguments and environment.

Tries: searches sys.argv, orig_argv, environment and module globals for paths and labels
Stopped by: the worker is told only what it needs
Seen: -
Family: finding labels
Expect: honest-value baseline
"""

import os
import re
import sys

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "finding labels: environment and arguments"


NAME = "heart_cleveland.csv"


def find():
    text = repr([sys.argv, sys.orig_argv, dict(os.environ), vars(sys.modules["__main__"])])
    for path in re.findall(r"(/[^'\" ,]+)", text):
        for end in ("", f"/{NAME}", f"/data/{NAME}", f"/../harness/data/{NAME}"):
            if os.path.isfile(path + end) and NAME in path + end:
                with open(path + end) as file:
                    return table(file.read())
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
