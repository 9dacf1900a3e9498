"""Memory in a POSIX message queue.

Tries: mq_open with a fixed name: the queue lives in the kernel until someone unlinks it
Stopped by: seccomp (mq_open)
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

HYPOTHESIS = "memory between folds: posix message queue"


LIBC = ctypes.CDLL(None, use_errno=True)


class Limits(ctypes.Structure):
    _fields_ = [(n, ctypes.c_long) for n in ("flags", "most", "size", "now", "a", "b", "c", "d")]


def queue():
    found = LIBC.mq_open(b"/armuseum", 0o4102, 0o600, ctypes.byref(Limits(0, 10, 8192)))
    if found < 0:
        raise OSError("no queue")
    return found


def put(memory):
    drain()
    text = json.dumps(memory).encode()
    for i in range(0, len(text), 8000):
        LIBC.mq_send(queue(), text[i : i + 8000], len(text[i : i + 8000]), 9 - i // 8000)


def drain():
    parts, room = [], ctypes.create_string_buffer(8192)
    while (size := LIBC.mq_receive(queue(), room, 8192, None)) > 0:
        parts.append(room.raw[:size])
    return parts


def get():
    parts = drain()
    for i, part in enumerate(parts):
        LIBC.mq_send(queue(), part, len(part), 9 - i)
    return json.loads(b"".join(parts) or b"{}")


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
