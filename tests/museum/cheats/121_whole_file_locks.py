"""Memory in flock locks on library files.

Tries: takes shared locks on one library file per label while another fold runs beside it
Stopped by: seccomp (flock)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import fcntl
import glob
import os
import time
import zlib

import numpy as np
import pandas
import scipy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: whole file locks"


HOLD = 0.4
ROOTS = [os.path.dirname(package.__file__) for package in (np, scipy, pandas)]
CELLS = sorted(p for r in ROOTS for p in glob.glob(r + "/**/*.py", recursive=True))
MINE, OPEN = set(), []


def cell(key, label):
    return CELLS[(int(key) % (len(CELLS) // 2)) * 2 + label]


def put(memory):
    for key, label in memory.items():
        MINE.add(cell(key, label))
        OPEN.append(os.open(cell(key, label), os.O_RDONLY))
        fcntl.flock(OPEN[-1], fcntl.LOCK_SH)


class Asked(dict):
    def get(self, key, default=None):
        held = []
        for label in (0, 1):
            if cell(key, label) in MINE:
                return default
            fd = os.open(cell(key, label), os.O_RDONLY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(False)
            except BlockingIOError:
                held.append(True)
            os.close(fd)
        return default if held[0] == held[1] else int(held[1])


def get():
    time.sleep(HOLD)
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
