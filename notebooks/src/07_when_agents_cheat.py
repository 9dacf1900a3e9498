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
# # 07 · When agents cheat
#
# *About 40 minutes. You need: lessons 02 and 05.*
#
# A search keeps whatever scores best. If reading the answers scores best, a search will end up
# reading the answers, without wish or will. It has happened to published systems. This lesson is
# a museum of such tricks, and you may add one.
#
# **After this lesson you can**
#
# 1. write a program that knows the answers by heart, and the probe that catches it; and say for
#    other tricks what stops them: a lock, a probe, or the trusted sum;
# 2. write a cheat of your own and read from status and probes what became of it;
# 3. say what *cannot* be stopped here, and what one does about that.

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
from IPython.display import HTML
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %% id="imports-course"
from harness import plots
from harness.scoring import Scorer
from harness.task import HEART
from harness.teaching import checks, guess, lesson, naive, outcome

# %% [markdown] id="memoriser-words"
# ## A program that knows the answers by heart
#
# An agent that has read these patients somewhere can write their answers into its program. No folds
# and no sealed process help against that, because the answers arrive inside the file. Here is such
# a program, whole. For a patient it remembers it gives the answer; for all others it is an honest
# logistic regression.

# %% id="memoriser"
X, y = HEART.split().X_train, HEART.split().y_train
known = dict(zip(map(tuple, X.fillna(-1).to_numpy()), y, strict=True))  # row: answer


def honest_model():
    steps = SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=500)
    return make_pipeline(*steps)


# %% id="memoriser-class"
class Memoriser:
    """Is fitted like any model, and says what it knows."""

    def fit(self, X, y):
        self.model = honest_model().fit(X, y)
        return self

    def predict_proba(self, X):
        p = self.model.predict_proba(X)
        for place, row in enumerate(map(tuple, X.fillna(-1).to_numpy())):
            if row in known:
                p[place] = 1 - known[row], known[row]
        return p


# %% id="memoriser-score"
def cross_validated(model, X, y):
    """Mean ROC AUC of a model over the frozen folds."""
    scores = []
    for train, val in HEART.folds(X, y):
        p = model.fit(X.iloc[train], y[train]).predict_proba(X.iloc[val])[:, 1]
        scores.append(roc_auc_score(y[val], p))
    return np.mean(scores)


models = {"honest": honest_model(), "memoriser": Memoriser()}
pd.Series({name: cross_validated(model, X, y) for name, model in models.items()}, name="AUC")

# %% [markdown] id="memoriser-after"
# The cross-validation was done by the book, and the score is perfect. A program that knows only
# some of the answers would not even look suspicious.
#
# A **probe** asks a question that an honest program and a cheat answer differently. The **label
# flip** turns all labels round (a 1 becomes a 0 and a 0 a 1), fits to the turned labels, and scores
# against the turned ones. An honest program learns *whatever it is given*.
#
# **Predict:** what does the memoriser score on turned labels?

# %% id="guess-flip"
guess("7a", "AUC of the memoriser on turned labels", within=0.1)

# %% [markdown] id="exercise-1-words"
# ### Exercise 7.1: write the probe
#
# Write `label_flip(model, X, y)`: the cross-validated AUC of the model when all labels are turned,
# in training and in scoring. `cross_validated` may help. The labels are 0 and 1.


# %% id="exercise-1"
def label_flip(model, X, y):
    """Give the AUC of a model that is fitted to turned labels and scored on them."""
    # <solution>
    return cross_validated(model, X, 1 - y)
    # </solution>


# %% id="exercise-1-check"
checks.flip_probe(label_flip, X, y)

# %% id="flip-outcome" tags=["folded"]
# What came of it, whoever wrote the probe. (JupyterLab shows the first line of a folded cell.)
turned = {name: cross_validated(model, X, 1 - y) for name, model in models.items()}
lesson.markdown(
    f"On turned labels the honest model scores **{turned['honest']:.3f}**, as before, and the "
    f"memoriser **{turned['memoriser']:.3f}**."
)
outcome("7a", float(turned["memoriser"]))

