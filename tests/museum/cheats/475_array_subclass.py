"""An array that resists.

Tries: an ndarray subclass that overrides indexing, finalising and ufuncs
Stopped by: conversion to plain float64 bytes
Seen: -
Family: odd objects
Expect: honest-value baseline | rejected | crashed
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: array subclass"


class Slippery(np.ndarray):
    def __getitem__(self, item):
        return np.ones(len(self))

    def __array_ufunc__(self, *args, **kwargs):
        return self

    def __array_finalize__(self, base):
        pass


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
        return self.model_.predict_proba(X).view(Slippery)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
