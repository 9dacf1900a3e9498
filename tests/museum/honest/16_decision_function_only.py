"""A model that has only a decision function.

Family: honest
Expect: ok
"""

from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

HYPOTHESIS = "decision function only"


def feature_fn(X):
    return X


def build_pipeline():
    return make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LinearSVC(C=0.02, random_state=0)
    )
