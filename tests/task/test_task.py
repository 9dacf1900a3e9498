"""The frozen task: counts, checksum, split, folds, metric."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import get_scorer, roc_auc_score

from harness.task.table import DataError
from harness.task.task import COLUMNS, HEART, HUNGARY, N_FEATURES, N_POSITIVE, N_ROWS, Task


def test_heart_is_what_it_says():
    X, y = HEART.load()
    assert X.shape == (N_ROWS, N_FEATURES)
    assert list(X.columns) == list(COLUMNS)
    assert int(y.sum()) == N_POSITIVE
    assert (X.dtypes == np.float64).all()
    missing = X.isna().sum()
    assert missing[missing > 0].to_dict() == {"ca": 4, "thal": 2}


def test_hungary_has_the_same_columns_and_is_another_file():
    X, y = HUNGARY.load()
    assert list(X.columns) == list(COLUMNS)
    assert len(X) == 294
    assert 0 < y.mean() < 1


def test_split_and_folds_are_frozen():
    split = HEART.split()
    assert (len(split.X_train), len(split.X_test)) == (242, 61)
    again = HEART.split()
    assert split.X_train.equals(again.X_train)
    folds = HEART.folds(split.X_train, split.y_train)
    assert sorted(np.concatenate([val for _, val in folds])) == list(range(242))
    for train, val in folds:
        assert not set(train) & set(val)
    fresh = HEART.folds(split.X_train, split.y_train, seed=1)
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(folds, fresh, strict=True))


@pytest.mark.parametrize("change", ["missing", "changed"])
def test_a_missing_or_changed_file_is_a_clear_error(tmp_path, change):
    path = tmp_path / "heart.csv"
    if change == "changed":
        path.write_bytes(HEART.path.read_bytes().replace(b"63,1", b"64,1", 1))
    with pytest.raises(DataError, match="restore it") as caught:
        replace(HEART, path=path).load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "metric",
    ["roc_auc", "average_precision", "accuracy", "f1", "balanced_accuracy", "neg_log_loss"],
)
def test_any_scikit_learn_scorer_judges_numbers_as_it_judges_a_model(metric):
    from sklearn.linear_model import LogisticRegression

    X, y = HEART.load()
    X = X.fillna(X.median())
    model = LogisticRegression(max_iter=5000).fit(X, y)
    task = replace(HEART, metric=metric)
    wanted = get_scorer(metric)(model, X, y)
    proba = model.predict_proba(X)[:, [1]]
    assert task.score_predictions(y, proba, 0.5) == pytest.approx(wanted)
    decision = model.decision_function(X)[:, None]
    assert task.score_predictions(y, decision, 0.0) == pytest.approx(wanted)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(-1e9, 1e9).map(lambda v: round(v, 3))), min_size=2)
)
def test_auc_is_scikit_learns(pairs):
    y = np.array([int(a) for a, _ in pairs])
    p = np.array([b for _, b in pairs])
    if len(set(y)) < 2:
        with pytest.raises(ValueError, match="one class"):
            HEART.score_predictions(y, p[:, None])
    else:
        wanted = roc_auc_score(y, p)
        assert HEART.score_predictions(y, p[:, None]) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("sizes", "ways"), [([40] * 5, 0), ([8] * 24, 5)])
def test_fresh_seeds_deal_groups_as_no_other_seed_does(sizes, ways):
    import pandas as pd

    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(len(sizes)), sizes)
    X = pd.DataFrame({"a": rng.random(len(who)), "who": who})
    y = rng.integers(0, 2, len(who))
    task = Task.from_frames("g", X, y, groups="who", test_size=0, fold_seed=101)
    seeds = task.fresh_seeds((101, 102, 103, 104, 105))
    assert len(seeds) == ways  # five groups make five folds in one way
    dealt = [frozenset(tuple(new) for _, new in task.folds(X, y, seed)) for seed in (None, *seeds)]
    assert len(set(dealt)) == len(dealt)


def test_groups_are_never_shared_and_time_runs_forward():
    import pandas as pd

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.random(120), "who": np.repeat(np.arange(30), 4), "when": range(120)})
    y = rng.integers(0, 2, 120)
    grouped = Task.from_frames("g", X, y, groups="who")
    split = grouped.split()
    assert not set(split.X_train.who) & set(split.X_test.who)
    for train, val in grouped.folds(split.X_train, split.y_train):
        assert not set(split.X_train.who.iloc[train]) & set(split.X_train.who.iloc[val])
    timed = Task.from_frames("t", X.sample(frac=1, random_state=0), y, time="when")
    split = timed.split()
    assert split.X_train.when.max() < split.X_test.when.min()
    for train, val in timed.folds(split.X_train, split.y_train):
        assert split.X_train.when.iloc[train].max() < split.X_train.when.iloc[val].min()


@pytest.mark.parametrize("seed", range(6))
def test_groups_seal_about_a_fifth_of_the_rows(seed):
    """Groups of very unlike sizes: whole ones are sealed, and not two thirds of the rows."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(30), rng.integers(1, 12, 30) ** 2)
    y = rng.integers(0, 2, len(groups))
    X = pd.DataFrame({"x": rng.normal(size=len(groups)), "g": groups})
    task = Task.from_frames("groups", X, y, groups="g", split_seed=seed)
    split = task.split()
    assert abs(len(split.y_test) / len(y) - 0.2) < 0.06
    assert not {*split.X_train.g} & {*split.X_test.g}
    again = task.split()
    assert again.X_test.equals(split.X_test)


def test_one_group_that_holds_most_rows_is_not_sealed():
    groups = np.r_[np.zeros(680), np.arange(1, 321) // 8 + 1]
    X = pd.DataFrame({"x": np.arange(1000.0), "g": groups})
    task = Task.from_frames("one", X, np.arange(1000) % 2, groups="g")
    assert 150 <= len(task.split().y_test) <= 250
