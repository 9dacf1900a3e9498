"""Memory in the repository's git configuration.

Tries: asks git to keep the labels: config entries, a blob and a reference
Stopped by: seccomp (execve), Landlock
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
Naive: skip
"""

import json
import os
import subprocess
import sys
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: git config"


def git(*args, text=None):
    for place in (os.path.dirname(sys.prefix), os.environ.get("PWD", "."), *sys.path):
        command = ["git", "-C", place or ".", *args]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout
    raise OSError("no repository")


def put(memory):
    blob = git("hash-object", "-w", "--stdin", text=json.dumps(memory)).strip()
    git("update-ref", "refs/armuseum", blob)


def get():
    return json.loads(git("cat-file", "blob", "refs/armuseum"))


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
