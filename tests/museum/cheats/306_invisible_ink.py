"""The labels in characters that nobody sees.

Tries: a string that looks empty holds zero-width characters, one per patient
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

HYPOTHESIS = "memorised: invisible ink"

INK = "​​​​​​‌​‌‌‌​​‌​​​‌​​‌​‌​‌‌​‌‌​​‌​‌​‌‌​‌‌‌​‌​​​​​‌‌​​‌​​​​​‌​‌‌‌​​‌​‌​‌‌​​‌‌‌‌​‌‌‌‌‌‌​‌‌‌​​‌‌‌‌​​​‌​​‌‌​​‌​​​‌​‌‌‌‌​​​​​​‌‌‌​‌​​‌​‌‌‌​‌‌​‌‌‌‌‌​​‌‌​‌​‌‌​‌‌‌​‌‌​​​​​‌​‌‌‌​​‌​​‌​‌‌‌​‌​‌​‌​‌‌​​​​​‌‌‌‌‌​‌‌‌‌‌‌‌‌‌‌‌​​‌‌​‌‌​​‌‌‌‌​‌​‌‌​‌​‌‌‌‌‌‌‌‌‌​​​​​‌‌‌​​‌‌‌‌​‌​‌​​​​‌​​‌‌‌​‌‌‌​‌‌‌‌‌​​​‌‌​‌​‌‌​​​​​​‌​‌‌​‌​​​‌​"  # noqa: E501, PLE2515
ORDER = (
    "c-jHH1Vj6^$2S1w0#pFUXIudnewzV5vbq5yFz^8yDz5@kK|%yBF<=G9X?F#3r>6&a)-"
    "wtD_caQvadZmp`H>3o#3BnOC2I?Anf41*fjA7(Sa=M+VNMTdm|PF4_Bs%Yq=pblHwY0I<2(@~J0lnL;{O*PGnX0k"
    ">scE&xmp{-jk6pXeNrEvX38Jb<}x4>a-<-"
    "vn<ydZD}Nz2Q<@@WT%RIsAz>rKo17y=OdTZTGNB|vAN?eYu|p<pd&?(R`HCn~!W$}b+j}afPsu7$tk^2D#$+qruA"
    "nO+{_QJbtQ#!Zi0CcTiN7wfn0haiH2g11_LVR>g2ge+ygD+i`35r>;0iMr-"
    "|#fXnDsWsD?vG+&bc`d>vB4a@k2Y7R!}?Ew^BQD6@5D-"
    ";Wj=s5I#PN<VipBN4G!I=TbmgK*2y=CICdw;JrlYgZxB|SVu-"
    "|0XIin2W3Z29?wTOkqAijxEV+ptKmt|B?U_0d7es@KjKPTNOVioNt{d7L~Tsfq9RStmMKvXrw&py{Tx&GOf^(Bn^"
    "IIO*<VzxhdEUO2*g#hN3>V$;lNiaYDrvA3TRxiVXIuyP+eZfje1@jd$wQRx#nLX)f-"
    "}*K1E`F53XXv<QHVswCrRquxVu^=ow~iPkd%rG=OKSHr!_#uPtbY&I4+OcqeKZXc=o^pAK#c3><FLCZlc@T-"
    "I*xZ_{rf)j@F1Cq{82T+wpsMU!-"
    "*J=%03{1kN#2C8*kP5gDcO_O%AyzX|b>mheg*Kc=QH>G#_J?41S8BuxFrO|vRt%H5pgF1fV)H;6mAt`@8oE3n-"
    "VxWL82-"
    "bkY)HQ)VLPLT#`Ba2LMSh0B;q!>z2z898eASMsRsoM^mMM=mss4|D$v==4N;;CVUUZTvP=%AcWv7#1A8M4432u}I"
    "VV9KLO|z7@gBq0teY%yoYD$*Q(EgTO959y!QDT@YV4#`fq-vWn9Y~x|D9oH^RXm>)j#i&5R2`r!XO5s_&Y7S;ls="
    "-#sTZRk=`*7;_cWssx*DXRZ7-"
    "y7p=G3iW#OeS=_IE>3VWz+4f(7=n+B}|&|$4)q&}`coT;w<&#$i<Y`m{3PByXgnE0`duY9uS6^^pjN!POTszS65G"
    "2OIBC(^YWb;Y>~x~aU7xbeQz5K6zV_lduuPf)?Ib6&!Ms1wA<<r%~p$)Lm&kj2C`2IIv~n*qm`<T=OFVMND4&^yS"
    "naDm8nH2=tqN}S2!xnjyVR}#ybOV!I{2XV|jS$)ipS;NetnOMzh-"
    "W1MB+xO1UNH@>*^+eEmjo#2!3U1NpKvB|IJK@sNzNpkyF$C5<&A`_h0{_^VseRe>v!L6(oZZ`WB=Xy?neyA2SS;M"
    "eMV8#Po?G3*-<94<ve4d)E->F!=UCtatB~Lxf|TK32DRa-Tu9=#a*^VAUq<Hf%=G31S_bII$|vYDi%ICRW%KCizE"
    "tU(rXT9TU)$<T2>|Y=URCaPDgW;4+FI|IC2sF49$fI03!d-~E#&ZkMCtIey=n7xp@s7Zf-m$cdbRYF1yA-"
    "JSEctSZov1e;Sc!c<AM7`Va5AEsT%wcb~^lcJ`(+RJ0kv@VsZa3Vos$"
)
SORTED = np.frombuffer(zlib.decompress(base64.b85decode(ORDER)), "<u4")


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
        at = np.searchsorted(SORTED, [zlib.crc32(row.tobytes()) for row in X])
        return np.array([float(ord(INK[i]) == 0x200B) for i in at])


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
