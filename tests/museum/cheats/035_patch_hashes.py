"""Makes checksums agree.

Tries: patches hashlib and file reading so that a changed data file would pass its check
Stopped by: data is read and checked in another process
Seen: -
Family: patching and frames
Expect: honest-value baseline
"""

import hashlib

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "patching and frames: patch hashes"


class Agreeable:
    def hexdigest(self):
        return "c" * 64

    def update(self, data):
        pass


hashlib.sha256 = lambda *args, **kwargs: Agreeable()


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
