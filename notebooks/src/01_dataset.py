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
# # 01 · The data set
#
# *About 45 minutes. You need: some Python, and to have met pandas and scikit-learn once.*
#
# Soon a program will try hundreds of ideas on these patients and keep what scores best. Whether
# that is research or nonsense is decided here, before the first idea: by what is in the table.
#
# **After this lesson you can**
#
# 1. say what one row is, what is predicted, what is missing, and what the score `ROC AUC` means;
# 2. show how a score rises without any knowledge, when answers leak from one row to another;
# 3. give a baseline with its spread, and say how much one number from so few patients can be
#    trusted.

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
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness import plots
from harness.task import COLUMNS, HEART
from harness.teaching import checks, guess, lesson, outcome

# %% [markdown] id="patients-words"
# ## The patients
#
# Between May 1981 and September 1984 these people were sent to the Cleveland Clinic for a coronary
# angiography: an X-ray of the vessels of the heart. Before it they were examined. The question for
# the table: could one have told from the examination alone?
#
# The data are *Heart Disease* from the UCI Machine Learning Repository (Janosi, Steinbrunn,
# Pfisterer, Detrano; CC BY 4.0).

# %% id="load"
X_all, y_all = HEART.load()
print(f"{X_all.shape[0]} patients, {X_all.shape[1]} columns")
lesson.neat(X_all.head())

# %% [markdown] id="load-after"
# One row is one patient. `load` checks the file first, against its SHA-256 (a fingerprint that is
# computed from every byte of it), so everybody who takes this course has the same patients.

# %% id="columns"
lesson.neat(pd.DataFrame({"meaning": COLUMNS}))

# %% [markdown] id="columns-after"
# You need not know the medical words; *angina* is chest pain that comes from the heart. But mind
# the codes: `cp`, `restecg`, `slope` and `thal` look like numbers, and a `thal` of 6 is not twice
# a `thal` of 3. That will matter to every model that multiplies.

# %% [markdown] id="target-words"
# ## What is predicted
#
# The **target** is 1 if the angiography found a vessel whose diameter was narrowed by more than
# half, and 0 if not. A 0 does not mean *healthy*: it may be a vessel narrowed by 40 %, and
# somebody had a reason to send this patient. We say *sick* for 1 and *not sick* for 0, and mean no
# more than that.
#
# First we put a fifth of the patients away. They are the **sealed test**: nobody looks at their
# outcome until lesson 06. All of this lesson happens with the others, the **train rows**.

# %% id="target"
split = HEART.split()
X, y = split.X_train, split.y_train
lesson.markdown(
    f"{len(X)} train rows, {len(split.X_test)} sealed. **{y.sum()}** of the train rows have a 1."
)

# %% [markdown] id="target-after"
# Neither group is rare. The split was drawn so that the share of the sick is alike on both sides.

# %% [markdown] id="exercise-1-words"
# ### Exercise 1.1: the laziest doctor
#
# A doctor tells every patient "you are not sick". What is the **accuracy** of that, the share of
# right answers, on the train rows? Use `y`.

# %% id="exercise-1"
# <solution>
lazy_accuracy = float((y == 0).mean())
# </solution>

# %% id="exercise-1-check"
checks.lazy_accuracy(lazy_accuracy, y)

# %% [markdown] id="exercise-1-after"
# Not one patient was helped. Accuracy alone is a poor judge, so we take another.

# %% [markdown] id="auc-words"
# ## The score: ROC AUC
#
# Ask for an order instead of a verdict. Take one sick patient and one who is not. Does the sick
# one get the higher number? Do that for all such pairs: the share of pairs in the right order is
# the **ROC AUC**. 1 is perfect, 0.5 is tossing a coin.
#
# **Predict:** how far does one column alone get? `oldpeak` says how much the heart's electrical
# signal sinks under exercise.
#
# Write your guess into the form below, say how sure you are, and press *Keep my guess* **before**
# you run the next cell. What came will stand beside it, and lesson 08 counts how often you were
# right. You need not guess. (*Run All* shows every outcome at once: a guess after it is kept, but
# not counted.)

