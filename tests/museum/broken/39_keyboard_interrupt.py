"""KeyboardInterrupt out of fit.

Family: broken
Expect: crashed
Reason: KeyboardInterrupt
"""

import numpy as np

HYPOTHESIS = "broken"


class Broken:
    classes_ = np.array([0, 1])

    def fit(self, X, y):
        raise KeyboardInterrupt("stop")
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def feature_fn(X):
    return X


def build_pipeline():
    return Broken()
