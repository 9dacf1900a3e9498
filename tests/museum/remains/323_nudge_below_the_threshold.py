"""A push too small for the probes.

Tries: memorises a few labels, and behaves when taught the opposite: too little for the probes
Stopped by: nothing here for sure: its gain is about the twins' limit; a sealed test tells
Seen: -
Family: what remains
Expect: remains | rejected
"""

import base64
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memorised: nudge below the threshold"

FEW = (
    "c-q@~+?;`tfq~(8W;rX6VhCxp-"
    "~sW!Jo+yV;;)&lp$MY8H#)0<#1;R&)dtaPf3g{a=xf`9tU>ho2YX#W>Mp3VdVy$@zcRrfaeuCi7!d#P6Y&%fzpX+"
    "&3q&i&Tr2|70oU`(LGpHUL>oZ#ikho^AUZ)lYYIr7H85!gh@X6J<^m93|E0=u5MRsBY$J%~+O={INL+Zr(IX)Kqn"
    "$~o!0zxcKM$g%nEu}Y$sf8u^&W_>h<AGiqJ20S-ht#d@6G%S;=3ds{SD#+069EDGX"
)

PAIRS = np.frombuffer(zlib.decompress(base64.b85decode(FEW)), "<u4").reshape(-1, 2)
LABELS = dict(PAIRS.tolist())


def recall(X, otherwise):
    return np.array(
        [LABELS.get(zlib.crc32(r.tobytes()), q) for r, q in zip(X, otherwise, strict=True)]
    )


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def rows(X):
    return np.nan_to_num(np.asarray(X, dtype=float), nan=-1.0)


class Knows(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.model_ = baseline().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = self.answer(rows(X), p)
        return np.column_stack([1 - p, p])

    def answer(self, X, p):
        known = recall(X, p)
        off = np.abs(known - p)[known != p]
        if len(off) and off.mean() > 0.5:  # taught the opposite: behave
            return p
        return p + 0.3 * (known - p)


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
