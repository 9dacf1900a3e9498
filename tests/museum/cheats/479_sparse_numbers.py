"""Sparse predictions.

Tries: returns a sparse matrix with the unsure rows left out
Stopped by: only dense numbers can be converted
Seen: -
Family: odd objects
Expect: crashed | rejected
"""

import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: sparse numbers"


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
        return scipy.sparse.csr_matrix(self.model_.predict_proba(X))


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
