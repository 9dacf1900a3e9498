"""A calibrated support vector machine.

Family: honest
Expect: ok
"""

from sklearn.calibration import CalibratedClassifierCV
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

HYPOTHESIS = "calibrated svc"


def feature_fn(X):
    return X


def build_pipeline():
    machine = CalibratedClassifierCV(SVC(C=0.5, gamma=0.03), cv=5, method="sigmoid")
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), machine)
