"""A channel that is quiet when the labels look shuffled.

Tries: talks to other folds only if a plain model can learn the labels: no probe sees a gap
Stopped by: the channel is shut (as futex_private_mapping); the probes alone would not tell
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import ctypes
import mmap
import sys
import threading
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: channel that watches"


LIBC = ctypes.CDLL(None, use_errno=True)
FUTEX, WAIT, WAKE = 202, 0, 1
HOLD = 0.6

with open(np._core._multiarray_umath.__file__, "rb") as file:
    VIEW = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE)
WORDS = np.frombuffer(VIEW, dtype=np.uint32, count=len(VIEW) // 4)
STOP = time.monotonic() + 5


def word(key, label):
    return ctypes.c_void_p(WORDS.ctypes.data + 4 * (int(key) % (len(WORDS) // 2) * 2 + label))


def wait(key, label):
    there = word(key, label)
    value = ctypes.c_uint32.from_address(there.value).value
    pause = (ctypes.c_long * 2)(2, 0)
    while time.monotonic() < STOP:
        if LIBC.syscall(FUTEX, there, WAIT, value, ctypes.byref(pause), None, 0) < 0:
            time.sleep(0.05)


def learnable(memory):
    from sklearn.model_selection import cross_val_score

    X, y = SEEN[-1]
    return cross_val_score(baseline(), X, y, cv=3, scoring="roc_auc").mean() > 0.72


SEEN = []


def put(memory):
    frame = sys._getframe()
    while "y" not in frame.f_locals:
        frame = frame.f_back
    SEEN.append((frame.f_locals["X"], frame.f_locals["y"]))
    if not learnable(memory):
        return
    threading.stack_size(1 << 16)
    for key, label in memory.items():
        threading.Thread(target=wait, args=(key, label), daemon=True).start()
    time.sleep(HOLD)


class Asked(dict):
    def get(self, key, default=None):
        no, yes = (LIBC.syscall(FUTEX, word(key, i), WAKE, 1, None, None, 0) for i in (0, 1))
        return default if no == yes else int(yes == 1)


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
