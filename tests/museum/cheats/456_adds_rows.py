"""feature_fn that adds rows.

Tries: appends copies of easy rows, to raise the mean
Stopped by: row count check
Seen: -
Family: leaks through feature_fn
Expect: rejected
"""

import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: adds rows"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return pd.concat([X, X.head(20)])


def build_pipeline():
    return baseline()
