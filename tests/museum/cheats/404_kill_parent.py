"""Kills its parent.

Tries: SIGKILL and SIGSTOP to the parent, so that nobody measures the time
Stopped by: seccomp (kill), Landlock scope for signals
Seen: -
Family: clock and resources
Expect: honest-value baseline
Naive: skip
"""

import os
import signal

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: kill parent"


for number in (signal.SIGSTOP, signal.SIGKILL):
    try:
        os.kill(os.getppid(), number)
    except OSError:
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
