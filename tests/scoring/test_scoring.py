"""The trusted side: the baseline's figure, one clear status for everything else."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from harness import REPO
from harness.candidate import (
    CandidateError,
    check_source,
    hypothesis_of,
    program_id,
    read_hypothesis,
)
from harness.scoring.score import Score
from harness.scoring.scorer import Scorer, evaluate
from harness.task.task import BASELINE_VAL_AUC, HEART, Task

BASELINE = (REPO / "train.py").read_text(encoding="utf-8")
C3 = [
    "val_auc",
    "val_sd",
    "test_auc",
    "test_acc",
    "test_f1",
    "wall_time_s",
    "cv_folds",
    "isolation",
    "status",
]


@pytest.fixture
def scorer(heart):
    return heart


@pytest.fixture(scope="module")
def baseline(heart):
    return heart.score(BASELINE)


def edited(old, new, count=1):
    assert old in BASELINE
    return BASELINE.replace(old, new, count)


def with_model(code):
    """A candidate whose estimator is the class M defined by `code`."""
    head, tail = "HYPOTHESIS = 'x'\nimport numpy as np\n", "def feature_fn(X): return X\n"
    return f"{head}{code}\n{tail}def build_pipeline(): return M()\n"


def with_decision(expression):
    return with_model(
        f"class M:\n  def fit(self, X, y): return self\n"
        f"  def decision_function(self, X): n = len(X); return {expression}"
    )


def test_the_baseline_scores_what_the_design_says(baseline):
    assert f"{baseline.val_auc:.6f}" == f"{BASELINE_VAL_AUC:.6f}"
    assert baseline.ok
    assert baseline.exit_code == 0
    assert baseline.val_sd == pytest.approx(np.std(baseline.fold_scores, ddof=1))
    assert 0.5 < baseline.test_auc < 1
    assert 0.5 < baseline.test_acc < 1
    assert 0.5 < baseline.test_f1 < 1


def test_it_is_what_scikit_learn_measures_in_one_process(baseline):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=500, random_state=42),
    )
    split = HEART.split()
    values = []
    for train, val in HEART.folds(split.X_train, split.y_train):
        fitted = clone(model).fit(split.X_train.iloc[train], split.y_train[train])
        p = fitted.predict_proba(split.X_train.iloc[val])[:, 1]
        values.append(roc_auc_score(split.y_train[val], p))
    assert baseline.fold_scores == pytest.approx(values, abs=1e-9)
    fitted = clone(model).fit(split.X_train, split.y_train)
    test = roc_auc_score(split.y_test, fitted.predict_proba(split.X_test)[:, 1])
    assert baseline.test_auc == pytest.approx(test, abs=1e-9)
    classes = fitted.predict(split.X_test)
    assert baseline.test_acc == pytest.approx(accuracy_score(split.y_test, classes))
    assert baseline.test_f1 == pytest.approx(f1_score(split.y_test, classes))


def test_the_printed_lines_are_c3(baseline):
    lines = baseline.lines().splitlines()
    assert [line.split(": ")[0] for line in lines] == C3
    assert lines[0] == "val_auc: 0.895971"
    assert lines[-1] == "status: ok"
    failed = Score("crashed (ValueError: x)").lines().splitlines()
    assert [line.split(": ")[0] for line in failed] == C3
    assert failed[0] == "val_auc: nan"
    json.dumps(baseline.to_dict(), allow_nan=False)


def test_a_file_that_notepad_wrote_is_scored(scorer, baseline):
    marked = scorer.score(b"\xef\xbb\xbf" + BASELINE.encode())
    assert (marked.status, marked.fold_scores) == ("ok", baseline.fold_scores)
    text = "\ufeff" + BASELINE
    assert scorer.score(text).hypothesis == baseline.hypothesis == hypothesis_of(text)
    assert program_id(text) == program_id(BASELINE), "the mark makes no other program"


def test_sorted_rows_that_are_put_back_are_scored(scorer, baseline):
    sorted_and_back = edited("return X", "return X.sort_values('age').loc[X.index]")
    assert scorer.score(sorted_and_back).fold_scores == baseline.fold_scores


def test_twice_the_same(scorer, baseline):
    assert scorer.score(BASELINE).fold_scores == baseline.fold_scores


BROKEN = {
    "empty": ("", "rejected", "HYPOTHESIS"),
    "syntax": (edited("def feature_fn", "def feature_fn("), "crashed", "SyntaxError"),
    "no hypothesis": (edited("HYPOTHESIS", "OTHER"), "rejected", "HYPOTHESIS"),
    "two-line hypothesis": ("HYPOTHESIS = 'a\\nb'\n", "rejected", "one line"),
    "long hypothesis": (f"HYPOTHESIS = {'a' * 201!r}\n", "rejected", "200"),
    "computed hypothesis": ("HYPOTHESIS = str(1)\n", "rejected", "HYPOTHESIS"),
    "no feature_fn": (edited("def feature_fn", "def other"), "rejected", "feature_fn"),
    "no build_pipeline": (edited("def build_pipeline", "def other"), "rejected", "build_pipeline"),
    "not UTF-8": (b"HYPOTHESIS = 'x' # \xff\n", "rejected", "UTF-8"),
    "null byte": (b"HYPOTHESIS = 'x'\n\0", "crashed", ""),
    "too large": ("#" * (257 * 1024), "rejected", "256 KiB"),
    "NaN": (with_decision("np.full(n, np.nan)"), "rejected", "not finite"),
    "inf": (with_decision("np.where(np.arange(n) == 3, np.inf, 0.0)"), "rejected", "not finite"),
    "constant": (with_decision("np.zeros(n)"), "rejected", "constant"),
    "too few": (with_decision("np.arange(n - 1.0)"), "rejected", "shape"),
    "too many": (with_decision("np.arange(n + 1.0)"), "rejected", "shape"),
    "two columns": (with_decision("np.zeros((n, 2))"), "rejected", "shape"),
    "None": (with_decision("None"), "rejected", "shape"),
    "text": (with_decision("['a'] * n"), "crashed", "ValueError"),
    "no predictions": (
        with_model("class M:\n  def fit(self, X, y): return self"),
        "rejected",
        "no",
    ),
    "a class": (with_decision("np.arange(n)").replace("M()", "M"), "rejected", "estimator"),
    "fewer rows": (
        with_decision("np.arange(n)").replace("return X\n", "return X.iloc[1:]\n"),
        "rejected",
        "rows",
    ),
    "rows in another order": (
        edited("return X", "return X.sort_values('age')"),
        "rejected",
        "put the rows in another order: end it with .loc[X.index]",
    ),
    "costly f-strings": ("x = f'" + "{x!r:{y}}" * 20000 + "'", "rejected", "braces"),
    "deep nesting": ("HYPOTHESIS = 'x'\nx = " + "(" * 5000 + ")" * 5000, "crashed", ""),
    "many minuses": ("HYPOTHESIS = 'x'\nx = " + "-" * 90000 + "1", "crashed", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_candidates_have_one_status_and_no_score(scorer, name):
    source, kind, reason = BROKEN[name]
    score = scorer.score(source)
    assert score.status.startswith(f"{kind} (")
    assert reason in score.status
    assert score.status.isprintable()
    assert np.isnan(score.val_auc)
    assert np.isnan(score.test_auc)
    assert score.exit_code == {"crashed": 3, "rejected": 4}[kind]


def test_a_hang_is_a_timeout(warm):
    quick = Scorer(HEART.with_budget(1.5))
    with quick:
        score = quick.score(edited("def feature_fn", "while True: pass\ndef feature_fn"))
    assert score.status == "timeout (over 1.5 s)"
    assert score.exit_code == 2
    assert 1.4 < score.wall_time_s < 6


def test_what_a_candidate_prints_is_only_in_the_log(scorer, baseline):
    score = scorer.score("print('val_auc: 1.0\\nstatus: ok')\n" + BASELINE)
    assert score.fold_scores == baseline.fold_scores
    assert "val_auc: 1.0" in score.log
    assert "1.0\n" not in score.lines()


def test_changing_the_input_hurts_only_the_candidate(scorer, baseline):
    bad = "    X.iloc[:] = 0\n    return X.assign(z=range(len(X)))"
    score = scorer.score(edited("    return X", bad))
    assert score.ok
    assert score.val_auc < 0.8
    assert scorer.score(BASELINE).fold_scores == baseline.fold_scores


def test_flipped_classes_are_read_by_their_names(scorer):
    code = """
