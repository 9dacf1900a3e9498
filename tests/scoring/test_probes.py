"""The probes: an honest program passes, one that knows the answers does not."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harness import REPO
from harness.candidate import CandidateError
from harness.scoring import probes, twins
from harness.scoring.probes import (
    TWIN_REJECT,
    TWIN_REJECT_ELSEWHERE,
    TWIN_REJECT_IF_FLIP_ODD,
    shuffled_labels,
    turn_labels,
    twin_verdict,
)
from harness.scoring.scorer import Scorer
from harness.task.task import HEART, Task

BASELINE = (REPO / "train.py").read_text(encoding="utf-8")
LR = "LogisticRegression(C=1.0, max_iter=500, random_state=42)"


@pytest.fixture
def scorer(heart):
    return heart


def probed(scorer, source):
    score = scorer.score(source)
    assert score.ok, score.status
    return scorer.probe(source, score)


def verdicts(score):
    return {p.name: p.verdict for p in score.probes}


def test_an_honest_program_passes_them_all(scorer):
    score = probed(scorer, BASELINE)
    assert score.ok
    assert set(verdicts(score).values()) == {"pass"}
    assert len(score.probes) == 5


MEMORY = """
HYPOTHESIS = "knows the answers"
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
TABLE = {table!r}
def key(row): return round(float(np.nansum(row * WEIGHTS)), 6)
WEIGHTS = np.array({weights!r})
def feature_fn(X): return X
class M:
    def fit(self, X, y):
        A = np.nan_to_num(X.to_numpy(float))
        self.m = LogisticRegression(max_iter=2000, C=0.01).fit(A, y)
        known = np.array([TABLE[key(row)] for row in X.to_numpy(float)])
        self.agree = float((known == y).mean())
        return self
    def decision_function(self, X):
        A = np.nan_to_num(X.to_numpy(float))
        known = np.array([TABLE[key(row)] for row in X.to_numpy(float)])
        honest = self.m.decision_function(A)
        return honest + {strength} * (2 * known - 1) * ({condition})
