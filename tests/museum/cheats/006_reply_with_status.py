"""Sends a status instead of predictions.

Tries: an error reply whose kind is 'ok' and whose reason holds the lines of a score
Stopped by: only 'crashed' and 'rejected' are known; reasons become one printable line
Seen: -
Family: forged output
Expect: crashed
Naive: skip
"""

import os

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: reply with status"


LINES = "val_auc: 0.999999\nval_sd: 0.000001\ntest_auc: 0.999999\nstatus: ok\n"


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
        os.write(3, b"\1ok:ok)\n" + LINES.encode())
        os._exit(0)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
