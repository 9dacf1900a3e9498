"""Coefficients that are really a table.

Tries: embeds the fitted coefficients of 104 interactions: a formula that has seen every answer
Stopped by: probes: label flip and twin labels
Seen: -
Family: memorised answers
Expect: rejected
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

HYPOTHESIS = "memorised: coefficients"

MEAN = np.array(
    [54.439, 0.68, 3.158, 131.69, 246.693, 0.149, 0.99, 149.607, 0.327, 1.04, 1.601, 0.65, 4.696]
)
SCALE = np.array(
    [9.024, 0.467, 0.959, 17.571, 51.691, 0.356, 0.993, 22.837, 0.469, 1.159, 0.615, 0.949, 1.985]
)
COEF = np.array(
    [
        3.408,
        -1.624,
        5.887,
        -1.764,
        0.063,
        0.513,
        4.598,
        0.299,
        2.095,
        3.789,
        8.137,
        14.692,
        10.911,
        1.236,
        -0.004,
        -1.396,
        -0.986,
        -2.867,
        0.109,
        0.383,
        5.956,
        1.163,
        0.455,
        1.221,
        0.426,
        -6.178,
        0.416,
        -5.407,
        -1.768,
        -1.305,
        -7.044,
        -0.865,
        -4.812,
        -1.659,
        2.892,
        -5.426,
        1.262,
        -7.043,
        1.04,
        1.166,
        -2.28,
        1.582,
        2.085,
        2.389,
        3.072,
        2.79,
        -2.02,
        -4.28,
        0.226,
        -0.535,
        1.754,
        2.433,
        2.917,
        1.139,
        4.382,
        -1.146,
        -2.068,
        -2.079,
        5.168,
        -1.388,
        1.517,
        -0.949,
        -4.841,
        -0.593,
        3.365,
        -4.662,
        -7.944,
        -1.909,
        0.177,
        2.561,
        0.012,
        7.338,
        1.342,
        5.855,
        6.581,
        5.004,
        -1.299,
        0.244,
        -2.078,
        -0.975,
        -1.216,
        7.046,
        2.302,
        1.839,
        3.477,
        -1.216,
        4.114,
        -2.67,
        1.446,
        0.712,
        0.055,
        7.299,
        4.161,
        3.144,
        3.56,
        3.167,
        1.823,
        -1.952,
        -4.27,
        -3.274,
        1.518,
        -5.43,
        2.438,
        8.808,
        -2.311,
    ]
)


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def rows(X):
    return np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)


class Knows(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = self.answer(rows(X), p)
        return np.column_stack([1 - p, p])

    def answer(self, X, p):
        Z = PolynomialFeatures(2, include_bias=False).fit_transform((X - MEAN) / SCALE)
        return 1 / (1 + np.exp(-np.clip(Z @ COEF[:-1] + COEF[-1], -30, 30)))


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