# %% id="guess-auc"
guess("1a", "The AUC of oldpeak alone, from 0.5 (a coin) to 1, is about …", within=0.05)

# %% id="auc"
sick, others = X["oldpeak"][y == 1].to_numpy(), X["oldpeak"][y == 0].to_numpy()
# A row for each sick patient, a column for each other: every pair once, True or False.
higher = (sick[:, None] > others[None, :]).mean()
tied = (sick[:, None] == others[None, :]).mean()
print(f"pairs in the right order, ties counted half: {higher + tied / 2:.4f}")
print(f"roc_auc_score of scikit-learn:               {roc_auc_score(y, X['oldpeak']):.4f}")
outcome("1a", roc_auc_score(y, X["oldpeak"]))

# %% [markdown] id="auc-after"
# The same number twice: AUC is no more than counting pairs. One column alone is already well
# above the coin. But it was counted on few patients, and others would give another number. How
# far apart such numbers lie comes below.

# %% [markdown] id="painless-words"
# ## Which pain is the worst sign?
#
# The column `cp` says what kind of chest pain a patient had: 1 is *typical angina*, pain that
# comes with effort and goes with rest, as in the textbook; 2 is *atypical*, 3 is *pain of another
# kind*, and 4 is *asymptomatic*, no pain at all.
#
# **Predict:** in which of the four groups is the largest share sick?

# %% id="guess-painless"
kinds = {1: "typical angina", 2: "atypical angina", 3: "other pain", 4: "no pain"}
guess("1b", "Which group has the largest share of sick patients?", *kinds.values())

# %% id="painless"
groups = pd.DataFrame({"pain": X["cp"].map(kinds), "sick": y}).groupby("pain")["sick"]
shares = groups.agg(["sum", "count", "mean"]).reindex(kinds.values())
shares.columns = ["sick", "patients", "share"]

# %% id="painless-figure" tags=["folded"]
most = shares["share"].idxmax()
fig = plots.bars(
    {f"{name} ({row.sick:g} of {row.patients:g})": row.share for name, row in shares.iterrows()},
    f"The largest share of sick patients is among those with {most}",
    "share that is sick, train rows",
    form="{:.2f}",
)
words = "; ".join(f"{name} {row.share:.2f}" for name, row in shares.iterrows())
plots.show(fig, f"Bars: share of sick patients by kind of chest pain: {words}.")
outcome("1b", most)

# %% [markdown] id="painless-after"
# **Painless is sicker.** That turns the textbook round, and it is no discovery about hearts. Ask
# who is *in* the table: people whom somebody sent for an angiography. With the pain of the textbook
# one is sent at once; without any pain only if other findings are alarming. So those without pain
# who are here are those who look bad otherwise. A model learns it all the same, and it would fail
# in a street full of people without pain. **A table says who came, not only what they have.**

# %% [markdown] id="missing-words"
# ## What is missing
#
# **Predict:** how many of the thirteen columns have gaps?

# %% id="guess-missing"
guess("1c", "How many of the thirteen columns have gaps?", within=0)

# %% id="missing" tags=["folded"]
gaps = X_all.isna().sum().sort_values(ascending=False).head(5)
with_gap = [name for name in gaps.index if gaps[name] > 0]
fig = plots.bars(
    gaps.to_dict(),
    f"{gaps.sum()} values are missing, all of them in {' and '.join(with_gap)}",
    f"missing values among {len(X_all)} patients",
    highlight=with_gap,
)
words = ", ".join(f"{name} {count}" for name, count in gaps.items())
plots.show(fig, f"Bar chart of missing values per column: {words}.")
outcome("1c", int((X_all.isna().sum() > 0).sum()))

# %% [markdown] id="missing-after"
# The columns that are not shown have no gap. Few gaps, then, but a linear model (a weighted sum
# of the columns) refuses even one. They have to be filled (**imputing**), and *when* one does
# that is the next question. In the data of this course the gaps stay open, so that each program
# has to decide.

