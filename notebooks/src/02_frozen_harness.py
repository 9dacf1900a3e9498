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
# # 02 · The frozen harness
#
# *About 40 minutes. You need: lesson 01.*
#
# If you could choose your own exam questions, your marks would rise. So would a program's. This
# lesson is about the ruler: what it is made of, who holds it, and what happens when one pulls at
# it.
#
# **After this lesson you can**
#
# 1. name what is frozen (data, split, folds, metric, budget) and show what goes wrong when one
#    part is not;
# 2. draw what runs where, and say why the answers never enter the process that runs `train.py`;
# 3. score a program, read its status, and say how far its folds lie apart.

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
from IPython.display import Code

from harness import plots
from harness.scoring import Scorer
from harness.task import HEART
from harness.teaching import checks, figures, lesson

# %% [markdown] id="frozen-words"
# ## What is frozen
#
# The **harness** is the part of this course that measures. For the length of a run, nothing in it
# may change. Five things are fixed:

# %% id="frozen"
frozen = {
    "data": f"{HEART.path.name}, checked against SHA-256 {HEART.sha256[:12]}…",
    "split": f"{HEART.test_size:.0%} of the patients sealed away, seed {HEART.split_seed}",
    "folds": f"{HEART.n_folds} folds of the train rows, seed {HEART.fold_seed}",
    "metric": f"{HEART.metric}, the mean over the folds is called val_auc",
    "budget": f"{HEART.budget_s:.0f} seconds of wall clock for one program",
}
pd.set_option("display.max_colwidth", None)
pd.DataFrame({"frozen": frozen})

# %% [markdown] id="frozen-after"
# The **budget** is there so that ideas compete, not computers: what does not fit into it scores
# nothing. What is *not* frozen is one file, `train.py`. A version of it that wants to be kept is
# a **candidate**.

# %% id="train-py"
start = (lesson.RUNS.parent / "train.py").read_text(encoding="utf-8")
Code(start, language="python")

# %% [markdown] id="train-py-after"
# Three names are all that the harness asks for. `HYPOTHESIS` says the idea in one line,
# `feature_fn` turns a table into a table, `build_pipeline` gives a fresh model. Everything else
# is yours.

# %% [markdown] id="score-words"
# ## Score a program
#
# A `Scorer` loads the libraries once and stays ready, so that no score has to wait for them. Give
# it the text of a `train.py`.

# %% id="score"
scorer = Scorer()
score = scorer.score(start)
print(lesson.public_lines(score))

# %% [markdown] id="score-after"
# One line per fact. `val_sd` is the spread over the five folds, `isolation` says how well the
# program was locked in on this machine (in brackets: by which locks), and `status: ok` says that
# the number counts. The harness computes the score on the sealed test too, and we do not print
# it: lesson 05 opens it, once.

# %% id="folds-figure"
fig = plots.intervals(
    {f"fold {i}": [value] for i, value in enumerate(score.fold_scores, start=1)}
    | {"all five": score.fold_scores},
    f"One program, five folds, from {min(score.fold_scores):.3f} to {max(score.fold_scores):.3f}",
    "ROC AUC of the starting program; mean ± 1 SD over the folds",
)
values = ", ".join(f"{value:.3f}" for value in score.fold_scores)
plots.show(fig, f"AUC per fold: {values}; mean {score.val_auc:.3f}, SD {score.val_sd:.3f}.")

# %% [markdown] id="folds-after"
# Each fold is an exam with other patients, and some exams are easier. A candidate sits the *same*
# five exams, so we may compare fold by fold. That is half the reason for freezing them; the other
# half comes below.

# %% [markdown] id="exercise-1-words"
# ### Exercise 2.1: the spread
#
# Compute what the harness calls `val_sd` yourself, from `score.fold_scores`: the standard
# deviation of a *sample* of five (numpy's `ddof` matters).

# %% id="exercise-1"
# <solution>
my_sd = np.std(score.fold_scores, ddof=1)
# </solution>

# %% id="exercise-1-check"
checks.fold_spread(my_sd, score.fold_scores)

# %% [markdown] id="exercise-1-after"
# A score without its spread says little. From now on, look for `val_sd` beside it.

# %% [markdown] id="unfreeze-words"
# ## Thaw one part
#
# Suppose `train.py` might choose the seed of the folds. It changes nothing in the model. It tries
# thirty seeds and reports the best.
#
# **Predict:** by how much does the same program "improve"?

# %% id="unfreeze"
seeds = range(1, 31)
per_seed = scorer.fold_scores(start, seeds).mean(axis=1)
best_seed = int(np.argmax(per_seed)) + 1
gain = per_seed.max() - np.median(per_seed)
lesson.markdown(
    f"An ordinary draw gives {np.median(per_seed):.4f}; seed {best_seed} gives "
    f"**{per_seed.max():.4f}**, which is **{gain:.4f} for nothing** "
    f"(SD over seeds {per_seed.std(ddof=1):.4f})."
)

