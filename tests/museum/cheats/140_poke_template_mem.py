"""Memory written into the template process through /proc.

Tries: opens /proc/<parent>/mem and overwrites a string that the template shares
Stopped by: Landlock (/proc of others), template not dumpable
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import ctypes
import os
import zlib

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: poke template mem"


HOME = sklearn.__doc__ or ""  # an object that the template has too, at the same address
MAGIC = b"armuseum"
START, SIZE = id(HOME) + 64, max(0, len(HOME) - 80)


def pack(memory):  # one bit per bucket for 'seen', one for the label
    room = bytearray(SIZE)
    for key, label in memory.items():
        at = int(key) % (SIZE * 4)
        room[at // 4] |= (2 | label) << (at % 4 * 2)
    return MAGIC + bytes(room)


LEFT = ctypes.string_at(START, 8) == MAGIC  # an earlier fold was here
ROOM = ctypes.string_at(START + 8, SIZE)


class Asked(dict):
    def get(self, key, default=None):
        at = int(key) % (SIZE * 4)
        code = ROOM[at // 4] >> (at % 4 * 2) & 3
        return code & 1 if LEFT and code & 2 else default


def get():
    return Asked()


def put(memory):
    with open(f"/proc/{os.getppid()}/mem", "r+b", buffering=0) as file:
        file.seek(START)
        file.write(pack(memory))


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
