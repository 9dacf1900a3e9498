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
# # 04 · The agent loop
#
# *About 45 minutes. You need: lesson 03, or the patience to look things up there.*
#
# In lesson 03 you were the researcher. Now a program takes that seat, and you watch.
#
# **After this lesson you can**
#
# 1. start a loop, stop it, continue it, and say why each candidate was kept or not;
# 2. read a staircase plot, and say how large a gain is next to the noise of the ruler;
# 3. write an agent of your own, and say what an agent sees and what it never sees.

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
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %% id="imports-ours"
from harness import RunError, plots
from harness.agents import AgentDone, Proposal, build_prompt, get_agent
from harness.evidence import certify
from harness.run import Run
from harness.scoring import Scorer
from harness.task import HEART
from harness.teaching import checks, guess, lesson, outcome, watch

# %% [markdown] id="words"
# ## Four words
#
# - An **agent** reads the best `train.py` so far and what has been tried, and writes a new one.
# - A **candidate** is that new `train.py`, before anybody knows whether it is any good.
# - An **iteration** is one candidate taken through: scored, decided on, written down.
# - The **ledger** is the file `results.tsv` with one line per iteration. Nothing is ever taken
#   out.
#
# The agent here is called **playbook**. It is a program with a list of moves that a good student
# of machine learning knows, and a seed. It needs no network and no key, and the same seed gives
# the same run. Language models take the same seat: `claude`, `codex`, `chat` and others.

# %% [markdown] id="parameters-words"
# ## What to run
#
# Change these values by hand, or from outside: **papermill** runs a notebook with nobody at it.
#
# ```
# papermill notebooks/04_agent_loop.ipynb out.ipynb -r tag night -p iterations 100
# ```
#
# `-r` hands over text as it is, `-p` turns digits into numbers.

# %% id="parameters" tags=["parameters"]
tag: str = "lesson04"  # names the run and its folder, runs/<tag>
iterations: int = 8  # candidates in all; a run that was cut short goes on to this number
agent: str = "playbook"  # who proposes
rule: str = "strict"  # who decides: "strict" keeps every gain, however small
time_budget: str = "30m"  # stop after this long: 8h, 90m, 30s
seed: int = 0  # the agent's dice

# %% id="validate"
asked = lesson.check_parameters(tag, iterations, agent, rule, time_budget, seed)
folder = lesson.begin(tag)
print(f"run {asked.tag}: {asked.iterations} iterations by {asked.agent}, rule {asked.rule}")

# %% [markdown] id="validate-words"
# If this cell fails, it says which value cannot be used and why. Better now than at four in the
# morning.

# %% [markdown] id="noise-words"
# ## First, how much does the ruler wobble?
#
# The score is a mean over five folds, and the folds were drawn once, with one seed. Another seed
# would have given another number for the very same `train.py`, as in lesson 01. How different?
# Whoever starts a run measures it first: the starting program, on ten other draws of the folds.
#
# **Predict:** how far apart will the lowest and the highest of the ten lie?

# %% id="guess-noise"
guess("4a", "Lowest to highest of ten draws: nearest to …", "0.001", "0.005", "0.02")

# %% id="noise"
split = HEART.split()
X, y = split.X_train, split.y_train
model = make_pipeline(
    SimpleImputer(strategy="median"),
    StandardScaler(),
    LogisticRegression(C=1.0, max_iter=500, random_state=42),
)
per_seed = []
for seed_of_folds in range(1, 11):
    folds = StratifiedKFold(5, shuffle=True, random_state=seed_of_folds)
    scores = cross_val_score(model, X, y, cv=folds, scoring="roc_auc")
    per_seed.append(scores.mean())
noise_sd = float(np.std(per_seed, ddof=1))

# %% id="noise-words-computed" tags=["folded"]
lesson.markdown(
    f"Ten draws of the folds: from {min(per_seed):.4f} to {max(per_seed):.4f}, "
    f"mean {np.mean(per_seed):.4f}, **standard deviation {noise_sd:.4f}**."
)
width = max(per_seed) - min(per_seed)
outcome("4a", min(["0.001", "0.005", "0.02"], key=lambda near: abs(np.log(width / float(near)))))

# %% [markdown] id="noise-after"
# That standard deviation is one **noise SD**. Nothing about the program changed; only the draw
# did. Keep it in mind when a candidate "improves" by less.

