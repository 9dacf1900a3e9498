"""A pipeline that is another one each time.

Tries: build_pipeline returns something else at every call, and a class that lies about its type
Stopped by: each fold calls it once; only numbers count
Seen: -
Family: odd objects
Expect: honest-value baseline
"""

import itertools

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: pipeline of moods"


COUNT = itertools.count()


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    model = baseline()
    if next(COUNT):
        model.__class__ = type("Perfect", (type(model),), {"score": lambda *a: 1.0})
    return model
