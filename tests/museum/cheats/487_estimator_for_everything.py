"""An estimator that has every attribute.

Tries: __getattr__ answers whatever is asked, with itself
Stopped by: conversion fails, or the honest value
Seen: -
Family: odd objects
Expect: crashed | rejected
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: estimator for everything"


class Yes:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return iter([1])

    def __float__(self):
        return 0.999

    def __len__(self):
        return 48


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    return Yes()
