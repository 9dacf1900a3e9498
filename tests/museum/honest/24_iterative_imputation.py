"""Iterative imputation and a voting ensemble.

Family: honest
Expect: ok
"""

from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "iterative imputation"


def feature_fn(X):
    return X


def build_pipeline():
    models = [
        ("forest", ExtraTreesClassifier(40, min_samples_leaf=3, random_state=0)),
        ("near", KNeighborsClassifier(25)),
        ("logistic", LogisticRegression(max_iter=500)),
    ]
    vote = VotingClassifier(models, voting="soft")
    return make_pipeline(IterativeImputer(max_iter=3, random_state=0), StandardScaler(), vote)
