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
# # 06 · Is it real?
#
# *About 80 minutes. You need: lessons 01 to 04.*
#
# A ratchet can only report progress. That is its charm and its flaw: it reports progress also
# where there is none. This lesson is about telling the two apart, and there is a letter in it that
# may be opened only once.
#
# **After this lesson you can**
#
# 1. say how much a score moves when nothing has changed, and show a ratchet climbing on that
#    alone;
# 2. explain why the best of many looks better than it is, what a decision rule can do about it,
#    and what no rule can do with the same patients;
# 3. compute for an edit how far its gain stands out of luck, audit a run (certificate, sealed
#    test, another hospital), and call it real, luck, or cannot tell.

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
from harness.evidence import audit, audit_report, certify, lines
from harness.rules import CERTIFICATE_SEEDS, Tries, rules
from harness.run import Run, loop, read_record
from harness.scoring import Scorer
from harness.task import HEART
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
#   by √5). It is named after the Ladder of Blum and Hardt, without that method's guarantee;
# - `confirm` cuts the patients five more times, by seeds of its own, and wants the gain to be there
#   again;
# - `moderated` keeps only what could be claimed in public: a later section computes its number by
#   hand.
#
# If the figure shows another rule, it lies between these. We let each meet the twenty equal
# programs in the 200 orders. Every keep is a **false keep**.
#
# **Predict:** how many false keeps per run for `strict`? And for the others?


# %% id="rules"
no_tries = Tries.of(HEART)  # a careful rule also counts what was tried before


def evidence(i, tries):  # what a rule may look at
    return rules.Evidence(scores[i].val_auc, scores[i].fold_scores, 0, fresh[i], tries)


def false_keeps(rule, order):
    """Count what a rule keeps of programs that are all the same."""
    best, kept, tries = order[0], 0, no_tries
    for i in order[1:]:
        tries = tries.plus(np.subtract(scores[i].fold_scores, scores[best].fold_scores))
        if rule.decide(evidence(i, tries), evidence(best, tries)).keep:
            best, kept = i, kept + 1
    return kept


# %% id="rules-figure" tags=["folded"]
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

# %% [markdown] id="patients-words"
# ## Fresh folds are not fresh patients
#
# `confirm` looks careful: a gain has to be there again on five other cuts. But whichever way one
# cuts them, they are the same patients. To see what that means we need a world whose truth we
# know, so we make one up. Its patients have 13 **measurements**; the first says most about the
# disease, the last nothing. We can draw as many patients as we like.
#
# The model is least squares, which ranks patients much like logistic regression and takes a
# hundredth of the time. `auc` counts the sick-healthy pairs in the right order, by their ranks.


# %% id="town"
def draw_patients(n, rng):  # measurements, and who is sick
    X = rng.normal(size=(n, 13))
    return X, rng.random(n) < 1 / (1 + np.exp(-X @ np.linspace(1.6, 0, 13)))


def auc(X, y, X_new, y_new):  # of a model fitted to X and y, on new patients
    weights = np.linalg.solve(X.T @ X, X.T @ (y - 0.5))
    ranks = (X_new @ weights).argsort().argsort() + 1
    return (ranks[y_new].mean() - (y_new.sum() + 1) / 2) / (~y_new).sum()


def cv_auc(X, y, seed):
    """AUC on each of five folds; the seed says how the patients are cut."""
    fold = np.random.default_rng(seed).permutation(len(y)) % 5
    return np.array([auc(X[fold != k], y[fold != k], X[fold == k], y[fold == k]) for k in range(5)])


# %% [markdown] id="search-words"
# Every proposal adds one column of **noise**: random numbers that have nothing to do with the
# disease. There is nothing to find. The rule is `confirm`, and a run goes on until it has kept
# five columns. After each keep we look twice: on five fresh cuts that the rule has never used, and
# on 20,000 patients that nobody has met.
#
# **Predict:** with each keep, does the AUC on the fresh cuts rise, stay or fall? And the AUC on new
# patients?


