"""Poisons compiled modules.

Tries: rewrites .pyc files of the harness and of sklearn, which nobody reads
Stopped by: Landlock; workers write and trust no bytecode of the candidate's
Seen: -
Family: shadowed modules
Expect: honest-value baseline
Naive: skip
"""

import glob
import os
import sys

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "shadowed modules: poisoned bytecode"


for place in (*sys.path, os.path.dirname(sys.prefix) + "/harness/scoring"):
    for path in glob.glob(place + "/__pycache__/scor*.pyc"):
        try:
            with open(path, "ab") as file:
                file.write(b"")
            os.rename(path, path + ".armuseum")
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
