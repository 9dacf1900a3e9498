"""Signals in the number of timers that a user may still make.

Tries: queued signals and timers are counted per user: one fold uses them up, the other notices
Stopped by: seccomp (timer_create): counters that all processes of a user share
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import ctypes
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: timer quota"


LIBC = ctypes.CDLL(None, use_errno=True)
CREATE, DELETE = 222, 226


def room():
    made = []
    for _ in range(512):
        timer = ctypes.c_int()
        if LIBC.syscall(CREATE, 1, None, ctypes.byref(timer)) < 0:
            break
        made.append(timer)
    for timer in made:
        LIBC.syscall(DELETE, timer)
    return len(made)


QUIET = room()


def put(memory):
    for _ in range(8 + sum(memory.values()) % 32):
        LIBC.syscall(CREATE, 1, None, ctypes.byref(ctypes.c_int()))
    time.sleep(0.2)


SEEN = {"low": 10**6}


class Asked(dict):
    def get(self, key, default=None):
        SEEN["low"] = min(SEEN["low"], room())
        hint = (QUIET - SEEN["low"]) % 64 / 64
        return default if default is None else 0.999 * default + 0.001 * hint


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