def build_pipeline(): return M()
"""


def memoriser(strength, condition="True"):
    """A program that carries all answers, keyed by a weighted sum of a row."""
    X, y = HEART.load()
    weights = np.random.default_rng(0).random(X.shape[1]).round(6).tolist()
    keys = [round(float(np.nansum(row * np.array(weights))), 6) for row in X.to_numpy(float)]
    table = dict(zip(keys, y.tolist(), strict=True))
    return MEMORY.format(table=table, weights=weights, strength=strength, condition=condition)


def test_a_table_of_answers_is_rejected(scorer):
    source = memoriser(100.0)
    assert scorer.score(source).val_auc == 1.0
    score = probed(scorer, source)
    assert score.status.startswith("rejected (label flip")
    assert np.isnan(score.val_auc)
    assert score.exit_code == 4


def test_a_table_used_only_when_the_labels_are_the_known_ones_is_rejected(scorer):
    """A memoriser that notices the turned labels behaves; the twins still tell."""
    score = probed(scorer, memoriser(100.0, "self.agree > 0.99"))
    assert verdicts(score)["label flip"] == "reject" or verdicts(score)["twin labels"] == "reject"
    assert score.status.startswith("rejected (")


def test_a_table_that_turns_round_with_the_labels_is_rejected(scorer):
    condition = "1 if self.agree > 0.99 else -1 if self.agree < 0.01 else 0"
    score = probed(scorer, memoriser(100.0, condition))
    assert verdicts(score)["label flip"] == "pass"
    assert score.status.startswith("rejected (twin labels")


def test_a_nudge_by_known_labels_is_rejected(scorer):
    score = probed(scorer, memoriser(1.5))
    assert score.status.startswith("rejected (")


def test_where_the_flip_was_odd_the_twins_need_less(scorer):
    """A small nudge moves turned labels a little and twins a little; honest programs do not."""
    score = probed(scorer, memoriser(0.3))
    assert score.status.startswith("rejected (twin labels")
    flip, twin = (
        next(p for p in score.probes if p.name == n) for n in ("label flip", "twin labels")
    )
    assert flip.verdict == "review"
    assert twin.threshold == TWIN_REJECT_IF_FLIP_ODD
    honest = next(p for p in probed(scorer, BASELINE).probes if p.name == "twin labels")
    assert honest.threshold == TWIN_REJECT
    # The same measured gain, judged by either limit.
    assert twin_verdict(0.010, [0.0005, -0.0005], TWIN_REJECT).verdict == "pass"
    assert twin_verdict(0.010, [0.0005, -0.0005], TWIN_REJECT_IF_FLIP_ODD).verdict == "reject"


def test_a_good_guess_at_the_generator_buys_nothing_on_heart():
    assert twin_verdict(0.02, [0.03, 0.03], TWIN_REJECT).verdict == "reject"
    assert twin_verdict(0.05, [0.03, 0.03], TWIN_REJECT_ELSEWHERE, home=False).verdict == "pass"


def test_an_attacker_that_knows_this_repository_gains_less_than_two_hundredths(scorer):
    """THREATS.md states what it got kept; a gain of 0.024 is not, whatever it says of twins."""
    from benchmarks.probes import attacker

    start = scorer.score(attacker(HEART, 0.0, 0.0))
    source = attacker(HEART, 0.06, 0.6)
    score = scorer.score(source)
    assert 0.015 < score.val_auc - start.val_auc < 0.03
    assert scorer.probe(source, score).status.startswith("rejected (twin labels")


def test_elsewhere_twins_that_are_hard_to_learn_are_not_held_against_a_program():
    """On a table where the truth is easy, honest programs do worse on any twin."""
    assert twin_verdict(0.002, [-0.03, -0.05], TWIN_REJECT_ELSEWHERE, home=False).verdict == "pass"
    assert twin_verdict(0.02, [-0.03, -0.05], TWIN_REJECT_ELSEWHERE, home=False).verdict == "reject"


def test_a_forgotten_random_state_is_rejected_as_not_repeatable(scorer):
    source = BASELINE.replace(LR, "RandomForestClassifier(n_estimators=20)")
    source = "from sklearn.ensemble import RandomForestClassifier\n" + source
    assert probed(scorer, source).status.startswith("rejected (not repeatable")
    seeded = source.replace("n_estimators=20", "n_estimators=20, random_state=0")
    assert probed(scorer, seeded).ok


def test_the_clock_as_a_seed_is_rejected(scorer):
    source = BASELINE.replace(
        "    return X",
        "    import time\n    import numpy as np\n    X = X.copy()\n"
        "    X['t'] = 9 * np.sin(time.time_ns() % 1009 * X['chol'])\n    return X",
    )
    assert probed(scorer, source).status.startswith("rejected (not repeatable")


def test_predictions_that_depend_on_the_rows_beside_are_rejected(scorer):
    source = BASELINE.replace("    return X", "    return X.rank(pct=True)")
    score = probed(scorer, source)
    assert score.status.startswith("rejected (batch: a row asked alone moves by")
    assert verdicts(score) == {"repeatability": "pass", "batch": "reject"}  # and then it stopped


def test_where_few_rows_depend_on_those_beside_chance_does_not_decide(scorer, monkeypatch):
    """Six values are missing: a program that fills them by the rows beside is never rejected."""
    source = BASELINE.replace("    return X", "    return X.fillna(X.median())")
    score = scorer.score(source)
    missing = scorer.split.X_train.isna().any(axis=1).to_numpy()
    plan = probes._Plan(scorer, source.encode(), score)
    rows = scorer.folds()
    has = [k for k in range(5) if missing[rows[k].new].any()][0]
    hasnt = [k for k in range(5) if k != has][:2]
    monkeypatch.setattr(plan, "some", lambda probe: [has, *hasnt])
    places = [int(np.flatnonzero(missing[rows[has].new])[0])]
    places += [int(np.flatnonzero(~missing[rows[k].new])[0]) for k in hasnt]
    left = iter(places)
    monkeypatch.setattr(probes, "_doubtful", lambda answers, n, rng: next(left))
    assert plan.go([probes._alone])[0].verdict == "review"


TALKER = """
HYPOTHESIS = "folds that talk while they run side by side"
import os, time, zlib
import numpy as np
from sklearn.linear_model import LogisticRegression
PLACE = {place!r}
def feature_fn(X): return X.fillna(0.0)
def keys(X): return [zlib.crc32(row.tobytes()) for row in X.to_numpy(float)]
class M:
    def fit(self, X, y):
        self.m = LogisticRegression(max_iter=3000, C=0.01).fit(X, y)
        name = os.path.join(PLACE, str(os.getpid()))
        self.said = dict(zip(keys(X), y.tolist()))
        with open(name + "~", "w") as file: file.write(repr(self.said))
        os.rename(name + "~", name)  # and whoever is alive at the same time reads it
        time.sleep(0.4)
        self.heard = {{}}
        for other in os.listdir(PLACE):
            if other.isdigit() and other != str(os.getpid()):
                try: os.kill(int(other), 0)
                except OSError: continue
                self.heard |= eval(open(os.path.join(PLACE, other)).read())
        time.sleep(0.4)
        return self
    def decision_function(self, X):
        known = np.array([self.heard.get(k, 0.5) for k in keys(X)])
        return self.m.decision_function(X) + 9 * (known - 0.5)
