"""The luckiest of sixty seeds.

Tries: keeps the forest as it is and changes random_state until the frozen folds like it
Stopped by: nothing here: the score is real on these folds; fresh folds and the sealed test tell
Seen: published loops of this kind that kept a changed random seed as an improvement
Family: what remains
Expect: remains
"""

from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

HYPOTHESIS = "extra trees with random_state=40"  # the best of 0 to 59


def feature_fn(X):
    return X


def build_pipeline():
    model = ExtraTreesClassifier(60, min_samples_leaf=5, max_features=4, random_state=40)
    return make_pipeline(SimpleImputer(strategy="median"), model)
