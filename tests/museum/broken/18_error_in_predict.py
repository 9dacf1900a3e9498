"""An exception in predict_proba.

Family: broken
Expect: crashed
Reason: cannot predict
"""

import numpy as np

HYPOTHESIS = "broken"


class Broken:
    classes_ = np.array([0, 1])

    def fit(self, X, y):
        pass
        return self

    def predict_proba(self, X):
        raise ValueError("cannot predict")


def feature_fn(X):
    return X


def build_pipeline():
    return Broken()
