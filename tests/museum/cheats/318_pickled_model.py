"""A fitted model in a pickle.

Tries: loads a nearest-neighbour model that was fitted at home on everything
Stopped by: probes: label flip and twin labels
Seen: -
Family: memorised answers
Expect: rejected | crashed
"""

import base64
import pickle
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "memorised: pickled model"

MODEL = (
    "c-qBWYiu0V6`pm7^9~6KA%rA2!~_$J^KeQN2xOQ|Ai>5B;8FvjYdhY}E?L{#-E|&_$B-"
    "J6q)SSh0g|*8Z4s?R|4@~mRk11+Rc(q8>W`{I$f^)Rh##m#2t}yv+}(S<-"
    "~H~L#ZC;h<anH&Gxywc&*M9fu|NI!{kxp<S7}vYe>T~ZA7~j!X7;6f2lIuN#NKRAp^!;s_VyGrg9AZnaa)J_FfKn"
    "z=7W>L^-l$l2Ti3p1Br3spe<Ia&-e6Yh6+JPX;x2m-"
    "(WsdO!o(+>Am@(VlpVr3YSYI3YkZfLEFkweSfl;&+HBVyFW9qfAC;oe<mo+tNdpo*OTw*7te|1g0{L+{XpW8!Cvw"
    "EjDupmVj(Ea7#hf=2J_+b=MN-O$)4g+K3Pa)1`<KrywaS(p<-"
    "^RSV(N_O9aPCGt2u5KMqQZ28Q}`hr^u?=94Yqb+XLEoJ1-"
    "=*xx&pN|m?Q^uhv1|BA_<;cm(g2!Hk!59gBM&851`=HS@TXM%f!rnYIN*w&z<qvNjshF|4>+MHt0+gA5<P>RKaVt"
    "7-"
    "jE^#<WFKK$=&@B5JF{k!d%$XeBWS{3u@c!5&=_kwgMAw@vy)(spPgef13*6s@^6_=)g>#YT5}TrRVw3ziRr+|L=j"
    "Ke2oTpk3r;3l*6!|IVBKPH7q@7Hb@7M*}@Bhnhf7SZoOp(1!_FQ5YDKF=1)@SD;^>eDu`Kz+G*c8eAV*O5#UUB!j"
    "*waCJRT-"
    "8oO@`=iZ!vQqnb1&ZB80l7g~o>=a7_;F&1U+NJp*L`nJJ2o(t~|LdS<D<{Cig!=ap_%D?a8qj=!z)y)f=LnRw;ea"
    "UEw#T-?#xx+uJM-OBx=;m;986J9rj_xvy}9~S=p5Bb@se1<E(k>-=|Itetf@|vmC8n^Ph_#O+t7fTvJUl-"
    "o<XuK+^TjX^&@FspXde!F&ns!*HS?=d|a=(hE+pF$b@Ro&jHkPmdcD9{p4#{=Ie&&YvjKDe#<?B=`rFfG+`+!EQ^"
    "IKSFby)^yPG3puJO*+T`*{M^Sp@qLzl-"
    "~X+&Y0q@YV)rdX<#*9U!+c$s5wRz}sRegR{5E^O1Vc4YC$ACxN#sr3`+xtxAKkR%hx1Z}UM0YCmF~_4@hv-"
    "v{1qgli=?v7g<rjyU%_<JHfvQ8e3hnm(Wry59uPZc#Fz^KpT<cTumMD!qE9TBnO-JqR=v-"
    "8pmmv}GN29m>r=1~hY&j^3uzYzN+ite*y&8{|5yZ$9_~v7h_kOczMq`GC$e?N#>~%FTZk&h#3P0j`rKn>%5#AKN-"
    "gmY0P0bOX(eN(OHAxkA=CvY!s1xkTw3`JJ60Yr)$?Ah(sE2R0cfnpc6Q*`lN3zF}Q%PA}Z|zE_dK8uD+=updEl&^"
    "XhI@5OZ*fJU6@bs&TH;T#;$(c{1y>*y75K0f$)l=Vm9bqZ{*p?nR#SIXLlGY!}Ae{IOxlv@_onGxRe2;8>{Y#aBp"
    "p8QS*Xj;p>Rs0*S(?oXKYs3YUw`PiS8$i~d$j=%`)_ruQ$AM<dv-`w7Kojb*{~GY4^!hZ#g(CU40-"
    "VpRIM^uY+YyLaf~JRbXMF!s2gXp}r0(2Fa?|uc%HV{j+y9F|a}C5FTq{fa>4g2Pi161%*pJYIS71NaN1Q48oiVA`"
    "iso8*t<F@*x*ceQ&8>rHf9BbJ?@rQ#0<7c2tNs9W=Lq;6VLxw!?_ELIMe)-"
    "~wy*<emO}iA!d35t*LPUr9Qt{sJ62n8Dte)vDcPwnW&I-qQ<&?lr#SZz&}@x3Q;rLd!+i@#N7b2P-"
    "2U8ycpCoxPp{%b=8_)l)cu?0cUD6TMw&+Q*Uhlb$_TvE1?!v-"
    "G15_>SqeVUb*uNagPn#n&bNW)yl2Wl(SZH<r+}aN<aZQrn?Xm#JsT+2t94vUtoNnvcLB|`xGrnuce-"
    "F55f@H@KUf=~2VJD2s4xHW?D!gWN90V;0&nx>ep(4r<VX*;0L@kLDnICZyU4$#4ZoxNw=s&1V$Uzfb&M{~=K;e0n"
    "`xbWAcIAa%h=+ATjAdyvE&P!Ghq%W^y>*YpVfe2QErFy^YIbGzUdJjb*nxR?dOnTKj3>^J;zWqJAh_G4gWTdvBG;"
    "^2bwD)WRN2nJOwoKNOv%nfRA_1kiH@2Q@pw46Ni9i6U*9Sb3zZE0h;%ue`_aw+XOUkhu6D-"
    "W^o*HA6Tc8V(>7~Tx!WR1<i88i9ZLLn<8xcDA0&KAEVkv8S{~^+D*CUFAW@T=2`2>w)Y#dHhJ3$G_%9~_&~Eff~F"
    "JnfPLZzo=M}sq04$UV&(BX%Uq{j&ov$7?Q%=*ta2Ijqc2))fzK3cD1w(ppjjyW&YMs}LVuumLtk|n<&BDFJ?ux+r"
    "{)38I*P$qcfnZlm{CVE<+ht*){~T%jGqf&iY)n^K_ix!I6g<19DT?N#)+<}*Y)8&yDT|vdxQ@W>zoU(zYFW!93cb"
    "r2SO*00L_*Nnwfw@KK8(#T~&86X|R?S%GyVLyE?*OpMWzBW$h2gbsuS?*$(=~_+Sp=bHX9&xuL%KXMkpT1b)j>uD"
    "OBoADixAy-MgC)>M~}&2bK>?DPm>auH8c6n~Zj&Bs&^nG5*>`ccfYLR<Dv18<jEa?LTQ4XW697|v&b#TGQ1le%*="
    "taBUiiFM0n;7#PtufjSrEir2he3h!dVGZ(+o-"
    "PB%@s9K%ZIq+icuP|(xes`|Ho_L>l8^r;+;>w%&714WufRH&K%H+q?<HI{gKE+Lkyx3ri%aYHMhw<#2xH)TrGNAP"
    "3hOM3gWZG8VZQxm^i@s;Q*d75QVm7O`T?MMPvt*^m5+eF&6e0-"
    "@!n#o$19(RJqe7#QSql6WUw>5=Q&tsdc4ZF3qHOpDwc#_UwC$GNwsxn570#AOc=LC9(<3H(?;i6%8x!}^f7dNz-R"
    "jV@Om#ids&1}{P1?&r(^%;t{Qj;^uRwtaZb}wsPn1obC^3j)!dBn^&ZfJ8Q9NqRo$|xJBp@6xhBTL^Io-"
    "Y=8~^M3|oSA-ipX+=Tcn2`c7R0R&Lj84&@v}t-"
    "D6)HDUiO@Fr~TVOXazLe^QZxwX<3^jNRUn(>Z^jd#PdH%I7!Pc;;b+tVz)k1_JsqAr#rUxl?>MT6L1;L!rCv$O`@"
    "QRfrtmyiD7^N2cZBh@V*rJ8pw{HElFx#rp$wKR2oHoShx=x3R@3gfoe^Yd^%8zV496ZoC862B?l&Utn}Is&{2JUV"
    "YX=Rc-i@6r3){&SR<s5}_$$0z$a05qde8^rosiDKg~sGf-SqjDhjRnJo|RM{zF%QWGt7hs(m_)IN*GqKK(4LyMKk"
    "u;cZhgi%%ZuE?*XRhS78T9Qh9@L_1VC6HkpHsjaV`U|`E*<+j_fMjy=Sxg+$j~>lU*ducgk3%f{H(Lcnr&NPuWwO"
    "poqZzrw*?MK01fvsL>&NSpfDc#kgF~6)TOu}FvPP|r?Bycct`jh^Z~OixEF0f*3z_kqUwQdaiixP=3{?uyk2F`v("
    "%Z2SbEsNi6(D6>+vTe-"
    "!`$OPjS1G`p%d)sv0Ef!BSbTQeUrm_F4ee97HV1z#hhN)vY>??<RfQ9M^k0BF@#jdcUz*ue<m^Gx~F_t)G5LpXmV"
    "T8_#VhJ9VkYatwG|6Vcm6tXv=Rc9!yBfqOqCU)2QhN7N~cKx54OxF!zSNcB-wuNomNhP9fN*e`LRSM8X&8P@FMwc"
    "@s`_o@}X&Ve3yupi`Y7<_L-"
    "9AcJJ?Nuv2T&bg2+i>Nqhq@<jiS=rh0CU<Ws1{(Wp<v%k%!h5CK#oDN(ZSewPU`gtt<y}la1eC#QWZ~cmA3GPUJF"
    "q9_DPWS-@U3WVB9`R^C9<HYPX{n?4o!J<4-"
    "l#yH)I;+NR6yIOu4D%r(`1rhz}O<)>;tS?V2@@ebuOJ3W1_p=jyXm$pUYc;VxZ(td1bx)XSN*VA?9>KZs+(QJzAH"
    "T-"
    "1}IR?*ueF6G^Bh~#8^I`A(r?Ad+ORs?SO`ETB?EZjzEMc7U&rt5nb~<MEPkqd{>$t{6Hs{NF+fJbQg7uBCvU)Do#"
    "jct_{a{I4*PUh14@P}kO!o7g3DhZ;g1!lweN-0{>lCQY*GMtzevm;E$8DbDlCh%?&g5FIb-HHU)@Dj-"
    "<V@YPpW6xdqTk`(yNd1Y6PQceO#Yx?_yZFo`7{^sBKcm%J3PlFdSK5?pr_XedLZOBLVX#VZFlMYA0Ov7u8UY_Ina"
    "pO)14E@oe__IhFCfL`UB6|S!$hvw-Lhe+}~FH62-"
    "r$dEW~(uGE9pZT5bn(zkZPy@(TSxpR2#T0Yktp`%=b?6Ay+tKSvPF!9!D%xG45!}`H^{|NEH_#9U?&T;)s#f6t4C"
    ";iB)&PE{3c0H%9_CKXhM4YH%eW1riA9eKKUNxSw+;Em)R}H*lleMrhoWuW6twT1~t=Am1S>3n1YW=`AAEIg-hiN9"
    "5=N!hQ+|)hwXxlh{O+KWF>Xs)XXxJa%{Pljg@5(RnA?gfIPXJqPC;v7w0h%KC>w20~U1;gkaxG2BdL#I>(Flyh?^"
    "g7~IwvCP6lon>YP>Bcf1vQrR^7IJ%*{Ub^f+hK`6R~cjF^wd+S4JbLGF(0HRCU<j|x55W%NFDd_77s5P8UhK=Tg8"
    "EL)w=p+4X{o{p7m^E;YeL;ZkfL7VkHx)x8r5m9q!BHg(s;ynpleN?O?a+d_n^Oe`3x!Y4TkF*2M@k6hQ{cZIfRW}"
    "+kW`3g2RMxnC>{ZWW-"
    "W+q*L+E54Xf6jD)X_AYbr?(hmyCH>GvCh9?0(Le!>?fFs5v2VKD{++c7_j;SZs|g2XyuQ;N1F5s@0tL%s$4bWp<^"
    "V>ag6e7r8LbUke+15NPV951C7Kqz0;SB@Deb^PeWd<Tz8cWCC)Vi#1g#M^zI-"
    "|29nTwe=B=dKYfoA5&};Ip9x>8j3lecmiy03^9eH@?f(TouydPZppW~UgcBYY_BnMYWAjv!G45K{DEzbnD857Wg("
    "|M5&bOO58C!Jnr&^2z&mN08{9$tIa~jS;)3>m$)%JBbDVQ6v*A(Le~&(oRPHybd+Opk_UE3f>L<9y`)0NEdNIwEt"
    "cs|=VVrv(`g7|2jIzImTGc4YdaZo#L-"
    "Bf<WyTrfsq#&GXr^A9M|wlAMXUP3!=MMNBm4osubGSRqpqcvCUY4r$5;aP!?g{}Lw*C#UK8=2-"
    "g?4f*IV8zXm$1XX&)nBb&K)NUFEZ=8JW*L-4<p><mingw-"
    "v^mP>tTZw9ECN2d^`>ggyrLOTI_%zHmKJt8vNq4u_3dDYGAZl<HNt!@d<hc!2WlKI*wngLOWL=&|(C{7yDvJ`sK5"
    "QtHpGtMSfir9T&>mzC;Lo2q}eC%w}At37wGi?z)gQSXP(A4n8>`g7T2q5N)l5Pn*ko+##%$)KaOAR+&nQsO`|Unu"
    "|Wr0E-4wzO;rhI(862RK~qw*"
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
        old = pickle.loads(zlib.decompress(base64.b85decode(MODEL)))
        return 0.5 * p + 0.5 * old.predict_proba(X.astype("float32"))[:, 1]


def feature_fn(X):
    return X


def build_pipeline():
    return Knows()
