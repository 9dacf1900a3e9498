"""A `train.py` as a short list of choices: write one out as source, read one back.

The offline agents think in recipes ("one-hot codes, splines, two models averaged") and hand over
source. `render` writes a recipe the way a person would, always in the same order, so that one
changed choice is a small diff. `parse` reads the choices back from the text alone: an agent rebuilt
after a crash needs no memory of its own. Reading is checked by writing: a source is *recognised*
only if rendering what was read gives the same program again.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from textwrap import wrap

import jinja2

from harness.agents.playbook.models import MODELS, Member, imports_of, member, read_members
from harness.agents.playbook.profiles import Profile
from harness.agents.playbook.surgery import explode
from harness.candidate import LINE, MAX_HYPOTHESIS, hypothesis_of, import_lines, normalise
from harness.files import catalogue


@dataclass(frozen=True)
class Recipe:
    """The choices that make up one `train.py`; the defaults are the baseline."""

    features: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()  # one-hot columns; ("*",) means "whatever is not a number"
    rare: int = 0  # pool codes seen fewer times than this
    knots: int = 0  # 0: no splines
    degree: int = 3
    scale: str = "standard"
    impute: str = "median"
    flags: bool = False  # say which numbers were missing
    interactions: bool = False
    members: tuple[Member, ...] = (member("logistic"),)
    combine: str = "vote"  # how several members make one: vote, rank, stack
    weights: tuple[int, ...] = ()
    wrap: tuple = ()  # ("bagging", n, samples, features) or ("calibrated", method)

    @property
    def closed(self) -> bool:
        """Whether nothing goes around the model: bagging bagged trees again only costs time."""
        kinds = [kind for kind, _ in self.members]
        return not MODELS[kinds[0]].member or kinds == ["forest"]


_TOLD = catalogue(__file__)
_PAGE = jinja2.Template(_TOLD["page"], trim_blocks=True, undefined=jinja2.StrictUndefined)
_BAG = r"BaggingClassifier\(model, n_estimators=(\d+), max_samples=([\d.]+), max_features=([\d.]+)"


def render(recipe: Recipe, hypothesis: str, profile: Profile) -> str:
    """Write a recipe out as the text of a `train.py`; the hypothesis is cut to what C1 allows."""
    kinds = [kind for kind, _ in recipe.members]
    same = [kinds[:i].count(kind) for i, kind in enumerate(kinds)]  # a second of a kind: a number
    names = [f"{kind}-{n + 1}" if n else kind for kind, n in zip(kinds, same, strict=True)]
    written = [MODELS[kind].write(params) for kind, params in recipe.members]
    columns = {"CODES": recipe.codes, "CURVED": profile.curved if recipe.knots else ()}
    told = _TOLD | {"r": recipe, "p": profile, "columns": columns}
    page = _PAGE.render(told, members=list(zip(names, written, strict=True)))
    code = "\n".join(_broken(line) for line in page.splitlines())
    imports = ["import numpy as np"] if "np." in code else []
    needs = imports_of(code)
    for module in sorted({m for m, _ in needs}):
        imports += import_lines(module, [n for m, n in needs if m == module])
    line = _hypothesis(" ".join(hypothesis.split())[:MAX_HYPOTHESIS])
    return "\n".join([_TOLD["docstring"], "", *imports, "", line, code, ""])


def _broken(line: str) -> str:
    """A line as it is, or broken at its commas where it would be too long."""
    text = line.lstrip(" ")
    comma = "," if text.endswith(",") else ""
    return explode(text.removesuffix(","), len(line) - len(text)) + comma


@lru_cache(maxsize=256)
def parse(source: str, profile: Profile) -> tuple[Recipe, bool]:
    """Read the choices back: the nearest recipe, True if it accounts for the whole program."""
    text = normalise(source)
    flat = "\n".join(line.strip() for line in text.splitlines())
    codes = ()
    if "OneHotEncoder(" in text:
        named = re.findall(r"(?m)^CODES = (\['[^']*'(?:, '[^']*')*\])$", text)
        codes = ast.literal_eval(named[-1]) if named else profile.codes if profile.named else "*"
    told = {name: re.search(pattern, text) for name, pattern in _TOLD["read"].items()}
    read = {name: _value(found[1]) for name, found in told.items() if found}
    scales = [key for key, line in _TOLD["scalers"].items() if line.split("(")[0] + "(" in text]
    members, written_here = read_members(text)
    recipe = Recipe(
        features=tuple(key for key, f in profile.features if normalise(f.code) in flat),
        codes=tuple(codes),
        **read,
        scale=(*scales, "standard")[0],
        impute="knn" if "KNNImputer(" in text else "median",
        flags="add_indicator=True" in text,
        interactions="PolynomialFeatures(" in text,
        members=members or Recipe().members,
        combine="rank" if "RankAverage(" in text else "stack" if "Stacking" in text else "vote",
        wrap=_read_wrap(text),
    )
    if len(recipe.members) == 1:
        recipe = replace(recipe, combine="vote", weights=())
    return recipe, written_here and normalise(render(recipe, "", profile)) == text


def _value(text: str) -> int | tuple:
    return int(text) if text.isdecimal() else tuple(ast.literal_eval(text))


def _read_wrap(text: str) -> tuple:
    bag = re.search(_BAG, text)
    if bag:
        return ("bagging", int(bag[1]), float(bag[2]), float(bag[3]))
    how = re.search(r"CalibratedClassifierCV\(model, method='(\w+)'", text)
    return ("calibrated", how[1]) if how else ()


def _hypothesis(text: str) -> str:
    """The HYPOTHESIS line; a long one as pieces that Python reads as one string."""
    long = len(text) + 15 > LINE
    pieces = wrap(text, LINE - 7, drop_whitespace=False) if long else [text]
    # In double quotes, as the formatter writes a string.
    quoted = [repr(p) if '"' in p or "\\" in repr(p) else f'"{p}"' for p in pieces]
    if long:
        return "HYPOTHESIS = (\n" + "".join(f"    {piece}\n" for piece in quoted) + ")"
    return f"HYPOTHESIS = {quoted[0]}"


def take_back(before: str, after: str, now: str, profile: Profile) -> str | None:
    """Undo the choices between two programs in a later one; None if they are not told apart.

    For edits whose lines a later edit changed too, where `candidate.take_back` cannot tell.
    """
    read = [parse(text, profile) for text in (before, after, now)]
    (old, new, late), exact = zip(*read, strict=True)
    changed = [f.name for f in fields(Recipe) if getattr(old, f.name) != getattr(new, f.name)]
    if not all(exact) or any(getattr(late, name) != getattr(new, name) for name in changed):
        return None
    undone = replace(late, **{name: getattr(old, name) for name in changed})
    return render(undone, hypothesis_of(now), profile)
