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
# 2. build a small harness whose answers never enter the process that runs `train.py`, and break it
#    in two ways;
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
import pickle
import subprocess

import numpy as np
import pandas as pd
from IPython.display import HTML
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %% id="imports-ours"
from harness import plots
from harness.scoring import Scorer
from harness.task import HEART
from harness.teaching import checks, guess, lesson, outcome

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
lesson.neat(pd.DataFrame({"frozen": frozen}))

# %% [markdown] id="frozen-after"
# The **budget** is there so that ideas compete, not computers: what does not fit into it scores
# nothing. What is *not* frozen is one file, `train.py`. A version of it that wants to be kept is
# a **candidate**.

# %% id="train-py"
start = (lesson.RUNS.parent / "train.py").read_text(encoding="utf-8")
HTML(lesson.coloured(start, "python"))

# %% [markdown] id="train-py-after"
# Three names are all that the harness asks for. `HYPOTHESIS` says the idea in one line,
# `feature_fn` turns a table into a table, `build_pipeline` gives a fresh model. Everything else
# is yours.

# %% [markdown] id="own-words"
# ## Build a harness
#
# Before we use the course's harness, we build one. The point of it is in two sentences. A
# **child process** (a second Python, started by this one) runs the program: it gets the training
# rows with their answers, and the hidden patients *without* theirs. It sends back one number per
# hidden patient, and the answers that judge these numbers never leave the process that you are in.
#
# The two are joined by a **pipe**: what one writes, the other reads, byte by byte. `pickle` packs
# the tables into bytes for the way. This is the child. It reads its job, runs the program (`exec`
# runs a text as Python), and writes plain numbers.

# %% id="own-child"
CHILD = """
import pickle, sys
import numpy as np
source, X, y, X_hidden = pickle.load(sys.stdin.buffer)
space = {"__name__": "train"}
exec(source, space)
model = space["build_pipeline"]().fit(space["feature_fn"](X), y)
guesses = model.predict_proba(space["feature_fn"](X_hidden))[:, 1]
sys.stdout.buffer.write(np.asarray(guesses, dtype=float).tobytes())
"""

# %% [markdown] id="own-parent-words"
# And this is the parent, who holds the ruler. For each fold it starts a child, sends the job, and
# does the sum itself.

# %% id="own-parent"
split = HEART.split()
X, y = split.X_train, split.y_train


def my_harness(source):
    aucs = []
    for train, hidden in HEART.folds(X, y):
        job = pickle.dumps((source, X.iloc[train], y[train], X.iloc[hidden]))
        command = [sys.executable, "-c", CHILD]
        child = subprocess.run(command, input=job, capture_output=True, timeout=60)
        if child.returncode != 0:
            return "crashed: " + child.stderr.decode().splitlines()[-1]
        aucs.append(roc_auc_score(y[hidden], np.frombuffer(child.stdout)))
    return float(np.mean(aucs))


# %% id="own-score"
print(f"my_harness says {my_harness(start):.6f}")

# %% [markdown] id="own-after"
# Twenty lines, and what is measured cannot change how it is measured, or so it seems. Keep this
# harness: further down you will break it in two ways.

# %% [markdown] id="score-words"
# ## Score a program with the real one
#
# The course's harness does the same with more care. A `Scorer` loads the libraries once and stays
# ready, so that no score has to wait for them. Give it the text of a `train.py`.

# %% id="score"
scorer = Scorer()
score = scorer.score(start)
print(lesson.public_lines(score))

# %% [markdown] id="score-after"
# One line per fact. `val_sd` is the spread over the five folds, `isolation` says how well the
# program was locked in on this machine (in brackets: by which locks), and `status: ok` says that
# the number counts. The harness computes the score on the sealed test too, and we do not print
# it: lesson 06 opens it, once.
#
# Compare `val_auc` with what your own harness said: the same number, to the last digit shown.

# %% id="folds-figure" tags=["folded"]
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
# ### Exercise 2.1: the same without any harness
#
# Build the starting program's pipeline yourself, with `make_pipeline`, and cross-validate it on
# `HEART.folds(X, y)` with `cross_val_score(..., scoring="roc_auc")`. Then make `my_sd` what the
# harness calls `val_sd`: the standard deviation of a *sample* of five (numpy's `ddof` matters).

# %% id="exercise-1"
# <solution>
model = make_pipeline(
    SimpleImputer(strategy="median"),
    StandardScaler(),
    LogisticRegression(C=1.0, max_iter=500, random_state=42),
)
my_sd = np.std(cross_val_score(model, X, y, cv=HEART.folds(X, y), scoring="roc_auc"), ddof=1)
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
# **Predict:** by how much does the same program "improve" over an ordinary draw?

# %% id="guess-thaw"
guess("2a", "The best of thirty seeds gains, over an ordinary one, about …", within=0.005)