# %% id="search"
def one_run(rng, keeps=5):
    """Offer columns of noise until some were kept; score what is best after each keep."""
    (X, y), (X_new, y_new) = draw_patients(242, rng), draw_patients(20_000, rng)
    steps, wider, best_cuts = [], X, np.zeros(5)  # anything beats 0: the start is kept first
    while len(steps) <= keeps:
        cuts = np.array([cv_auc(wider, y, seed).mean() for seed in range(5)])
        gains = cuts - best_cuts
        if gains.mean() > gains.std(ddof=1) / np.sqrt(5):
            X_new = np.c_[X_new, rng.normal(size=(len(X_new), wider.shape[1] - X.shape[1]))]
            X, best_cuts = wider, cuts
            fresh_cuts = np.mean([cv_auc(X, y, seed) for seed in range(5, 10)])
            steps.append({"fresh folds": fresh_cuts, "new patients": auc(X, y, X_new, y_new)})
        wider = np.c_[X, rng.normal(size=len(X))]
    return pd.DataFrame(steps)


# %% id="search-runs"
runs = [one_run(np.random.default_rng(number)) for number in range(12)]
gains_so_far = pd.concat([run - run.loc[0] for run in runs]).groupby(level=0)
mean, sd = gains_so_far.mean(), gains_so_far.std()


# %% id="search-figure" tags=["folded"]
@plots.styled
def two_lines(title):
    """Draw what fresh folds show and what is there, against the number of keeps."""
    fig, ax = plots.new_figure(title, height=4.4)
    for name, line, colour in zip(mean, ("-o", "--s"), (plots.BLUE, plots.VERMILION), strict=True):
        low, high = mean[name] - sd[name], mean[name] + sd[name]
        ax.plot(mean.index, mean[name], line, color=colour, lw=3, label=f"on {name}")
        ax.fill_between(mean.index, low, high, color=colour, alpha=0.15, lw=0)
    ax.axhline(0, color=plots.GREY, lw=1)
    ax.set(xlabel="columns of noise kept", ylabel="gain in AUC\n(mean ± 1 SD of 12 runs)")
    fig.legend(loc="outside lower left", ncols=2)
    return fig


# %% id="search-show" tags=["folded"]
end, end_sd = mean.iloc[-1], sd.iloc[-1]
fig = two_lines(
    f"Five keeps of nothing: {end['fresh folds']:+.3f} on fresh folds, "
    f"{end['new patients']:+.3f} on new patients"
)
words = "; ".join(f"on {name} {end[name]:+.4f} (SD {end_sd[name]:.4f})" for name in mean)
plots.show(fig, f"Two lines against the number of keeps, from 0 to 5. At five: {words}.")

# %% [markdown] id="search-after"
# This is the figure to remember. Both lines are about the same programs. A column was kept because
# *in these patients* it happens to go with the disease; it does so however they are cut, so fresh
# folds show a gain. Other patients do not have that accident, and there the model pays for a
# weight that it had to estimate for nothing.

# %% id="search-slopes" tags=["folded"]
slope = end / mean.index[-1]
lesson.markdown(
    f"Per keep: **{slope['fresh folds']:+.4f}** on fresh folds and "
    f"**{slope['new patients']:+.4f}** on new patients. After five keeps single runs scatter by "
    f"{end_sd['fresh folds']:.4f} and {end_sd['new patients']:.4f} (SD)."
)

# %% [markdown] id="search-slopes-after"
# So fresh folds take away the luck of the cut, not the luck of having had these patients. That
# second luck grows with every try, and whoever wants to claim a gain has to leave room for it.

# %% [markdown] id="claim-words"
# ## What may be claimed: T and the bar
#
# A rule steers the search. What may be *claimed* in the end is another question, and the course
# answers it with a **certificate**. It takes back the kept edits that it cannot vouch for
# (what is left is the **pruned** program; all that was kept is the **working best**), measures the
# rest on fresh folds that neither rule nor audit uses, and computes
#
# - **T**, the gain in its own standard errors;
# - the **bar**, which the largest T of a run exceeds by luck in at most about one run of twenty. It
#   rises with the number of tries.


# %% id="bar"
from harness.rules.certificate import BAR, PLANNED, SLOPE


