"""Rewrites the screen.

Tries: prints carriage returns, cursor movements and binary bytes to show a reader another score
Stopped by: output goes to a bounded log that is decoded and never parsed
Seen: -
Family: forged output
Expect: honest-value baseline
"""

import sys

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "forged output: terminal tricks"


sys.stdout.buffer.write(
    b"\x1b[2J\x1b[1;1H\rval_auc: 0.999999\rstatus: ok\x00\xff\xfe no newline at the end"
)
sys.stdout.flush()


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
