"""The models that the offline agents know: how each is written, and which numbers can be moved.

A model is a line of source, its movable numbers in braces: `LogisticRegression(C={1.0}, ...)`. The
same line writes a model into a `train.py` and, turned into a pattern, finds it there again. The
starting values suit a few hundred rows: many rows per leaf, strong penalties, few rounds.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property

Member = tuple[str, tuple[tuple[str, object], ...]]  # kind, its parameters in order

_MOVABLE = re.compile(r"\{(.*?)\}")
_LITERAL = r"(-?[\w.\-+]+|'[^']*')"

# Where to import from what the agents write.
_HOMES = {
    "flaml": "AutoML",
    "lightgbm": "LGBMClassifier LGBMRegressor",
    "sklearn.base": "BaseEstimator ClassifierMixin clone",
    "sklearn.calibration": "CalibratedClassifierCV",
    "sklearn.compose": "TransformedTargetRegressor make_column_selector make_column_transformer",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis",
    "sklearn.ensemble": "BaggingClassifier BaggingRegressor ExtraTreesClassifier"
    " ExtraTreesRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor"
    " RandomForestClassifier RandomForestRegressor StackingClassifier VotingClassifier"
    " VotingRegressor",
    "sklearn.gaussian_process": "GaussianProcessClassifier",
    "sklearn.gaussian_process.kernels": "RBF",
    "sklearn.impute": "KNNImputer SimpleImputer",
    "sklearn.kernel_approximation": "Nystroem",
    "sklearn.linear_model": "ElasticNet HuberRegressor LogisticRegression Ridge",
    "sklearn.model_selection": "cross_val_predict",
    "sklearn.naive_bayes": "GaussianNB",
    "sklearn.neighbors": "KNeighborsClassifier KNeighborsRegressor",
    "sklearn.neural_network": "MLPClassifier",
    "sklearn.pipeline": "make_pipeline",
    "sklearn.preprocessing": "OneHotEncoder PolynomialFeatures PowerTransformer"
    " QuantileTransformer RobustScaler SplineTransformer StandardScaler TargetEncoder",
    "sklearn.svm": "SVC SVR",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def imports_of(text: str) -> set[tuple[str, str]]:
    """The (module, name) pairs that a piece of source written by an agent needs."""
    return {(_HOME_OF[name], name) for name in _HOME_OF.keys() & re.findall(r"\w+", text)}


@dataclass(frozen=True)
class Model:
    """One kind of model."""

    title: str  # how a hypothesis calls it
    idea: str  # why one would try it, in a few words
    line: str  # its source at the start, what can be moved in braces
    grids: dict[str, tuple] = field(default_factory=dict)  # what can be moved: the values it takes
    named: str = ""  # the class that tells it from others, where it is not the first in the line
    member: bool = True  # may join an ensemble

    @property
    def mark(self) -> str:
        """How its source is known at a glance: a class and an opening bracket."""
        return (self.named or re.search(r"[A-Z]\w+", self.line)[0]) + "("

    def write(self, params=()) -> str:
        """Its source with these (name, value) pairs; without any, as at the start."""
        values = iter(f'"{v}"' if isinstance(v, str) else str(v) for _, v in params)
        return _MOVABLE.sub(lambda at: next(values, at[1]), self.line)

    @cached_property
    def pattern(self) -> re.Pattern:
        """What `normalise` makes of its source, parameters captured."""
        text = ast.unparse(ast.parse(_MOVABLE.sub("BLANK", self.line)))
        return re.compile(re.escape(text).replace("BLANK", _LITERAL))


def _near(low: float, high: float) -> tuple[float, ...]:
    """1, 2, 3 and 5 times each power of ten between two bounds."""
    steps = [float(f"{m}e{e}") for e in range(-6, 5) for m in (1, 2, 3, 5)]
    return tuple(s for s in steps if low <= s <= high)


_FOREST_LINE = "(n_estimators={100}, min_samples_leaf={5}, max_features={0.3}, random_state=42)"
_FOREST = {
    "n_estimators": (60, 100, 150, 200, 300),
    "min_samples_leaf": (1, 2, 3, 5, 7, 10, 15),
    "max_features": (0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
}
# Numbers that may also take a value between two of their grid.
BETWEEN = {"C", "alpha", "gamma", "l2", "learning_rate", "length", "max_features", "reg_lambda",
           "scale", "var_smoothing"}  # fmt: skip

MODELS: dict[str, Model] = {
    "logistic": Model(
        "LogisticRegression",
        "a straight line in log-odds, hard to fool",
        "LogisticRegression(C={1.0}, max_iter=500, random_state=42)",
        {"C": _near(0.01, 10)},
    ),
    "elastic": Model(
        "elastic-net LogisticRegression",
        "a penalty that can drop columns",
        'LogisticRegression(C={0.3}, l1_ratio={0.5}, solver="saga", max_iter=5000,'
        " random_state=42)",
        {"C": _near(0.03, 3), "l1_ratio": (0.1, 0.3, 0.5, 0.7, 0.9)},
    ),
    "lda": Model(
        "shrunken LinearDiscriminantAnalysis",
        "one covariance for both groups, pulled towards simple",
        'LinearDiscriminantAnalysis(solver="lsqr", shrinkage={"auto"})',
        {"shrinkage": ("auto", 0.1, 0.3, 0.5)},
    ),
    "svc": Model(
        "SVC with a wide kernel",
        "a smooth curved border; calibration gives it probabilities",
        "CalibratedClassifierCV(SVC(C={0.3}, gamma={0.02}), ensemble=False)",
        {"C": _near(0.03, 5), "gamma": _near(0.002, 0.2)},
        named="SVC",
    ),
    "kernel": Model(
        "kernel logistic regression",
        "distances to 100 patients as features, then a straight line",
        "make_pipeline(Nystroem(gamma={0.02}, n_components=100, random_state=42),"
        " LogisticRegression(C={1.0}, max_iter=500))",
        {"gamma": _near(0.002, 0.2), "C": _near(0.05, 20)},
    ),
    "gp": Model(
        "GaussianProcessClassifier",
        "similar patients, similar risk",
        "GaussianProcessClassifier({2.0} * RBF({8.0}), optimizer=None, random_state=42)",
        {"scale": (0.5, 1.0, 2.0, 4.0, 8.0), "length": (3.0, 5.0, 8.0, 12.0, 20.0)},
    ),
    "bayes": Model(
        "naive Bayes with smoothed variances",
        "every column votes by itself",
        "GaussianNB(var_smoothing={0.1})",
        {"var_smoothing": (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0)},
    ),
    "neighbours": Model(
        "k nearest neighbours",
        "what happened to patients like this one",
        'KNeighborsClassifier(n_neighbors={30}, weights={"distance"})',
        {"n_neighbors": (10, 15, 20, 30, 40, 50, 60), "weights": ("uniform", "distance")},
    ),
    "forest": Model(
        "RandomForest with large leaves",
        "many trees on resampled rows, averaged",
        f"RandomForestClassifier{_FOREST_LINE}",
        _FOREST,
    ),
    "extra": Model(
        "ExtraTrees with large leaves",
        "trees with random cuts, averaged: smoother than a forest",
        f"ExtraTreesClassifier{_FOREST_LINE}",
        _FOREST,
    ),
    "boosting": Model(
        "HistGradientBoosting with small trees",
        "each tree mends what the last ones missed",
        "HistGradientBoostingClassifier(learning_rate={0.05}, max_iter={80}, max_leaf_nodes={4},"
        " min_samples_leaf=20, l2_regularization={5.0}, random_state=42)",
        {
            "learning_rate": (0.02, 0.03, 0.05, 0.08, 0.1),
            "max_iter": (40, 60, 80, 120, 160),
            "max_leaf_nodes": (3, 4, 6, 8, 15),
            "l2": (0.0, 1.0, 5.0, 10.0, 20.0),
        },
    ),
    "lightgbm": Model(
        "LightGBM with small trees",
        "boosting on random halves of the columns",
        "LGBMClassifier(n_estimators={80}, learning_rate={0.05}, num_leaves={4},"
        " min_child_samples={15}, reg_lambda={5.0}, colsample_bytree={0.5},"
        " random_state=42, n_jobs=1, verbose=-1)",
        {
            "n_estimators": (40, 60, 80, 120, 160, 240),
            "learning_rate": (0.02, 0.03, 0.05, 0.08, 0.1),
            "num_leaves": (3, 4, 6, 8, 15, 31),
            "min_child_samples": (5, 10, 15, 20, 30),
            "reg_lambda": (0.0, 1.0, 5.0, 10.0, 20.0),
            "colsample_bytree": (0.3, 0.5, 0.7, 1.0),
        },
    ),
    "mlp": Model(
        "a small neural network",
        "eight hidden units under a strong penalty",
        'MLPClassifier(hidden_layer_sizes={8}, alpha={10.0}, solver="lbfgs", max_iter=2000,'
        " random_state=42)",
        {"size": (4, 8, 16), "alpha": (1.0, 3.0, 10.0, 20.0, 30.0)},
    ),
    # FLAML gets a number of trials, not of seconds: a time budget would make the
    # score depend on how busy the machine is. One learner at a time, for the same reason.
    "flaml": Model(
        "FLAML",
        "a search inside the fold, a dozen trials",
        'AutoML(task="classification", metric="roc_auc", estimator_list=[{"extra_tree"}],'
        ' max_iter={12}, time_budget=-1, eval_method="cv", n_splits=5, n_jobs=1, seed=42,'
        " verbose=0)",
        {"learner": ("lgbm", "rf", "extra_tree", "lrl1"), "max_iter": (6, 8, 10, 12, 15, 20)},
        member=False,
    ),
}

# For a number as target. They are written into a program and never read back: `foreign.py` moves
# any number that it sees.
REGRESSORS: dict[str, Model] = {
    "ridge": Model("Ridge", "a straight line with small weights", "Ridge(alpha=1.0)"),
    "elastic": Model(
        "ElasticNet",
        "a penalty that can drop columns",
        "ElasticNet(alpha=0.1, l1_ratio=0.5, max_iter=5000, random_state=42)",
    ),
    "huber": Model(
        "HuberRegressor",
        "a straight line that outliers pull less",
        "HuberRegressor(alpha=0.1, max_iter=1000)",
    ),
    "svr": Model(
        "SVR on a scaled target",
        "a smooth curved surface",
        "TransformedTargetRegressor(SVR(C=1.0, gamma=0.05), transformer=StandardScaler())",
    ),
    "kernel": Model(
        "kernel ridge regression",
        "distances to 100 rows as features, then a straight line",
        "make_pipeline(Nystroem(gamma=0.05, n_components=100, random_state=42), Ridge(alpha=0.1))",
    ),
    "neighbours": Model(
        "k nearest neighbours",
        "the mean of the rows most like this one",
        'KNeighborsRegressor(n_neighbors=10, weights="distance")',
    ),
    "forest": Model("RandomForest", MODELS["forest"].idea, f"RandomForestRegressor{_FOREST_LINE}"),
    "extra": Model("ExtraTrees", MODELS["extra"].idea, f"ExtraTreesRegressor{_FOREST_LINE}"),
    "boosting": Model(
        "HistGradientBoosting",
        MODELS["boosting"].idea,
        "HistGradientBoostingRegressor(learning_rate=0.05, max_iter=150, max_leaf_nodes=15,"
        " random_state=42)",
    ),
    "lightgbm": Model(
        "LightGBM",
        MODELS["lightgbm"].idea,
        "LGBMRegressor(n_estimators=120, learning_rate=0.05, num_leaves=15, min_child_samples=20,"
        " colsample_bytree=0.5, random_state=42, n_jobs=1, verbose=-1)",
    ),
}


def member(kind: str, **changes) -> Member:
    """A model at its starting values, or with some of them changed."""
    model = MODELS[kind]
    start = map(ast.literal_eval, _MOVABLE.findall(model.line))
    return (kind, tuple((dict(zip(model.grids, start, strict=True)) | changes).items()))


def read_members(text: str) -> tuple[tuple[Member, ...], bool]:
    """Find the known models in a normalised source, in order, and whether they are written as here.

    Where none is, those that are known by their class are taken at their starting values.
    """
    found: dict[int, Member] = {}  # by the place in the text
    for kind, model in MODELS.items():
        for match in model.pattern.finditer(text):
            try:
                values = [ast.literal_eval(group) for group in match.groups()]
            except (ValueError, SyntaxError):
                continue
            found[match.start()] = (kind, tuple(zip(model.grids, values, strict=True)))
    exact = bool(found)
    if not exact:
        for kind, model in MODELS.items():
            if model.mark in text:
                found.setdefault(text.index(model.mark), member(kind))
    return tuple(one for _, one in sorted(found.items())), exact