def bar_for(tries):
    """Give what T must exceed after so many tries."""
    return BAR + SLOPE * np.log(max(tries, PLANNED) / PLANNED)


print({tries: round(float(bar_for(tries)), 2) for tries in (25, 50, 100, 200)})

# %% [markdown] id="bar-after"
# Each doubling of the tries raises the bar by the same step: more tickets, more luck, but slowly.
# The two constants were found by simulation, in worlds with nothing to find.

# %% [markdown] id="exercise-2-words"
# ### Exercise 6.1: five recorded runs
#
# `claimed` is the gain on the frozen folds, `luck` what so many tries find on average with nothing
# there. `fresh` is the gain of the working best on fresh folds, with its 95% interval from
# `fresh_low` to `fresh_high`; `t` is T of the pruned program, and `bar` is its bar. Judge each run
# as `"real"`, `"luck"` or `"cannot tell"`, by the certificate's rule:
#
# - **real**: T is above the bar;
# - **luck**: it is not, and the claim lies above the whole interval: it is refuted;
# - **cannot tell**: anything else.
#
# Make `verdicts` a dictionary with one entry per run: `{"A": …, "B": …}` and so on to `"E"`.

# %% id="recorded"
path = lesson.RUNS.parent / "harness" / "data" / "recorded_runs.json"
recorded = json.loads(path.read_text(encoding="utf-8"))
columns = ["tries", "claimed", "luck", "fresh", "fresh_low", "fresh_high", "t", "bar"]
pd.DataFrame(recorded).T[columns].astype(float).round(4)

# %% id="recorded-figure"
fig = figures.claims(recorded, "A claim is one point; T and the interval say what it is worth")
words = "; ".join(
    f"{letter}: claims {run['claimed']:.4f}, fresh {run['fresh']:+.4f} "
    f"({run['fresh_low']:+.4f} to {run['fresh_high']:+.4f}), T {run['t']:.2f}"
    for letter, run in recorded.items()
)
plots.show(fig, f"Claimed and fresh gains of five runs. {words}.")

# %% [markdown] id="recorded-after"
# The short black bar is the gain that so many tries would find on average with nothing there. A
# claim that does not pass it says nothing by itself. (A **95% interval** holds the gains that go
# well with the data: of many intervals made in this way, about 95 in 100 hold the true value.)


# %% id="exercise-2"
# <solution>
def judge(run):
    """Give the verdict by the certificate's rule."""
    if run["t"] > run["bar"]:
        return "real"
    if run["claimed"] > run["fresh_high"]:
        return "luck"
    return "cannot tell"


verdicts = {letter: judge(run) for letter, run in recorded.items()}
# </solution>

# %% id="exercise-2-check"
checks.verdicts_on_runs(verdicts, recorded)

# %% [markdown] id="exercise-2-after"
# Two of the five were made by the null agent. Did you spot them?

# %% id="recorded-agents" tags=["folded"]
print({letter: (run["agent"], run["verdict"]) for letter, run in recorded.items()})

# %% [markdown] id="recorded-agents-after"
# The null agent only changes seeds: whatever its runs claim is luck, and a certificate that called
# one of them real would be wrong. But luck cannot always be *shown*. Where the claim lies inside
# the interval, the honest word is "cannot tell".

# %% [markdown] id="own-words"
# ## T by hand, for one edit of your run
#
# Now the run from lesson 04. If you have none, the next cell makes a short one. We take its first
# kept edit (if nothing was kept, its best try), and score the program before and after it on the
# certificate's own fold seeds. Each seed cuts five folds, and each fold gives one paired gain.

# %% id="own-run"
folder = lesson.RUNS / tag
if not (folder / "results.tsv").is_file():
    with Run.open(tag, rule="strict", agent="playbook", seed=0, scorer=scorer) as run:
        loop.run(run, get_agent("playbook"), iterations=6, on_row=lambda row: None)
record = read_record(folder)
tried = [row for row in record.rows[1:] if row.ok]
edit = (record.kept[1:] or [max(tried, key=lambda row: row.val_auc)])[0]
print(f"run {tag}: {len(tried)} scored tries, {len(record.kept) - 1} kept")
print(f"iteration {edit.iteration}: {edit.hypothesis}")

