"""feature_fn that drops hard rows.

Tries: leaves out the rows on which models disagree
Stopped by: row count check
Seen: -
Family: leaks through feature_fn
Expect: rejected
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: drops hard rows"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X[(X["age"] < 54) | (X["age"] > 60)]


def build_pipeline():
    return baseline()
