"""The check of every exercise, by lesson: any right answer passes, likely slips get a hint."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.teaching.checking import (
    NOT_ATTEMPTED,
    NOT_YET,
    Hint,
    Question,
    Result,
    as_number,
    compare,
    exercise,
    near,
    need,
    quiz,
)
from harness.teaching.first_checks import *  # noqa: F403

__all__ = ["NOT_ATTEMPTED", "NOT_YET", "Hint", "Question", "Result", "as_number", "quiz"]

# -- lesson 05: is it real? -------------------------------------------------------------


@exercise("5.1")
def share_that_survives(answer, frozen: np.ndarray, fresh: np.ndarray) -> str:
    """Share of the winner's lead that is left on fresh folds."""
    best, mean, fresh_mean = int(np.argmax(frozen)), np.mean(frozen), np.mean(fresh)
    lead, left = frozen[best] - mean, fresh[best] - fresh_mean
    truth = left / lead
    other, moved = (np.max(fresh) - fresh_mean) / lead, (fresh[best] - mean) / lead
    follow = "That follows the best on the *fresh* folds: choose by val_auc, then look at that one."
    same = "The average has moved too: compare the winner with the others on the same folds."
    slips = (
        (100 * truth, 0, "Right in percent; give it as a share."),
        (left, 4, "That is the lead on fresh folds: divide by the frozen lead."),
        (other, 2, follow),
        (moved, 2, same),
        (lead / left if left else math.inf, 2, "Upside down: fresh lead over frozen lead."),
        (1 - truth, 2, "That is the share that is lost."),
    )
    hint = "Lead = winner minus mean of all twenty. Fresh lead divided by frozen lead."
    compare(answer, truth, 2, slips, hint)
    return f"{truth:.0%} of a lead of {lead:.4f} is left."


VERDICTS = ("real", "luck", "cannot tell")


@exercise("5.2")
def verdicts_on_runs(answer, recorded: Mapping[str, Mapping]) -> str:
    """Real, luck or cannot tell, for each recorded run."""
    need(
        isinstance(answer, Mapping),
        'Give a dictionary with one verdict per run, like {"A": "real", "B": "luck", …}.',
    )
    given = {str(k).strip().upper(): " ".join(str(v).lower().split()) for k, v in answer.items()}
    missing = sorted(set(recorded) - set(given))
    need(not missing, f"Still without a verdict: {', '.join(missing)}.")
    for letter in recorded:
        need(
            given[letter] in VERDICTS,
            f"{letter}: write one of {', '.join(map(repr, VERDICTS))}, not {given[letter]!r}.",
        )
    wrong = [letter for letter, run in recorded.items() if given[letter] != run["verdict"]]
    if not wrong:
        return "All five. Claim, interval, T and bar: ask papers for them, too."
    need(
        not all(given[k] == "real" for k in recorded),
        "Every run claims a gain; that makes none of them real. Which T is above its bar?",
    )
    letter = wrong[0]
    run = recorded[letter]
    bar = "above" if run["t"] > run["bar"] else "not above"
    claim = "above" if run["claimed"] > run["fresh_high"] else "inside"
    raise Hint(
        f"{len(wrong)} of {len(recorded)} to look at again. {letter}: its T is {bar} the bar, and "
        f"its claim lies {claim} the interval."
    )


@exercise("5.3")
def t_by_hand(answer, gains: np.ndarray, tries_gains: np.ndarray) -> str:
    """T of one edit: gains of shape (n_seeds, n_folds), those of the tries (n_tries, n_folds)."""
    from harness.rules import Tries, test

    folds = gains.shape[1]
    tries = Tries(units=1000, share=1 / (folds - 1))
    for moved in tries_gains:
        tries = tries.plus(moved)
    found, g, v = test(gains, tries, edits=1), gains.mean(), gains.var(ddof=1)
    each = tries_gains.var(axis=1, ddof=1)

    def t(shared: float, own: float = v, factor: float = 1 / gains.size + tries.share) -> float:
        return float(g / math.sqrt(factor * (10 * shared + own) / 11))

    V0 = each.mean()
    both = "1/n alone would be right if the folds shared no patients: add 1/4 (Nadeau and Bengio)."
    slips = (
        (g, 4, "That is the gain itself: divide it by s."),
        (g / t(V0), 4, "That is s: T is the gain divided by it."),
        (t(V0) ** 2 / g, 1, "That divides by s²: take its square root first."),
        (t(V0, factor=1 / gains.size), 2, both),
        (t(V0, factor=tries.share), 2, "The 1/n is missing: the factor is 1/n + 1/4."),
        (t(V0, factor=1 / gains.size + 1 / folds), 2, "1/5 is a fold's share of all; it is 1/4."),
        (t(v), 2, "That trusts this edit's own scatter alone: V0, of all tries, counts ten times."),
        (t(V0, V0), 2, "That is V0 alone: the edit's own v counts too, once in eleven."),
        (t(tries_gains.var(axis=1).mean(), gains.var()), 2, "Divide by n-1: var(ddof=1)."),
        (t(tries_gains.var(axis=1).mean()), 2, "V0 divides by 5: var(axis=1, ddof=1)."),
        (t(tries_gains.var(ddof=1)), 2, "V0 is the mean of one variance per try: axis=1."),
        (t(np.sqrt(each).mean() ** 2), 2, "Average the variances, not the SDs."),
        (-t(V0), 2, "The sign: after minus before."),
    )
    hint = "T = g / s, and s² = (1/n + 1/4) · (10 · V0 + v) / 11; n is gains.size."
    value = as_number(answer)
    if not near(value, t(V0)):  # without the harness's guard against tries that change nothing
        compare(value, found.t, 2, slips, hint)
    return f"The gain of {g:.4f} is {found.t:.2f} of its standard errors of {found.error:.4f}."


