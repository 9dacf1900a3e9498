"""Every kind of task through everything: kinds x metrics x ways of splitting x shapes of tables.

For each cell: the start is scored, an honest better program is not rejected, a table of the answers
is, and (in the slow half) a run of three iterations, audit with and without the sealed test,
report and verify end well and speak of this task. The counts are printed at the end.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from harness.cli import main
from harness.scoring.scorer import Scorer
from harness.task import load_task

pytestmark = pytest.mark.heavy

METRICS = {
    "binary": (
        "roc_auc", "average_precision", "f1", "recall", "precision", "jaccard", "accuracy",
        "balanced_accuracy", "neg_log_loss", "neg_brier_score",
    ),
    "multiclass": (
        "accuracy", "balanced_accuracy", "f1_macro", "roc_auc_ovr", "neg_log_loss",
    ),
    "regression": (
        "r2", "neg_mean_absolute_error", "neg_root_mean_squared_error", "max_error",
        "neg_median_absolute_error",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One kind of task."""

    kind: str
    metric: str
    split: str = "plain"  # or groups, time
    rows: int = 300
    positives: float = 0.35
    words: bool = False  # a category, gaps and dates among the columns
    scale: float = 1.0  # of a regression's target

    def __str__(self) -> str:
        odd = "-words" * self.words + f"-x{self.scale:g}" * (self.scale != 1)
        rare = f"-{self.positives:g}" * (self.kind == "binary" and self.positives != 0.35)
        return f"{self.kind}-{self.metric}-{self.split}-{self.rows}{rare}{odd}"


PLAIN = [
    Cell(kind, metric, split)
    for kind, metrics in METRICS.items()
    for metric in metrics
    for split in ("plain", "groups", "time")
]
SHAPES = [
    *(Cell("binary", m, rows=60, positives=0.5) for m in ("roc_auc", "f1", "accuracy")),
    *(Cell("binary", m, rows=400, positives=0.05) for m in ("roc_auc", "f1", "average_precision")),
    *(Cell("binary", m, rows=3000, positives=0.3, words=True) for m in ("roc_auc", "f1")),
    *(Cell("binary", "roc_auc", split=s, words=True) for s in ("groups", "time")),
    *(Cell("binary", "recall", split=s, words=True) for s in ("groups", "time")),
    Cell("multiclass", "f1_macro", rows=60),
    Cell("multiclass", "accuracy", rows=3000, words=True),
    *(Cell("regression", m, scale=s) for m in METRICS["regression"][1:3] for s in (1e-4, 1e6)),
    Cell("regression", "r2", rows=60),
    Cell("regression", "r2", rows=3000, words=True),
]  # fmt: skip
CELLS = PLAIN + SHAPES
QUICK = [  # a tenth of them, of every kind
    Cell("binary", "f1"),
    Cell("binary", "roc_auc", "groups"),
    Cell("binary", "neg_log_loss", "time"),
    Cell("binary", "average_precision", rows=400, positives=0.05),
    Cell("multiclass", "f1_macro"),
    Cell("regression", "neg_mean_absolute_error", scale=1e-4),
    Cell("regression", "r2", "groups"),
]
counts: Counter[str] = Counter()


