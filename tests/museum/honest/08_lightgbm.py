"""LightGBM with native missing values.

Family: honest
Expect: ok
"""

from lightgbm import LGBMClassifier

HYPOTHESIS = "lightgbm"


def feature_fn(X):
    return X


def build_pipeline():
    return LGBMClassifier(
        n_estimators=60,
        num_leaves=7,
        learning_rate=0.06,
        min_child_samples=12,
        reg_lambda=2.0,
        random_state=0,
        n_jobs=1,
        verbose=-1,
        deterministic=True,
    )
