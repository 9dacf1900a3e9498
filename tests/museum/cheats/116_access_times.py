"""Memory in the access times of library files.

Tries: reads a cold library file for label 1: where access times are kept, later folds can see it
Stopped by: nothing that stat shows may tell when a library file was last read
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import os
import time
import zlib

import numpy as np
import pandas
import scipy
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: access times"


COLD = (".pyi", ".h", ".txt", ".pxd", ".dat", ".npz", ".csv", ".build", ".inc")


def listing():
    found = []
    for package in (np, scipy, pandas, sklearn):
        for folder, _, names in os.walk(os.path.dirname(package.__file__)):
            found += [os.path.join(folder, n) for n in names if n.endswith(COLD)]
    return sorted(found)


CELLS = listing()
START = time.time() - 600  # anything read in the last ten minutes was read by a fold


def put(memory):
    for key, label in memory.items():
        slot = int(key) % (len(CELLS) // 2) * 2 + label
        with open(CELLS[slot], "rb") as file:
            file.read(1)


class Asked(dict):
    def get(self, key, default=None):
        slot = int(key) % (len(CELLS) // 2) * 2
        no, yes = (os.stat(CELLS[slot + i]).st_atime > START for i in (0, 1))
        return default if no == yes else int(yes)


def get():
    return Asked() if CELLS else {}


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
