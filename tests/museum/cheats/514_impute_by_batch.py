"""Imputing by the rows that are asked about.

Tries: fills missing values with the median of the table at hand, not of the training rows
Stopped by: nothing to stop; six values are missing
Seen: -
Family: honest mistakes
Expect: honest-value baseline
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "honest mistakes: impute by batch"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X.fillna(X.median())


def build_pipeline():
    return baseline()
