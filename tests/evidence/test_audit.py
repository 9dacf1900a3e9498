"""The audit: its verdict, its record, and that it reads a real run and changes nothing."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from harness import RunError
from harness.agents import Proposal
from harness.candidate import CandidateError
from harness.cli import main
from harness.evidence import audit as module
from harness.evidence import audit_report
from harness.rules import CANNOT_TELL, CERTIFICATE_SEEDS, LUCK, REAL, Test, verdict
from harness.rules.rules import RULES
from harness.rules.stats import Interval
from harness.run.ratchet import Run
from harness.scoring.score import Score
from harness.scoring.scorer import Scorer
from harness.task.task import HEART, HUNGARY, Task

BASELINE = '''"""A fast stand-in for train.py."""
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HYPOTHESIS = "baseline"
COLUMNS = ["age", "sex", "chol", "trestbps"]


def feature_fn(X):
    return X[COLUMNS]


def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
'''
BETTER = BASELINE.replace('"baseline"', '"chest pain and more"').replace(
    '"trestbps"]', '"trestbps", "cp", "ca", "thal", "oldpeak", "exang", "thalach"]'
)
WORSE = BASELINE.replace('"baseline"', '"age alone"').replace('"age", "sex", "chol", ', '"age", ')
# A column of noise: a hash of the row that means nothing.
NOISE = BASELINE.replace('"baseline"', '"a useless column"').replace(
    "return X[COLUMNS]", "return X[COLUMNS].assign(z=(X.age * 37 + X.chol * 101) % 17)"
)


class InProcess:
    """A scorer for trusted test programs: the same calls, no sandbox."""

    task = HEART

    def __init__(self):
        self.split = HEART.split()
        self.calls = []

    def _p(self, source, X_train, y_train, X_new):
        space = {}
        exec(source, space)
        model = space["build_pipeline"]().fit(space["feature_fn"](X_train), y_train)
        return model.predict_proba(space["feature_fn"](X_new))[:, 1]

    def _folds(self, source, seed):
        X, y = self.split.X_train, self.split.y_train
        return [
            roc_auc_score(y[val], self._p(source, X.iloc[tr], y[tr], X.iloc[val]))
            for tr, val in HEART.folds(X, y, seed)
        ]

    def fold_scores(self, source, seeds):
        self.calls.append(tuple(seeds))
        return np.array([self._folds(source, seed) for seed in seeds])

    def predict(self, source, X_train, y_train, X_new):
        if "fails elsewhere" in source and len(X_new) == 294:
            raise CandidateError("crashed (ValueError: all NaN)")
        return self._p(source, X_train, y_train, X_new)

    def outputs(self, source, X_train, y_train, X_new):
        return self.predict(source, X_train, y_train, X_new)[:, None], 0.5

    def score_many(self, sources):
        return [self.score(source) for source in sources]

    def score(self, source):
        folds = self._folds(source, None)
        return Score(
            "ok",
            float(np.mean(folds)),
            float(np.std(folds, ddof=1)),
            tuple(folds),
            test_auc=0.9,
            isolation="none",
            cv_folds=5,
        )

    def probe(self, source, score):
        return score


@pytest.fixture
def scorer():
    return InProcess()


def make_run(root, scorer, *sources, tag="t", rule="strict", task=None, first=BASELINE):
    start = first.encode(), b"program"
    how = {"start": start, "agent": "human", "rule": rule}
    run = Run.open(tag, root=root, task=task, scorer=scorer, **how)
    run.ensure_baseline()
    for source in sources:
        run.step(Proposal(source))
    run.close()
    return root / tag


SEEDS = module.AUDIT_SEEDS[:3]


@given(claimed=st.floats(-0.1, 0.2), mid=st.floats(-0.1, 0.1), half=st.floats(0, 0.1))
def test_verdict(claimed, mid, half):
    fresh = Test(mid, half, 1)
    assert (verdict(claimed, True, fresh) == REAL) == (claimed > 0)
    assert verdict(claimed, True, fresh, contradicted=True) == CANNOT_TELL
    without = verdict(claimed, False, fresh)
    assert without != REAL
    above = claimed > mid + 1.96 * half  # a claim inside its interval is not refuted
    assert (without == LUCK) == (claimed > 0 and above)


def test_verdict_in_words():
    assert verdict(0.019, False, Test(0.004, 0.005, 1)) == LUCK  # the claim is refuted
    assert verdict(0.012, False, Test(0.008, 0.006, 1)) == CANNOT_TELL
    assert verdict(0.012, True, Test(0.012, 0.004, 1)) == REAL


def test_a_real_gain_is_found_real(tmp_path, scorer):
    folder = make_run(tmp_path, scorer, BETTER)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found = module.audit(folder, scorer, seeds=SEEDS)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert found.verdict == REAL
    assert found.fresh.low > 0.05
    assert found.best_iteration == 1
    assert found.hypothesis == "chest pain and more"
    # figures against sklearn, from programs fitted here
    split = HEART.split()
    p = scorer.predict(BETTER, split.X_train, split.y_train, split.X_test)
    assert found.test.best.value == pytest.approx(roc_auc_score(split.y_test, p))
    assert found.test.brier_best == pytest.approx(np.mean((p - split.y_test) ** 2))
    assert found.hospital.rows == len(HUNGARY.load()[1]) == 294
    folds = np.mean(scorer.fold_scores(BETTER, SEEDS), axis=1)
    assert found.fresh_scores_best == pytest.approx(folds.tolist())
    assert found.noise_best == pytest.approx(folds.std(ddof=1))
    assert sum(found.calibration["best"].count) == len(split.y_train)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["verdict"] == REAL
    assert "Adopt" in audit_report.paragraph(found)


def test_noise_is_not_found_real(tmp_path, scorer):
    folder = make_run(tmp_path, scorer, NOISE)
    settings, rows, sources, folds = module.read_run(folder)
    found = module.audit(folder, scorer, seeds=SEEDS)
    assert found.verdict != REAL
    if rows[1].decision == "discarded":
        assert sources == {0: BASELINE}
        assert "nothing was kept" in audit_report.paragraph(found)
        assert found.fresh.value == 0
    assert len(folds) == 2


def test_a_run_that_kept_nothing_says_so(tmp_path, scorer):
    """In words and figure, instead of intervals from 0 to 0."""
    found = module.audit(make_run(tmp_path, scorer, WORSE), scorer, seeds=SEEDS)
    assert found.best_iteration == 0
    assert "nothing was kept" in audit_report.alt(found)
    assert "nothing was kept" in audit_report.table(found)
    for text in (audit_report.alt(found), audit_report.table(found)):
        assert "+0.0000 to +0.0000" not in text
    floor, gains, curve = audit_report.figure(found).axes
    assert "nothing was kept" in gains.texts[0].get_text()
    assert not gains.lines
    assert [text.get_text()[:8] for text in curve.get_legend().texts] == ["baseline"]


def test_rules_never_see_the_audits_folds():
    for rule in RULES.values():
        assert not set(rule.fold_seeds) & {*module.AUDIT_SEEDS, *CERTIFICATE_SEEDS}
    assert not set(module.AUDIT_SEEDS) & set(CERTIFICATE_SEEDS)
    assert HEART.fold_seed not in module.AUDIT_SEEDS


def test_expected_luck_grows_with_tries_and_spread():
    rng = np.random.default_rng(0)
    base = 0.88 + rng.normal(0, 0.02, 5)
    tries = [tuple(base + rng.normal(0, 0.01, 5)) for _ in range(25)]
    few = module.expected_luck([tuple(base), *tries[:5]])
    many = module.expected_luck([tuple(base), *tries])
    wide = module.expected_luck([tuple(base), *(tuple(3 * np.array(t) - 2 * base) for t in tries)])
    assert 0 < few < many
    assert wide == pytest.approx(3 * many)
    # every try the same gain on each fold: no spread, no luck
    assert module.expected_luck([tuple(base), tuple(base + 0.1)]) == pytest.approx(0, abs=1e-9)
    assert module.expected_luck([tuple(base)]) == 0
    # 25 tries whose gain has sd 0.01 per fold: 1.965 standard errors, each about 0.0045
    assert many == pytest.approx(1.965 * 0.01 * np.sqrt(1 / 5), rel=0.2)


def test_expected_luck_is_what_tries_find_where_nothing_is():
    rng = np.random.default_rng(1)
    said, found = [], []
    for _ in range(200):
        gains = rng.normal(0, 0.01, (25, 5))
        found.append(max(0, gains.mean(axis=1).max()))
        if len(said) < 10:  # they hardly differ
            said.append(module.expected_luck([(0.8,) * 5, *map(tuple, 0.8 + gains)]))
    assert np.mean(said) == pytest.approx(np.mean(found), rel=0.05)


def test_expected_luck_of_equal_programs_counts_the_start_once():
    """The start is one of them: its luck is in every gain."""
    rng = np.random.default_rng(5)
    said, found = [], []
    for _ in range(300):
        folds = 0.8 + rng.normal(0, 0.01, (21, 5))
        means = folds.mean(axis=1)
        found.append(means.max() - means[0])
        if len(said) < 40:
            said.append(module.expected_luck(list(map(tuple, folds))))
    assert np.mean(said) == pytest.approx(np.mean(found), rel=0.15)  # 1.5 times, counted each time


def test_openings_are_counted(tmp_path, scorer):
    folder = make_run(tmp_path, scorer, BETTER)
    first = module.open_and_audit(folder, scorer, seeds=SEEDS)
    assert len(first.openings) == 1
    assert "WARNING" not in audit_report.table(first)
    second = module.open_and_audit(folder, scorer, seeds=SEEDS)
    assert second.openings[0] == first.openings[0]
    assert len(second.openings) == 2
    assert "opened 2 times" in audit_report.table(second)
    assert "opened 2 times" in audit_report.paragraph(second)
    record = module.read_record(folder)
    assert record["openings"] == second.openings
    assert record["verdict"] == second.verdict
    assert record["commit"] == module.read_run(folder)[1][1].commit
    assert (folder / "audit.png").stat().st_size > 10_000
    assert "Verdict: real" in (folder / "audit.alt.txt").read_text()


def test_openings_are_those_of_the_rows(tmp_path, scorer, monkeypatch):
    """Another tag opens the same letter, also when the first run is gone."""
    monkeypatch.setattr(audit_report, "save", lambda *a: None)
    folder = make_run(tmp_path, scorer, BETTER)
    first = module.open_and_audit(folder, scorer, seeds=SEEDS)
    shutil.rmtree(folder)
    again = make_run(tmp_path, scorer, BETTER, tag="another")
    second = module.open_and_audit(again, scorer, seeds=SEEDS)
    assert second.openings[:1] == first.openings
    assert len(second.openings) == 2
    other = scorer.split._replace(y_test=1 - scorer.split.y_test)
    assert module._write_opening(again, [], other, "now") == ["now"]  # other rows
    (tmp_path / module.OPENINGS).write_text("{")
    with pytest.raises(RunError, match="restore it"):
        module.open_and_audit(again, scorer, seeds=SEEDS)


def test_the_test_can_stay_sealed(tmp_path, scorer, monkeypatch):
    monkeypatch.setattr(audit_report, "save", lambda *a: None)  # drawn above
    folder = make_run(tmp_path, scorer, BETTER)
    found = module.open_and_audit(folder, scorer, seeds=SEEDS, look=False)
    assert found.test is None
    assert found.openings == []
    assert found.verdict == REAL  # fresh folds and the other hospital
    assert "not looked at" in audit_report.table(found)
    assert "sealed test" not in audit_report.paragraph(found)
    opened = module.open_and_audit(folder, scorer, seeds=SEEDS)
    assert len(opened.openings) == 1
    assert "WARNING" not in audit_report.table(opened)


def test_an_interrupted_audit_has_opened_the_test(tmp_path, scorer, monkeypatch):
    folder = make_run(tmp_path, scorer, BETTER)
    monkeypatch.setattr(scorer, "fold_scores", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        module.open_and_audit(folder, scorer, seeds=SEEDS)
    assert len(module.read_record(folder)["openings"]) == 1


def test_a_damaged_record_is_not_forgotten(tmp_path, scorer):
    folder = make_run(tmp_path, scorer)
    (folder / "audit.json").write_text("{")
    with pytest.raises(RunError, match="how often"):
        module.open_and_audit(folder, scorer, seeds=SEEDS)


def test_a_run_without_baseline_costs_no_opening(tmp_path, scorer):
    start = BASELINE.encode(), b"program"
    Run.open("empty", root=tmp_path, scorer=scorer, start=start, agent="human").close()
    with pytest.raises(RunError, match="no baseline"):
        module.open_and_audit(tmp_path / "empty", scorer)
    assert not (tmp_path / "empty" / "audit.json").exists()


def test_a_program_that_fails_elsewhere_still_gets_an_audit(tmp_path, scorer):
    folder = make_run(tmp_path, scorer, BETTER + "\n# fails elsewhere\n")
    found = module.audit(folder, scorer, seeds=SEEDS)
    assert found.hospital.difference is None
    assert "all NaN" in found.hospital.error
    assert "all NaN" in audit_report.paragraph(found)
    assert found.verdict == REAL


def test_a_loss_elsewhere_takes_real_away():
    lost = module.Elsewhere("x", 294, difference=Interval(-0.05, -0.08, -0.02), p=0.001)
    assert lost.contradicts
    assert not module.Elsewhere("x", 9, difference=Interval(0.05, 0.02, 0.08), p=0.001).contradicts
    assert not module.Elsewhere("x", 9, difference=Interval(-0.05, -0.2, 0.1), p=0.3).contradicts
    assert not module.Elsewhere("x", 9, error="crashed").contradicts


KNOWS_THE_TEST = """import numpy as np
{better}
TABLE = {table}
class Knows:
    def __init__(self, model): self.model = model
    def fit(self, X, y):
        self.model.fit(X, y)
        self.classes_ = np.array([0, 1])
        return self
    def predict_proba(self, X):
        p = self.model.predict_proba(X)
        for i, key in enumerate(X.age * 1000 + X.chol + X.thalach / 1000):
            if key in TABLE: p[i] = 1 - TABLE[key], TABLE[key]
        return p
