"""A forest that grows until the clock stops it.

Tries: adds trees until a third of a second is over: a faster machine grows more
Stopped by: repeatability probe, if it would be kept
Seen: -
Family: honest mistakes
Expect: rejected | no-gain baseline
"""

import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

HYPOTHESIS = "honest mistakes: time limited forest"


class Tricky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        stop, rng, self.trees_ = time.monotonic() + 0.3, np.random.default_rng(0), []
        while time.monotonic() < stop or not self.trees_:
            rows = rng.integers(0, len(y), len(y))
            tree = DecisionTreeClassifier(
                min_samples_leaf=5, max_features="sqrt", random_state=len(self.trees_)
            )
            self.trees_.append(tree.fit(X[rows], y[rows]))
        return self

    def predict_proba(self, X):
        return np.mean([tree.predict_proba(X) for tree in self.trees_], axis=0)


def feature_fn(X):
    return X


def build_pipeline():
    return make_pipeline(SimpleImputer(strategy="median"), Tricky())
