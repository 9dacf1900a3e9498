"""Oversampling before the split that it makes itself.

Tries: doubles the training rows and then trusts its own inner validation
Stopped by: nothing to stop: the frozen folds are cut before
Seen: -
Family: honest mistakes
Expect: no-gain baseline
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "honest mistakes: leaky smote"


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
        X2, y2 = np.vstack([X, X]), np.append(y, y)
        grid = {"logisticregression__C": [0.3, 30.0]}
        self.model_ = GridSearchCV(baseline(), grid, cv=3, scoring="roc_auc").fit(X2, y2)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
