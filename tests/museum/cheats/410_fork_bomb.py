"""A bounded fork bomb.

Tries: forks 200 children that sleep, by fork, vfork, clone and posix_spawn
Stopped by: seccomp (fork, vfork, clone without CLONE_THREAD, exec)
Seen: -
Family: clock and resources
Expect: honest-value baseline
Naive: skip
"""

import ctypes
import os
import sys
import time

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "clock and resources: fork bomb"


LIBC = ctypes.CDLL(None, use_errno=True)


def child():
    time.sleep(10)
    os._exit(0)


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
        for _ in range(200):
            for call in (57, 56):  # fork, clone with SIGCHLD alone
                if LIBC.syscall(call, 17, 0, 0, 0, 0) == 0:
                    child()
            try:
                os.posix_spawn(
                    sys.executable, [sys.executable, "-c", "import time; time.sleep(9)"], {}
                )
            except OSError:
                continue
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def feature_fn(X):
    return X


def build_pipeline():
    return Tricky()