honest = build_pipeline
def build_pipeline(): return Knows(honest())
"""


def test_a_sealed_test_in_the_source_is_found_and_said(tmp_path, scorer):
    """61 rows are enough to show 1.000 on the sealed test; labels like them show that they are."""
    split = HEART.split()
    X = split.X_test
    keys = (X.age * 1000 + X.chol + X.thalach / 1000).tolist()
    table = dict(zip(keys, split.y_test.tolist(), strict=True))
    knows = KNOWS_THE_TEST.format(better=BETTER, table=table)
    found = module.audit(make_run(tmp_path, scorer, knows), scorer, seeds=SEEDS)
    assert found.test.best.value == 1.0
    assert found.harms[0].startswith("Its source may hold the sealed test's answers: gain over ")
    assert found.verdict != "real"
    honest = module.audit(make_run(tmp_path, scorer, BETTER, tag="h"), scorer, seeds=SEEDS)
    assert not [said for said in honest.harms if "source" in said]
    assert honest.verdict == "real"


@pytest.mark.timeout(300)
def test_the_command_on_a_real_run_in_the_real_harness(tmp_path, capsys, monkeypatch, warm):
    from harness.scoring.scorer import Scorer

    monkeypatch.setattr(module, "AUDIT_SEEDS", SEEDS)
    with Scorer(HEART, workers=1) as real:
        folder = make_run(tmp_path, real, BETTER)
    argv = ["audit", "--tag", folder.name, "--runs", str(folder.parent)]
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert "verdict" in out
    assert "Real." in out
    assert main([*argv, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["openings"]) == 2


# --- tasks of one's own: other metrics, groups, time ------------------------------------------


def own_task(kind, metric, **more):
    rng = np.random.default_rng(3)
    n = 240
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    X["when"] = np.arange(n, dtype=float)
    X["who"] = np.repeat(np.arange(n // 4), 4).astype(float)
    truth = X["a"] + X["b"] ** 2 + 0.3 * rng.normal(size=n)
    y = {"regression": truth, "multiclass": np.digitize(truth, [0.3, 1.5])}.get(kind, truth > 0.8)
    y = np.asarray(y, float if kind == "regression" else int)
    return Task.from_frames("own", X, y, kind=kind, metric=metric, **more)


OWN = """
HYPOTHESIS = "{what}"
from sklearn.{module} import {model}
def feature_fn(X): return X{square}
def build_pipeline(): return {model}({options})
"""


@pytest.mark.parametrize(
    ("kind", "metric", "more"),
    [
        ("regression", "r2", {}),
        ("regression", "neg_mean_absolute_error", {"groups": "who"}),
        ("multiclass", "accuracy", {}),
        ("regression", "r2", {"time": "when"}),
    ],
)
def test_other_metrics_are_audited_too(tmp_path, warm, kind, metric, more):
    task = own_task(kind, metric, **more)
    names = ("Ridge", "alpha=1.0") if kind == "regression" else ("LogisticRegression", "C=1.0")
    fill = {"module": "linear_model", "model": names[0], "options": names[1]}
    worse = OWN.format(what="as it is", square="", **fill)
    better = OWN.format(what="b squared", square=".assign(b2=X.b**2)", **fill)
    with Scorer(task) as own_scorer:
        folder = make_run(tmp_path, own_scorer, better, task=task, first=worse)
        found = module.audit(folder, own_scorer, task=task, hospital=None, seeds=SEEDS)
    assert found.verdict == REAL, audit_report.table(found)
    assert found.claimed > 0
    assert found.test.difference.low > 0
    assert found.test.p < 0.05
    assert found.one_set == ("time" in more)
    text = audit_report.table(found) + audit_report.paragraph(found) + audit_report.alt(found)
    assert metric in text
    assert "AUC" not in text
    assert "DeLong" not in text
    assert ("in one way only" in text) == found.one_set
    audit_report.save(found, tmp_path / "audit.png")
    json.dumps(found.to_dict(), allow_nan=False)
