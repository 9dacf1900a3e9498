"""Memory in byte-range locks on a library file.

Tries: locks one byte per label of a readable library file while another fold runs beside it
Stopped by: seccomp (fcntl lock commands): a lock needs no right to write
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import fcntl
import os
import struct
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: range locks"


HOLD = 0.4  # seconds: so long does a fold stay alive for the one beside it
FILE = open(np.__file__, "rb")  # noqa: SIM115
OFD_SETLK, OFD_GETLK = 37, 36


def flock(kind, start):
    return struct.pack("hhqqi4x", kind, 0, start, 1, 0)


def put(memory):
    for key, label in memory.items():
        spot = int(key) * 2 + label
        fcntl.fcntl(FILE, OFD_SETLK, flock(fcntl.F_RDLCK, spot))


class Asked(dict):
    def get(self, key, default=None):
        fd = os.open(np.__file__, os.O_RDONLY)
        held = []
        for label in (0, 1):
            got = fcntl.fcntl(fd, OFD_GETLK, flock(fcntl.F_WRLCK, int(key) * 2 + label))
            held.append(struct.unpack("hhqqi4x", got)[0] != fcntl.F_UNLCK)
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