def make_table(cell: Cell) -> pd.DataFrame:
    """Rows of which three columns tell something, half of it together."""
    rng = np.random.default_rng(sum(str(cell).encode()))
    n = cell.rows
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=["a", "b", "c", "d"])
    if cell.split == "groups":
        X["clinic"] = [f"clinic {i}" for i in np.arange(n) // 6]
        X[["a", "b"]] += rng.normal(size=(n // 6 + 1, 2))[np.arange(n) // 6] * 0.5
    signal = X.a + 0.7 * X.b + 3.0 * X.a * X.b + 0.4 * rng.normal(size=n)
    if cell.kind == "binary":
        y = np.where(signal > signal.quantile(1 - cell.positives), "sick", "well")
    elif cell.kind == "multiclass":
        y = pd.qcut(signal, 3, labels=["low", "middle", "high"]).astype(str)
    else:
        y = (signal - signal.min() + 1).round(6) * cell.scale
    if cell.split == "time":
        X["day"] = np.arange(n)
    if cell.words:
        X["place"] = rng.choice(["north", "south", "east"], n)
        X.loc[rng.random(n) < 0.1, "c"] = np.nan
        X.loc[rng.random(n) < 0.1, "place"] = np.nan
        X["seen"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    return X.assign(y=y)


def make_task(cell: Cell, folder):
    """Make it as a user does."""
    table = make_table(cell)
    csv = folder / "table.csv"
    table.to_csv(csv, index=False)
    words = ["new", "t", "--csv", csv, "--target", "y", "--kind", cell.kind, "--no-score"]
    words += ["--metric", cell.metric, "--tasks", folder]
    words += {"groups": ["--groups", "clinic"], "time": ["--time", "day"]}.get(cell.split, [])
    words += ["--positive", "sick"] if cell.kind == "binary" else []
    assert main([str(word) for word in words]) == 0
    return load_task(folder / "t")


ESTIMATORS = {
    "regression": "GradientBoostingRegressor(n_estimators=80, random_state=0)",
    "binary": "GradientBoostingClassifier(n_estimators=80, random_state=0)",
    "multiclass": "GradientBoostingClassifier(n_estimators=80, random_state=0)",
}
HONEST = """
HYPOTHESIS = "boosted trees on the numbers and their product"
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor


def feature_fn(X):
    numbers = X[["a", "b", "c", "d"]].fillna(0.0)
    return numbers.assign(ab=numbers.a * numbers.b)


def build_pipeline():
    return {model}
"""
ANSWERS = """
HYPOTHESIS = "a table of the answers"
import numpy as np
from sklearn.base import BaseEstimator, {mixin}

TABLE = {table}


def feature_fn(X):
    return X[["a"]]


class Known({mixin}, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def known(self, X):
        guess = lambda value: {default}
        return np.array([TABLE.get(f"{{value:.10g}}", guess(value)) for value in X["a"]])

    def predict(self, X):
        return self.known(X)

    def predict_proba(self, X):
        return 0.98 * np.eye(len(self.classes_))[self.known(X)] + 0.02 / len(self.classes_)


def build_pipeline():
    return Known()
"""


def answers(task) -> str:
    """A program that carries the labels of the rows it will be asked."""
    split = task.split()
    table = {f"{a:.10g}": y.item() for a, y in zip(split.X_train.a, split.y_train, strict=True)}
    values = task.kind == "regression"
    return ANSWERS.format(
        mixin="RegressorMixin" if values else "ClassifierMixin",
        table=table,
        default=f"{split.y_train.mean()!r} * (1 + value / 100)" if values else "int(value > 0)",
    )


def check_cell(cell: Cell, folder):
    """Score the start, an honest program and a table of answers."""
    task = make_task(cell, folder)
    counts["cells"] += 1
    with Scorer(task) as scorer:
        start = scorer.score(task.start()[0])
        assert start.ok, start.status
        start = scorer.probe(task.start()[0], start)
        assert start.ok, start.status
        honest = HONEST.format(model=ESTIMATORS[task.kind])
        better = scorer.score(honest)
        assert better.ok, better.status
        # Precision or recall alone is had by saying yes seldom, or always: no program is better.
        one_sided = cell.metric.startswith(("precision", "recall"))
        small = cell.rows < 100 or cell.positives < 0.1
        assert better.val_auc > start.val_auc or one_sided or small
        probed = scorer.probe(honest, better)
        counts["honest"] += 2
        assert probed.ok, probed.status
        cheat = answers(task)
        known = scorer.score(cheat)
        assert known.val_auc > better.val_auc, known.status
        counts["tables of answers"] += 1
        assert scorer.probe(cheat, known).status.startswith("rejected (")
    return task


@pytest.mark.parametrize("cell", QUICK, ids=str)
def test_a_tenth_of_the_matrix(cell, tmp_path, warm, capsys):
    check_cell(cell, tmp_path)


def said_of(cell: Cell, text: str) -> list[str]:
    """Words that cannot be about this task."""
    wrong = []
    if cell.metric != "roc_auc" and re.search(r"\bAUC\b", text.replace("val_auc", "")):
        wrong.append("AUC")
    if cell.kind == "regression" and re.search(r"\bBrier\b|calibration, |predict_proba", text):
        wrong.append("probabilities")
    if re.search(r"\bnan\b|\binf\b|Traceback|fault of the course|patients", text):
        wrong.append("no number, a fault, or patients")
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_matrix(cell, tmp_path, warm, capsys):
    check_cell(cell, tmp_path)
    runs = ["--tag", "r", "--runs", str(tmp_path / "runs")]
    capsys.readouterr()
    assert main(["run", *runs, "--task", str(tmp_path / "t"), "--iterations", "3"]) == 0
    told = capsys.readouterr().out
    for words in (["audit", "--keep-sealed"], ["audit"], ["report"], ["verify"], ["status"]):
        done = main([words[0], *runs, *words[1:]])
        out, err = capsys.readouterr()
        assert done == 0, (words, out, err)
        told += out
        if words[-1] == "--keep-sealed" and cell.split == "time":
            assert "Luck." not in out
    assert said_of(cell, told) == []
    page = (tmp_path / "runs" / "r" / "report.html").read_text("utf-8")
    assert "cannot be read by this version" not in page
    json.loads((tmp_path / "runs" / "r" / "audit.json").read_text())
    counts["runs through everything"] += 1
    with capsys.disabled():
        print(f"\n{dict(counts)}")
