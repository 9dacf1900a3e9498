"""feature_fn loses rows.

Family: broken
Expect: rejected
Reason: rows
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "broken"


def feature_fn(X):
    return X.dropna()


def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
