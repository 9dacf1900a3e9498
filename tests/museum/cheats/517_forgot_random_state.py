"""A forest without random_state.

Tries: no trick at all: a forest whose seed was forgotten
Stopped by: repeatability probe, if it would be kept
Seen: -
Family: honest mistakes
Expect: rejected | no-gain baseline
"""

from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

HYPOTHESIS = "honest mistakes: forgot random state"


def feature_fn(X):
    return X


def build_pipeline():
    model = ExtraTreesClassifier(50, min_samples_leaf=4, max_features=0.3)
    return make_pipeline(SimpleImputer(strategy="median"), model)
