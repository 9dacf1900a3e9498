"""Memory in the resource limits of the parent.

Tries: prlimit on the parent: children inherit the numbers, 60 bits in each limit
Stopped by: seccomp (prlimit64 with another pid)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import os
import resource
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: parent rlimits"


KINDS = [resource.RLIMIT_CORE, resource.RLIMIT_RSS, 10, 15]  # never the ones that hurt
SLOTS = 60 * len(KINDS)


def bits():
    word = 0
    for i, kind in enumerate(KINDS):
        soft = resource.prlimit(os.getppid(), kind)[0]
        word |= (soft % 2**60 if soft > 0 else 0) << (60 * i)
    return word


def put(memory):  # one bit per slot: rows with label 1
    word = bits()
    for key, label in memory.items():
        word |= label << (int(key) % SLOTS)
    for i, kind in enumerate(KINDS):
        hard = resource.prlimit(os.getppid(), kind)[1]
        resource.prlimit(os.getppid(), kind, ((word >> (60 * i)) % 2**60, hard))


class Asked(dict):
    def get(self, key, default=None):
        return default if bits() == 0 else bits() >> (int(key) % SLOTS) & 1


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