# %% id="own-gains"
sources = [record.source(iteration).decode() for iteration in (0, edit.iteration)]
before, after = (scorer.fold_scores(source, CERTIFICATE_SEEDS) for source in sources)
gains = after - before  # a row for each seed, a column for each fold
pd.DataFrame(gains, index=CERTIFICATE_SEEDS).round(4)

# %% [markdown] id="own-gains-after"
# The same edit on every fold: some gain and some may lose. The mean is the edit's gain. To say
# how many standard errors it is, we need to know how much such gains scatter.

# %% [markdown] id="shared-words"
# ### Why the tries share their scatter
#
# Five folds are few to measure a scatter by. Our twenty equal programs show how few: each gains
# over the first one by luck alone, so the true scatter of the five gains is the same for all.
#
# **Predict:** measured on five folds each, by what factor do the largest and the smallest SD
# differ: about 1.2, about 1.5 or more than 2?

# %% id="shared"
fold_scores = np.array([score.fold_scores for score in scores])
spreads = (fold_scores[1:] - fold_scores[0]).std(axis=1, ddof=1)
lesson.markdown(
    f"From {spreads.min():.4f} to {spreads.max():.4f}: a factor of "
    f"**{spreads.max() / spreads.min():.1f}**, though in truth they are equal."
)

# %% [markdown] id="shared-after"
# Whoever divides each gain by its own SD lets through the candidates whose SD came out small by
# accident. So all tries of a run tell their scatter together: a **moderated t** (Tusher and others
# 2001, Smyth 2004). Here are the fold gains of your run's tries, each over the best of its time.

# %% id="tries"
best_folds, tries_gains = record.folds(0), []
for row in record.rows[1:]:
    if row.ok:
        tries_gains.append(np.subtract(record.folds(row.iteration), best_folds))
    if row.kept:
        best_folds = record.folds(row.iteration)
tries_gains = np.array([g for g in tries_gains if g.any()])  # a try that moved nothing is no news
tries_gains.round(4)

# %% [markdown] id="tries-after"
# One row for each try, one column for each frozen fold.

# %% [markdown] id="exercise-3-words"
# ### Exercise 6.2: compute T
#
# With `gains` (a row for each seed, of the one edit) and `tries_gains` (a row for each try):
#
# 1. `g` and `v`: mean and variance of all n gains (n is `gains.size`);
# 2. `V0`: the mean, over the tries, of the variance of their five fold gains;
# 3. `s`, the standard error: s² = (1/n + 1/4) · (10 · V0 + v) / 11;
# 4. `T` = g / s.
#
# Take all variances with `ddof=1`. The tries count ten times and the edit's own scatter once. And
# 1/n alone would be right for n independent gains; but folds share their patients, and for that
# Nadeau and Bengio (2003) add the rows asked divided by the rows trained on: one fold to four.

# %% id="exercise-3"
# <solution>
g = gains.mean()
v = gains.var(ddof=1)
V0 = tries_gains.var(axis=1, ddof=1).mean()
s = np.sqrt((1 / gains.size + 1 / 4) * (10 * V0 + v) / 11)
T = g / s
# </solution>

# %% id="exercise-3-check"
checks.t_by_hand(T, gains, tries_gains)

# %% [markdown] id="exercise-3-after"
# Hold your T against the bar for the number of tries of your run. One thing more: a program of k
# edits has had k chances to be lucky, so its standard error is s·√k.
#
# The certificate does just this, for the whole run. Made again it says the same.

# %% id="certificate"
certificate = certify(folder, scorer)
print(*lines(certificate), sep="\n")

# %% [markdown] id="certificate-after"
# Read it from the top: what the *working best* gains (all that was kept), what is left after
# *pruning* if anything was dropped, and the sentence with the verdict. Only a *certified* program
# may be claimed; `./ratchet certify` prints the same for any run, `./ratchet adopt` hands out what
# is certified.

