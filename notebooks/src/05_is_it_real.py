# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] id="title"
# # 05 · Is it real?
#
# *About 60 minutes. You need: lessons 01 to 04.*
#
# A ratchet can only report progress. That is its charm and its flaw: it reports progress also
# where there is none. This lesson is about telling the two apart, and there is a letter in it that
# may be opened only once.
#
# **After this lesson you can**
#
# 1. say how much a score moves when nothing has changed, and show a ratchet climbing on that
#    alone;
# 2. explain why the best of many looks better than it is, and what a decision rule can do about
#    it;
# 3. audit a run (fresh folds, sealed test, another hospital) and call it real, luck, or cannot
#    tell.

# %% [markdown] id="setup-words"
# ## Set up
#
# This cell finds the course folder, wherever the notebook was started.

# %% id="setup"
import importlib.util
import sys
from pathlib import Path

folders = [Path.cwd(), *Path.cwd().parents]
course = [f for f in folders if (f / "pyproject.toml").is_file() and (f / "harness").is_dir()]
if course:
    sys.path.insert(0, str(course[0]))
elif importlib.util.find_spec("harness") is None:
    raise FileNotFoundError("start Jupyter inside the course folder (papermill: use --cwd)")

# %% id="imports"
import json

import numpy as np
import pandas as pd
from IPython.display import Code

from harness import plots
from harness.agents import get_agent
from harness.agents.playbook import null
from harness.evidence import audit, audit_report
from harness.rules import rules
from harness.run import Run, loop
from harness.scoring import Scorer
from harness.teaching import checks, figures, lesson

# %% id="parameters" tags=["parameters"]
tag: str = "lesson04"  # the run that is audited; made here if there is none

# %% [markdown] id="nothing-words"
# ## Twenty programs that are all the same
#
# The **null agent** changes a random seed and nothing else. Its programs fit the baseline to a
# few random draws of the training rows (**bootstrap samples**) and average. Which draws, the seed
# decides; on average no seed is better than another. Whatever these programs gain on each other
# is luck, by construction.

# %% id="nothing"
scorer = Scorer()
sources = [null.SOURCE.format(seed=100_000_000 + i, copies=3) for i in range(20)]
Code(lesson.diff(sources[0], sources[1]), language="diff")

# %% [markdown] id="nothing-after"
# One number differs, and it means nothing. **Predict:** how far apart will the best and the worst
# of the twenty score?

# %% id="nothing-scores"
scores = scorer.score_many(sources)
val_auc = np.array([score.val_auc for score in scores])
lesson.markdown(
    f"From {val_auc.min():.4f} to {val_auc.max():.4f}, a range of **{np.ptp(val_auc):.4f}**; "
    f"SD {val_auc.std(ddof=1):.4f}."
)

# %% [markdown] id="nothing-scores-after"
# Hold the gain of your run in lesson 04 against that range: here nothing but a seed has changed.

# %% [markdown] id="climb-words"
# ## The ratchet climbs on nothing
#
# Now let a strict ratchet meet these programs one by one. The order is chance, so we look at 200
# orders of the same twenty.
#
# **Predict:** will the curve of the best score so far be flat?

# %% id="climb"
rng = np.random.default_rng(0)
orders = np.array([rng.permutation(len(sources)) for _ in range(200)])
staircases = np.maximum.accumulate(val_auc[orders], axis=1)
gained = (staircases[:, -1] - staircases[:, 0]).mean()
seeds = (2001, 2002, 2003)  # folds that no program was chosen by
fresh = np.array([scorer.fold_scores(source, seeds) for source in sources])

# %% id="climb-figure"
fig = figures.climbs(
    staircases,
    f"Nothing was there to find: the ratchet gains {gained:.4f} on average all the same",
)
plots.show(
    fig,
    f"Two hundred staircases of twenty equal programs. On average they climb by {gained:.4f}, "
    "steeply at first, then ever more slowly.",
)

# %% [markdown] id="climb-after"
# On average it looks just like research: steep at first, then harder and harder. The shape alone
# proves nothing. This climb is the **noise floor** of a search: what you get for trying, not for
# knowing.

