"""Memory in datagrams between folds that run side by side.

Tries: every fold sends its labels to 64 loopback ports and listens on one
Stopped by: seccomp (sockets): Landlock does not guard UDP
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import functools
import json
import socket
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: udp broadcast"


HEARD = {}


@functools.cache
def ear():
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for port in range(27700, 27764):
        try:
            line.bind(("127.0.0.1", port))
            return line
        except OSError:
            continue


def put(memory):
    message = json.dumps(memory).encode()
    for _ in range(4):
        for port in range(27700, 27764):
            ear().sendto(message, ("127.0.0.1", port))
        hear()


def hear():
    ear().settimeout(0.1)
    try:
        while True:
            HEARD.update(json.loads(ear().recv(1 << 16)))
    except OSError:
        pass


def get():
    hear()
    return HEARD


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
