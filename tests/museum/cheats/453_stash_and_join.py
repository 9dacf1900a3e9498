"""feature_fn that keeps the training rows.

Tries: remembers X_train in a global and scales both tables together
Stopped by: the batch probe: a row that is asked alone gets another answer
Seen: -
Family: leaks through feature_fn
Expect: rejected
"""

import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: stash and join"


KEPT = []


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    KEPT.append(X)
    both = pd.concat(KEPT)
    return (X - both.mean()) / both.std()


def build_pipeline():
    return baseline()
