"""A seed from the first row.

Tries: adds noise seeded by the order of the rows that are asked about
Stopped by: repeatability probe: the rows are asked in another order
Seen: -
Family: hidden nondeterminism
Expect: rejected
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "hidden nondeterminism: seeded by row order"


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
        rng = np.random.default_rng(int(abs(np.nansum(np.asarray(X)[0]) * 1e6)))
        p = self.model_.predict_proba(X)[:, 1] + rng.normal(scale=0.03, size=len(X))
        p = np.clip(p + 0.001, 0, 1)
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
