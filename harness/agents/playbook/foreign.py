"""Edits to a `train.py` that no recipe describes: somebody else's, or one for a task of one's own.

They change one expression in place: the model at the end of the pipeline for another, or for an
average with another; a step of the preparation; one number. Everything else stays as its author
left it, comments and all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np

from harness.agents.playbook import surgery
from harness.agents.playbook.models import MODELS, REGRESSORS, Model, imports_of
from harness.agents.playbook.moves import MAX_MEMBERS, WORDS, Attempt
from harness.agents.playbook.surgery import parse_or_none, text_of
from harness.candidate import normalise
from harness.files import catalogue

_TOLD = catalogue(__file__)
_MANY_ROWS = 2000
_normal_form = lru_cache(maxsize=4096)(normalise)  # the same edits come up again and again
_NOW = "{now}"  # in what is written: where the text that stood there goes


class Edit(Attempt):
    """One edit of a program, made from its hypothesis."""

    @cached_property
    def source(self) -> str:
        """The program after it, made when asked for; empty if it would not be Python."""
        return self.how(self.hypothesis)

    @cached_property
    def key(self) -> str:
        """What `normalise` makes of its source: the mark by which repeats are known."""
        return _normal_form(self.source)


def edits(source: str, kind: str, n_rows: int, rng: np.random.Generator) -> list[Edit]:
    """Every single edit of a program, none where nothing can be changed; two draws of every number.

    Parameters
    ----------
    kind : {"binary", "multiclass", "regression"}
    n_rows : int
        Rows of the table, 0 if unknown: slow models are left out where there are many.
    """
    tree = parse_or_none(source)
    if tree is None:
        return []

    def edit(
        family: str, text: str, node: ast.expr, new: str, weight: float = 1.0, now: str = ""
    ) -> Edit:
        """Write `new` instead of a node; what stands there now, or `now`, goes where `new` says."""
        needs = imports_of(new)
        if kind != "regression":  # a classifier's edits take this one for granted
            needs.discard(("sklearn.pipeline", "make_pipeline"))

        def make(hypothesis: str) -> str:
            after = surgery.replaced(source, node, new.replace(_NOW, now or text_of(source, node)))
            if parse_or_none(after):
                after = surgery.without_unused(surgery.with_imports(after, needs), source)
            return surgery.with_hypothesis(after, hypothesis) if parse_or_none(after) else ""

        return Edit(family, text, make, weight)

    model = _last_step(tree)
    rows = [*_model_edits(source, model, kind, n_rows)] if model else []
    rows += [*_preparation_edits(source, tree, model), *_number_edits(tree, rng)]
    return [edit(*row) for row in rows]


def models_for(kind: str, n_rows: int) -> dict[str, Model]:
    """The models that can be put at the end of a pipeline."""
    known = REGRESSORS if kind == "regression" else MODELS
    slow = _TOLD["slow"] if n_rows > _MANY_ROWS else ()
    return {name: one for name, one in known.items() if one.member and name not in slow}


# What follows yields the arguments of `edit`, above.
def _model_edits(source: str, model: ast.Call, kind: str, n_rows: int) -> Iterator[tuple]:
    """Another model, an average with another, a smaller average, something around the model."""
    now, name = text_of(source, model), _name(model)
    suffix = "Regressor" if kind == "regression" else "Classifier"
    soft = "" if kind == "regression" else ', voting="soft"'
    members = _members(model) if name in ("VotingClassifier", "VotingRegressor") else []
    inside = {m for m, _ in members}
    for key, other in models_for(kind, n_rows).items():
        text, weight = other.write(), _TOLD["soon"].get(key, 1.0)
        if text.split("(")[0] not in now:
            yield "model", f"{other.title} instead: {other.idea}", model, text, weight
        if key in inside or other.mark in now or len(members) >= MAX_MEMBERS:
            continue
        words = f"average in {other.title}, which errs elsewhere"
        if members:
            yield "ensemble", words, members[-1][1], f'{_NOW}, ("{key}", {text})', weight
        else:
            both = f'Voting{suffix}([("previous", {_NOW}), ("{key}", {text})]{soft})'
            yield "ensemble", words, model, both, weight
    for key, one in members:
        words = f"the average without {key}" if len(members) > 2 else f"only what is not {key}"
        rest = [text_of(source, m) for k, m in members if k != key]
        alone = surgery.split_arguments(rest[0][1:-1])[1] if len(rest) == 1 else ""
        if alone:
            yield "simplify", words, model, _NOW, 0.5, alone
        elif one is members[-1][1]:
            yield "simplify", words, model.args[0], _NOW, 0.5, f"[{', '.join(rest)}]"
    if name in ("BaggingClassifier", "BaggingRegressor") and model.args:
        plain = surgery.double_quoted(ast.unparse(model.args[0]))
        yield "simplify", "the model alone, without the bag around it", model, _NOW, 0.5, plain
    for family, words, new, unless in _TOLD["wraps"][suffix]:
        if not re.search(unless, now):
            yield family, words, model, new, 2.0 if family == "scale" else 1.0


def _preparation_edits(source: str, tree: ast.Module, model: ast.Call | None) -> Iterator[tuple]:
    """Other steps before the model, or other options of one."""
    within = set(ast.walk(model)) if model else set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or call in within:
            continue
        name = _name(call)
        fills = [getattr(k.value, "value", None) for k in call.keywords if k.arg == "strategy"]
        of_words = "most_frequent" in fills or "constant" in fills  # no place for numbers
        for family, new, words in () if of_words else _TOLD["preparations"].get(name, ()):
            if new != text_of(source, call):
                yield family, words.format(**WORDS), call, new
        if name == "TfidfVectorizer":
            given = {keyword.arg for keyword in call.keywords}
            for key, (value, words) in _TOLD["text_options"].items():
                if key not in given:
                    inner = text_of(source, call)[:-1]
                    yield "features", words, call, f"{_NOW}, {key}={value})", 1.0, inner
        if name == "make_pipeline" and "SplineTransformer(" not in source:
            words = "bends at 4 knots on every number, so that effects need not be straight"
            for step in call.args:
                if _name(step) == "StandardScaler":
                    yield "curves", words, step, _TOLD["bend"], 1.0, "StandardScaler()"


def _last_step(tree: ast.Module) -> ast.Call | None:
    """The expression that makes the model: the last step of what `build_pipeline` returns."""
    build = [n for n in tree.body if getattr(n, "name", "") == "build_pipeline"]
    if not build or not isinstance(build[-1], ast.FunctionDef):
        return None
    inside = list(ast.walk(build[-1]))
    values = {
        node.targets[0].id: node.value
        for node in inside
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    returns = [n.value for n in inside if isinstance(n, ast.Return) and n.value]
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


def _members(model: ast.Call) -> list[tuple[str, ast.expr]]:
    """Name and (name, estimator) pair of each member of an average, if they stand in a list."""
    pairs = model.args[0].elts if model.args and isinstance(model.args[0], ast.List) else []
    if not all(isinstance(p, ast.Tuple) and len(p.elts) == 2 for p in pairs):
        return []
    return [(str(getattr(p.elts[0], "value", "")), p) for p in pairs]


def _number_edits(tree: ast.Module, rng: np.random.Generator) -> Iterator[tuple]:
    """Two draws of each numeric keyword inside a function, most often within a factor of two."""
    seen = [
        (call, keyword)
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg not in (*_TOLD["fixed"], None)
        and type(getattr(keyword.value, "value", None)) in (int, float)
        and keyword.value.value > 0
    ]
    for call, keyword in seen * 2:
        name, now = keyword.arg, keyword.value.value
        new = now * np.exp(rng.normal(0, 0.6))
        if isinstance(now, int):
            new = max(1, round(new))
            new += new == now
        else:
            new = min(float(f"{new:.2g}"), 1.0 if name in _TOLD["shares"] else np.inf)
        family = "regularise" if name in ("C", "alpha") else "tune"
        words = f"{_name(call)}, {name} from {now} to {new}"
        yield family, words, keyword.value, repr(new), 0.5
