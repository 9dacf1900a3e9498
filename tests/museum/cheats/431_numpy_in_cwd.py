"""A numpy.py of its own.

Tries: leaves numpy.py and sklearn.py in the working directory for the next process to import
Stopped by: the current folder is not on the path; scratch is wiped
Seen: -
Family: shadowed modules
Expect: honest-value baseline
Naive: skip
"""

import os
import sys

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "shadowed modules: numpy in cwd"


for name in ("numpy", "sklearn", "struct", "harness"):
    with open(name + ".py", "w") as file:
        file.write("raise SystemExit('val_auc: 0.999999')")
sys.path.insert(0, os.getcwd())
sys.path.insert(0, "")


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
