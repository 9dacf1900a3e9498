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
# # 05 · Luck
#
# *About 45 minutes. You need: lessons 01 to 04.*
#
# A ratchet can only report progress. That is its charm and its flaw, because it reports progress
# also where there is none. In this lesson you build everything yourself, from scikit-learn and
# numpy, and watch luck at work where you know that nothing else can be.
#
# **After this lesson you can**
#
# 1. say how much a score moves when nothing has changed, and show a ratchet climbing on that alone;
# 2. explain why the best of many looks better than it is, and write rules that know about it;
# 3. say which luck fresh folds take away, and which luck no rule can take away on the same
#    patients.

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
from scipy import stats
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness import plots
from harness.task import HEART
from harness.teaching import checks, guess, lesson, outcome

# %% [markdown] id="nothing-words"
# ## Twenty programs that are all the same
#
# Each of the twenty programs below draws patients from the training rows with repeats, as many as
# there are (a **bootstrap sample**: some patients come twice, some never), and fits a logistic
# regression to them. It does so three times and adds up the three answers. The programs differ in
# one number only, the seed of the draws, and no seed is better than another.
#
# Whatever these programs gain on each other is therefore luck, by construction. In the real loop
# the **null agent** proposes nothing but such programs (`--agent null`).


# %% id="nothing"
X, y = HEART.split().X_train, HEART.split().y_train
ready = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
model = LogisticRegression(solver="newton-cholesky")


def answers(seed, Z, train, val):
    """Predict the rows val by three fits to random draws of the rows train."""
    rng, p = np.random.default_rng(seed), np.zeros(len(val))
    for _ in range(3):
        rows = rng.choice(train, size=len(train))
        p += model.fit(Z[rows], y[rows]).predict_proba(Z[val])[:, 1]
    return p


# %% id="nothing-table"
def score(folds):
    """Score the twenty programs: a row for each program, a column for each fold."""
    table = np.zeros((20, len(folds)))
    for k, (train, val) in enumerate(folds):
        Z = ready.fit(X.iloc[train]).transform(X)
        for seed in range(20):
            table[seed, k] = roc_auc_score(y[val], answers(seed, Z, train, val))
    return table


# %% [markdown] id="nothing-predict"
# **Predict:** how far apart will the best and the worst of the twenty score, on the frozen folds?

# %% id="guess-range"
guess("5a", "Best minus worst of twenty equal programs, in AUC", within=0.005)

# %% id="nothing-scores"
frozen = score(HEART.folds(X, y))
val_auc = frozen.mean(axis=1)

# %% id="nothing-range" tags=["folded"]
lesson.markdown(
    f"From {val_auc.min():.4f} to {val_auc.max():.4f}, a range of **{np.ptp(val_auc):.4f}**; "
    f"SD {val_auc.std(ddof=1):.4f}."
)
outcome("5a", float(np.ptp(val_auc)))

# %% [markdown] id="nothing-scores-after"
# Hold the gain of your run in lesson 04 against that range: here nothing but a seed has changed.

# %% [markdown] id="climb-words"
# ## A ratchet meets them
#
# Now a strict ratchet meets these programs one by one. Their order is chance, so we look at 200
# orders of the same twenty. The best score so far is a running maximum.
#
# **Predict:** from the first program to the twentieth, by how much does the best score so far rise,
# on average over the 200 orders?

# %% id="guess-climb"
guess("5b", "Mean rise of the best score so far, in AUC", within=0.003)

# %% id="climb"
rng = np.random.default_rng(0)
orders = np.array([rng.permutation(20) for _ in range(200)])
staircases = np.maximum.accumulate(val_auc[orders], axis=1)
gained = (staircases[:, -1] - staircases[:, 0]).mean()


# %% id="climb-draw" tags=["folded"]
@plots.styled
def climbs(staircases, title):
    """Draw many staircases of the same programs in other orders, their mean on top."""
    fig, ax = plots.new_figure(title, height=4.4)
    x = np.arange(staircases.shape[1])
    ax.plot(x, staircases.T, color=plots.SKY, lw=0.7, alpha=0.35, drawstyle="steps-post")
    ax.plot([], [], color=plots.SKY, lw=2, label="one order each")
    ax.plot(x, staircases.mean(axis=0), color=plots.BLUE, lw=3.5, label="their mean", zorder=4)
    ax.set(xlabel="candidates tried", ylabel="best val_auc so far", xlim=(0, x[-1]))
    ax.xaxis.get_major_locator().set_params(integer=True)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


