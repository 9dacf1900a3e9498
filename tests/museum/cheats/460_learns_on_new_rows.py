"""Self-training on the rows that are asked about.

Tries: fits on the training rows, then again with its own answers for the new rows
Stopped by: probes: a row asked alone is answered otherwise
Seen: -
Family: leaks through feature_fn
Expect: rejected | no-gain baseline
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: learns on new rows"


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
        self.X_, self.y_ = X, y
        return self

    def predict_proba(self, X):
        first = self.model_.predict_proba(X)[:, 1]
        both = np.vstack([self.X_, X])
        labels = np.append(self.y_, first > 0.5)
        return baseline().fit(both, labels).predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
