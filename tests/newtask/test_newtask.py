"""Tasks from CSV files: types survive into the sandbox, unfit data is refused in plain words."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from harness import REPO
from harness.cli import main
from harness.newtask import columns, starters
from harness.newtask.fitness import check_metric
from harness.newtask.newtask import new_task
from harness.scoring.probes import skill
from harness.scoring.scorer import Scorer
from harness.task import table
from harness.task.own import get_task, load_task
from harness.task.table import DataError
from harness.task.task import Task

N = 300
SLOW = pytest.mark.slow
WORDS = ["slow", "great", "broken", "support", "price", "refund", "fast", "late", "team", "app"]


def customers(n: int = N, seed: int = 0) -> pd.DataFrame:
    """A table as people have it: dates, codes, text, gaps, marks, an id, a constant."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 700, n)
    plan = rng.choice(["basic", "plus", "pro"], n)
    calls = rng.poisson(2, n)
    notes = [" ".join(rng.choice(WORDS, 6)) for _ in range(n)]
    z = -1.5 + 0.6 * calls + (plan == "basic") + [t.count("refund") for t in notes]
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(days, unit="D")
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i:05d}" for i in rng.permutation(n)],
            "signed up": start.strftime("%d/%m/%Y"),
            "plan": plan,
            "zip": [f"{i:05d}" for i in rng.integers(100, 140, n)],
            "usage": rng.gamma(2, 10, n).round(2),
            "calls": calls.astype(object),
            "note": notes,
            "country": "NL",
            "churn": np.where(rng.random(n) < 1 / (1 + np.exp(-z)), "yes", "no"),
        }
    )
    for name, share in (("usage", 0.1), ("plan", 0.05), ("note", 0.1), ("signed up", 0.03)):
        frame.loc[rng.random(n) < share, name] = np.nan
    frame.loc[rng.random(n) < 0.02, "calls"] = "?"
    return frame


@pytest.fixture
def make(tmp_path):
    """Make a task from a table."""

    def made(frame: pd.DataFrame, target: str = "churn", name: str = "mine", **choices):
        csv = tmp_path / f"{name}.csv"
        frame.to_csv(csv, index=False)
        return new_task(name, csv, target, root=tmp_path / "tasks", **choices)

    return made


# -- what is made ---------------------------------------------------------------------------


def test_folder_holds_the_data_byte_by_byte_and_the_frozen_choices(make, tmp_path):
    made = make(customers(), metric="average_precision", seed=7, n_folds=4)
    folder = tmp_path / "tasks" / "mine"
    assert sorted(p.name for p in folder.iterdir()) == [
        "data.csv", "look.html", "program.md", "task.toml", "train.py",
    ]  # fmt: skip
    raw = (tmp_path / "mine.csv").read_bytes()
    assert (folder / "data.csv").read_bytes() == raw
    task = load_task(folder)
    assert task == made.task == get_task(folder) == get_task(folder / "task.toml")
    assert task.sha256 == hashlib.sha256(raw).hexdigest()
    assert (task.kind, task.positive, task.metric) == ("binary", ("yes",), "average_precision")
    assert (task.n_folds, task.fold_seed, task.split_seed) == (4, 7, 7)
    assert dict(task.columns) == {
        "signed up": "date %d/%m/%Y",
        "plan": "category",
        "zip": "category",
        "usage": "number",
        "calls": "number",
        "note": "text",
    }
    assert get_task(task.ref).ref == str(folder)
    said = " ".join(made.warnings)
    for part in ("'customer_id' is left out", "'country' is left out", "'?' is read as missing"):
        assert part in said


def test_changed_data_is_noticed(make):
    task = make(customers()).task
    task.path.write_bytes(task.path.read_bytes() + b"\n")
    with pytest.raises(DataError, match="has changed.*ratchet new"):
        task.load()


