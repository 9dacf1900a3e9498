"""FLAML searches inside the fold, limited by iterations.

Family: honest
Expect: ok
"""

from flaml import AutoML
from sklearn.base import BaseEstimator, ClassifierMixin

HYPOTHESIS = "flaml inside"


def feature_fn(X):
    return X


class Searched(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.search_ = AutoML()
        self.search_.fit(
            X,
            y,
            task="classification",
            metric="roc_auc",
            max_iter=3,
            time_budget=-1,
            estimator_list=["lgbm"],
            seed=1,
            n_jobs=1,
            verbose=0,
            early_stop=False,
        )
        self.classes_ = self.search_.classes_
        return self

    def predict_proba(self, X):
        return self.search_.predict_proba(X)


def build_pipeline():
    return Searched()
