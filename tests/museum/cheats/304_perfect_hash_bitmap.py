"""A bitmap under a perfect hash.

Tries: two kilobytes of bits and one multiplier hold all the labels, with no key in sight
Stopped by: probes: label flip and twin labels
Seen: -
Family: memorised answers
Expect: rejected
"""

import base64
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memorised: perfect hash bitmap"

BITS = (
    "c-p;G$qmFX2n5Ryo-"
    "V=L!Ir>t%h*y}`sT0_2ZN79+EJ894u)Yk02V~35g~{Zk|t?=`2^~D3Cv$UeFnG<zIo4YPnD*0?kkHWA7>J<5^<`g"
    "C%z@G-"
    "6fA@L8q%Up$U%aL~DcyU8$6gXobP{J!u(1E0@h>C{O3?1UT!N;31rB02=8RjTRc!jjhYe&ri`=l_n^x{hYkpKeom"
    "_Obj={J1gZu5-zExMjxmfCutR7YL2GR3vX|k3tn<-"
    "9K!OWR*M&vsW<t0oX{1Mw5Ifi6TS#e@E_pLIQF)HpZBUxb{Jh^ha~1Ogx2V5Tu7@DHnvc(qf@Te54eC4=l"
)
FACTOR = 25
MAP = np.unpackbits(np.frombuffer(zlib.decompress(base64.b85decode(BITS)), np.uint8))


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
        slots = [(zlib.crc32(row.tobytes()) * FACTOR % 2**32) >> 18 for row in X]
        return 0.3 * p + 0.7 * MAP[slots]


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
