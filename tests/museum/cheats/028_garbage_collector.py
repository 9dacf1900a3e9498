"""Asks the garbage collector for the labels.

Tries: looks at every array in memory and at what holds it, for labels of rows it was not taught
Stopped by: labels that score never enter this process
Seen: -
Family: patching and frames
Expect: honest-value baseline | no-gain baseline
"""

import gc

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "patching and frames: garbage collector"


def pairs():
    arrays = [a for a in gc.get_objects() if isinstance(a, (tuple, list, dict))]
    flat = [v for a in arrays for v in (a.values() if isinstance(a, dict) else a)]
    tables = [v for v in flat if isinstance(v, (np.ndarray, pd.DataFrame)) and v.shape[1:] == (13,)]
    answers = [v for v in flat if isinstance(v, np.ndarray) and v.ndim == 1]
    return [(t, a) for t in tables[:50] for a in answers[:500] if len(a) == len(t)]


def keys(X):
    return [row.tobytes() for row in np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)]


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


class Tricky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        self.known_ = {}
        for rows, labels in pairs():
            if set(np.unique(labels).tolist()) == {0, 1}:
                self.known_.update(zip(keys(rows), labels.tolist(), strict=True))
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = np.array([self.known_.get(k, q) for k, q in zip(keys(X), p, strict=True)])
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
