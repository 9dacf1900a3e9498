"""Memory in names: symbolic links, hard links and folders.

Tries: encodes each label in the target of a symbolic link, which needs no write to any file
Stopped by: Landlock (make symlink, make directory)
Seen: -
Family: memory between folds
Expect: honest-value baseline | crashed | rejected
"""

import os
import tempfile
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memory between folds: symlink text"


PLACES = ["/tmp", "/dev/shm", "/var/tmp", tempfile.gettempdir()]


def put(memory):
    text = "".join(f"{k}={v};" for k, v in memory.items())
    for place in PLACES:
        folder = os.path.join(place, "armuseum.links")
        try:
            os.makedirs(folder, exist_ok=True)
            for i in range(0, len(text), 3000):
                link = os.path.join(folder, str(i))
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(text[i : i + 3000], link)
        except OSError:
            continue


def get():
    for place in PLACES:
        folder = os.path.join(place, "armuseum.links")
        try:
            names = sorted(os.listdir(folder), key=int)
            text = "".join(os.readlink(os.path.join(folder, n)) for n in names)
        except OSError:
            continue
        return {k: int(v) for k, v in (part.split("=") for part in text.split(";")[:-1])}
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
