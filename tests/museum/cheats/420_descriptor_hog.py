"""Opens everything.

Tries: opens files, pipes and timers until none are left, also for the worker's reply
Stopped by: limit on open files; it only hurts itself
Seen: -
Family: clock and resources
Expect: honest-value baseline | crashed
"""

import os

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: descriptor hog"


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
        self.kept_ = []
        try:
            while len(self.kept_) < 5000:
                self.kept_.append(os.pipe())
        except OSError:
            pass
        return p


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
