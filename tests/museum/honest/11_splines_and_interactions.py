"""Splines for the numbers, pairs of everything, strong shrinkage.

Family: honest
Expect: ok
"""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

HYPOTHESIS = "splines and interactions"


def feature_fn(X):
    return X


def build_pipeline():
    numbers = ["age", "trestbps", "chol", "thalach", "oldpeak"]
    splines = make_pipeline(SimpleImputer(strategy="median"), SplineTransformer(4))
    rest = SimpleImputer(strategy="most_frequent")
    table = make_column_transformer((splines, numbers), remainder=rest)
    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    model = LogisticRegression(C=0.002, max_iter=2000)
    return make_pipeline(table, StandardScaler(), pairs, model)
