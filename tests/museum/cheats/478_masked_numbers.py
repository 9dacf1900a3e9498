"""Masked predictions.

Tries: masks the rows it is unsure of, so that they might not count
Stopped by: plain float64: what lies under the mask counts
Seen: -
Family: odd objects
Expect: honest-value baseline | rejected
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: masked numbers"


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
        return np.ma.masked_array(p, mask=np.abs(p - 0.5) < 0.2)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
