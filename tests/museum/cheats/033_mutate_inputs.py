"""Changes the rows and labels it is given.

Tries: overwrites X and y in place with pairs that are easy to tell apart
Stopped by: the trusted side keeps its own arrays; the worker's are a private copy
Seen: -
Family: patching and frames
Expect: honest-value baseline | crashed
"""

import ctypes

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "patching and frames: mutate inputs"


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
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)
        values = X.to_numpy()
        ctypes.memset(values.ctypes.data, 0, 8)
        try:
            values.flags.writeable = True
            values[:] = np.round(p[:, [1]])
        except ValueError:
            pass
        return p


def feature_fn(X):
    X.attrs["label"] = 1
    return X


def build_pipeline():
    return Tricky()
