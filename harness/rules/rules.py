"""Keep or discard: pure functions over paired fold scores.

A rule sees the evidence for a candidate and for the best program so far, measured on the
same folds, and answers keep or discard with a short reason. It does no I/O and holds no
state, so a run can be replayed and checked from its ledger.

`strict` is the original rule: any gain is kept, luck included. The others ask in
different ways whether the gain is larger than its noise:

===========  ===========================================================================
strict       gain > 0 on the frozen folds
ladder       gain > its own standard error on the frozen folds (Blum and Hardt 2015)
confirm      the gain is there again on fresh folds, beyond what the split explains
corrected_t  as confirm, with the sampling of the patients in the noise, too
             (Nadeau and Bengio 2003)
rope         as corrected_t, and the gain is large enough to matter
             (Benavoli et al. 2017)
===========  ===========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.rules.stats import bayes_correlated_t, corrected_t_test

TIE = 1e-6  # AUC moves in steps of 1/(positives x negatives) > 1e-4 here: below is rounding
STOP_AT = 0.99  # no honest model reaches this on HEART: stop and look for leakage

# Fold seeds for confirmation. The frozen fold seed is 42; the audit uses seeds from 9001
# on, which no rule ever sees. The rows are the same, so many seeds add little: with five,
# the corrected standard error is within 8% of what infinitely many would give.
CONFIRM_SEEDS = (101, 102, 103, 104, 105)

ALPHA = 0.10  # corrected_t: one-sided level
ROPE = 0.001  # rope: half-width in AUC that counts as "no difference"
ROPE_SURE = 0.90  # rope: posterior probability of a gain beyond ROPE that a keep needs


@dataclass(frozen=True)
class Evidence:
    """What a rule may look at, for the candidate and for the best so far.

    Attributes
    ----------
    val_auc : float
        Mean over the frozen folds.
    fold_scores : tuple of float
        One score per frozen fold, in fold order.
    n_chars : int
        Length of the source, for the tie-break.
    repeats : array of shape (n_seeds, n_folds), optional
        Scores on the rule's own fold seeds; the same seeds for candidate and best.
        None unless the rule has `fold_seeds` and the candidate passed `worth_confirming`.
    """

    val_auc: float
    fold_scores: tuple[float, ...]
    n_chars: int
    repeats: np.ndarray | None = None


@dataclass(frozen=True)
class Verdict:
    """The decision, the gain on the frozen folds, and one short phrase for the ledger."""

    keep: bool
    delta: float
    reason: str


def _always(candidate: Evidence, best: Evidence) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """A named decision rule.

    `fold_seeds` are the extra cross-validations that `decide` needs in
    `Evidence.repeats`; they are computed only for candidates that pass the cheap gate
    `worth_confirming`. A candidate that does not pass is discarded by `decide` without
    repeats.
    """

    name: str
    decide: Callable[[Evidence, Evidence], Verdict]
    fold_seeds: tuple[int, ...] = ()
    worth_confirming: Callable[[Evidence, Evidence], bool] = _always


# -- what all rules share ---------------------------------------------------------------


def _unusable(candidate: Evidence, best: Evidence) -> Verdict | None:
    """Discard what cannot be compared: no number, or other folds than the best had."""
    delta = candidate.val_auc - best.val_auc
    scores = np.asarray(candidate.fold_scores, dtype=float)
    if not math.isfinite(candidate.val_auc) or not np.isfinite(scores).all():
        return Verdict(False, math.nan, "no finite score")
    if not math.isfinite(delta):
        return Verdict(False, delta, "the best so far has no finite score")
    if len(candidate.fold_scores) != len(best.fold_scores) or len(scores) < 2:
        return Verdict(False, delta, "scored on other folds than the best")
    return None


def _fold_gains(candidate: Evidence, best: Evidence) -> np.ndarray:
    return np.asarray(candidate.fold_scores, float) - np.asarray(best.fold_scores, float)


def _same_but_shorter(candidate: Evidence, best: Evidence) -> bool:
    """Whether every fold ties and the source shrank: simpler at no cost, no luck involved."""
    same = bool(np.all(np.abs(_fold_gains(candidate, best)) <= TIE))
    return same and candidate.n_chars < best.n_chars


def _gain_on_frozen_folds(candidate: Evidence, best: Evidence) -> bool:
    """Cheap gate of the confirming rules: no fresh folds for what did not gain at all."""
    return _unusable(candidate, best) is None and candidate.val_auc - best.val_auc > TIE


# -- the rules --------------------------------------------------------------------------


def decide_strict(candidate: Evidence, best: Evidence) -> Verdict:
    """Keep iff `val_auc` rose; ties within 1e-6 are kept iff the file got shorter.

    The rule of the original autoresearch loop.
    """
    if bad := _unusable(candidate, best):
        return bad
    delta = candidate.val_auc - best.val_auc
    if delta > TIE:
        return Verdict(True, delta, f"gain {delta:.4f} > 0")
    if delta < -TIE:
        return Verdict(False, delta, f"loss {-delta:.4f}")
    if candidate.n_chars < best.n_chars:
        return Verdict(True, delta, f"tie, {best.n_chars - candidate.n_chars} chars shorter")
    return Verdict(False, delta, "tie, not shorter")


def decide_ladder(candidate: Evidence, best: Evidence) -> Verdict:
    """Keep iff the paired gain exceeds its own standard error, sd(gains)/sqrt(k).

    The parameter-free Ladder of Blum and Hardt (2015), The Ladder: a reliable leaderboard
    for machine learning competitions, ICML, PMLR 37 (the mechanism "without parameters";
    the authors' code calls the comparison a one-sided paired t-test). There, pairs are
    single losses; AUC has no loss per row, so pairs here are folds. No allowance is made
    for the folds being correlated: `corrected_t` makes one.
    """
    if bad := _unusable(candidate, best):
        return bad
    gains = _fold_gains(candidate, best)
    delta = candidate.val_auc - best.val_auc
    if _same_but_shorter(candidate, best):
        return Verdict(True, delta, f"tie, {best.n_chars - candidate.n_chars} chars shorter")
    if delta <= TIE:
        return Verdict(False, delta, f"loss {-delta:.4f}" if delta < -TIE else "tie")
    se = float(gains.std(ddof=1) / math.sqrt(len(gains)))
    keep = delta > se
    return Verdict(keep, delta, f"gain {delta:.4f} {'>' if keep else '<='} its SE {se:.4f}")


def _confirming(
    judge: Callable[[np.ndarray], tuple[bool, str]],
) -> Callable[[Evidence, Evidence], Verdict]:
    """Wrap a judge of fresh-fold gains, shape (n_seeds, n_folds), into a rule."""

    def decide(candidate: Evidence, best: Evidence) -> Verdict:
        if bad := _unusable(candidate, best):
            return bad
        delta = candidate.val_auc - best.val_auc
        if _same_but_shorter(candidate, best):
            fewer = best.n_chars - candidate.n_chars
            return Verdict(True, delta, f"tie, {fewer} chars shorter")
        if delta <= TIE:
            return Verdict(False, delta, f"loss {-delta:.4f}" if delta < -TIE else "tie")
        if candidate.repeats is None or best.repeats is None:
            raise ValueError("this rule needs scores on its fold_seeds for both programs")
        gains = np.asarray(candidate.repeats, float) - np.asarray(best.repeats, float)
        if gains.ndim != 2 or gains.shape[0] < 2 or not np.isfinite(gains).all():
            return Verdict(False, delta, "no finite score on fresh folds")
        keep, reason = judge(gains)
        return Verdict(keep, delta, reason)

    return decide


def _judge_confirm(gains: np.ndarray) -> tuple[bool, str]:
    per_seed = gains.mean(axis=1)
    gain = float(per_seed.mean())
    se = float(per_seed.std(ddof=1) / math.sqrt(len(per_seed)))
    keep = gain > max(TIE, se)
    return keep, f"fresh gain {gain:.4f} {'>' if keep else '<='} its SE {se:.4f}"


def _judge_corrected_t(gains: np.ndarray) -> tuple[bool, str]:
    test = corrected_t_test(gains, n_folds=gains.shape[1])
    keep = test.mean > TIE and test.p_greater < ALPHA
    return keep, f"fresh gain {test.mean:.4f}, p={test.p_greater:.3f} (needs < {ALPHA:g})"


def _judge_rope(gains: np.ndarray) -> tuple[bool, str]:
    _, _, better = bayes_correlated_t(gains, n_folds=gains.shape[1], rope=ROPE)
    keep = better >= ROPE_SURE
    return keep, f"P(gain > {ROPE:g}) = {better:.2f} (needs {ROPE_SURE:g})"


decide_confirm = _confirming(_judge_confirm)
decide_corrected_t = _confirming(_judge_corrected_t)
decide_rope = _confirming(_judge_rope)

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("strict", decide_strict),
        Rule("ladder", decide_ladder),
        Rule("confirm", decide_confirm, CONFIRM_SEEDS, _gain_on_frozen_folds),
        Rule("corrected_t", decide_corrected_t, CONFIRM_SEEDS, _gain_on_frozen_folds),
        Rule("rope", decide_rope, CONFIRM_SEEDS, _gain_on_frozen_folds),
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