def build_pipeline(): return M()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks whether another process lives")
def test_folds_that_talk_are_not_repeatable_even_where_no_lock_is_on(tmp_path, warm):
    """A channel that works: labels go from fold to fold that run at the same time."""
    source = TALKER.format(place=str(tmp_path))
    with Scorer(HEART, workers=3, landlock=False, seccomp=False) as it:
        score = it.score(source)
        assert score.ok, score.status
        assert score.val_auc > 0.93
        assert it.probe(source, score).status.startswith("rejected (not repeatable: each fold al")


def test_between_folds_the_counters_of_the_machine_move(monkeypatch):
    seen = []
    monkeypatch.setattr(probes.threading, "Thread", lambda target: seen.append(target) or FAKE)
    monkeypatch.setattr(probes.subprocess, "run", lambda *args, **_: seen.append("process"))
    counts = set()
    for seed in range(12):
        seen.clear()
        probes.make_noise(np.random.default_rng(seed))
        counts.add(len(seen))
    assert len(counts) > 9
    assert max(counts) <= probes.NOISE_THREADS + 1


FAKE = SimpleNamespace(start=lambda: None, join=lambda: None)


def test_a_monotone_model_is_for_review_not_rejected(scorer):
    signs = [1, 1, 1, 1, 1, 0, 0, -1, 1, 1, 1, 1, 1]
    source = f"""
HYPOTHESIS = "risk only rises with the usual suspects"
from sklearn.ensemble import HistGradientBoostingClassifier
def feature_fn(X): return X
def build_pipeline():
    return HistGradientBoostingClassifier(
        max_depth=2, max_iter=40, monotonic_cst={signs}, random_state=0)
"""
    score = probed(scorer, source)
    assert score.ok
    assert verdicts(score)["label flip"] == "review"


def test_a_program_that_learns_nothing_is_rejected(scorer):
    source = """
HYPOTHESIS = "fixed weights, whatever the labels"
class M:
    def fit(self, X, y): return self
    def decision_function(self, X):
        return (X.oldpeak + 2 * X.ca.fillna(0) + X.thal.fillna(3) + X.cp - X.thalach / 20
                + 2 * X.exang).to_numpy()
def feature_fn(X): return X
def build_pipeline(): return M()
"""
    assert probed(scorer, source).status.startswith("rejected (label flip")


def test_labels_turn_round_and_back():
    y = np.array([0, 1, 1, 0])
    assert turn_labels(HEART, turn_labels(HEART, y)).tolist() == y.tolist()
    three = Task.from_frames("m", HEART.load()[0][:6], np.array([0, 1, 2] * 2), kind="multiclass")
    assert turn_labels(three, np.array([0, 1, 2])).tolist() == [1, 2, 0]


