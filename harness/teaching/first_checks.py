"""The check of every exercise of lessons 01 to 04; `checks.py` hands them on."""

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness import REPO
from harness.teaching.checking import Hint, NotAttempted, attempt, compare, exercise, need

CASES = tomllib.loads(Path(__file__).with_name("cases.toml").read_text("utf-8"))

# -- lesson 01: the data set ------------------------------------------------------------


@exercise("1.1")
def lazy_accuracy(answer, y: np.ndarray) -> str:
    """Accuracy of calling nobody sick."""
    others = np.asarray(y) == 0
    truth, count = float(others.mean()), int(others.sum())
    slips = (
        (100 * truth, 0, "Right in percent; give it as a share between 0 and 1."),
        (1 - truth, 2, "That is the share of sick patients: the lazy doctor is wrong about those."),
        (0.5, 2, "0.5 would be its AUC. Accuracy counts the right answers."),
        (count, 9, f"{count} is how many it gets right; divide by the number of patients."),
    )
    hint = "It is right about the patients with y == 0: what share of all rows are they?"
    compare(answer, truth, 2, slips, hint)
    return f"{truth:.1%} right answers without looking at a single patient."


@exercise("1.2")
def seen_before(answer: Callable) -> str:
    """Share of validation rows with an exact copy among the training rows."""
    import pandas as pd

    for case in CASES["seen_before"]:
        train, val = ([CASES["rows"][name] for name in case[side]] for side in ("train", "val"))
        share, slips = case["share"], [(wrong, 6, hint) for wrong, hint in case.get("slips", ())]
        # Row labels that overlap by accident, as they do after a split or a reset_index.
        tables = (pd.DataFrame(rows, columns=["age", "ca", "thal"]) for rows in (train, val))
        compare(attempt(answer, *tables), share, 2, slips, case["hint"])
    return "Run it on your next data set before anything else."


@exercise("1.3")
def own_model(answer, X, y: np.ndarray, folds, baseline: Sequence[float]) -> str:
    """A pipeline of the learner's own, cross-validated on the frozen folds."""
    from sklearn.model_selection import cross_val_score

    need(not isinstance(answer, type), "That is a class: call it, with brackets, to get a model.")
    need(hasattr(answer, "fit"), "This should be a model or a pipeline: something with fit.")
    scored = hasattr(answer, "predict_proba") or hasattr(answer, "decision_function")
    need(scored, "ROC AUC needs an order: take a classifier (with predict_proba), no regressor.")
    try:
        scores = cross_val_score(answer, X, y, cv=folds, scoring="roc_auc", error_score="raise")
    except ValueError as error:
        need("NaN" not in str(error), "It stumbles over the gaps: fill them inside the pipeline.")
        raise
    same = np.allclose(scores, baseline)
    need(not same, "Every fold scores as the baseline does: take another model.")
    need(scores.mean() > 0.6, f"{scores.mean():.3f} is little more than a coin: is it the model?")
    better = sum(np.asarray(scores) > baseline)
    return (
        f"{scores.mean():.4f} ± {scores.std(ddof=1):.4f}; the baseline has {np.mean(baseline):.4f} "
        f"± {np.std(baseline, ddof=1):.4f}, and yours is better on {better} folds of 5."
    )


# -- lesson 02: the frozen harness ------------------------------------------------------


@exercise("2.1")
def fold_spread(answer, fold_scores: Sequence[float]) -> str:
    """Sample standard deviation over the folds."""
    scores = np.asarray(fold_scores, dtype=float)
    truth = scores.std(ddof=1)
    folds = "That is the standard error of the mean; val_sd is the spread of the folds themselves."
    slips = (
        (scores.std(), 4, "That divides by 5: a sample of five divides by 4 (ddof=1 in numpy)."),
        (truth / math.sqrt(len(scores)), 4, folds),
        (truth**2, 5, "That is the variance: take its square root."),
        (np.ptp(scores), 4, "That is the range, highest minus lowest."),
        (scores.mean(), 3, "That is the mean, val_auc itself."),
    )
    hint = "Take the standard deviation of the five numbers in score.fold_scores."
    compare(answer, truth, 4, slips, hint)
    return f"{scores.mean():.4f} ± {truth:.4f}."


