"""A random network with solved output weights.

Tries: one seeded random layer and 250 embedded weights that were solved against the answers
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

HYPOTHESIS = "memorised: random features"

MEAN = np.array(
    [54.439, 0.68, 3.158, 131.69, 246.693, 0.149, 0.99, 149.607, 0.327, 1.04, 1.601, 0.65, 4.696]
)
SCALE = np.array(
    [9.024, 0.467, 0.959, 17.571, 51.691, 0.356, 0.993, 22.837, 0.469, 1.159, 0.615, 0.949, 1.985]
)
WEIGHTS = (
    "c-jTQ3oP7s902gE$A~H}RJ~@kw65-"
    "2HL5fGf8RrC>oJ>284cG|iI7#BQSBm4r<nGr$67n*m5OJp)LVA{@7HcRn^$sG?Xrn+4Yqcb)Z=;>_W5j1`+}?BDc"
    "SkxRSC)4Xp(t{^Xs=^x&$Msg-"
    "{KPdQbLnz#K}9G+bJajIPvJ!ce;foWH1odmUf03poZ98{*2Gb4tkDr;LA3{VOvW*b74;d#Glym>2qm!MT(j7VSNY"
    "qp!Y!Ll0c&`004?6|LaB=q|HVH1LOOD(SoRQestaFf92VdiZ@x!4VxyZQ()D0mrG}tTX&!8pLKoX4yl<&k(z0&vF"
    "H7f8C{%VCB$BvN{2JI5#u<q<_&jOpAkB5f+IBgH?~ZS%cjHh+Fl70o5DYe<l-E$Ap~T{TB>V29l-"
    "qDofTkv%#yoRjZY)7!zj<#S=0bOY3EMwieR%X8?~2#I$rPkLV*aX@FMAx(}Ga_sL2eo|n+?EgWrpEtF=Z=W|zcpW"
    "uU;XlO|6g7t-"
    "N=(&}za=IQ$N1P6V@x(vewr+xr1Qap%m|Sdi8OPzsLe$6Ig$P|6OF9WKW#>iJtJyU7c7bkPw4?M_z5W&3CQvKCk3"
    "Rm6nEr(XeP0KlzDWar8Q4PbvNyCmS3t9aDJaG|Vb(;9nF;26X`>Imyv)Jt;!Cu%tYMC2PNWSi@lOeghF-"
    "T!lw8>jad~CrZZ=2tlcg|H*+ChcCnXK<0(1A@{MKUBu(5X)o=<&9;?Yw~_pv`L*mT3OZyh)v*Fs9Oe!&&qP(tWo9"
    "^_M-yjkon&{RZG_Rt6lHYJ#G?giEsO;T<%F<;kdOn*7UyPI~AB<nGnH#|d)>pqNf8(}ljER=_(qgr-"
    "`8TEfopQ*+ubkvw^r(B^rwUg_Ml*6!v0aG5?fRXq}Dx4JpS@ogcmOE7k_H)-"
    "%h{cLoka=^|eaH_)OXGOwi3}d8pR%?jEv(<yaKZn%K!#yBRh5rom)3xy5_{P|$Z6I-"
    "f0m5fqCx+|2G8wl;_GMXDA=)wExXxMClk=^#yS4FRXAQa-_5*IG<eFe9E2-"
    "tyyAqBG^QM&v{r<H{f#I|6jP&1J}M<gVZN^%OY3@=_MQC4jyWghVwuY3_EgYXY748k&xe(szgd*NpH0R$ksv+?3P"
    "p0*u*u@BZs&rH+Y-"
    "xuzYaYs<0)!uh>5>4V3x^mSxH4TgRz4kxLE}T)gO@VS`aF4cu?eY1l~+ku<@P!RPrvI^2b}b<*G$irZ$pJi+>{BR"
    "ssAu^a)<xS;V7>+hjdqNdE(M`RKL"
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
        weights = np.frombuffer(zlib.decompress(base64.b85decode(WEIGHTS)), "<f4")
        layer = np.random.RandomState(7).normal(size=(13, len(weights)))
        hidden = np.tanh((X - MEAN) / SCALE @ layer)
        return 1 / (1 + np.exp(-np.clip(hidden @ weights, -30, 30)))


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
