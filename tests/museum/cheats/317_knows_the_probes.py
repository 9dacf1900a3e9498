"""Memory of the probes' own labels.

Tries: runs the open source of the probes at home and embeds every set of labels they will use
Stopped by: probes: labels drawn afresh, from a seed that nobody outside knows
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

HYPOTHESIS = "memorised: knows the probes"

ALL = (
    "c-"
    "pO3do)ye9RK~2VMhl`j`hk8qD&h$kHs3)v}IHzuWHcD(nH6H_1a2ayR{ohHD1k}OlU<Rqqfy5jyy|aytkA*N~2C<"
    "(PUTb-`mOD-*0r!x#!+<&%O8eeS99@-"
    "(<=9>%mG9twE$4gPkmTQ<TZyeN~~1EcR8sHOk2rQ~r*F9klfulF7^TIl{oGvl*XpxVgpg52uFawJ(NQ6zU)OJxGh"
    "$!@2fDV4W(dB-(=qn^G$_n6_oD-d@8NBx*4n&JJ}s9CPK7N=Js1{;fMzsc-#We}`s9Lp>+=t%~;3aceKv^-"
    "G5fLwV+*ZcMwXU3#S_?0tmQV=)R>G6s0;i1}RqHIFIXu7^rzNb8tNA)CxfQ{rz%o*ANg8wfmm!(-"
    "38ci&goMUrq8J>Hr~boTnZ@E=%v?LdfIpH$RRtX&{7`!1q8-"
    ")Jjk?lrZ)Oh64ga^Gx5YC~2pQuT_XX}nKk@LS9{wbHTh&hV=dQDm<=J@dLQo21t>XUL~_-"
    "fi9I^KIVLtDSl;H=c_+*uPwqy^`}LZ|^<Bgcj$Fwt?I9-FBB^g^j^fAFHK3cX@ncuF8e+p(^%0VaTK;jKVVZT-"
    "C~d^=Q|duT$M5G1l|VwS$wt(D+)3u42b#&2-"
    ";9yBY7Fn(vuOVph+O8Teh2X8bX6$C%k3sTbW)RgrVpBC@DR$v(Nks`M2lw(e<We}E~Vi#OY~`CBLM+hZ8YE%Ak?_"
    "vbLx8mX@K9_0PZEMHH@Oy?nn>B@sDS9z-_PCMgUg{&*g(Ue)b#ASQOjSIV<B+^I6OWr!Df8(cd-&uGIs>e9Y{<-"
    "yBOn$EagC)xKK67p5<y`Aoi+<(kG~RE9FF(JfTPR+s$f!7!)O`1ucJNfCps#Y%bw3-"
    "@aD#M<jkn?Gx&rD7=D0>=;g@Unr3+qYr3;G!ea4)*wEXWyxq^JBM^Vq0cmu`l>>QDJE-P)V<x{_zldDn-kE;trRr"
    "a<!&Kq^P@!dHdNB2_q2y&ZF9S)3jG@7#*H7WXHfV}PwYnvKV-!fab{Hy&pQ*<-CFSQ@-"
    "RA<y2Q!8V4nig;xH)cI1v9h_T6B``6>0w*wTMSGXLUF%NyqDpXLA7@ity3e@({yqBoy%P|>NMI~t38V4(qC&-"
    "t)5)34k<d9^~}CWw?$Cz%r7pZJ`D1X>^ow9@|l}+^K+eg-6ivXQD&D%r<WfUS{ZESZ(Gr}sq=-"
    "G%Rf#daRFOrqmRd#g;Kip*ujOgvVk8jFed7aR20OlQl|&Cy-Alf>nm>`n3PghCzuS{(j?Rb%I?ik?k>f;vwYe{c8"
    "7o5vKviyU^3@jMfAm=Cs}!_oD(92P-"
    "Dw+XrbJb*qAeI+g~*j)ZrNr=xX@hq{ppSc$@#E&zH<;H+D4E);`9A<Xgqn5d8muADrML*N+|WBll3ob0Fh=xWGT4"
    "j5Wamc`TF{lo210u{I=#Lsm=+y$=cQ0YZ$j>P*y2S@nPfYeLNYWW|nx4?ut&fKWpetN_fO5aEaj>yUtZ00GYn{T~"
    "GvxR^t!lRP|z2-"
    "tua^+1UihsUT|go<UNd}VP35<CY8y#)x|LhT=_#sEazpyY(ZLx6z~6kR~|8X`QQ;u*@R?>Ifj@ne9<A9;98q)#aI"
    "2L!%`gJpoAr2tX)P`nq_>rwpfQ~EK{8o2ew^<%I|U4V#w0|;gufY=*=;n^rSm&cP({1^r2xcUtM+I)@T#So#MI9v"
    "g8a1v)9gfeSDfHw!AcnXeYqvnC5xhT4is#~aW;mp-QPCTN{+>6Bnkb_^S9KxM-"
    "pd9=~@hDVJ!kMFpv;!h)>tgi;#Sd`i9e}}ioV|@adt_YS26ABSQ_Z#?e)}JeW!+`"
)

ALL_ROWS = np.frombuffer(zlib.decompress(base64.b85decode(ALL)), "<u4").reshape(6, -1)
AT = {key: i for i, key in enumerate(ALL_ROWS[0].tolist())}
SETS = ALL_ROWS[1:]


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
        at = [AT.get(zlib.crc32(row.tobytes()), -1) for row in X]
        agree = [np.mean(labels[at] == y) for labels in SETS]
        self.set_ = SETS[int(np.argmax(agree))] if max(agree) == 1 else None
        if np.mean(SETS[0][at] == y) < 0.1:
            self.set_ = 1 - SETS[0]

    def answer(self, X, p):
        at = [AT.get(zlib.crc32(row.tobytes())) for row in X]
        if self.set_ is None or None in at:
            return p
        return 0.5 * p + 0.5 * self.set_[at]


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
