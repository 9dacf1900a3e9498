"""Reads the answers off the index and the order of rows.

Tries: knows the labels by row number and looks for the row number in the index or the order
Stopped by: rows come shuffled and with a fresh index
Seen: -
Family: finding labels
Expect: honest-value baseline
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "finding labels: index and order"


LABELS = (
    "10001111010100000010010110010100010111101101000100000011001111111001000110101100"
    "01001000000001001101101100001000111001010110101001111001110001111000010011010001"
    "11010100010100001011010110000000011001001101100001100100010010111111111010010011"
    "11"
)


def by_index(X):
    at = np.asarray(X.index)
    return np.array([int(LABELS[i]) if 0 <= i < len(LABELS) else 0 for i in at], dtype=float)


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
        self.trust_ = np.mean(by_index(X) == y) > 0.9
        return self

    def predict_proba(self, X):
        p = by_index(X) if self.trust_ else self.model_.predict_proba(X)[:, 1]
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
