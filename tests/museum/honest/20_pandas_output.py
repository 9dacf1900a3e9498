"""set_output('pandas') and columns chosen by name within the pipeline.

Family: honest
Expect: ok
"""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "pandas output"


def feature_fn(X):
    return X


class Ratio(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.names_ = [*X.columns, "ratio"]
        return self

    def transform(self, X):
        return X.assign(ratio=X["thalach"] / X["age"])

    def get_feature_names_out(self, names=None):
        return self.names_


def build_pipeline():
    model = make_pipeline(
        SimpleImputer(strategy="median"),
        Ratio(),
        StandardScaler(),
        LogisticRegression(C=0.3, max_iter=500),
    )
    return model.set_output(transform="pandas")
