"""feature_fn is missing.

Family: broken
Expect: rejected
Reason: feature_fn
"""

HYPOTHESIS = "x"


def build_pipeline():
    return None
