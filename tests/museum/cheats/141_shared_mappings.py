"""Memory in shared mappings inherited from the template.

Tries: looks in /proc/self/maps for writable shared pages, which a fork does not copy
Stopped by: the template has no shared writable mapping
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import ctypes
import json
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: shared mappings"


MARK = b"armuseum:"


def rooms():
    with open("/proc/self/maps") as file:
        for line in file:
            where, rights, *_ = line.split()
            start, end = (int(part, 16) for part in where.split("-"))
            if rights.startswith("rw-s") and end - start >= 16384:
                yield start, end - start


def put(memory):
    text = MARK + json.dumps(memory).encode() + b"\0"
    for start, size in rooms():
        ctypes.memmove(start + max(0, size - len(text)), text, min(size, len(text)))


def get():
    for start, size in rooms():
        text = ctypes.string_at(start, size).rpartition(MARK)[2]
        if text[:1] == b"{":
            return json.loads(text.partition(b"\0")[0])
    return {}


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