# %% [markdown] id="ceiling-words"
# ## What 242 patients cannot show
#
# T finds a true gain in half of all runs if that gain is as large as the bar times the standard
# error. So we can say beforehand what a study of n patients is able to show. We ask our made-up
# world, where an edit adds one column: draw n patients, let 25 columns tell the scatter, and
# compute the standard error.
#
# **Predict:** with 600 patients instead of 242, is the smallest gain that can be found about a
# tenth, a third or a half smaller, or even less than half?


# %% id="ceiling"
def error_for(n, rng):
    """Standard error that T uses for one more column, among n patients and 25 tries."""
    X, y = draw_patients(n, rng)
    before = cv_auc(X, y, 0)
    wider = [np.c_[X, rng.normal(size=n)] for _ in range(25)]
    V0 = np.mean([(cv_auc(Z, y, 0) - before).var(ddof=1) for Z in wider])
    return np.sqrt((1 / gains.size + 1 / 4) * V0)


sizes = [242, 400, 600, 1200]
errors = [np.mean([error_for(n, np.random.default_rng(i)) for i in range(8)]) for n in sizes]

# %% id="ceiling-figure" tags=["folded"]
found_half = {tries: bar_for(tries) * np.array(errors) for tries in (25, 100)}


@plots.styled
def ceiling(title):
    """Draw the smallest gain that half of all runs find, against the number of patients."""
    fig, ax = plots.new_figure(title, height=4.0)
    for (tries, gain), line in zip(found_half.items(), ("-o", "--s"), strict=True):
        ax.plot(sizes, gain, line, lw=3, label=f"{tries} tries")
    ax.set(xlabel="patients", ylabel="true gain in AUC\nthat half of all runs find")
    ax.set(ylim=(0, None), xticks=sizes)
    fig.legend(loc="outside lower left", ncols=2)
    return fig


# %% id="ceiling-show" tags=["folded"]
few, more = found_half[25][0], found_half[25][2]
fig = ceiling(f"242 patients show a gain of {few:.3f} in half of all runs, 600 one of {more:.3f}")
words = ", ".join(f"{n} patients {gain:.4f}" for n, gain in zip(sizes, found_half[25], strict=True))
plots.show(fig, f"Falling curve of the gain that half of all runs of 25 tries find: {words}.")

# %% [markdown] id="ceiling-after"
# Smaller gains than these may be there; so few patients will mostly not show them, whatever the
# rule. More tries on the same patients make it worse, since the bar rises. More patients help.

# %% id="ceiling-own" tags=["folded"]
own_error = np.sqrt((1 / gains.size + 1 / 4) * tries_gains.var(axis=1, ddof=1).mean())
own, later = bar_for(len(tried)) * own_error * np.array([1, np.sqrt(242 / 600)])
lesson.markdown(
    f"Your own run's tries scatter as they do: a single edit that is truly worth **{own:.4f}** is "
    f"found in half of such runs. With 600 patients it would be about {later:.4f} or less."
)

# %% [markdown] id="ceiling-own-after"
# (That last number lets the error shrink with the square root of the patients, as it does for edits
# that change the whole model. One more column, as in the figure, shrinks faster, because its own
# weight is estimated better, too.)

# %% [markdown] id="audit-words"
# ## Audit a real run
#
# An **audit** asks, in order of weight: what does the certificate say, from fresh folds that no
# decision saw? The sealed test? Another hospital (Budapest, other patients, other habits)? The
# verdict is the certificate's, unless other patients show a loss beyond chance.

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
# there.
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
# But fresh folds are cut from the same patients, and you have seen what that hides. Only other
# patients take that luck away, here those of the sealed test and of Budapest.

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

# %% id="close"
scorer.close()

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
#    margin or a confirmation keep less of it. But fresh folds are not fresh patients: what is lucky
#    in these patients stays lucky however they are cut.
# 3. A claim needs a T above its bar, which rises with every try; so few patients show large gains
#    only. An audit adds the sealed test, once, and another hospital. *Real*, *luck* and *cannot
#    tell* are all good answers; a claim alone is none.
#
# Next: **07 · When agents cheat**.
