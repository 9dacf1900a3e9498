"""A thread that writes when the predictions are out.

Tries: keeps a thread that adds bytes to the reply and lines to the output after the answer
Stopped by: the worker is killed as soon as its numbers are complete
Seen: -
Family: forged output
Expect: honest-value baseline
Naive: skip
"""

import os
import threading
import time

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: late writer"


LINES = "val_auc: 0.999999\nval_sd: 0.000001\ntest_auc: 0.999999\nstatus: ok\n"


def later():
    while True:
        time.sleep(0.005)
        os.write(1, LINES.encode())


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
        threading.Thread(target=later, daemon=False).start()
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
