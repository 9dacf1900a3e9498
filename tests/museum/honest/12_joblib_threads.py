"""joblib and n_jobs=2 for a bag of models.

Family: honest
Expect: ok
"""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "joblib threads"


def feature_fn(X):
    return X


def fit_one(seed, X, y):
    pick = np.random.default_rng(seed).integers(0, len(y), len(y))
    return LogisticRegression(C=0.3, max_iter=500).fit(X[pick], y[pick])


class Bag(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        jobs = (delayed(fit_one)(seed, X, y) for seed in range(8))
        self.models_ = Parallel(n_jobs=2)(jobs)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.mean([m.predict_proba(X) for m in self.models_], axis=0)


def build_pipeline():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), Bag())
