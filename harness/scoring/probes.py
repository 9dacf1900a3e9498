"""Tests of a score that is about to be kept: does the program learn, or does it know?

An honest program learns whatever labels it is given, and answers each row for itself. One that has
memorised the answers, or hears them from another fold, does well only on the true ones. The probes
need no sandbox, so they are the backstop on every platform. They come one after another, the
cheapest and most telling first, until the verdict is clear; where a table is large they ask fewer
folds, drawn in secret. `benchmarks/probes.py` shows what each measures on honest programs and what
all together cost; the thresholds below come from it.
"""

import functools
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from harness.candidate import CandidateError
from harness.scoring.score import Probe, Score
from harness.scoring.twins import Bank, plain_weights
from harness.sealing import Job
from harness.task import HEART, Task, area_under_roc

# How many folds each probe asks, and how many twins at most, for a table of so many rows. A score
# is six fits; clear cases take 25, 11 and 6 fits, doubtful ones 40, 16 and 9.
SIZES = {
    2_000: {"repeat": 5, "alone": 3, "flip": 2, "shuffle": 5, "twin": 5, "twins": 4},
    20_000: {"repeat": 3, "alone": 2, "flip": 1, "shuffle": 1, "twin": 2, "twins": 4},
    np.inf: {"repeat": 1, "alone": 1, "flip": 1, "shuffle": 1, "twin": 1, "twins": 4},
}
TWINS_AT_ONCE = 2
SEALED_TWINS = 4  # of the sealed test, in an audit
REDRAWN = 6  # times that a twin's labels are drawn again to score answers
NOISE_THREADS = 60  # at most, between two folds that are asked alone
# A score on turned labels this far below the score on true ones means that the program predicts
# the true labels although it was taught the opposite: nothing that learns does that. An honest
# program may lose up to the distance from its score to chance (a monotone constraint does).
# Who knows several classes loses 0.5 and a bit; who knows values, 2 (errors) to 4 (R2) of a guess.
FLIP_REJECT = {"binary": 0.60, "multiclass": 0.50, "regression": 1.2}
FLIP_REVIEW = 0.02
# How much better than plain models a program may do on the true labels than on twins. Lower where
# turned labels already looked odd: honest programs hardly ever do both.
TWIN_REJECT = 0.012
TWIN_REJECT_IF_FLIP_ODD = 0.008
# On HEART honest programs learn twins worse than the better plain model by about so much. Who does
# no worse is given the gain on the true labels alone: a good guess at the generator buys nothing.
TWIN_USUAL = -0.006
# On tables of one's own; more where they are so small that two plain models differ by it from one
# set of labels to another. Twins that are hard to learn count for half of it.
TWIN_REJECT_ELSEWHERE, TWIN_MOST = 0.03, 0.04  # the latter from 200 rows on
TWIN_SDS = 3.5
# Elsewhere an honest program may find what no plain model does, and twins do not hold it. It keeps
# most of that lead where few labels are wrong; who checks the labels against a table loses it.
WRONG, WRONG_DRAWS = 0.02, 5  # share of the rarest class that changes its label
LEAD_LOST = 0.8
NOISE_DRAWS = 30
SHUFFLE_REJECT = 0.15  # above what guessing scores
SAME_NUMBER = 1e-6
SAME_PREDICTION = 1e-6  # relative to the range of the predictions
MOVED = 1e-4  # of that range: a row that asked alone gets another answer

Asking = Generator[list[Job], list[np.ndarray], Probe]


def run_probes(scorer, source: bytes, score: Score) -> tuple[Probe, ...]:
    """Probe one candidate whose score on the frozen folds is known, until a probe rejects it."""
    plan = _Plan(scorer, source, score)
    for stage in (_repeat,), (_alone, _flip, _shuffle), (_twin,):
        for probe in plan.go(stage):
            plan.found.append(probe)
            if probe.verdict == "reject":
                return tuple(plan.found)
    return tuple(plan.found)


