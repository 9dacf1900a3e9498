"""What can be counted in a lesson: its minutes, and the lines of plain Python in it.

    python tools/lesson_facts.py        print both for every lesson

Tests hold each lesson's stated minutes to `minutes`, and ask for at least 12 `plain_lines`.
"""

from __future__ import annotations

import ast
import json
import math
import re
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
SETUP = {"setup", "imports", "imports-ours", "colab"}
PLAIN = ("numpy", "pandas", "sklearn")
DATA = {"HEART", "split"}  # of ours, but only tables and folds come out of them
FIGURES = {"plots", "figures", "LivePlot", "plt", "display"}
# A learner who meets all this for the first time: words and lines of code read in a minute, and
# minutes for one exercise (read, try, be told, try again), one quiz question, one prediction.
WORDS, LINES = 140, 10
EXERCISE, QUESTION, PREDICTION = 5.0, 1.0, 0.5


def text(cell: dict) -> str:
    """Return the text of a cell."""
    return "".join(cell["source"])


def _shown(cell: dict) -> bool:
    """Whether a learner reads this code: it is neither folded away nor the usual set-up."""
    folded = cell["metadata"].get("jupyter", {}).get("source_hidden")
    return cell["cell_type"] == "code" and not folded and cell["id"] not in SETUP


def minutes(cells: list[dict]) -> int:
    """Return how long a lesson takes, rounded up to the next five minutes."""
    prose = "\n".join(text(cell) for cell in cells if cell["cell_type"] == "markdown")
    code = "\n".join(text(cell) for cell in cells if _shown(cell))
    lines = [line for line in code.splitlines() if line.strip(" #")]
    quizzes = sum("quiz" in cell["metadata"].get("tags", []) for cell in cells)
    exercises = len(re.findall(r"^### Exercise \d", prose, flags=re.M))
    taken = len(prose.split()) / WORDS + len(lines) / LINES + EXERCISE * exercises
    taken += QUESTION * quizzes + PREDICTION * prose.count("**Predict:**")
    return 5 * math.ceil(taken / 5)


def _imports(trees: list[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names that come from plain libraries, and those that come from the harness."""
    plain, ours = set(), set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                top = (getattr(node, "module", None) or alias.name).split(".")[0]
                name = (alias.asname or alias.name).split(".")[0]
                plain |= {name} if top in PLAIN else set()
                ours |= {name} if top == "harness" else set()
    return plain, ours - DATA


def _names(node: ast.AST, kind: type) -> set[str]:
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}
    if kind is ast.Store:
        found |= {n.name for n in ast.walk(node) if isinstance(n, ast.FunctionDef)}
    return found


def plain_lines(cells: list[dict]) -> int:
    """Count lines of plain scikit-learn, pandas or numpy that a learner can carry away.

    A statement counts if it uses one of these, or what another such statement made, and nothing
    of the course's own package but its data; imports, figures, folded cells and tests of types do
    not count.
    """
    trees = [ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", text(c))) for c in cells
             if c["cell_type"] == "code"]  # fmt: skip
    known, ours = _imports(trees)
    count = 0
    for cell in filter(_shown, cells):
        source = text(cell)
        for node in ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", source)).body:
            used = _names(node, ast.Load)
            if isinstance(node, ast.Import | ast.ImportFrom) or used & (ours | FIGURES):
                continue
            if used & known or used & DATA:
                known |= _names(node, ast.Store)
                body = source.splitlines()[node.lineno - 1 : node.end_lineno]
                count += sum(bool(line.strip(' )]}"')) and line.strip()[0] != "#" for line in body)
    return count


def main() -> None:
    """Print both figures for every lesson."""
    for path in sorted((REPO / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        stated = re.search(r"(\d+) minutes", text(cells[0]))[1]
        print(f"{path.stem:24} {minutes(cells):3} minutes (stated {stated}), "
              f"{plain_lines(cells):3} plain lines")  # fmt: skip


if __name__ == "__main__":
    main()
