"""A small neural network with early stopping by its own inner split.

Family: honest
Expect: ok
"""

from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "neural network"


def feature_fn(X):
    return X


def build_pipeline():
    net = MLPClassifier((16,), alpha=3.0, max_iter=400, random_state=3)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), net)
