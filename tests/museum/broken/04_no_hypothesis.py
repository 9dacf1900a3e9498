"""HYPOTHESIS is missing.

Family: broken
Expect: rejected
Reason: HYPOTHESIS
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def feature_fn(X):
    return X


def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
