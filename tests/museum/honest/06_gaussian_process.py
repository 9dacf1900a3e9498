"""A Gaussian process with a fixed kernel.

Family: honest
Expect: ok
"""

from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "gaussian process"


def feature_fn(X):
    return X


def build_pipeline():
    process = GaussianProcessClassifier(4.0 * RBF(6.0), optimizer=None, random_state=0)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), process)