# %% [markdown] id="loop-words"
# ## Run the loop
#
# Below, one **panel** is updated in place: the staircase, the idea under work and what is being
# done to it, the time left, and for each of the last candidates the rule's reason in words.
# **Stop** (or the square in the toolbar) gives up the candidate under way and loses nothing else;
# **Continue**, or running the cell again, goes on from there. Where nobody is at the notebook, the
# same comes as plain lines: `Δ` is the difference to the best so far.
#
# A candidate without a score (`nan`) crashed, ran out of time or was rejected; it can never win. A
# hypothesis begins with its kind of idea. *encode*: a code gets a column per value (**one-hot**).
# *curves*: a risk may bend instead of rising in a straight line (**splines**). *bagging*,
# *ensemble*: several models are averaged. *regularise*, *tune*: the penalty or another setting.
#
# **Predict:** of the first eight candidates, how many will be kept?

# %% id="guess-kept"
guess("4b", "Of eight candidates, how many are kept?", within=1)

# %% id="loop"
scorer = Scorer()


def open_run(scorer, tag=tag, agent=agent):
    return Run.open(tag, rule=rule, agent=agent, seed=seed, scorer=scorer)


limits = {"iterations": iterations, "time_budget": time_budget, "noise_sd": noise_sd}
shown = watch.Watch(open_run, get_agent(agent), scorer, **limits)
ended = shown.go()
print(ended.reason)

# %% id="loop-check"
if ended.failed:
    raise RuntimeError(f"the run did not finish: {ended.reason}")
rows, history, view = shown.rows, shown.history, shown.view
best = [row for row in rows if row.decision != "discarded"][-1]
kept = sum(row.decision == "kept" for row in rows)
lesson.markdown(
    f"**{kept} of {len(rows) - 1} candidates kept.** Best: val_auc {best.val_auc:.4f} "
    f"(± {best.val_sd:.4f} over its folds), from iteration {best.iteration}."
)
outcome("4b", sum(row.decision == "kept" for row in rows[:9]))

# %% id="staircase" tags=["folded"]
fig = plots.staircase(rows, noise_sd, plots.staircase_message(rows))
plots.show(fig, plots.staircase_alt(rows, noise_sd))

# %% [markdown] id="loop-after"
# The line through the kept ones, the **staircase**, can only climb: that is what a **ratchet**
# is. It climbs when a candidate is better, and also when a candidate is merely lucky. The picture
# alone does not tell you which. Look at the band: a step that ends inside it is no larger than
# what another draw of the folds does for free.
#
# Read the column *why*. The rule `strict` has one reason for keeping, "any gain": it never asks
# whether the gain is larger than the noise that you measured above.

# %% [markdown] id="exercise-1-words"
# ### Exercise 4.1: how large is the gain?
#
# Compute `gain_in_sds`: the gain of the best candidate over the starting program, measured in
# noise SDs. `history` is a list with one entry per iteration; each has `val_auc` and `decision`
# (`"baseline"`, `"kept"` or `"discarded"`). `kept_scores` is for a step on the way, if you want
# one.

# %% id="exercise-1"
# <solution>
kept_scores = [past.val_auc for past in history if past.decision != "discarded"]
gain_in_sds = (kept_scores[-1] - kept_scores[0]) / noise_sd
# </solution>

# %% id="exercise-1-check"
checks.gain_in_noise(gain_in_sds, history, noise_sd)

# %% [markdown] id="exercise-1-after"
# Below 1, the whole climb could be the draw. Above 2, one draw alone seldom does it. But we
# picked the best of many, and the best of many is usually lucky: lesson 06 has recorded runs
# that climbed by more than 2 with nothing there to find.
#
# The yardstick is rough, too. Both programs sat the same folds, so their difference wobbles less
# than one score alone; other patients would move it more. Lessons 05 and 06 do better.

# %% [markdown] id="ledger-words"
# ## What was written down
#
# The whole ledger, best and worst alike. Left out is `test_auc`, the score on the sealed test.
# No decision of this run has seen it, neither the agent's nor yours, and that keeps it worth
# something. (The moves of the playbook are older than your run: they were chosen with all 303
# patients in view, so for this agent the test is sealed, but no stranger.)

# %% id="ledger"
tokens = sum(row.tokens or 0 for row in rows)
cost = sum(row.cost_usd or 0.0 for row in rows)
unknown = sum(row.cost_usd is None for row in rows)
print(f"in all: {tokens} tokens, {cost:.2f} USD, cost unknown in {unknown} of {len(rows)} rows")
lesson.neat(lesson.table(rows).drop(columns=["wall_time_s", "commit"]))

# %% [markdown] id="ledger-after"
# Read down `decision` and `hypothesis`: what did not help stands there too, as in any good
# record. `tokens` and `cost_usd` are zero for the playbook; a language model fills them.

# %% [markdown] id="own-words"
# ## An agent of your own
#
# The playbook is no magic. An agent is one function, `propose(view)`. The **view** is all that it
# may see: the best program and its score, the history, the last failure, the instructions. It
# gives back the text of a new `train.py`. Here is a whole agent: a list of moves, and the rule
# "take the first one that fits and was not tried yet". It writes its reason into `HYPOTHESIS`, and
# when no move is left it says so with `AgentDone`, which ends the run.