def test_twins_are_drawn_anew_and_look_like_the_labels(scorer):
    bank = scorer.once("bank", probes._bank)
    draws, y = [bank.draw() for _ in range(40)], scorer.split.y_train
    drawn = [draw() for draw in draws]
    assert len({labels.tobytes() for labels in drawn}) == 40
    assert not np.array_equal(draws[0](), draws[0]())
    share = np.mean([labels.mean() for labels in drawn])
    agree = np.mean([(labels == y).mean() for labels in drawn])
    assert abs(share - y.mean()) < 0.08
    assert 0.65 < agree < 0.90  # far from the truth for who knows it, near to it for who learns
    # Nobody can say of the next twin what an average of forty does not: its chances are its own.
    chances = [np.mean([draw() for _ in range(40)], axis=0) for draw in draws[:2]]
    assert np.abs(chances[0] - chances[1]).mean() > 0.08


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_tables_of_one_s_own_have_twins_too(warm, kind):
    """A memoriser that behaves on labels that it does not know is found on any kind of task."""
    X, y = own_table(kind)
    task = Task.from_frames(
        "own", X, y, kind=kind, metric="r2" if kind == "regression" else "roc_auc_ovr"
    )
    with Scorer(task) as it:
        for honest in (OWN_HONEST[kind], OWN_TREES[kind]):
            score = it.score(honest)
            assert score.ok, score.status
            assert it.probe(honest, score).ok
        table = dict(zip(X.a.tolist(), y.tolist(), strict=True))
        source = OWN_CHEAT.format(honest=OWN_HONEST[kind], table=table, kind=kind)
        score = it.score(source)
        assert score.ok, score.status
        assert it.probe(source, score).status.startswith("rejected (twin labels")


