"""A pool of threads, and a pool from multiprocessing.

Family: honest
Expect: ok
"""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "thread pool"


def feature_fn(X):
    return X


class Committee(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        models = [LogisticRegression(C=c, max_iter=500) for c in (0.05, 0.3, 1.0)]
        with ThreadPoolExecutor(3) as pool:
            self.models_ = list(pool.map(lambda m: m.fit(X, y), models))
        return self

    def predict_proba(self, X):
        with ThreadPool(2) as pool:
            return np.mean(pool.map(lambda m: m.predict_proba(X), self.models_), axis=0)


def build_pipeline():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), Committee())
