"""The check of every exercise, by lesson: any right answer passes, likely slips get a hint."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from harness.candidate import normalise
from harness.task import HEART
from harness.teaching.checking import (
    NOT_ATTEMPTED,
    NOT_YET,
    Hint,
    Question,
    Result,
    as_number,
    attempt,
    compare,
    exercise,
    near,
    need,
    quiz,
)
from harness.teaching.first_checks import *  # noqa: F403
from harness.teaching.first_checks import CASES

__all__ = ["NOT_ATTEMPTED", "NOT_YET", "Hint", "Question", "Result", "as_number", "quiz"]

# -- lesson 05: luck --------------------------------------------------------------------


@exercise("5.1")
def share_that_survives(answer, frozen: np.ndarray, fresh: np.ndarray) -> str:
    """Share of the winner's lead that is left on fresh folds."""
    best, mean, fresh_mean = int(np.argmax(frozen)), np.mean(frozen), np.mean(fresh)
    lead, left = frozen[best] - mean, fresh[best] - fresh_mean
    truth = left / lead
    other, moved = (np.max(fresh) - fresh_mean) / lead, (fresh[best] - mean) / lead
    follow = "That follows the best on the fresh folds: choose by val_auc, then look at that one."
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


@exercise("5.2")
def ladder_rule(answer: Callable) -> str:
    """Keep a mean gain on the frozen folds that exceeds its standard error."""
    cases = CASES["ladder_rule"]
    for frozen, fresh, kept, hint in cases:
        given = attempt(answer, np.array(frozen) / 1000, np.array(fresh) / 1000)
        need(not isinstance(given, str), f"Give back True or False, not the text {given!r}.")
        need(bool(given) == kept, f"With the gains {frozen} in thousandths it gave {given}. {hint}")
    return f"It agrees with the rule in {len(cases)} cases."


@exercise("5.3")
def fresh_gains_by_hand(answer: Callable, X, y: np.ndarray) -> str:
    """Paired gains of one model over another, one for each seed of the folds."""
    from sklearn.model_selection import cross_val_score
    from sklearn.tree import DecisionTreeClassifier

    deep, stump = (DecisionTreeClassifier(max_depth=d, random_state=0) for d in (3, 1))
    seeds = (301, 302)
    first, second = np.array([
        [cross_val_score(m, X, y, cv=HEART.folds(X, y, s), scoring="roc_auc").mean() for s in seeds]
        for m in (deep, stump)
    ])  # fmt: skip
    gains = first - second
    value = np.asarray(attempt(answer, deep, stump, seeds), dtype=float)
    need(value.shape != (), "That is one number: give back one gain for each seed, as an array.")
    need(value.size == 2, f"For two seeds two gains are wanted; this has {value.size} numbers.")
    value = value.ravel()
    need(not np.allclose(value, -gains), "The sign: `model` minus `other`.")
    need(not np.allclose(value, first), "Those are scores of `model` alone.")
    need(
        not math.isclose(value[0], value[1]),
        "Both seeds gave the same: does the seed reach HEART.folds(X, y, seed)?",
    )
    need(
        np.allclose(value, gains, atol=1e-6),
        f"A deep tree against a stump should gain {gains.round(4)} here, yours says "
        f"{value.round(4)}. Both models sit the same five folds, scored by roc_auc.",
    )
    return "The same folds for both: that is what pairing means."


# -- lesson 06: is it real? -------------------------------------------------------------

VERDICTS = ("real", "luck", "cannot tell")


@exercise("6.1")
def verdicts_on_runs(answer, recorded: Mapping[str, Mapping]) -> str:
    """Real, luck or cannot tell, for each recorded run."""
    need(
        isinstance(answer, Mapping),
        'Give a dictionary with one verdict per run, like {"A": "real", "B": "luck", …}.',
    )
    said = {str(k).strip().upper(): " ".join(str(v).lower().split()) for k, v in answer.items()}
    given = {k: re.sub("^can(’t|'t|t| not) ", "cannot ", v) for k, v in said.items()}
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


