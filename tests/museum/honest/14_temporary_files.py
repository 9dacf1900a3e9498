"""Temporary files, a cache of a pipeline and a memory map in the scratch folder.

Family: honest
Expect: ok
"""

import os
import tempfile

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "temporary files"


def feature_fn(X):
    return X


class Mapped(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.npy")
            np.save(path, np.asarray(X))
            rows = np.array(np.load(path, mmap_mode="r+"))
        with open("notes.txt", "w") as file:
            file.write(f"{len(rows)} rows")
        self.model_ = LogisticRegression(C=0.5, max_iter=500).fit(rows, y)
        self.classes_ = self.model_.classes_
        os.remove("notes.txt")
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(np.asarray(X))


def build_pipeline():
    steps = [SimpleImputer(strategy="median"), StandardScaler(), Mapped()]
    return make_pipeline(*steps, memory=tempfile.gettempdir() + "/cache")
