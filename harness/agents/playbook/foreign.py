"""Edits to a `train.py` that no recipe describes: somebody else's, or one for a task of one's own.

They change one expression in place: the model at the end of the pipeline for another, or for an
average with another; a step of the preparation; one number. Everything else stays as its author
left it, comments and all.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.agents.playbook.models import MODELS, Model
from harness.agents.playbook.regressors import REGRESSORS
from harness.agents.playbook.surgery import (
    double_quoted,
    parse_or_none,
    replaced,
    split_arguments,
    text_of,
    with_hypothesis,
    with_imports,
    without_unused,
)

# Keywords that are no hyper-parameters: moving them is noise, or costs only time.
_FIXED = {"random_state", "seed", "n_jobs", "verbose", "max_iter", "cv", "n_splits", "tol",
          "time_budget", "axis", "cache_size"}  # fmt: skip
# Keywords whose values must stay at or below one.
_SHARES = {"l1_ratio", "subsample", "colsample_bytree", "max_samples", "shrinkage", "test_size"}
MAX_MEMBERS = 4
# Models whose time grows with the square of the rows, or faster.
_SLOW = {"gp", "svc", "svr", "neighbours", "mlp"}
_MANY_ROWS = 2000
_FIRST = {"lightgbm": 2.0, "boosting": 2.0, "extra": 2.0, "forest": 1.5}
_AVERAGES = ("VotingClassifier", "VotingRegressor")
_BAGS = ("BaggingClassifier", "BaggingRegressor")


@dataclass(frozen=True)
class Edit:
    """One edit: its family and words, its weight in the family, and how it is made."""

    family: str
    text: str
    weight: float
    make: Callable[[], str]

    @property
    def hypothesis(self) -> str:
        return f"{self.family}: {self.text}"

    @cached_property
    def source(self) -> str:
        """The program after it, made when asked for; empty if it would not be Python."""
        after = self.make()
        return with_hypothesis(after, self.hypothesis) if parse_or_none(after) else ""


def edits(source: str, kind: str, n_rows: int, rng: np.random.Generator) -> list[Edit]:
    """Every single edit of a program, its HYPOTHESIS line set; two draws of every number.

    Parameters
    ----------
    source : str
    kind : {"binary", "multiclass", "regression"}
    n_rows : int
        Rows of the table, 0 if unknown: slow models are left out where there are many.
    rng : Generator

    Returns
    -------
    list of Edit
        Empty where nothing in the program can be changed.
    """
    tree = parse_or_none(source)
    if tree is None:
        return []

    def made(node: ast.expr, new: str, needs: set) -> Callable[[], str]:
        def make() -> str:
            after = replaced(source, node, new)
            if parse_or_none(after) is None:
                return after
            return without_unused(with_imports(after, needs), source)

        return make

    found = [*_model_edits(source, tree, kind, n_rows), *_preparation_edits(source, tree)]
    done = [
        Edit(family, text, weight, made(node, new, needs))
        for family, text, node, new, needs, weight in found
    ]
    for name, keyword in _numbers(tree) * 2:
        new = _number_near(keyword, rng)
        family = "regularise" if keyword.arg in ("C", "alpha") else "tune"
        text = f"{name}, {keyword.arg} from {keyword.value.value} to {new}"
        done.append(Edit(family, text, 0.5, made(keyword.value, repr(new), set())))
    return done


def models_for(kind: str, n_rows: int) -> dict[str, Model]:
    """The models that can be put at the end of a pipeline."""
    known = REGRESSORS if kind == "regression" else MODELS
    return {
        name: model
        for name, model in known.items()
        if model.member and not (n_rows > _MANY_ROWS and name in _SLOW)
    }


def _model_edits(source: str, tree: ast.Module, kind: str, n_rows: int) -> Iterator[tuple]:
    """Yield (family, text, node, new text, imports, weight) for the model at the end."""
    model = _last_step(tree)
    if model is None:
        return
    now, name = text_of(source, model), _name(model)
    suffix = "Regressor" if kind == "regression" else "Classifier"
    members = _members(model) if name in _AVERAGES else []
    inside = {m for m, _ in members}
    for key, other in models_for(kind, n_rows).items():
        text = double_quoted(other.write((key, tuple(other.start.items()))))
        weight, needs = _FIRST.get(key, 1.0), {*other.imports}
        if text.split("(")[0] not in now:
            yield "model", f"{other.title} instead: {other.idea}", model, text, needs, weight
        if key in inside or other.imports[0][1] + "(" in now or len(members) >= MAX_MEMBERS:
            continue
        words = f"average in {other.title}, which errs elsewhere"
        if members:
            last = members[-1][1]
            more = f'{text_of(source, last)}, ("{key}", {text})'
            yield "ensemble", words, last, more, needs, weight
        else:
            soft = "" if kind == "regression" else ', voting="soft"'
            both = f'Voting{suffix}([("previous", {now}), ("{key}", {text})]{soft})'
            needs |= {("sklearn.ensemble", f"Voting{suffix}")}
            yield "ensemble", words, model, both, needs, weight
    for key, one in members:
        words = f"the average without {key}" if len(members) > 2 else f"only what is not {key}"
        rest = [text_of(source, m) for k, m in members if k != key]
        alone = split_arguments(rest[0][1:-1])[1] if len(rest) == 1 else ""
        if alone:
            yield "simplify", words, model, alone, set(), 0.5
        elif one is members[-1][1]:
            yield "simplify", words, _list_of(model), f"[{', '.join(rest)}]", set(), 0.5
    yield from _wrap_edits(model, now, kind, suffix)


def _wrap_edits(model: ast.expr, now: str, kind: str, suffix: str) -> Iterator[tuple]:
    name, inner = _name(model), getattr(model, "args", [])
    if name in _BAGS:
        if inner:
            plain = double_quoted(ast.unparse(inner[0]))
            yield "simplify", "the model alone, without the bag around it", model, plain, set(), 0.5
    else:
        for words, how in (
            ("10 copies, each fitted on 80% of rows", "max_samples=0.8"),
            ("10 copies, each fitted on half of the columns", "max_features=0.5"),
        ):
            bag = f"Bagging{suffix}({now}, n_estimators=10, {how}, random_state=42)"
            needs = {("sklearn.ensemble", f"Bagging{suffix}")}
            yield "bagging", f"average {words}", model, bag, needs, 1.0
    if kind != "regression" and name != "CalibratedClassifierCV":
        needs = {("sklearn.calibration", "CalibratedClassifierCV")}
        new = f'CalibratedClassifierCV({now}, method="sigmoid", cv=5)'
        yield "calibrate", "sigmoid calibration by 5-fold cross-fitting", model, new, needs, 1.0
    if kind == "regression" and "TransformedTargetRegressor" not in now:
        needs = {("sklearn.compose", "TransformedTargetRegressor")}
        needs |= {("sklearn.preprocessing", "PowerTransformer")}
        new = f"TransformedTargetRegressor({now}, transformer=PowerTransformer())"
        words = "learn a target made symmetric (Yeo-Johnson), answer on the old scale"
        yield "scale", words, model, new, needs, 2.0


_SKLEARN = "sklearn.preprocessing"
# Which call, what stands there instead, family, why.
_PREPARATIONS = (
    ("StandardScaler", "RobustScaler()", "scale",
     "scale by median and quartiles, so that outliers weigh less"),
    ("StandardScaler", "PowerTransformer()", "scale",
     "make skewed columns look normal (Yeo-Johnson) before scaling"),
    ("StandardScaler",
     'QuantileTransformer(n_quantiles=50, output_distribution="normal", random_state=42)', "scale",
     "replace values by normal scores of their ranks"),
    ("RobustScaler", "StandardScaler()", "scale", "plain standard scaling again"),
    ("PowerTransformer", "StandardScaler()", "scale", "plain standard scaling again"),
    ("QuantileTransformer", "StandardScaler()", "scale", "plain standard scaling again"),
    ("SimpleImputer", "KNNImputer(n_neighbors=10)", "missing",
     "fill gaps from the 10 most similar rows"),
    ("SimpleImputer", 'SimpleImputer(strategy="median", add_indicator=True)', "missing",
     "tell the model which numbers were missing"),
    ("KNNImputer", 'SimpleImputer(strategy="median")', "missing", "median imputation again"),
    ("OneHotEncoder", "TargetEncoder(random_state=42)", "encode",
     "a category becomes the mean target of its rows (cross-fitted)"),
    ("TargetEncoder", 'OneHotEncoder(handle_unknown="ignore", sparse_output=False)', "encode",
     "one column per category again"),
)  # fmt: skip
_BEND = 'SplineTransformer(n_knots=4, degree=2, extrapolation="constant")'
_TEXT_OPTIONS = {
    "sublinear_tf": ("True", "a word said ten times counts little more than one said twice"),
    "ngram_range": ("(1, 2)", "pairs of words beside single words"),
    "stop_words": ('"english"', "leave out words that every English text has"),
}
_MODULES = {"SimpleImputer": "sklearn.impute", "KNNImputer": "sklearn.impute"}


def _preparation_edits(source: str, tree: ast.Module) -> Iterator[tuple]:
    """Yield (family, text, node, new text, imports, weight) for steps before the model."""
    model = _last_step(tree)
    within = set(ast.walk(model)) if model is not None else set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or call in within:
            continue
        name = _name(call)
        for old, new, family, words in _PREPARATIONS:
            made = new.split("(")[0]
            if name == old and new != text_of(source, call) and not _of_words(call):
                needs = {(_MODULES.get(made, _SKLEARN), made)}
                yield family, words, call, new, needs, 1.0
        if name == "TfidfVectorizer":
            for key, (value, words) in _TEXT_OPTIONS.items():
                if key not in {k.arg for k in call.keywords}:
                    new = f"{text_of(source, call)[:-1]}, {key}={value})"
                    yield "features", words, call, new, set(), 1.0
        if name == "make_pipeline" and "SplineTransformer(" not in source:
            for step in call.args:
                if _name(step) == "StandardScaler":
                    words = "bends at 4 knots on every number, so that effects need not be straight"
                    needs = {(_SKLEARN, "SplineTransformer")}
                    yield "curves", words, step, f"{_BEND}, StandardScaler()", needs, 1.0


def _of_words(imputer: ast.Call) -> bool:
    """Whether a step fills gaps between words: what is for numbers does not fit there."""
    values = [getattr(k.value, "value", None) for k in imputer.keywords if k.arg == "strategy"]
    return bool(set(values) & {"most_frequent", "constant"})


def _last_step(tree: ast.Module) -> ast.expr | None:
    """The expression that makes the model: the last step of what `build_pipeline` returns."""
    build = [n for n in tree.body if getattr(n, "name", "") == "build_pipeline"]
    if not build or not isinstance(build[-1], ast.FunctionDef):
        return None
    values = {
        node.targets[0].id: node.value
        for node in ast.walk(build[-1])
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    returns = [n.value for n in ast.walk(build[-1]) if isinstance(n, ast.Return) and n.value]
    here = returns[-1] if returns else None
    for _ in range(20):  # names may refer to names
        if isinstance(here, ast.Name):
            here = values.get(here.id)
        elif _name(here) == "make_pipeline" and here.args:
            here = here.args[-1]
        elif _name(here) == "Pipeline" and (here.args or here.keywords):
            steps = here.args[0] if here.args else here.keywords[0].value
            last = steps.elts[-1] if isinstance(steps, ast.List) and steps.elts else None
            here = last.elts[-1] if isinstance(last, ast.Tuple) and last.elts else None
        else:
            break
    return here if isinstance(here, ast.Call) else None


def _name(node) -> str:
    """The name that a call calls, or nothing."""
    function = getattr(node, "func", None)
    return getattr(function, "id", getattr(function, "attr", ""))


def _list_of(model: ast.Call) -> ast.expr | None:
    first = model.args[0] if model.args else None
    return first if isinstance(first, ast.List) else None


def _members(model: ast.Call) -> list[tuple[str, ast.expr]]:
    """Name and (name, estimator) pair of each member of an average, if they stand in a list."""
    pairs = getattr(_list_of(model), "elts", [])
    good = [p for p in pairs if isinstance(p, ast.Tuple) and len(p.elts) == 2]
    return [(str(getattr(p.elts[0], "value", "")), p) for p in good if len(good) == len(pairs)]


def _numbers(tree: ast.Module) -> list[tuple[str, ast.keyword]]:
    """Numeric keywords of calls inside functions: the hyper-parameters one can see."""
    found = []
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if not isinstance(call, ast.Call):
                continue
            for keyword in call.keywords:
                value = getattr(keyword.value, "value", None)
                if (
                    type(value) in (int, float)
                    and value > 0
                    and keyword.arg
                    and keyword.arg not in _FIXED
                ):
                    found.append((_name(call), keyword))
    return found


def _number_near(keyword: ast.keyword, rng: np.random.Generator) -> float:
    """Draw another value, most often within a factor of two."""
    now = keyword.value.value
    factor = np.exp(rng.normal(0, 0.6))
    if isinstance(now, int):
        new = max(1, round(now * factor))
        new = new if new != now else now + 1
    else:
        new = float(f"{now * factor:.2g}")
        if keyword.arg in _SHARES or keyword.arg == "max_features":
            new = min(new, 1.0)
    return new