# %% id="own"
MOVES = [
    ("C=1.0", "C=0.1", "few patients: a stronger penalty"),
    ("C=1.0", "C=10.0", "the penalty may be too strong: a weaker one"),
    ("StandardScaler", "RobustScaler", "outliers: scale by the middle half of the patients"),
]


def propose(view):
    tried = {past.hypothesis for past in view.history}
    for old, new, why in MOVES:
        if old in view.best_source and why not in tried:
            source = view.best_source.replace(old, new)
            return Proposal(re.sub("HYPOTHESIS = .*", f"HYPOTHESIS = {why!r}", source))
    raise AgentDone("I have no more moves")


# %% [markdown] id="own-run-words"
# The same loop, scorer and rule now run *this* agent, in a run of its own beside the playbook's.
# The loop wants an object with a name and two functions, `propose` and `close` (here there is
# nothing to close); `SimpleNamespace` makes one on the spot.
#
# **Predict:** will the three moves get as far as the playbook did?

# %% id="guess-own"
guess("4c", "Who ends higher?", "playbook", "the three moves", "the same")

# %% id="own-run"
mine = SimpleNamespace(name="mine", propose=propose, close=lambda: None)
beside = watch.Watch(
    lambda scorer: open_run(scorer, f"{tag}-mine", "mine"), mine, scorer, iterations=len(MOVES)
)
print(beside.go().reason)

# %% [markdown] id="own-run-after"
# Each row below is one candidate. `cummax` carries the best score so far along: that is the
# staircase, in one word of pandas.

# %% id="own-table"
runs = {"playbook": shown.rows, "mine": beside.rows}
tried = pd.DataFrame(
    [(name, row.iteration, row.val_auc) for name, rows_of in runs.items() for row in rows_of],
    columns=["agent", "iteration", "val_auc"],
)
tried["best so far"] = tried.groupby("agent")["val_auc"].cummax()
ends = tried.groupby("agent")["best so far"].agg(["first", "last", "count"]).round(4)
lesson.neat(ends)

# %% id="own-outcome" tags=["folded"]
lead = ends["last"].get("playbook", np.nan) - ends["last"]["mine"]
outcome("4c", "the same" if abs(lead) < 5e-5 else "playbook" if lead > 0 else "the three moves")

# %% [markdown] id="own-table-after"
# A dozen lines are an agent. What makes a better one is what it knows (its moves), and what it
# makes of the history. A language model in the same seat is the same function with a longer list.

# %% [markdown] id="exercise-2-words"
# ### Exercise 4.2: write `propose`
#
# Write an agent of your own that knows some scikit-learn: `my_propose(view)` gives back a
# `Proposal` with a new `train.py`. It may change the scaler (`RobustScaler`,
# `QuantileTransformer(n_quantiles=50)`), the model, or the features. The check asks it three
# times, each time with what it proposed before in `view.history`: no two may be the same program,
# and all three must get a score.


# %% id="exercise-2"
def my_propose(view):
    """Return a Proposal for the next train.py."""
    # <solution>
    start = view.history[0].source
    penalties = ["C=0.03", "C=0.3", "C=3.0"]
    source = start.replace("C=1.0", penalties[view.iteration % 3])
    return Proposal(source.replace("StandardScaler", "RobustScaler"))
    # </solution>


checks.own_agent(my_propose, view, scorer)

# %% [markdown] id="exercise-2-after"
# An agent is asked again after every step, and it is never told more than the view. If it crashes,
# the loop writes that down and asks again.

# %% [markdown] id="diffs-words"
# ## What was kept
#
# Each kept candidate as a **diff**: lines that begin with `-` went out, lines with `+` came in.
# You know the kept hypotheses; which of them will have changed the most lines?

# %% id="diffs"
for past, text in lesson.kept_diffs(history):
    lesson.markdown(f"**Iteration {past.iteration}** (Δ {past.delta:+.4f}): {past.hypothesis}")
    display(text)
if kept == 0:
    print("Nothing was kept: the starting program is still the best.")

# %% [markdown] id="diffs-after"
# If a diff takes you longer to understand than its gain is worth, the ratchet has no opinion on
# that. You may.

# %% [markdown] id="prompt-words"
# ## What the agent sees
#
# A language model is told the text below, its **prompt**, and nothing else about the run: the
# instructions in `program.md`, the best program, the history with validation scores, the last
# failure. There is no test score in it, because the function that writes it has never been given
# one.

# %% id="prompt"
prompt = build_prompt(view)
print(f"{len(prompt)} characters; the first 1,500:\n")
lesson.say(prompt[:1500])