class _Plan:
    """What probes share: the program, its score, the folds that are asked, the jobs."""

    def __init__(self, scorer, source: bytes, score: Score):
        self.scorer, self.source, self.true = scorer, source, score
        self.rng = np.random.default_rng()  # from the system: nobody can know what is drawn
        self.rows = scorer.folds()
        n = len(scorer.split.y_train)
        self.size = next(size for rows, size in SIZES.items() if n <= rows)
        self.found: list[Probe] = []

    def some(self, probe: str) -> list[int]:
        """Draw the folds that a probe asks."""
        return self.rng.permutation(len(self.rows))[: self.size[probe]].tolist()

    def job(self, k: int, labels=None, *, asked=None, purpose="fold"):
        """Make the job of a fold, with other labels or other rows asked."""
        rows = self.rows[k] if asked is None else replace(self.rows[k], new=asked)
        # The frozen seeds of the score, so that nothing else changes; but where the same is
        # asked again, generators that a program forgot to seed stand elsewhere.
        seed = self.scorer.seed(purpose, self.scorer.task.fold_seed, k)
        return self.scorer.job(self.source, rows, None, labels=labels, seed=seed)

    def go(self, stage: Sequence) -> list[Probe]:
        """Run probes side by side: each yields jobs, is sent answers, and ends in a `Probe`."""
        task, asked, found = self.scorer.task, {}, {}

        def advance(probe, going, answers=None) -> None:
            try:
                asked[probe] = going, going.send(answers)
            except StopIteration as end:
                found[probe] = end.value

        for probe in stage:
            advance(probe, probe(self))
        while asked:
            jobs = [job for _, mine in asked.values() for job in mine]
            # A job may take as long as it might within a score.
            budget_s = max(task.budget_s, task.budget_s / (task.n_folds + 1) * len(jobs))
            replies = iter(self.scorer.run([jobs], budget_s, stop_early=False)[0])
            before, asked = asked, {}
            for probe, (going, mine) in before.items():
                replied = [next(replies) for _ in mine]
                for reply in replied:
                    if reply.problem:
                        name = probe.__name__.strip("_")
                        raise CandidateError(f"{name} could not be scored: {reply.problem}")
                advance(probe, going, [reply.numbers for reply in replied])
        return [found[probe] for probe in stage]

    def told(self, folds: list[int]) -> list[np.ndarray]:
        """What the program answered when it was scored."""
        return [self.true.predictions[k] for k in folds]

    def skill(self, answers: list, labels: np.ndarray, folds: list[int]) -> float:
        """Mean over folds of a smooth measure: see `skill`."""
        task, pairs = self.scorer.task, zip(folds, answers, strict=True)
        return float(np.mean([skill(task, labels[self.rows[k].new], a) for k, a in pairs]))


def _repeat(plan: _Plan) -> Asking:
    """Ask folds again alone, in another order, with noise between: what they told each other, or
    left in a counter of the machine for the next, is not there.
    """
    y, folds, again = plan.scorer.split.y_train, plan.some("repeat"), []
    for k in folds:
        make_noise(plan.rng)
        asked = plan.rows[k].new[::-1]
        (numbers,) = yield [plan.job(k, asked=asked, purpose="backwards")]
        again.append(numbers.reshape(len(asked), -1)[::-1].ravel())
    pairs = zip(again, plan.told(folds), strict=True)
    apart = max(float(np.abs(a - b).max() / (np.ptp(b) or 1.0)) for a, b in pairs)
    alone, before = plan.skill(again, y, folds), plan.skill(plan.told(folds), y, folds)
    name, verdict, detail = "repeatability", "pass", "same number in another order"
    if apart > SAME_PREDICTION:
        verdict = "review"
        detail = f"predictions move by {apart:.1e} of their range when rows are asked in reverse"
        if abs(alone - before) > SAME_NUMBER:
            name, verdict = "not repeatable", "reject"
            detail = f"each fold alone gives {alone:.6f}, not {before:.6f}; set random_state"
    gap = abs(alone - before) * (apart > SAME_PREDICTION)
    return Probe(name, gap, SAME_NUMBER, verdict, detail)


def make_noise(rng: np.random.Generator) -> None:
    """Move what the whole machine counts or shares (threads, processes, memory) by chance."""
    for _ in range(int(rng.integers(NOISE_THREADS))):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    bytearray(int(rng.integers(1, 8)) << 20)
    if rng.random() < 0.5:
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=False)


