"""Prints warnings, progress and a good deal of text.

Family: honest
Expect: ok
"""

import logging
import sys
import warnings

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "noisy output"


def feature_fn(X):
    warnings.warn("three patients have no thal value", stacklevel=2)
    logging.getLogger("candidate").warning("rows: %d", len(X))
    print("columns:", ", ".join(X.columns), "✓", file=sys.stderr)
    print("progress " * 500)
    return X


def build_pipeline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(max_iter=3, C=1.0, verbose=1),
    )
