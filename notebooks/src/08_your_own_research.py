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
# *About 40 minutes, and as many evenings as you like. You need: lessons 01 to 07.*
#
# Heart disease was the practice ground. Now take a table of your own. The loop is the easy part;
# what decides is done before it starts and after it ends.
#
# **After this lesson you can**
#
# 1. turn a table into a frozen task, and find the column that gives the answer away;
# 2. write a plan before the first candidate: how small a gain counts, how many tries, which rule;
# 3. run, audit, and report in a few sentences that would still be true in a year, and say how good
#    your own predictions were.

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
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %% id="imports-course"
from harness import plots
from harness.agents import get_agent
from harness.evidence import audit, audit_report
from harness.newtask import new_task
from harness.run import Run, loop
from harness.scoring import Scorer
from harness.teaching import calibration, checks, guess, lesson, outcome

# %% [markdown] id="table-words"
# ## A table
#
# For your own research, write the path of a CSV file (one row per case, with a header) and the name
# of the column to predict into the next cell: everything below then speaks of *that* table. This
# notebook takes two classes, coded 0 and 1; `ratchet new` on the command line takes more. Answers
# in words are coded by pandas: for example, `table["died"] = (table["died"] == "yes").astype(int)`.

# %% id="own-table"
my_file = ""  # for example "/data/study.csv"
my_target = ""  # for example "died"

# %% [markdown] id="example-words"
# As long as it is empty we use an example: patients with diabetes, measured once, and whether the
# disease had progressed fast a year later (Efron and others 2004; it comes with scikit-learn). As
# in life, the table has come with two extra columns. We put them in, so that you know what to find.

# %% id="table"
if my_file:
    table, target = pd.read_csv(my_file), my_target
    if target not in table:
        raise ValueError(f"{my_file} has no column {target!r}, but {', '.join(table.columns)}")
    if set(table[target]) != {0, 1}:
        raise ValueError(f"{target} holds {set(table[target])}: code it as 0 and 1, below read_csv")
else:
    table, target = load_diabetes(as_frame=True, scaled=False).frame, "fast"
    fast = (table.pop("target") > 140.5).astype(int)
    rng = np.random.default_rng(0)
    table.insert(0, "patient_id", rng.permutation(90_000)[: len(table)])
    table["insulin_after"] = rng.normal(np.where(fast == 1, 28, 18), 6).round(1)
    table["fast"] = fast
y = table[target]
lesson.neat(table.head())

# %% [markdown] id="table-after"
# In the example, `s1` to `s6` are blood values, `bp` is blood pressure, and `insulin_after` is the
# daily dose that the patient was given at the end of the year. `fast`, 1 for the half in which the
# disease went faster, is what we want to predict.

# %% [markdown] id="exercise-1-words"
# ### Exercise 8.1: each column alone
#
# Before any model, ask each column alone. Make `alone` a dictionary: for each numeric column but
# the target, its ROC AUC as if it were a prediction (`roc_auc_score`, gaps filled by the column's
# median). A column may count downwards: take the AUC or one minus it, whichever is larger.

# %% id="exercise-1"
# <solution>
alone = {}
for name in table.drop(columns=target).select_dtypes("number"):
    area = roc_auc_score(y, table[name].fillna(table[name].median()))
    alone[name] = max(area, 1 - area)
# </solution>

# %% id="exercise-1-check"
checks.columns_alone(alone, table, target)

# %% [markdown] id="exercise-1-after"
# A column that is far ahead of all others is a question. When was it written down, and by whom?

# %% [markdown] id="exercise-2-words"
# ### Exercise 8.2: which columns must go?
#
# Imagine the day on which your model will be used: a new patient sits there, and the year has not
# passed. Make `must_go` a list of the columns that must not be used, by name. Two thoughts help:
# does the column exist on that day? And does it say anything about the patient?

# %% id="exercise-2"
# <solution>
must_go = ["patient_id", "insulin_after"]
# </solution>

# %% id="exercise-2-check"
checks.columns_that_must_go(must_go, list(table.columns), target)

# %% [markdown] id="exercise-2-after"
# A column from the future is a common leak, and no cross-validation sees it: it is there in the
# training rows *and* in the hidden ones.

# %% [markdown] id="task-words"
# ## Freeze it
#
# `new_task` (on the command line: `ratchet new`) reads the table, guesses what it can, complains
# where it must, and freezes the rest: file, split, folds, metric, budget. We make the task twice:
# with all columns, and without those that must go.
#
# **Predict:** by how much do the columns that must go lift the AUC?

# %% id="guess-leak"
guess("8a", "AUC with all columns minus AUC without those that must go", within=0.03)

# %% id="gone" tags=["folded"]
# As long as exercise 8.2 is open, the example goes on with what its solution leaves out.
given = "insulin_after" if must_go is ... else must_go
given = [given] if isinstance(given, str) else given
gone = [name for name in given if name in table]

