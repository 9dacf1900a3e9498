"""Fills the disk.

Tries: writes files of a gigabyte into its scratch folder
Stopped by: limits on file size and scratch folder
Seen: -
Family: clock and resources
Expect: crashed
Naive: skip
Budget: short
"""

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: disk fill"


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
        for i in range(32):
            with open(f"armuseum{i}", "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
