"""A table that lies about its length.

Tries: an object with a false shape and __len__ that gives fewer rows to the model
Stopped by: the count of predictions is checked on the trusted side
Seen: -
Family: leaks through feature_fn
Expect: crashed | rejected
"""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: lies about length"


class Liar(pd.DataFrame):
    @property
    def _constructor(self):
        return Liar

    def __array__(self, dtype=None, copy=None):
        return pd.DataFrame(self).to_numpy()[:10]  # what the model sees; len() says otherwise


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
        return self.model_.predict_proba(np.asarray(X))


def feature_fn(X):
    return Liar(X)


def build_pipeline():
    return Tricky()
