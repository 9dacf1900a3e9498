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
# *About 50 minutes. You need: lessons 02 and 06.*
#
# A search keeps whatever scores best. If reading the answers scores best, a search will end up
# reading the answers, without wish or will. It has happened to published systems. This lesson is
# a museum of such tricks, and you may add one.
#
# **After this lesson you can**
#
# 1. name the families of tricks, and say for each what stops it: a lock, a probe, or the trusted
#    sum;
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
import pandas as pd
from IPython.display import Code

from harness import plots
from harness.scoring import Scorer
from harness.teaching import checks, figures, lesson, naive

# %% [markdown] id="museum-words"
# ## The museum
#
# Each exhibit is one small `train.py` with a note on what it tries, what stops it, and where it
# was seen, if it was seen in the wild.

# %% id="museum"
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
# computes the score itself. A **probe** is a test on a candidate that is about to be kept: it
# asks a question that an honest program and a cheat answer differently.

# %% id="seen"
seen = {name: e.seen for name, e in exhibits.items() if e.seen not in ("", "-")}
pd.set_option("display.max_colwidth", None)
pd.DataFrame({"seen in the wild": seen})

# %% [markdown] id="seen-after"
# Hardly any of these was made with ill will. Most are what a search finds when the score is
# easier to move than the problem.

# %% [markdown] id="guess-words"
# ## Guess first
#
# Eight exhibits. The **naive harness** runs a program in its own process and believes a score
# that it prints; many loops are built like that. Ours you know.
#
# **Predict:** how many of the eight does the naive harness believe? How many does ours?

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
pd.DataFrame({n: [exhibits[n].title, exhibits[n].tries] for n in names}, ["title", "tries"]).T

# %% [markdown] id="source-words"
# Here is one of them, without its note. **Predict:** what will its score be, with the naive
# harness and with ours?

# %% id="source"
Code(exhibits["101_module_globals"].source.split('"""', 2)[2].strip(), language="python")

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

# %% id="run-figure"
fooled = sum(value > honest + 0.01 for value in believed.values())
kept = sum(score.ok and score.val_auc > honest + 0.01 for score in measured.values())
fig = figures.believed(
    {exhibits[n].title: (believed[n], measured[n].val_auc) for n in names},
    honest,
    f"The naive harness believes {fooled} of {len(names)} tricks; ours believes {kept}",
)
words = "; ".join(
    f"{exhibits[n].title}: naive {believed[n]:.3f}, ours {measured[n].status} "
    f"{measured[n].val_auc:.3f}"
    for n in names
)
plots.show(fig, f"For each trick, the AUC that two harnesses report. {words}.")

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
pd.DataFrame(rows).T

# %% [markdown] id="table-after"
# Read `stopped by` next to `status`: one clear line for each, whichever layer it was.

# %% [markdown] id="probe-words"
# ## How a probe works
#
# The **label flip** turns all training labels round and scores against the turned ones. An honest
# program learns the turned labels just as well: it learns *whatever it is given*. A program that
# has memorised the answers goes on giving the old ones.
#
# **Predict:** a program that knows the answers by heart scores 1 on the true labels. And on the
# turned ones?

# %% id="probe"
for name in ("301_table_of_rows", "313_nudge"):
    print(exhibits[name].title)
    for probe in measured[name].probes:
        print(f"  {probe.name:16} {probe.value:+.4f}  limit {probe.threshold:.4f}  {probe.verdict}")

# %% [markdown] id="probe-after"
# Each line is one probe: what it measured, the limit, the verdict. The label flip measures how
# far the score on the true labels lies above the score on turned ones. For the dictionary that is
# the whole way from 0 to 1.
#
# The nudge adds only a little of what it knows, and the label flip does no more than ask for a
# second look (`review`). **Twin labels** catch it: new labels are drawn from a plain model, and a
# program that beats this model by more on the true labels than on the drawn ones knows more than
# the patients tell.
#
# Of the others, *repeatability* scores the program again, *batch* asks whether a patient's number
# changes with the patients beside it, and *shuffled labels* whether it finds anything where there
# is nothing to find.

# %% [markdown] id="exercise-1-words"
# ### Exercise 7.1: what stops what?
#
# Match each trick with what stops it: `"lock"`, `"trusted sum"` or `"probe"`. Make `stops` a
# dictionary: `{"a": …, "b": …}` and so on.
#
# - `a`: opens `heart_cleveland.csv` and looks the answers up;
# - `b`: prints `val_auc: 1.0`;
# - `c`: carries a table of all patients with their diagnosis in the source;
# - `d`: leaves the answers of one fold in a file for the next;
# - `e`: adds noise seeded by the clock, and hopes to be scored often.

# %% id="exercise-1"
# <solution>
stops = {"a": "lock", "b": "trusted sum", "c": "probe", "d": "lock", "e": "probe"}
# </solution>

# %% id="exercise-1-check"
checks.what_stops_what(stops)

# %% [markdown] id="exercise-1-after"
# Locks work by knowing what is dangerous; probes by knowing what is honest. Neither is enough
# alone.

# %% [markdown] id="exercise-2-words"
# ### Exercise 7.2: cheat
#
# Make `my_cheat` a `train.py` that tries to score better than it deserves. Take an exhibit as a
# model (`print(exhibits["107_file_cwd"].source)`), change the starting program (`start`), or
# invent something. The check scores and probes it and says what became of it: *right* means that
# you really tried something and that the harness was not fooled.
#
# If it is fooled, you have found something we have not: please open an issue.

# %% id="exercise-2"
# <solution>
cheat = """    try:
        with open("/proc/self/environ") as file:
            print(file.read())
    except OSError as error:
        print("no:", error)
    return X"""
my_cheat = start.replace("    return X", cheat)
# </solution>

# %% id="exercise-2-check"
checks.your_own_cheat(my_cheat, scorer, start)

# %% [markdown] id="exercise-2-after"
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
# **Predict:** by how much does each of them beat the starting program?

# %% id="remains"
left = lesson.exhibits("remains")
for exhibit in left.values():
    result = ours(exhibit.source)
    gain = result.val_auc - honest
    print(exhibit.title)
    print(f"  {result.val_auc:.4f} ± {result.val_sd:.4f} ({gain:+.4f}), status {result.status}")
    print(f"  stopped by {exhibit.stopped}")

# %% [markdown] id="remains-after"
# Each gains about as much as a good honest idea, and no score gives it away. What does one do
# about it? What one does in any science: fresh patients that nobody could have read, another
# hospital, a test that stays sealed. And one says openly what remains.

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
# 1. Tricks come in families. Locks stop what reaches out, the trusted sum ignores what is
#    claimed, probes catch what is carried in the file.
# 2. You tried to cheat, and the status told you what became of it: a stopped trick is worth its
#    honest part, a caught one has no score.
# 3. A public data set, a tiny nudge and selection itself remain. Fresh patients, a sealed test
#    and open words are the answer.
#
# Next: **08 · Your own research**.
