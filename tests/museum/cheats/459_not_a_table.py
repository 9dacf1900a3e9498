"""feature_fn that gives back something else.

Tries: an object that answers every attribute, in place of a table
Stopped by: what cannot be fitted is a crash
Seen: -
Family: leaks through feature_fn
Expect: crashed | rejected
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: not a table"


class Anything:
    shape = property(lambda self: (self.n, 13))

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return Anything(len(X))


def build_pipeline():
    return baseline()
