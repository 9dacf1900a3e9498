"""Starts other programs.

Tries: subprocess, os.system and multiprocessing, for more processors and other rules
Stopped by: seccomp (fork, exec)
Seen: -
Family: clock and resources
Expect: honest-value baseline | crashed | timeout
Naive: skip
Budget: short
"""

import multiprocessing
import os
import subprocess
import sys

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: helper programs"


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
        os.system("sleep 9 &")
        for start in (
            lambda: subprocess.Popen([sys.executable, "-c", "import time; time.sleep(9)"]),
            lambda: multiprocessing.Process(target=print).start(),
            lambda: multiprocessing.Pool(2).map(abs, range(4)),
        ):
            try:
                start()
            except OSError:
                continue
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