# %% [markdown] id="leak-words"
# ## How a score rises without knowledge
#
# To see how good a model is on patients it has not met, we hide some: **cross-validation** cuts
# the rows into five **folds**, fits on four, scores on the fifth, and does so five times, so that
# each fold is hidden once.
#
# It only works if the hidden patients are really new. A copy of this data set that many people use
# has 1,025 rows, of which 302 are different. The original has 303 patients. We make the same
# mistake on purpose: we draw from the train rows, with repeats, until there are as many rows for
# each patient.
#
# **Predict:** a forest (many decision trees, averaged) is cross-validated on these rows. By how
# much do the copies lift its AUC: hardly at all, by 0.03, or by more than 0.1?

# %% id="guess-copies"
guess("1d", "The copies lift the AUC by about …", "nothing", "0.03", "0.1 or more")

# %% id="copies"
rng = np.random.default_rng(0)
rows = rng.integers(0, len(X), size=round(len(X) * 1025 / 303))
X_copied, y_copied = X.iloc[rows].reset_index(drop=True), y[rows]
print(f"{len(X)} patients became {len(X_copied)} rows of {len(np.unique(rows))} patients")

# %% [markdown] id="copies-drawn-after"
# Chance left a few patients out; most of the others stand there several times. Now the same
# forest is scored on three tables: each patient once, the copied rows, and the copied rows with
# all copies of a patient kept in one fold.
#
# In the figure each dot is one fold. The bar is their mean ± one **SD** (standard deviation: how
# far values typically lie from their mean).

# %% id="forest"
forest = make_pipeline(
    SimpleImputer(strategy="median"), RandomForestClassifier(60, random_state=0, n_jobs=1)
)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
together = GroupKFold(5, shuffle=True, random_state=0)
auc = {
    "each patient once": cross_val_score(forest, X, y, cv=folds, scoring="roc_auc"),
    "copied rows": cross_val_score(forest, X_copied, y_copied, cv=folds, scoring="roc_auc"),
    "copied rows,\ncopies kept together": cross_val_score(
        forest, X_copied, y_copied, cv=together, groups=rows, scoring="roc_auc"
    ),
}

# %% id="copies-figure" tags=["folded"]
honest, copied, grouped = (scores.mean() for scores in auc.values())
fig = plots.intervals(
    auc,
    f"Copied rows lift the AUC from {honest:.3f} to {copied:.3f}, and nobody learned anything",
    "cross-validated ROC AUC, one dot per fold, mean ± 1 SD",
)
plots.show(
    fig,
    f"Forest: mean AUC {honest:.3f} with each patient once, {copied:.3f} with copied rows, "
    f"{grouped:.3f} with copies of one patient kept in the same fold.",
)
near = {"nothing": 0.0, "0.03": 0.03, "0.1 or more": max(0.1, copied - honest)}
outcome("1d", min(near, key=lambda choice: abs(near[choice] - (copied - honest))))

# %% [markdown] id="copies-after"
# Nothing about the forest changed. With copies, a patient sits in the training folds *and* in the
# hidden fold, and the forest remembers the answer: that is a **leak**. Keep all copies of a
# patient in one fold, and the gain is gone. **A score that is too good is a question, not a
# result.**

# %% [markdown] id="exercise-2-words"
# ### Exercise 1.2: find the copies
#
# Write `seen_before(train, val)`: the share of rows of the table `val` (between 0 and 1) that
# have an exact copy among the rows of the table `train`. Two gaps (NaN) in the same place count
# as equal.
#
# A way to do it: a row can be made a `tuple`, and tuples can be collected in a `set`. NaN does
# not equal NaN, so first put a number that occurs nowhere in place of the gaps (`fillna`).


# %% id="exercise-2"
def seen_before(train, val):
    """Return the share of rows of val that also stand in train."""
    # <solution>
    known = {tuple(row) for row in train.fillna(-1).to_numpy()}
    return float(np.mean([tuple(row) in known for row in val.fillna(-1).to_numpy()]))
    # </solution>


checks.seen_before(seen_before)

# %% [markdown] id="exercise-2-after"
# A check like this belongs at the start of every project. It takes seconds, and Kapoor and
# Narayanan (2023) count hundreds of published papers with leaks, doubled rows among them.