def _alone(plan: _Plan) -> Asking:
    """Ask single rows: a program that uses the rows beside them cannot say the same."""
    folds = plan.some("alone")
    places = [_doubtful(plan.true.predictions[k], len(plan.rows[k].new), plan.rng) for k in folds]
    jobs = [plan.job(k, asked=plan.rows[k].new[[i]]) for k, i in zip(folds, places, strict=True)]
    moved = []
    for k, i, numbers in zip(folds, places, (yield jobs), strict=True):
        whole = plan.true.predictions[k].reshape(len(plan.rows[k].new), -1)
        moved.append(float(np.abs(numbers - whole[i]).max() / (np.ptp(whole) or 1.0)))
    # Of several rows most must move: where only missing values are filled by the rows beside,
    # chance would decide.
    moved = [m if m > SAME_PREDICTION else 0.0 for m in moved]
    value = float(np.sort(moved)[(len(moved) - 1) // 2])
    verdict, detail = "pass", "each row is predicted for itself"
    if max(moved):
        verdict = "reject" if value > MOVED else "review"
        detail = f"a row asked alone moves by {max(moved):.1e} of the range: use no other new rows"
    return Probe("batch", value, MOVED, verdict, detail)


def _doubtful(answers: np.ndarray, n: int, rng: np.random.Generator) -> int:
    """Draw a row whose answer is none of the extreme ones: those hardly move, whatever is done."""
    order = np.argsort(answers.reshape(n, -1)[:, 0], kind="stable")
    return int(rng.choice(order[n // 4 : n - n // 4]))


def _judged(name: str, value: float, reject: float, detail: str, review: float = np.inf) -> Probe:
    verdict = "reject" if value > reject else "review" if value > review else "pass"
    return Probe(name, value, reject, verdict, detail)


def _flip(plan: _Plan) -> Asking:
    y, folds = plan.scorer.split.y_train, plan.some("flip")
    turned = turn_labels(plan.scorer.task, y)
    answers = yield [plan.job(k, turned) for k in folds]
    lost = plan.skill(plan.told(folds), y, folds) - plan.skill(answers, turned, folds)
    detail = f"true labels score {lost:+.4f} above turned ones"
    return _judged("label flip", lost, FLIP_REJECT[plan.scorer.task.kind], detail, FLIP_REVIEW)


def _shuffle(plan: _Plan) -> Asking:
    """Teach labels that nothing can predict; twice where once is not clear."""
    folds, values = plan.some("shuffle"), []
    guess = 0.0 if plan.scorer.task.kind == "regression" else 0.5
    while not values or (len(values) < 2 and values[0] > SHUFFLE_REJECT / 2):
        labels = shuffled_labels(plan.scorer, plan.rng)
        answers = yield [plan.job(k, labels) for k in folds]
        values.append(plan.skill(answers, labels, folds) - guess)
    value = float(np.mean(values))
    detail = f"shuffled labels, which nothing can predict, score {value:+.4f} against guessing"
    return _judged("shuffled labels", value, SHUFFLE_REJECT, detail)


class _Plain:
    """Plain models on the folds that are asked, to hold a program's answers against."""

    def __init__(self, plan: _Plan, folds: list[int]):
        scorer, self.task = plan.scorer, plan.scorer.task
        self.bank, self.rows = scorer.once("bank", _bank), [plan.rows[k] for k in folds]

        def weigh(rows):
            return lambda _: plain_weights(self.bank.Z, rows.train, rows.new)

        self.weights = [scorer.once(f"plain{k}", weigh(plan.rows[k])) for k in folds]

    def answers(self, taught: np.ndarray, forest: bool = False) -> list[list[np.ndarray]]:
        """What they answer once they have learned these labels: ``[fold][model]``."""
        Y = self.bank.columns(taught)
        told = [[w @ Y[train] for w in models] for train, models in self.weights]
        if forest:
            return [[*t, self.bank.forest(r, Y)] for t, r in zip(told, self.rows, strict=True)]
        return told

    def gains(self, answers: list, told: list, labels: np.ndarray) -> np.ndarray:
        """Mean gain of answers over each model's, by the labels that count as true."""
        parts = zip((labels[r.new] for r in self.rows), answers, told, strict=True)
        each = [
            [skill(self.task, true, a) - skill(self.task, true, p) for p in t]
            for true, a, t in parts
        ]
        return np.mean(each, axis=0)

    def noise(self, _) -> float:
        """How far two plain models are apart on one set of labels more than on another."""
        drawn = [self.bank.draw()() for _ in range(NOISE_DRAWS)]
        told = [self.answers(labels) for labels in drawn]
        pairs = zip(told, drawn, strict=True)
        return float(np.std([self.gains([t[0] for t in ts], ts, d)[1] for ts, d in pairs], ddof=1))


def _twin(plan: _Plan) -> Asking:
    """Hold the gain over plain models on the true labels to that on labels like them."""
    scorer, folds, y = plan.scorer, plan.some("twin"), plan.scorer.split.y_train
    home, plain = scorer.task.name == HEART.name, _Plain(plan, folds)
    odd = any(p.name == "label flip" and p.verdict == "review" for p in plan.found)
    limit = TWIN_REJECT_IF_FLIP_ODD if odd else TWIN_REJECT
    limit = limit if home else TWIN_REJECT_ELSEWHERE
    learned: list[tuple] = []

    @functools.cache  # a forest is slow
    def real(forest: bool) -> float:
        return plain.gains(plan.told(folds), plain.answers(y, forest), y).min()

    def judged(forest: bool) -> Probe:
        made = []
        for draw, labels, mine in learned:
            told = plain.answers(labels, forest)
            # Scored against labels that are drawn again and again: less noise at no fit.
            made.append(np.mean([plain.gains(mine, told, draw()).min() for _ in range(REDRAWN)]))
        return twin_verdict(real(forest), made, limit, home=home)

    while len(learned) < plan.size["twins"]:
        draws = [plain.bank.draw() for _ in range(TWINS_AT_ONCE)]
        labels = [draw() for draw in draws]
        answers = iter((yield [plan.job(k, twin) for twin in labels for k in folds]))
        learned += [
            (*pair, [next(answers) for _ in folds]) for pair in zip(draws, labels, strict=True)
        ]
        probe = judged(forest=False)
        if not home and probe.value > limit / 2:  # doubtful: how far is far on this table?
            most = TWIN_MOST if len(y) >= 160 else np.inf
            limit = max(limit, min(TWIN_SDS * scorer.once("noise", plain.noise), most))
            probe = judged(forest=False)
        if probe.verdict == "reject" and not home:  # the table may be one for trees
            probe = judged(forest=True)
            if probe.verdict == "reject":
                taught = [wrong_labels(scorer.task, y, plan.rng) for _ in range(WRONG_DRAWS)]
                answers = iter((yield [plan.job(k, wrong) for wrong in taught for k in folds]))
                told = [([next(answers) for _ in folds], wrong) for wrong in taught]
                left = [plain.gains(a, plain.answers(w, True), y).min() for a, w in told]
                return lead_lost(probe, real(True) - float(np.mean(left)))
        if not limit / 2 < probe.value < 2 * limit:
            break  # clear
    return probe


def twin_verdict(real: float, made: list[float], limit: float, home: bool = True) -> Probe:
    """Judge a gain on the true labels by the gains on their twins."""
    told = float(np.mean(made))
    value = float(real) - (min(told - TWIN_USUAL, 0.0) if home else max(told, -limit / 2))
    detail = f"gain over plain models {real:+.4f} on true labels, {told:+.4f} on like ones"
    return _judged("twin labels", value, limit, detail)


def lead_lost(probe: Probe, lost: float) -> Probe:
    """Reject a lead over plain models only if it is lost where few labels are wrong."""
    detail = f"{probe.detail}; {lost:+.4f} lost where few labels are wrong"
    verdict = "reject" if lost > LEAD_LOST * probe.value else "review"  # of what twins lack
    return replace(probe, verdict=verdict, detail=detail)


def wrong_labels(task: Task, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exchange a few labels, as many of each class; of a regression a few values."""
    classes = [y == c for c in np.unique(y)] if task.kind != "regression" else [np.isfinite(y)]
    few = max(1 if len(classes) > 1 else 2, round(WRONG * min(c.sum() for c in classes)))
    rows = np.concatenate([rng.choice(np.flatnonzero(c), few, replace=False) for c in classes])
    labels = y.copy()
    labels[rows] = np.roll(y[rows], few if len(classes) > 1 else 1)
    return labels


def probe_sealed(scorer, task: Task, split, source: str) -> Probe:
    """Ask of the sealed test what twins ask of the folds: does the program hold its answers?"""
    X, y, X_test, y_test = split
    train, new = np.arange(len(y)), np.arange(len(y), len(y) + len(y_test))
    whole = np.concatenate([y, y_test])
    bank = Bank(task, pd.concat([X, X_test], ignore_index=True), whole, [new], learn=train)
    weights = plain_weights(bank.Z, train, new)

    def answers(taught: np.ndarray) -> np.ndarray:
        return scorer.outputs(source, X, taught, X_test)[0]

    def gains(told: np.ndarray, taught: np.ndarray, drawn: list[np.ndarray]) -> list[float]:
        Y, (learned, models) = bank.columns(taught), weights
        plain = [w @ Y[learned] for w in models]
        true = [labels[new] for labels in drawn]
        return [skill(task, t, told) - max(skill(task, t, p) for p in plain) for t in true]

    told, made = answers(y), []
    (real,) = gains(told, whole, [whole])
    for draw in [bank.draw() for _ in range(SEALED_TWINS)]:
        twin = draw()
        made += gains(answers(twin[train]), twin, [draw() for _ in range(REDRAWN)])
    limit = max(TWIN_REJECT_ELSEWHERE, TWIN_SDS * float(np.std(made, ddof=1)))
    detail = f"gain over plain models {real:+.4f} on the sealed test, {np.mean(made):+.4f} on twins"
    probe = _judged("sealed test", real - float(np.mean(made)), limit, detail)
    if probe.verdict != "reject" or task.name == HEART.name:
        return probe

    taught = [wrong_labels(task, y, bank.rng) for _ in range(WRONG_DRAWS)]
    left = [skill(task, y_test, answers(labels)) for labels in taught]
    return lead_lost(probe, skill(task, y_test, told) - float(np.mean(left)))


def _bank(scorer) -> Bank:
    parts = [rows.new for rows in scorer.folds()]
    return Bank(scorer.task, scorer.split.X_train, scorer.split.y_train, parts)


def skill(task: Task, y: np.ndarray, answers: np.ndarray) -> float:
    """Measure answers smoothly: classes by ranks, values by the share of the error that is gone.

    Where few rows change class, a metric of classes moves in steps that hide a small gain.
    """
    if task.kind == "binary":
        return area_under_roc(y, np.ravel(answers))
    table = np.asarray(answers, float).reshape(len(y), -1)
    if task.kind == "multiclass":
        there = [c for c in range(table.shape[1]) if 0 < (y == c).sum() < len(y)]
        return float(np.mean([area_under_roc(y == c, table[:, c]) for c in there]))
    power = 2 if task.metric == "r2" or "squared" in task.metric else 1
    middle = y.mean() if power == 2 else np.median(y)
    error = (np.abs(y - table[:, 0]) ** power).mean()
    return float(1 - error / ((np.abs(y - middle) ** power).mean() or 1.0))


def turn_labels(task: Task, y: np.ndarray) -> np.ndarray:
    """Turn the labels round: the other class, the next class, the mirrored value."""
    if task.kind == "binary":
        return 1 - y
    if task.kind == "multiclass":
        return (y + 1) % task.n_outputs
    return y.max() + y.min() - y


def shuffled_labels(scorer, rng: np.random.Generator) -> np.ndarray:
    """Shuffle the labels within each fold's validation rows.

    So a rare class is missing in none: most metrics of several classes need them all.
    """
    labels = scorer.split.y_train.copy()
    never = np.ones(len(labels), bool)
    for rows in scorer.folds():
        labels[rows.new] = rng.permutation(labels[rows.new])
        never[rows.new] = False
    labels[never] = rng.permutation(labels[never])  # the oldest rows of folds in time
    return labels
