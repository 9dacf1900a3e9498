"""Kills the other folds.

Tries: signals every process of the same parent, to be the only one that answers
Stopped by: seccomp (kill), /proc of others is closed
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

HYPOTHESIS = "clock and resources: kill siblings"


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


for pid in range(os.getpid() - 16, os.getpid() + 16):
    try:
        if pid != os.getpid() and parent_of(pid) == os.getppid():
            os.kill(pid, signal.SIGKILL)
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