def test_types_and_gaps_survive_the_trip_into_the_sandbox(make, warm):
    """The candidate itself looks at its columns; it crashes if one is not what it should be."""
    task = make(customers()).task
    look = """
    import numpy as np, pandas as pd
    kinds = {c: str(t).split("[")[0] for c, t in X.dtypes.items() if c in COLUMNS}
    assert kinds == {"signed up": "datetime64", "plan": "category", "zip": "category",
                     "usage": "float64", "calls": "float64", "note": "TEXT"}, kinds
    assert X["signed up"].dropna().between("2022-01-01", "2023-12-31").all()
    whole = len(X) > 30  # a probe asks for rows alone, too
    assert set(X["plan"].dropna()) == {"basic", "plus", "pro"} or not whole
    assert X["zip"].astype(str).str.fullmatch("00[0-9]{3}").all()
    assert X["note"].dropna().str.split().str.len().eq(6).all()
    assert X[["usage", "note"]].isna().any().all() or not whole, X.isna().sum()
    assert "customer_id" not in X and "churn" not in X
    """.rstrip(" ").replace("TEXT", str(table.text_dtype()))
    source = (
        (task.folder / "train.py")
        .read_text()
        .replace(
            '    """Turn the raw table into the table that the model sees."""\n',
            f"    COLUMNS = {[name for name, _ in task.columns]}\n{look}",
        )
    )
    with Scorer(task, workers=2) as scorer:
        score = scorer.score(source)
        assert score.ok, f"{score.status}\n{score.log}"
        assert score.val_auc > 0.6  # the planted signal, lost if the columns were scrambled
        plain = scorer.score((task.folder / "train.py").read_bytes())
        assert plain.val_auc == score.val_auc
        probed = scorer.probe(source, score)
        assert probed.ok, probed.status


def test_reading_is_the_same_with_semicolons_commas_and_a_mark(make, tmp_path):
    frame = customers()
    plain = make(frame).task.load()
    csv = tmp_path / "european.csv"
    csv.write_bytes(b"\xef\xbb\xbf" + frame.to_csv(index=False, sep=";", decimal=",").encode())
    task = new_task("european", csv, "churn", root=tmp_path / "tasks").task
    assert (task.csv.separator, task.csv.encoding) == (";", "utf-8-sig")
    assert dict(task.columns)["usage"] == "number 1.234,5"
    assert task.csv.cells == {"calls": {"?": ""}}
    X, y = task.load()
    pd.testing.assert_frame_equal(X, plain[0])
    assert (y == plain[1]).all()


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("multiclass", "roc_auc_ovr"), pytest.param("multiclass", "f1_macro", marks=SLOW),
     pytest.param("regression", "r2", marks=SLOW),
     ("regression", "neg_mean_absolute_error"),
     pytest.param("binary", "neg_log_loss", marks=SLOW)],
)  # fmt: skip
def test_every_kind_scores_and_is_probed(make, warm, kind, metric):
    frame = customers().drop(columns=["note", "signed up"])
    rng = np.random.default_rng(1)
    signal = pd.to_numeric(frame["calls"], errors="coerce").fillna(2) + rng.normal(0, 1, N)
    if kind == "multiclass":
        frame["churn"] = np.array(["low", "mid", "top"])[np.digitize(signal, [1.5, 3])]
    if kind == "regression":
        frame["churn"] = 1e5 * signal  # units so large that a fixed threshold would be nothing
    task = make(frame, metric=metric).task
    assert (task.kind, task.metric) == (kind, metric)
    with Scorer(task, workers=2) as scorer:
        source = (task.folder / "train.py").read_bytes()
        score = scorer.score(source)
        assert score.ok, f"{score.status}\n{score.log}"
        pairs = zip(scorer.folds(), score.predictions, strict=True)
        y = scorer.split.y_train
        found = np.mean([skill(task, y[rows.new], told) for rows, told in pairs])
        assert found > (0.02 if kind == "regression" else 0.52)
        probed = scorer.probe(source, score)
        assert probed.ok, probed.status