# %% [markdown] id="prompt-after"
# Print the rest when you are curious: `print(prompt[1500:])`. What a candidate printed or wrote
# stands in there too, fenced off and marked as data, because text that a program wrote must not
# give orders to the next one.

# %% [markdown] id="exercise-3-words"
# ### Exercise 4.3: change the search by changing the words
#
# A person steers this loop in one place only: `program.md`. Make `my_program` the old text
# (`view.program`) with one line of your own at the end, for example a wish for models that a
# cardiologist can read. The check looks whether your line arrives in the prompt.

# %% id="exercise-3"
# <solution>
my_program = view.program + "\n- Prefer models that a cardiologist can read.\n"
# </solution>

# %% id="exercise-3-check"
checks.changed_program(my_program, view, view.program)

# %% [markdown] id="exercise-3-after"
# In a real run you edit `program.md` in the course folder *before* the run starts: a run keeps
# the copy that it began with, so that its ledger stays one experiment.

# %% [markdown] id="claim-words"
# ## What may be claimed
#
# The staircase reports; it does not prove. The course's **certificate** looks at the run once
# more, on folds that no decision has used, and says in one sentence what may be claimed. It takes
# a minute, and lesson 06 shows how it is made.
#
# **Predict:** will it say *real*, *luck* or *cannot tell* of your run?

# %% id="guess-claim"
guess("4d", "What will the certificate say?", "real", "luck", "cannot tell", "nothing to claim")

# %% id="claim"
try:
    claim = certify(folder, scorer, say=print).sentence
except RunError as error:  # a night's record must not be lost to it
    claim = f"Nothing yet, the certificate could not be made: {error}"
lesson.markdown(f"**What may be claimed:** {claim}")
said = ("real", "luck", "cannot tell", "nothing")
first = next((word for word in said if claim.lower().startswith(word)), "nothing")
outcome("4d", "nothing to claim" if first == "nothing" else first)

# %% [markdown] id="claim-after"
# T is the gain counted in its own standard errors. A short run seldom comes far enough: "cannot
# tell" means that so few patients can neither show the gain nor rule it out.

# %% [markdown] id="quiz-words"
# ## Quiz
#
# Three questions. Open a choice, or click it, to see why it is right or wrong.

# %% id="quiz-1" tags=["quiz"]
checks.quiz(
    "A candidate scores 0.0007 more than the best so far. The rule is strict. What happens?",
    right="b",
    a=(
        "It is discarded, because the gain is smaller than the noise.",
        "Strict does not know the noise: it compares two numbers. Lesson 05 has rules that do.",
    ),
    b=("It is kept.", "Strict keeps every gain, real or lucky. That is its strength and its flaw."),
    c=(
        "It is scored again to be sure.",
        "The folds are frozen: scored again, the same program gives the same number.",
    ),
)

# %% id="quiz-2" tags=["quiz"]
checks.quiz(
    "Why is the agent never shown the score on the sealed test?",
    right="c",
    a=("To save tokens.", "One number costs nothing. What would cost a lot is choosing by it."),
    b=("It could not read it.", "It could, and it would use it. That is just the trouble."),
    c=(
        "What is chosen by a score can no longer be judged by it.",
        "After many choices by the test score, the test is one more training set.",
    ),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "The power fails during iteration 41 of 100. What do you do in the morning?",
    right="a",
    a=(
        "Start the same command again.",
        "40 rows are on disk, the ledger and git agree, and the run goes on with iteration 41.",
    ),
    b=("Start again with a new tag.", "Nothing is broken: you would throw 40 iterations away."),
    c=("Mend results.tsv by hand.", "Never: a half-written last line is found and dropped."),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. A loop is one step, repeated: propose, score, decide, write down. It can be stopped and
#    continued anywhere, because the ledger is written before anything is acted on.
# 2. The staircase climbs by skill and by luck. Hold every gain against the noise SD of the ruler.
# 3. An agent is one function, `propose(view)`. It sees the instructions, the best program, the
#    history and the last failure, never the test. You steer it with `program.md`.
#
# Next: **05 · Luck**. How far does a staircase climb when there is nothing to find?

# %% [markdown] id="finish-words"
# ## Where everything lies
#
# The last cell saves the plot and a record that this notebook ran to its end.

# %% id="finish"
shown.agent.close()
scorer.close()
record = lesson.finish(tag, "notebooks/04_agent_loop.ipynb", rows, noise_sd, claim=claim)
place = folder.relative_to(lesson.RUNS.parent)
print(f"ledger      {place / 'results.tsv'}")
print(f"programs    {place / 'workspace'} (a git repository: git log)")
print(f"logs        {place / 'logs'}")
print(f"plot        {record['plot']}")
print(f"record      {place / lesson.RECORD}")
