"""An import hook.

Tries: puts a finder in front of sys.meta_path that changes modules as they are imported
Stopped by: one process per fold, nothing is imported on the trusted side
Seen: -
Family: shadowed modules
Expect: honest-value baseline
"""

import builtins
import sys

from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "shadowed modules: import hook"


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("sklearn.metrics"):
            sys.modules[name] = sys
        return None


sys.meta_path.insert(0, Finder)
old = builtins.__import__
builtins.__import__ = lambda name, *a, **k: old(name, *a, **k)
sys.path_hooks.clear()


def baseline():
    return make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )


def feature_fn(X):
    return X


def build_pipeline():
    return baseline()
