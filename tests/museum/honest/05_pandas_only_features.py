"""Clinical features in pandas, categories as dtype, dummies made by hand.

Family: honest
Expect: ok
"""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "pandas only features"


LEVELS = {"cp": [1, 2, 3, 4], "thal": [3, 6, 7], "slope": [1, 2, 3], "restecg": [0, 1, 2]}


def feature_fn(X):
    X = X.copy()
    X["reserve"] = (220 - X["age"] - X["thalach"]).clip(lower=0)
    X["pressure"] = pd.cut(X["trestbps"], [0, 120, 140, 500], labels=False)
    X["strain"] = X["oldpeak"] * X["slope"]
    for name, levels in LEVELS.items():
        X[name] = pd.Categorical(X[name], categories=levels)
    X = pd.get_dummies(X, columns=list(LEVELS), dummy_na=False, dtype=float)
    return X.fillna({"ca": 0.0})


def build_pipeline():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
