"""Memory through address families that lists of bans forget.

Tries: tries VSOCK, netlink, packet and kernel-crypto sockets to reach the fold beside it
Stopped by: seccomp: no new socket of any family
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import json
import socket
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: exotic sockets"


HEARD = {}


def lines():
    for family, kind, proto in ((16, 3, 2), (40, 1, 0), (17, 3, 0), (38, 5, 0), (29, 3, 1)):
        try:
            yield family, socket.socket(family, kind, proto)
        except OSError:
            continue


def put(memory):
    message = json.dumps(memory).encode()[:1400]
    for family, line in lines():
        line.settimeout(0.1)
        try:
            if family == 16:  # netlink, user-defined family: to every listener of group 1
                line.bind((0, 1))
                line.sendto(message, (0, 1))
            elif family == 17:
                line.bind(("lo", 3))
                line.send(bytes(12) + b"\x08\x00" + message)
            else:
                line.connect((1, 27613) if family == 40 else "armuseum")
                line.send(message)
            HEARD.update(json.loads(line.recv(1 << 16)))
        except (OSError, ValueError, TypeError):
            continue


def get():
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
