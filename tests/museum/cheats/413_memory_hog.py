"""Takes all memory.

Tries: allocates and touches memory until something gives
Stopped by: address-space limit
Seen: -
Family: clock and resources
Expect: crashed | timeout
Naive: skip
Budget: short
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: memory hog"


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
        self.pile_ = []
        while len(self.pile_) < 48:
            self.pile_.append(np.ones(1 << 26))
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
