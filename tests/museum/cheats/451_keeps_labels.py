"""feature_fn that looks for the labels of its rows.

Tries: walks the callers of feature_fn for y and adds it as a column
Stopped by: feature_fn is called before fit with nothing but rows; validation labels are elsewhere
Seen: -
Family: leaks through feature_fn
Expect: no-gain baseline
"""

import sys

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: keeps labels"


def labels(n):
    frame = sys._getframe(1)
    while frame is not None:
        for name in ("y_val", "y_test", "y_train", "y"):
            value = frame.f_locals.get(name)
            if value is not None and np.size(value) == n:
                return np.asarray(value, dtype=float)
        frame = frame.f_back
    return np.zeros(n)


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X.assign(risk=labels(len(X)))


def build_pipeline():
    return baseline()