# %% id="unfreeze"
seeds = range(1, 31)
per_seed = scorer.fold_scores(start, seeds).mean(axis=1)  # one mean over five folds for each seed
gain = per_seed.max() - np.median(per_seed)

# %% id="unfreeze-computed" tags=["folded"]
best_seed = int(np.argmax(per_seed)) + 1
lesson.markdown(
    f"An ordinary draw gives {np.median(per_seed):.4f}; seed {best_seed} gives "
    f"**{per_seed.max():.4f}**, which is **{gain:.4f} for nothing** "
    f"(SD over seeds {per_seed.std(ddof=1):.4f})."
)
outcome("2a", gain)

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
HTML((lesson.RUNS.parent / "harness" / "teaching" / "processes.svg").read_text(encoding="utf-8"))

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
# **Predict:** how many of the seven get a score?

# %% id="guess-break"
guess("2b", "How many of the seven broken programs get a score?", within=0)


# %% id="break"
def changed(old, new):
    """Return the starting program with one piece of text exchanged."""
    assert old in start, f"{old!r} does not stand in the starting program"
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
lesson.neat(pd.DataFrame(table, index=["val_auc", "val_sd", "status"]).T)

# %% id="break-outcome" tags=["folded"]
outcome("2b", sum(result.ok for result in results.values()))

# %% [markdown] id="break-after"
# Each got one clear line, and none took the harness along. The one that prints a line scores,
# because there is nothing wrong with printing. But printing without end would fill the disk, so
# there is a limit. All others have no number at all.

# %% [markdown] id="exercise-2-words"
# ### Exercise 2.2: break your harness, by reading
#
# The child of `my_harness` never gets the answers. But it can *fetch* them: the table lies on this
# disk, and nobody locked the door. Make `my_thief` a `train.py` that `my_harness` believes to be
# nearly perfect. `TABLE` below is the file; its column `num` is above 0 for the sick. A left
# `merge` on all columns of `X` finds each patient again.
#
# Begin with `changed("    return X", "…")`. What you write in place of the dots stands inside
# `feature_fn`: each of its lines begins with four spaces, and the last one returns a table. The
# child does not know the name `TABLE`, so the path itself has to stand in the text: in an f-string,
# `f"… read_csv({TABLE!r}) …"` puts it there with its quotes.

# %% id="exercise-2"
TABLE = str(HEART.path)
# <solution>
my_thief = changed(
    "    return X",
    f"""    import pandas as pd
    known = pd.read_csv({TABLE!r})
    return X.merge(known, how="left")[["num"]]""",
)
# </solution>

# %% id="exercise-2-check"
checks.broken_harness(my_thief, my_harness, scorer)

# %% [markdown] id="exercise-2-after"
# In the real harness a candidate is locked in: on Linux it cannot open the file. Where a system
# has no such locks, a *probe* asks whether the program knows too much. Lesson 07 shows both.

# %% [markdown] id="exercise-3-words"
# ### Exercise 2.3: break it again, by printing
#
# The harness that this course learnt from read the score out of what the program printed. Make
# `my_candidate` the starting program, changed so that it prints the line `val_auc: 0.999999` and
# still works. The check gives it to both harnesses.
#
# **Predict:** what will the real one say of it?

# %% id="guess-print"
guess("2c", "The program that prints 0.999999 scores …", "0.999999", "as the start", "nothing")

# %% id="exercise-3"
# <solution>
my_candidate = changed("    return X", "    print('val_auc: 0.999999')\n    return X")
# </solution>

# %% id="exercise-3-check"
checks.printed_score(my_candidate, my_harness, scorer, score.val_auc)

# %% [markdown] id="exercise-3-after"
# A claim is not a measurement: the real harness never reads a score out of what is printed. And
# `my_harness` mixes two things in one pipe, what the program says and the numbers that count: one
# printed word, and the bytes are no longer the numbers it expects. Lesson 07 has a museum of better
# tricks.

# %% id="print-outcome" tags=["folded"]
# What the real harness says of a program that prints a score.
printed = changed("    return X", "    print('val_auc: 0.999999')\n    return X")
as_start = abs(scorer.score(printed).val_auc - score.val_auc) < 1e-9
outcome("2c", "as the start" if as_start else "nothing")

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
    "Which of these reaches the process that runs train.py on one fold?",
    right="a",
    a=(
        "For that fold, the answers of its training rows.",
        "Without them it could learn nothing. The answers it is scored by stay outside.",
    ),
    b=(
        "For that fold, the answers of the hidden patients.",
        "Those stay on the trusted side. (For another fold, they are training rows.)",
    ),
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
#    process per fold and sends back numbers, nothing else. You built one, and broke it twice: a
#    separate process is not enough without a lock on the files and a pipe for the numbers alone.
# 3. A score is a mean over five folds with a spread, and a status. No `ok`, no number.
#
# Next: **03 · A ratchet step by hand**. You make a change and decide whether it stays.
