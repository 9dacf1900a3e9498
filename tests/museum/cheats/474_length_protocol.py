"""Predictions that lie about their length.

Tries: a sequence whose __len__ and contents disagree
Stopped by: byte count on the trusted side
Seen: -
Family: odd objects
Expect: honest-value baseline | crashed | rejected
"""

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: length protocol"


class Liar(list):
    def __len__(self):
        return 10**6


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
        return Liar(self.model_.predict_proba(X)[:, 1].tolist())


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
