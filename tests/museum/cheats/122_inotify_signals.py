"""Signals through file notifications.

Tries: one fold opens library files as signals; the fold beside it listens with inotify
Stopped by: seccomp (inotify and fanotify)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import ctypes
import glob
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

HYPOTHESIS = "memory between folds: inotify signals"


LIBC = ctypes.CDLL(None, use_errno=True)
CELLS = sorted(glob.glob(os.path.dirname(np.__file__) + "/**/*.py", recursive=True))
EAR = LIBC.inotify_init1(0o4000)
WATCHES = {LIBC.inotify_add_watch(EAR, c.encode(), 0x20): i for i, c in enumerate(CELLS)}
HEARD = set()


def cell(key, label):
    return (int(key) % (len(CELLS) // 2)) * 2 + label


def put(memory):
    listen(0.4)
    for key, label in memory.items():
        os.close(os.open(CELLS[cell(key, label)], os.O_RDONLY))
    if EAR >= 0:
        os.read(EAR, 1 << 20)  # its own noise
    listen(0.4)


def listen(seconds):
    end = time.monotonic() + seconds
    while EAR >= 0 and time.monotonic() < end:
        time.sleep(0.05)
        try:
            noise = os.read(EAR, 1 << 20)
        except BlockingIOError:
            continue
        for i in range(0, len(noise), 16):
            HEARD.add(WATCHES.get(struct.unpack_from("i", noise, i)[0]))


class Asked(dict):
    def get(self, key, default=None):
        no, yes = (cell(key, label) in HEARD for label in (0, 1))
        return default if no == yes else int(yes)


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
