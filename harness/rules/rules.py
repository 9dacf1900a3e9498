"""Keep or discard: pure functions over paired fold scores.

A rule sees the evidence for a candidate and for the best program so far, measured on the
same folds, and answers keep or discard with a short reason. It does no I/O and holds no
state: the same scores give the same decision again, whoever asks.

`strict` keeps any gain, luck included. The others ask in different ways whether the gain is
larger than its noise:

===========  ===========================================================================
strict       gain > 0 (beyond rounding, `TIE`) on the frozen folds
ladder       gain > its own standard error on the frozen folds
confirm      the gain is there again on five other cuts, beyond what the cut explains
moderated    the gain on these cuts is one that the run's certificate would claim
===========  ===========================================================================

All settle alike what needs no statistics: no score or a loss on the frozen folds is
discarded, and a tie is kept if the file got shorter. Scores are those of the task's metric,
greater is better; `val_auc` is its name in the ledger whatever the metric.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from harness.rules.certificate import Tries, test
from harness.scoring import number

# In units of the metric (`Tries.unit`), as all thresholds here. AUC moves in steps of
# 1/(positives x negatives) > 1e-4 on HEART: below is rounding.
TIE = 1e-6
STOP_AT = 0.99  # no honest model reaches this on HEART: stop and look for leakage

# Fold seeds for confirmation, the same for every candidate (the first decision wears them out as
# *fresh* ones: lesson 05): neither a task's own frozen seed nor those of the audit (from 9001
# on), which no rule ever sees. The rows are the same, so many seeds add little: with five,
# the corrected standard error is within 8% of what infinitely many would give.
CONFIRM_SEEDS = (101, 102, 103, 104, 105)


@dataclass(frozen=True)
class Evidence:
    """What a rule may look at, for the candidate and for the best so far."""

    val_auc: float  # the task's metric, mean over the frozen folds
    fold_scores: tuple[float, ...]  # one per frozen fold, in fold order
    n_chars: int  # length of the source, for the tie-break
    # Scores on the rule's own fold seeds, of shape (n_seeds, n_folds); None unless the rule has
    # `fold_seeds` and the candidate is `worth_confirming`.
    repeats: np.ndarray | None = None
    tries: Tries = Tries(units=1000, share=0.25)  # of the run, this candidate among them


@dataclass(frozen=True)
class Verdict:
    """The decision, the gain on the frozen folds, and one short phrase for the ledger."""

    keep: bool
    delta: float
    reason: str


@dataclass(frozen=True)
class Rule:
    """A named decision rule.

    `fold_seeds` are the extra cross-validations that `decide` needs in `Evidence.repeats`. Only
    candidates that are `worth_confirming` need them: the others are settled without.
    """

    name: str
    decide: Callable[[Evidence, Evidence], Verdict]
    fold_seeds: tuple[int, ...] = ()
    guards: Mapping[str, float] = field(default_factory=dict)  # of the run; see guards.py

    def worth_confirming(self, candidate: Evidence, best: Evidence) -> bool:
        """Whether there is a gain on the frozen folds: no fresh ones for what did not gain."""
        return _settled(candidate, best) is None

    def on(self, task) -> "Rule":
        """Give the rule as it works on a task, whose frozen folds no fresh seed may repeat.

        Folds in time, or of very few groups, cannot be drawn again: the rule then asks its question
        of the frozen ones, with their few degrees of freedom, and confirms nothing.
        """
        seeds = task.fresh_seeds(self.fold_seeds)
        if seeds or not self.fold_seeds:
            return replace(self, fold_seeds=seeds)

        def decide(candidate: Evidence, best: Evidence) -> Verdict:
            mine, theirs = (
                replace(e, repeats=np.array([e.fold_scores])) for e in (candidate, best)
            )
            verdict = self.decide(mine, theirs)
            if _settled(candidate, best) is None:
                said = verdict.reason.replace("fresh gain", "gain")
                verdict = replace(verdict, reason=f"{said}; no other folds, so none confirm it")
            return verdict

        return replace(self, fold_seeds=(), decide=decide)

    def hopeless(self, gains: np.ndarray) -> str:
        """Say why the rest of the fresh folds is not worth its time, or "".

        When gains on the seeds so far, (n_seeds, n_folds), are none together: half the fits of
        `confirm`, for one in 18 of its keeps of a true gain of 0.011 AUC (LOG.md).
        """
        mean = float(gains.mean())
        if mean > 0:
            return ""
        return f"fresh gain {number(mean)} after {len(gains)} of {len(self.fold_seeds)} fold seeds"


def _settled(candidate: Evidence, best: Evidence, strict: bool = False) -> Verdict | None:
    """Decide what needs no statistics, by all rules alike; None if there is a gain to judge."""
    delta = candidate.val_auc - best.val_auc
    scores, others = np.asarray(candidate.fold_scores, float), np.asarray(best.fold_scores, float)
    if not math.isfinite(candidate.val_auc) or not np.isfinite(scores).all():
        return Verdict(False, math.nan, "no finite score")
    if not math.isfinite(delta):
        return Verdict(False, delta, "the best so far has no finite score")
    if len(scores) != len(others) or len(scores) < 2:
        return Verdict(False, delta, "scored on other folds than the best")
    # Simpler at no cost: `strict` looks at the mean, the others want a tie on every fold.
    rounding = TIE * candidate.tries.unit
    tie = abs(delta) <= rounding if strict else np.all(np.abs(scores - others) <= rounding)
    if tie and candidate.n_chars < best.n_chars:
        return Verdict(True, delta, f"tie, {best.n_chars - candidate.n_chars} chars shorter")
    if delta < -rounding:
        return Verdict(False, delta, f"loss {number(-delta)}")
    if delta <= rounding:
        return Verdict(False, delta, "tie, not shorter" if strict else "tie")
    return None


def _unfit(candidate: Evidence, best: Evidence) -> Verdict | None:
    """Refuse fresh folds that no statistics can be made of."""
    if candidate.repeats is None or best.repeats is None:
        raise ValueError("this rule needs scores on its fold_seeds for both programs")
    gains = np.asarray(candidate.repeats, float) - np.asarray(best.repeats, float)
    if gains.ndim == 2 and gains.size > 1 and np.isfinite(gains).all():
        return None
    return Verdict(False, candidate.val_auc - best.val_auc, "no finite score on fresh folds")


def _against_its_se(gains: np.ndarray, gain: float, name: str, tries: Tries) -> tuple[bool, str]:
    se = float(gains.std(ddof=1) / math.sqrt(len(gains)))
    keep = gain > max(TIE * tries.unit, se)
    return keep, f"{name} {number(gain)} {'>' if keep else '<='} its SE {number(se)}"


# -- the rules --------------------------------------------------------------------------


def decide_strict(candidate: Evidence, best: Evidence) -> Verdict:
    """Keep iff `val_auc` rose; ties within 1e-6 are kept iff the file got shorter.

    The original autoresearch loop resets what is equal or worse; the tie for the shorter file is
    that of ProsusAI/autoresearch-edu.
    """
    if verdict := _settled(candidate, best, strict=True):
        return verdict
    delta = candidate.val_auc - best.val_auc
    return Verdict(True, delta, f"gain {number(delta)} > 0")


def decide_ladder(candidate: Evidence, best: Evidence) -> Verdict:
    """Keep a gain iff it exceeds its own standard error, sd(gains)/sqrt(k).

    After the Ladder of Blum and Hardt (2015), The Ladder: a reliable leaderboard for machine
    learning competitions, ICML, PMLR 37 (the mechanism "without parameters"), without its
    guarantee: the Ladder withholds the score of what it rejects, and a ledger shows every score.
    There, pairs are single losses; AUC has no loss per row, so pairs here are folds. No allowance
    is made for the folds being correlated.
    """
    if verdict := _settled(candidate, best):
        return verdict
    delta = candidate.val_auc - best.val_auc
    gains = np.subtract(candidate.fold_scores, best.fold_scores)
    keep, reason = _against_its_se(gains, delta, "gain", candidate.tries)
    return Verdict(keep, delta, reason)


def decide_confirm(candidate: Evidence, best: Evidence) -> Verdict:
    """Keep a gain iff its mean on fresh folds exceeds its standard error over the seeds."""
    if verdict := _settled(candidate, best) or _unfit(candidate, best):
        return verdict
    gains = np.subtract(candidate.repeats, best.repeats)
    per_seed = gains.mean(axis=1) if len(gains) > 1 else gains[0]
    mean, tries = float(per_seed.mean()), candidate.tries
    keep, reason = _against_its_se(per_seed, mean, "fresh gain", tries)
    return Verdict(keep, candidate.val_auc - best.val_auc, reason)


def decide_moderated(candidate: Evidence, best: Evidence) -> Verdict:
    """Keep a gain iff its T on fresh folds exceeds the bar of the run's certificate."""
    if verdict := _settled(candidate, best) or _unfit(candidate, best):
        return verdict
    found = test(np.subtract(candidate.repeats, best.repeats), candidate.tries, edits=1)
    keep = found.gain > TIE * candidate.tries.unit and found.t > candidate.tries.edit_bar
    sign = ">" if keep else "<="
    reason = (
        f"fresh gain {number(found.gain)}, T={found.t:.2f} {sign} {candidate.tries.edit_bar:.2f}"
    )
    return Verdict(keep, candidate.val_auc - best.val_auc, reason)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("strict", decide_strict),
        Rule("ladder", decide_ladder),
        Rule("confirm", decide_confirm, CONFIRM_SEEDS),
        Rule("moderated", decide_moderated, CONFIRM_SEEDS),
    )
}


def get_rule(name: str) -> Rule:
    """Return the rule of that name.

    Raises
    ------
    ValueError
        With the list of names, if there is none.
    """
    try:
        return RULES[name]
    except KeyError:
        raise ValueError(f"unknown rule {name!r}; choose from {', '.join(RULES)}") from None