def test_numbers_as_classes_keep_their_order(make):
    frame = customers().drop(columns="churn").assign(grade=np.arange(N) % 12)
    task = make(frame, "grade").task
    assert task.kind == "multiclass"
    assert task.labels == tuple(map(str, range(12)))
    assert (task.load()[1] == frame["grade"]).all()


def test_rows_without_a_target_are_left_out_and_told(make):
    frame = customers()
    frame.loc[:9, "churn"] = np.nan
    made = make(frame)
    assert len(made.task.load()[1]) == N - 10
    assert "empty on 10 rows" in " ".join(made.warnings)


# -- splits ---------------------------------------------------------------------------------


def test_groups_never_part(make):
    frame = customers().assign(shop=np.random.default_rng(2).integers(0, 40, N))
    task = make(frame, groups="shop").task
    split = task.split()
    assert not set(split.X_train["shop"]) & set(split.X_test["shop"])
    for train, val in task.folds(split.X_train, split.y_train):
        shops = split.X_train["shop"]
        assert not set(shops[train]) & set(shops[val])
    assert "X.drop(columns=[*DATES, GROUPS])" in (task.folder / "train.py").read_text()


def test_time_goes_forward_and_moments_stay_whole(make, warm):
    frame = customers().dropna(subset=["signed up"])
    day = pd.to_datetime(frame["signed up"], format="%d/%m/%Y")
    frame["signed up"] = (day.dt.year * 100 + day.dt.month).astype(str) + "01"  # 24 moments
    frame["signed up"] = pd.to_datetime(frame["signed up"], format="%Y%m%d")
    task = make(frame, time="signed up").task
    split = task.split()
    assert split.X_train["signed up"].max() < split.X_test["signed up"].min()
    folds = task.folds(split.X_train, split.y_train)
    assert len(folds) == 5
    for train, val in folds:
        when = split.X_train["signed up"]
        assert when[train].max() < when[val].min()
    with Scorer(task, workers=2) as scorer:  # probes need each row once; time gives it rarely
        source = (task.folder / "train.py").read_bytes()
        assert scorer.probe(source, scorer.score(source)).ok


# -- what is refused, and what is said -------------------------------------------------------


def leak(**columns_) -> pd.DataFrame:
    return customers().assign(**columns_)


YES = customers()["churn"] == "yes"
RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("frame", "choices", "words"),
    [
        (customers().assign(churn="no"), {}, "one class.*nothing to tell apart"),
        (customers(40), {}, "40 rows are too few"),
        (leak(churn=np.where(np.arange(N) < 6, "yes", "no")), {}, "6 rows.*'churn=yes=CLASS'"),
        (customers(), {"target": "chrn"}, "no column 'chrn'.*did you mean 'churn'"),
        (pd.DataFrame(np.eye(80, 3), columns=["1.5", "-2", "0"]), {}, "first line is data.*above"),
        (customers(), {"drop": ["Usage"]}, "did you mean 'usage'"),
        (customers(), {"positive": ["Yes!"]}, "never 'Yes!'.*did you mean 'yes'"),
        (customers(), {"metric": "rmse"}, "neg_root_mean_squared_error"),
        (customers(), {"metric": "r2"}, "not for binary"),
        (customers(), {"metric": "adjusted_rand_score"}, "not for binary"),
        (customers(), {"kind": "regression"}, "not all numbers"),
        (customers(), {"groups": "plan"}, "empty on"),
        (customers(), {"groups": "zip", "time": "usage"}, "together"),
        (customers().assign(k=np.arange(N) % 6), {"groups": "k"}, "6 values"),
        (customers(), {"time": "zip"}, "neither dates nor numbers"),
        (customers(), {"types": {"plan": "number"}}, "'plan' is not all numbers"),
        (customers(), {"name": "heart"}, "cannot name a task"),
        (customers(), {"name": "../up"}, "cannot name a task"),
        (leak(copy=YES), {}, "'copy' gives the target away"),
        (leak(left=np.where(YES, "gone", "here")), {}, "'left' gives the target away"),
        (leak(left=np.where(YES, 3.25, np.nan)), {}, "gives the target away.*where it is empty"),
        (leak(score=YES + 0.3 * RNG.random(N)), {}, "'score' gives the target away.*order"),
        (leak(target2=customers()["usage"] * 3), {"target": "usage"}, "'target2' gives"),
        (pd.concat([customers(60)] * 5), {}, "copies of others.*drop the copies"),
    ],
)  # fmt: skip
def test_unfit_data_and_slips_are_refused_in_one_line(make, tmp_path, frame, choices, words):
    with pytest.raises(DataError, match=f"(?s).*{words}") as caught:
        make(frame, **choices)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tasks" / "mine").exists()
    assert not list(tmp_path.glob("tasks/.*"))  # nothing half made is left