# %% [markdown] id="curse-words"
# ## The winner's curse
#
# Take the winner of the twenty and score it again, on **fresh folds**: the same patients, cut in
# other ways, by seeds that nobody has looked at.
#
# **Predict:** will it still be the best? Still better than the average?

# %% id="curse"
fresh_auc = fresh.mean(axis=(1, 2))
winner = int(np.argmax(val_auc))
claimed = val_auc[winner] - val_auc.mean()
left = fresh_auc[winner] - fresh_auc.mean()
fig = figures.fall_back(
    val_auc,
    fresh_auc,
    f"The winner led by {claimed:.4f}; on fresh folds its lead is {left:+.4f}",
)
plots.show(
    fig,
    f"Twenty lines from frozen to fresh folds. The winner leads the mean by {claimed:.4f} on the "
    f"left and by {left:+.4f} on the right.",
)

# %% [markdown] id="curse-after"
# Two things happened. All programs moved, since the frozen folds are kind ones. And the winner
# fell back into the crowd: it had been chosen *for* its luck, and luck does not travel. That is
# the **winner's curse**, and every leaderboard has it.

# %% [markdown] id="exercise-1-words"
# ### Exercise 5.1: what survives
#
# Compute `survives`: which share of the winner's lead over the average of the twenty is left on
# fresh folds? Use `val_auc` (frozen folds) and `fresh_auc`. The answer may be negative. `best` is
# for a step on the way, if you want one.

# %% id="exercise-1"
# <solution>
best = np.argmax(val_auc)
survives = (fresh_auc[best] - fresh_auc.mean()) / (val_auc[best] - val_auc.mean())
# </solution>

# %% id="exercise-1-check"
checks.share_that_survives(survives, val_auc, fresh_auc)

# %% [markdown] id="exercise-1-after"
# For these programs the honest share is zero, plus or minus the noise of the fresh folds. For a
# real improvement it usually lies between zero and one. Remember to ask for it.

# %% [markdown] id="rules-words"
# ## Rules that know about luck
#
# `strict` compares two numbers. Others ask how sure one may be:
#
# - `ladder` wants the gain to exceed its own **standard error** (the SD of the five gains, divided
#   by √5);
# - `confirm` wants the same of the gain on fresh folds;
# - `corrected_t` does so too, with a wider margin: folds share patients, so their gains are not
#   independent;
# - `rope` is as careful, and wants the gain to be large enough to matter.
#
# We let each rule meet the twenty equal programs in the 200 orders. Every keep is a **false
# keep**.
#
# **Predict:** how many false keeps per run for `strict`? And for the others?

# %% id="rules"
evidence = [
    rules.Evidence(s.val_auc, s.fold_scores, 0, repeats)
    for s, repeats in zip(scores, fresh, strict=True)
]


def false_keeps(rule, order):
    """Count what a rule keeps of programs that are all the same."""
    best, kept = evidence[order[0]], 0
    for i in order[1:]:
        if rule.decide(evidence[i], best).keep:
            best, kept = evidence[i], kept + 1
    return kept


# %% id="rules-figure"
keeps = {
    name: np.array([false_keeps(rule, order) for order in orders])
    for name, rule in rules.RULES.items()
}
fig = plots.bars(
    {name: counts.mean() for name, counts in keeps.items()},
    f"Of 19 equal candidates strict keeps {keeps['strict'].mean():.1f} on average; others fewer",
    "false keeps per run (mean ± 1 SD over 200 orders)",
    errors=[counts.std(ddof=1) for counts in keeps.values()],
    highlight=["strict"],
)
means = ", ".join(f"{name} {counts.mean():.2f}" for name, counts in keeps.items())
plots.show(fig, f"Bar chart of false keeps per run by rule: {means}.")

# %% [markdown] id="rules-after"
# Fewer false keeps are not free: a rule that is hard to fool by luck is also slow to believe a
# small real gain. How the rules trade one for the other, measured over many runs, stands in the
# README, and `benchmarks/` has the scripts.