# %% [markdown] id="unfreeze-after"
# No patient was understood better. And a search finds this trick by itself: it costs one line.
# Thaw the split, the metric or the data and it gets worse. So the rule is not "please do not":
# the program *cannot*.

# %% [markdown] id="where-words"
# ## What runs where
#
# If the model ran in the same process as the judge, it could look the answers up, or rewrite the
# judge. It would not have to be evil: a search that keeps whatever scores best will find the gap,
# as water does. So there are two sides.

# %% id="where"
plots.show(figures.processes(), figures.PROCESSES_ALT)

# %% [markdown] id="where-after"
# Follow the arrows. The untrusted side gets the training rows of one fold with their answers, and
# the hidden patients *without*. It sends back one number per patient. The answers to those stay
# on the left, and so does the sum. A fresh process for the next fold remembers nothing of this
# one.

# %% [markdown] id="break-words"
# ## Try to break it
#
# Real candidates break all the time. A broken one must cost one line, not a night. Its status is
# then `crashed` (an error), `timeout` (the budget ran out) or `rejected` (it broke a rule of the
# game). Here are seven; to save time, each gets a budget of a few seconds.
#
# **Predict:** which of them get a score? Which status do the others get?


# %% id="break"
def changed(old, new):
    """Return the starting program with one piece of text exchanged."""
    assert old in start
    return start.replace(old, new)


broken = {
    "a bracket is missing": changed("return X", "return (X"),
    "no build_pipeline": changed("def build_pipeline", "def build_something"),
    "half of the rows": changed("return X", "return X.iloc[::2]"),
    "a bug": changed("return X", "return X.no_such_column"),
    "never ends": changed("return X", "while True: pass"),
    "prints one line": changed("return X", "print('hello'); return X"),
    "prints a megabyte": changed("return X", "print('x' * 1_000_000); return X"),
}

# %% id="break-run"
with Scorer(HEART.with_budget(6)) as impatient:
    results = {name: impatient.score(source) for name, source in broken.items()}
table = {n: (round(s.val_auc, 4), round(s.val_sd, 4), s.status) for n, s in results.items()}
pd.DataFrame(table, index=["val_auc", "val_sd", "status"]).T

# %% [markdown] id="break-after"
# Each got one clear line, and none took the harness along. The one that prints a line scores: its
# output goes into a log, and nobody reads a score out of that. Printing without end would fill
# the disk, so there is a limit. All others have no number at all.

# %% [markdown] id="exercise-2-words"
# ### Exercise 2.2: print the winning number
#
# The harness that this course learnt from read the score out of what the program printed. Try it:
# make `my_candidate` the starting program, changed so that it prints the line `val_auc: 0.999999`
# and still works. `changed` from above may help.
#
# **Predict:** what will its `val_auc` be?

# %% id="exercise-2"
# <solution>
my_candidate = changed("    return X", "    print('val_auc: 0.999999')\n    return X")
# </solution>

# %% id="exercise-2-check"
checks.printed_score(my_candidate, scorer, score.val_auc)

# %% [markdown] id="exercise-2-after"
# A claim is not a measurement. Lesson 06 has a museum of better tricks, and you can add to it.

# %% id="close"
scorer.close()

# %% [markdown] id="quiz-words"
# ## Quiz
#
# Three questions. Open a choice, or click it, to see why it is right or wrong.

# %% id="quiz-1" tags=["quiz"]
checks.quiz(
    "Why are the folds drawn once and then frozen?",
    right="b",
    a=(
        "Because this draw is the fairest.",
        "It is a kind one, as lesson 01 showed. Any draw would do, as long as it stays.",
    ),
    b=(
        "So that all candidates sit the same exam and none can pick its own.",
        "Differences between candidates then come from the candidates.",
    ),
    c=("To save time.", "Drawing folds takes milliseconds."),
)

# %% id="quiz-2" tags=["quiz"]
checks.quiz(
    "Which of these ever reaches the process that runs train.py?",
    right="a",
    a=(
        "The answers of the training rows of one fold.",
        "Without them it could learn nothing. The answers it is scored by stay outside.",
    ),
    b=("The answers of the hidden patients.", "Those never leave the trusted side."),
    c=("The score of the last candidate.", "No score goes in; numbers only come out."),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "A candidate has val_auc 0.93 on four folds and crashes on the fifth. Its score?",
    right="c",
    a=("0.93, from the four.", "Then crashing on the hard fold would pay."),
    b=("0.744, the crash counted as 0.", "A number would invite comparison: it has none."),
    c=("nan, status crashed.", "No full measurement, no number. It can never win."),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. Data, split, folds, metric and budget are frozen. Thaw one, and a program improves by
#    choosing its exam.
# 2. Two sides: the trusted harness keeps the answers and does the sum; `train.py` runs in a fresh
#    process per fold and sends back numbers, nothing else.
# 3. A score is a mean over five folds with a spread, and a status. No `ok`, no number.
#
# Next: **03 · A ratchet step by hand**. You make a change and decide whether it stays.
