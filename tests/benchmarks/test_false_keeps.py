"""Worlds whose truth is known and the walk through them: fast arithmetic against scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import false_keeps as fk
from benchmarks import worlds
from benchmarks.worlds import Seeds, Spec, Table
from harness.rules.certificate import CERTIFICATE_SEEDS, Tries
from harness.rules.rules import RULES, Rule, Verdict
from harness.task.task import HEART

TRUTH = fk.prepare_truth(fk.GAINS)


def test_newton_is_scikit_learns_logistic_regression():
    X, hidden, y = worlds.draw_patients(200, 0.5, np.random.default_rng(0))
    X = np.c_[X, hidden]
    mean, sd = X[:150].mean(axis=0), X[:150].std(axis=0)
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    model.fit((X[:150] - mean) / sd, y[:150])
    expected = model.decision_function((X[150:] - mean) / sd)
    np.testing.assert_allclose(worlds.fit_predict(X[:150], y[:150], X[150:]), expected, atol=1e-4)


MODELS = {
    "binary": (LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000), "decision_function"),
    "groups": (LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000), "decision_function"),
    "r2": (LinearRegression(), "predict"),
    "classes": (LinearDiscriminantAnalysis(solver="lsqr"), "predict_proba"),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("program", [(), (3,), (20, 3)])
def test_batched_folds_score_as_scikit_learn_does(kind, program):
    world = Table(Spec(kind, rows=240), run=4)
    world.score((7, 20), 101)  # the next fit starts from its weights
    model, method = MODELS[kind]
    X = np.c_[world.X, world.extra[:, sorted(program)]]
    expected = []
    for train, val in world.task.folds(world.columns, world.y, 101):
        fitted = make_pipeline(StandardScaler(), model).fit(X[train], world.y[train])
        out = getattr(fitted, method)(X[val])
        if kind == "r2":
            expected.append(r2_score(world.y[val], out))
        elif kind == "classes":
            expected.append(roc_auc_score(world.y[val], out, multi_class="ovr"))
        else:
            expected.append(roc_auc_score(world.y[val], out))
    np.testing.assert_allclose(world.score(program, 101), expected, atol=1e-3)
    assert np.mean(world.score(program, 101)) == pytest.approx(np.mean(expected), abs=3e-4)


def test_groups_stay_together_and_count_as_units():
    world = Table(Spec("groups", rows=240), run=0)
    group = world.columns["group"].to_numpy()
    for train, val in world.task.folds(world.columns, world.y, 7):
        assert not set(group[train]) & set(group[val])
    assert world.count().units == 30


def test_auc_counts_ties_half():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 300), rng.integers(0, 9, 300)
    assert worlds.auc(y, p) == pytest.approx(roc_auc_score(y, p))
    asked = np.arange(300) < 200
    (batched,) = worlds.aucs(y[None], p[None].astype(float), asked[None])
    assert batched == pytest.approx(roc_auc_score(y[:200], p[:200]))


def test_the_population_is_like_heart():
    X, hidden, y = worlds.draw_patients(20_000, 0.0, np.random.default_rng(1))
    assert y.mean() == pytest.approx(139 / 303, abs=0.03)
    small = slice(0, worlds.N_TRAIN)
    score = worlds.auc(y[5000:], worlds.fit_predict(X[small], y[small], X[5000:]))
    assert 0.87 < score < 0.93
    assert abs(np.corrcoef(hidden, y)[0, 1]) < 0.03


def test_a_weight_is_a_gain_and_noise_is_none():
    assert fk.true_gain(0.0, column="noise", sets=40) < 0.0005
    assert fk.true_gain(0.9, sets=20) > fk.true_gain(0.5, sets=20) > 0.001


def test_every_rule_walks_through_the_same_proposals():
    """A rule that keeps all and one that keeps none frame what the real rules do."""
    everything = Rule("everything", lambda new, old: Verdict(True, 0.0, ""))
    nothing = Rule("nothing", lambda new, old: Verdict(False, 0.0, ""))
    spec = Spec(real=1, weight=0.9)
    rows = fk.walk(Table(spec, 3), {"everything": everything, "nothing": nothing, **RULES})
    by_name = {row["rule"]: row for row in rows}
    assert by_name["everything"]["false_keeps"] == 24
    assert by_name["everything"]["planted_kept"] == 1
    assert by_name["nothing"]["keeps"] == by_name["nothing"]["left"] == 0
    assert by_name["nothing"]["true_best"] == by_name["nothing"]["val_gain"] == 0
    assert by_name["moderated"]["false_keeps"] <= by_name["strict"]["false_keeps"]
    assert all(row["left"] <= row["keeps"] for row in rows)
    assert by_name["strict"]["fresh_fits"] == 0 < by_name["confirm"]["fresh_fits"]
    again = fk.walk(Table(spec, 3), {"confirm": RULES["confirm"]})
    assert again == [by_name["confirm"]]


def test_fits_are_those_of_one_run_alone():
    """Two rules of one world share scores, not costs."""
    first, second = fk.walk(Table(Spec(), 1), dict.fromkeys(("confirm", "again"), RULES["confirm"]))
    assert first | {"rule": ""} == second | {"rule": ""}
    assert first["frozen_fits"] == 26 * HEART.n_folds
    per_test = len(CERTIFICATE_SEEDS) * HEART.n_folds
    assert first["certificate_fits"] >= (2 * per_test if first["keeps"] else 0)


def test_a_claim_needs_the_bar_of_its_tries():
    """The table asks the bar of now; a claim is as true as what it says."""
    bar = Tries(242, 0.25, count=25).bar
    row = {"units": 242, "tries": 25, "left": 1, "t_left": bar + 0.01, "true_left": 0.02}
    row |= {"val_gain": 0.02, "fresh_gain": 0.01, "t_best": 2.0, "keeps": 1}
    row |= {"tests": "4 1.0 0.01 0.01 0.01 -0.001; best 2.0 0.01 0.01 0.01; left 2 0 0 0"}
    told = fk.claims(SimpleNamespace(**row))
    assert (told["claim"], told["true_claim"], told["edit"]) == (True, True, False)
    assert told["word"] == fk.REAL
    assert told["true_certified"] == 0.02
    row |= {"tests": row["tests"].replace("4 1.0", f"4 {bar + 0.01}"), "t_left": 0.0}
    assert not fk.claims(SimpleNamespace(**row))["claim"]  # an edit needs more
    row |= {"tests": row["tests"].replace(f"4 {bar + 0.01}", "4 1.0"), "t_left": bar + 0.01}
    row |= {"tries": 100}
    assert not fk.claims(SimpleNamespace(**row))["claim"]
    row |= {"tests": row["tests"].replace("4 1.0", "4 9.0")}
    told = fk.claims(SimpleNamespace(**row))
    assert (told["edit"], told["program"], told["true_claim"]) == (True, False, False)


def test_the_table_says_what_the_runs_did():
    specs = fk.worlds(TRUTH)
    names = ("null 242", "gain 0.021", "null swaps")
    rows = [row for name in names for row in fk.one_run((name, specs[name], 1000, ("confirm",)))]
    table = fk.summarise(pd.DataFrame(rows)[list(fk.FIELDS)], specs).set_index("world")
    assert list(table.index) == [name for name in specs if name in names]
    assert table.loc["null 242", "claim"] in (0, 1)
    assert table.loc["gain 0.021", "planted_kept"] in (0, 1)
    assert (table.true_claim <= table.claim).all()
    assert fk.alt(table.reset_index()).count("certified") == 3


def test_seeds_is_the_null_agents_program():
    """Scores of the array version against the agent's own source, over seeds and folds."""
    from harness.agents.playbook import null

    world = Seeds(run=0)
    ours = np.array([world.score((program,), None).mean() for program in range(8)])
    theirs = []
    for seed in range(8):
        space = {"__name__": "candidate"}
        exec(null.SOURCE.format(seed=seed, copies=null.COPIES), space)
        scores = []
        for train, val in HEART.folds(pd.DataFrame(world.X), world.y):
            model = space["build_pipeline"]().fit(world.X[train], world.y[train])
            scores.append(
                worlds.auc(world.y[val], model.predict_proba(world.X[val])[:, 1]),
            )
        theirs.append(np.mean(scores))
    assert ours.mean() == pytest.approx(np.mean(theirs), abs=0.003)
    assert 0.4 < ours.std() / np.std(theirs) < 2.5