# %% [markdown] id="impute-words"
# ## The same leak, in small: filling gaps before the split
#
# To fill a gap one needs a number, such as the median of the column. Computed on *all* rows, that
# number has seen the hidden patients. How bad is it? With so few gaps nobody could tell, so we
# hide three values in ten and fill them in three ways: with the median of the training folds
# (right), with the median of all rows, and with the median of the patients who have the same
# outcome.
#
# **Predict:** which of the two wrong ways does more harm?

# %% id="guess-holes"
guess("1e", "More harm is done by the median …", "of all rows", "per outcome")

# %% id="holes"
X_holes = X.mask(rng.random(X.shape) < 0.3)
by_outcome = X_holes.groupby(y).transform("median")
ways = {
    "median inside each fold": X_holes,
    "median of all rows,\nbefore the split": X_holes.fillna(X_holes.median()),
    "median per outcome,\nbefore the split": X_holes.fillna(by_outcome),
}
filled = {
    name: cross_val_score(forest, T, y, cv=folds, scoring="roc_auc") for name, T in ways.items()
}

# %% id="holes-figure" tags=["folded"]
inside, before, by_label = (scores.mean() for scores in filled.values())
fig = plots.intervals(
    filled,
    f"Filling gaps with the help of the outcome: AUC {inside:.3f} becomes {by_label:.3f}",
    "cross-validated ROC AUC, one dot per fold, mean ± 1 SD",
)
plots.show(
    fig,
    f"Mean AUC with the median inside each fold {inside:.3f}, with the median of all rows "
    f"{before:.3f}, with the median per outcome {by_label:.3f}.",
)
outcome("1e", "per outcome" if by_label > before else "of all rows")

# %% [markdown] id="holes-after"
# The median of all rows does next to nothing here: it is a leak in principle, too small to see.
# The median per outcome writes the answer into the table. In code the two look almost alike, and
# that is why the rule is simple: **whatever is computed from data is computed inside the fold**,
# from its training rows. In this course the outcomes of a hidden fold never reach the program, so
# the worst of the three cannot happen. Who sees to that is the subject of lesson 02.

# %% [markdown] id="baseline-words"
# ## A baseline, and how far to trust one number
#
# A **baseline** is the plain thing that any idea has to beat. Ours fills gaps with the median,
# brings all columns to one scale, and fits a logistic regression: a weighted sum, squeezed
# between 0 and 1. `HEART.folds` gives the folds that are frozen for this course: everybody scores
# on the same five.

# %% id="baseline"
baseline = make_pipeline(
    SimpleImputer(strategy="median"),
    StandardScaler(),
    LogisticRegression(C=1.0, max_iter=500, random_state=42),
)
scores = cross_val_score(baseline, X, y, cv=HEART.folds(X, y), scoring="roc_auc")
lesson.markdown(
    f"Five folds: {', '.join(f'{s:.3f}' for s in scores)}. "
    f"**Mean {scores.mean():.4f} ± {scores.std(ddof=1):.4f}** (SD over the folds)."
)

# %% [markdown] id="baseline-after"
# Four digits, but look at the folds: they differ from each other by far more than the last two
# digits. The folds were drawn with a **seed**, the number that a random generator starts from.
# What if another seed draws them?
#
# **Predict:** the same program, the same patients, other folds. Of twenty other draws, how many
# stay within 0.001 of the mean above?

# %% id="guess-seeds"
guess("1f", "Of 20 other draws, how many come within 0.001?", within=2)


# %% id="seeds"
def mean_auc(seed):
    """Cross-validate the baseline on folds drawn with another seed."""
    cv = HEART.folds(X, y, seed=seed)
    return cross_val_score(baseline, X, y, cv=cv, scoring="roc_auc").mean()


means = np.array([mean_auc(seed) for seed in range(1, 21)])

# %% id="seeds-figure" tags=["folded"]
fig = plots.intervals(
    {"one fold of about\n48 patients": scores, "mean of five folds,\n20 other draws": means},
    f"The same program scores anything from {means.min():.3f} to {means.max():.3f}",
    "ROC AUC of the baseline, mean ± 1 SD",
    reference=scores.mean(),
    reference_label="the frozen folds",
)
plots.show(
    fig,
    f"Single folds range from {scores.min():.3f} to {scores.max():.3f}. Means over five folds for "
    f"20 draws range from {means.min():.3f} to {means.max():.3f}, SD {means.std(ddof=1):.4f}.",
)

