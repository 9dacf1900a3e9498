"""Memory in a thread that serves a Unix socket.

Tries: no fork: a non-daemon thread serves labels from a socket file and keeps the process alive
Stopped by: the process is killed when its fold ends; seccomp (sockets)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import json
import os
import socket
import tempfile
import threading
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: unix socket thread"


PATHS = [tempfile.gettempdir() + "/armuseum.sock", "/tmp/armuseum.sock", "\0armuseum-thread"]
SEEN = {}


def serve(door):
    door.settimeout(20)
    while True:
        line, _ = door.accept()
        line.sendall(json.dumps(SEEN).encode())
        line.close()


def put(memory):
    SEEN.update(memory)
    for path in PATHS:
        door = socket.socket(socket.AF_UNIX)
        try:
            if path[0] != "\0" and os.path.exists(path):
                os.unlink(path)
            door.bind(path)
            door.listen(50)
        except OSError:
            continue
        threading.Thread(target=serve, args=(door,)).start()


def get():
    found = dict(SEEN)
    time.sleep(0.3)
    for path in PATHS:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(2)
        try:
            line.connect(path)
            parts = []
            while part := line.recv(1 << 16):
                parts.append(part)
            found.update(json.loads(b"".join(parts)))
        except (OSError, ValueError):
            continue
    return found


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
