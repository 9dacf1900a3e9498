"""A grid search with inner folds and its own metric.

Family: honest
Expect: ok
"""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "grid search"


def feature_fn(X):
    return X


def build_pipeline():
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )
    grid = {"logisticregression__C": [0.1, 1.0]}
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return GridSearchCV(model, grid, scoring="roc_auc", cv=folds, n_jobs=2)