@exercise("2.2")
def broken_harness(answer, harness: Callable, scorer) -> str:
    """A program that reads the answers under the lesson's own harness, and what ours says."""
    need(isinstance(answer, str), "This should be the text of a program: a string.")
    mine = harness(answer)
    need(not isinstance(mine, str), f"It gets no score, so nothing is broken yet: {mine}")
    need(mine > 0.99, f"my_harness gives it {mine:.4f}: whoever has the answers gets 1.")
    score = scorer.score(answer)
    if score.ok:
        score = scorer.probe(answer, score)
    said = f"scores {score.val_auc:.4f}" if score.ok else score.status.replace(f"{REPO}/", "")
    return f"my_harness believes {mine:.4f}. The real one says: {said}."


FORGED = "val_auc: 0.999999"


@exercise("2.3")
def printed_score(answer, harness: Callable, scorer, honest: float) -> str:
    """A program that prints a winning score, works, and gets its honest score."""
    need(isinstance(answer, str), "This should be the text of a program: a string.")
    score = scorer.score(answer)
    need(score.ok, f"It has to go on working; its status is: {score.status}")
    need(
        FORGED in score.log,
        f"It works, but the line {FORGED!r} is not among what it printed. A print at the top of "
        "the file or inside one of its functions will do.",
    )
    need(
        abs(score.val_auc - honest) < 1e-9,
        f"It prints the line, but it is another model too (val_auc {score.val_auc:.6f}): change "
        "nothing but the print, so that the two scores compare.",
    )
    try:
        said = f"answers {harness(answer)!r}"
    except Exception as error:  # what the exercise is about
        said = f"falls over ({type(error).__name__}: {error})"
    return f"It printed {FORGED!r} and scored {score.val_auc:.6f}. my_harness {said}."


# -- lesson 03: a ratchet step by hand --------------------------------------------------


@exercise("3.1")
def strict_rule(answer: Callable) -> str:
    """The strict rule: gain, tie and shorter, no score."""
    need(callable(answer), "This should be a function: start it with def.")
    cases = CASES["strict_rule"]
    found = [answer(*case[:4]) for case in cases]
    if all(value is None or value is ... for value in found):
        raise NotAttempted
    for value, case in zip(found, cases, strict=True):
        if isinstance(value, str):
            raise Hint(f"Give back True or False, not the text {value!r}.")
        need(bool(value) == case[4], f"decide{tuple(case[:4])} gave {value}. {case[5]}")
    return f"It agrees with the rule in {len(cases)} cases."


FRESH = (201, 202, 203)  # seeds of folds: no rule, no audit and no other exercise draws by these


@exercise("3.2")
def kept_by_you(answer, run) -> str:
    """A change of the learner's own that the ratchet keeps, with a gain on fresh folds too."""
    from harness.agents import Proposal

    need(isinstance(answer, str), "This should be the text of a whole train.py: a string.")
    earlier = run.duplicate_of(answer)
    row = run.step(Proposal(answer)) if earlier is None else run.ledger.rows[earlier]
    need(
        row.decision != "baseline",
        "That is the starting program: comments and HYPOTHESIS alone change nothing.",
    )
    need(row.ok, f"It got no score: {row.status}. Mend that first.")
    tried = "Iteration" if earlier is None else "You tried this before: iteration"
    need(
        row.decision == "kept",
        f"{tried} {row.iteration} scores {row.val_auc:.4f}, {row.delta:+.4f} against the "
        "best then, and was discarded. Undo is free: try another idea.",
    )
    past = [p for p in run.history[: row.iteration] if p.decision != "discarded"][-1]
    after, before = (run.scorer.fold_scores(source, FRESH) for source in (answer, past.source))
    gain = float((after - before).mean())
    same = f"It scores as the program before it, and on fresh folds it gains {gain:+.4f}"
    need(gain != 0, f"{same}: change what it does.")
    need(
        gain > 0,
        f"The ratchet kept it ({row.delta:+.4f}), but on fresh folds it gains {gain:+.4f}: here "
        "the rule was lucky. Look for an idea whose gain is there again.",
    )
    return (
        f"Iteration {row.iteration}: {row.val_auc:.4f} ± {row.val_sd:.4f}, {row.delta:+.4f}; on "
        f"fresh folds {gain:+.4f}."
    )


