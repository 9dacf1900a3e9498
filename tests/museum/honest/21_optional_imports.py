"""Uses a package if it is there, and does without.

Family: honest
Expect: ok
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "optional imports"


try:
    import polars
except ImportError:
    polars = None
try:
    import torch
except ImportError:
    torch = None


def feature_fn(X):
    return X if polars is None else polars.from_pandas(X).to_pandas()


def build_pipeline():
    return make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=0.5, max_iter=500)
    )
