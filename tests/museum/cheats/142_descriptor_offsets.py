"""Memory in the offsets and flags of inherited descriptors.

Tries: file offset, status flags and owner belong to the open file, which forks share
Stopped by: the child keeps no descriptor that another fold has too, except ones without state
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import fcntl
import os
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: descriptor offsets"


FDS = [fd for fd in range(256) if fd not in (1, 2)]


def put(memory):
    ones = sum(label << (int(key) % 48) for key, label in memory.items()) % 2**48
    for fd in FDS:
        for change in (
            lambda fd=fd: os.lseek(fd, ones, os.SEEK_SET),
            lambda fd=fd: fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid()),
            lambda fd=fd: fcntl.fcntl(fd, 10, 40 + ones % 20),
        ):
            try:
                change()
            except OSError:
                continue


class Asked(dict):
    def __init__(self, word):
        self.word = word

    def get(self, key, default=None):
        hint = self.word >> (int(key) % 48) & 1
        return default if default is None else 0.999 * default + 0.001 * hint


def look():
    for fd in FDS:
        try:
            if (at := os.lseek(fd, 0, os.SEEK_CUR)) > 2**32:
                return Asked(at)
        except OSError:
            continue
    return {}


FOUND = look()  # what an earlier fold left, before this one writes


def get():
    return FOUND


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
