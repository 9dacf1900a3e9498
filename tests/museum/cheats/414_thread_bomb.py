"""Starts thousands of threads.

Tries: takes every process number and all stack memory with sleeping threads
Stopped by: memory limit; the threads end with the process
Seen: -
Family: clock and resources
Expect: honest-value baseline | crashed
Naive: skip
"""

import threading
import time

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: thread bomb"


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
        threading.stack_size(1 << 16)
        for _ in range(2000):
            try:
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            except RuntimeError:
                break
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
