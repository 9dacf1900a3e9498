"""The catalogue of named moves: each turns one recipe into a neighbouring one and says why.

*Ideas* do not depend on what they are applied to and keep their words, so that the history shows
which of them were tried, and two that failed alone can be put together. *Steps* are made for one
recipe: a hyper-parameter to its neighbour, a member of an ensemble left out, a past choice undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np

from harness.agents.playbook.models import BETWEEN, MODELS, Member, member
from harness.agents.playbook.profiles import Profile
from harness.agents.playbook.recipe import Recipe
from harness.files import catalogue

MAX_MEMBERS = 4  # an ensemble of more is hard to read, and slow
MAX_COST = 1.0  # rough seconds for one fit; five folds must stay well below the budget

_TREES = ("forest", "extra")
_TOLD = catalogue(__file__)
WORDS: dict[str, str] = _TOLD["words"]  # that edits of any program share


@dataclass(frozen=True)
class Attempt:
    """Something to try: its family and words, how it is done, its weight within the family."""

    family: str
    text: str
    how: dict | Callable
    weight: float = 1.0

    @property
    def hypothesis(self) -> str:
        return f"{self.family}: {self.text}"


class Move(Attempt):
    """One named edit of a recipe: the choices that it sets, or what tells them."""

    def apply(self, recipe: Recipe) -> Recipe | None:
        """The recipe with the choices made, even the same ones; None where that makes no sense."""
        change = self.how(recipe) if callable(self.how) else self.how
        return None if change is None else replace(recipe, **change)


def apply_move(move: Move, recipe: Recipe) -> Recipe | None:
    """The recipe after a move, or None if it does not apply, changes nothing or is too slow."""
    after = move.apply(recipe)
    return after if after is not None and after != recipe and cost(after) <= MAX_COST else None


def cost(recipe: Recipe) -> float:
    """Rough seconds for one fit, so that no proposal is slow by construction."""
    total = 0.01
    for kind, params in recipe.members:
        trees = dict(params).get("n_estimators", 100) / 100 if kind in _TREES else 1.0
        total += _TOLD["seconds"].get(kind, 0.01) * trees
    if len(recipe.members) > 1 and recipe.combine != "vote":
        total *= {"rank": 4, "stack": 6}[recipe.combine]  # their inner folds, and the last fit
    if recipe.wrap:
        total *= recipe.wrap[1] if recipe.wrap[0] == "bagging" else 5
    return total * (3 if recipe.interactions else 1)


@lru_cache(maxsize=16)
def ideas(profile: Profile) -> tuple[Move, ...]:
    """Every idea for a task, in a fixed order."""
    return (*_column_ideas(profile), *_told("shapes"), *_model_ideas(), *_told("wraps"))


def _told(table: str) -> list[Move]:
    """The ideas of a table that say which choices they set."""
    found = []
    for one in _TOLD[table]:
        change = {k: tuple(v) if isinstance(v, list) else v for k, v in one["set"].items()}
        how = partial(_set, change, one.get("unless"))
        text = one["text"].format(**WORDS)
        found.append(Move(one["family"], text, how, one.get("weight", 1.0)))
    return found


def _column_ideas(profile: Profile) -> list[Move]:
    codes = profile.codes if profile.named else ("*",)
    named = f"({', '.join(codes)})" if profile.named else "(whatever is not a number)"
    keys = tuple(key for key, _ in profile.features)
    every = f"one-hot the codes {named}; a missing code is a level of its own"
    pool = "pool codes seen in fewer than 10 rows into one level"
    found = [
        Move("encode", every, {"codes": codes}, weight=4),
        Move("encode", pool, lambda r: {"rare": 10} if r.codes else None, weight=0.5),
    ]
    for column in profile.codes:
        text = f"one-hot {column}: its numbers are names"
        found.append(Move("encode", text, partial(_add, "codes", column, codes), weight=0.5))
    for key, feature in profile.features:
        found.append(Move("features", feature.text, partial(_add, "features", key, keys)))
    for column in profile.droppable:
        text = f"leave out {column}, which tells little"
        found.append(Move("simplify", text, partial(_drop, column, profile.droppable)))
    return found


# How an idea changes a recipe `r`: the choices that it sets, None where it makes no sense.
def _add(choice: str, one: str, order: tuple, r: Recipe) -> dict:
    return {choice: tuple(x for x in order if x == one or x in getattr(r, choice))}


def _drop(column: str, order: tuple, r: Recipe) -> dict:
    codes = tuple(code for code in r.codes if code != column)
    return _add("drop", column, order, r) | {"codes": codes}


def _set(change: dict, unless: str | None, r: Recipe) -> dict | None:
    return None if unless and getattr(r, unless) else change


def _alone(one: Member, r: Recipe) -> dict:
    wrap = () if one[0] in (*_TREES, "flaml") else r.wrap
    return {"members": (one,), "combine": "vote", "weights": (), "wrap": wrap}


def _join(kind: str, r: Recipe) -> dict | None:
    kinds = [k for k, _ in r.members]
    full = not MODELS[kinds[0]].member or len(kinds) >= MAX_MEMBERS or kind in kinds
    return None if full else {"members": (*r.members, member(kind)), "weights": ()}


def _blend(how: str, r: Recipe) -> dict | None:
    new = len(r.members) > 1 and how != r.combine
    return {"combine": how, "weights": ()} if new else None


def _model_ideas() -> list[Move]:
    """Another model alone, a search for one, one more in the average, another way to average."""
    instead, joined = [], []
    for kind, weight in _TOLD["soon"].items():
        model = MODELS[kind]
        text = f"{model.title} instead: {model.idea}"
        instead.append(Move("model", text, partial(_alone, member(kind)), weight))
        text = f"average in {model.title}, which errs elsewhere"
        joined.append(Move("ensemble", text, partial(_join, kind), weight))
    for learner in MODELS["flaml"].grids["learner"]:
        one = member("flaml", learner=learner)
        text = f"FLAML searches {learner} inside each fold, 12 trials, no clock"
        instead.append(Move("automl", text, partial(_alone, one)))
    for how, text, weight in _TOLD["blends"]:
        joined.append(Move("ensemble", text, partial(_blend, how), weight))
    return [*instead, *joined]


def steps(recipe: Recipe) -> list[Move]:
    """Moves made for one recipe: nearby hyper-parameters, members left out, choices undone."""
    members, numbers, doubled, without = recipe.members, [], [], []
    for place, (kind, params) in enumerate(members):
        numbers += [
            _number(recipe, place, name, value, stronger=name == "C" and value < now)
            for name, now in params
            for value in _around(MODELS[kind].grids[name], now)
        ]
        if len(members) > 1:
            text = f"{MODELS[kind].title} counts double in the average"
            weights = tuple(2 if i == place else 1 for i in range(len(members)))
            doubled.append(Move("tune", text, {"weights": weights}, weight=0.5))
            text = f"the ensemble without {MODELS[kind].title}"
            change = {"members": members[:place] + members[place + 1 :], "weights": ()}
            change |= {"combine": "vote"} if len(members) == 2 else {}
            without.append(Move("simplify", text, change))
    if recipe.weights:
        doubled.append(Move("simplify", "equal weights again", {"weights": ()}))
    averaged = doubled if recipe.combine == "vote" else []
    return [*numbers, *averaged, *_undo_steps(recipe), *without]


def _number(recipe: Recipe, place: int, name: str, value, stronger: bool = False) -> Move:
    """One parameter of one member at another value; a small sample rewards a stronger penalty."""
    kind, params = recipe.members[place]
    changed = (kind, tuple((dict(params) | {name: value}).items()))
    why = ", a stronger penalty" if stronger else ""
    return Move(
        "regularise" if name in ("C", "shrinkage", "alpha") else "tune",
        f"{MODELS[kind].title}, {name} from {dict(params)[name]} to {value}{why}",
        {"members": (*recipe.members[:place], changed, *recipe.members[place + 1 :])},
        weight=2.0 if stronger else 1.0,
    )


def _undo_steps(recipe: Recipe) -> list[Move]:
    """Each kept choice taken back on its own, the later ones staying."""
    found = []
    for name, text in _TOLD["undone"]:
        now, plain = getattr(recipe, name), getattr(Recipe(), name)
        if "{}" not in text:
            found += [Move("simplify", text, {name: plain})] if now != plain else []
        elif len(now) > 1 or name != "codes":
            for one in now:
                change = {name: tuple(x for x in now if x != one)}
                found.append(Move("simplify", text.format(one), change, weight=0.5))
    return found


def refine(recipe: Recipe, rng: np.random.Generator) -> Move | None:
    """A step between grid values: there is always one more, so the agent never runs dry."""
    places = [
        (place, name, value)
        for place, (_, params) in enumerate(recipe.members)
        for name, value in params
        if name in BETWEEN and value > 0
    ]
    if not places:
        return None
    place, name, now = places[rng.integers(len(places))]
    grid = MODELS[recipe.members[place][0]].grids[name]
    # Two significant digits first; a third when those near by are used up.
    digits = 2 if rng.random() < 0.7 else 3
    value = float(now * np.exp(rng.normal(0, 0.5)))
    value = float(f"{min(max(value, grid[0] or 0.1), grid[-1]):.{digits}g}")
    return _number(recipe, place, name, value)


def pair(first: Move, second: Move) -> Move:
    """Two ideas at once."""

    def change(recipe: Recipe) -> dict | None:
        between = first.apply(recipe)
        after = second.apply(between) if between is not None and between != recipe else None
        # Both must do something, or the words would promise more than the edit.
        return None if after in (None, between, recipe) else vars(after)

    words = (t if len(t) <= 90 else t[:89] + "…" for t in (first.text, second.text))
    return Move("combine", " + ".join(words), change)


def _around(grid: tuple, now) -> list:
    """The values next to this one, two on each side; all others where there is no order."""
    if any(isinstance(v, str) for v in (*grid, now)):
        return [v for v in grid if v != now]
    below = [v for v in grid if v < now][-2:]
    return below[::-1] + [v for v in grid if v > now][:2]
