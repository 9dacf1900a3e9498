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

from harness.files import catalogue

Member = tuple[str, tuple[tuple[str, object], ...]]  # kind, its parameters in order

_MOVABLE = re.compile(r"\{(.*?)\}")
_LITERAL = r"(-?[\w.\-+]+|'[^']*')"

_TOLD = catalogue(__file__)
_HOME_OF = {name: module for module, names in _TOLD["homes"].items() for name in names}
# Numbers that may also take a value between two of their grid.
BETWEEN = frozenset(_TOLD["between"])


def imports_of(text: str) -> set[tuple[str, str]]:
    """The (module, name) pairs that a piece of source written by an agent needs."""
    return {(_HOME_OF[name], name) for name in _HOME_OF.keys() & re.findall(r"\w+", text)}


@dataclass(frozen=True)
class Model:
    """One kind of model."""

    title: str  # how a hypothesis calls it
    idea: str  # why one would try it, in a few words
    line: str  # its source at the start, what can be moved in braces
    grids: dict[str, list] = field(default_factory=dict)  # what can be moved: the values it takes
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


MODELS = {name: Model(**one) for name, one in _TOLD["classifiers"].items()}
REGRESSORS = {name: Model(**one) for name, one in _TOLD["regressors"].items()}


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