# %% [markdown] id="audit-words"
# ## Audit a real run
#
# Now the run from lesson 04, by the strict rule. If you have none, the next cell makes a short
# one. An **audit** asks, in order of weight: is the gain there on fresh folds that no decision
# saw? On the sealed test? In another hospital (Budapest, other patients, other habits)?

# %% id="audit-run"
folder = lesson.RUNS / tag
if not (folder / "results.tsv").is_file():
    with Run.open(tag, rule="strict", agent="playbook", seed=0, scorer=scorer) as run:
        loop.run(run, get_agent("playbook"), iterations=6, on_row=lambda row: None)
rows = audit.read_run(folder)[1]
print(f"run {tag}: {len(rows) - 1} candidates, val_auc {rows[0].val_auc:.4f} to "
      f"{max(row.val_auc for row in rows if row.decision != 'discarded'):.4f}")  # fmt: skip

# %% [markdown] id="open-words"
# **Predict, and write it down:** how much of the gain will be there on the fresh folds? Then run
# the next cell. It opens the sealed test, and writes down that you did; a second opening is
# written down as the second. Whoever looks, changes something, and looks again, has turned the
# test into a training set.

# %% id="open"
found = audit.open_and_audit(folder, scorer)
plots.show(audit_report.figure(found), audit_report.alt(found))

# %% [markdown] id="open-after"
# Left: baseline and best on the same fresh folds. Middle: the gain that the run claims, and below
# it what the evidence says; the dashed line is what so many tries find on average with nothing
# there. A **95% interval** holds the gains that go well with the data: of many intervals made in
# this way, about 95 in 100 hold the true value.
#
# Right, the **calibration**: of the patients who were given 80%, were about 80% sick? On the grey
# line, yes. The **Brier score** is the mean squared error of these probabilities: lower is
# better. In words:

# %% id="open-paragraph"
lesson.markdown(audit_report.paragraph(found))

# %% [markdown] id="open-paragraph-after"
# Look at how wide the interval of the sealed test is. So few patients can rule out a large loss,
# not confirm a small gain. That is why the fresh folds weigh more, and why "cannot tell" is an
# honest verdict and not a failure.
#
# But fresh folds are cut from the same patients. They take away the luck of the cut, not the luck
# of having had these patients. Only other patients take that away, here those of the sealed test
# and of Budapest.

# %% [markdown] id="published-words"
# ## A case from the wild
#
# The loop that inspired this course published this table for the same hospital, on a test of 76
# patients. Its ratchet had kept whatever raised the *test* AUC.
#
# | | test AUC | cross-validated AUC |
# |---|---|---|
# | baseline | 0.8474 | 0.9122 |
# | FLAML | 0.8836 | not given |
# | ratchet | 0.9091 | 0.9103 |
#
# **Predict:** which two numbers in it should make you stop?


# %% id="published-se"
def auc_standard_error(auc, sick, healthy):
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (sick - 1) * (one - auc**2) + (healthy - 1) * (two - auc**2)
    return np.sqrt(spread / (sick * healthy))


n_sick = round(76 * 139 / 303)  # of all 303 patients 139 are sick
for name, value in {"baseline": 0.8474, "FLAML": 0.8836, "ratchet": 0.9091}.items():
    error = auc_standard_error(value, n_sick, 76 - n_sick)
    print(f"{name:8}  {value:.4f}, 95% interval {value - 2 * error:.3f} to {value + 2 * error:.3f}")

# %% [markdown] id="published-after"
# The three intervals overlap widely. (All three programs sat the same test, so a comparison
# patient by patient would be sharper; the table does not allow one.) And the one measurement that
# nobody had selected on, the cross-validated AUC, puts the winner a little *below* the baseline.
# The likely reading: the test score rose because it was what the ratchet climbed. The test had
# become a training set, and the table is the winner's curse in print.