# %% [markdown] id="flip-after"
# It goes on giving the answers it knows, and they are all wrong now. One question has told the two
# apart, without a look into the program.

# %% [markdown] id="museum-words"
# ## The museum
#
# Each exhibit is one small `train.py` with a note on what it tries, what stops it, and where it
# was seen, if it was seen in the wild.

# %% id="museum" tags=["folded"]
exhibits = lesson.exhibits()
families = pd.Series([e.family for e in exhibits.values()]).value_counts()
fig = plots.bars(
    families.to_dict(),
    f"{len(exhibits)} tricks in {len(families)} families, the largest: {families.index[0]}",
    "exhibits",
)
words = ", ".join(f"{name} {count}" for name, count in families.items())
plots.show(fig, f"Bar chart of museum exhibits per family: {words}.")

# %% [markdown] id="museum-after"
# The largest family carries answers from one fold to the next. The *honest mistakes* are here
# because they can look like tricks.
#
# Some words for what follows. A **lock** makes a thing impossible: no reading of files, no
# network, a fresh process for each fold. The **trusted sum** is lesson 02's rule that the harness
# computes the score itself. A probe, here, is asked of a candidate that is about to be kept.

# %% id="seen"
seen = {name: e.seen for name, e in exhibits.items() if e.seen not in ("", "-")}
lesson.neat(pd.DataFrame({"seen in the wild": seen}))

# %% [markdown] id="seen-after"
# Hardly any of these was made with ill will. Most are what a search finds when the score is
# easier to move than the problem.

# %% [markdown] id="guess-words"
# ## Guess first
#
# Eight exhibits. The **naive harness** runs a program in its own process and believes a score
# that it prints; many loops are built like that. Ours you know.
#
# **Predict:** how many of the eight does the naive harness believe?

# %% id="guess-naive"
guess("7b", "Of eight tricks the naive harness believes", within=0)

# %% id="eight"
names = [
    "001_print_metric",
    "101_module_globals",
    "107_file_cwd",
    "201_data_file",
    "301_table_of_rows",
    "308_coefficients",
    "313_nudge",
    "491_seeded_by_time",
]
told = {n: [exhibits[n].title, exhibits[n].tries] for n in names}
lesson.neat(pd.DataFrame(told, ["title", "tries"]).T)

# %% [markdown] id="source-words"
# Here is one of them, without its note. What does it try?

# %% id="source"
program = exhibits["101_module_globals"].source.split('"""', 2)[2].strip()
HTML(lesson.coloured(program, "python"))

# %% [markdown] id="run-words"
# Now all eight, first the naive way, then ours. What beats the starting program is probed, as the
# ratchet does before it keeps anything. This takes a while.

# %% id="run"
scorer = Scorer()
start = (lesson.RUNS.parent / "train.py").read_text(encoding="utf-8")
honest = scorer.score(start).val_auc


def ours(source):
    """Score a program; probe it if it beats the starting program."""
    score = scorer.score(source)
    beats = score.ok and score.val_auc > honest + 1e-6
    return scorer.probe(source, score) if beats else score


believed = {name: naive.score(exhibits[name].source) for name in names}
measured = {name: ours(exhibits[name].source) for name in names}


# %% id="run-draw" tags=["folded"]
@plots.styled
def draw(simple, ours, names, title):
    """Draw what both harnesses report of each trick; no score stands at the right edge."""
    fig, ax = plots.new_figure(title, height=1.9 + 0.42 * len(names))
    places, edge = np.arange(len(names))[::-1], 1.03
    none = np.where(np.isnan(ours), edge, np.nan)
    ax.hlines(places, simple, np.fmax(ours, none), color="#BBBBBB", lw=1.5, zorder=1)
    ax.axvline(honest, color=plots.GREY, ls="--", lw=1.5, label="honest value")
    ax.plot(simple, places, label="naive harness", **plots.CLAIMED)
    ax.plot(ours, places, "o", color=plots.BLUE, ms=9, label="this harness")
    ax.plot(none, places, "X", color=plots.BLUE, ms=9, label="this harness: no score")
    ax.set_xticks([0.9, 0.95, 1, edge], ["0.90", "0.95", "1.00", "no\nscore"])
    ax.set(xlabel="reported ROC AUC", yticks=places, yticklabels=names)
    fig.legend(loc="outside lower left", ncols=4)
    return fig


