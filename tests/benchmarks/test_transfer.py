"""The transfer benchmark: nothing held out is seen, it resumes, and its arithmetic is right."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks import arms, transfer
from harness.rules.rules import RULES
from harness.task.task import HEART


@pytest.mark.parametrize("protocol", ["transfer", "amlb"])
def test_outer_splits_part_the_rows(protocol):
    splits = transfer.outer_splits(HEART, protocol, 4)
    X, y = HEART.load()
    for train, new in splits:
        assert not set(train) & set(new)
        assert len(train) + len(new) == len(y)
        assert abs(y[new].mean() - y.mean()) < 0.03
    if protocol == "amlb":
        assert len(splits) == 10
        assert sorted(np.concatenate([new for _, new in splits])) == list(range(len(y)))
    else:
        assert len({tuple(new) for _, new in splits}) == 4
        assert all(len(new) == 76 for _, new in splits)


def test_inner_task_holds_only_training_rows():
    train, new = transfer.outer_splits(HEART, "transfer", 1)[0]
    inner = transfer.inner_task(HEART, train)
    X, y = HEART.load()
    assert inner.name == "heart"  # the agent's knowledge of the columns goes by name
    pd.testing.assert_frame_equal(inner.split().X_train, X.iloc[train].reset_index(drop=True))
    assert len(inner.split().y_test) == 0
    held = {tuple(row) for row in X.iloc[new].fillna(-1).to_numpy()}
    seen = {tuple(row) for row in inner.load()[0].fillna(-1).to_numpy()}
    assert len(held & seen) == 0


@pytest.mark.parametrize("name", sorted(arms.BUILT_IN))
def test_other_tasks(name):
    task = arms.load_task(name)
    X, y = task.load()
    assert set(np.unique(y)) == {0, 1}
    assert len(X) == len(y) > 300
    assert X.dtypes.eq(float).all()


def test_unknown_task_is_told_apart():
    with pytest.raises(ValueError, match="breast_cancer"):
        arms.load_task("iris-of-the-storm")


def records(gains, claims):
    """Records of 20 splits, in which the arm gains and claims the given amounts."""
    rng = np.random.default_rng(0)
    base = 0.89 + rng.normal(0, 0.03, len(gains))
    rows = []
    for i, (gain, claim) in enumerate(zip(gains, claims, strict=True)):
        common = {"split": i, "tries": 25, "kept": 3, "seconds": 20.0}
        rows.append(
            common | {"arm": "baseline", "auc": base[i], "val_start": None, "val_best": None}
        )
        rows.append(
            common
            | {"arm": "playbook/strict", "auc": base[i] + gain, "val_start": 0.9}
            | {"val_best": 0.9 + claim}
        )
    return pd.DataFrame(rows)


def test_summary_is_paired_and_says_what_survives():
    rng = np.random.default_rng(1)
    gains, claims = rng.normal(0.01, 0.01, 20), rng.normal(0.02, 0.005, 20)
    table = transfer.summarise(records(gains, claims)).set_index("arm")
    row = table.loc["playbook/strict"]
    assert row.vs_baseline == pytest.approx(gains.mean())
    low, high = sps.t.interval(0.95, 19, gains.mean(), sps.sem(gains))
    assert (row.vs_baseline_low, row.vs_baseline_high) == pytest.approx((low, high))
    # Nadeau and Bengio: 1/20 + n_test/n_train = 1/20 + 1/3
    half = sps.t.ppf(0.975, 19) * gains.std(ddof=1) * np.sqrt(1 / 20 + 1 / 3)
    assert row.vs_baseline_high_corrected - row.vs_baseline == pytest.approx(half)
    assert row.survives == pytest.approx(gains.mean() / claims.mean())
    assert row.survives_low < row.survives < row.survives_high
    assert np.isnan(table.loc["baseline"].get("vs_baseline", np.nan))
    assert "playbook/strict" in transfer.as_text(table.reset_index())
    assert "playbook/strict" in transfer.alt(table.reset_index())


def test_survival_is_silent_without_a_claim():
    table = transfer.summarise(records(np.zeros(5), np.zeros(5))).set_index("arm")
    assert "survives" not in table or np.isnan(table.loc["playbook/strict"].survives)


def test_max_features_grid_is_amlbs():
    # p=13: default 3; five below from 1 to 3 as whole numbers; above in equal steps to 13
    grid = arms.max_features_grid(13)
    assert grid[0] == 3
    assert len(grid) <= 11
    assert min(grid) == 1
    assert max(grid) == 13


def test_a_torn_line_is_dropped(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"split": 0, "arm": "a"}\n{"split": 1, "ar')
    assert transfer.read_records(path) == [{"split": 0, "arm": "a"}]
    assert path.read_text() == '{"split": 0, "arm": "a"}\n'
    assert transfer.read_records(tmp_path / "none.jsonl") == []


class FakeScorer:
    def __init__(self):
        self.calls = []

    def score(self, source):
        self.calls.append(source)
        return f"score of {source}"

    def fold_scores(self, source, seeds):
        self.calls.append((source, tuple(seeds)))
        return np.full((len(seeds), 5), float(len(source)))


def test_a_remembering_scorer_scores_nothing_twice():
    inner = FakeScorer()
    scorer = arms.Remembering(inner)
    assert scorer.score("a") == scorer.score("a") == "score of a"
    assert scorer.score_many(["a", "b"]) == ["score of a", "score of b"]
    first = scorer.fold_scores("bb", (1, 2))
    assert first.shape == (2, 5)
    scorer.fold_scores("bb", (2, 3))
    assert inner.calls == ["a", "b", ("bb", (1,)), ("bb", (2,)), ("bb", (3,))]


@pytest.mark.timeout(300)
def test_end_to_end_and_resumed(tmp_path, capsys, warm):
    """Two arms on two real splits; a second call runs only what is missing."""
    options = ["--iterations", "2", "--cores", "1", "--results", str(tmp_path)]
    options += ["--arms", "baseline", "playbook/strict"]
    assert transfer.main(["--splits", "1", *options]) == 0
    path = tmp_path / "transfer_heart_2tries.jsonl"
    first = path.read_text()
    assert transfer.main(["--splits", "2", *options]) == 0
    assert path.read_text().startswith(first)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["split"], r["arm"]) for r in lines] == [
        (i, arm) for i in range(2) for arm in ("baseline", "playbook/strict")
    ]
    assert all(0.6 < r["auc"] < 1 for r in lines)
    assert lines[1]["tries"] == 2
    assert "playbook/strict" in capsys.readouterr().out
    assert (tmp_path / "transfer_heart_2tries.png").exists()
    assert "AUC" in (tmp_path / "transfer_heart_2tries.alt.txt").read_text()


@pytest.mark.timeout(300)
def test_amlb_protocol_writes_its_columns(tmp_path, capsys, warm):
    options = ["--protocol", "amlb", "--results", str(tmp_path), "--cores", "1", "--budget", "1"]
    assert transfer.main([*options, "--arms", "constantpredictor"]) == 0
    table = pd.read_csv(tmp_path / "amlb_heart_1s_results.csv")
    assert list(table.columns) == list(transfer.AMLB_COLUMNS)
    assert list(table.fold) == list(range(10))
    assert (table.result == 0.5).all()
    assert set(table.framework) == {"constantpredictor"}
    assert set(table.constraint) == {"1s1c"}
    # of a constant prediction the log loss is the entropy of the classes
    share = 139 / 303
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert table.logloss.mean() == pytest.approx(entropy, abs=0.001)


def test_tuned_forest_tries_the_whole_grid_and_takes_its_best(monkeypatch):
    monkeypatch.setattr(arms, "FOREST", 20)
    train, new = transfer.outer_splits(HEART, "amlb", 10)[0]
    inner, (X, _) = transfer.inner_task(HEART, train), HEART.load()
    setting = arms.Setting(inner, *inner.load(), X.iloc[new], 600.0, None, 1, 0, None)
    found = arms.tuned_random_forest(setting)
    grid = arms.max_features_grid(13)
    assert found.tries == len(grid)
    assert found.model.endswith(", 20 trees")
    scores = {}
    for value in grid:  # the same search with scikit-learn's own tools
        model = RandomForestClassifier(10, max_features=value, warm_start=True, random_state=0)
        folds = []
        for tr, val in StratifiedKFold(5).split(*inner.load()):
            table, y = inner.load()
            table = table.fillna(table.median()).to_numpy()
            one = clone(model).fit(table[tr], y[tr])
            one.set_params(n_estimators=20).fit(table[tr], y[tr])
            folds.append(roc_auc_score(y[val], one.predict_proba(table[val])[:, 1]))
        scores[value] = np.mean(folds)
    assert found.val_best == pytest.approx(max(scores.values()))
    assert found.val_start == pytest.approx(scores[grid[0]])
    assert ((found.predictions >= 0) & (found.predictions <= 1)).all()


def test_tuned_forest_stops_when_its_time_is_up():
    train, new = transfer.outer_splits(HEART, "amlb", 10)[0]
    inner, (X, _) = transfer.inner_task(HEART, train), HEART.load()
    setting = arms.Setting(inner, *inner.load(), X.iloc[new], 0.01, None, 1, 0, None)
    found = arms.tuned_random_forest(setting)
    assert found.tries == 1  # one is always tried
    assert len(found.predictions) == len(new)


def test_every_rule_has_its_arm():
    assert {f"playbook/{rule}" for rule in RULES} <= set(transfer.ARMS)
    with pytest.raises(SystemExit):
        transfer.main(["--arms", "nobody"])