@exercise("6.2")
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
        (t(v), 2, "That trusts this edit's own scatter alone: V0, of all tries, counts ten times."),
        (t(V0, V0), 2, "That is V0 alone: the edit's own v counts too, once in eleven."),
        (t(tries_gains.var(axis=1).mean(), gains.var()), 2, "Divide by n-1: var(ddof=1)."),
        (t(tries_gains.var(axis=1).mean()), 2, "V0 divides by 5: var(axis=1, ddof=1)."),
        (t(V0, factor=1 / gains.size + 1 / folds), 2, "1/5 is a fold's share of all; it is 1/4."),
        (t(tries_gains.var(ddof=1)), 2, "V0 is the mean of one variance per try: axis=1."),
        (t(np.sqrt(each).mean() ** 2), 2, "Average the variances, not the SDs."),
        (-t(V0), 2, "The sign: after minus before."),
    )
    hint = "T = g / s, and s² = (1/n + 1/4) · (10 · V0 + v) / 11; n is gains.size."
    value = as_number(answer)
    if not near(value, t(V0)):  # without the harness's guard against tries that change nothing
        compare(value, found.t, 2, slips, hint)
    return f"The gain of {g:.4f} is {found.t:.2f} of its standard errors of {found.error:.4f}."


@exercise("6.3")
def sensitivities(answer, model, X, y: np.ndarray) -> str:
    """Share of the sick of each sex that get a probability of one half or more, out of fold."""
    from sklearn.model_selection import cross_val_predict

    need(isinstance(answer, Mapping), 'Give a dictionary, like {"women": 0.5, "men": 0.5}.')
    p = cross_val_predict(model, X, y, cv=HEART.folds(X, y), method="predict_proba")[:, 1]
    seen = model.fit(X, y).predict_proba(X)[:, 1]
    given = {str(name).strip().lower(): value for name, value in answer.items()}
    for name, code in (("women", 0), ("men", 1)):
        need(name in given, f"There is no entry {name!r}.")
        rows = (X["sex"] == code).to_numpy()
        sick, yes = rows & (y == 1), p >= 0.5
        slips = (
            (yes[rows].mean(), 3, "That counts all of them: sensitivity is a share of the sick."),
            ((yes == y)[rows].mean(), 3, "That is the share of right answers, for sick and well."),
            ((seen[sick] >= 0.5).mean(), 3, "The model has seen these patients: predict out of "
             "fold, with cross_val_predict."),
            (y[rows & yes].mean(), 3, "That is the share of the positive answers that are right."),
            (1 - yes[sick].mean(), 3, "That is the share it misses."),
        )  # fmt: skip
        hint = f"{name}: of those with y == 1, which share has p >= 0.5?"
        compare(given[name], float(yes[sick].mean()), 2, slips, hint)
    few = int(((X["sex"] == 0) & (y == 1)).sum())
    return f"Only {few} women are sick here: one patient moves their share by {1 / few:.0%}."


# -- lesson 07: when agents cheat -------------------------------------------------------


class _Knowing:  # not within the check: `judge.py` sends it to where the answer runs
    """Knows the true answers; one that learns turns them if it is fitted to turned ones."""

    def __init__(self, truth: dict, learns: bool):
        self.truth, self.learns = truth, learns

    def fit(self, X, y):
        known = np.array([self.truth[row] for row in X.index])
        self.turned = self.learns and np.mean(known == np.asarray(y)) < 0.5
        return self

    def predict_proba(self, X):
        p = np.array([float(self.truth[row]) for row in X.index])
        return np.c_[p, 1 - p] if self.turned else np.c_[1 - p, p]


@exercise("7.1")
def flip_probe(answer: Callable, X, y: np.ndarray) -> str:
    """AUC on turned labels: as good as ever for a model that learns, bad for one that knows."""
    truth = dict(zip(X.index, y, strict=True))
    models = (_Knowing(truth, learns) for learns in (False, True))
    knows, learns = (as_number(attempt(answer, model, X, y)) for model in models)
    otherwise = (
        f"A program that knows should score 0, one that learns 1; yours say {knows:.3f}, "
        f"{learns:.3f}. With labels of 0 and 1, 1 - y turns them."
    )
    hint = CASES["flip_probe"].get(f"{knows:.2f} {learns:.2f}", otherwise)
    need(near(knows, 0) and near(learns, 1), hint)
    return "A program that learns does not mind; a program that knows is wrong about everybody."


