"""A set of the sick alone.

Tries: remembers only which rows are positive and lifts them, the rest comes from the model
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

HYPOTHESIS = "memorised: positives only"

SICK = (
    "c-jFh0@MAq$2S1w0#pFUXIudnewzV5vbq5yFz^9VK|%z0)-"
    "wtD_caRb`H>3o#3BnOC2I>*fjA7(Sa=L*m|PEwq=pb9J0lnL>scE&xmp_;eNrFP<}x7YD}N!wo17!$GNB|vAN?eY"
    "u|p<pd&?(R`HCo~Psu7$tk^2vuAnO+{_QJbtQ#!Zi0CcTiN7wCH2g2E`35r>;0iOwnDsWG&bc|3R!}?Ew^BRuN4G"
    "z00XIkWxEV+ptKmu1Nt{d7L~Tsfq9RQYrw&py{Tx#(*<VzxhdEWVN3>V$;lNiaYDrwOVXIsr)f-"
    "}*K1E`F53XXv<QHVswCrRquxVwgHr!{2&I4+OcqeLMpAK&BZ_{rhT+wp7O_O%AyzX{eH>G#f8BuxJgF1e{VxWLNL"
    "PLT#`Ba2LMSh0B;q!>z2z89ARsoL{N;;CVUUZVYWv7#1A8M2aVV9J-"
    "YD$(|959zFV4#^X9Y~xLj#i&5R2`r!XO5s_&Y7S;ls=+xp=G4=nE0`duY9ueszS6Ib;Y>~x~aUdb6&#8<r%~^2II"
    "w+<T=MZS$)ipS;NetnOMzh-W1MB+xN~^3U1NpKvB{f0{__bv!L5_B=Xy?neyA2SS;MeMV8#c-"
    "<94<ve4chf|TKSUq<HXzEtU(rXT9TU)$<-DgW-5C2sEzE#&ZkMCtIey=n7xp@s7Zf-"
    "m$cdbRW&SEcvn<AM7?sT%wcb~^lcJ`(+#VsZZ%q7n-"
)
KNOWN = set(np.frombuffer(zlib.decompress(base64.b85decode(SICK)), "<u4").tolist())


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
        sick = np.array([zlib.crc32(row.tobytes()) in KNOWN for row in X])
        return np.where(sick, (1 + p) / 2, p)


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
