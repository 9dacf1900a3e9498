"""Make the learner's and the solution notebook of every lesson from its one text source.

    python tools/build_lessons.py            write notebooks/*.ipynb, notebooks/solutions/*.ipynb
    python tools/build_lessons.py --check    write nothing; fail if one differs from its source

A source is `notebooks/src/NN_name.py` in jupytext's percent format. Each cell header carries an
`id`, so that ids stay the same when cells are added. In a code cell, the lines between
`# <solution>` and `# </solution>` are the solution: the solution notebook keeps them (without the
marks), the learner's notebook gets `name = ...` for each name that they assign, or a bare `...`.

Where pyproject.toml names a public repository, every notebook gets badges for Binder and Colab and
a cell that sets Colab up, and the README its badges (`tools/ways_in.py`).
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import textwrap
from pathlib import Path

import jupytext
import ways_in

REPO = Path(__file__).resolve().parent.parent
SOURCES = REPO / "notebooks" / "src"
BEGIN, END = "# <solution>", "# </solution>"
CELL_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]")
ALLOWED_METADATA = {"id", "tags", "lines_to_next_cell"}  # the last is jupytext's own
# JupyterLab, VS Code and Jupyter Book fold the source of these cells away; Run All still runs them.
FOLDED = {"quiz", "folded"}
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class SourceError(Exception):
    """A lesson's source is not what the build expects; the message says where and why."""


def blank(solution: list[str]) -> list[str]:
    """Return what a learner sees in place of the lines of one solution.

    At the left margin each assigned name stays, so that later cells can tell "not attempted" from a
    missing name. Inside a function or a loop a single `...` stands for the block.
    """
    code = textwrap.dedent("\n".join(solution))
    indent = re.match(r"\s*", next(line for line in solution if line.strip())).group()
    names: list[str] = []
    if not indent:
        for node in ast.parse(code).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            names += [t.id for t in targets if isinstance(t, ast.Name) and t.id not in names]
    return [f"{name} = ..." for name in names] or [f"{indent}..."]


def strip_solutions(source: str, *, keep: bool) -> str:
    """Take the marks out of a code cell; with `keep` false, the solutions too."""
    out: list[str] = []
    solution: list[str] | None = None
    for line in source.splitlines():
        mark = line.strip()
        if mark == BEGIN:
            if solution is not None:
                raise SourceError(f"{BEGIN} inside a solution")
            solution = []
        elif mark == END:
            if not solution:
                raise SourceError(f"{END} without a solution before it")
            out += solution if keep else blank(solution)
            solution = None
        elif solution is not None:
            solution.append(line)
        else:
            out.append(line)
    if solution is not None:
        raise SourceError(f"{BEGIN} without {END}")
    return "\n".join(out)


def build(text: str, *, solutions: bool, opening: tuple[str, str] | None = None) -> dict:
    """Return the notebook (as plain nbformat 4.5 data) that a source makes.

    Parameters
    ----------
    text : str
        A lesson in percent format.
    solutions : bool
        Whether the solutions stay in.
    opening : (str, str), optional
        Badges for below the title, and the cell that sets Colab up.

    Raises
    ------
    SourceError
        If a cell has no id, an id is used twice, or the solution marks do not pair up.
    """
    cells, seen = [], set()
    for number, cell in enumerate(jupytext.reads(text, fmt="py:percent").cells, start=1):
        where = f"cell {number} ({cell.source.splitlines()[0][:50] if cell.source else 'empty'})"
        extra = set(cell.metadata) - ALLOWED_METADATA
        if extra:
            raise SourceError(f"{where}: unknown cell options {sorted(extra)}")
        name = cell.metadata.get("id", "")
        if not CELL_ID.fullmatch(name) or name in seen:
            raise SourceError(f'{where}: needs an id of its own, in the form id="load-data"')
        seen.add(name)
        tags = list(cell.metadata.get("tags", []))
        made = {"cell_type": cell.cell_type, "id": name, "metadata": {}}
        if tags:
            made["metadata"]["tags"] = tags
        if FOLDED & set(tags):
            made["metadata"]["jupyter"] = {"source_hidden": True}
            made["metadata"]["tags"] = [*tags, "hide-input"]
        source = cell.source
        if cell.cell_type == "code":
            try:
                source = strip_solutions(source, keep=solutions)
            except SourceError as error:
                raise SourceError(f"{where}: {error}") from None
            made |= {"execution_count": None, "outputs": []}
        made["source"] = source.splitlines(keepends=True)
        cells.append(made)
    if opening is not None:
        cells[1:1] = _opening(*opening)
    return {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}


def _opening(badges: str, code: str) -> list[dict]:
    lines = {"metadata": {}, "source": badges.splitlines(keepends=True)}
    setup = {"metadata": {"tags": ["colab"]}, "source": code.splitlines(keepends=True)}
    return [
        {"cell_type": "markdown", "id": "ways-in", **lines},
        {"cell_type": "code", "id": "colab", "execution_count": None, "outputs": [], **setup},
    ]


def as_bytes(notebook: dict) -> bytes:
    """Serialise as Jupyter itself does, so that saving an untouched notebook changes nothing."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def wanted(sources: Path = SOURCES) -> dict[Path, bytes]:
    """Return every notebook that should exist, with its content."""
    files: dict[Path, bytes] = {}
    try:
        address = ways_in.read_address(REPO / "pyproject.toml")
        readme = REPO / "README.md"
        files[readme] = ways_in.with_badges(readme.read_text(encoding="utf-8"), address).encode()
    except ValueError as error:
        raise SourceError(str(error)) from None
    for path in sorted(sources.glob("[0-9][0-9]_*.py")):
        text = path.read_text(encoding="utf-8")
        for folder, solutions in ((sources.parent, False), (sources.parent / "solutions", True)):
            try:
                name = folder / f"{path.stem}.ipynb"
                opening = None
                if address:
                    shown = name.relative_to(REPO).as_posix()
                    opening = ways_in.badges(address, shown), ways_in.colab_cell(address)
                files[name] = as_bytes(build(text, solutions=solutions, opening=opening))
            except SourceError as error:
                raise SourceError(f"{path.name}, {error}") from None
    return files


def differences(files: dict[Path, bytes]) -> list[Path]:
    """Return the notebooks that are missing, out of date, or have no source any more."""
    stale = [
        path for path, data in files.items() if not path.is_file() or path.read_bytes() != data
    ]
    folders = {path.parent for path in files if path.suffix == ".ipynb"}
    orphans = [p for folder in folders for p in folder.glob("[0-9][0-9]_*.ipynb") if p not in files]
    return stale + sorted(orphans)


def main(argv: list[str] | None = None) -> int:
    """Build or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail on any difference"
    )
    args = parser.parse_args(argv)
    try:
        files = wanted()
    except SourceError as error:
        print(f"build_lessons: {error}", file=sys.stderr)
        return 1
    stale = differences(files)
    for path in stale:
        name = path.relative_to(REPO)
        if args.check:
            print(f"{name} differs from its source", file=sys.stderr)
        elif path in files:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(files[path])
            print(f"wrote {name}")
        else:
            print(f"{name} has no source in notebooks/src: delete it by hand", file=sys.stderr)
    if args.check and stale:
        print("run `python tools/build_lessons.py` and commit what it writes", file=sys.stderr)
    orphaned = any(path not in files for path in stale)
    return 1 if orphaned or (args.check and stale) else 0


if __name__ == "__main__":
    raise SystemExit(main())
