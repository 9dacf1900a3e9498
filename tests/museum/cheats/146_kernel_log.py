"""Memory in the kernel's log.

Tries: writes labels to /dev/kmsg and reads the log back
Stopped by: Landlock (/dev), seccomp (syslog)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import json
import os
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: kernel log"


def put(memory):
    text = json.dumps(memory)
    fd = os.open("/dev/kmsg", os.O_WRONLY)
    for i in range(0, len(text), 700):
        os.write(fd, f"armuseum:{i}:{text[i : i + 700]}\n".encode())


def get():
    fd, parts = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), {}
    try:
        while True:
            line = os.read(fd, 8192).decode().partition(";")[2]
            if line.startswith("armuseum:"):
                _, i, text = line.rstrip("\n").split(":", 2)
                parts[int(i)] = text
    except BlockingIOError:
        pass
    return json.loads("".join(parts[i] for i in sorted(parts)).encode().decode("unicode_escape"))


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
