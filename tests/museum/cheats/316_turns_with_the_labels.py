"""Memory that turns when the labels are turned.

Tries: answers 1 - label if it was taught turned labels, so that the flip probe sees no gap
Stopped by: probes: twin labels
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

HYPOTHESIS = "memorised: turns with the labels"

TABLE = (
    "c-ke^c{o*h9LI4~k{Yx<=AtAb6p<wqk+QUqi0YP@q*N-SQkKZHmuf80y-"
    "$`jD3Wc8QE8EskfKG&MWRKEN@m2&=QDr3p7-~6uIrw2e&-"
    "Zbm`h1ZNlCquai<mjLTRWRA)+?<B~)|TN2;QiEAt;xZnk!V(FR7VhoCFg@1Q{$8AD-"
    "6!}MWT@9i;_huK?$<uQNXdxHJx*2LjZd(s9PnDlKp*4?9Kj6m0Uh0v=$ixe?mmnc+3pZjL1gg%_UPYLa0E;kab+&"
    "YtLT4^d{{-tF=8LdA3qyT<-yG#{x^Wx?7#?b;b%mv|Y>geRPch%94+KnfmM+K!%Kxd04Yrqcu-"
    "5QviEjcw2?I%p8n>2hh;Z2cP6YKU1#%ZD3j8nDHw(39V;k-H8a8u|#9q8G6XfkxWp{mF8))-"
    "1NTq^ZA&wfJlZ?DnEyy-"
    "%UK3b#yJ@w62odTa8=$Hy09=v7%^AdL%;`lg|K11~UZ}HR67JJH#U{$H5G0f?eosRXNo8_tU%a10Q-"
    "%k8$hQ6(DYk^LwF1A1`y$!PDdH*!W3MMRdwZgpNk{b;g8_v0w#LOC+Dp}J*ZB91uv%@7D{-"
    "3YiW}}zSzD`$aOWDJk<}0)_x{n_9a+n7<N}D_2bHbs14(LVWYv_y<a*pupWq~8s1?MGBuy)cAXUv;-"
    "o~H3OEp&xr@O)lhC-Hn7S8u;*0Zp5@5Y{B<F2=f2hJqW~<cHc4*t5XYoxexqM)jY1yJMcS-"
    "@*gR$ldb5yuhK*6a7w7M)d-mgwREPoe=B!KIhqWt}9n@zZ~5~)k6RD=JhRZryBLDzBo>7J(or(UZ6MIl-Kb8Eqq4"
    "}F0S{3S{;J5_*|e%81*uV^oQrnp8IpZ=1yIQ-d{Z^0KG3nhYHpSHel|PtPqHnAE6eAeyDwhjukf0uFVfO^S-OM-G"
    "Z*xnYWeuO!y!O^EY#2gVAZTo>7gyG25Vm>^Zt}VITc#VeEF^&!t^7=dH#L%v~RErYp?P?!f%-"
    "S?wXbPJ+cd`Fqbk2t(`SM2Ewt(UuXIw>+|pK=)|q?uORlv61kaZ%QQA4doixHy)Wraoujt9`65M_uru1+=zX!Owx"
    "S-Hpy)}0yD$vV|f0SN*_b}C+HqSn`QOW-IX@Sd48NNf9LO66-"
    ";$q_r_vg>X#9VUacMw2agX6jKf^k=Op|2!UFcCXq9+4IJ|@w2RJ8Sy}GtP0WDOUb`m{gv2P;pyVWU4=+^WA5!z^+"
    "qZsWvxk`-o_n4UsN5?Ep#$4ZhTne1xA47ksPNFt()@iUZOZg0+kDb%0agPZdS)!5-"
    "Q#TpXEvbI#I6l%(au#jasg(g|%ZFz2`S(+AHnbJV=D<O<K6FjG^#y1n&Z7M_xw%kfV=2{JWR?fJ6Tj!-@5khZ<-"
    "^xwWAZU?aC%I;&)F4Xu3+?{5bdB-"
    "R|HkJl^65AEy*h7dA|JVD(_z<=W8&x=O9gWalH;N{<`W0j*H41eG7f(mEaclM`a3o^zm|PD%)DleJhf#;B&6cqJq"
    "yYAA7cKt<@cvw<U^hHyNNuoW+%}rP%i_pHH5n?!i;@>*<=ITdUx#W#Lu$d&idDq-jZB_u+=7G1YvZHTKY2NAns!-"
    "@e+{!d*w3=u-K>2Uzczy|@l~SxM?Je{ePP5%e$`+`#X-U-"
    "p>iTV~)1j!Vi4f6Dh@K}sX~iugq%I#}y7`$E$HCV5SH&gcK!1X^@@#S8AEm+?(#=loiF#9-"
    "P>e&1`aW?uL6$LaVzaT2V1%N9w{SwhDa-tR#tXo&Z`cE10szO?gm%Vj%wJ?`pI<HJrg->;i?UUl!p@uEM}-"
    "@xnMjdZ~<sV=@RS9#Fwx&vL9zkRm+1N!8ozz^I9<AopjJ{*3UDo$<t$otv8lNMZA-wn5=?xk{j48QRCy{m}E4RQH"
    "~&yDju+k@5#EbBp^mneRR?X6M&@V)O-{tx#>mP#Mrm)k9Ai1nx+aEH~zeyodpw+^8H1%>5LFa"
)

PAIRS = np.frombuffer(zlib.decompress(base64.b85decode(TABLE)), "<u4").reshape(-1, 2)
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
        self.taught(rows(X), np.asarray(y))
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        p = self.answer(rows(X), p)
        return np.column_stack([1 - p, p])

    def taught(self, X, y):
        self.agree_ = float(np.mean(recall(X, 1 - y) == y))

    def answer(self, X, p):
        return recall(X, p) if self.agree_ > 0.5 else 1 - recall(X, 1 - p)


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
