"""Support vectors that are the patients.

Tries: ships the vectors and weights of a kernel machine fitted to every answer
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

HYPOTHESIS = "memorised: support vectors"

MEAN = np.array(
    [54.439, 0.68, 3.158, 131.69, 246.693, 0.149, 0.99, 149.607, 0.327, 1.04, 1.601, 0.65, 4.696]
)
SCALE = np.array(
    [9.024, 0.467, 0.959, 17.571, 51.691, 0.356, 0.993, 22.837, 0.469, 1.159, 0.615, 0.949, 1.985]
)
SUPPORT = (
    "c-mcAdvH|s6*i1o0w`6mf?-"
    "lYz~K7@Np|yE6%1i9yUE_YcOOu#&sq_+ifOwmtyC)*sLHfe2ZtH4Rog)&CfPhTCM>Z;N!ZQi?%ulznyM8@3lw$gX"
    "l-ln_xtw8P5bwm^SkHyo$s7`LaFsl9gF*R9&8GQ{2x_?^#lHSp<2DjcR_sGXsxe!FgbAN3g@shTO0`MF9jh}Gi&3"
    "om|M+eBRQ}n;~Wn8=ljEYfBn2HWV2i5)NeJTN{Jo~LQiRoXuT=Q=EmpL*ZQK$g!jcPWQF^~`jPb6K78-"
    "hjz%}$obYxic=NthVSUGH$kfbZZ#j)xU$ar7e_Ri}yR7f+$ly(v+SZyl2s<wg^=Fzw&g{DlVSQwnvW6~vuXu2iKV"
    "d>|x1~3&fwr6;d%vHyJa7QAH@%iEb(9&e?errqF~h6FmWvKXw7EXo@_hH-JzLGGW1IZ9`w%mH??{4r)8mj850>aJ"
    "2k_?nQ+BEuM@NB1y@FxL#?7$4RAW5n$B!AXWs|?J46-pLtbgI5-gzC<1JILpUa%sp&-"
    "KmAKB%dgMcv*8=(W2S9)zqy_zpW=>h>PQ4EftBWM^s-"
    "?MRw$PHBD0$G9xokC+`vTe1ZGdnbNc4!%!#`!mpcM~!IAtxG*G9uFW#g@HHykO|+@v}K|Lw&2Zcbi6skW5@coj{X"
    "#6F~cwNP-}#BSrZp`dR4@1!n=44;t9RWhvsE>c+|{O@vjchhbdXeDp!geiI{EgVh#419}7DR6~-"
    "ERSGRgq#HB<p72msln0CU4x4V(|;=x2}O#^a^H?4XJK~IUp&Z%RG)GU$rc$U6H_F}i0ft~(FyczPp=@l|zi`RM+v"
    "Uc|gKYahSV&{E%7r(d3UzCL2GM|i#OAYnV_eI(rUfB=u9eNM#p{y`48iXG5E@el1`csVAJt}0Eq*yPob871b9leq"
    "q*qVTBi5AwM)S27M+O}j7m*eK^!oR}(5p89FvTQt%gPjxJM>WXSYqk%AZRj!dUtE)Q{iIIWC+!z!pcnQ0%MHEL>T"
    "SIfZC@RLoi#)Ej)-`gQWiOMtP8TJ67`^V5l>sszo$TB{!nN1oj9RpKI^VjSQEcZ!j{7a&<|((dO|MsCw)!>-"
    "zzn5ABF65KkAHnPqd#<n4<+NC1%O*ecDa`w%0u&YU#O2HRz8co>AqK^jE{s`+8Dbj8?|;Waj>xAu}h*X7|h<LoJQ"
    "#X#=v|lfJjQofug&lob9g^xCz1OCNd+y|T`OnqQl-WyeMBHXEhpW)*hYv39BJ```n<r;6|WG5{H|)#!M|gkHP5R`"
    "{3JZP_apW-;$x9p6KJN;}VO?;d52-"
    "ZG$vnvgiZzLPz@EBBSavx=mJA$5%P#?CES&IjgpavqMyDiyrhH2f=_^TGaJdkcG|L~mLRy|#B{-"
    "d(CE!SA(>?n^;0>5gcOi%Tu+x%&`np7ZF^kp1RQ1@-"
    "{v|8_I;M?J{y=qz0UJKNouaUnnOv%j8pKGMbSB~n`xh)dLpi=t8%5V(t3Rhot^A2!-"
    "=hB{bFHAB<IJZhU%6W@<9*1hJB-^2Id1LNXSH^z~p;=uxg^Y+Y1dOLeiXLytSJ{e!`ezUa^^-"
    "`PjXmXCpdf6IdO_ZzG30!(d1%C2--;URt$U|*zod<7jGwd9F&>7V5=E=<9EwVSKHBhfC-lD<IaoyJ_=Mm-"
    "~^024Z%)rivbHMBWt<Ssj7#TB;j>sP4n-<o!U~Wd0UAdVqX^WgkU$mkBiU*s9&v4_-"
    "&+~nRne#>``NYiXA)PZo=E0@b?#1_-"
    "jhWToh&jE`E9*tgJP>Dn78q4I=mpcVA1rKb$IOW;{>B2)@3lGm&GcT@?u7TDFl3ljvgYrOBi2!+)C8BZ@^01cxt1"
    "Pq$rSS)m^ELMb90xEw!GdYXWW_|*eSV9Pe{$2W#tI@8&a0NgYO}Kz$N&;um?3bb*wnN%M01`p|E~K81u-"
    "bUJ(b@p+0M}lWPfjm0k5Fd+f*W!OmGh@utwLvT{rQLf!+s{=!55`r4-"
    "l@V&yoLcta1WZ>V~KKP);7pD=Im~qak$#^E_%I=+h$lPJh4%xSmE$ET_%smEM?#j;<)Y4~N&;u?_5qizKoH;I4$@"
    "3-hGx8ppqwe0)6~uzO1Xnz=+O|b|n?05sI4b55IK$-%{kx&7(GCAf^hdLhF-"
    "NTV`C|412N&%pXMhjXJK075k^@P>iBP+E6R~cNlb=OBAA0|Prf%v4e?h-r?BzVN<KpgQuaue-qBr+V!sG{A0y)T9"
    "N6F77<HSE>v&WG4as7S~mmzBgC`rnuwqQ<2l>%c)hIq~TgseZoelJ(q({eT<w=;Jq4nnrz=J_Hn^$PP2y=}2S1@X"
    "NS{SM)SZbUTZ&*G8!elHAgrb?WLtRuF01bW-"
    "+KJ?0dkn!BTo3korygCG#*aPx*{=Sc#Z$|1e_5Wwb>NoHv@<1*%S@!fFh><1w#U|>^KW59`7kmQP`ns5Z;EGa~>>"
    "$3x4EnIa;)CpmB46Lz*by+pxsw!)!gut8OKs|7eV)v)Cfu5h6Ss9C)=}kIvs=tfaJR2V*qgDgM?(3Uw_^RRis!BV"
    "yL>tIj&<A~fSrvRc^&d6?Of4I-ZQRm8Ni#~y?B$oxu6ZcWADJs;chYQJ?dQ^BhM-fJf6avz(H&O%fi3qJ>Vgzm!k"
    "qB<5?T8mv?bLN(J``J@lBIV<meFL@k}KJliPw^^QDFv~{y~qn?Mv+>|oWo4Yv!!1W;mzQ}oWxD9i&*+`_QchN!eg"
    "7rC<`olQ-7X6M{9P-"
    "<Fcd4&+QU<JpUOnfg;Oy~k&i<Lz`^2t>`7Zar?R)m*$Z5H+NK9UzQ!~Cj!F<g2`tZG$9BTr2eW+Z{2llksDXpCux"
    "&60;b7jI?n?ao&Ssl@~1&F)PIbbJn>1S@pE=iFW?C=!%zEes*A2V)B$vwxKw?gmIO2(x`-"
    "{h0ulY8p3)#Ms8tD|C$!H1Cm>dd8%lw-"
    "$3T@Q<0X55Tu#6g$(pYqm5$Q+r%6nZ7U=Lo$A9LPKBQw_)&E^Dx~8n}yDye>$NNj`{vxb|A?GT3jchxt9ucg)7cj"
    ";DOgdtpH0i+uAhF8WYl6sF|v^k<cC)|D+zb7v+d|22bsnm(k<oCdM3!oDTsvFD}=`j;HIppLa9cRZK+gX{1n{Nv7"
    "yT4EktYN7(TgqZz8#LV{Hnzt3$$MEJ^DtlUTVV7zwgAc$7?m%-"
    "g5zXbN?^~|r4WdM!EBN)49Qh}{*HQ*MVao<X_L$t&Oeg0`DtJKbYS#}(v^7E2#2+1IhBKA>k>Jol>aD9_?Iu#^tU"
    "_+#A218K-R1-i!WPUNXZH9gZyt~xc5<JN8RTd19sB!(T9I%4QfGb^PZ9HBqiV-"
    "`e<gk2<R?b~m*Ng<`By_8=?=fpz}r(qlN|GUC;O-"
    "{a9U1sn}4jG7edU|ImxqXhR$$v_S<{Fg_Vp;%)qULeI#q}umd;<Tew?*yP;m--"
    "^Q}dBjiNP!@*(BaD4BX{F@fnH#w{9?**#KUuuSK67`Au8E^@*=Bj|`v2nd6ed-"
    "30uZd?WSo3k;D#7OuACUJKtN+S?1<27OHzF>mPx@f(l#XKt^k!DK1|a*<h}_>@>MRj6U<l{YwPXAqY?)PYLSfAp3"
    "O)2DZb<Mi;9zds-Q;dpSvcRTQSXB*x%*07LXOBIUFz2I6AI&*3v-"
    "vTW=@DPJMJJBOn9#lTpxK~yq5L(miXS(v8ZRc;N`phvgXyyluFzHqspwc<m}CsonME5pVp4&WUnx{oW;`48D*G_i"
    "02(9XH`VwZOx@Fba1|x=!*qL-"
    "a2ac*vpRYQPw<fNNY284W3>`ew_+_<CC10cNCZUbPaJZk>VbXo}QcMik~`o4=FW)OLE2$&+c16K5;xytiZo1hK++"
    "&`Ir@2GS)nLg?8R`A-"
    "P70zNQB<{}?cYH>=um`koxvDzIQ%j(aNR(MpHheH;CpWAHD}lO62MMCw6tgBVlfj^I)sE+s}zc%N6~zKL2Ay>e+P"
    "M7<M!@?_QozV}H!o-<O*eY^$PyHkq;c7hL*pDnU#;`Bg%K3K6v-k%6Pa-"
    "+N@NM5kZ$(WU^FEl__ddTkS3!SXbrr{UFEe|tX-am8ItflRBN5kyRh_)+_XTQl~!Ry*ts@(fe@$zbLBHTC;YiIT>"
    "leYAPihQ>?d4E~6=62!VvY^B|m%7g}JwUu>AK@+~F=WfBJY1LG5hB_RVan3w<cc$^`^r!g@E!ab+-"
    "9?bI2iSGD8TD4bKFS~>j5XRd{?f~FK?C8-s9e}C||pl4-"
    "J&r{ykU8o0Y$Dv&tKb^v|XKyPPxiR^RW$9c4rQO~i9f9+Nluv5Rt#ledzem+i@McjC-huSK*6Le!gHQ6Ttkarkk;"
    "Czkn$b;!e*gILb_{=c`2hbxFLr6%j8UXk-"
    "i&5WPIf@8YmV3K2Ymyy#J7}p3Hu<qRan=d)Q`LK(QY2eozOw3LC@LeZoz_@-"
    "iN8h<?Bi8Ra_`Ofk<b2OtdLseaa?vv4b#j3J18yA^JtnZ{LNSZcx2S7ixxC@J)Ey4o;HQplujB0=Gmi5}&7>SbdH"
    ")=Q?AG_~d&szxeY-11J=|E%&DUUe6?eRtVT!yrnv6Ak|9Kf>ok(4yPvViH-"
    "*38#Z=SE5OmmlE?c&Yx>(GDAM$<6vXU=SUeqVtPA6*a5-fS$m`FonY&&xZ5qYD0s-"
    "Pe@$2_7OiSb4qRQr1qXNxUY07WwX6D(Cx>3~xwsHbxH3tKdI|8L5+L$d>D29b5`L`2z<zZMn+5%B|V_th|!8On8T"
    "M?m55$#_XJ{nWG8sepU9n<UQ+`u#dLaac9P!D(^4%R530mRo?YKoV4H0sgZjlc`|x>WghD;Tgn>5eGoN>nImI8Yb"
    "os<Qh2A8xCGg=70l79tVh%?_{5W8aH1mLrw;B;sbKXm@&G>3D{868XO;&A&nj2h58x=6D~QXNRpf3ZdW$K!aIePy"
    "e;Xa-"
    "3=`fmL;eG^X0fQ3`|`8DX_&hjc!<R7EfwTTy@3@bY?*zCwF_H%9lU!_cprP0|ADwO!<POs;1d41UFnfGYRQ-"
    "Gt!UAROOJ}XB5DwQ3tJ}28SCW0H{#|WH|_aQ=fwB08(ubK-{4t;(_H@r08}Xb"
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
        table = np.frombuffer(zlib.decompress(base64.b85decode(SUPPORT)), "<f2")
        table = table.reshape(-1, 14).astype(float)
        Z = (X - MEAN) / SCALE
        apart = ((Z[:, None, :] - table[None, :, :13] / 100) ** 2).sum(axis=2)
        return 1 / (1 + np.exp(-np.clip(np.exp(-0.3 * apart) @ table[:, 13], -30, 30)))


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
