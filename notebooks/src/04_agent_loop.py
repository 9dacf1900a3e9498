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
# 1. start a loop, stop it, continue it, and say what each line of its output means;
# 2. read a staircase plot, and say how large a gain is next to the noise of the ruler;
# 3. say what an agent sees, what it never sees, and change its instructions.

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
import contextlib

from IPython.display import Code, display

from harness import RunError
from harness.agents import get_agent
from harness.evidence import certify
from harness.run import Run, loop
from harness.scoring import Scorer
from harness.teaching import checks, lesson

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
# **Predict:** how far apart will the lowest and the highest of the ten lie: by about 0.001, 0.005
# or 0.02?

# %% id="noise"
scorer = Scorer()
start = (Path(lesson.RUNS).parent / "train.py").read_text(encoding="utf-8")
fold_seeds = range(1, 11)
per_seed = scorer.fold_scores(start, fold_seeds).mean(axis=1)
noise_sd = float(per_seed.std(ddof=1))
lesson.markdown(
    f"Ten draws of the folds: from {per_seed.min():.4f} to {per_seed.max():.4f}, "
    f"mean {per_seed.mean():.4f}, **standard deviation {noise_sd:.4f}**."
)

# %% [markdown] id="noise-after"
# That standard deviation is one **noise SD**. Nothing about the program changed; only the draw
# did. Keep it in mind when a candidate "improves" by less.

# %% [markdown] id="loop-words"
# ## Run the loop
#
# **Predict:** of eight candidates, how many will be kept? And by how much will the score rise, in
# noise SDs? Write both down. Then run the cell and watch.
#
# Each line is one iteration. `Δ` is the difference to the best so far. A candidate without a
# score (`nan`) crashed, ran out of time or was rejected; it can never win. Stop the cell whenever
# you like, and run it again: it goes on where it was.
#
# A hypothesis begins with its kind of idea. *encode*: a code gets a column per value
# (**one-hot**). *curves*: a risk may bend instead of rising in a straight line (**splines**).
# *bagging*, *ensemble*: several models are averaged. *regularise*, *tune*: the penalty or another
# setting.

# %% id="loop"
with contextlib.ExitStack() as stack:
    run = stack.enter_context(Run.open(tag, rule=rule, agent=agent, seed=seed, scorer=scorer))
    researcher = stack.enter_context(contextlib.closing(get_agent(agent)))
    live = lesson.LivePlot(run.ledger.rows, noise_sd)
    outcome = loop.run(
        run, researcher, iterations=iterations, time_budget=time_budget, on_row=live, say=print
    )
    rows, history, view = list(run.ledger.rows), list(run.history), run.view()
    first_source, program = run.start_source, run.view().program
print(outcome.reason)

# %% id="loop-check"
if outcome.failed:
    raise RuntimeError(f"the run did not finish: {outcome.reason}")
best = [row for row in rows if row.decision != "discarded"][-1]
kept = sum(row.decision == "kept" for row in rows)
lesson.markdown(
    f"**{kept} of {len(rows) - 1} candidates kept.** Best: val_auc {best.val_auc:.4f} "
    f"(± {best.val_sd:.4f} over its folds), from iteration {best.iteration}."
)

# %% [markdown] id="loop-after"
# The line through the kept ones, the **staircase**, can only climb: that is what a **ratchet**
# is. It climbs when a candidate is better, and also when a candidate is merely lucky. The picture
# alone does not tell you which. Look at the band: a step that ends inside it is no larger than
# what another draw of the folds does for free.

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
# picked the best of many, and the best of many is usually lucky: lesson 05 has two recorded runs
# that climbed by more than 2 with nothing there to find.
#
# The yardstick is rough, too. Both programs sat the same folds, so their difference wobbles less
# than one score alone; other patients would move it more. Lesson 05 does better.

# %% [markdown] id="ledger-words"
# ## What was written down
#
# The whole ledger, best and worst alike. Left out is `test_auc`, the score on the sealed test.
# Nobody has looked at it, neither the agent nor you, and that is what keeps it worth something.

# %% id="ledger"
tokens = sum(row.tokens or 0 for row in rows)
cost = sum(row.cost_usd or 0.0 for row in rows)
unknown = sum(row.cost_usd is None for row in rows)
print(f"in all: {tokens} tokens, {cost:.2f} USD, cost unknown in {unknown} of {len(rows)} rows")
lesson.table(rows)

# %% [markdown] id="ledger-after"
# Read down `decision` and `hypothesis`: what did not help stands there too, as in any good
# record. `tokens` and `cost_usd` are zero for the playbook; a language model fills them.

# %% [markdown] id="diffs-words"
# ## What was kept
#
# Each kept candidate as a **diff**: lines that begin with `-` went out, lines with `+` came in.
#
# **Predict:** you know the kept hypotheses. Which of them changed the most lines?

# %% id="diffs"
for past, text in lesson.kept_diffs(history):
    lesson.markdown(f"**Iteration {past.iteration}** (Δ {past.delta:+.4f}): {past.hypothesis}")
    display(Code(text, language="diff"))
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
from harness.agents import build_prompt

prompt = build_prompt(view)
print(f"{len(prompt)} characters; the first 1,500:\n")
print(prompt[:1500])

# %% [markdown] id="prompt-after"
# Print the rest when you are curious: `print(prompt[1500:])`. What a candidate printed or wrote
# stands in there too, fenced off and marked as data, because text that a program wrote must not
# give orders to the next one.

# %% [markdown] id="exercise-2-words"
# ### Exercise 4.2: change the search by changing the words
#
# A person steers this loop in one place only: `program.md`. Make `my_program` the old text
# (`program`) with one line of your own at the end, for example a wish for models that a
# cardiologist can read. The check looks whether your line arrives in the prompt.

# %% id="exercise-2"
# <solution>
my_program = program + "\n- Prefer models that a cardiologist can read.\n"
# </solution>

# %% id="exercise-2-check"
checks.changed_program(my_program, view, program)

# %% [markdown] id="exercise-2-after"
# In a real run you edit `program.md` in the course folder *before* the run starts: a run keeps
# the copy that it began with, so that its ledger stays one experiment.

# %% [markdown] id="claim-words"
# ## What may be claimed
#
# The staircase reports; it does not prove. The course's **certificate** looks at the run once more,
# on folds that no decision has used, and says in one sentence what may be claimed. It takes a
# minute, and lesson 05 shows how it is made.
#
# **Predict:** will it say *real*, *luck* or *cannot tell* of your run?

# %% id="claim"
try:
    claim = certify(folder, scorer, say=print).sentence
except RunError as error:  # a night's record must not be lost to it
    claim = f"Nothing yet, the certificate could not be made: {error}"
lesson.markdown(f"**What may be claimed:** {claim}")

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
# 3. An agent sees the instructions, the best program, the history and the last failure, never the
#    test. You steer it with `program.md`.
#
# Next: **05 · Is it real?** You open the sealed test, once.

# %% [markdown] id="finish-words"
# ## Where everything lies
#
# The last cell saves the plot and a record that this notebook ran to its end.

# %% id="finish"
scorer.close()
record = lesson.finish(tag, "notebooks/04_agent_loop.ipynb", rows, noise_sd, claim=claim)
print(f"ledger      {folder / 'results.tsv'}")
print(f"programs    {folder / 'workspace'} (a git repository: git log)")
print(f"logs        {folder / 'logs'}")
print(f"plot        {record['plot']}")
print(f"record      {folder / lesson.RECORD}")