# %% id="climb-figure" tags=["folded"]
fig = climbs(
    staircases,
    f"Nothing is there to find, and the ratchet gains {gained:.4f} on average",
)
plots.show(
    fig,
    f"Two hundred staircases of twenty equal programs. On average they climb by {gained:.4f}, "
    "steeply at first, then ever more slowly.",
)
outcome("5b", float(gained))

# %% [markdown] id="climb-after"
# On average it looks just like research: steep at first, then harder and harder. The shape alone
# proves nothing. This climb is the **noise floor** of a search, what you get for trying and not for
# knowing. Four thousand tries of nothing would climb higher than forty.

# %% [markdown] id="curse-words"
# ## The winner, once more
#
# Take the winner of the twenty and score it again on **fresh folds**: the same patients, cut in
# other ways, by seeds that no decision has used.
#
# **Predict:** where will it stand among the twenty then?

# %% id="guess-winner"
guess(
    "5c",
    "On fresh folds the winner of the frozen ones will be",
    "the best again",
    "among the best five",
    "in the crowd",
)

# %% id="curse"
SEEDS = (101, 102, 103, 104, 105)
fresh = np.array([score(HEART.folds(X, y, seed)).mean(axis=1) for seed in SEEDS]).T
fresh_auc = fresh.mean(axis=1)  # fresh has a row for each program, a column for each seed
winner = val_auc.argmax()
better = int((fresh_auc > fresh_auc[winner]).sum())


# %% id="curse-draw" tags=["folded"]
@plots.styled
def fall_back(chosen, other, title, places, ylabel):
    """Draw each program's score where it was chosen and where not; the winner stands out."""
    fig, ax = plots.new_figure(title, height=4.4)
    best = int(np.argmax(chosen))
    lead = {"color": plots.VERMILION, "lw": 3.5, "ms": 9, "zorder": 5, "label": "the winner"}
    ax.plot([0, 1], [chosen, other], "-o", color=plots.GREY, lw=1, ms=4, alpha=0.6)
    ax.plot([0, 1], [chosen[best], other[best]], "-D", **lead)
    for x, scores in ((-0.3, chosen), (1.2, other)):
        plots.mean_mark(ax, x, scores, 10, fmt="s", color=plots.BLUE, ms=8)
    ax.plot([], [], "s", color=plots.BLUE, label="mean ± 1 SD of all programs")
    ax.set(ylabel=ylabel, xlim=(-0.6, 1.6), xticks=[0, 1], xticklabels=places)
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower left", ncols=2)
    return fig


# %% id="curse-figure" tags=["folded"]
fig = fall_back(
    val_auc,
    fresh_auc,
    f"The winner led all others; on fresh folds {better} of them are better",
    ("on the folds\nthey were chosen by", "on fresh folds"),
    "mean ROC AUC",
)
plots.show(
    fig,
    f"Twenty lines from frozen to fresh folds. The winner is the highest on the left; on the right "
    f"{better} of the twenty are better.",
)
places = "the best again", "among the best five", "in the crowd"
outcome("5c", places[(better > 0) + (better > 4)])

# %% [markdown] id="curse-after"
# Two things happened. All programs moved, because the frozen folds are kind ones. And the winner
# lost its lead, because it had been chosen *for* its luck, and luck does not travel. That is the
# **winner's curse**, and every leaderboard has it.

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
# For programs that are all the same the honest share is zero, plus or minus the noise of the fresh
# folds. For a real improvement it usually lies between zero and one.

# %% [markdown] id="class-words"
# ## The class opens one test
#
# "We opened the sealed test only once" sounds safe. To see what it is worth we need a world whose
# truth we know, so we make one up. Its patients have 13 measurements; the first says most about the
# disease, the last nothing. The model is least squares, which ranks patients much like logistic
# regression in a hundredth of the time, and `auc` counts the pairs in the right order by ranks.


# %% id="town"
def draw_patients(n, rng):  # measurements, and who is sick
    X = rng.normal(size=(n, 13))
    return X, rng.random(n) < 1 / (1 + np.exp(-X @ np.linspace(1.6, 0, 13)))


def auc(X, y, X_new, y_new):  # of a model fitted to X and y, on new patients
    weights = np.linalg.solve(X.T @ X, X.T @ (y - 0.5))
    ranks = (X_new @ weights).argsort().argsort() + 1
    return (ranks[y_new].mean() - (y_new.sum() + 1) / 2) / (~y_new).sum()


