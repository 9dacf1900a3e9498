"""feature_fn that returns a plain array, and predictions in one column.

Family: honest
Expect: ok
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "numpy table"


def feature_fn(X):
    rows = X.to_numpy(float)
    return np.column_stack([rows, np.isnan(rows).sum(axis=1)])


class OneColumn(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = LogisticRegression(C=0.5, max_iter=500).fit(X, y)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)[:, 1]


def build_pipeline():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), OneColumn())
