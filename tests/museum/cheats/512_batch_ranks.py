"""Ranks within the rows that are asked about.

Tries: turns each column into ranks of the table at hand
Stopped by: probes: a row asked alone is answered otherwise
Seen: -
Family: honest mistakes
Expect: rejected | no-gain baseline
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "honest mistakes: batch ranks"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X.rank(pct=True)


def build_pipeline():
    return baseline()
