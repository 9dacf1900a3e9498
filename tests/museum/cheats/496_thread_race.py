"""A race between threads.

Tries: lets two threads write the same array, so that the result depends on luck
Stopped by: repeatability probe
Seen: -
Family: hidden nondeterminism
Expect: rejected
"""

import threading
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "hidden nondeterminism: thread race"


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
        p = self.model_.predict_proba(X)[:, 1].copy()

        def shake(step):
            for i in range(len(p)):
                p[i] = (
                    p[i] * (1 - step)
                    + step * p[(i + 1) % len(p)] * (time.perf_counter_ns() % 7) / 6
                )

        jobs = [threading.Thread(target=shake, args=(0.02,)) for _ in range(2)]
        [job.start() for job in jobs]
        [job.join() for job in jobs]
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
