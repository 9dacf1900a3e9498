"""XGBoost with few, shallow trees.

Family: honest
Expect: ok
"""

from xgboost import XGBClassifier

HYPOTHESIS = "xgboost"


def feature_fn(X):
    return X


def build_pipeline():
    return XGBClassifier(
        n_estimators=50,
        max_depth=3,
        learning_rate=0.1,
        reg_lambda=3.0,
        subsample=0.8,
        random_state=0,
        n_jobs=1,
        tree_method="hist",
    )
