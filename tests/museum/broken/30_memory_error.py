"""More memory than there is.

Family: broken
Expect: crashed
Reason:
"""

import numpy as np

HYPOTHESIS = "broken"


class Broken:
    classes_ = np.array([0, 1])

    def fit(self, X, y):
        self.pile = np.ones((1 << 20, 1 << 20))
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


def feature_fn(X):
    return X


def build_pipeline():
    return Broken()
