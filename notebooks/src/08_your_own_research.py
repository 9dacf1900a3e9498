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
# # 08 · Your own research
#
# *About 50 minutes, and as many evenings as you like. You need: lessons 01 to 07.*
#
# Heart disease was the practice ground. Now take a table of your own. The loop is the easy part;
# what decides is done before it starts and after it ends.
#
# **After this lesson you can**
#
# 1. turn a table into a frozen task, and find the column that gives the answer away;
# 2. write a plan before the first candidate: what you look for, how small a gain counts, when to
#    stop;
# 3. run, audit, and report in a few sentences that would still be true in a year.

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
import tempfile

import numpy as np
from sklearn.datasets import load_diabetes

from harness import plots
from harness.agents import get_agent
from harness.evidence import audit, audit_report
from harness.newtask import new_task
from harness.run import Run, loop
from harness.scoring import Scorer
from harness.teaching import checks, lesson

# %% [markdown] id="table-words"
# ## A table
#
# Our example: patients with diabetes, measured once, and whether the disease had progressed fast
# a year later (Efron et al. 2004; it comes with scikit-learn, so no download). For your own
# research, put your file in its place: any CSV with one row per case and a header.
#
# As in life, the table has come with two extra columns. We put them in, so that you know what to
# find.

# %% id="table"
table = load_diabetes(as_frame=True, scaled=False).frame
fast = (table.pop("target") > 140.5).astype(int)
rng = np.random.default_rng(0)
table.insert(0, "patient_id", rng.permutation(90_000)[: len(table)])
table["insulin_after"] = rng.normal(np.where(fast == 1, 28, 18), 6).round(1)
table["fast"] = fast
folder = Path(tempfile.mkdtemp(prefix="lesson08-"))
table.to_csv(folder / "diabetes.csv", index=False)
table.head()

# %% [markdown] id="table-after"
# `s1` to `s6` are blood values, `bp` is blood pressure, `insulin_after` is the daily dose that
# the patient was given at the end of the year. `fast`, 1 for the half in which the disease went
# faster, is what we want to predict.

# %% [markdown] id="exercise-1-words"
# ### Exercise 8.1: which columns must go?
#
# Imagine the day on which your model will be used: a new patient sits there, and the year has not
# passed. Make `must_go` a list of the columns that must not be used, by name. Two thoughts help:
# does the column exist on that day? And does it say anything about the patient?

# %% id="exercise-1"
# <solution>
must_go = ["patient_id", "insulin_after"]
# </solution>

# %% id="exercise-1-check"
checks.columns_that_must_go(must_go, list(table.columns))

# %% [markdown] id="exercise-1-after"
# A column from the future is a common leak, and no cross-validation sees it: it is there in the
# training rows *and* in the hidden ones.

# %% [markdown] id="task-words"
# ## Freeze it
#
# `new_task` (on the command line: `ratchet new`) reads the table, guesses what it can, complains
# where it must, and freezes the rest: file, split, folds, metric, budget. We make the task twice,
# with the column from the future and without.
#
# **Predict:** how much does the one column change the score?

# %% id="task"
drops = {"with insulin_after": [], "without": ["insulin_after"]}
made = {
    name: new_task(f"diabetes-{i}", folder / "diabetes.csv", "fast", root=folder, drop=drop)
    for i, (name, drop) in enumerate(drops.items())
}
for line in made["without"].warnings + made["without"].choices:
    print(line)

# %% [markdown] id="task-after"
# Read these lines as you would read a contract. The identifier was found and left out without
# being asked. The column from the future was not: it looks like any good predictor. That one is
# your job.
#
# The task is a folder. It holds the data, the frozen settings, a starting `train.py` and a
# `program.md` of its own: there you would tell an agent what you know about the columns.

# %% id="leak"
scores = {}
for name, one in made.items():
    with Scorer(one.task) as scorer:
        scores[name] = scorer.score((one.task.folder / "train.py").read_text(encoding="utf-8"))
leaky, honest = (score.val_auc for score in scores.values())
fig = plots.intervals(
    {name: score.fold_scores for name, score in scores.items()},
    f"One column from the future lifts the AUC from {honest:.3f} to {leaky:.3f}",
    "ROC AUC of the baseline, one dot per fold, mean ± 1 SD",
)
plots.show(fig, f"Mean AUC {leaky:.3f} with the column from the future, {honest:.3f} without it.")

# %% [markdown] id="leak-after"
# The higher number is worth nothing, because on the day it is needed the column is empty. From
# here on we work without it.

# %% [markdown] id="plan-words"
# ## A plan, before the first candidate
#
# First the ruler: how much does the baseline move when only the folds are drawn anew?

# %% id="noise"
task = made["without"].task
start = (task.folder / "train.py").read_text(encoding="utf-8")
scorer = Scorer(task)
noise_sd = float(scorer.fold_scores(start, range(1, 9)).mean(axis=1).std(ddof=1))
lesson.markdown(f"Baseline {honest:.4f}; **one noise SD is {noise_sd:.4f}**.")

# %% [markdown] id="exercise-2-words"
# ### Exercise 8.2: write the plan
#
# Make `plan` a dictionary with the four entries below. With a plan made before looking, it is
# harder to fool oneself afterwards.
#
# - `"smallest_gain"`: the smallest gain in AUC that you would call one. Look at `noise_sd`, and at
#   what lesson 04 said about gains below one of it.
# - `"tries"`: how many candidates at most, 1 to 12 here (a night at home may take hundreds).
# - `"rule"`: `"strict"`, `"ladder"`, `"confirm"` or `"moderated"` (lesson 05).
# - `"openings"`: how often you will open the sealed test.