@exercise("3.3")
def paired_error(answer, before: Sequence[float], after: Sequence[float]) -> str:
    """Standard error of the mean of five paired gains."""
    gains = np.subtract(after, before)
    truth = gains.std(ddof=1) / math.sqrt(len(gains))
    apart = math.sqrt((np.var(before, ddof=1) + np.var(after, ddof=1)) / len(gains))
    slips = (
        (gains.mean(), 4, "That is the mean gain; its standard error is wanted."),
        (gains.std(ddof=1), 4, "That is the SD of the gains: divide by the square root of five."),
        (gains.std() / math.sqrt(len(gains)), 5, "That divides by 5: a sample needs ddof=1."),
        (apart, 4, "That treats the two as strangers: subtract fold by fold first."),
    )
    compare(answer, truth, 5, slips, "SD of the five gains (ddof=1), divided by np.sqrt(5).")
    return f"{gains.mean():+.4f} ± {truth:.4f}; not paired it would be ± {apart:.4f}."


# -- lesson 04: the agent loop ----------------------------------------------------------


@exercise("4.1")
def gain_in_noise(answer, history: Sequence, noise_sd: float) -> str:
    """Gain of the best over the baseline, in standard deviations of the fold noise."""
    kept = [past.val_auc for past in history if past.decision != "discarded"]
    gain, step, last = kept[-1] - kept[0], kept[-1] - kept[-2:][0], history[-1].val_auc - kept[0]
    alone = "That is the last step alone: compare the best with the baseline, iteration 0."
    slips = (
        (gain, 3, "That is the gain itself: divide it by noise_sd."),
        (step / noise_sd, 1, alone),
        (last / noise_sd, 1, "That uses the last candidate: the last one kept is the best so far."),
        (-gain / noise_sd, 1, "The sign: best minus baseline."),
    )
    hint = "Take val_auc of the best and of iteration 0, subtract, divide by noise_sd."
    compare(answer, gain / noise_sd, 1, slips, hint)
    return f"The run gained {gain:.4f}; the ruler itself wobbles by {noise_sd:.4f}."


@exercise("4.2")
def own_agent(answer: Callable, view, scorer) -> str:
    """An agent: three proposals in a row, all different, all with a score."""
    from harness.agents import Past
    from harness.candidate import hypothesis_of, program_id

    seen = {program_id(past.source) for past in view.history}
    sources: list[str] = []
    for _ in range(3):
        source = getattr(attempt(answer, view), "source", None)
        need(isinstance(source, str), "Give back Proposal(source), source the text of a train.py.")
        need(
            program_id(source) not in seen,
            f"Proposal {len(sources) + 1} is a program that was tried before (HYPOTHESIS does not "
            "count): look into view.history, or at view.iteration.",
        )
        seen.add(program_id(source))
        sources.append(source)
        told = (view.iteration, view.best_val_auc, 0.0, "ok", "discarded", 0.0)
        past = Past(*told, hypothesis_of(source), source)
        view = replace(view, history=[*view.history, past], iteration=view.iteration + 1)
    for number, score in enumerate(scores := scorer.score_many(sources), start=1):
        need(score.ok, f"Proposal {number} gets no score: {score.status}")
    said = ", ".join(f"{score.val_auc:.4f}" for score in scores)
    return f"An agent: its three proposals score {said}."


@exercise("4.3")
def changed_program(answer, view, original: str) -> str:
    """A `program.md` with a wish of one's own, seen in the prompt, with the rules still in it."""
    from harness.agents import build_prompt

    need(isinstance(answer, str), "This should be text: the whole of the new program.md.")
    words = set(original.split())
    added = [line.strip() for line in answer.splitlines() if line.strip() not in original]
    need(
        len(words & set(answer.split())) > 0.8 * len(words),
        "The old instructions are gone, and with them the rules: add to view.program.",
    )
    need(bool(added), "This is still the old text: add a line of your own, for example with +.")
    prompt = build_prompt(replace(view, program=answer))
    need(all(line in prompt for line in added), "Your line does not arrive in the prompt.")
    return f"The agent would now read: {added[0][:120]!r}"
