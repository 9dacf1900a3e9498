"""Folds that talk by the numbers of their threads.

Tries: threads have numbers from one counter of the machine: a burst is heard by the fold beside
Stopped by: probes: each fold is asked again alone, in another order, with noise between
Seen: -
Family: folds that talk
Expect: no-gain baseline | rejected | crashed
Naive: skip
"""

import threading
import time
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "folds that talk: thread numbers"
SLOT, GRID = 0.004, 0.25


def number():
    said = []
    thread = threading.Thread(target=lambda: said.append(threading.get_native_id()))
    thread.start()
    thread.join()
    return said[0]


def send(until):
    while time.time() < until:
        number()


def hear(until):
    before = number()
    time.sleep(max(0.0, until - time.time()))
    return number() - before


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def keys(X):
    rows = np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)
    return [zlib.crc32(row.tobytes()) for row in rows]


class Talks(ClassifierMixin, BaseEstimator):
    """Each row has its moment: who was taught its label sends it, who is asked for it listens."""

    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        self.taught_ = dict(zip(keys(X), map(int, y), strict=True))
        return self

    def predict_proba(self, X):
        odds, asked = self.model_.decision_function(X), keys(X)
        moments = sorted({*self.taught_, *asked})
        start = (int(time.time() / GRID) + 2) * GRID
        heard = {}
        for i, key in enumerate(moments):
            now, until = start + i * SLOT, start + (i + 0.8) * SLOT
            time.sleep(max(0.0, now - time.time()))
            try:
                if key not in self.taught_:
                    heard[key] = hear(until)
                elif self.taught_[key]:
                    send(until)
            except Exception:
                heard[key] = 0.0
        told = np.array([heard[key] for key in asked], dtype=float)
        told = np.argsort(np.argsort(told)) / len(told) - 0.5 if np.ptp(told) else 0.0 * told
        p = 1 / (1 + np.exp(-(odds + 4 * told)))
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Talks()
