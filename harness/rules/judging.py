"""From a score to a decision: the rule, fresh folds where it asks for them, and the probes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness import RunError
from harness.candidate import CandidateError
from harness.scoring import Score


@dataclass
class Best:
    """The best candidate so far, and what rules have been told about it."""

    iteration: int
    sha: str
    source: str
    val_auc: float
    fold_scores: tuple[float, ...]
    repeats: object = None


@dataclass(frozen=True)
class Judged:
    """What became of a score.

    Attributes
    ----------
    score : Score
        With what the probes found; not ok any more if they, or fresh folds, found it wanting.
    keep : bool
    reason : str
        The rule's, empty where it has nothing to add.
    repeats : ndarray of shape (n_seeds, n_folds) or None
        Scores on fresh folds, if the rule asked for them.
    """

    score: Score
    keep: bool = False
    reason: str = ""
    repeats: object = None


def judge(
    source: str, score: Score, best: Best, rule, scorer, before_probing: Callable[[], None]
) -> Judged:
    """Apply the rule to a score that is ok, and probe what would be kept.

    Raises
    ------
    RunError
        If the best program itself fails on the fresh folds that the rule needs.
    """
    from harness.rules.rules import Evidence

    mine = Evidence(score.val_auc, score.fold_scores, len(source))
    theirs = Evidence(best.val_auc, best.fold_scores, len(best.source))
    if rule.fold_seeds and rule.worth_confirming(mine, theirs):
        if best.repeats is None:
            best.repeats = _repeats_of_best(best, rule, scorer)
        try:
            mine = replace(mine, repeats=scorer.fold_scores(source, rule.fold_seeds))
        except CandidateError as err:  # it scored once, but not on other folds
            kind, _, why = str(err).partition(" (")
            return Judged(_failed(score, f"{kind} (on fresh folds: {why or ')'}"))
        theirs = replace(theirs, repeats=best.repeats)
    verdict = rule.decide(mine, theirs)
    if verdict.keep:
        before_probing()
        score = scorer.probe(source, score, best.source)
        if not score.ok:
            return Judged(_failed(score, score.status))
    return Judged(score, verdict.keep, verdict.reason, mine.repeats)


def _repeats_of_best(best: Best, rule, scorer):
    try:
        return scorer.fold_scores(best.source, rule.fold_seeds)
    except CandidateError as err:
        raise RunError(
            f"the best program fails on fresh folds ({err}), which rule '{rule.name}' needs: start "
            "a new tag with another rule"
        ) from None


def _failed(score: Score, status: str) -> Score:
    return replace(score, status=status, val_auc=math.nan)