# %% id="task"
folder = Path(tempfile.mkdtemp(prefix="lesson08-"))
table.to_csv(folder / "table.csv", index=False)
made = {
    name: new_task(f"mine-{i}", folder / "table.csv", target, root=folder, drop=drop)
    for i, (name, drop) in enumerate({"all columns": [], "without": gone}.items())
}
for line in made["without"].warnings + made["without"].choices:
    print(line)

# %% [markdown] id="task-after"
# Read these lines as you would read a contract. An identifier is found without being asked. A
# column from the future is not: it looks like any good predictor. That one is your job.
#
# The task is a folder. It holds the data, the frozen settings, a starting `train.py` and a
# `program.md` of its own: there you would tell an agent what you know about the columns.

# %% id="leak"
scores = {}
for name, one in made.items():
    with Scorer(one.task) as scorer:
        scores[name] = scorer.score((one.task.folder / "train.py").read_text(encoding="utf-8"))
leaky, honest = (score.val_auc for score in scores.values())

# %% id="leak-figure" tags=["folded"]
fig = plots.intervals(
    {name: score.fold_scores for name, score in scores.items()},
    f"AUC {leaky:.3f} with all columns, {honest:.3f} without those that must go",
    "ROC AUC of the baseline, one dot per fold, mean ± 1 SD",
)
plots.show(fig, f"Mean AUC {leaky:.3f} with all columns, {honest:.3f} without those that must go.")
outcome("8a", leaky - honest)

# %% [markdown] id="leak-after"
# Where the two differ, the higher number is worth nothing: on the day it is needed, the column is
# empty. From here on we work without what must go.

# %% [markdown] id="plan-words"
# ## A plan, before the first candidate
#
# How small a gain can be seen at all? Not the wobble of one score tells that, but the wobble of a
# *difference*, because both programs sit the same folds. We take two programs that hardly differ,
# the baseline with two penalties, and look how their difference moves when the folds are drawn
# anew.

# %% id="noise"
task = made["without"].task
X = table.drop(columns=[target, *gone]).select_dtypes("number")


def pair(seed):
    """AUC of two penalties on the same folds."""
    cv, aucs = StratifiedKFold(5, shuffle=True, random_state=seed), []
    for C in (1.0, 0.1):
        steps = SimpleImputer(), StandardScaler(), LogisticRegression(C=C, max_iter=500)
        scores = cross_val_score(make_pipeline(*steps), X, y, cv=cv, scoring="roc_auc")
        aucs.append(scores.mean())
    return aucs


# %% id="noise-sd"
both = np.array([pair(seed) for seed in range(10)])
noise_sd = float(both[:, 0].std(ddof=1))
paired_sd = float((both[:, 1] - both[:, 0]).std(ddof=1))

# %% id="noise-said" tags=["folded"]
lesson.markdown(
    f"One score moves by an SD of {noise_sd:.4f}, the difference by **{paired_sd:.4f}**. (Programs "
    "that differ more have differences that move more.)"
)

# %% [markdown] id="exercise-3-words"
# ### Exercise 8.3: write the plan
#
# Make `plan` a dictionary with the four entries below. With a plan made before looking, it is
# harder to fool oneself afterwards.
#
# - `"smallest_gain"`: the smallest gain in AUC that would matter *to you*. Two hundredths, say,
#   would put two more pairs in a hundred into the right order. It should not be less than two
#   `paired_sd`, or nobody could see it.
# - `"tries"`: how many candidates at most, 1 to 12 here (a night at home may take hundreds).
# - `"rule"`: `"strict"`, `"ladder"`, `"confirm"` or `"moderated"` (lessons 05 and 06).
# - `"openings"`: how often you will open the sealed test.

# %% id="exercise-3"
# <solution>
plan = {"smallest_gain": 0.02, "tries": 6, "rule": "confirm", "openings": 1}
# </solution>

# %% id="exercise-3-check"
checks.plan(plan, paired_sd)

# %% [markdown] id="exercise-3-after"
# Put such a plan into a file with a date before you start. Where it matters, people register it in
# public: that is called **preregistration**.

# %% [markdown] id="run-words"
# ## Run
#
# As many candidates as you planned, by the playbook, whose moves were made for another table.
#
# **Predict:** how many candidates will your rule keep?

# %% id="guess-kept"
guess("8b", "Candidates kept", within=0)

# %% id="run"
follow = {"tries": 6, "rule": "confirm"} | (plan if isinstance(plan, dict) else {})
scorer = Scorer(task)
with Run.open(
    "mine", root=folder / "runs", task=task, agent="playbook", rule=follow["rule"], scorer=scorer
) as run:
    live = lesson.LivePlot(run.ledger.rows, noise_sd)
    ended = loop.run(
        run, get_agent("playbook"), iterations=int(follow["tries"]), on_row=live, say=lesson.say
    )
