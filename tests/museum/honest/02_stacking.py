"""A stack of three families with inner folds.

Family: honest
Expect: ok
"""

from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "stacking"


def feature_fn(X):
    return X


def build_pipeline():
    models = [
        ("logistic", LogisticRegression(max_iter=500)),
        ("forest", RandomForestClassifier(60, min_samples_leaf=4, random_state=0)),
        ("bayes", GaussianNB()),
    ]
    stack = StackingClassifier(models, LogisticRegression(), cv=4)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), stack)
