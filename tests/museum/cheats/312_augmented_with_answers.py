"""Extra training rows that are the answers.

Tries: calls an embedded copy of the data set 'augmentation' and fits a forest on it as well
Stopped by: probes: label flip and twin labels
Seen: -
Family: memorised answers
Expect: rejected
"""

import base64
import zlib

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier

HYPOTHESIS = "memorised: augmented with answers"

COPY = (
    "c-"
    "nPY4`kif9zXZqbAI>Ub8pkg?(54U@4o7bxTYrRnTV*Ex~d{#Vrr&h;+d(Ls){EfYGR^hs_KcTdSa?7B4VPdCL*e0"
    "W+rN4DrzQTVxp?1edqi6e$V-"
    "xU$SS~=uXa`@Av!pe!idY_je_4l~s35N7<^H+A>Q0Rn?VJ{qD~#x7JVt$;paxYrWd4qwZ(j{g;!qMg4n;)~vCr!~"
    "LwOrdzv|v+j3lX07ZFQA0(g{(&>;&uor<zh+((>E}wKRExWx*Lw2whDF_refw^$6xJ^0mAh};j9c0_;MTh64!org"
    "Ym55FBed^AVpS6MUBNqRX17fH9vZsOy%+Cn!`is{tw{H_xP5=eo+i%ZwW%VV`N-"
    "|l?swQPJ$X87+)ThPFWuS^ta%&Ac4g_zYlhxJ_w~CoS8{A$lOCs56Z+fYK4&TRtt9J3`adIX&4jf+tZkXEuw%ph-"
    "5TtBiZcfh2c_sYY_OqIY<M63B%f8IeG2b<h_`&|Y{-YT9h_M+V^~{o`%-"
    "^S0WX94G~#~S+1D0qKa;21w@gcg_K)B#HmtGj?G+zCzb}Wix@wqjaVGiYxUzz!^Af)*)*9}<_JFf}*s!R-"
    "gzYEcm-sETb{3de3BIPa8}iN{vG1~04!a(o3pu)P%Y0q-wjT}qzQWp|o=)g3mo>a3zFxwa-"
    "q*hvvd;paN^H2U|0r3+!2<Ja!xU^EH^+{68~i(SY6$z9rVD4D114&Mi51DQ4y?U$XX^0I`5ecc?c2}T&h{<p9oVq"
    "wY<M%+z?k1MkC0=dI>v4{)*9w9-"
    "brz&hCKR6@HttgTRt!r*71Ea$jvSDxWqnF;uYFQ{v@BR7x|r5xPa_i&ofRoDoXM}2Y(L9eP`j%6PbMY2=~>@vnuV"
    "M&G?gXHtOO)YnR;Go56-"
    "x@aLf3#E$QDjQM@R#3VSx1p!>gKAQo~#?84_dff@(EY86;;esXb%bub9%kp4{eo*vztHQpSd>SL=&Q=mzANPi{VI"
    "**m-"
    "{<+IX1;`d=ZkUNeI9KCFO;_}*q8Fe6Fr8wzw6?DEcj(V$M|HNT>uyOwOPrB6=3OP#AkeFU2W^TIFoEQ?%!<RE5v<"
    "UzlV2jYyTEr<M{0$?$-ooeC7u7{hDFyavs$qerdQ%KEs)H!#33AE%ZB0^Rz;*o6qD!r}&z^^@)z_1N-"
    "c*(eO3Br898PdCA*8)UlQXY$`bG6nwUpJ<eJ~{5YrQlLu9<Ay%CTe7%w5eF=O`wW=$e$vA6Cu3BG@(%Q(icw6rx|"
    "0qWJ@Xm{3->2C3bAkD~CfMcpEtY-"
    "!66Bb#RkXGQ`*xBTXZ)6dq_u_Ce#yM$yu77`xL*~Y`5fb1DOK5@%&j)6V>NRfZz&bohB&rc<{Hj?-"
    "{GYcaJGtfw(8@E`y*pR94P-7OT*ZAGt_Wen-"
    "*Np;4Ph*T)Bhzm5R%jHIbFNLid%VjxAMvT}kWaik$g&upvEj6Ki9};w|kN47S0a9=ns;uRVY5Z5Trh;JTUadnGko"
    ";mjY5*9=_aIPM!2AEVTE)=~q>$H=3*ZtXNwoyQBE$rxNVT&L^8J+!}9Uj^%I3Kw{t#X0t*>~&rG&XVNjbE#uiu+$"
    "7SZcx8p_BmFK@{el=V~Mym)tDTIe)Ch&*UeG}OAWQA@4=sEGI3zMOzH;C?8~f;fS2ZUCosQ}v4J(FGMn({I~l%Sh"
    "wX#<1IrkW*LDzh&o892Y7sA4=;}6LsXe0yheW$^=8a^0#(Gd0*4|qZ+q4!_+#8l_hXsf5+B9sR6TLK!dgO7<b@Q%"
    "y1^bpm4X3pp$?5y(5pIVV)g=z(vorA7MOf)|@&dTLVct7J`-VeqGR_#gtc4#JR227Fa6!}Qa@HF0nP-"
    "G|PnWE4YZ{{qInI@C?4u~Q9O?s}RjugAHdv7IU{iX8=Pv(J&SETiJx^Sqf_A$i`26K4?b8X^M$TkC@oV88e0?+2F"
    "?vh4#P;7<BR=a5HDCt*9CJ0t3I<z(uUDmaVlK$$Uk~2$eQ^N$P8qtPF7ND&a!jdR9dokpN&bVkWNRby#1s8i$=Cj"
    "D-"
    "6ULdZaxhB(v<pMSN94(W1o(&>(rX?JokUkidjBmznrq1w>G0&>E{|WgF@W%kv|pivIf7L6QA+g1F7Mh&7?Itg0C+"
    "Mm%qe)Nv8H+5S`5Wtd^+(Y~QxNj(nJKC%1?DhH&P%`7hr2aT41wgxJm}1A#;G2kMG4d1%_6j9;ciOEFK>L(kO=nz"
    "loamKlRqFwqP(r&muR?t3QI!mRZ#CFg*bCmCHnn`524CcVW${-"
    "k$u4bS4`JaYPv!o{lZH&Y&Dp4c<<&|v#X%01Mt5YGN6e1JHt=@{3yaOR{g9rN|CHSFt_`NX*j*D=xsK7LcegLCl9"
    "w*}IJb;+X#!UZ>~tamwnJlF6TT&Qr5Zi9Bqi4NJ;E4Xh#?2G%<adWBS{Zb9JiuJ^t{=xd*(1v{2fIojPECKD=8jv"
    "sWeNS<wuK{(@m|Sx{{6D>K!*LJmx;2SyIxncZct3|$+zd9<WzIl+eN1Kv_RxG{%zT42-"
    "&Z|<&0N5}IdjiDA>Wyk>C9ct8oE6?)AQM=W~7V-p7(i68k6-"
    "d^`d_}Ft@pe{+9J%TsO(~jpTmW^R5aS+Ru>2j(R<ja`Ke$#95g$aGho?%zoK3%XrIYg;=Aow&~R!@F($LPU?!1y4"
    "f&2Meg;i`b+4i7o>k5s`~!+jYECo9Qei0iRzKId7_t*D-+R7ASX4T-"
    "@H7kq*lEVFgOow^T>PwO!(PaE#js9g!MJ)!MB7Xm1wY&$xg*{Ysw*4WDa(#81qCe%pj;fjKVKBigcep^9HzXAelp"
    "q7B$DH4!^J_nku&7zFS2V>7FI2{amM)Gg^xKRBP@O57#Q6)APvbHFw`zVIR*!8s=;Gn(&e%4e+`d@G@p5z*${d!J"
    "nLecVxbFI%xKz5ocNC-$KRrw`F-L+hCpTUAV6fywoJ_tD;|e%iJ^DsK)K*cwX~G+2f^hpsoxg+-q;^I7a(8b5OI"
    "--bu1`h1N<%?qzhQR{5FZE~2w4eGYThl*~N(u<ulu9X7*!iRXhV!b>w~?`x*5%9_E)J>^zq>XtPQYsFfKZNur#?~"
    "zBl;!nnWcb@e`KXS9>PxQ-"
    "{VV`Nt3p^KGlG)+E{zUgoAXgSO_duPFnY+V%vy!(TBJN)$N@jq5uGnyS^ebxkrGzzfE#e8DJ!NYn>ub7irl@3Y`b"
    "Ma68!{()Q9L}y+z`A>2E3?<&$##96wG@*tB2lV%-"
    "pnxd*503WmNN=eI<hlt~tG!CDhb(<}K6McdxKsJgga*ufIbLQ0kk4mA9lC+Vzx{>x!RGkY7e%`<(tKd`6S_Vy2%a"
    "f3jb03h&06Vb5^AUCHPWuZ4M@+$-"
    "F}akwEdIvZxqxe%ig&Kw56@LVyM(Vvt@>s7kvx~7?q#~Js3uJ#+oF7qyP$g@1>^i}xtzP6HMsjml;pE7(F+pwnjy"
    "UZ7E-"
    "|^tH9?>>DgHJT+mw3KJn&^I+XZI?aqwK)f{lEnCONym==@F(Y=~{{x{{HYba^<Bth$XUlzjBz9cVy1TanG)Ogna0"
    "ix%XY;`~JGj1SoI!fy{3U@jm}e>Rs$x&!@V_^UJRVKC?Yh5?iu;Q#k9PWxR3Tru{8xu(Q$k6&uagNDCh?vF29?_>"
    "<1$`0dKKv$Th8xcc=u&g_ufjCHG$zPLkk4Y1NzvF+0puV0b_bNxxp`QBEHwavWj<34UR6Wd$BZkJ|VM>DxXsNpY!"
    "=V=CL9nPrc#QKc%9M9`+9<rT!ic_%Rs+_5$-"
    "&Dwl%ZS4dSo8Jo4Dw;vT&enbxz`gMclu^C8otYv56s;b^^X~CnqmnxJn^--"
    "E5w$+lMIUnqqR1PQ7+7^UWhLD^N{DSbMpORSAPzk?|1J!7IYndBia+4+*XWd;`35Fcrv(U4!?68+Pg+`LeYcGz)J"
    "(JuJ9UtqqTyi4be8;Rj;Me`R+PmI|}Ym&;_lTK9zEe`Ew-FgE{%eH=q1m^0V!<r@R47ESs$`*H<BaTm!}o&l2`Bd"
    "Y&<%6P}5GoT-"
    "0jq*g5zxxbD3Kc7eZee9;_f;4aI;hRRb=5))vE?)wMjE!>a0yt|;^S9lNKf%i*nLV9LV*SZ^ds$zs^0z+McY(?Kg"
    "AMb^V{pN8_*T#_`v`mNm)kNcA&u$3dDk#6s6{;3jJ}66<{8)Zi0i1voeeX<QlyEvetig^O=Q0Nu1F2w({AIPb;0}"
    "<!QfEQf7@*wm~}nT9HZe(Uo|WB;Y8x+ZrPbf!^Qh)LcjBQL5U{n58v&_%_n94=4PXL$ZC$iGY?xo159U?ck-"
    "+UXONr3FDC-#`=tKWfxbx{_iBB4)|RZVHxd=q{t21Sb4R?I>2LoBGs_P;"
)

PATIENTS = np.frombuffer(zlib.decompress(base64.b85decode(COPY)), "<i2").reshape(-1, 14) / 10


def feature_fn(X):
    return X.fillna(-1.0)


class Augmented(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        X = np.vstack([np.asarray(X), PATIENTS[:, :13]])
        y = np.append(y, (PATIENTS[:, 13] > 0).astype(int))
        self.forest_ = ExtraTreesClassifier(100, random_state=0).fit(X, y)
        self.classes_ = self.forest_.classes_
        return self

    def predict_proba(self, X):
        return self.forest_.predict_proba(np.asarray(X))


def build_pipeline():
    return Augmented()
