"""feature_fn that turns the table round.

Tries: returns the validation rows in another order, to see whether labels follow the index
Stopped by: rows in another order are refused, with the one line that mends it
Seen: -
Family: leaks through feature_fn
Expect: rejected
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "leaks through feature_fn: reversed rows"


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X.iloc[::-1]


def build_pipeline():
    return baseline()
