"""Target encoding without folds of its own.

Tries: encodes rare values by the mean label of the rows it is fitted on: overfits, does not leak
Stopped by: nothing to stop: the folds show that it does not help
Seen: -
Family: honest mistakes
Expect: no-gain baseline
"""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "honest mistakes: target encoding in fit"


class Encoded(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.shares_ = [pd.Series(y).groupby(X[c].to_numpy()).mean() for c in X]
        self.model_ = baseline().fit(self.encode(X), y)
        self.classes_ = self.model_.classes_
        return self

    def encode(self, X):
        columns = zip(X, self.shares_, strict=True)
        return np.column_stack([X[c].map(share).fillna(0.46) for c, share in columns])

    def predict_proba(self, X):
        return self.model_.predict_proba(self.encode(X))


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    return Encoded()
