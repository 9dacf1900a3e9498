"""feature_fn returns text.

Family: broken
Expect: crashed
Reason:
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "broken"


def feature_fn(X):
    return X.assign(cp=X["cp"].map({1.0: "typical", 4.0: "none"}).fillna("other"))


def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
