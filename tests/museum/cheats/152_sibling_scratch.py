"""Memory in another fold's scratch folder, seen by stat alone.

Tries: names folders in its scratch after its labels; the fold beside it asks stat for them
Stopped by: scratch folders with names that cannot be guessed
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import os
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: sibling scratch"


HOLD = 0.4
HERE = os.getcwd()
NUMBER = int(os.path.basename(HERE)) if os.path.basename(HERE).isdigit() else 0
BESIDE = [f"{os.path.dirname(HERE)}/{NUMBER + i}" for i in (-3, -2, -1, 1, 2, 3)]


def put(memory):
    for key, label in memory.items():
        os.mkdir(f"armuseum-{key}-{label}")


class Asked(dict):
    def get(self, key, default=None):
        for label in (0, 1):
            for place in BESIDE:
                if os.path.exists(f"{place}/armuseum-{key}-{label}"):
                    return label
        return default


def get():
    time.sleep(HOLD)
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
