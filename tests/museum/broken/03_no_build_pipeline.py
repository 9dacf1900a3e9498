"""build_pipeline is missing.

Family: broken
Expect: rejected
Reason: build_pipeline
"""

HYPOTHESIS = "x"


def feature_fn(X):
    return X