# %% [markdown] id="class-predict"
# Forty students share a training set of 242 patients and a sealed test of 61. Each has one idea,
# five more columns, and opens the test once, honestly. Unknown to them all columns are random
# numbers. The best of the forty results is celebrated. Then the winner meets 20,000 new patients.
#
# **Predict:** on the new patients, the celebrated model is compared with the baseline without extra
# columns. Which one is better?

# %% id="guess-class"
guess("5d", "On new patients, the better one is", "the celebrated model", "the baseline")

# %% id="class"
rng = np.random.default_rng(7)
train, test, new = (draw_patients(n, rng) for n in (242, 61, 20_000))
start = np.array([auc(*train, *test), auc(*train, *new)])
gains = []
for _student in range(40):
    idea = [np.c_[X, rng.normal(size=(len(X), 5))] for X, _ in (train, test, new)]
    on_test = auc(idea[0], train[1], idea[1], test[1])
    on_new = auc(idea[0], train[1], idea[2], new[1])
    gains.append(np.array([on_test, on_new]) - start)
test_gain, true_gain = np.array(gains).T

# %% id="class-figure" tags=["folded"]
star = test_gain.argmax()
fig = fall_back(
    test_gain,
    true_gain,
    f"The class celebrates {test_gain[star]:+.4f}; it is worth {true_gain[star]:+.4f}",
    ("on the sealed test\nthat all opened once", "on 20,000\nnew patients"),
    "gain in AUC over the baseline",
)
plots.show(
    fig,
    f"Forty lines from the sealed test to new patients. The best gains {test_gain[star]:+.4f} on "
    f"the test and {true_gain[star]:+.4f} on new patients.",
)
outcome("5d", "the baseline" if true_gain[star] < 0 else "the celebrated model")

# %% [markdown] id="class-after"
# Nobody cheated, and nobody looked twice. The class together looked forty times, and the best of
# forty looks was told. The same happens with forty groups who publish on one public test set.

# %% [markdown] id="rules-words"
# ## Rules that know about luck
#
# A **rule** decides from paired gains, candidate minus best: five on the frozen folds, and five on
# fresh cuts, one for each seed. Here are two of the course's rules, whole. A **standard error**
# says how far a mean typically lies from its true value: the SD of five gains, divided by √5. For
# example, gains with an SD of 2 have a mean that is uncertain by about 0.9.


# %% id="rules"
def standard_error(gains):
    return gains.std(ddof=1) / np.sqrt(len(gains))


def strict(frozen_gains, fresh_gains):
    """Keep any gain on the frozen folds."""
    return frozen_gains.mean() > 0


def confirm(frozen_gains, fresh_gains):
    """Keep a gain that is there again on fresh cuts, by more than its standard error."""
    again = fresh_gains.mean() > standard_error(fresh_gains)
    return strict(frozen_gains, fresh_gains) and again


# %% [markdown] id="exercise-2-words"
# ### Exercise 5.2: write a rule
#
# Write `ladder`: keep a candidate if the mean of its gains on the frozen folds exceeds their
# standard error. It does not look at fresh cuts.
#
# The rule is made after the *Ladder* of Blum and Hardt (2015), without its guarantee: their Ladder
# also withholds the score of whatever it rejects, so that nobody can learn from it, while our
# ledger shows every score.


# %% id="exercise-2"
def ladder(frozen_gains, fresh_gains):
    """Keep a gain on the frozen folds that exceeds its standard error."""
    # <solution>
    return frozen_gains.mean() > standard_error(frozen_gains)
    # </solution>


# %% id="exercise-2-check"
checks.ladder_rule(ladder)

# %% [markdown] id="false-words"
# Each rule meets the twenty equal programs in the 200 orders. None of them is better than another,
# so every keep is a **false keep**. (Your `ladder` takes part as soon as it is written.)
#
# **Predict:** of 19 equal candidates, how many does `strict` keep on average?

# %% id="guess-keeps"
guess("5e", "False keeps of strict among 19 equal candidates", within=0.5)


# %% id="false"
def false_keeps(rule, order):
    """Count what a rule keeps of programs that are all the same."""
    best, kept = order[0], 0
    for new in order[1:]:
        if rule(frozen[new] - frozen[best], fresh[new] - fresh[best]):
            best, kept = new, kept + 1
    return kept