class M:
    classes_ = [1, 0]
    def fit(self, X, y): return self
    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-X['oldpeak'].to_numpy()))
        return np.column_stack([p, 1 - p])
"""
    assert scorer.score(with_model(code)).val_auc > 0.6


def test_several_candidates_side_by_side_keep_their_order(scorer, baseline):
    other = edited("C=1.0", "C=0.1")
    scores = scorer.score_many([BASELINE, "x =", other, "raise ValueError('a')\n" + BASELINE])
    assert [s.status.partition(" ")[0] for s in scores] == ["ok", "crashed", "ok", "crashed"]
    assert scores[0].fold_scores == baseline.fold_scores
    assert scores[2].fold_scores == scorer.score(other).fold_scores != baseline.fold_scores


def test_fresh_folds_and_free_predictions(scorer, baseline):
    table = scorer.fold_scores(BASELINE, [HEART.fold_seed, 1])
    assert table.shape == (2, 5)
    assert tuple(table[0]) == baseline.fold_scores
    assert not np.allclose(table[0], table[1])
    split = HEART.split()
    p = scorer.predict(BASELINE, split.X_train, split.y_train, split.X_test)
    assert roc_auc_score(split.y_test, p) == pytest.approx(baseline.test_auc)
    with pytest.raises(CandidateError, match="SyntaxError"):
        scorer.fold_scores("x =", [1])


def test_other_kinds_of_tasks(warm):
    from sklearn.datasets import load_diabetes, load_wine

    X, y = load_wine(return_X_y=True, as_frame=True)
    wine = Task.from_frames("wine", X, y, kind="multiclass", metric="neg_log_loss")
    with Scorer(wine) as it:
        score = it.score(BASELINE)
    assert score.ok
    assert -0.3 < score.val_auc < 0
    assert score.test_acc > 0.9
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    ridge = edited("LogisticRegression(C=1.0, max_iter=500, random_state=42)", "Ridge()")
    ridge = ridge.replace("import LogisticRegression", "import Ridge")
    with Scorer(Task.from_frames("diabetes", X, y, kind="regression", metric="r2")) as it:
        score = it.score(ridge)
    assert score.ok
    assert 0.3 < score.val_auc < 0.6


@pytest.mark.heavy
def test_train_py_hands_over_to_the_harness():
    import subprocess

    done = subprocess.run(
        [sys.executable, str(REPO / "train.py")], capture_output=True, text=True, check=True
    )
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == C3
    assert done.stdout.startswith("val_auc: 0.895971\n")


def test_evaluate_probes_what_beats_the_baseline(tmp_path, warm):
    better = tmp_path / "train.py"
    better.write_text(edited("C=1.0", "C=0.1"))
    score = evaluate(Path(better))
    assert score.ok
    assert len(score.probes) == 5
    assert evaluate(BASELINE).probes == ()


@given(st.text(max_size=300))
def test_a_hypothesis_is_read_as_written_or_refused(text):
    fit = bool(text.strip()) and len(text) <= 200 and len(text.splitlines()) == 1
    if not fit:
        with pytest.raises(CandidateError, match=r"rejected \("):
            read_hypothesis(f"HYPOTHESIS = {text!r}\n")
    else:
        found = read_hypothesis(f"HYPOTHESIS = {text!r}\n")
        assert found.isprintable()
        assert len(found) <= 200


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    problem = ""
    try:
        source, hypothesis = check_source(data)
    except CandidateError as err:
        problem = str(err)
    if problem:
        assert problem.partition(" ")[0] in ("crashed", "rejected")
    else:
        assert source == data
        assert hypothesis


@pytest.mark.heavy
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_closed_scorer_starts_again_when_it_is_asked(method):
    """Run All of a lesson closes its scorer; an exercise that is done afterwards asks it again."""
    if method == "fork" and sys.platform != "linux":
        pytest.skip("forks on Linux only")
    scorer = Scorer(method=method)
    try:
        scorer.close()
        assert scorer.score(BASELINE).val_auc == pytest.approx(BASELINE_VAL_AUC, abs=1e-6)
        scorer.close()
        scorer.close()
        assert scorer.fold_scores(BASELINE, [7]).shape == (1, 5)
    finally:
        scorer.close()
    assert not scorer.sandbox.root.exists()
