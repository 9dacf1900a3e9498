"""The offline agent: a seeded player of named moves that learns which families of ideas pay.

It needs no key and no network. Each proposal is the best `train.py` so far with one named move made
(two ideas at once after they failed alone), written as source that a person can read. Which family
comes next is drawn by Thompson sampling: a family's chance of paying starts at a coarse prior
(`families.PRIORS`) and moves with every decision in the history. Nothing is remembered outside the
history, so an agent rebuilt after a crash proposes the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np

from harness.agents.agent import Past, Proposal, View
from harness.agents.playbook.families import FAMILIES, GENERAL, PRIORS, family_of
from harness.agents.playbook.foreign import Edit, edits
from harness.agents.playbook.moves import Move, apply_move, ideas, pair, refine, steps
from harness.agents.playbook.profiles import Profile, profile_of
from harness.agents.playbook.recipe import Recipe, parse, render, take_back
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
    tried: Counter[str] = field(default_factory=Counter)  # per family
    paid: Counter[str] = field(default_factory=Counter)  # per family, in keeps
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
        kept, near = one.decision == "kept", one.status == "ok" and one.delta > -NEAR
        self.tried[family] += 1
        self.paid[family] += 1.0 if kept else NEAR_CREDIT if near else 0.0
        if not kept:
            times, best = self.failed.get(one.hypothesis, (0, -math.inf))
            delta = one.delta if one.status == "ok" and math.isfinite(one.delta) else -math.inf
            self.failed[one.hypothesis] = (times + 1, max(best, delta))


@dataclass(frozen=True)
class Turn:
    """What one proposal is made from."""

    view: View
    profile: Profile
    memory: Memory
    taken: set[str]  # programs of this moment: the best one, and those of the other slots
    rng: np.random.Generator

    def unseen(self, edit: Edit) -> bool:
        """Whether an edit makes a program, and one that was never proposed."""
        return bool(edit.source) and not (edit.key in self.memory.seen or edit.key in self.taken)

    def weight(self, edit: Edit) -> float:
        """An edit weighs less each time that its idea failed."""
        return edit.weight / (1 + self.memory.failed.get(edit.hypothesis, (0, 0.0))[0])


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
        profile = profile_of(view.task_name)
        taken = {normalise(view.best_source), *map(normalise, view.pending)}
        rng = np.random.default_rng([abs(view.seed), view.iteration, view.slot])
        turn = Turn(view, profile, self._memory.update(view.history), taken, rng)
        recipe, exact = parse(view.best_source, profile)
        for source in (self._from_recipe if exact else self._from_foreign)(turn, recipe):
            return Proposal(source=source)
        raise RuntimeError("no edit of the best train.py is possible; is it Python?")

    def take_back(self, before: str, after: str, now: str, task_name: str) -> str | None:
        """Undo the edit from `before` to `after` in a later program; see `recipe.take_back`."""
        return take_back(before, after, now, profile_of(task_name))

    def _from_recipe(self, turn: Turn, recipe: Recipe) -> Iterator[str]:
        """Sources that were never proposed, best guess first; without end."""
        profile, rng = turn.profile, turn.rng
        found = [(turn.weight(edit), edit) for edit in _neighbours(recipe, profile)]
        # Between two grid values there is always one more.
        more = [(0.5, refine(recipe, rng)) for _ in range(4)]
        more += [(1.0, move) for move in _pairs(profile, turn.memory, rng)]
        found += [(weight, _edit(move, recipe, profile)) for weight, move in more]
        found = [(weight, edit) for weight, edit in found if edit and turn.unseen(edit)]
        for edit in self.order(turn, found, _moves(recipe, profile), PRIORS):
            yield edit.source
        yield from _wander(turn, recipe)

    def order(self, turn: Turn, found: list, catalogue: Sequence, priors: dict) -> Iterator[Edit]:
        """Families by a draw from what is believed of each, then edits, the heavier sooner.

        A family counts for as much of the `catalogue` as is left in `found`, (weight, edit) pairs.
        """
        draws, left = {}, {f: [one for one in found if one[1].family == f] for f in FAMILIES}
        for family in FAMILIES:
            tried, paid = turn.memory.tried[family], turn.memory.paid[family]
            belief = turn.rng.beta(
                PRIOR_WEIGHT * priors[family] + paid,
                PRIOR_WEIGHT * (1 - priors[family]) + tried - paid,
            )
            weight = sum(weight for weight, _ in left[family])
            total = sum(one.weight for one in catalogue if one.family == family)
            draws[family] = belief * min(1.0, weight / (total or max(weight, 1.0)))
        for family in sorted(FAMILIES, key=lambda f: (-draws[f], f)):
            weights = [max(weight, 1e-9) for weight, _ in left[family]]
            clocks = turn.rng.exponential(size=len(weights)) / weights
            yield from (left[family][i][1] for i in np.argsort(clocks, kind="stable"))

    def _from_foreign(self, turn: Turn, nearest: Recipe) -> Iterator[str]:
        """Edit a file that is not one of ours; HEART's also written anew from what was recognised.

        Of another task's columns a recipe knows nothing: written anew, they would be lost.
        """
        view, rng, named = turn.view, turn.rng, turn.profile.named
        anew = (_restart(source) for source in self._from_recipe(turn, nearest))
        source = view.best_source
        for tries in range(WANDERS):
            found = edits(source, view.kind, view.n_rows, rng)
            weighted = [(turn.weight(edit), edit) for edit in found]
            for edit in self.order(turn, weighted, found, PRIORS if named else GENERAL):
                if named and rng.random() < REWRITTEN:
                    yield next(anew)
                if turn.unseen(edit):
                    yield edit.source
            # Nothing is left to change alone: make one edit unseen, and look from there.
            start = view.best_source if tries % 5 == 0 else source
            again = edits(start, view.kind, view.n_rows, rng)
            if not again:
                break
            source = again[rng.integers(len(again))].source
        yield from anew


class RandomProposals(Playbook):
    """The yardstick for the playbook: each move as likely as any other, nothing learned.

    Both write the same kind of source from the same catalogue and never repeat a program; what
    differs is judgement alone.
    """

    def order(self, turn: Turn, found, catalogue, priors) -> Iterator[Edit]:
        """All edits in one shuffled line. Pairs are left out: they draw on past failures."""
        line = [e for f in FAMILIES if f != "combine" for _, e in found if e.family == f]
        yield from (line[i] for i in turn.rng.permutation(len(line)))


def _restart(source: str) -> str:
    """Say in the hypothesis that the file was written anew around what was recognised."""
    return with_hypothesis(source, f"{hypothesis_of(source)} (rewritten)"[:MAX_HYPOTHESIS])


def _pairs(profile: Profile, memory: Memory, rng: np.random.Generator) -> list[Move]:
    """Pairs of ideas that failed alone but not badly; the closest misses first."""
    failed = [one for one in ideas(profile) if one.hypothesis in memory.failed]
    best = [memory.failed[one.hypothesis][1] for one in failed]
    near = [(one, delta) for one, delta in zip(failed, best, strict=True) if delta > -ALONE]
    if len(near) < 2:
        return []
    weights = np.array([math.exp(delta / NEAR / 3) for _, delta in near])
    chosen = [rng.choice(len(near), 2, replace=False, p=weights / weights.sum()) for _ in range(6)]
    return [pair(near[min(two)][0], near[max(two)][0]) for two in chosen]


def _wander(turn: Turn, recipe: Recipe) -> Iterator[str]:
    """Several moves in a row, more and more of them, until something new appears."""
    profile, rng, length = turn.profile, turn.rng, 2
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
                    here, words = after, [*words, move.text[:60]]
            edit = Edit("combine", " + ".join(words), partial(render, here, profile=profile))
            if here != recipe and turn.unseen(edit):
                yield edit.source
        length += 1


def _edit(move: Move | None, recipe: Recipe, profile: Profile) -> Edit | None:
    """A move of a recipe as an edit of its program, None where it does not apply."""
    after = apply_move(move, recipe) if move else None
    made = partial(render, after, profile=profile)
    return Edit(move.family, move.text, made, move.weight) if after else None


@lru_cache(maxsize=64)
def _moves(recipe: Recipe, profile: Profile) -> tuple[Move, ...]:
    """Every named move from a recipe."""
    return (*ideas(profile), *steps(recipe))


@lru_cache(maxsize=16)
def _neighbours(recipe: Recipe, profile: Profile) -> tuple[Edit, ...]:
    """What the named moves from a recipe make; cached, as their sources are."""
    made = (_edit(move, recipe, profile) for move in _moves(recipe, profile))
    return tuple(edit for edit in made if edit)


def make(name: str = "playbook") -> Playbook:
    """Make one of the two; they have no options, everything they need is in the view."""
    return (RandomProposals if name == "random" else Playbook)(name)
