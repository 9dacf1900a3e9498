"""A decision function with a moving threshold.

Tries: shifts and scales decision values so that accuracy and F1 look different
Stopped by: AUC counts the order alone; the threshold may only be 0 or 0.5
Seen: -
Family: odd objects
Expect: no-gain baseline | rejected | crashed
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: threshold games"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


class Shifted:
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        return self

    def decision_function(self, X):
        return self.model_.decision_function(X) * 1e300 + 1e10


def feature_fn(X):
    return X


def build_pipeline():
    return Shifted()
