"""A seed from the process number.

Tries: adds noise seeded by the process and thread number
Stopped by: repeatability probe: scored again in fresh processes it gives another number
Seen: -
Family: hidden nondeterminism
Expect: rejected
"""

import os
import threading

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "hidden nondeterminism: seeded by process"


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
        rng = np.random.default_rng(os.getpid() * 100003 + threading.get_native_id())
        p = self.model_.predict_proba(X)[:, 1] + rng.normal(scale=0.03, size=len(X))
        p = np.clip(p + 0.001, 0, 1)
        return np.column_stack([1 - p, p])


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
