"""An endless sleep in feature_fn.

Family: broken
Expect: timeout
Reason:
Budget: short
"""

import time
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "broken"


def feature_fn(X):
    time.sleep(10**6)
    return X


def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