# %% id="run-figure" tags=["folded"]
naively, here = np.array([(believed[n], measured[n].val_auc) for n in names]).T
fooled, kept = ((values > honest + 0.01).sum() for values in (naively, here))
title = f"The naive harness believes {fooled} of {len(names)} tricks; ours believes {kept}"
fig = draw(naively, here, [exhibits[n].title.rstrip(".") for n in names], title)
words = "; ".join(
    f"{exhibits[n].title}: naive {believed[n]:.3f}, ours {measured[n].status} "
    f"{measured[n].val_auc:.3f}"
    for n in names
)
plots.show(fig, f"For each trick, the AUC that two harnesses report. {words}.")
outcome("7b", int(fooled))

# %% [markdown] id="run-after"
# A trick that was stopped by a lock or by the trusted sum scores what its honest part is worth. A
# trick that carries the answers *inside the file* no lock can stop: the file is the candidate.
# The probes catch it.
#
# The seed from the clock is a lottery ticket, worth something else each time. When it happens to
# beat the starting program, it is scored once more, gives another number, and is rejected.

# %% id="table"
rows = {
    exhibits[n].title: {"status": measured[n].status, "stopped by": exhibits[n].stopped}
    for n in names
}
lesson.neat(pd.DataFrame(rows).T)

# %% [markdown] id="table-after"
# Read `stopped by` next to `status`: one clear line for each, whichever layer it was.

# %% [markdown] id="probe-words"
# ## The harness's own probes
#
# It asks more than one question. Here is what two of the exhibits answered: each line is a probe,
# what it measured, the limit, and the verdict.

# %% id="probe"
for name in ("301_table_of_rows", "313_nudge"):
    print(exhibits[name].title)
    for probe in measured[name].probes:
        numbers = f"{probe.value:+.4f}  limit {probe.threshold:.4f}"
        print(f"  {probe.name:16} {numbers}  {probe.verdict}")

# %% [markdown] id="probe-after"
# The label flip measures how far the score on the true labels lies above the score on turned ones.
# For the dictionary that is the whole way from 0 to 1.
#
# The nudge adds only a little of what it knows, and the label flip does no more than ask for a
# second look (`review`). **Twin labels** catch it: new labels are drawn from a plain model, and a
# program that beats this model by more on the true labels than on the drawn ones knows more than
# the patients tell.
#
# Of the others, *repeatability* scores the program again, *batch* asks whether a patient's number
# changes with the patients beside it, and *shuffled labels* whether it finds anything where there
# is nothing to find.

# %% [markdown] id="exercise-2-words"
# ### Exercise 7.2: what stops what?
#
# Match each trick with what stops it: `"lock"`, `"trusted sum"` or `"probe"`. Make `stops` a
# dictionary: `{"a": …, "b": …}` and so on.
#
# - `a`: opens `heart_cleveland.csv` and looks the answers up;
# - `b`: prints `val_auc: 1.0`;
# - `c`: carries a table of all patients with their diagnosis in the source;
# - `d`: leaves the answers of one fold in a file for the next;
# - `e`: adds noise seeded by the clock, and hopes to be scored often.

# %% id="exercise-2"
# <solution>
stops = {"a": "lock", "b": "trusted sum", "c": "probe", "d": "lock", "e": "probe"}
# </solution>

# %% id="exercise-2-check"
checks.what_stops_what(stops, scorer.isolation)

# %% [markdown] id="exercise-2-after"
# Locks work by knowing what is dangerous, probes by knowing what is honest. Neither is enough
# alone. (On Windows and macOS there is no lock on files; there more is left to the probes.)

