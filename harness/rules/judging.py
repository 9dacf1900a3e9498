"""From a score to a decision: the rule, fresh folds where it asks for them, and the probes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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
    repeats: object = None  # scores on fresh folds, once a rule has asked for them
    measured: Mapping[str, float] = field(default_factory=dict)  # what guards look at


@dataclass(frozen=True)
class Judged:
    """What became of a score."""

    score: Score  # with the probes; not ok any more if they, or fresh folds, found it wanting
    keep: bool = False
    reason: str = ""  # the rule's, empty where it has nothing to add
    repeats: object = None  # scores on fresh folds, if the rule asked for them


def judge(
    source: str,
    score: Score,
    best: Best,
    rule,
    scorer,
    before_probing: Callable[[], None],
    object_to: Callable[[Score], str] = lambda score: "",
) -> Judged:
    """Apply the rule and the guards to a score that is ok, and probe what would be kept.

    Raises
    ------
    RunError
        If the best program itself fails on the fresh folds that the rule needs.
    """
    try:
        verdict, repeats = decide(source, score, best, rule, scorer)
    except CandidateError as err:  # it scored once, but not on other folds
        kind, _, why = str(err).partition(" (")
        status = f"{kind} (on fresh folds: {why or ')'}"
        return Judged(replace(score, status=status, val_auc=math.nan))
    if verdict.keep and (objection := object_to(score)):
        return Judged(score, False, f"{verdict.reason}; {objection}", repeats)
    if verdict.keep:
        before_probing()
        score = scorer.probe(source, score)
        if not score.ok:
            return Judged(replace(score, val_auc=math.nan))
    return Judged(score, verdict.keep, verdict.reason, repeats)


def decide(source: str, score: Score, best: Best, rule, scorer):
    """Apply the rule alone; give its verdict, and the scores on fresh folds if it asked for them.

    Raises
    ------
    CandidateError, RunError
        If the program, or the best one, fails on fresh folds.
    """
    from harness.rules.rules import Evidence

    mine = Evidence(score.val_auc, score.fold_scores, len(source))
    theirs = Evidence(best.val_auc, best.fold_scores, len(best.source))
    if rule.fold_seeds and rule.worth_confirming(mine, theirs):
        if best.repeats is None:
            try:
                best.repeats = scorer.fold_scores(best.source, rule.fold_seeds)
            except CandidateError as err:
                raise RunError(
                    f"the best program fails on fresh folds ({err}), which rule '{rule.name}' "
                    "needs: start a new tag with another rule"
                ) from None
        mine = replace(mine, repeats=scorer.fold_scores(source, rule.fold_seeds))
        theirs = replace(theirs, repeats=best.repeats)
    return rule.decide(mine, theirs), mine.repeats
