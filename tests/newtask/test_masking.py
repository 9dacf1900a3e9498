"""A masked copy says the same and names nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness import DATA
from harness.cli import main
from harness.newtask import mask
from harness.task import HEART, DataError, load_task

CLEVELAND = DATA / "heart_cleveland.csv"
SICK = ["1", "2", "3", "4"]


def test_names_and_values_are_gone_and_what_can_be_learned_stays(tmp_path):
    masked = pd.read_csv(mask(CLEVELAND, "num", SICK, tmp_path, 1))
    plain = pd.read_csv(CLEVELAND)
    assert list(masked) == [*(f"x{i}" for i in range(1, 14)), "outcome"]
    assert masked["outcome"].sum() == (plain["num"] > 0).sum()
    assert masked.isna().sum().sum() == plain.isna().sum().sum()
    assert sorted(masked.nunique()[:-1]) == sorted(plain.drop(columns="num").nunique())
    ages = sorted(plain["age"])
    assert all(sorted(masked[name]) != ages for name in masked)
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    X, y = HEART.load()
    scores = (
        cross_val_score(model, T, z, cv=5, scoring="roc_auc").mean()
        for T, z in ((X, y), (masked.drop(columns="outcome"), masked["outcome"]))
    )
    assert np.ptp(list(scores)) < 0.03  # other codes and rows: nearly the same
    again = pd.read_csv(mask(CLEVELAND, "num", SICK, tmp_path, 1))
    assert again.equals(masked)
    assert not pd.read_csv(mask(CLEVELAND, "num", SICK, tmp_path, 2)).equals(masked)


def test_a_target_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="no column 'nun'"):
        mask(CLEVELAND, "nun", [], tmp_path, 1)


def test_the_command_makes_a_task_of_it(tmp_path, capsys):
    words = ["new", "masked", "--csv", str(CLEVELAND), "--target", "num", "--mask", "--no-score"]
    words += ["--positive", *SICK, "--tasks", str(tmp_path)]
    assert main(words) == 0
    task = load_task(tmp_path / "masked")
    assert task.target == "outcome"
    for path in (tmp_path / "masked").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not [name for name in ("thalach", "oldpeak", "trestbps", "restecg") if name in text]
    assert main([*words, "--drop", "age"]) != 0
    assert "name none of them" in capsys.readouterr().err
