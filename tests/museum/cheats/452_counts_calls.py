"""feature_fn that counts its calls.

Tries: the first table gets clean columns, the second one the columns that are easy to rank
Stopped by: without labels there is nothing to gain
Seen: -
Family: leaks through feature_fn
Expect: no-gain baseline
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: counts calls"


CALLS = []


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    CALLS.append(len(X))
    if len(CALLS) > 1:
        return X.assign(cp=X["ca"].fillna(0) + 1)
    return X


def build_pipeline():
    return baseline()
