"""The one file an agent may change. `python train.py` asks the harness to score it."""

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "baseline: median imputation, standard scaling, logistic regression"


def feature_fn(X):
    """Turn the raw patient table into the table that the model sees."""
    return X


def build_pipeline():
    """Return a fresh estimator; the harness fits it once per fold."""
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


if __name__ == "__main__":
    from harness.cli import main

    raise SystemExit(main(["evaluate", __file__]))
