"""The check of every exercise, by lesson: any right answer passes, likely slips get a hint.

What an answer is tried on is in checks.toml, what is told of it in checking.toml.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness import REPO
from harness.candidate import normalise
from harness.files import catalogue
from harness.task import HEART
from harness.teaching.checking import (
    NOT_ATTEMPTED,
    NOT_YET,
    Hint,
    NotAttempted,
    Question,
    Result,
    as_number,
    attempt,
    compare,
    entries,
    exercise,
    near,
    need,
    quiz,
)

__all__ = ["NOT_ATTEMPTED", "NOT_YET", "Hint", "Question", "Result", "as_number", "quiz"]

CASES = catalogue(__file__)
FORGED, STOPPED_BY, VERDICTS = (CASES[name] for name in ("forged", "stopped_by", "verdicts"))
FRESH = (201, 202, 203)  # seeds of folds: no rule, no audit and no other exercise draws by these

# -- lesson 01: the data set ------------------------------------------------------------


@exercise("1.1")
def lazy_accuracy(answer, y: np.ndarray) -> dict:
    """Accuracy of calling nobody sick."""
    others = np.asarray(y) == 0
    truth, count = float(others.mean()), int(others.sum())
    compare(answer, truth, 2, (100 * truth, 1 - truth, 0.5, count), count=count)
    return {"truth": truth}


@exercise("1.2")
def seen_before(answer: Callable) -> None:
    """Share of validation rows with an exact copy among the training rows."""
    import pandas as pd

    for case in CASES["seen_before"]:
        train, val = ([CASES["rows"][name] for name in case[side]] for side in ("train", "val"))
        # Row labels that overlap by accident, as they do after a split or a reset_index.
        tables = (pd.DataFrame(rows, columns=["age", "ca", "thal"]) for rows in (train, val))
        share = as_number(attempt(answer, *tables))
        slips = (hint for wrong, hint in case.get("slips", ()) if near(share, wrong, 6))
        need(near(share, case["share"]), next(slips, case["hint"]))


@exercise("1.3")
def own_model(answer, X, y: np.ndarray, folds, baseline: Sequence[float]) -> dict:
    """A pipeline of the learner's own, cross-validated on the frozen folds."""
    from sklearn.model_selection import cross_val_score

    need(not isinstance(answer, type), "class")
    need(hasattr(answer, "fit"), "model")
    need(hasattr(answer, "predict_proba") or hasattr(answer, "decision_function"), "order")
    try:
        scores = cross_val_score(answer, X, y, cv=folds, scoring="roc_auc", error_score="raise")
    except ValueError as error:
        need("NaN" not in str(error), "gaps")
        raise
    mean, sd = scores.mean(), scores.std(ddof=1)
    need(not np.allclose(scores, baseline), "same")
    need(mean > 0.6, "coin", mean=mean)
    told = {"mean": mean, "sd": sd, "better": sum(np.asarray(scores) > baseline)}
    return told | {"base": np.mean(baseline), "base_sd": np.std(baseline, ddof=1)}


# -- lesson 02: the frozen harness ------------------------------------------------------


@exercise("2.1")
def fold_spread(answer, fold_scores: Sequence[float]) -> dict:
    """Sample standard deviation over the folds."""
    scores = np.asarray(fold_scores, dtype=float)
    mean, truth = scores.mean(), scores.std(ddof=1)
    error = truth / math.sqrt(len(scores))
    compare(answer, truth, 4, (scores.std(), error, truth**2, np.ptp(scores), mean))
    return {"mean": mean, "truth": truth}


@exercise("2.2")
def broken_harness(answer, harness: Callable, scorer) -> dict:
    """A program that reads the answers under the lesson's own harness, and what ours says."""
    need(isinstance(answer, str), "text")
    mine = harness(answer)
    need(not isinstance(mine, str), "whole", mine=mine)
    need(mine > 0.99, "low", mine=mine)
    score = scorer.score(answer)
    if score.ok:
        score = scorer.probe(answer, score)
    said = f"scores {score.val_auc:.4f}" if score.ok else score.status.replace(f"{REPO}/", "")
    return {"mine": mine, "said": said}


