"""The simulated population and its walk: fast arithmetic against scikit-learn, known truths."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks import false_keeps as fk
from harness.rules.rules import RULES, Rule, Verdict


def test_newton_is_scikit_learns_logistic_regression():
    X, hidden, y = fk.draw_patients(200, 0.5, np.random.default_rng(0))
    X = np.c_[X, hidden]
    mean, sd = X[:150].mean(axis=0), X[:150].std(axis=0)
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    model.fit((X[:150] - mean) / sd, y[:150])
    expected = model.decision_function((X[150:] - mean) / sd)
    np.testing.assert_allclose(fk.fit_predict(X[:150], y[:150], X[150:]), expected, atol=1e-4)


def test_auc_counts_ties_half():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 300), rng.integers(0, 9, 300)
    assert fk.auc(y, p) == pytest.approx(roc_auc_score(y, p))


def test_the_population_is_like_heart():
    X, hidden, y = fk.draw_patients(20_000, 0.0, np.random.default_rng(1))
    assert y.mean() == pytest.approx(139 / 303, abs=0.03)
    small = slice(0, fk.N_TRAIN)
    score = fk.auc(y[5000:], fk.fit_predict(X[small], y[small], X[5000:]))
    assert 0.87 < score < 0.93
    assert abs(np.corrcoef(hidden, y)[0, 1]) < 0.03


def test_a_weight_is_a_gain_and_noise_is_none():
    assert fk.true_gain(0.0, column="noise", sets=40) < 0.0005
    assert fk.true_gain(0.9, sets=20) > fk.true_gain(0.5, sets=20) > 0.001


def test_every_rule_walks_through_the_same_proposals():
    """A rule that keeps all and one that keeps none frame what the real rules do."""
    everything = Rule("everything", lambda new, old: Verdict(True, 0.0, ""))
    nothing = Rule("nothing", lambda new, old: Verdict(False, 0.0, ""))
    world = fk.Columns(0.9, run=3, planted=True)
    rows = fk.walk(world, {"everything": everything, "nothing": nothing, **RULES})
    by_name = {row["rule"]: row for row in rows}
    assert by_name["everything"]["false_keeps"] == fk.PROPOSALS - 1
    assert by_name["everything"]["planted_kept"] == 1
    assert by_name["nothing"]["false_keeps"] == by_name["nothing"]["planted_kept"] == 0
    assert by_name["nothing"]["true_gain"] == by_name["nothing"]["val_gain"] == 0
    assert by_name["corrected_t"]["false_keeps"] <= by_name["strict"]["false_keeps"]
    again = fk.walk(fk.Columns(0.9, run=3, planted=True))
    assert [r for r in again if r["rule"] == "rope"] == [by_name["rope"]]


def test_seeds_is_the_null_agents_program():
    """Scores of the array version against the agent's own source, over seeds and folds."""
    from harness.agents.playbook import null

    world = fk.Seeds(run=0)
    ours = np.array([world.score(program, None).mean() for program in range(8)])
    theirs = []
    for seed in range(8):
        space = {"__name__": "candidate"}
        exec(null.SOURCE.format(seed=seed, copies=null.COPIES), space)
        scores = []
        for train, val in fk.HEART.folds(fk.pd.DataFrame(world.X), world.y):
            model = space["build_pipeline"]().fit(world.X[train], world.y[train])
            scores.append(fk.auc(world.y[val], model.predict_proba(world.X[val])[:, 1]))
        theirs.append(np.mean(scores))
    assert ours.mean() == pytest.approx(np.mean(theirs), abs=0.003)
    assert 0.4 < ours.std() / np.std(theirs) < 2.5
