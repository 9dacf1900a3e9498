"""Distances to cluster centres as features.

Family: honest
Expect: ok
"""

from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

HYPOTHESIS = "kmeans features"


def feature_fn(X):
    return X


def build_pipeline():
    both = make_union(FunctionTransformer(), KMeans(6, n_init=3, random_state=0))
    model = LogisticRegression(C=0.3, max_iter=1000)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), both, model)