@pytest.mark.parametrize(
    ("frame", "choices", "words"),
    [
        (customers(120), {}, "120 rows are few"),
        (pd.concat([customers(), customers().head(20)]), {}, "20 rows are copies"),
        (leak(hint=YES + 0.3 * RNG.normal(size=N)), {}, "'hint' alone nearly tells"),
        (leak(copy=YES), {"keep": ["copy"]}, "'copy' alone nearly tells"),
        (leak(row=np.arange(N)), {}, "'row' is left out"),
        (leak(patient_id=np.arange(N) % 60), {}, "--groups 'patient_id'"),
        (customers(), {}, "--time 'signed up'"),
        (leak(rare=np.where(np.arange(N) < 6, 1.5, np.nan)), {}, "'rare' is empty on 98%"),
        (leak(day=["03/04/2021", "05/06/2021"] * (N // 2)), {}, "day first.*date %m/%d/%Y"),
    ],
)  # fmt: skip
def test_doubts_are_told_and_the_task_is_made(make, frame, choices, words):
    import re

    said = make(frame, **choices).warnings
    assert any(re.search(words, line) for line in said), said
    assert not any("\n" in line for line in said)


@pytest.mark.parametrize("seed", range(5))
def test_honest_columns_raise_no_alarm(make, seed):
    """What is not a leak must not be called one."""
    frame = customers(seed=seed).drop(columns=["signed up", "country", "customer_id"])
    frame["calls"] = pd.to_numeric(frame["calls"], errors="coerce")
    said = make(frame).warnings
    assert said == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", None, "-3e4"], "number"),
        (["a", "b", "a", "b"], "category"),
        (["01234", "00501", "90210", "00501"], "category"),
        (["2024-01-31", "2024-02-29"], "date ISO8601"),
        (["2024-01-31T10:00:00Z", "2024-02-29T23:59:00+02:00"], "date ISO8601"),
        (["31.01.2024", "01.02.2024"], "date %d.%m.%Y"),
        (["12/31/2024", "01/13/2024"], "date %m/%d/%Y"),
        (["x", "x", "x"], "constant"),
        (["x", None, "x"], "category"),  # there or not is a value, too
        ([None, None], "empty"),
        ([f"{i:x}-{i * i:x}" for i in range(100)], "id"),
        ([f"the {i} words go on here" for i in range(100)], "text"),
        ([str(i) for i in range(50)], "id"),
        ([str(i * i) for i in range(50)], "number"),
    ],
)  # fmt: skip
def test_types_are_guessed(values, kind):
    text = pd.Series([v or "" for v in values], dtype=table.text_dtype(), name="x")
    assert columns.decide(text, np.arange(2, len(text) + 2)).kind == kind


@pytest.mark.parametrize(
    "name", ['say "hi"', "tab\there", "ünïcode ☃", "a.b", "back\\slash", "x]y", "#no", "{{name}}"]
)
def test_odd_column_names_survive_toml_and_python(make, name):
    frame = customers().rename(columns={"plan": name, "usage": f"{name} 2"})
    task = make(frame).task
    assert {name, f"{name} 2"} <= set(task.load()[0].columns)
    namespace: dict = {}
    exec((task.folder / "train.py").read_text(encoding="utf-8"), namespace)
    X, y = task.load()
    pipeline = namespace["build_pipeline"]()
    assert len(pipeline.fit(namespace["feature_fn"](X), y).predict(namespace["feature_fn"](X))) == N


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "binary"', 'kind = "binry"', "is none of"),
        ('metric = "roc_auc"', "", "has no 'metric'"),
        ("n_folds = 5", 'n_folds = "5"', "must be a int"),
        ("n_folds = 5", "n_fold = 5", "say 'n_folds'"),
        ('plan = "category"', 'plan = "categorical"', "use number, category"),
        ('plan = "category"', 'plam = "category"', "no column 'plam'"),
        ('plan = "category"', 'plan = "number"', "'plan' is not all numbers"),
        ("[data]", "[data", "not valid TOML"),
    ],
)  # fmt: skip
def test_damaged_toml_is_refused(make, old, new, words):
    task = make(customers()).task
    path = task.folder / "task.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(DataError, match=words):
        load_task(task.folder).load()