@exercise("2.3")
def printed_score(answer, harness: Callable, scorer, honest: float) -> dict:
    """A program that prints a winning score, works, and gets its honest score."""
    need(isinstance(answer, str), "text")
    score = scorer.score(answer)
    need(score.ok, "broken", status=score.status)
    need(FORGED in score.log, "silent", line=FORGED)
    need(abs(score.val_auc - honest) < 1e-9, "other", score=score.val_auc)
    try:
        said = f"answers {harness(answer)!r}"
    except Exception as error:  # what the exercise is about
        said = f"falls over ({type(error).__name__}: {error})"
    return {"line": FORGED, "score": score.val_auc, "said": said}


# -- lesson 03: a ratchet step by hand --------------------------------------------------


@exercise("3.1")
def strict_rule(answer: Callable) -> dict:
    """The strict rule: gain, tie and shorter, no score."""
    need(callable(answer), "This should be a function: start it with def.")
    cases = CASES["strict_rule"]
    found = [answer(*case[:4]) for case in cases]
    if all(value is None or value is ... for value in found):
        raise NotAttempted
    for value, (*case, kept, why) in zip(found, cases, strict=True):
        need(not isinstance(value, str), "text", value=value)
        need(bool(value) == kept, "wrong", case=tuple(case), value=value, why=why)
    return {"cases": len(cases)}


@exercise("3.2")
def kept_by_you(answer, run) -> dict:
    """A change of the learner's own that the ratchet keeps, with a gain on fresh folds too."""
    from harness.agents import Proposal

    need(isinstance(answer, str), "text")
    earlier = run.duplicate_of(answer)
    row = run.step(Proposal(answer)) if earlier is None else run.ledger.rows[earlier]
    need(row.decision != "baseline", "start")
    need(row.ok, "broken", status=row.status)
    told = {"iteration": row.iteration, "auc": row.val_auc, "sd": row.val_sd, "delta": row.delta}
    before = "Iteration" if earlier is None else "You tried this before: iteration"
    need(row.decision == "kept", "discarded", before=before, **told)
    past = [p for p in run.history[: row.iteration] if p.decision != "discarded"][-1]
    after, before = (run.scorer.fold_scores(source, FRESH) for source in (answer, past.source))
    told["gain"] = float((after - before).mean())
    need(told["gain"] != 0, "same", **told)
    need(told["gain"] > 0, "lucky", **told)
    return told


@exercise("3.3")
def paired_error(answer, before: Sequence[float], after: Sequence[float]) -> dict:
    """Standard error of the mean of five paired gains."""
    gains = np.subtract(after, before)
    mean, sd, root = gains.mean(), gains.std(ddof=1), math.sqrt(len(gains))
    apart = math.sqrt((np.var(before, ddof=1) + np.var(after, ddof=1)) / len(gains))
    compare(answer, sd / root, 5, (mean, sd, gains.std() / root, apart))
    return {"mean": mean, "truth": sd / root, "apart": apart}


# -- lesson 04: the agent loop ----------------------------------------------------------


@exercise("4.1")
def gain_in_noise(answer, history: Sequence, noise_sd: float) -> dict:
    """Gain of the best over the baseline, in standard deviations of the fold noise."""
    kept = [past.val_auc for past in history if past.decision != "discarded"]
    gain, step, last = kept[-1] - kept[0], kept[-1] - kept[-2:][0], history[-1].val_auc - kept[0]
    compare(answer, gain / noise_sd, 1, (gain, *(x / noise_sd for x in (step, last, -gain))))
    return {"gain": gain, "noise_sd": noise_sd}


