"""Replaces the output streams.

Tries: puts objects of its own in place of sys.stdout, sys.stderr and the exception hook
Stopped by: the trusted side uses none of them
Seen: -
Family: forged output
Expect: honest-value baseline
"""

import sys

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: stdout object"


class Stream:
    def write(self, text):
        raise SystemExit(0)

    def flush(self):
        raise SystemExit(0)


sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Stream()
sys.excepthook = lambda *args: None
sys.unraisablehook = lambda *args: None


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
