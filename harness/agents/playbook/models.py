"""The models that the offline agents know: how each is written, and which numbers can be moved.

A model is a line of source with blanks: `LogisticRegression(C={C}, ...)`. The
same line writes a model into a `train.py` and, turned into a pattern, finds it
there again. The starting values suit a few hundred rows: many rows per leaf,
strong penalties, few rounds.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property

Member = tuple[str, tuple[tuple[str, object], ...]]  # kind, its parameters in order

BLANK = "BLANK_{}_"
LITERAL = r"(-?[\w.\-+]+|'[^']*')"


@dataclass(frozen=True)
class Model:
    """One kind of model.

    Attributes
    ----------
    title : str
        How a hypothesis calls it.
    idea : str
        Why one would try it, in a few words.
    line : str
        Its source, parameters in braces.
    imports : tuple of (module, name)
    start : dict
        Parameter values to start from.
    grids : dict
        Values a hyper-parameter may take, in order; a step goes to a value near by.
    seconds : float
        Rough time of one fit on HEART, to keep ensembles quick.
    """

    title: str
    idea: str
    line: str
    imports: tuple[tuple[str, str], ...]
    start: dict
    grids: dict = field(default_factory=dict)
    member: bool = True  # may join an ensemble
    positive: tuple[str, ...] = ()  # numbers that may be refined between grid values

    def write(self, one: Member) -> str:
        """Source of this model with the given parameters."""
        values = {k: f'"{v}"' if isinstance(v, str) else repr(v) for k, v in one[1]}
        return self.line.format(**values)

    @cached_property
    def pattern(self) -> re.Pattern:
        """What `normalise` makes of this model's source, blanks captured."""
        blanks = self.line.format(**{k: BLANK.format(k) for k in self.start})
        text = re.escape(ast.unparse(ast.parse(blanks)))
        for key in self.start:
            text = text.replace(re.escape(BLANK.format(key)), LITERAL)
        return re.compile(text)

    @cached_property
    def order(self) -> list[str]:
        """Parameter names in the order in which the source has them."""
        return re.findall(r"\{(\w+)\}", self.line)


def _near(low: float, high: float) -> tuple[float, ...]:
    """1, 2, 3 and 5 times each power of ten between two bounds."""
    steps = [float(f"{m}e{e}") for e in range(-6, 5) for m in (1, 2, 3, 5)]
    return tuple(s for s in steps if low <= s <= high)


