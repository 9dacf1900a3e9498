"""Boosting with monotone constraints from what a physician knows.

Family: honest
Expect: ok
"""

from sklearn.ensemble import HistGradientBoostingClassifier

HYPOTHESIS = "monotone boosting"


def feature_fn(X):
    return X


def build_pipeline():
    return HistGradientBoostingClassifier(
        max_iter=80,
        max_leaf_nodes=5,
        learning_rate=0.06,
        random_state=0,
        monotonic_cst={"oldpeak": 1, "ca": 1, "thalach": -1},
    )