# %% id="seeds-number" tags=["folded"]
above = int((means < scores.mean()).sum())
lesson.markdown(
    f"SD over draws of the folds: **{means.std(ddof=1):.4f}**. The folds frozen for this course "
    f"give {scores.mean():.4f}, more than {above} of the 20 other draws."
)
outcome("1f", int((abs(means - scores.mean()) <= 0.001).sum()))

# %% [markdown] id="seeds-after"
# So the third digit of this score is mostly luck, and our frozen folds happen to be kind. Mind
# the two spreads: single folds lie far apart, means of five less so. And these are the same
# patients throughout: others would move the score further (lesson 06).
#
# That does no harm as long as every program is scored on the same folds, and as long as nobody
# takes a step of one SD for a discovery. The whole course is about that second "as long as".

# %% [markdown] id="exercise-3-words"
# ### Exercise 1.3: a model of your own
#
# Make `my_model` a pipeline of scikit-learn that is not the baseline: it fills the gaps and fits a
# classifier of your choice. The check cross-validates it on the frozen folds and holds it beside
# the baseline. It need not be better. Some classifiers, and where they are imported from:
#
# - `sklearn.tree` has `DecisionTreeClassifier`, one tree of yes-or-no questions;
# - `sklearn.neighbors` has `KNeighborsClassifier`, which asks the most similar patients;
# - `sklearn.naive_bayes` has `GaussianNB`, which weighs each column by itself.

# %% id="exercise-3"
# <solution>
my_model = make_pipeline(
    SimpleImputer(strategy="median"), RandomForestClassifier(100, random_state=0)
)
# </solution>

# %% id="exercise-3-check"
checks.own_model(my_model, X, y, HEART.folds(X, y), scores)

# %% [markdown] id="exercise-3-after"
# If yours is better by less than its folds lie apart: is it better? With one number each you
# cannot tell, and that is why the next lesson builds a ruler first.

# %% [markdown] id="quiz-words"
# ## Quiz
#
# Three questions. Open a choice, or click it, to see why it is right or wrong.

# %% id="quiz-1" tags=["quiz"]
checks.quiz(
    "A model gives every patient the same number. What is its ROC AUC?",
    right="b",
    a=("0", "0 would mean that every pair is in the wrong order: turned round, a perfect model."),
    b=("0.5", "Every pair is a tie, and a tie counts half. It does not matter how many are sick."),
    c=(
        "the share of patients who are not sick",
        "That would be the accuracy of always saying 'not sick'. AUC looks at order alone.",
    ),
)

# %% id="quiz-2" tags=["quiz"]
checks.quiz(
    "A blog reports AUC 0.99 on 'the heart data set, 1,025 rows'. What do you ask first?",
    right="a",
    a=(
        "Do copies of one patient lie in different folds?",
        "There are 303 patients. The other rows are copies, and copies carry the answer across.",
    ),
    b=(
        "Which model was it?",
        "With copies, any model that can remember gets there. The table made the score.",
    ),
    c=("Was the seed fixed?", "A fixed seed repeats the mistake faithfully."),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "You bring all columns to one scale, and then cross-validate. How bad is that?",
    right="c",
    a=("Not at all: it is no model.", "It computes a mean and an SD from the hidden rows."),
    b=(
        "It ruins every score.",
        "A mean and an SD seldom move a score by more than the noise; using the outcome would.",
    ),
    c=(
        "Usually little, but it is a leak, and you cannot see from the score how large.",
        "So do it inside the fold, where the question does not arise.",
    ),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. One row is one patient; the target is what the angiography found; gaps are few and stay open
#    until a fold fills them. ROC AUC is the share of pairs, one sick and one not, in the right
#    order.
# 2. Answers leak through copied rows and through whatever is computed before the split. A score
#    that is too good is a question.
# 3. The baseline has a score *and a spread*. With so few patients, another draw of the folds
#    moves the third digit.
#
# Next: **02 · The frozen harness**. Who measures, and why the measured may not touch the ruler.
