"""From a score to a decision: the rule, fresh folds where it asks for them, and the probes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness import RunError
from harness.candidate import CandidateError
from harness.rules.guards import measure, objection
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
    guarded: Mapping[str, float] = field(default_factory=dict)  # what guards look at


@dataclass(frozen=True)
class Judged:
    """What became of a score."""

    score: Score  # with the probes; not ok any more if they, or fresh folds, found it wanting
    keep: bool = False
    reason: str = ""  # the rule's, empty where it has nothing to add
    repeats: object = None  # scores on fresh folds, if the rule asked for them
    t: float | None = None  # of a gain on all fresh folds, in standard errors
    bar: float | None = None  # what `t` must exceed to be certified


def judge(
    source: str, score: Score, best: Best, rule, scorer, before_probing: Callable[[], None], tries
) -> Judged:
    """Apply guards and rule to a score that is ok, and probe what would be kept.

    `tries` are those of the run before this one (`harness.rules.certificate.Tries`). Raises a
    RunError if the best program itself fails on the fresh folds that the rule needs.
    """
    if said := objection(rule.guards, measure(rule.guards, score), best.guarded):
        return Judged(score, reason=said)
    try:
        found = decide(source, score, best, rule, scorer, tries)
    except CandidateError as err:  # it scored once, but not on other folds
        kind, _, why = str(err).partition(" (")
        status = f"{kind} (on fresh folds: {why or ')'}"
        return Judged(replace(score, status=status, val_auc=math.nan))
    if found.keep:
        before_probing()
        score = scorer.probe(source, score)
        if not score.ok:
            return Judged(replace(score, val_auc=math.nan))
    return replace(found, score=score)


def decide(source: str, score: Score, best: Best, rule, scorer, tries) -> Judged:
    """Apply the rule alone, with fresh folds if it asks for them; arguments as for `judge`.

    Fresh folds are raced: after each seed the rule may say that the rest is not worth its time. As
    many seeds as there are workers for are scored at once; the decision is the same. Raises a
    CandidateError or a RunError if the program, or the best one, fails on them.
    """
    import numpy as np

    from harness.rules.certificate import test
    from harness.rules.rules import Evidence

    tries = tries.after(score.fold_scores, best.fold_scores)
    mine = Evidence(score.val_auc, score.fold_scores, len(source), tries=tries)
    theirs = Evidence(best.val_auc, best.fold_scores, len(best.source))
    if not (rule.fold_seeds and rule.worth_confirming(mine, theirs)):
        verdict = rule.decide(mine, theirs)
        return Judged(score, verdict.keep, verdict.reason)
    if best.repeats is None:
        try:
            best.repeats = scorer.fold_scores(best.source, rule.fold_seeds)
        except CandidateError as err:
            raise RunError(
                f"the best program fails on fresh folds ({err}), which rule '{rule.name}' "
                "needs: start a new tag with another rule"
            ) from None
    best.repeats = np.asarray(best.repeats, float)
    repeats, at_once = np.empty((0, best.repeats.shape[1])), getattr(scorer, "seeds_at_once", 1)
    for n in range(1, len(rule.fold_seeds) + 1):
        if n > len(repeats):
            try:
                more = scorer.fold_scores(source, rule.fold_seeds[n - 1 : n - 1 + at_once])
            except CandidateError:  # on a seed, perhaps, that the race would not have come to
                if at_once == 1:
                    raise
                more, at_once = scorer.fold_scores(source, rule.fold_seeds[n - 1 : n]), 1
            repeats = np.vstack([repeats, more])
        gains = repeats[:n] - best.repeats[:n]
        if n < len(rule.fold_seeds) and (reason := rule.hopeless(gains)):
            return Judged(score, reason=reason)
    found = test(gains, tries, edits=1)
    mine = replace(mine, repeats=repeats)
    verdict = rule.decide(mine, replace(theirs, repeats=best.repeats))
    return Judged(score, verdict.keep, verdict.reason, repeats, found.t, tries.edit_bar)


def too_good(task, value: float, y=None) -> bool:
    """Whether a score is nearly perfect, by any metric: on real data that is a leak, mostly."""
    from harness.rules.rules import STOP_AT

    metric = getattr(task, "metric", "roc_auc")
    if not metric.startswith("neg_") or y is None:
        return value >= STOP_AT
    import numpy as np

    shares = [(y == k).mean() for k in range(task.n_outputs)] if task.n_outputs > 1 else [y.mean()]
    guess = task.score_predictions(y, np.tile(shares, (len(y), 1)))  # an error
    return value >= guess * (1 - STOP_AT) ** (1 if metric.startswith("neg_mean_squared") else 0.5)
