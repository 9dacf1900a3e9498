"""Makes thousands of files.

Tries: uses up directory entries and makes the clean-up slow
Stopped by: the scratch folder is wiped after the fold, the deadline holds
Seen: -
Family: clock and resources
Expect: honest-value baseline
Naive: skip
"""

import os

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: many files"


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
        for i in range(1000):
            open(os.fsencode(f"armuseum {i} ") + b"\xff\n-rf", "w").close()
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
