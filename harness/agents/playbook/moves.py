"""The catalogue of named moves: each turns one recipe into a neighbouring one and says why.

*Ideas* do not depend on what they are applied to and keep their words, so that
the history shows which of them were tried, and two that failed alone can be
put together. *Steps* are made for one recipe: a hyper-parameter to its
neighbour, a member of an ensemble left out, a past choice undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from harness.agents.playbook.models import MODELS, Member, member, step
from harness.agents.playbook.profiles import Profile
from harness.agents.playbook.recipe import Recipe

MAX_MEMBERS = 4  # an ensemble of more is hard to read, and slow
MAX_COST = 1.0  # rough seconds for one fit; five folds must stay well below the budget

# Rough seconds of one fit on HEART's 194 rows; only the slow kinds matter.
_SECONDS = {"forest": 0.18, "extra": 0.13, "flaml": 0.9, "boosting": 0.06, "mlp": 0.06, "svc": 0.02}


@dataclass(frozen=True)
class Move:
    """One named edit. `apply` gives None where the edit makes no sense."""

    family: str
    text: str
    apply: Callable[[Recipe], Recipe | None]
    weight: float = 1.0  # within its family

    @property
    def hypothesis(self) -> str:
        return f"{self.family}: {self.text}"


def apply_move(move: Move, recipe: Recipe) -> Recipe | None:
    """The recipe after a move, or None if it does not apply, changes nothing or is too slow."""
    after = move.apply(recipe)
    return after if after is not None and after != recipe and cost(after) <= MAX_COST else None


def cost(recipe: Recipe) -> float:
    """Rough seconds for one fit, so that no proposal is slow by construction."""
    total = 0.01
    for kind, params in recipe.members:
        trees = dict(params).get("n_estimators", 100) / 100 if kind in ("forest", "extra") else 1.0
        total += _SECONDS.get(kind, 0.01) * trees
    if len(recipe.members) > 1 and recipe.combine != "vote":
        total *= {"rank": 4, "stack": 6}[recipe.combine]  # their inner folds, and the last fit
    if recipe.wrap:
        total *= recipe.wrap[1] if recipe.wrap[0] == "bagging" else 5
    return total * (3 if recipe.interactions else 1)


@lru_cache(maxsize=16)
def ideas(profile: Profile) -> tuple[Move, ...]:
    """Every idea for a task, in a fixed order."""
    return (
        *_column_ideas(profile),
        *_shape_ideas(),
        *_model_ideas(),
        *_ensemble_ideas(),
        *_wrap_ideas(),
    )


def _column_ideas(profile: Profile) -> list[Move]:
    codes = profile.codes if profile.named else ("*",)
    named = f"({', '.join(codes)})" if profile.named else "(whatever is not a number)"
    found = [
        Move(
            "encode",
            f"one-hot the codes {named}; a missing code is a level of its own",
            lambda r: replace(r, codes=codes),
            weight=4,
        ),
        Move(
            "encode",
            "pool codes seen in fewer than 10 rows into one level",
            lambda r: replace(r, rare=10) if r.codes else None,
            weight=0.5,
        ),
    ]
    for column in profile.codes:
        found.append(
            Move(
                "encode",
                f"one-hot {column}: its numbers are names",
                lambda r, c=column: replace(r, codes=_in_order(codes, {*r.codes, c})),
                weight=0.5,
            )
        )
    for key, feature in profile.features:
        found.append(
            Move(
                "features",
                feature.text,
                lambda r, k=key: replace(r, features=_in_order(_keys(profile), {*r.features, k})),
            )
        )
    for column in profile.droppable:
        found.append(
            Move(
                "simplify",
                f"leave out {column}, which tells little",
                lambda r, c=column: replace(
                    r,
                    drop=_in_order(profile.droppable, {*r.drop, c}),
                    codes=tuple(x for x in r.codes if x != c),
                ),
            )
        )
    return found


def _shape_ideas() -> list[Move]:
    def bend(knots, degree):
        return lambda r: replace(r, knots=knots, degree=degree) if not r.interactions else None

    scales = {
        "robust": "scale by median and quartiles, so that outliers weigh less",
        "power": "make skewed columns look normal (Yeo-Johnson) before scaling",
        "quantile": "replace values by normal scores of their ranks",
        "standard": "back to plain standard scaling",
    }
    return [
        Move("curves", "straight pieces between 4 knots on the continuous columns", bend(4, 1), 3),
        Move("curves", "splines with 3 knots on the continuous columns", bend(3, 3), 2),
        Move("curves", "splines with 4 knots on the continuous columns", bend(4, 3)),
        Move("curves", "splines with 5 knots on the continuous columns", bend(5, 3), 0.5),
        *[
            Move("scale", text, lambda r, k=key: replace(r, scale=k))
            for key, text in scales.items()
        ],
        Move(
            "missing",
            "fill gaps from the 10 most similar rows",
            lambda r: replace(r, impute="knn"),
        ),
        Move(
            "missing",
            "tell the model which numbers were missing",
            lambda r: replace(r, flags=True),
        ),
        Move(
            "interactions",
            "products of all pairs of columns",
            lambda r: replace(r, interactions=True) if not r.knots else None,
        ),
    ]


# How soon a model is tried, coarse: those that err smoothly and differently first.
_KIND_WEIGHTS = {
    "extra": 3,
    "bayes": 2,
    "lda": 2,
    "forest": 1,
    "lightgbm": 1,
    "logistic": 1,
    "elastic": 1,
    "gp": 0.5,
    "kernel": 0.5,
    "svc": 0.5,
    "boosting": 0.5,
    "neighbours": 0.5,
    "mlp": 0.5,
}


def _model_ideas() -> list[Move]:
    found = [
        Move(
            "model",
            f"{MODELS[kind].title} instead: {MODELS[kind].idea}",
            lambda r, k=kind: replace(
                r,
                members=(member(k),),
                combine="vote",
                weights=(),
                wrap=() if r.wrap and k in ("forest", "extra") else r.wrap,
            ),
            weight,
        )
        for kind, weight in _KIND_WEIGHTS.items()
    ]
    for learner in MODELS["flaml"].grids["learner"]:
        one = member("flaml", learner=learner)
        found.append(
            Move(
                "automl",
                f"FLAML searches {learner} inside each fold, 12 trials, no clock",
                lambda r, m=one: replace(r, members=(m,), combine="vote", weights=(), wrap=()),
            )
        )
    return found


def _ensemble_ideas() -> list[Move]:
    def join(kind):
        def apply(r: Recipe) -> Recipe | None:
            usable = MODELS[r.members[0][0]].member and len(r.members) < MAX_MEMBERS
            if not usable or kind in [k for k, _ in r.members]:
                return None
            return replace(r, members=(*r.members, member(kind)), weights=())

        return apply

    def blend(how):
        return lambda r: (
            replace(r, combine=how, weights=()) if len(r.members) > 1 and how != r.combine else None
        )

    return [
        *[
            Move(
                "ensemble",
                f"average in {MODELS[kind].title}, which errs elsewhere",
                join(kind),
                weight,
            )
            for kind, weight in _KIND_WEIGHTS.items()
        ],
        Move(
            "ensemble",
            "average ranks, so that a bold member does not drown the rest",
            blend("rank"),
        ),
        Move("ensemble", "stack: a logistic regression weighs the members", blend("stack")),
        Move("ensemble", "plain average of probabilities again", blend("vote"), weight=0.5),
    ]


def _wrap_ideas() -> list[Move]:
    def wrap(*how):
        # Bagging bagged trees again only costs time.
        return lambda r: (
            replace(r, wrap=how)
            if MODELS[r.members[0][0]].member and [k for k, _ in r.members] != ["forest"]
            else None
        )

    return [
        Move("bagging", "average 20 copies, each fitted on 80% of rows and 70% of columns",
             wrap("bagging", 20, 0.8, 0.7)),
        Move("bagging", "average 10 copies, each fitted on half of the columns",
             wrap("bagging", 10, 1.0, 0.5)),
        Move("bagging", "average 10 copies, each fitted on 80% of rows",
             wrap("bagging", 10, 0.8, 1.0)),
        Move("calibrate", "sigmoid calibration by 5-fold cross-fitting, averaging the 5 fits",
             wrap("calibrated", "sigmoid")),
        Move("calibrate", "isotonic calibration by 5-fold cross-fitting",
             wrap("calibrated", "isotonic"), weight=0.5),
    ]  # fmt: skip


def steps(recipe: Recipe) -> list[Move]:
    """Moves made for one recipe: nearby hyper-parameters, members left out, choices undone."""
    return [*_grid_steps(recipe), *_weight_steps(recipe), *_undo_steps(recipe)]


def _grid_steps(recipe: Recipe) -> list[Move]:
    found = []
    for place, (kind, params) in enumerate(recipe.members):
        for name, now in params:
            grid = MODELS[kind].grids.get(name, ())
            for value in _around(grid, now):
                stronger = name == "C" and value < now
                family = "regularise" if name in ("C", "shrinkage", "alpha") else "tune"
                why = ", a stronger penalty" if stronger else ""
                found.append(
                    Move(
                        family,
                        f"{MODELS[kind].title}, {name} from {now} to {value}{why}",
                        lambda r, p=place, n=name, v=value: _change(r, p, n, v),
                        # A small sample rewards restraint, so that way first.
                        weight=2.0 if stronger else 1.0,
                    )
                )
    return found


def _weight_steps(recipe: Recipe) -> list[Move]:
    if len(recipe.members) < 2 or recipe.combine != "vote":
        return []
    equal = (1,) * len(recipe.members)
    found = []
    for place, (kind, _) in enumerate(recipe.members):
        weights = tuple(2 if i == place else 1 for i in range(len(equal)))
        found.append(
            Move(
                "tune",
                f"{MODELS[kind].title} counts double in the average",
                lambda r, w=weights: replace(r, weights=w),
                weight=0.5,
            )
        )
    if recipe.weights:
        found.append(
            Move("simplify", "equal weights again", lambda r: replace(r, weights=())),
        )
    return found


def _undo_steps(recipe: Recipe) -> list[Move]:
    """Each kept choice taken back on its own, the later ones staying."""
    plain = Recipe()
    words = {
        "codes": "codes as plain numbers again",
        "rare": "rare codes keep their own level",
        "knots": "without splines",
        "scale": "plain standard scaling again",
        "impute": "median imputation again",
        "flags": "without missing indicators",
        "interactions": "without products of columns",
        "wrap": "the model alone, without what is wrapped around it",
    }
    found = [
        Move(
            "simplify",
            text,
            lambda r, n=name: replace(r, **{n: getattr(plain, n)}),
        )
        for name, text in words.items()
        if getattr(recipe, name) != getattr(plain, name)
    ]
    for name in ("features", "drop", "codes"):
        chosen = getattr(recipe, name)
        for key in chosen if len(chosen) > 1 or name != "codes" else ():
            text = {
                "features": f"without the feature {key}",
                "drop": f"{key} back in",
                "codes": f"{key} as a plain number again",
            }[name]
            found.append(
                Move(
                    "simplify",
                    text,
                    lambda r, n=name, k=key: replace(
                        r, **{n: tuple(x for x in getattr(r, n) if x != k)}
                    ),
                    weight=0.5,
                )
            )
    if len(recipe.members) > 1:
        for place, (kind, _) in enumerate(recipe.members):
            found.append(
                Move(
                    "simplify",
                    f"the ensemble without {MODELS[kind].title}",
                    lambda r, p=place: _without(r, p),
                )
            )
    return found


def refine(recipe: Recipe, rng: np.random.Generator) -> Move | None:
    """A step between grid values: there is always one more, so the agent never runs dry."""
    places = [
        (place, name, value)
        for place, (kind, params) in enumerate(recipe.members)
        for name, value in params
        if name in MODELS[kind].positive and value > 0
    ]
    if not places:
        return None
    place, name, now = places[rng.integers(len(places))]
    kind = recipe.members[place][0]
    grid = MODELS[kind].grids[name]
    # Two significant digits first; a third when those near by are used up.
    digits = 2 if rng.random() < 0.7 else 3
    value = float(now * np.exp(rng.normal(0, 0.5)))
    value = float(f"{min(max(value, grid[0] or 0.1), grid[-1]):.{digits}g}")
    family = "regularise" if name in ("C", "shrinkage", "alpha") else "tune"
    return Move(
        family,
        f"{MODELS[kind].title}, {name} from {now} to {value}",
        lambda r: _change(r, place, name, value),
    )


def pair(first: Move, second: Move) -> Move:
    """Two ideas at once."""

    def apply(recipe: Recipe) -> Recipe | None:
        between = first.apply(recipe)
        after = second.apply(between) if between is not None and between != recipe else None
        # Both must do something, or the words would promise more than the edit.
        return after if after is not None and after not in (between, recipe) else None

    return Move("combine", f"{_short(first.text)} + {_short(second.text)}", apply)


def _short(text: str) -> str:
    return text if len(text) <= 90 else text[:89] + "…"


def _around(grid: tuple, now) -> list:
    """The values next to this one, two on each side; all others where there is no order."""
    if any(isinstance(v, str) for v in (*grid, now)):
        return [v for v in grid if v != now]
    below = [v for v in grid if v < now][-2:]
    return below[::-1] + [v for v in grid if v > now][:2]


def _change(recipe: Recipe, place: int, name: str, value) -> Recipe | None:
    if place >= len(recipe.members) or name not in dict(recipe.members[place][1]):
        return None
    members: list[Member] = list(recipe.members)
    members[place] = step(members[place], name, value)
    return replace(recipe, members=tuple(members))


def _without(recipe: Recipe, place: int) -> Recipe | None:
    if place >= len(recipe.members) or len(recipe.members) < 2:
        return None
    members = recipe.members[:place] + recipe.members[place + 1 :]
    combine = recipe.combine if len(members) > 1 else "vote"
    return replace(recipe, members=members, weights=(), combine=combine)


def _in_order(order: tuple, chosen: set) -> tuple:
    return tuple(x for x in order if x in chosen)


def _keys(profile: Profile) -> tuple[str, ...]:
    return tuple(key for key, _ in profile.features)