@exercise("4.2")
def own_agent(answer: Callable, view, scorer) -> dict:
    """An agent: three proposals in a row, all different, all with a score."""
    from harness.agents import Past
    from harness.candidate import hypothesis_of, program_id

    seen = {program_id(past.source) for past in view.history}
    sources: list[str] = []
    for number in (1, 2, 3):
        source = getattr(attempt(answer, view), "source", None)
        need(isinstance(source, str), "proposal")
        need(program_id(source) not in seen, "repeated", number=number)
        seen.add(program_id(source))
        sources.append(source)
        told = (view.iteration, view.best_val_auc, 0.0, "ok", "discarded", 0.0)
        past = Past(*told, hypothesis_of(source), source)
        view = replace(view, history=[*view.history, past], iteration=view.iteration + 1)
    for number, score in enumerate(scores := scorer.score_many(sources), start=1):
        need(score.ok, "broken", number=number, status=score.status)
    return {"said": ", ".join(f"{score.val_auc:.4f}" for score in scores)}


@exercise("4.3")
def changed_program(answer, view, original: str) -> dict:
    """A `program.md` with a wish of one's own, seen in the prompt, with the rules still in it."""
    from harness.agents import build_prompt

    need(isinstance(answer, str), "text")
    words, lines = set(original.split()), map(str.strip, answer.splitlines())
    added = [line for line in lines if line not in original]
    need(len(words & set(answer.split())) > 0.8 * len(words), "rules")
    need(bool(added), "old")
    prompt = build_prompt(replace(view, program=answer))
    need(all(line in prompt for line in added), "lost")
    return {"line": added[0][:120]}


# -- lesson 05: luck --------------------------------------------------------------------


@exercise("5.1")
def share_that_survives(answer, frozen: np.ndarray, fresh: np.ndarray) -> dict:
    """Share of the winner's lead that is left on fresh folds."""
    best, mean, fresh_mean = int(np.argmax(frozen)), np.mean(frozen), np.mean(fresh)
    lead, left = frozen[best] - mean, fresh[best] - fresh_mean
    truth, turned = left / lead, lead / left if left else math.inf
    other, moved = (np.max(fresh) - fresh_mean) / lead, (fresh[best] - mean) / lead
    compare(answer, truth, 2, (100 * truth, left, other, moved, turned, 1 - truth))
    return {"truth": truth, "lead": lead}


@exercise("5.2")
def ladder_rule(answer: Callable) -> dict:
    """Keep a mean gain on the frozen folds that exceeds its standard error."""
    cases = CASES["ladder_rule"]
    for frozen, fresh, kept, why in cases:
        given = attempt(answer, np.array(frozen) / 1000, np.array(fresh) / 1000)
        need(not isinstance(given, str), "text", value=given)
        need(bool(given) == kept, "wrong", frozen=frozen, value=given, why=why)
    return {"cases": len(cases)}


@exercise("5.3")
def fresh_gains_by_hand(answer: Callable, X, y: np.ndarray) -> None:
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
    need(value.shape != (), "one")
    need(value.size == 2, "size", size=value.size)
    value = value.ravel()
    need(not np.allclose(value, -gains), "sign")
    need(not np.allclose(value, first), "alone")
    need(not math.isclose(value[0], value[1]), "seed")
    right = np.allclose(value, gains, atol=1e-6)
    need(right, "wrong", gains=gains.round(4), value=value.round(4))


# -- lesson 06: is it real? -------------------------------------------------------------


@exercise("6.1")
def verdicts_on_runs(answer, recorded: Mapping[str, Mapping]) -> None:
    """Real, luck or cannot tell, for each recorded run."""
    given = entries(answer, recorded, VERDICTS)
    wrong = [letter for letter, run in recorded.items() if given[letter] != run["verdict"]]
    if not wrong:
        return
    need(set(given.values()) != {"real"}, "real")
    run = recorded[wrong[0]]
    bar = "above" if run["t"] > run["bar"] else "not above"
    claim = "above" if run["claimed"] > run["fresh_high"] else "inside"
    raise Hint("wrong", count=len(wrong), letter=wrong[0], bar=bar, claim=claim)


