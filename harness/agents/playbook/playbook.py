"""The offline agent: a seeded player of named moves that learns which families of ideas pay.

It needs no key and no network. Each proposal is the best `train.py` so far with
one named move made (two ideas at once after they failed alone), written as source
that a person can read. Which family comes next is drawn by Thompson sampling:
a family's chance of paying starts at a coarse prior (`families.PRIORS`) and moves
with every decision in the history. Nothing is remembered outside the history, so
an agent rebuilt after a crash proposes the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from harness.agents.agent import Past, Proposal, View
from harness.agents.playbook.families import FAMILIES, GENERAL, PRIORS, family_of
from harness.agents.playbook.foreign import Edit, edits
from harness.agents.playbook.moves import Move, apply_move, ideas, pair, refine, steps
from harness.agents.playbook.profiles import Profile, profile_of
from harness.agents.playbook.recipe import Recipe, parse, render
from harness.agents.playbook.surgery import with_hypothesis
from harness.candidate import MAX_HYPOTHESIS, hypothesis_of, normalise

PRIOR_WEIGHT = 8.0  # a prior counts as much as this many decisions seen
NEAR = 0.001  # a loss this small is far inside the noise, so the idea keeps some credit
NEAR_CREDIT = 0.25
REWRITTEN = 0.2  # how often a stranger's file for HEART is written anew
WANDERS = 200
ALONE = 0.01  # an idea that cost more than this alone is not worth pairing


@dataclass
class Memory:
    """What the history says, taken in entry by entry: a call costs the same at any length."""

    past: list[Past] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    tried: dict[str, int] = field(default_factory=dict)  # per family
    paid: dict[str, float] = field(default_factory=dict)  # per family, in keeps
    failed: dict[str, tuple[int, float]] = field(default_factory=dict)  # per hypothesis

    def update(self, history: Sequence[Past]) -> Memory:
        """Take in what is new; start over if this is not the history known so far."""
        if len(history) < len(self.past) or list(history[: len(self.past)]) != self.past:
            self.__init__()
        for one in history[len(self.past) :]:
            self._add(one)
        return self

    def _add(self, one: Past) -> None:
        self.past.append(one)
        self.seen.add(normalise(one.source))
        if one.decision == "baseline":
            return
        family = family_of(one.hypothesis)
        self.tried[family] = self.tried.get(family, 0) + 1
        kept, near = one.decision == "kept", one.status == "ok" and one.delta > -NEAR
        credit = 1.0 if kept else NEAR_CREDIT if near else 0.0
        self.paid[family] = self.paid.get(family, 0.0) + credit
        if not kept:
            times, best = self.failed.get(one.hypothesis, (0, -math.inf))
            delta = one.delta if one.status == "ok" and math.isfinite(one.delta) else -math.inf
            self.failed[one.hypothesis] = (times + 1, max(best, delta))


@dataclass(frozen=True)
class Option:
    """What can be done now: its words, the recipe after it (or the edit), how much it weighs."""

    hypothesis: str
    after: Recipe | Edit
    weight: float


class Playbook:
    """The default agent. `propose` is a pure function of the view."""

    def __init__(self, name: str = "playbook") -> None:
        self.name = name
        self._memory = Memory()

    def close(self) -> None:
        """Nothing to give back."""

    def propose(self, view: View) -> Proposal:
        """Write the next `train.py`.

        Raises
        ------
        RuntimeError
            If the best source is not Python and nothing can be built from it; this
            cannot happen to a source that was scored.
        """
        memory = self._memory.update(view.history)
        taken = {normalise(view.best_source), *map(normalise, view.pending)}
        rng = np.random.default_rng([abs(view.seed), view.iteration, view.slot])
        profile = profile_of(view.task_name)
        recipe, exact = parse(view.best_source, profile)
        if exact:
            found = self._from_recipe(recipe, profile, memory, taken, rng)
        else:
            found = self._from_foreign(view, recipe, profile, memory, taken, rng)
        for source in found:
            return Proposal(source=source)
        raise RuntimeError("no edit of the best train.py is possible; is it Python?")

    def _from_recipe(
        self, recipe: Recipe, profile: Profile, memory: Memory, taken: set[str], rng
    ) -> Iterator[str]:
        """Sources that were never proposed, best guess first; without end."""

        def unseen(after: Recipe) -> bool:
            key = _key(after, profile)
            return key not in memory.seen and key not in taken

        options: dict[str, list[Option]] = {family: [] for family in FAMILIES}
        for move in _moves(recipe, profile):
            after = apply_move(move, recipe)
            if after is not None and unseen(after):
                times = memory.failed.get(move.hypothesis, (0, 0.0))[0]
                options[move.family].append(
                    Option(move.hypothesis, after, move.weight / (1 + times))
                )
        # Between two grid values there is always one more.
        for _ in range(4):
            move = refine(recipe, rng)
            after = apply_move(move, recipe) if move else None
            if after is not None and unseen(after):
                options[move.family].append(Option(move.hypothesis, after, 0.5))
        for move in _pairs(profile, memory, rng):
            after = apply_move(move, recipe)
            if after is not None and unseen(after):
                options["combine"].append(Option(move.hypothesis, after, 1.0))
        totals: dict[str, float] = {}
        for move in _moves(recipe, profile):
            totals[move.family] = totals.get(move.family, 0.0) + move.weight
        for option in self.order(options, totals, PRIORS, memory, rng):
            yield render(option.after, option.hypothesis, profile)
        yield from _wander(recipe, profile, unseen, rng)

    def order(
        self,
        options: dict[str, list[Option]],
        totals: dict[str, float],
        priors: dict[str, float],
        memory: Memory,
        rng: np.random.Generator,
    ) -> Iterator[Option]:
        """Families by a draw from what is believed of each, then options by weight."""
        draws = {}
        for family in FAMILIES:
            tried, paid = memory.tried.get(family, 0), memory.paid.get(family, 0.0)
            belief = rng.beta(
                PRIOR_WEIGHT * priors[family] + paid,
                PRIOR_WEIGHT * (1 - priors[family]) + tried - paid,
            )
            # A family counts for as much of it as is left to try.
            left = sum(option.weight for option in options[family])
            draws[family] = belief * min(1.0, left / totals.get(family, max(left, 1.0)))
        for family in sorted(FAMILIES, key=lambda f: (-draws[f], f)):
            yield from weighted_order(options[family], rng)

    def _from_foreign(
        self, view: View, nearest: Recipe, profile: Profile, memory: Memory, taken: set[str], rng
    ) -> Iterator[str]:
        """Edit a file that is not one of ours; HEART's also written anew from what was recognised.

        Of another task's columns a recipe knows nothing: written anew, they would be lost.
        """
        own = self._from_recipe(nearest, profile, memory, taken, rng) if profile.named else None
        priors = PRIORS if profile.named else GENERAL
        source = view.best_source
        for tries in range(WANDERS):
            options: dict[str, list[Option]] = {family: [] for family in FAMILIES}
            totals: dict[str, float] = {}
            for edit in edits(source, view.kind, view.n_rows, rng):
                totals[edit.family] = totals.get(edit.family, 0.0) + edit.weight
                times = memory.failed.get(edit.hypothesis, (0, 0.0))[0]
                weight = edit.weight / (1 + times)
                options[edit.family].append(Option(edit.hypothesis, edit, weight))
            for option in self.order(options, totals, priors, memory, rng):
                if own and rng.random() < REWRITTEN:
                    yield _restart(next(own))
                after = option.after.source
                key = normalise(after)
                if after and key not in memory.seen and key not in taken:
                    yield after
            # Nothing is left to change alone: make one edit unseen, and look from there.
            start = view.best_source if tries % 5 == 0 else source
            again = edits(start, view.kind, view.n_rows, rng)
            if not again:
                break
            source = again[rng.integers(len(again))].source
        own = own or self._from_recipe(nearest, profile, memory, taken, rng)
        while True:
            yield _restart(next(own))


def _restart(source: str) -> str:
    """Say in the hypothesis that the file was written anew around what was recognised."""
    return with_hypothesis(source, f"{hypothesis_of(source)} (rewritten)"[:MAX_HYPOTHESIS])


def weighted_order(options: list[Option], rng: np.random.Generator) -> list[Option]:
    """A random order in which heavier options tend to come first."""
    clocks = rng.exponential(size=len(options)) / [max(o.weight, 1e-9) for o in options]
    return [options[i] for i in np.argsort(clocks, kind="stable")]


def _pairs(profile: Profile, memory: Memory, rng: np.random.Generator) -> list[Move]:
    """Pairs of ideas that failed alone but not badly; the closest misses first."""
    near = []
    for idea in ideas(profile):
        times, best = memory.failed.get(idea.hypothesis, (0, -math.inf))
        if times and best > -ALONE:
            near.append((idea, math.exp(best / NEAR / 3)))
    if len(near) < 2:
        return []
    weights = np.array([w for _, w in near])
    found = []
    for _ in range(6):
        a, b = rng.choice(len(near), size=2, replace=False, p=weights / weights.sum())
        found.append(pair(near[min(a, b)][0], near[max(a, b)][0]))
    return found


def _wander(recipe: Recipe, profile: Profile, unseen, rng: np.random.Generator) -> Iterator[str]:
    """Several moves in a row, more and more of them, until something new appears."""
    length = 2
    while True:
        for _ in range(20):
            here, words = recipe, []
            for _ in range(length):
                moves = _moves(here, profile)
                move = moves[rng.integers(len(moves))]
                if rng.random() < 0.3:
                    move = refine(here, rng) or move
                after = apply_move(move, here)
                if after is not None:
                    here, words = after, [*words, move.text]
            if here != recipe and unseen(here):
                yield render(here, "combine: " + " + ".join(w[:60] for w in words), profile)
        length += 1


@lru_cache(maxsize=64)
def _moves(recipe: Recipe, profile: Profile) -> tuple[Move, ...]:
    """Every named move from a recipe."""
    return (*ideas(profile), *steps(recipe))


@lru_cache(maxsize=8192)
def _key(recipe: Recipe, profile: Profile) -> str:
    """What `normalise` makes of a recipe's source: the mark by which repeats are known."""
    return normalise(render(recipe, "", profile))


def make(name: str = "playbook", **options) -> Playbook:
    """Make the playbook agent; it has no options, everything it needs is in the view."""
    if options:
        raise ValueError(f"agent {name!r} takes no options, got: {', '.join(sorted(options))}")
    return Playbook(name)
