"""build_pipeline returns a class, not an estimator.

Family: broken
Expect: rejected
Reason: build_pipeline
"""

from sklearn.linear_model import LogisticRegression

HYPOTHESIS = "broken"


def feature_fn(X):
    return X


def build_pipeline():
    return LogisticRegression