@exercise("6.2")
def t_by_hand(answer, gains: np.ndarray, tries_gains: np.ndarray) -> dict:
    """T of one edit: gains of shape (n_seeds, n_folds), those of the tries (n_tries, n_folds)."""
    from harness.rules import Tries, test

    folds = gains.shape[1]
    tries = Tries(units=1000, share=1 / (folds - 1))
    for moved in tries_gains:
        tries = tries.plus(moved)
    found, g, v = test(gains, tries, edits=1), gains.mean(), gains.var(ddof=1)
    each, n = tries_gains.var(axis=1, ddof=1), gains.size

    def t(shared: float, own: float = v, factor: float = 1 / n + tries.share) -> float:
        return float(g / math.sqrt(factor * (10 * shared + own) / 11))

    V0 = each.mean()
    *factors, fifth = (t(V0, factor=f) for f in (1 / n, tries.share, 1 / n + 1 / folds))
    ddof = t(tries_gains.var(axis=1).mean(), gains.var()), t(tries_gains.var(axis=1).mean())
    means = t(tries_gains.var(ddof=1)), t(np.sqrt(each).mean() ** 2)
    slips = (g, g / t(V0), t(V0) ** 2 / g, *factors, t(v), t(V0, V0), *ddof, fifth, *means, -t(V0))
    if not near(as_number(answer), t(V0)):  # without the guard against tries that change nothing
        compare(answer, found.t, 2, slips)
    return {"gain": g, "t": found.t, "error": found.error}


@exercise("6.3")
def sensitivities(answer, model, X, y: np.ndarray) -> dict:
    """Share of the sick of each sex that get a probability of one half or more, out of fold."""
    from sklearn.model_selection import cross_val_predict

    p = cross_val_predict(model, X, y, cv=HEART.folds(X, y), method="predict_proba")[:, 1]
    seen = model.fit(X, y).predict_proba(X)[:, 1] >= 0.5
    for name, code in (("women", 0), ("men", 1)):
        rows = (X["sex"] == code).to_numpy()
        sick, yes = rows & (y == 1), p >= 0.5
        truth = float(yes[sick].mean())
        slips = yes[rows].mean(), (yes == y)[rows].mean(), seen[sick].mean(), y[rows & yes].mean()
        given = entries(answer, [name])[name]
        compare(given, truth, 2, (*slips, 1 - truth), name=name)
    few = int(((X["sex"] == 0) & (y == 1)).sum())
    return {"few": few, "step": 1 / few}


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
def flip_probe(answer: Callable, X, y: np.ndarray) -> None:
    """AUC on turned labels: as good as ever for a model that learns, bad for one that knows."""
    truth = dict(zip(X.index, y, strict=True))
    models = (_Knowing(truth, learns) for learns in (False, True))
    knows, learns = (as_number(attempt(answer, model, X, y)) for model in models)
    for slip, scores in (("neither", (1, 1)), ("scoring", (1, 0)), ("training", (0, 0))):
        need(not (near(knows, scores[0]) and near(learns, scores[1])), slip)
    need(near(knows, 0) and near(learns, 1), "otherwise", knows=knows, learns=learns)


@exercise("7.2")
def what_stops_what(answer, isolation: str = "") -> None:
    """Lock, trusted sum or probe, for five tricks; where files have no lock, a probe for `a`."""
    given = entries(answer, STOPPED_BY, STOPPED_BY.values())
    also = {} if not isolation or "landlock" in isolation else {"a": "probe", "d": "probe"}
    wrong = [k for k, v in STOPPED_BY.items() if given[k] not in (v, also.get(k))]
    if wrong:
        raise Hint("wrong", letters=", ".join(wrong), why=CASES["why"][wrong[0]])