STOPPED_BY, WHY = CASES["stopped_by"], CASES["why"]


@exercise("7.2")
def what_stops_what(answer, isolation: str = "") -> str:
    """Lock, trusted sum or probe, for five tricks; where files have no lock, a probe for `a`."""
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
    also = {} if not isolation or "landlock" in isolation else {"a": "probe", "d": "probe"}
    wrong = [k for k, v in STOPPED_BY.items() if given[k] not in (v, also.get(k))]
    need(not wrong, f"Not quite at {', '.join(wrong)}. {WHY[wrong[0]] if wrong else ''}")
    return "Each layer for what it can do."


def _reaches(source: str) -> int:
    """Count what a program that only models has no use for."""
    return len(re.findall(CASES["reaching"], normalise(source), flags=re.MULTILINE))


@exercise("7.3")
def your_own_cheat(answer, scorer, start: str) -> str:
    """Score and probe the learner's cheat, and say what became of it."""
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
        need(
            _reaches(answer) > _reaches(start),
            "It gains nothing, and it is a model and no more. A cheat reaches for what it should "
            "not have: a file, the clock, another fold, the printed score, a table of answers.",
        )
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


# -- lesson 08: your own research -------------------------------------------------------


@exercise("8.1")
def columns_alone(answer, table, target: str) -> str:
    """ROC AUC of each numeric column alone, upwards or downwards."""
    from sklearn.metrics import roc_auc_score

    need(hasattr(answer, "items"), "Give a dictionary.")
    given = {str(name): value for name, value in answer.items()}
    need(target not in given, f"{target} is what is predicted: leave it out.")
    columns = table.drop(columns=target).select_dtypes("number")
    missing = sorted(set(columns) - set(given))
    need(not missing, f"Still missing: {', '.join(missing[:3])}.")
    best = ""
    for name in columns:
        filled = columns[name].fillna(columns[name].median())
        area = float(roc_auc_score(table[target], filled))
        truth, low = max(area, 1 - area), min(area, 1 - area)
        slips = ((low, 3, f"{name} counts downwards: take one minus its AUC."),)
        compare(given[name], truth, 3, slips, f"{name}: roc_auc_score({target}, column).")
        best = name if not best or truth > as_number(given[best]) else best
    return f"{best} is ahead with {as_number(given[best]):.3f}."


@exercise("8.2")
def columns_that_must_go(answer, columns: Sequence[str], target: str = "fast") -> str:
    """The identifier and the column from the future; of another table, only the learner knows."""
    given = [answer] if isinstance(answer, str) else answer
    need(isinstance(given, Sequence | set | frozenset), "Give a list of column names.")
    names = {str(name).strip() for name in given} - {target}
    unknown = sorted(names - set(columns))
    need(not unknown, f"There is no column {', '.join(unknown)}: copy the names from the table.")
    if "insulin_after" not in columns:
        left = ", ".join(sorted(names)) or "nothing"
        return f"Left out: {left}. You know this table; ask when each column was written down."
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


@exercise("8.3")
def plan(answer, paired_sd: float) -> str:
    """A plan whose parts can be kept and mean something."""
    from harness.rules import RULES

    need(isinstance(answer, Mapping), "Give a dictionary with the four entries.")
    missing = [
        k for k in ("smallest_gain", "tries", "rule", "openings") if answer.get(k) in (None, ...)
    ]
    need(not missing, f"Still missing: {', '.join(missing)}.")
    gain = as_number(answer["smallest_gain"])
    need(0 < gain < 0.5, "smallest_gain is a difference in AUC: a small number above 0.")
    need(
        gain >= 2 * paired_sd,
        f"smallest_gain {gain:.4f} is less than two paired SDs ({2 * paired_sd:.4f}): it may "
        "matter, but another draw of the folds would 'find' it as well.",
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
    return f"{lesson}A gain counts from {gain:.4f}: the audit is held to that."
