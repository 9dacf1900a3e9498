"""Memory in a daemon behind a TCP port.

Tries: double fork, new session, and a server on the loopback address that keeps all labels seen
Stopped by: seccomp (fork, setsid, sockets), Landlock (TCP)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import json
import os
import signal
import socket
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: tcp daemon"


ADDRESS = ("127.0.0.1", 27613)


def dial():
    return socket.create_connection(ADDRESS, timeout=2)


def listen():
    return socket.create_server(ADDRESS, backlog=50)


def put(memory):
    text = json.dumps(memory).encode()
    try:
        with dial() as line:
            line.sendall(b"P" + text)
            line.shutdown(socket.SHUT_WR)
            return
    except OSError:
        pass
    if os.fork() == 0:  # nobody answers yet: become the one who does
        os.setsid()
        if os.fork() == 0:
            serve(text)
        os._exit(0)
    time.sleep(0.2)


def serve(text):
    signal.alarm(20)  # a guest of the museum leaves by itself
    for fd in range(3):
        os.close(fd)
    door = listen()
    while True:
        line, _ = door.accept()
        message = b"".join(iter(lambda: line.recv(1 << 16), b""))  # noqa: B023
        if message[:1] == b"P":
            text = json.dumps({**json.loads(text), **json.loads(message[1:])}).encode()
        else:
            line.sendall(text)
        line.close()


def get():
    with dial() as line:
        line.sendall(b"G")
        line.shutdown(socket.SHUT_WR)
        parts = []
        while part := line.recv(1 << 16):
            parts.append(part)
    return json.loads(b"".join(parts))


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