@exercise("7.3")
def your_own_cheat(answer, scorer, start: str) -> dict:
    """Score and probe the learner's cheat, and say what became of it."""
    need(isinstance(answer, str), "text")
    texts = [normalise(source) for source in (answer, start)]
    need(texts[0] != texts[1], "start")
    honest, score = scorer.score(start).val_auc, scorer.score(answer)
    broken = "SyntaxError" in score.status or "has no function" in score.status
    need(not broken, "broken", status=score.status)
    if not score.ok:
        return {"said": f"Stopped: {score.status}."}
    if score.val_auc <= honest + 1e-6:
        # what a program that only models has no use for
        reach, plain = (len(re.findall(CASES["reaching"], text, re.MULTILINE)) for text in texts)
        need(reach > plain, "honest")
        said = f"It ran and gained nothing: {score.val_auc:.4f}, the start has {honest:.4f}."
        return {"said": said}
    score = scorer.probe(answer, score)
    if not score.ok:
        return {"said": f"Caught by a probe: {score.status}."}
    review = [probe.name for probe in score.probes if probe.verdict == "review"]
    more = f" ({', '.join(review)} asks for a second look)" if review else ""
    raise Hint("passes", score=score.val_auc, honest=honest, more=more)


# -- lesson 08: your own research -------------------------------------------------------


@exercise("8.1")
def columns_alone(answer, table, target: str) -> dict:
    """ROC AUC of each numeric column alone, upwards or downwards."""
    from sklearn.metrics import roc_auc_score

    need(target not in getattr(answer, "keys", list)(), "target", target=target)
    columns = table.drop(columns=target).select_dtypes("number")
    given = entries(answer, columns)
    truth = {}
    for name, column in columns.items():
        area = float(roc_auc_score(table[target], column.fillna(column.median())))
        truth[name] = max(area, 1 - area)
        compare(given[name], truth[name], 3, (1 - truth[name],), name=name, target=target)
    best = max(truth, key=truth.get)
    return {"best": best, "area": as_number(given[best])}


@exercise("8.2")
def columns_that_must_go(answer, columns: Sequence[str], target: str = "fast") -> dict:
    """The identifier and the column from the future; of another table, only the learner knows."""
    given = [answer] if isinstance(answer, str) else answer
    need(isinstance(given, Sequence | set | frozenset), "list")
    names = {str(name).strip() for name in given} - {target}
    need(names <= set(columns), "unknown", names=", ".join(sorted(names - set(columns))))
    if "insulin_after" not in columns:
        left = ", ".join(sorted(names)) or "nothing"
        why = "You know this table; ask when each column was written down."
        return {"said": f"Left out: {left}. {why}"}
    need("insulin_after" in names, "future")
    need("patient_id" in names, "number")
    extra = sorted(names - {"insulin_after", "patient_id"})
    need(not extra, "extra", names=", ".join(extra))
    return {"said": "One says nothing, one says too much."}


@exercise("8.3")
def plan(answer, paired_sd: float) -> dict:
    """A plan whose parts can be kept and mean something."""
    from harness.rules import RULES

    given = entries(answer, ("smallest_gain", "tries", "rule", "openings"))
    gain, tries = as_number(given["smallest_gain"]), as_number(given["tries"])
    need(0 < gain < 0.5, "gain")
    need(gain >= 2 * paired_sd, "noise", gain=gain, least=2 * paired_sd)
    need(tries == int(tries) and 1 <= tries <= 12, "tries")
    need(given["rule"] in RULES, "rule", names=", ".join(RULES))
    need(as_number(given["openings"]) != 0, "never")
    need(as_number(given["openings"]) == 1, "often")
    strict = "Strict believes any gain: let the audit judge. " if given["rule"] == "strict" else ""
    return {"strict": strict, "gain": gain}
