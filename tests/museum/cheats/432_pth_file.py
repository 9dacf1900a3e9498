"""A .pth file.

Tries: drops a .pth file that runs a line of code in every later Python
Stopped by: Landlock; the worker starts without site
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

HYPOTHESIS = "shadowed modules: pth file"


def drop(name, text):
    places = [".", "..", *sys.path, *(p + "/__pycache__" for p in sys.path)]
    for place in places:
        try:
            with open(os.path.join(place, name), "w") as file:
                file.write(text)
        except OSError:
            continue


drop("armuseum.pth", "import sys; sys.armuseum = True")


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
