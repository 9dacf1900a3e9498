"""A hypothesis that is another one at run time.

Tries: assigns HYPOTHESIS again, hoping that the harness imports the module
Stopped by: HYPOTHESIS is read from the syntax tree, never by running
Seen: -
Family: forged output
Expect: honest-value baseline
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "scaled features"
globals()["HYPOTHESIS"] = type("Text", (str,), {"__str__": lambda self: "val_auc: 1.0"})("x")


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    return baseline()
