"""Edits to programs that no recipe describes: they run, they stay small, they never run dry."""

import ast
import warnings

import numpy as np
import pandas as pd
import pytest

from harness.agents import Past, View, get_agent
from harness.agents.edits import contract_error
from harness.agents.playbook.foreign import edits, models_for
from harness.agents.playbook.surgery import replaced, with_imports
from harness.candidate import hypothesis_of, normalise
from harness.newtask.starters import write_train
from harness.task.task import Task

COLUMNS = (("size", "number"), ("skew", "number"), ("town", "category"), ("note", "text"))
KINDS = ("binary", "multiclass", "regression")


def table(n=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "skew": rng.exponential(size=n),
            "town": pd.Series(rng.choice(["york", "bath", "ely"], size=n), dtype="str"),
            "note": pd.Series(rng.choice(["good old house", "new house", "a ruin"], size=n)),
        }
    )
    frame.loc[::9, "size"] = np.nan
    truth = frame["size"].fillna(0) + (frame["town"] == "bath") + 0.3 * rng.normal(size=n)
    return frame, truth.to_numpy()


def task_of(kind, columns=COLUMNS):
    frame, truth = table()
    y = {
        "binary": (truth > 0.3).astype(int),
        "multiclass": np.digitize(truth, [-0.3, 0.8]),
        "regression": truth,
    }[kind]
    X = frame[[name for name, _ in columns]]
    metric = "r2" if kind == "regression" else "roc_auc"
    task = Task.from_frames("own", X, y, kind=kind, metric=metric, columns=columns)
    return task, X, y, write_train(task, X)


def fitted(source, X, y, kind):
    names = {"__name__": "train"}
    exec(compile(source, "train.py", "exec"), names)
    model = names["build_pipeline"]().fit(names["feature_fn"](X), y)
    new = names["feature_fn"](X.iloc[:9])
    return model.predict(new) if kind == "regression" else model.predict_proba(new)


@pytest.mark.parametrize("kind", KINDS)
def test_every_edit_of_a_starting_program_runs(kind):
    _, X, y, start = task_of(kind)
    found = edits(start, kind, len(X), np.random.default_rng(0))
    families = {edit.family for edit in found}
    assert families >= {"model", "ensemble", "bagging", "scale", "missing", "encode", "features"}
    assert len({normalise(edit.source) for edit in found}) > 30
    for edit in found:
        assert contract_error(edit.source) is None
        assert hypothesis_of(edit.source) == edit.hypothesis
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit of few rows may not converge
            p = fitted(edit.source, X, y, kind)
        assert np.isfinite(p).all(), edit.hypothesis
        assert len(p) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_edits_of_edits_run(kind):
    """Averages grow and shrink, bags come off again, and what is left still runs."""
    _, X, y, source = task_of(kind)
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(8):
        found = [e for e in edits(source, kind, len(X), rng) if e.family != "calibrate"]
        edit = found[rng.integers(len(found))]
        seen.add(edit.family)
        if len(edit.source) < 6000:
            source = edit.source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                fitted(source, X, y, kind)
            except ValueError as error:  # more neighbours than rows: the harness would say so
                if "n_neighbors" not in str(error):
                    raise
    assert len(seen) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_run_on_a_task_of_ones_own_never_repeats_and_keeps_the_columns(kind):
    _, _, _, start = task_of(kind)
    agent, best = get_agent("playbook"), start
    history = [Past(0, 0.5, 0.0, "ok", "baseline", 0.0, hypothesis_of(start), start)]
    seen = {normalise(start)}
    rng = np.random.default_rng(2)
    for i in range(1, 41):
        view = View("", best, 0.5, 0, list(history), None, i, 3, task_name="own", kind=kind)
        source = agent.propose(view).source
        assert normalise(source) not in seen
        seen.add(normalise(source))
        assert contract_error(source) is None
        assert "TEXTS" in source
        assert "CATEGORIES" in source
        kept = rng.random() < 0.1
        decision, delta = ("kept", 0.01) if kept else ("discarded", -0.01)
        history.append(Past(i, 0.5, 0.0, "ok", decision, delta, hypothesis_of(source), source))
        best = source if kept else best


@pytest.mark.parametrize("kind", KINDS)
def test_the_null_agent_puts_a_bag_around_the_model_that_is_there(kind):
    _, X, y, start = task_of(kind)
    agent = get_agent("null")
    history = [Past(0, 0.5, 0.0, "ok", "baseline", 0.0, hypothesis_of(start), start)]
    view = View("", start, 0.5, 0, history, None, 1, 3, task_name="own", kind=kind)
    first = agent.propose(view).source
    assert "Bagging" in first
    assert np.isfinite(fitted(first, X, y, kind)).all()
    view = View("", first, 0.5, 0, history, None, 2, 3, task_name="own", kind=kind)
    second = agent.propose(view).source
    changed = [a for a, b in zip(first.splitlines(), second.splitlines(), strict=True) if a != b]
    assert changed
    assert all("random_state" in line or "HYPOTHESIS" in line for line in changed)


def test_regression_gets_no_classifier():
    _, X, _, start = task_of("regression")
    for edit in edits(start, "regression", len(X), np.random.default_rng(0)):
        assert "Classifier" not in edit.source
        assert "LogisticRegression" not in edit.source


def test_slow_models_are_left_out_where_rows_are_many():
    assert "gp" in models_for("binary", 300)
    assert not {"gp", "svc", "neighbours"} & models_for("binary", 50_000).keys()
    assert not {"svr", "neighbours"} & models_for("regression", 50_000).keys()


def test_an_edit_touches_its_own_lines_only():
    _, X, _, start = task_of("binary")
    for edit in edits(start, "binary", len(X), np.random.default_rng(0)):
        before, after = start.splitlines(), edit.source.splitlines()
        gone = [line for line in before if line not in after]
        assert len(gone) <= 6, (edit.hypothesis, gone)
        assert all(len(line) <= 100 for line in after if "HYPOTHESIS" not in line), edit.source


def test_offsets_are_bytes_and_imports_are_merged():
    source = "from a import B, C\n\nx = f('é', 1)  # naïve\n"
    call = ast.parse(source).body[1].value
    assert replaced(source, call, "g()") == "from a import B, C\n\nx = g()  # naïve\n"
    assert with_imports(source, {("a", "A2")}).startswith("from a import A2, B, C\n")
    assert with_imports(source, {("z", "y")}).splitlines()[:2] == source.splitlines()[:1] + [
        "from z import y"
    ]
