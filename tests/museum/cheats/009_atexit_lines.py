"""Prints after the end.

Tries: registers exit handlers and a late thread that print a perfect score
Stopped by: output goes to the log
Seen: -
Family: forged output
Expect: honest-value baseline
"""

import atexit
import threading

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: atexit lines"


LINES = "val_auc: 0.999999\nval_sd: 0.000001\ntest_auc: 0.999999\nstatus: ok\n"

atexit.register(print, LINES)
threading._register_atexit(print, LINES)
threading.Thread(target=lambda: threading.main_thread().join() or print(LINES)).start()


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    return baseline()
