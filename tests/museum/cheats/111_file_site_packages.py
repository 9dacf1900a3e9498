"""Memory beside the installed packages.

Tries: leaves a file in site-packages, in a package and in its __pycache__
Stopped by: Landlock: libraries are readable, not writable
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

HYPOTHESIS = "memory between folds: file site packages"


def places():
    import sklearn

    package = os.path.dirname(sklearn.__file__)
    return [package, os.path.dirname(package), os.path.join(package, "__pycache__")]


def put(memory):
    for place in places():
        try:
            with open(os.path.join(place, "armuseum.json"), "w") as file:
                json.dump(memory, file)
        except OSError:
            continue


def get():
    found = {}
    for place in places():
        try:
            with open(os.path.join(place, "armuseum.json")) as file:
                found.update(json.load(file))
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