# %% id="exercise-2"
# <solution>
plan = {"smallest_gain": 3 * noise_sd, "tries": 6, "rule": "confirm", "openings": 1}
# </solution>

# %% id="exercise-2-check"
checks.plan(plan, noise_sd)

# %% [markdown] id="exercise-2-after"
# Put such a plan into a file with a date before you start. Where it matters, people register it
# in public: that is called **preregistration**.

# %% [markdown] id="run-words"
# ## Run
#
# As many candidates as you planned, by the playbook, whose moves were made for another table.
#
# **Predict:** will it find something here?

# %% id="run"
follow = plan if isinstance(plan, dict) else {"tries": 6, "rule": "confirm"}
with Run.open(
    "mine", root=folder / "runs", task=task, agent="playbook", rule=follow["rule"], scorer=scorer
) as run:
    live = lesson.LivePlot(run.ledger.rows, noise_sd)
    outcome = loop.run(
        run, get_agent("playbook"), iterations=int(follow["tries"]), on_row=live, say=print
    )
print(outcome.reason)

# %% [markdown] id="run-after"
# If something was kept, hold its gain against your `smallest_gain`: that is what the plan was
# for. If nothing was kept, that is a result too: these ideas do not beat the baseline by more
# than the noise. And a candidate may score higher than the best and still be discarded: every
# rule but `strict` asks for more than that.

# %% [markdown] id="audit-words"
# ## Audit, once
#
# Fresh folds and the sealed test, as in lesson 06: this is the one opening of the plan. There is
# no other hospital for this table; for your own, look for one *before* you start: another year,
# another site, another device.

# %% id="audit"
found = audit.audit(folder / "runs" / "mine", scorer, task=task, hospital=None)
plots.show(audit_report.figure(found), audit_report.alt(found))

# %% [markdown] id="audit-after"
# The title is the verdict, by the rule of exercise 6.1 (where nothing was kept, there is no gain
# to judge). Compare the claim, the diamond, with the interval on fresh folds below it.

# %% [markdown] id="report-words"
# ## Report
#
# A report that would still be true in a year says what was tried, by which rule, what came out,
# how sure one can be, and what was not looked at. Here is one, from the numbers of this run.

# %% id="report"
test = found.test
lesson.markdown(
    "> We asked whether a better model than logistic regression could be found for fast "
    f"progression of diabetes ({len(table)} patients, {test.rows} of them sealed). **{found.tries} "
    f"candidates** were scored under the rule `{found.rule}`. Validation AUC went from "
    f"{found.baseline_val:.4f} to {found.best_val:.4f} (noise SD {noise_sd:.4f}). Fresh folds: "
    f"{found.fresh.value:+.4f} (95% {found.fresh.low:+.4f} to {found.fresh.high:+.4f}); on the "
    f"sealed test the chosen program reaches {test.best.value:.3f} ({test.best.low:.3f} to "
    f"{test.best.high:.3f}). Verdict: **{found.verdict}**. A column recorded after the outcome was "
    "left out. No second site was available."
)

# %% [markdown] id="report-after"
# Every number in it came from a cell above. Change the plan, run the notebook again from the top,
# and the report changes with it: that is the only kind of report this course believes in.

# %% id="close"
scorer.close()

# %% [markdown] id="next-words"
# ## Your table
#
# On the command line the same is (`python -m harness` does what `ratchet` does):
#
# ```
# ratchet new mytask --csv mydata.csv --target outcome --drop column_from_the_future
# ratchet run --tag first --task mytask --iterations 100
# ratchet audit --tag first
# ```
#
# `ratchet new --help` tells about groups (several rows per patient) and time (the test is the
# future). Begin with a table that you know well, and with a question whose answer would change
# something.

# %% [markdown] id="quiz-words"
# ## Quiz
#
# Three questions. Open a choice, or click it, to see why it is right or wrong.

# %% id="quiz-1" tags=["quiz"]
checks.quiz(
    "Your table has five rows per patient. What matters most when you freeze the folds?",
    right="a",
    a=(
        "All rows of a patient lie in the same fold.",
        "Otherwise a patient is learned in one fold and asked in another: lesson 01's copies.",
    ),
    b=("That folds are of exactly equal size.", "Near enough is good enough."),
    c=("That there are many folds.", "More folds leak just the same."),
)

# %% id="quiz-2" tags=["quiz"]
checks.quiz(
    "One column alone reaches AUC 0.97. What is the first thing to find out?",
    right="c",
    a=("Whether a forest does better still.", "First ask whether the number may be believed."),
    b=("Whether it is normally distributed.", "That is a question for later, if at all."),
    c=("When it was recorded.", "Predictors that good are often written down after the outcome."),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "Fifty candidates, nothing kept by your rule. What do you report?",
    right="b",
    a=("Nothing: there is no result.", "Then the next one wastes the same fifty."),
    b=(
        "The baseline, the fifty tries, the rule and the noise.",
        "It tells others how hard this table is, and that you looked.",
    ),
    c=("The best of the fifty.", "The best of fifty is the luckiest; the rule has told you so."),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. A task is a table, frozen: look for columns from the future before anything else; the harness
#    finds identifiers and copies, not intentions.
# 2. A plan comes first: the smallest gain that counts, the number of tries, the rule, one
#    opening.
# 3. Run, audit, report. "Nothing was found" is a result, and a report is a cell that computes its
#    own numbers.
#
# This was the last lesson. The rest is yours.
