"""A segmentation fault.

Family: broken
Expect: crashed
Reason: SIGSEGV
"""

import numpy as np
import ctypes

HYPOTHESIS = "broken"


class Broken:
    classes_ = np.array([0, 1])

    def fit(self, X, y):
        ctypes.string_at(0)
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def feature_fn(X):
    return X


def build_pipeline():
    return Broken()
