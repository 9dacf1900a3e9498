"""The null agent: proposals that change nothing but luck, so whatever it gains is luck.

Definition. The agent only ever changes the seed of a model that has real seed noise: logistic
regression, as in the starting `train.py`, fitted on 10 bootstrap samples and averaged. Seeds are
drawn independently, so any two of its programs have the same expected performance on new patients,
and their scores on any folds are exchangeable: under the strict rule the first proposal wins with
probability one half, and after n proposals the best score is the best of n + 1 equal tickets. The
true effect of each proposal is zero by construction, and every keep is a false keep.

That holds exactly for a run that starts from `start(seed)`, which is what the false-keep benchmark
does. A run that starts from the plain `train.py` gets there with its first proposal; that one step
swaps one fit for an average of ten, and `python -m benchmarks.moves --null` prints how much it is
worth on held-out rows. A best program with randomness of its own (a forest, say) keeps its model:
the agent then only exchanges the seeds in it. On a task of one's own the first proposal puts a bag
around the model that is there.
"""

from __future__ import annotations

import re

import numpy as np

from harness.agents.agent import Proposal, View
from harness.agents.playbook.foreign import edits
from harness.agents.playbook.surgery import with_hypothesis
from harness.candidate import normalise
from harness.files import catalogue

COPIES = 10  # fewer copies make a noisier null: SD of val_auc goes with 1/sqrt(copies)

_TOLD = catalogue(__file__)
SOURCE: str = _TOLD["source"]  # the starting `train.py`, its model in a bag

# Models whose result depends on the seed. Logistic regression and SVC are not
# among them: for those another `random_state` is a no-op.
_RANDOM = re.compile(
    r"Bagging|RandomForest|ExtraTrees|MLPClassifier|Nystroem|RandomizedSearch|SGDClassifier|"
    r"subsample|colsample"
)
_SEED = re.compile(r"\b(random_state|seed)(\s*=\s*)\d+")


def _draw(rng: np.random.Generator) -> int:
    """A seed of nine digits: never twice in a run, and every program equally long."""
    return int(rng.integers(100_000_000, 1_000_000_000))


def start(seed: int, copies: int = COPIES) -> str:
    """The program that a null run starts from: itself one draw of the null."""
    rng = np.random.default_rng([abs(seed), 0, 7])
    return SOURCE.format(seed=_draw(rng), copies=copies)


class Null:
    """Changes seeds and nothing else; a pure function of the view.

    Parameters
    ----------
    copies : int
        Bootstrap copies averaged in its starting program; fewer is noisier.
    """

    def __init__(self, name: str = "null", copies: int = COPIES) -> None:
        self.name, self.copies = name, copies

    def close(self) -> None:
        """Nothing to give back."""

    def propose(self, view: View) -> Proposal:
        """The same program with another seed."""
        rng = np.random.default_rng([abs(view.seed), view.iteration, view.slot, 7])
        taken = {normalise(text) for text in (view.best_source, *view.pending)}
        while True:
            source = self._reseed(view, _draw(rng))
            # The best itself again would be a tie instead of a ticket.
            if normalise(source) not in taken:
                return Proposal(source=source)

    def _reseed(self, view: View, seed: int) -> str:
        best = view.best_source
        if view.task_name != "heart" and not _RANDOM.search(best):
            found = edits(best, view.kind, view.n_rows, np.random.default_rng(0))
            best = next((e.source for e in found if e.family == "bagging"), best)
        if _RANDOM.search(best) and _SEED.search(best):
            text = _SEED.sub(lambda m: f"{m[1]}{m[2]}{seed}", best)
            return with_hypothesis(text, _TOLD["words"].format(seed=seed))
        return SOURCE.format(seed=seed, copies=self.copies)


make = Null
