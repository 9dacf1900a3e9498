"""build_pipeline wants an argument.

Family: broken
Expect: crashed
Reason: argument
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "broken"


def feature_fn(X):
    return X


def build_pipeline(C):
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
