"""What a lesson says of itself is counted: its minutes, and code that a learner can carry away."""

import json
import re
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))

from lesson_facts import minutes, plain_lines  # noqa: E402

LESSONS = sorted(path.stem for path in (REPO / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
LONGEST = 50  # minutes
PLAIN_LINES = 12
IMPORTS = "import numpy as np\nfrom harness import plots\nfrom harness.scoring import Scorer"


def cell(source: str, kind: str = "code", id: str = "some", **metadata) -> dict:
    return {"cell_type": kind, "id": id, "metadata": metadata, "source": [source]}


def words(source: str) -> dict:
    return cell(source, "markdown")


@pytest.mark.parametrize("lesson", LESSONS)
def test_minutes_are_those_of_the_text(lesson):
    cells = json.loads((REPO / "notebooks" / f"{lesson}.ipynb").read_text("utf-8"))["cells"]
    stated = int(re.search(r"About (\d+) minutes", "".join(cells[0]["source"]))[1])
    assert stated == minutes(cells) <= LONGEST


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_plain_code(lesson):
    cells = json.loads((REPO / "notebooks" / f"{lesson}.ipynb").read_text("utf-8"))["cells"]
    assert plain_lines(cells) >= PLAIN_LINES


def test_minutes_count_what_takes_time():
    assert minutes([words("word " * 130)]) == 5
    assert minutes([words("word " * 750)]) == 10
    more = [words("### Exercise 1.1: x\n\n**Predict:** y"), cell("x = 1\n" * 40)]
    assert minutes([words("word " * 130), *more]) == 15
    folded = cell("x = 1\n" * 400, jupyter={"source_hidden": True})
    assert minutes([words("word " * 130), folded, cell("x = 1\n" * 400, id="setup")]) == 5


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = np.mean([1, 2])\ny = x + 1", 2),
        ("# a comment\nx = np.mean(\n    [1, 2]\n)", 2),
        ("def f(a):\n    # why\n    b = np.sort(a)\n    return b", 3),
        ("y = 1 + 2", 0),
        ("import pandas as pd", 0),
        ("fig = plots.bars(np.ones(3))", 0),
        ("s = Scorer().score(np.ones(3))", 0),
    ],
)
def test_plain_lines_are_plain(source, lines):
    assert plain_lines([cell(IMPORTS, id="imports"), cell(source)]) == lines
    assert plain_lines([cell(IMPORTS), cell(source, jupyter={"source_hidden": True})]) == 0