written = [rule for rule in (strict, ladder, confirm) if rule(frozen[0], fresh[0]) is not None]
keeps = {rule.__name__: [false_keeps(rule, order) for order in orders] for rule in written}

# %% id="false-figure" tags=["folded"]
means = {name: np.mean(counts) for name, counts in keeps.items()}
fig = plots.bars(
    means,
    f"Of 19 equal candidates strict keeps {means['strict']:.1f}, confirm {means['confirm']:.1f}",
    "false keeps per run (mean ± 1 SD over 200 orders)",
    errors=[np.std(counts, ddof=1) for counts in keeps.values()],
    highlight=["strict"],
)
words = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
plots.show(fig, f"Bar chart of false keeps per run by rule: {words}.")
outcome("5e", float(means["strict"]))

# %% [markdown] id="false-after"
# Fewer false keeps are not free. A rule that is hard to fool by luck is also slow to believe a
# small real gain. Is what `confirm` finds worth more, then, than what `strict` finds? The course
# has asked that on the real table: the patients were split many times, both rules searched in the
# same part, and what they found was scored on the rest.

# %% id="travel" tags=["folded"]
measured = lesson.RUNS.parent / "benchmarks" / "results" / "transfer_heart_20s.jsonl"
if measured.is_file():
    arms = pd.read_json(measured, lines=True).pivot(index="split", columns="arm", values="auc")
    ahead = arms["playbook/confirm"] - arms["playbook/strict"]
    low, high = stats.t.interval(0.95, len(ahead) - 1, ahead.mean(), ahead.sem())
    lesson.markdown(
        f"On the patients that neither had seen, `confirm` was ahead of `strict` by "
        f"**{ahead.mean():+.4f}** [{low:+.4f}, {high:+.4f}] in AUC, and better on "
        f"**{(ahead > 0).sum()} of {len(ahead)} splits**."
    )
else:
    lesson.markdown("The measured figures are in the course's folder, in `benchmarks/results`.")

# %% [markdown] id="travel-after"
# The interval has zero in it: on these patients it cannot be told which rule's keeps travel better.
# In made-up worlds, where the truth is known, the careful rules lose less. `benchmarks/README.md`
# has both, with the scripts.

# %% [markdown] id="exercise-3-words"
# ### Exercise 5.3: a paired gain
#
# Write `fresh_gains(model, other, seeds)`: for each seed, cross-validate both models on
# `HEART.folds(X, y, seed)` and take the mean ROC AUC of `model` minus that of `other`. Give back an
# array with one gain for each seed. `cross_val_score(model, X, y, cv=…, scoring="roc_auc")` scores
# one model on five folds.


# %% id="exercise-3"
def fresh_gains(model, other, seeds):
    """Return the gain of one model over another, for each seed of the folds."""
    # <solution>
    gains = []
    for seed in seeds:
        cv = HEART.folds(X, y, seed)
        a, b = (cross_val_score(m, X, y, cv=cv, scoring="roc_auc") for m in (model, other))
        gains.append(a.mean() - b.mean())
    return np.array(gains)
    # </solution>


# %% id="exercise-3-check"
checks.fresh_gains_by_hand(fresh_gains, X, y)

# %% [markdown] id="exercise-3-after"
# Both models sit the same folds, so a kind cut is kind to both, and their difference wobbles less
# than either score. That is why every comparison of this course is paired.

# %% [markdown] id="wear-words"
# ## Do seeds wear out?
#
# `confirm` looks careful, but it asks its five seeds again for every candidate. After the first
# decision they are no longer fresh. Would five new seeds for each candidate be better?
#
# In the made-up world 200 tries, each a column of random numbers, go through `confirm`: once with
# the same five seeds for all, once with five new ones for each try.


# %% id="wear"
def cuts(X, y, seeds):
    """Cross-validated AUC, one mean for each seed."""
    means = []
    for seed in seeds:
        fold = np.random.default_rng(seed).permutation(len(y)) % 5
        split = [(fold != k, fold == k) for k in range(5)]
        means.append(np.mean([auc(X[a], y[a], X[b], y[b]) for a, b in split]))
    return np.array(means)


# %% id="wear-search"
def search(X, y, rng, new_seeds):
    """Offer 200 columns of noise to `confirm`; give back the table with those it kept."""
    seeds = range(5)
    for number in range(200):
        if new_seeds:
            seeds = range(1000 + 5 * number, 1005 + 5 * number)
        wider = np.c_[X, rng.normal(size=len(X))]  # one more column
        if number == 0 or new_seeds:
            before = cuts(X, y, seeds)
        after = cuts(wider, y, seeds)
        gains = after - before  # the same cuts in both roles: this world has no frozen ones
        if confirm(gains, gains):
            X, before = wider, after
    return X


