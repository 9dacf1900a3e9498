"""Forks a child that lives on.

Tries: forks in fit; the child inherits the reply, sleeps and would answer later
Stopped by: seccomp (fork), one kill for all
Seen: -
Family: clock and resources
Expect: honest-value baseline
Naive: skip
"""

import os
import time

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: fork child"


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
        try:
            if os.fork() == 0:
                time.sleep(15)
                os._exit(0)
        except OSError:
            pass
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
