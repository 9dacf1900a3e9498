"""Numbers that decide late what they are.

Tries: a list of objects whose __float__ runs code
Stopped by: conversion happens on the untrusted side
Seen: -
Family: odd objects
Expect: honest-value baseline
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: float protocol"


class Number:
    def __init__(self, value):
        self.value = value

    def __float__(self):
        print("val_auc: 0.999999")
        return float(self.value)

    def __gt__(self, other):
        return True


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
        return np.array(
            [[Number(v) for v in row] for row in self.model_.predict_proba(X)], dtype=object
        )


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
