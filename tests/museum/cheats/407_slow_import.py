"""Spends the time before the clock starts.

Tries: sleeps at import, where some harnesses do not look
Stopped by: the budget covers the whole job, import included
Seen: import time was outside the budget of the original harness
Family: clock and resources
Expect: timeout
Naive: skip
Budget: short
"""

import time

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: slow import"


time.sleep(3600)


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    return baseline()
