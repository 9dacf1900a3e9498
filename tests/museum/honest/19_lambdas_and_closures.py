"""Lambdas, closures and a nested function in transformers.

Family: honest
Expect: ok
"""

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

HYPOTHESIS = "lambdas and closures"


def feature_fn(X):
    return X


def clipper(low, high):
    return lambda X: np.clip(X, low, high)


def build_pipeline():
    def squares(X):
        return np.hstack([X, X**2])

    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        FunctionTransformer(clipper(-2.5, 2.5)),
        FunctionTransformer(squares),
        LogisticRegression(C=0.1, max_iter=1000),
    )
