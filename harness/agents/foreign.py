"""Edits to a `train.py` that somebody else wrote, as text, without knowing all of it.

Two kinds of edit need no recipe: move one number in a call, and keep the whole
model as one member of something larger. Everything else in the file stays as
its author left it, comments and all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from harness.agents import MAX_HYPOTHESIS
from harness.agents.models import MODELS, member

# Keywords that are no hyper-parameters: moving them is noise, or costs only time.
_FIXED = {"random_state", "seed", "n_jobs", "verbose", "max_iter", "cv", "n_splits", "tol",
          "time_budget", "axis", "cache_size"}  # fmt: skip
_PARTNERS = ("logistic", "extra", "lda", "forest", "svc", "gp", "bayes", "lightgbm")
# Keywords whose values must stay at or below one.
_SHARES = {"l1_ratio", "subsample", "colsample_bytree", "max_samples", "shrinkage", "test_size"}


def edits(source: str, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Yield (hypothesis, new source) without end, or nothing where no edit is possible."""
    tree = _parse(source)
    if tree is None:
        return
    numbers, wraps = _numbers(tree), list(_wraps(source, tree, rng))
    while numbers or wraps:
        if wraps and (not numbers or rng.random() < 0.4):
            hypothesis, text = wraps.pop()
        elif numbers:
            hypothesis, text = _number_step(source, numbers[rng.integers(len(numbers))], rng)
        yield hypothesis, with_hypothesis(text, hypothesis)


def with_hypothesis(source: str, hypothesis: str) -> str:
    """The same source with another HYPOTHESIS line; one is added after the imports if missing."""
    line = f"HYPOTHESIS = {' '.join(hypothesis.split())[:MAX_HYPOTHESIS]!r}"
    tree = _parse(source)
    if tree is None:
        return source
    lines = source.splitlines()
    for node in tree.body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(node, ast.Assign | ast.AnnAssign) and [
            getattr(t, "id", None) for t in targets
        ] == ["HYPOTHESIS"]:
            lines[node.lineno - 1 : node.end_lineno] = [line]
            return "\n".join(lines) + "\n"
    lines[_after_imports(tree) : _after_imports(tree)] = ["", line]
    return "\n".join(lines) + "\n"


def _numbers(tree: ast.Module) -> list[tuple[str, ast.keyword]]:
    """Numeric keywords of calls inside functions: the hyper-parameters one can see."""
    found = []
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            for keyword in call.keywords:
                value = getattr(keyword.value, "value", None)
                if (
                    type(value) in (int, float)
                    and value > 0
                    and keyword.arg
                    and keyword.arg not in _FIXED
                    and keyword.value.lineno == keyword.value.end_lineno
                ):
                    found.append((name, keyword))
    return found


def _number_step(source: str, place: tuple[str, ast.keyword], rng) -> tuple[str, str]:
    name, keyword = place
    now = keyword.value.value
    factor = np.exp(rng.normal(0, 0.6))
    if isinstance(now, int):
        new = max(1, round(now * factor))
        new = new if new != now else now + 1
    else:
        new = float(f"{now * factor:.2g}")
        if keyword.arg in _SHARES or keyword.arg == "max_features":
            new = min(new, 1.0)
    lines = source.splitlines()
    row = keyword.value.lineno - 1
    # Offsets count bytes, not characters: a comment before it may hold an accent.
    raw = lines[row].encode()
    raw = raw[: keyword.value.col_offset] + repr(new).encode() + raw[keyword.value.end_col_offset :]
    lines[row] = raw.decode()
    family = "regularise" if keyword.arg in ("C", "alpha") else "tune"
    return f"{family}: {name}, {keyword.arg} from {now} to {new}", "\n".join(lines) + "\n"


def _wraps(source: str, tree: ast.Module, rng) -> Iterator[tuple[str, str]]:
    """The present model, whole, as a member of an average or of a bag."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "build_pipeline" not in names or "build_previous" in names:
        return
    imports = [
        "from sklearn.impute import SimpleImputer",
        "from sklearn.pipeline import make_pipeline",
        "from sklearn.preprocessing import StandardScaler",
    ]
    for kind in rng.permutation(_PARTNERS):
        model = MODELS[str(kind)]
        body = [
            "    partner = make_pipeline(",
            '        SimpleImputer(strategy="median"),',
            "        StandardScaler(),",
            f"        {model.write(member(str(kind)))},",
            "    )",
            '    members = [("previous", build_previous()), ("partner", partner)]',
            '    return VotingClassifier(members, voting="soft")',
        ]
        needed = [f"from {module} import {n}" for module, n in model.imports]
        needed.append("from sklearn.ensemble import VotingClassifier")
        yield (
            f"ensemble: average the best so far with {model.title}, which errs elsewhere",
            _wrapped(source, tree, imports + needed, body),
        )
    body = [
        "    return BaggingClassifier(",
        "        build_previous(), n_estimators=10, max_samples=0.8, random_state=42",
        "    )",
    ]
    yield (
        "bagging: average 10 copies of the best so far, each fitted on 80% of rows",
        _wrapped(source, tree, ["from sklearn.ensemble import BaggingClassifier"], body),
    )


def _wrapped(source: str, tree: ast.Module, imports: list[str], body: list[str]) -> str:
    """Rename build_pipeline to build_previous and write a new build_pipeline below it."""
    lines = source.splitlines()
    node = next(n for n in tree.body if getattr(n, "name", "") == "build_pipeline")
    lines[node.end_lineno : node.end_lineno] = [
        "",
        "",
        "def build_pipeline():",
        '    """Return a fresh estimator around the best one so far."""',
        *body,
    ]
    lines[node.lineno - 1] = lines[node.lineno - 1].replace("build_pipeline", "build_previous", 1)
    have = set(lines)
    at = _after_imports(tree)
    lines[at:at] = [line for line in sorted(set(imports)) if line not in have]
    return "\n".join(lines) + "\n"


def _after_imports(tree: ast.Module) -> int:
    """Line number after the last import at the top of the file, or after the docstring."""
    at = 0
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or (at == 0 and is_text):
            at = node.end_lineno
        elif not is_text:
            break
    return at


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