# %% [markdown] id="exercise-2-words"
# ### Exercise 5.2: five recorded runs
#
# `claimed` is the gain on the frozen folds, `luck` what so many tries find on average with nothing
# there, `fresh` the gain on fresh folds, with its 95% interval from `fresh_low` to `fresh_high`.
# Judge each run as `"real"`, `"luck"` or `"cannot tell"`, by the auditor's rule:
#
# - **real**: the 95% interval on fresh folds lies above 0;
# - **luck**: it does not, and either the fresh gain is not even above 0, or the claim lies above
#   the whole interval;
# - **cannot tell**: anything else.
#
# Make `verdicts` a dictionary with one entry per run: `{"A": …, "B": …}` and so on to `"E"`.

# %% id="recorded"
path = lesson.RUNS.parent / "harness" / "data" / "recorded_runs.json"
recorded = json.loads(path.read_text(encoding="utf-8"))
columns = ["tries", "claimed", "luck", "fresh", "fresh_low", "fresh_high"]
pd.DataFrame(recorded).T[columns].astype(float).round(4)

# %% id="recorded-figure"
fig = figures.claims(recorded, "A claim is one point; the interval says whether it is real")
words = "; ".join(
    f"{letter}: claims {run['claimed']:.4f}, fresh {run['fresh']:+.4f} "
    f"({run['fresh_low']:+.4f} to {run['fresh_high']:+.4f})"
    for letter, run in recorded.items()
)
plots.show(fig, f"Claimed and fresh gains of five runs. {words}.")

# %% [markdown] id="recorded-after"
# The short black bar is the gain that so many tries would find on average with nothing there. A
# claim that does not pass it says nothing by itself.


# %% id="exercise-2"
# <solution>
def judge(run):
    """Give the verdict by the auditor's rule."""
    if run["fresh_low"] > 0:
        return "real"
    if run["fresh"] <= 0 or run["claimed"] > run["fresh_high"]:
        return "luck"
    return "cannot tell"


verdicts = {letter: judge(run) for letter, run in recorded.items()}
# </solution>

# %% id="exercise-2-check"
checks.verdicts_on_runs(verdicts, recorded)

# %% [markdown] id="exercise-2-after"
# Two of the five were made by the null agent. Did you spot them?

# %% id="close"
scorer.close()
print({letter: run["agent"] for letter, run in recorded.items()})

# %% [markdown] id="close-after"
# The null agent only changes seeds: whatever its runs claim is luck. Did your verdicts say so?

# %% [markdown] id="quiz-words"
# ## Quiz
#
# Three questions. Open a choice, or click it, to see why it is right or wrong.

# %% id="quiz-1" tags=["quiz"]
checks.quiz(
    "You try 100 candidates instead of 25, all of them worthless. The reported gain will …",
    right="a",
    a=("grow, but slowly.", "The best of more tickets is luckier, ever more slowly."),
    b=(
        "stay at zero.",
        "A strict ratchet reports the luckiest: on average more than zero, even after one try.",
    ),
    c=("grow four times.", "The best of many grows much more slowly than their number."),
)

# %% id="quiz-2" tags=["quiz"]
checks.quiz(
    "The sealed test shows a gain of 0.01 with an interval from -0.02 to 0.04. What do you say?",
    right="c",
    a=("The gain is real.", "Zero, and a loss, lie well inside the interval."),
    b=("The gain is luck.", "A gain of 0.03 lies inside as well: you have not shown its absence."),
    c=(
        "This test cannot tell.",
        "It is too small for a gain of this size. Look for more patients.",
    ),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "After the audit you improve the program and open the sealed test again. The new score …",
    right="b",
    a=("counts like the first.", "You changed something *because* of what you saw."),
    b=(
        "is worth less, and the record says that it is the second opening.",
        "What is chosen by a score cannot be judged by it. Fresh patients can judge.",
    ),
    c=("is forbidden by the harness.", "It lets you, and writes it down: honesty, not locks."),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. A score moves though nothing has changed, and a ratchet climbs on that alone: the more tries,
#    the higher.
# 2. The best of many was chosen for its luck and falls back on fresh folds. Rules that ask for a
#    margin or a confirmation keep less of it, and are slower to believe small real gains.
# 3. An audit looks where no decision has looked: fresh folds, the sealed test once, another
#    hospital. *Real*, *luck* and *cannot tell* are all good answers; a claim alone is none.
#
# Next: **06 · When agents cheat**.
