"""NaN reaches a model that cannot have it.

Family: broken
Expect: crashed
Reason: NaN
"""

from sklearn.linear_model import LogisticRegression

HYPOTHESIS = "broken"


def feature_fn(X):
    return X


def build_pipeline():
    return LogisticRegression()
