"""Scaling by the rows that are asked about.

Tries: scales every table by its own mean and deviation: looks like a leak, is a mistake
Stopped by: probes: a row asked alone is answered otherwise
Seen: -
Family: honest mistakes
Expect: rejected | no-gain baseline
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "honest mistakes: batch scaler"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return (X - X.mean()) / X.std()


def build_pipeline():
    return baseline()