FOREST = {
    "start": {"n_estimators": 100, "min_samples_leaf": 5, "max_features": 0.3},
    "grids": {
        "n_estimators": (60, 100, 150, 200, 300),
        "min_samples_leaf": (1, 2, 3, 5, 7, 10, 15),
        "max_features": (0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    },
    "positive": ("max_features",),
}

MODELS: dict[str, Model] = {
    "logistic": Model(
        "LogisticRegression",
        "a straight line in log-odds, hard to fool",
        "LogisticRegression(C={C}, max_iter=500, random_state=42)",
        (("sklearn.linear_model", "LogisticRegression"),),
        {"C": 1.0},
        {"C": _near(0.01, 10)},
        positive=("C",),
    ),
    "elastic": Model(
        "elastic-net LogisticRegression",
        "a penalty that can drop columns",
        'LogisticRegression(C={C}, l1_ratio={l1_ratio}, solver="saga", max_iter=5000,'
        " random_state=42)",
        (("sklearn.linear_model", "LogisticRegression"),),
        {"C": 0.3, "l1_ratio": 0.5},
        {"C": _near(0.03, 3), "l1_ratio": (0.1, 0.3, 0.5, 0.7, 0.9)},
        positive=("C",),
    ),
    "lda": Model(
        "shrunken LinearDiscriminantAnalysis",
        "one covariance for both groups, pulled towards simple",
        'LinearDiscriminantAnalysis(solver="lsqr", shrinkage={shrinkage})',
        (("sklearn.discriminant_analysis", "LinearDiscriminantAnalysis"),),
        {"shrinkage": "auto"},
        {"shrinkage": ("auto", 0.1, 0.3, 0.5)},
    ),
    "svc": Model(
        "SVC with a wide kernel",
        "a smooth curved border; calibration gives it probabilities",
        "CalibratedClassifierCV(SVC(C={C}, gamma={gamma}), ensemble=False)",
        (("sklearn.svm", "SVC"), ("sklearn.calibration", "CalibratedClassifierCV")),
        {"C": 0.3, "gamma": 0.02},
        {"C": _near(0.03, 5), "gamma": _near(0.002, 0.2)},
        positive=("C", "gamma"),
    ),
    "kernel": Model(
        "kernel logistic regression",
        "distances to 100 patients as features, then a straight line",
        "make_pipeline(Nystroem(gamma={gamma}, n_components=100, random_state=42),"
        " LogisticRegression(C={C}, max_iter=500))",
        (
            ("sklearn.kernel_approximation", "Nystroem"),
            ("sklearn.linear_model", "LogisticRegression"),
        ),
        {"gamma": 0.02, "C": 1.0},
        {"gamma": _near(0.002, 0.2), "C": _near(0.05, 20)},
        positive=("gamma", "C"),
    ),
    "gp": Model(
        "GaussianProcessClassifier",
        "similar patients, similar risk",
        "GaussianProcessClassifier({scale} * RBF({length}), optimizer=None, random_state=42)",
        (
            ("sklearn.gaussian_process", "GaussianProcessClassifier"),
            ("sklearn.gaussian_process.kernels", "RBF"),
        ),
        {"scale": 2.0, "length": 8.0},
        {"scale": (0.5, 1.0, 2.0, 4.0, 8.0), "length": (3.0, 5.0, 8.0, 12.0, 20.0)},
        positive=("scale", "length"),
    ),
    "bayes": Model(
        "naive Bayes with smoothed variances",
        "every column votes by itself",
        "GaussianNB(var_smoothing={var_smoothing})",
        (("sklearn.naive_bayes", "GaussianNB"),),
        {"var_smoothing": 0.1},
        {"var_smoothing": (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0)},
        positive=("var_smoothing",),
    ),
    "neighbours": Model(
        "k nearest neighbours",
        "what happened to patients like this one",
        "KNeighborsClassifier(n_neighbors={n_neighbors}, weights={weights})",
        (("sklearn.neighbors", "KNeighborsClassifier"),),
        {"n_neighbors": 30, "weights": "distance"},
        {"n_neighbors": (10, 15, 20, 30, 40, 50, 60), "weights": ("uniform", "distance")},
    ),
    "forest": Model(
        "RandomForest with large leaves",
        "many trees on resampled rows, averaged",
        "RandomForestClassifier(n_estimators={n_estimators}, min_samples_leaf={min_samples_leaf},"
        " max_features={max_features}, random_state=42)",
        (("sklearn.ensemble", "RandomForestClassifier"),),
        **FOREST,
    ),
    "extra": Model(
        "ExtraTrees with large leaves",
        "trees with random cuts, averaged: smoother than a forest",
        "ExtraTreesClassifier(n_estimators={n_estimators}, min_samples_leaf={min_samples_leaf},"
        " max_features={max_features}, random_state=42)",
        (("sklearn.ensemble", "ExtraTreesClassifier"),),
        **FOREST,
    ),
    "boosting": Model(
        "HistGradientBoosting with small trees",
        "each tree mends what the last ones missed",
        "HistGradientBoostingClassifier(learning_rate={learning_rate}, max_iter={max_iter},"
        " max_leaf_nodes={max_leaf_nodes}, min_samples_leaf=20, l2_regularization={l2},"
        " random_state=42)",
        (("sklearn.ensemble", "HistGradientBoostingClassifier"),),
        {"learning_rate": 0.05, "max_iter": 80, "max_leaf_nodes": 4, "l2": 5.0},
        {
            "learning_rate": (0.02, 0.03, 0.05, 0.08, 0.1),
            "max_iter": (40, 60, 80, 120, 160),
            "max_leaf_nodes": (3, 4, 6, 8, 15),
            "l2": (0.0, 1.0, 5.0, 10.0, 20.0),
        },
        positive=("learning_rate", "l2"),
    ),
    "lightgbm": Model(
        "LightGBM with small trees",
        "boosting on random halves of the columns",
        "LGBMClassifier(n_estimators={n_estimators}, learning_rate={learning_rate},"
        " num_leaves={num_leaves}, min_child_samples={min_child_samples}, reg_lambda={reg_lambda},"
        " colsample_bytree={colsample_bytree}, random_state=42, n_jobs=1, verbose=-1)",
        (("lightgbm", "LGBMClassifier"),),
        {
            "n_estimators": 80,
            "learning_rate": 0.05,
            "num_leaves": 4,
            "min_child_samples": 15,
            "reg_lambda": 5.0,
            "colsample_bytree": 0.5,
        },
        {
            "n_estimators": (40, 60, 80, 120, 160, 240),
            "learning_rate": (0.02, 0.03, 0.05, 0.08, 0.1),
            "num_leaves": (3, 4, 6, 8, 15, 31),
            "min_child_samples": (5, 10, 15, 20, 30),
            "reg_lambda": (0.0, 1.0, 5.0, 10.0, 20.0),
            "colsample_bytree": (0.3, 0.5, 0.7, 1.0),
        },
        positive=("learning_rate", "reg_lambda"),
    ),
    "mlp": Model(
        "a small neural network",
        "eight hidden units under a strong penalty",
        'MLPClassifier(hidden_layer_sizes={size}, alpha={alpha}, solver="lbfgs", max_iter=2000,'
        " random_state=42)",
        (("sklearn.neural_network", "MLPClassifier"),),
        {"size": 8, "alpha": 10.0},
        {"size": (4, 8, 16), "alpha": (1.0, 3.0, 10.0, 20.0, 30.0)},
        positive=("alpha",),
    ),
    # FLAML gets a number of trials, not of seconds: a time budget would make the
    # score depend on how busy the machine is. One learner at a time, for the same reason.
    "flaml": Model(
        "FLAML",
        "a search inside the fold, a dozen trials",
        'AutoML(task="classification", metric="roc_auc", estimator_list=[{learner}],'
        ' max_iter={max_iter}, time_budget=-1, eval_method="cv", n_splits=5, n_jobs=1, seed=42,'
        " verbose=0)",
        (("flaml", "AutoML"),),
        {"learner": "extra_tree", "max_iter": 12},
        {"learner": ("lgbm", "rf", "extra_tree", "lrl1"), "max_iter": (6, 8, 10, 12, 15, 20)},
        member=False,
    ),
}


def member(kind: str, **changes) -> Member:
    """A model at its starting values, or with some of them changed."""
    model = MODELS[kind]
    values = model.start | changes
    return (kind, tuple((key, values[key]) for key in model.order))


def step(one: Member, name: str, value) -> Member:
    """The same model with one parameter at another value."""
    kind, params = one
    return (kind, tuple((k, value if k == name else v) for k, v in params))


def read_members(text: str) -> tuple[tuple[Member, ...], list[tuple[int, int]]]:
    """Find the known models in a normalised source, in order.

    Returns
    -------
    members : tuple of Member
        A model whose parameters are not recognised is taken at its starting values.
    spans : list of (int, int)
        Where the models written exactly as here were found; empty if none was.
    """
    found: list[tuple[int, int, Member]] = []
    # Long lines first: kernel logistic regression contains a logistic regression.
    for kind, model in sorted(MODELS.items(), key=lambda item: -len(item[1].line)):
        for match in model.pattern.finditer(text):
            if any(a < match.end() and match.start() < b for a, b, _ in found):
                continue
            try:
                values = [ast.literal_eval(group) for group in match.groups()]
            except (ValueError, SyntaxError):
                continue
            params = tuple(zip(model.order, values, strict=True))
            found.append((match.start(), match.end(), (kind, params)))
    found.sort()
    if found:
        return tuple(one for _, _, one in found), [(a, b) for a, b, _ in found]
    near = []
    for kind, model in MODELS.items():
        place = text.find(model.imports[0][1] + "(")
        if place >= 0 and place not in [p for p, _ in near]:
            near.append((place, member(kind)))
    return tuple(one for _, one in sorted(near, key=lambda item: item[0])), []