def test_metric_must_suit_classes():
    for metric, good in (("roc_auc", False), ("f1", False), ("roc_auc_ovr", True)):
        task = Task("x", kind="multiclass", metric=metric, labels=("a", "b", "c"))
        if good:
            check_metric(task)
        else:
            with pytest.raises(DataError, match="roc_auc_ovr"):
                check_metric(task)


def test_program_has_the_sections_of_the_course():
    """The template follows the course's own program.md, apart from what is about the task."""

    def sections(path):
        parts = path.read_text(encoding="utf-8").split("\n## ")
        return {part.partition("\n")[0]: part for part in parts}

    ours = sections(REPO / "harness" / "newtask" / "own_program.md")
    theirs = sections(REPO / "program.md")
    assert list(ours) == list(theirs)
    for name in ("Rules", "Never stop"):
        assert ours[name] == theirs[name]


def test_starter_is_tidy(make, tmp_path):
    text = (make(customers()).task.folder / "train.py").read_text()
    text = text.replace(str(tmp_path), "")
    assert max(map(len, text.splitlines())) <= starters.LINE
    assert "HYPOTHESIS = " in text


# -- the command ------------------------------------------------------------------------------


def test_command_makes_scores_and_runs(tmp_path, capsys, warm):
    customers().to_csv(tmp_path / "c.csv", index=False)
    tasks, runs = str(tmp_path / "tasks"), str(tmp_path / "runs")
    new = ["new", "mine", "--csv", str(tmp_path / "c.csv"), "--target", "churn", "--tasks", tasks]
    assert main(new) == 0
    out, err = capsys.readouterr()
    assert "start: val_auc 0." in out
    assert "'customer_id' is left out" in err
    assert main(new) == 1
    assert "exists: choose another name" in capsys.readouterr().err
    task = f"{tasks}/mine"
    assert main(["evaluate", "--task", task, "--json", "-"]) == 0
    start = json.loads(capsys.readouterr().out)
    assert (start["status"], start["probes"]) == ("ok", [])  # its own start: scored, not probed
    step = ["step", "--tag", "t", "--runs", runs]
    assert main([*step, "--task", task]) == 0
    program = tmp_path / "runs/t/workspace/program.md"
    assert "Predict whether `churn` is `yes`" in program.read_text()
    train = tmp_path / "runs/t/workspace/train.py"
    train.write_text(train.read_text().replace("max_iter=1000", "C=0.1, max_iter=1000"))
    capsys.readouterr()
    assert main(step) == 0  # the run knows its task
    assert main(["status", "--tag", "t", "--runs", runs]) == 0
    assert "val_auc is the mean roc_auc" in capsys.readouterr().out
    assert main(["status", "--tag", "t", "--runs", runs, "--task", "heart"]) == 64
    assert "not 'heart'" in capsys.readouterr().err
    assert main([*step, "--task", "heart"]) == 1
    data = tmp_path / "tasks/mine/task.toml"
    data.write_text(data.read_text().replace("n_folds = 5", "n_folds = 4"))
    assert main(step) == 1
    assert "task.toml changed" in capsys.readouterr().err
