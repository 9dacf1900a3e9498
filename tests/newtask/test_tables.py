"""Tables as people have them: read as their owners meant, or refused with line and field."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.newtask.newtask import new_task
from harness.task.own import load_task
from harness.task.table import DataError

CASES = Path(__file__).parent / "cases"
with open(CASES / "expected.tsv", encoding="utf-8") as table:
    EXPECTED = {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}


def start(made) -> float:
    """The score of the starting program, without a worker: these programs are ours."""
    task, space = made.task, {}
    exec((task.folder / "train.py").read_text(encoding="utf-8"), space)
    split, scores = task.split(), []
    for train, val in task.folds(split.X_train, split.y_train):
        X, y = split.X_train, split.y_train
        fitted = space["build_pipeline"]().fit(space["feature_fn"](X.iloc[train]), y[train])
        asked = space["feature_fn"](X.iloc[val])
        if task.kind == "regression":
            pred = fitted.predict(asked)[:, None]
        else:
            pred = fitted.predict_proba(asked)[:, -task.n_outputs :]
        scores.append(task.score_predictions(y[val], pred))
    return float(np.mean(scores))


# What must hold: kinds of columns, least and most of the start, words that a line has.
HOLDS = {
    "crp_plain.csv": ({"crp": "number"}, 0.90, []),
    "crp_one_censored.csv": ({"crp": "number"}, 0.90,
                             ["'crp': '<0.1' is read as 0.1, its bound .*line 59.*--cell"]),
    "crp_thousands.csv": ({"crp": "number 1,234.5"}, 0.90,
                          [r"'crp'.*'(\d),(\d{3})' is read as \1\2"]),
    "lessthan.csv": ({"crp": "number"}, 0.72, ["'crp': '<0.1' is read as 0.1"]),
    "pct.csv": ({"rate": "number 1,234.5"}, 0.86, ["'rate'.*% taken off"]),
    "euro.csv": ({"a": "number 1.234,5", "b": "number 1.234,5"}, 0.84, []),
    "euro_late.csv": ({"betrag": "number 1.234,5"}, 0, ["decimals: with a comma, as in"]),
    "none_class2.csv": ({}, 0.6, ["target 'severity': 'None' is taken as a level"]),
    "na_category.csv": ({"continent": "category"}, 0.6,
                        ["'continent': 'NA' is taken as a level, for the column has no other"]),
    "patient_noise.csv": ({}, 0, ["one value of 'patient'.*repeated measures.*--groups 'patient'"]),
    "patient_groups.csv": ({}, 0, ["--groups 'Patient'"]),
    "footnote.csv": ({"crp": "number"}, 0.9, ["line 302 is left out: a footnote"]),
    "sep_line.csv": ({"a": "number 1.234,5"}, 0.84, ["line 1 is left out: Excel's sep="]),
    "comment_head.csv": ({"a": "number"}, 0.84, ["line 1 is left out: above the header"]),
    "trailing_comma.csv": ({"a": "number", "b": "number"}, 0.84, ["'column 4' is left out"]),
    "cr_only.csv": ({"Straße": "category"}, 0.8, []),
    "row_names.csv": ({"a": "number", "b": "number"}, 0.84, ["'column 1' is left out"]),
    "y_money.csv": ({"a": "number"}, -0.1, [r"target 'price'.*'(\d),(\d{3})' is read as \1\2"]),
    "sum_leak.csv": ({}, 0.99, ["'registered' and 'casual' together nearly tell"]),
    "yes_case.csv": ({}, 0.8, ["'YES ' is read as 'YES'.*'yes' is read as 'YES'"]),
    "y_space.csv": ({}, 0.8, ["target 'y': '1 ' is read as '1'"]),
    "us_datetime.csv": ({"when": "date %m/%d/%Y %H:%M:%S"}, 0.7, []),
    "twodigit.csv": ({"datum": "date %d.%m.%y"}, 0.7, ["two digits are read as 1969 to 2068"]),
    "mixed_dates.csv": ({"date": "date ISO8601|%d/%m/%Y"}, 0.7, ["'date' holds dates in 2 forms"]),
    "cp1250.csv": ({"miasto": "category"}, 0.8, ["encoding: cp1250 .*guessed"]),
    "latin1.csv": ({"Straße": "category"}, 0.8, ["encoding: cp1252 .*guessed"]),
    "ids64.csv": ({"a": "number"}, 0, ["'customer' is left out.*identifier"]),
    "sentinel.csv": ({"glucose": "number"}, 0, ["'glucose': -999.*looks like a mark for missing"]),
    "repeated_header.csv": ({"a": "number"}, 0.84, ["line 151 is left out: the header again"]),
    "late_leak.csv": ({}, 0, ["'discharge_doctor'.*nearly tells.*by where it is empty"]),
    "quoted_newlines.csv": ({"note": "text"}, 0.5, []),
}  # fmt: skip
REFUSED = {
    "counts_rare.csv": "--kind regression",
    "inf.csv": "column 'a', line 11: 'inf'",
    "ragged_long.csv": "line 201 has 5 fields, most have 3",
    "open_quote.csv": "line 151: a quote opens",
}
NEVER = {"patient_groups.csv": "--drop", "ids64.csv": "copies", "crp_plain.csv": "."}


def made_of(file: str, tmp_path, **choices):
    target = shlex.split(EXPECTED[file]["options"])[1]
    return new_task("mine", CASES / file, target, root=tmp_path / "tasks", **choices)


def test_every_case_is_tried():
    assert {*HOLDS, *REFUSED} == {*EXPECTED}


@pytest.mark.parametrize("file", HOLDS)
def test_a_table_is_read_as_its_owner_meant(file, tmp_path):
    kinds, least, words = HOLDS[file]
    made = made_of(file, tmp_path)
    found = dict(made.task.columns)
    assert {name: found[name] for name in kinds} == kinds
    said = made.choices + made.warnings
    for word in words:
        assert any(re.search(word, line) for line in said), said
    if file in NEVER:
        assert not any(re.search(NEVER[file], line) for line in made.warnings)
    assert start(made) >= least
    assert load_task(made.task.folder) == made.task  # what was decided is frozen
    page = (made.task.folder / "look.html").read_text(encoding="utf-8")
    assert f'<th scope="row">{next(iter(found))}</th>' in page
    assert "<script" not in page


@pytest.mark.parametrize("file", REFUSED)
def test_a_damaged_table_is_refused_with_the_place(file, tmp_path):
    with pytest.raises(DataError, match=REFUSED[file]):
        made_of(file, tmp_path)
    assert not list((tmp_path / "tasks").glob("*"))


def test_what_was_meant_is_in_the_table(tmp_path):
    X, y = made_of("cp1250.csv", tmp_path / "1").task.load()
    assert {*X["miasto"]} == {"Łódź", "Kraków", "Gdańsk"}
    X, y = made_of("cr_only.csv", tmp_path / "2").task.load()
    assert "Köln" in {*X["Straße"]}
    X, y = made_of("quoted_newlines.csv", tmp_path / "3").task.load()
    assert X["note"].iloc[0] == 'line one, of 0\nline "two"\nthree bad'
    task = made_of("none_class2.csv", tmp_path / "4").task
    assert task.labels == ("Mild", "None", "Severe")
    assert np.bincount(task.load()[1]).min() > 50
    X, y = made_of("mixed_dates.csv", tmp_path / "5").task.load()
    assert X["date"].notna().all()
    assert X["date"].dt.year.eq(2023).all()
    X, y = made_of("crp_one_censored.csv", tmp_path / "6").task.load()
    assert X["crp"].iloc[57] == 0.1
    task = made_of("counts_rare.csv", tmp_path / "7", kind="regression").task
    assert task.load()[1].max() < 10
    made = made_of("patient_noise.csv", tmp_path / "8", groups="patient")
    assert start(made) < 0.60


def test_a_cell_means_what_its_owner_says(tmp_path):
    made = made_of("sentinel.csv", tmp_path, cells={"glucose": {"-999": ""}})
    assert not any("-999" in line for line in made.warnings)
    X, _ = made.task.load()
    assert X["glucose"].min() > 0
    assert X["glucose"].isna().sum() == 34
    path = made.task.folder / "task.toml"  # and may be changed there by hand
    path.write_text(path.read_text().replace('"-999" = ""', '"-999" = "100"'))
    X, _ = load_task(made.task.folder).load()
    assert X["glucose"].eq(100).sum() >= 34
    assert path in made.task.files  # what a score depends on


def new(file: str, tmp_path, *more: str) -> int:
    target = shlex.split(EXPECTED[file]["options"])
    where = ["--csv", str(CASES / file), "--tasks", str(tmp_path / "tasks")]
    return main(["new", "mine", *where, *target, *more])


def test_the_command_says_what_was_read_how(tmp_path, capsys):
    assert new("sentinel.csv", tmp_path, "--no-score", "--cell", "glucose=-999=") == 0
    assert '"-999" = ""' in (tmp_path / "tasks/mine/task.toml").read_text()
    assert new("latin1.csv", tmp_path / "2", "--no-score") == 0
    assert "encoding: cp1252" in capsys.readouterr().out
    assert new("ragged_long.csv", tmp_path / "3") == 1
    said = capsys.readouterr().err
    assert "line 201 has 5 fields" in said
    assert said.count("\n") == 1


def test_what_a_start_that_is_too_good_says(tmp_path, capsys, warm):
    assert new("sum_leak.csv", tmp_path) == 0
    said = capsys.readouterr().err
    assert "'registered' and 'casual' together nearly tell the target" in said
    assert "the start is nearly perfect" in said


def test_levels_and_ranges_come_from_training_rows_alone(tmp_path):
    """A value that only a sealed row has stands in no text that an agent reads."""
    made = made_of("crp_plain.csv", tmp_path / "1")
    X, _ = made.task.load()
    _, sealed = made.task._split_positions(X, made.task.load()[1])
    lines = (CASES / "crp_plain.csv").read_text().splitlines()
    cells = lines[1 + int(sealed[0])].split(",")
    lines[1 + int(sealed[0])] = ",".join(["54321", *cells[1:]])
    (tmp_path / "t.csv").write_text("\n".join(lines))
    made = new_task("mine", tmp_path / "t.csv", "y", root=tmp_path / "2")
    for file in ("program.md", "train.py", "look.html"):
        assert "54321" not in (made.task.folder / file).read_text()
