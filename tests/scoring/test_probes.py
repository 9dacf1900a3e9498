"""The probes: an honest program passes, one that knows the answers does not."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harness import REPO
from harness.candidate import CandidateError
from harness.scoring.probes import (
    TWIN_REJECT,
    TWIN_REJECT_IF_FLIP_ODD,
    _Twin,
    _twin,
    shuffled_labels,
    turn_labels,
    twin_labels,
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
    plan = SimpleNamespace(score=lambda *_: 0.88, scorer=scorer)
    like, found = [_Twin(np.zeros(2), 0.88, 0.90)], SimpleNamespace(val_auc=0.92)
    assert _twin(plan, like, found, TWIN_REJECT).verdict == "pass"
    assert _twin(plan, like, found, TWIN_REJECT_IF_FLIP_ODD).verdict == "reject"


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


def test_predictions_that_depend_on_the_rows_beside_are_reported(scorer):
    source = BASELINE.replace("    return X", "    return X.rank(pct=True)")
    score = probed(scorer, source)
    assert score.ok
    assert verdicts(score)["batch"] == "review"
    detail = next(p.detail for p in score.probes if p.name == "batch")
    assert re.search(r"moves by \d", detail)


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
    first, second = twin_labels(scorer), twin_labels(scorer)
    y = scorer.split.y_train
    for one, two in zip(first, second, strict=True):
        assert not np.array_equal(one.labels, two.labels)
        assert one.reference_on_true == two.reference_on_true
        # Over 320 draws: 0.461 ± 0.026, 0.722 ± 0.025 and 0.839 ± 0.026 (mean ± SD). The draws
        # can't be seeded, so the bounds lie five SD away.
        assert 0.33 < one.labels.mean() < 0.59
        assert 0.59 < (one.labels == y).mean() < 0.85
        assert 0.70 < one.reference < 0.97


def test_shuffled_labels_keep_a_rare_class_in_every_fold(warm):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 54, 6])
    X = pd.DataFrame({"a": rng.normal(size=120) + y, "b": rng.normal(size=120)})
    task = Task.from_frames("rare", X, y, kind="multiclass", metric="roc_auc_ovr", test_size=0.0)
    with Scorer(task) as it:
        for _ in range(20):
            for labels in shuffled_labels(it):
                assert sorted(labels) == sorted(y)
                assert not np.array_equal(labels, y)
                for rows in it.folds():
                    assert set(labels[rows.new]) == {0, 1, 2}
        source = BASELINE.replace(", random_state=42", "")
        score = it.score(source)
        assert score.ok, score.status
        assert it.probe(source, score).ok


def test_answers_that_cannot_be_measured_under_other_labels_are_rejected(scorer, monkeypatch):
    def fails(*_):
        raise CandidateError("rejected (the metric failed: no such class)")

    score = scorer.score(BASELINE)
    monkeypatch.setattr(scorer, "metric", fails)
    probed = scorer.probe(BASELINE, score)
    assert probed.status.startswith("rejected (probe failed")
    assert np.isnan(probed.val_auc)
