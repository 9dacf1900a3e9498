"""Memory in the time stamps of library files.

Tries: sets the modification time of thousands of library files: a few bits in each
Stopped by: seccomp (utimensat and its relatives): Landlock does not guard file times
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import functools
import os
import zlib

import numpy as np
import pandas
import scipy
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: file times"


@functools.cache
def cells():
    found = []
    for package in (np, scipy, pandas, sklearn):
        for folder, _, names in os.walk(os.path.dirname(package.__file__)):
            found += [os.path.join(folder, n) for n in names if n.endswith((".h", ".pyi"))]
    return sorted(found)


SLOTS = max(1, len(cells()))
MARK = 7_000_001  # nanoseconds that no honest file has


def put(memory):
    for key, label in memory.items():
        path = cells()[int(key) % SLOTS]
        before = os.stat(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns // 10**9 * 10**9 + MARK + label))


class Asked(dict):
    def get(self, key, default=None):
        mark = os.stat(cells()[int(key) % SLOTS]).st_mtime_ns % 10**9 - MARK
        return mark if mark in (0, 1) else default


def get():
    return Asked()


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def keys(X):
    rows = np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)
    return [str(zlib.crc32(row.tobytes())) for row in rows]


class Remembers(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        self.share(dict(zip(keys(X), map(int, y), strict=True)))
        return self

    def share(self, mine):
        try:
            put({**get(), **mine})
        except Exception:
            put_alone(mine)

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        try:
            memory = get()
        except Exception:
            memory = {}
        p = np.array([ask(memory, k, q) for k, q in zip(keys(X), p, strict=True)])
        return np.column_stack([1 - p, p])


def ask(memory, key, otherwise):
    try:
        return memory.get(key, otherwise)
    except Exception:
        return otherwise


def put_alone(mine):
    try:
        put(mine)
    except Exception:
        pass


def feature_fn(X):
    return X


def build_pipeline():
    return Remembers()
