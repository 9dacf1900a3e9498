"""Classes that are no classes.

Tries: classes_ with objects whose __int__ and __eq__ run code
Stopped by: lookup happens on the untrusted side
Seen: -
Family: odd objects
Expect: no-gain baseline | crashed | rejected
"""

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "odd objects: forged classes"


class One:
    def __int__(self):
        print("val_auc: 0.999999")
        return 1

    def __eq__(self, other):
        return True


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


class Tricky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        self.classes_ = [One(), One()]
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
