"""Histogram boosting with categories and native missing values.

Family: honest
Expect: ok
"""

from sklearn.ensemble import HistGradientBoostingClassifier

HYPOTHESIS = "histogram boosting"


def feature_fn(X):
    return X.astype(dict.fromkeys(("cp", "thal", "slope", "restecg"), "category"))


def build_pipeline():
    return HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=6,
        learning_rate=0.07,
        random_state=0,
        categorical_features="from_dtype",
    )
