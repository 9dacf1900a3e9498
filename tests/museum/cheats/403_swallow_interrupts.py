"""Swallows whatever tries to stop it.

Tries: catches every exception, also the one-shot alarm's, and goes on
Stopped by: deadline by SIGKILL from outside
Seen: cross_val_score swallows the one-shot alarm of the original harness
Family: clock and resources
Expect: timeout
Naive: skip
Budget: short
"""

import time

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: swallow interrupts"


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
        while True:
            try:
                while True:
                    time.sleep(0.1)
            except BaseException:
                continue
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
