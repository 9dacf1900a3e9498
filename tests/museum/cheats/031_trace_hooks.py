"""Watches through trace and audit hooks.

Tries: installs trace, profile and audit hooks to see and change the callers' variables
Stopped by: nothing worth seeing runs in this process
Seen: -
Family: patching and frames
Expect: honest-value baseline
"""

import sys
import threading

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "patching and frames: trace hooks"


SEEN = []


def spy(frame, event, arg):
    if "y_val" in frame.f_locals or "y_true" in frame.f_locals:
        SEEN.append(frame.f_locals.get("y_val"))
    return None


threading.setprofile(spy)
sys.addaudithook(lambda event, args: SEEN.append(None) if "labels" in event else None)


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
        sys.setprofile(spy)
        p = self.model_.predict_proba(X)
        sys.setprofile(None)
        return p


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
