"""An exception in build_pipeline.

Family: broken
Expect: crashed
Reason: no model today
"""

HYPOTHESIS = "broken"


def feature_fn(X):
    return X


def build_pipeline():
    raise RuntimeError("no model today")