# -- lesson 06: when agents cheat -------------------------------------------------------

STOPPED_BY = {"a": "lock", "b": "trusted sum", "c": "probe", "d": "lock", "e": "probe"}
WHY = {
    "a": "The file cannot be opened from inside a fold.",
    "b": "What is printed is a log; the harness computes the score itself.",
    "c": "No lock can stop what is part of the candidate: something has to ask it a question.",
    "d": "The scratch folder is wiped after each fold, and nothing else can be written.",
    "e": "Scored again in fresh processes it gives another number: that is a question, too.",
}


@exercise("6.1")
def what_stops_what(answer) -> str:
    """Lock, trusted sum or probe, for five tricks."""
    need(isinstance(answer, Mapping), 'Give a dictionary, like {"a": "lock", "b": …}.')
    given = {str(k).strip().lower(): " ".join(str(v).lower().split()) for k, v in answer.items()}
    given = {k: v.rstrip("s") for k, v in given.items()}  # locks, probes
    missing = sorted(set(STOPPED_BY) - set(given))
    need(not missing, f"Still without an answer: {', '.join(missing)}.")
    for letter in STOPPED_BY:
        need(
            given[letter] in STOPPED_BY.values(),
            f'{letter}: write "lock", "trusted sum" or "probe", not {given[letter]!r}.',
        )
    wrong = [letter for letter in STOPPED_BY if given[letter] != STOPPED_BY[letter]]
    need(not wrong, f"Not quite at {', '.join(wrong)}. {WHY[wrong[0]] if wrong else ''}")
    return "Each layer for what it can do."


@exercise("6.2")
def your_own_cheat(answer, scorer, start: str) -> str:
    """Score and probe the learner's cheat, and say what became of it."""
    from harness.candidate import normalise

    need(isinstance(answer, str), "This should be the text of a whole train.py: a string.")
    need(
        normalise(answer) != normalise(start),
        "That is the starting program (comments and HYPOTHESIS do not count): try something.",
    )
    honest = scorer.score(start).val_auc
    score = scorer.score(answer)
    need(
        "SyntaxError" not in score.status and "has no function" not in score.status,
        f"It does not get as far as cheating: {score.status}.",
    )
    if not score.ok:
        return f"Stopped: {score.status}."
    if score.val_auc <= honest + 1e-6:
        return f"It ran and gained nothing: {score.val_auc:.4f}, the start has {honest:.4f}."
    score = scorer.probe(answer, score)
    if not score.ok:
        return f"Caught by a probe: {score.status}."
    review = [probe.name for probe in score.probes if probe.verdict == "review"]
    more = f" ({', '.join(review)} asks for a second look)" if review else ""
    raise Hint(
        f"It scores {score.val_auc:.4f} against {honest:.4f} and passes the probes{more}. If it is "
        "better modelling, that is research and no cheat: try something worse. If it is a cheat, "
        "you found a hole: please open an issue."
    )


# -- lesson 07: your own research -------------------------------------------------------


@exercise("7.1")
def columns_that_must_go(answer, columns: Sequence[str]) -> str:
    """The identifier and the column from the future; the target is no feature anyway."""
    given = [answer] if isinstance(answer, str) else answer
    need(isinstance(given, Sequence | set | frozenset), "Give a list of column names.")
    names = {str(name).strip() for name in given} - {"fast"}
    unknown = sorted(names - set(columns))
    need(not unknown, f"There is no column {', '.join(unknown)}: copy the names from the table.")
    need(
        "insulin_after" in names,
        "One column is recorded at the end of the year: on the day of use it does not exist yet.",
    )
    need("patient_id" in names, "One column is only a number that somebody gave out.")
    extra = sorted(names - {"insulin_after", "patient_id"})
    need(
        not extra,
        f"{', '.join(extra)}: known on the day of use, and about the patient. It may stay, even if "
        "it predicts well.",
    )
    return "One says nothing, one says too much."


@exercise("7.2")
def plan(answer, noise_sd: float) -> str:
    """A plan whose parts can be kept and mean something."""
    from harness.rules import RULES

    need(isinstance(answer, Mapping), "Give a dictionary with the four entries.")
    missing = [
        k for k in ("smallest_gain", "tries", "rule", "openings") if answer.get(k) in (None, ...)
    ]
    need(not missing, f"Still missing: {', '.join(missing)}.")
    gain = as_number(answer["smallest_gain"])
    need(gain < 0.5, "smallest_gain is a difference in AUC, a small number like noise_sd.")
    need(
        gain >= noise_sd,
        f"smallest_gain {gain:.4f} is less than one noise SD ({noise_sd:.4f}): another draw of the "
        "folds would 'find' it. Take two or three noise SDs.",
    )
    tries = as_number(answer["tries"])
    need(tries == int(tries) and 1 <= tries <= 12, "tries: a whole number from 1 to 12 here.")
    need(answer["rule"] in RULES, f"rule: one of {', '.join(RULES)}.")
    openings = as_number(answer["openings"])
    need(openings != 0, "openings: the audit below opens it once, to judge. Plan for that.")
    need(
        openings == 1,
        "openings: at most 1. What is looked at twice is chosen by, and can no longer judge.",
    )
    lesson = "Strict believes any gain: let the audit judge. " if answer["rule"] == "strict" else ""
    return f"{lesson}A gain counts from {gain:.4f}, {gain / noise_sd:.1f} noise SDs."
