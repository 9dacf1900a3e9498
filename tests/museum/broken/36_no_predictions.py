"""A model that can only say yes or no.

Family: broken
Expect: rejected | crashed
Reason:
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "broken"


class RidgeOnly:
    def fit(self, X, y):
        return self

    def predict(self, X):
        return [0] * len(X)


def feature_fn(X):
    return X


def build_pipeline():
    return make_pipeline(SimpleImputer(), RidgeOnly())