print(ended.reason)
outcome("8b", sum(row.decision == "kept" for row in live.rows))

# %% [markdown] id="run-after"
# If something was kept, hold its gain against your `smallest_gain`: that is what the plan was
# for. If nothing was kept, that is a result too: these ideas do not beat the baseline by more
# than the noise. And a candidate may score higher than the best and still be discarded: every
# rule but `strict` asks for more than that.

# %% [markdown] id="audit-words"
# ## Audit, once
#
# Fresh folds and the sealed test, as in lesson 06: this is the one opening of the plan. There is no
# other hospital for this table; for your own, look for one *before* you start: another year,
# another site, another device.

# %% id="audit"
found = audit.audit(folder / "runs" / "mine", scorer, task=task, hospital=None)
plots.show(audit_report.figure(found), audit_report.alt(found))

# %% [markdown] id="audit-after"
# The title is the verdict, by the rule of exercise 6.1. Where something was kept, compare the
# claim, the diamond, with the interval on fresh folds below it. Where nothing was, there is no gain
# to judge.

# %% [markdown] id="report-words"
# ## Report
#
# A report that would still be true in a year says what was tried, by which rule, what came out,
# how sure one can be, and what was not looked at. Here is one, from the numbers of this run.

# %% id="report" tags=["folded"]
test, moved = found.test, f"went from {found.baseline_val:.4f} to {found.best_val:.4f}"
fresh = f"Fresh folds: {found.fresh.value:+.4f} (95% {found.fresh.low:+.4f} to "
fresh += f"{found.fresh.high:+.4f}). Verdict: **{found.verdict}**"
if not found.best_iteration:
    moved = f"stayed at {found.baseline_val:.4f}: nothing was kept"
    fresh = "There is no gain to claim"
lesson.markdown(
    "> We asked whether a better model than logistic regression could be found for "
    f"`{target}` ({len(table)} rows, {test.rows} of them sealed). **{found.tries} candidates** "
    f"were scored under the rule `{found.rule}`. Validation AUC {moved} (the difference of two "
    f"similar programs has an SD of {paired_sd:.4f}). {fresh}. On the sealed test the chosen "
    f"program reaches {test.best.value:.3f} ({test.best.low:.3f} to {test.best.high:.3f}). Left "
    f"out before the start: {', '.join(gone) or 'nothing'}. No second site was available."
)

# %% [markdown] id="report-after"
# Every number in it came from a cell above. Change the plan, run the notebook again from the top,
# and the report changes with it: that is the only kind of report this course believes in.

# %% id="close"
scorer.close()

# %% [markdown] id="not-words"
# ## Before anybody uses it
#
# None of this is for clinical use. The heart data are from 1981 to 1984; examinations, treatments
# and patients have changed since. A published table comes with a licence (ours is CC BY 4.0, which
# asks to name its makers), and patients' data of your own need consent and somebody who is
# answerable for them. Whoever reports a model for prediction in medicine follows TRIPOD+AI (Collins
# and others 2024): a list of what readers need to judge it, from where the patients came from to
# whom the model fails.

# %% [markdown] id="guesses-words"
# ## How good were your predictions?
#
# Wherever lessons 01 to 08 said *Predict* you could write a guess, and how sure you were. Here they
# are, with what came. Guesses that were made after the outcome was shown do not count.

# %% id="guesses"
mine = calibration()
mine = mine[~mine["late"].astype(bool)]
lesson.neat(mine[["question", "guess", "outcome", "right", "sure"]]) if len(mine) else None

# %% id="guesses-said" tags=["folded"]
said = mine.dropna(subset=["sure"])
if mine.empty:
    words = "You have written no guess yet. In any lesson, write one before you run the next cell."
else:
    words = f"You were right in **{int(mine['right'].sum())} of {len(mine)}** guesses."
    if len(said):
        sure, right = said["sure"].mean(), said["right"].astype(float).mean()
        words += f" On average you were **{sure:.0%} sure**, and right in **{right:.0%}** of these."
        if abs(sure - right) > 0.1:
            words += f" You may trust yourself {'less' if sure > right else 'more'}."
lesson.markdown(words)

# %% [markdown] id="guesses-after"
# To be right in as many cases as one is sure is **calibration**, the same as for a model: of the
# guesses of which you were 80% sure, about 80% should have come true. With few guesses the share is
# uncertain itself; you know by now how to say that.

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
# 1. A task is a table, frozen. Look for columns from the future before anything else; the harness
#    finds identifiers and copies, not intentions.
# 2. A plan comes first: the smallest gain that counts, the number of tries, the rule, one opening.
# 3. Run, audit, report. "Nothing was found" is a result, a report is a cell that computes its own
#    numbers, and whoever predicts before looking learns how far to trust himself or herself.
#
# This was the last lesson. The rest is yours.