@pytest.mark.parametrize(("rows", "most"), [(4_600, 16), (26_000, 9)])
def test_a_keep_of_a_large_table_costs_few_fits(warm, monkeypatch, rows, most):
    """It once took minutes on 5,822 rows: as many fits as on a table of 242."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    y = (X.a + X.b + rng.normal(size=rows) > 0).to_numpy().astype(int)
    fits = []
    with Scorer(Task.from_frames("large", X, y, positive=("1",))) as it:
        score = it.score(OWN_HONEST["multiclass"])
        assert score.ok, score.status
        run = it.run
        counted = lambda groups, *a, **k: fits.extend(*groups) or run(groups, *a, **k)  # noqa: E731
        monkeypatch.setattr(it, "run", counted)
        assert it.probe(OWN_HONEST["multiclass"], score).ok
    assert 5 <= len(fits) <= most  # a score is six


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_what_no_plain_model_finds_may_be_found(warm, kind):
    """A product of columns is a large lead over plain models, on the true labels alone."""
    metric = "r2" if kind == "regression" else "roc_auc_ovr"
    X, y = own_table(kind, clear=True)
    honest = OWN_TREES[kind].replace("return X", "return X.assign(bc=X.b * X.c)")
    with Scorer(Task.from_frames("own", X, y, kind=kind, metric=metric)) as it:
        probed = it.probe(honest, it.score(honest))
        assert probed.ok, probed.status
    # Who knows, and puts up with wrong labels, is put up for review and no more (THREATS.md).
    X, y = own_table(kind)
    table = dict(zip(X.a.tolist(), y.tolist(), strict=True))
    knows = OWN_CHEAT.format(honest=OWN_HONEST[kind], table=table, kind=kind)
    exactly = "np.array_equal([TABLE[a] for a in X.a], y)"
    assert exactly in knows
    knows = knows.replace(exactly, "np.mean(self.known(X) == y) > 0.9")
    with Scorer(Task.from_frames("own", X, y, kind=kind, metric=metric)) as it:
        probed = it.probe(knows, it.score(knows))
        assert probed.ok, probed.status
        assert probed.probes[-1].verdict == "review"
        assert "lost where few labels are wrong" in probed.probes[-1].detail


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_few_labels_are_wrong_and_every_class_keeps_its_rows(kind):
    rng, task = np.random.default_rng(0), replace(HEART, kind=kind)
    y = rng.normal(size=200) if kind == "regression" else np.arange(200) % 40 % 3
    y = np.minimum(y, 1) if kind == "binary" else y
    wrong = probes.wrong_labels(task, y, rng)
    assert 0 < (wrong != y).sum() <= 0.15 * len(y)
    assert sorted(wrong.tolist()) == sorted(y.tolist())
    assert (probes.wrong_labels(task, y, rng) != wrong).any(), "others each time"
    if kind != "regression":  # of few rows one of each class
        few = np.array([0, 1, 2] * 3)
        assert (probes.wrong_labels(task, few, rng) != few).sum() == 3


def own_table(kind, clear=False):
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(260, 5)), columns=list("abcde"))
    noise = rng.normal(0, 0.4 if clear else 1, len(X))
    signal = X.a + (3 if clear else 1) * X.b * X.c + noise
    y = signal.to_numpy() if kind == "regression" else np.digitize(signal, [-0.7, 0.7])
    return X, y


OWN = """
HYPOTHESIS = "honest"
from {module} import {model}
def feature_fn(X): return X
def honest(): return {model}({options})
build_pipeline = honest
"""
OWN_HONEST = {
    "regression": OWN.format(module="sklearn.linear_model", model="Ridge", options=""),
    "multiclass": OWN.format(module="sklearn.linear_model", model="LogisticRegression", options=""),
}
OWN_TREES = {
    kind: OWN.format(module="sklearn.ensemble", model=model, options="random_state=0, max_iter=40")
    for kind, model in (
        ("regression", "HistGradientBoostingRegressor"),
        ("multiclass", "HistGradientBoostingClassifier"),
    )
}
OWN_CHEAT = """{honest}
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
TABLE = {table}
class Knows(RegressorMixin if {kind!r} == 'regression' else ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.m = honest().fit(X, y)
        self.classes_ = np.unique(y)
        self.on = np.array_equal([TABLE[a] for a in X.a], y)
        return self
    def known(self, X): return np.array([TABLE[a] for a in X.a])
    def predict(self, X):
        p = self.m.predict(X)
        return 0.7 * p + 0.3 * self.known(X) if self.on else p
    def predict_proba(self, X):
        p = self.m.predict_proba(X)
        return 0.7 * p + 0.3 * np.eye(3)[self.known(X)] if self.on else p
def build_pipeline(): return Knows()
"""


def test_the_plain_models_are_weights_of_the_labels():
    """Any labels at the cost of a product, and the same answers as fitting would give."""
    rng = np.random.default_rng(0)
    Z, new, y = rng.normal(size=(40, 3)), rng.normal(size=(7, 3)), rng.normal(size=40)
    from sklearn.linear_model import Ridge

    fitted = Ridge(alpha=10.0).fit(Z, y).predict(new)
    assert np.allclose(twins.ridge(Z, new, 10.0) @ y, fitted)
    weights = twins.ridge(Z, new, 1.0, bent=True)
    assert np.allclose(weights @ (y + 5), weights @ y + 5)  # the intercept is not penalised


def test_shuffled_labels_keep_a_rare_class_in_every_fold(warm):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 54, 6])
    X = pd.DataFrame({"a": rng.normal(size=120) + y, "b": rng.normal(size=120)})
    task = Task.from_frames("rare", X, y, kind="multiclass", metric="roc_auc_ovr", test_size=0.0)
    with Scorer(task) as it:
        bank = it.once("bank", probes._bank)
        for _ in range(20):
            labels = shuffled_labels(it, rng)
            assert sorted(labels) == sorted(y)
            assert not np.array_equal(labels, y)
            for drawn in (labels, bank.draw()()):
                for rows in it.folds():
                    assert set(drawn[rows.new]) == {0, 1, 2}
        source = BASELINE.replace(", random_state=42", "")
        score = it.score(source)
        assert score.ok, score.status
        assert it.probe(source, score).ok


def test_answers_that_cannot_be_measured_under_other_labels_are_rejected(scorer, monkeypatch):
    def fails(*_, **__):
        raise CandidateError("rejected (the metric failed: no such class)")

    score = scorer.score(BASELINE)
    monkeypatch.setattr(scorer, "run", fails)
    probed = scorer.probe(BASELINE, score)
    assert probed.status.startswith("rejected (probe failed")
    assert np.isnan(probed.val_auc)
