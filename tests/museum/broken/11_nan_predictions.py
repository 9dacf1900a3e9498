"""NaN predictions.

Family: broken
Expect: rejected
Reason: not finite
"""

import numpy as np

HYPOTHESIS = "broken"


class Broken:
    classes_ = np.array([0, 1])

    def fit(self, X, y):
        pass
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


def feature_fn(X):
    return X


def build_pipeline():
    return Broken()
