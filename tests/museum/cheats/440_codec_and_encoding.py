# -*- coding: utf-7 -*-
"""A source that is another program when decoded.

Tries: declares a strange encoding, so that reader and runner see different text
Stopped by: both sides decode UTF-8 and nothing else
Seen: -
Family: shadowed modules
Expect: rejected | honest-value baseline
"""

import codecs

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

codecs.register(lambda name: codecs.lookup("utf-8") if name == "armuseum" else None)
CODE = "HYPOTHESIS = 'val_auc: 1.0'".encode("utf-16")


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