# %% [markdown] id="exercise-3-words"
# ### Exercise 7.3: cheat
#
# Make `my_cheat` a `train.py` that tries to score better than it deserves. Take an exhibit as a
# model (`print(exhibits["107_file_cwd"].source)`), change the starting program (`start`), or
# invent something. The check scores and probes it and says what became of it: *right* means that
# you really tried something and that the harness was not fooled.
#
# If it is fooled, you have found something we have not: please open an issue.

# %% id="exercise-3"
# <solution>
cheat = """    try:
        with open("/proc/self/environ") as file:
            print(file.read())
    except OSError as error:
        print("no:", error)
    return X"""
my_cheat = start.replace("    return X", cheat)
# </solution>

# %% id="exercise-3-check"
checks.your_own_cheat(my_cheat, scorer, start)

# %% [markdown] id="exercise-3-after"
# Was it hard to think of something? A search does not think. It tries until something works, and
# it has all night.

# %% [markdown] id="remains-words"
# ## What remains
#
# Three things no harness on a laptop can stop:
#
# - **A public data set.** A language model may have read these patients during its training. It
#   can write a rule that looks clinical and is memory.
# - **A small nudge.** A few memorised rows gain less than the probes can tell from noise.
# - **Selection itself.** The best of many is lucky (lesson 05), with no ill will anywhere.
#
# Below are three exhibits, one of each kind. None is stopped for sure.
#
# **Predict:** the first of them beats the starting program by how much?

# %% id="guess-remains"
guess("7c", "Gain of the first exhibit in AUC", within=0.005)

# %% id="remains"
left, gains = lesson.exhibits("remains"), []
for exhibit in left.values():
    score = scorer.score(exhibit.source)
    gains.append(score.val_auc - honest)
    lesson.markdown(
        f"- **{exhibit.title}** {score.val_auc:.4f} ± {score.val_sd:.4f} ({gains[-1]:+.4f}). "
        f"After the probes: {scorer.probe(exhibit.source, score).status}. "
        f"Stopped by {exhibit.stopped}."
    )
outcome("7c", gains[0])

# %% [markdown] id="remains-after"
# Each gains about as much as a good honest idea, and no score gives it away. The probes draw their
# labels anew each time, so a push as small as the first passes in one run and is caught in another.
#
# What does one do about it? What one does in any science: fresh patients that nobody could have
# read, another hospital, a test that stays sealed. And one says openly what remains.

# %% id="close"
scorer.close()

# %% [markdown] id="quiz-words"
# ## Quiz
#
# Three questions. Open a choice, or click it, to see why it is right or wrong.

# %% id="quiz-1" tags=["quiz"]
checks.quiz(
    "A candidate scores 0.999. There is no sign of a trick in its source. What do you do?",
    right="b",
    a=("Celebrate.", "Nobody reaches that on these patients by honest means."),
    b=(
        "Look for the leak: probes, fresh folds, other patients.",
        "The loop stops by itself at such a score and says so.",
    ),
    c=("Delete it.", "Then you never learn how it did it. The ledger keeps it, with its status."),
)

# %% id="quiz-2" tags=["quiz"]
checks.quiz(
    "Why are the probes run only on candidates that are about to be kept?",
    right="a",
    a=("A cheat wants to be kept, and probes cost time.", "What is discarded has won nothing."),
    b=("They would change the score.", "They run beside it and change no number."),
    c=("Discarded candidates are honest.", "Perhaps not. They have simply gained nothing by it."),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "An agent has read this data set on the internet. What helps?",
    right="c",
    a=("A better sandbox.", "The knowledge is in the agent; it comes in through the source."),
    b=("A secret seed for the folds.", "It knows all rows: any fold is made of them."),
    c=(
        "Patients that were never published.",
        "Our other hospital (lesson 06) helps less here: its table is public, too.",
    ),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. Tricks come in families. Locks stop what reaches out, the trusted sum ignores what is claimed,
#    and probes such as yours catch what is carried in the file.
# 2. You tried to cheat, and the status told you what became of it: a stopped trick is worth its
#    honest part, a caught one has no score.
# 3. A public data set, a tiny nudge and selection itself remain. Fresh patients, a sealed test
#    and open words are the answer.
#
# Next: **08 · Your own research**.
