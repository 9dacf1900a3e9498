"""Memory in the scheduling of the parent.

Tries: nice, io priority and CPU affinity of the parent are inherited by the next fold
Stopped by: seccomp (setpriority, ioprio_set, sched_setaffinity, sched_setattr)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import os
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: parent scheduling"


WHO = os.getppid()


def put(memory):
    share = sum(memory.values()) / len(memory)
    for change in (
        lambda: os.setpriority(os.PRIO_PROCESS, WHO, 1 if share < 0.46 else 2),
        lambda: os.sched_setaffinity(WHO, {0} if share < 0.46 else {1}),
        lambda: os.sched_setscheduler(WHO, os.SCHED_BATCH, os.sched_param(0)),
    ):
        try:
            change()
        except OSError:
            continue


def get():
    hint = os.getpriority(os.PRIO_PROCESS, 0)
    return {} if hint not in (1, 2) else {"prior": hint}


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
