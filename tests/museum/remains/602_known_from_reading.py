"""What a model has read about this data set.

Tries: weights a few columns as the literature on this very data set does, before seeing a label
Stopped by: nothing here: knowledge of a public data set looks like skill; other hospitals tell
Seen: -
Family: what remains
Expect: remains
"""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "an index of vessels, thallium scan, chest pain and ST depression from the literature"


def feature_fn(X):
    index = 1.0 * X["ca"].fillna(0) + 0.9 * (X["thal"] == 7) + 0.8 * (X["cp"] == 4)
    index += 0.5 * X["oldpeak"] + 0.5 * X["exang"] + 0.6 * X["sex"] + 0.3 * (X["slope"] == 2)
    return pd.DataFrame({"index": index, "thalach": X["thalach"], "asymptomatic": X["cp"] == 4})


def build_pipeline():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=42))
