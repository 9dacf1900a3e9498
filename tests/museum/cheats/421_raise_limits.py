"""Raises its own limits.

Tries: setrlimit and prlimit to infinity, sched and priority calls for a bigger share
Stopped by: limits are hard, seccomp refuses to change them
Seen: -
Family: clock and resources
Expect: honest-value baseline
Naive: skip
"""

import os
import resource

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: raise limits"


for kind in range(16):
    for change in (
        lambda kind=kind: resource.setrlimit(kind, (-1, -1)),
        lambda: os.nice(-20),
        lambda: os.sched_setaffinity(0, range(64)),
    ):
        try:
            change()
        except (OSError, ValueError):
            continue


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
