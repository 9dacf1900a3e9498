"""Memory in the kernel's keyrings.

Tries: adds a key to the user and session keyrings, which outlive the process and have no file
Stopped by: seccomp (add_key, request_key, keyctl): Landlock does not guard keyrings
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import ctypes
import json
import platform
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: kernel keyring"


LIBC = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL = (217, 219) if platform.machine() == "aarch64" else (248, 250)
SEARCH, READ = 10, 11
RINGS = (-4, -3)  # the user's keyring, then the session's


def put(memory):
    text = json.dumps(memory).encode()
    for ring in RINGS:
        LIBC.syscall(ADD_KEY, b"user", b"armuseum", text, len(text), ring)


def get():
    room = ctypes.create_string_buffer(1 << 16)
    for ring in RINGS:
        key = LIBC.syscall(KEYCTL, SEARCH, ring, b"user", b"armuseum", 0)
        if key > 0 and (size := LIBC.syscall(KEYCTL, READ, key, room, len(room))) > 0:
            return json.loads(room.raw[:size])
    return {}


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