# %% [markdown] id="wear-predict"
# **Predict:** what are all the kept columns together worth on new patients, compared with the
# start?

# %% id="guess-wear"
guess("5f", "On new patients, with all that was kept, AUC is", "higher", "the same", "lower")


# %% id="wear-worth"
def worth(number, new_seeds):
    """Search once; give the gain by three judges, and how many columns were kept."""
    rng = np.random.default_rng(number)
    (X, y), (X_new, y_new) = draw_patients(242, rng), draw_patients(20_000, rng)
    wide = search(X, y, rng, new_seeds)
    added = rng.normal(size=(len(X_new), wide.shape[1] - 13))
    return {
        "the rule's seeds": (cuts(wide, y, range(5)) - cuts(X, y, range(5))).mean(),
        "unused seeds": (cuts(wide, y, range(90, 100)) - cuts(X, y, range(90, 100))).mean(),
        "new patients": auc(wide, y, np.c_[X_new, added], y_new) - auc(X, y, X_new, y_new),
        "kept": added.shape[1],
    }


same, renewed = (pd.DataFrame([worth(i, new) for i in range(3)]) for new in (False, True))

# %% id="wear-figure" tags=["folded"]
shown = {f"same seeds: {name}": same[name] for name in same.columns[:3]}
shown |= {f"new seeds: {name}": renewed[name] for name in same.columns[1:3]}
own, unused, truth = same.mean()[:3]
fig = plots.intervals(
    shown,
    f"The rule sees {own:+.3f}, unused seeds {unused:+.3f}, new patients {truth:+.3f}",
    "gain in AUC of all that was kept, one dot per search of 200 tries",
    reference=0.0,
)
plots.show(fig, "; ".join(f"{name} {gain.mean():+.4f}" for name, gain in shown.items()) + ".")
lesson.markdown(
    f"Kept columns of nothing: **{same['kept'].mean():.1f}** with the same seeds, "
    f"**{renewed['kept'].mean():.1f}** with new ones."
)
outcome("5f", ("lower", "the same", "higher")[int(np.sign(round(truth, 3))) + 1])

# %% [markdown] id="wear-after"
# This is the figure to remember. The seeds did wear out: on the seeds that decided the gain looks
# larger than on unused ones. New seeds for every try cure just that, and make nothing better. They
# let even more columns through, because the best so far no longer carries its own luck as a hurdle.
#
# And both kinds of seeds cut the *same patients*. A column was kept because in these patients it
# happens to go with the disease, and it does so however they are cut. Other patients do not have
# that accident, and there the model pays for weights that it had to estimate for nothing.
#
# **Fresh folds take away the luck of the cut, not the luck of having had these patients.** That
# second luck grows with every try, and lesson 06 makes room for it before anything is claimed.

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
    "Forty groups each open the same test once. The best reports its result. That result is …",
    right="c",
    a=("as good as any single first look.", "It is the best of forty first looks."),
    b=("worthless.", "It is too high on average; how much too high can be estimated."),
    c=(
        "too high on average, though nobody looked twice.",
        "Choosing the best of many looks is what a search does, whoever does the looking.",
    ),
)

# %% id="quiz-3" tags=["quiz"]
checks.quiz(
    "A gain is there on the frozen folds and on ten cuts that no decision has used. What is left?",
    right="b",
    a=("Nothing, it is proved.", "All those cuts are made of the same patients."),
    b=(
        "It may be an accident of these patients.",
        "Every cut shows such an accident again. Other patients would not.",
    ),
    c=("It may be an accident of the cut.", "Ten unused cuts agree: that luck is ruled out."),
)

# %% [markdown] id="takeaways"
# ## What you take away
#
# 1. A score moves though nothing has changed, and a ratchet climbs on that alone: the more tries,
#    the higher.
# 2. The best of many was chosen for its luck and falls back when it is measured anew. Rules that
#    ask for a margin or a confirmation keep less of it, and are slower to believe.
# 3. Seeds wear out when decisions use them, and even fresh folds are not fresh patients: what is
#    lucky in these patients stays lucky however they are cut.
#
# Next: **06 · Is it real?** You audit a run, and there is a letter that may be opened only once.
