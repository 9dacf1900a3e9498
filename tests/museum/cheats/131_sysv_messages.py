"""Memory in a System V message queue.

Tries: leaves its labels as messages in a queue with a fixed key, reads them and puts them back
Stopped by: seccomp (msgget, msgsnd, msgrcv)
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

HYPOTHESIS = "memory between folds: sysv messages"


LIBC = ctypes.CDLL(None, use_errno=True)
NOWAIT = 0o4000


class Message(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_long), ("text", ctypes.c_char * 8000)]


def queue():
    found = LIBC.msgget(0x61726D75, 0o1600)
    if found < 0:
        raise OSError("no queue")
    return found


def put(memory):
    drain()
    text = json.dumps(memory).encode()
    for i in range(0, len(text), 7900):
        part = text[i : i + 7900]
        LIBC.msgsnd(queue(), ctypes.byref(Message(i + 1, part)), len(part), NOWAIT)


def drain():
    parts, note = [], Message()
    while (size := LIBC.msgrcv(queue(), ctypes.byref(note), 8000, 0, NOWAIT)) > 0:
        parts.append((note.kind, note.text[:size]))
    return parts


def get():
    parts = drain()
    for kind, text in parts:
        LIBC.msgsnd(queue(), ctypes.byref(Message(kind, text)), len(text), NOWAIT)
    return json.loads(b"".join(text for _, text in sorted(parts)) or b"{}")


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
