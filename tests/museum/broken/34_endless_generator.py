"""feature_fn returns an endless generator.

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
    return (row for row in iter(int, 1))


def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
