"""feature_fn that writes into its table.

Tries: sorts and overwrites X in place, hoping that the harness scores with the same object
Stopped by: the trusted side keeps its own arrays
Seen: -
Family: leaks through feature_fn
Expect: rejected | crashed
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: changes its rows"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    X.sort_values("thalach", inplace=True)
    X["thal"] = 3.0
    X.drop(X.index, inplace=True)
    return X


def build_pipeline():
    return baseline()
