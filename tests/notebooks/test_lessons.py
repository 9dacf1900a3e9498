"""Lessons are what their sources say, follow the course's form, and run from top to bottom."""

import ast
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))

import build_lessons  # noqa: E402
from wrong_answers import WRONG  # noqa: E402

# The first lesson is a show window: nothing of ours is imported, so nothing is asked or checked.
FIRST, *LESSONS = sorted(path.stem for path in (REPO / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
FORMS = {"learner": REPO / "notebooks", "solution": REPO / "notebooks" / "solutions"}
MAX_LINES = 15
# lessons that make a run of their own
WITH_TAG = ("03_ratchet_by_hand", "04_agent_loop", "06_is_it_real")
LOOP = FORMS["learner"] / "04_agent_loop.ipynb"
# What later cells read of an exercise: a rule of the learner's own, and a plan.
DECIDES_LATER = {
    ("05_luck", "exercise-2"),
    ("08_your_own_research", "exercise-2"),
    ("08_your_own_research", "exercise-3"),
}


def cells_of(lesson: str, form: str = "solution") -> list[dict]:
    return json.loads((FORMS[form] / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]


def text(cell: dict) -> str:
    return "".join(cell["source"])


def find(lesson: str, cell_id: str, form: str = "solution") -> str:
    return next(text(cell) for cell in cells_of(lesson, form) if cell["id"] == cell_id)


# -- the build --------------------------------------------------------------------------

SOURCE = """\
# %% [markdown] id="words"
# Hello

# %% id="values" tags=["parameters"]
tag = "x"

# %% id="exercise"
# <solution>
a = 1
_b, c = a, 2
d = a + 1
# </solution>
check(a, d)

# %% id="function"
def twice(x):
    # <solution>
    y = x + x
    return y
    # </solution>


check(twice)

# %% id="quiz-1" tags=["quiz"]
quiz()
"""


def test_build_makes_both_forms():
    learner, solution = (build_lessons.build(SOURCE, solutions=s) for s in (False, True))
    by_id = {cell["id"]: "".join(cell["source"]) for cell in learner["cells"]}
    assert by_id["words"] == "Hello"
    assert by_id["exercise"] == "a = ...\nd = ...\ncheck(a, d)"
    assert by_id["function"] == "def twice(x):\n    ...\n\n\ncheck(twice)"
    full = {cell["id"]: "".join(cell["source"]) for cell in solution["cells"]}
    assert full["exercise"] == "a = 1\n_b, c = a, 2\nd = a + 1\ncheck(a, d)"
    assert "return y" in full["function"]
    assert "solution>" not in json.dumps([learner, solution])
    metadata = {cell["id"]: cell["metadata"] for cell in learner["cells"]}
    assert metadata["values"] == {"tags": ["parameters"]}
    assert metadata["quiz-1"]["jupyter"] == {"source_hidden": True}
    assert all(cell["outputs"] == [] for cell in learner["cells"] if cell["cell_type"] == "code")


def test_build_is_deterministic():
    once, again = (
        build_lessons.as_bytes(build_lessons.build(SOURCE, solutions=True)) for _ in range(2)
    )
    assert once == again
    assert once.endswith(b"\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('id="values" ', ""), "needs an id"),
        (('id="values"', 'id="words"'), "needs an id"),
        (('id="values"', 'id="values" collapsed=true'), "unknown cell options"),
        (("    # </solution>\n", ""), "without"),
        (("# <solution>\na = 1", "a = 1"), "without a solution"),
    ],
)
def test_build_refuses(change, message):
    assert change[0] in SOURCE
    with pytest.raises(build_lessons.SourceError, match=message):
        build_lessons.build(SOURCE.replace(*change, 1), solutions=False)


def test_check_sees_every_kind_of_difference(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_lessons, "REPO", tmp_path)
    sources = tmp_path / "notebooks" / "src"
    sources.mkdir(parents=True)
    (sources / "01_x.py").write_text(SOURCE)
    shutil.copy(REPO / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text("# Course\n<!-- badges --><!-- /badges -->\n")
    monkeypatch.setattr(build_lessons, "wanted", lambda w=build_lessons.wanted: w(sources))
    assert build_lessons.main(["--check"]) == 1
    assert not (tmp_path / "notebooks" / "01_x.ipynb").exists()
    assert build_lessons.main([]) == 0
    assert build_lessons.main(["--check"]) == 0
    built = tmp_path / "notebooks" / "01_x.ipynb"
    built.write_bytes(built.read_bytes() + b"\n")
    assert build_lessons.main(["--check"]) == 1
    assert build_lessons.main([]) == 0
    (tmp_path / "notebooks" / "09_old.ipynb").write_text("{}")
    assert build_lessons.main(["--check"]) == 1
    assert "09_old.ipynb differs" in capsys.readouterr().err


def test_a_public_address_brings_badges_and_a_cell_for_colab(tmp_path, monkeypatch):
    monkeypatch.setattr(build_lessons, "REPO", tmp_path)
    sources = tmp_path / "notebooks" / "src"
    sources.mkdir(parents=True)
    (sources / "01_x.py").write_text(SOURCE)
    (tmp_path / "README.md").write_text("# Course\n<!-- badges --><!-- /badges -->\nmore\n")
    project = '[project]\nversion = "1.2"\n[project.urls]\nRepository = "{}"\n'
    (tmp_path / "pyproject.toml").write_text(project.format("https://github.com/me/course"))
    monkeypatch.setattr(build_lessons, "wanted", lambda w=build_lessons.wanted: w(sources))
    assert build_lessons.main([]) == 0
    assert build_lessons.main(["--check"]) == 0  # the same again
    readme = (tmp_path / "README.md").read_text()
    assert "mybinder.org/v2/gh/me/course/v1.2?urlpath=lab/tree/notebooks/00_twenty_lines" in readme
    assert readme.endswith("<!-- /badges -->\nmore\n")
    built = nbformat.read(tmp_path / "notebooks" / "solutions" / "01_x.ipynb", as_version=4)
    nbformat.validate(built)
    badges, setup = built.cells[1:3]
    assert "/blob/v1.2/notebooks/solutions/01_x.ipynb" in badges.source
    assert badges.source.count("[![Open in") == 2  # alternative texts
    assert '"v1.2", "https://github.com/me/course"' in setup.source
    assert len(setup.source.splitlines()) <= 15
    before = os.getcwd()
    exec(compile(setup.source, "setup", "exec"), {})  # not on Colab: it does nothing
    assert os.getcwd() == before
    (tmp_path / "pyproject.toml").write_text(project.format(""))
    assert build_lessons.main([]) == 0
    assert (tmp_path / "README.md").read_text() == (
        "# Course\n<!-- badges --><!-- /badges -->\nmore\n"
    )
    (tmp_path / "pyproject.toml").write_text(project.format("https://example.org/x"))
    assert build_lessons.main([]) == 1


def test_notebooks_are_built_from_their_sources():
    assert build_lessons.main(["--check"]) == 0, "run `python tools/build_lessons.py`"


# -- the form of a lesson ---------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lesson", [FIRST, *LESSONS])
def test_notebook_is_clean(lesson, form):
    notebook = json.loads((FORMS[form] / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            assert len(cell["source"]) <= MAX_LINES, f"{cell['id']}: {len(cell['source'])} lines"


@pytest.mark.parametrize("lesson", LESSONS)
def test_promise_is_met_by_takeaways(lesson):
    cells = cells_of(lesson)
    promise, takeaways = text(cells[0]), find(lesson, "takeaways")
    assert re.search(r"About \d+ minutes", promise)
    assert "**After this lesson you can**" in promise
    assert takeaways.startswith("## What you take away")
    promised = re.findall(r"^(\d)\. ", promise, flags=re.M)
    assert promised == re.findall(r"^(\d)\. ", takeaways, flags=re.M)
    assert 2 <= len(promised) <= 3, "at most three big ideas"


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_asks_before_it_tells(lesson):
    prose = "\n".join(text(cell) for cell in cells_of(lesson) if cell["cell_type"] == "markdown")
    assert prose.count("**Predict:**") >= 2
    assert len(re.findall(r"^### Exercise \d\.\d", prose, flags=re.M)) >= 2


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_exercise_has_a_solution_and_a_check(lesson):
    number = int(lesson[:2])
    prose = "\n".join(text(cell) for cell in cells_of(lesson) if cell["cell_type"] == "markdown")
    exercises = re.findall(r"^### Exercise (\d\.\d)", prose, flags=re.M)
    assert all(name.startswith(f"{number}.") for name in exercises)
    source = (REPO / "notebooks" / "src" / f"{lesson}.py").read_text(encoding="utf-8")
    assert source.count("# <solution>") >= len(exercises)
    learner = "\n".join(text(c) for c in cells_of(lesson, "learner") if c["cell_type"] == "code")
    assert learner.count("...") >= len(exercises)


@pytest.mark.parametrize("lesson", LESSONS)
def test_quiz_has_three_questions(lesson):
    quizzes = [c for c in cells_of(lesson) if "quiz" in c["metadata"].get("tags", [])]
    assert len(quizzes) == 3
    rights = re.findall(r'right="(\w)"', "".join(text(cell) for cell in quizzes))
    assert len(rights) == 3
    assert len(set(rights)) > 1, "the right choice must not always be the same letter"


@pytest.mark.parametrize("lesson", LESSONS)
def test_results_are_interpreted(lesson):
    """A figure or a table is followed by words before the next one comes."""
    cells = cells_of(lesson)
    shown = None
    for cell in cells:
        if cell["cell_type"] == "markdown":
            shown = None
        elif "plots.show(" in text(cell) or "LivePlot(" in text(cell):
            assert shown is None, f"{shown} and {cell['id']}: no words between two figures"
            shown = cell["id"]
    assert shown is None


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_figure_goes_through_show(lesson):
    code = "\n".join(text(cell) for cell in cells_of(lesson) if cell["cell_type"] == "code")
    assert "pyplot" not in code
    assert ".savefig(" not in code
    made = re.findall(r"\b(?:plots|figures)\.(\w+)\(", code)
    assert not made or "show" in made or "LivePlot" in code


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_measured_number_stands_in_prose(lesson):
    """Scores come out of cells. Guesses to choose from and definitions are no measurements."""
    for cell in cells_of(lesson):
        if cell["cell_type"] != "markdown":
            continue
        for paragraph in text(cell).split("\n\n"):
            if paragraph.startswith("**Predict:**"):
                continue
            found = set(re.findall(r"\b0\.\d{2,}\b", paragraph)) - {"0.000001", "0.999999"}
            # What was published elsewhere is quoted with its source, in a cell of its own.
            assert not found or "published" in cell["id"], f"{cell['id']}: {sorted(found)}"


def glossary() -> dict[str, str]:
    rows = (REPO / "notebooks" / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    cells = [row.split("|") for row in rows if row.startswith("| **")]
    return {cell[1].strip(" *").replace("`", "").lower(): cell[3] for cell in cells}


@pytest.mark.parametrize("lesson", LESSONS)
def test_words_of_the_glossary_are_introduced_where_it_says(lesson):
    everything = "\n".join(text(cell) for cell in cells_of(lesson)).lower().replace("\n", " ")
    for words, lessons in glossary().items():
        if lesson[:2] in lessons:
            assert words.split(",")[0].rstrip("s") in everything, f"{words}: not in {lesson}"


def test_teaching_guide_covers_every_lesson():
    guide = (REPO / "notebooks" / "TEACHING.md").read_text(encoding="utf-8")
    for lesson in LESSONS:
        part = guide.split(f"### {lesson[:2]} ·")[1].split("\n### ")[0]
        minutes = re.search(r"About (\d+) minutes", find(lesson, "title"))[1]
        assert f"{minutes} minutes" in part.splitlines()[0]
        assert part.count("*Misconception:*") == 2
        assert "*Discuss:*" in part


def expected_figures(lesson: str) -> list[str]:
    """Figures that the teacher's guide promises for a lesson."""
    guide = (REPO / "notebooks" / "TEACHING.md").read_text(encoding="utf-8")
    part = guide.split(f"### {lesson[:2]} ·")[1].split("*Misconception")[0]
    return re.findall(r"`([+-]?\d[^`]*)`", part)


def test_the_first_lesson_imports_nothing_of_ours():
    code = "\n".join(text(cell) for cell in cells_of(FIRST) if cell["cell_type"] == "code")
    nodes = list(ast.walk(ast.parse(code)))
    imported = {a.name.split(".")[0] for n in nodes if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module.split(".")[0] for n in nodes if isinstance(n, ast.ImportFrom)}
    assert imported == {"matplotlib", "numpy", "pandas", "sklearn"}
    assert code.count("read_csv(") == 1
    lines = "\n".join(find(FIRST, name) for name in ("measure", "ratchet")).splitlines()
    assert sum(map(bool, lines)) == 20


def test_set_up_is_the_same_everywhere():
    assert len({find(lesson, "setup") for lesson in LESSONS}) == 1


def test_parameters_survive_the_build():
    for form in FORMS:
        tagged = [
            cell["id"]
            for cell in cells_of("04_agent_loop", form)
            if "parameters" in cell["metadata"].get("tags", [])
        ]
        assert tagged == ["parameters"]


def test_no_machine_paths_in_lessons():
    for path in (REPO / "notebooks").rglob("*.*"):
        if path.suffix in (".ipynb", ".py", ".md") and ".ipynb_checkpoints" not in path.parts:
            assert not re.search(r"/(home|work|Users|root)/", path.read_text(encoding="utf-8"))


# -- set-up from anywhere ---------------------------------------------------------------


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/solutions"])
def test_set_up_finds_the_course(folder, monkeypatch):
    monkeypatch.chdir(REPO / folder)
    monkeypatch.setattr(sys, "path", [])
    exec(find(LESSONS[0], "setup"), {})
    assert sys.path == [str(REPO)]


def test_set_up_says_what_to_do_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="inside the course folder"):
        exec(find(LESSONS[0], "setup"), {})


# -- running them -----------------------------------------------------------------------


def papermill(source: Path, out: Path, *words: str, timeout: int = 560, person: bool = False):
    command = [sys.executable, "-m", "papermill", str(source), str(out)]
    command += ["--no-progress-bar", "--kernel", "python3", *words]
    env = {**os.environ, "AUTORESEARCH_WIDGETS": str(int(person))}
    return subprocess.run(
        command, cwd=REPO, env=env, capture_output=True, text=True, timeout=timeout
    )


@contextlib.contextmanager
def own_tag(words: str):
    """Name a run for one test alone and clear it away afterwards."""
    name = f"test-{os.getpid()}-{abs(hash(words)) % 10**6}"
    try:
        yield name
    finally:
        for path in (REPO / "runs").glob(f"{name}*"):
            shutil.rmtree(path)


@pytest.fixture
def tag(request):
    with own_tag(request.node.name) as name:
        yield name


def outputs(path: Path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


def as_text(output: dict) -> str:
    data = output.get("data", {})
    return "".join(output.get("text", "") or data.get("text/plain", ""))


def exercises(lesson: str) -> dict[str, list[str]]:
    """Cells of each exercise, by the one that a learner fills in: itself and what checks it."""
    solved = {cell["id"]: text(cell) for cell in cells_of(lesson, "solution")}
    found = {}
    for cell in cells_of(lesson, "learner"):
        if text(cell) != solved[cell["id"]]:
            unit = (cell["id"], f"{cell['id']}-check")
            found[cell["id"]] = [name for name in unit if name in solved]
    return found


def run_all_then_exercises(lesson: str) -> dict:
    """The learner's notebook from top to bottom; after that, each exercise, wrong and then right.

    That is the order in which people work: Run All first. One kernel serves both forms, and what
    follows an exercise sees what a learner leaves who did not do it: a headless run is such a one.
    """
    notebook = json.loads((FORMS["learner"] / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    solved = {cell["id"]: cell for cell in cells_of(lesson, "solution")}
    cells = list(notebook["cells"])
    for name, unit in exercises(lesson).items():
        wrong = {**solved[name], "source": WRONG[lesson[:2]][name]}
        cells += [{**cell, "id": f"{cell['id']}-wrong"} for cell in
                  [wrong, *(solved[other] for other in unit[1:])]]  # fmt: skip
        cells += [{**solved[other], "id": f"{other}-solved"} for other in unit]
    return {**notebook, "cells": cells}


def names(source: str, kind: type) -> set[str]:
    tree = list(ast.walk(ast.parse(source)))
    made = {n.name for n in tree if isinstance(n, ast.FunctionDef) and kind is ast.Store}
    return made | {n.id for n in tree if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}


def test_later_cells_follow_from_one_exercise_alone():
    """What a later cell reads of an exercise, so that both forms can share a kernel."""
    reads = set()
    for lesson in LESSONS:
        cells, units = cells_of(lesson), exercises(lesson)
        ids = [cell["id"] for cell in cells]
        for name, own in units.items():
            left = names(find(lesson, name, "learner"), ast.Store)
            for cell in cells[ids.index(name) :]:
                if cell["cell_type"] == "code" and cell["id"] not in own:
                    given = names(text(cell), ast.Load) - names(text(cell), ast.Store)
                    reads |= {(lesson, name) for _ in left & given}
    assert reads == DECIDES_LATER


@pytest.mark.parametrize("form", FORMS)
def test_the_run_of_lesson_08_follows_either_form_of_the_plan(form):
    """The notebook below goes on with the learner's dots; the solution's plan asks for as much."""
    space = {"noise_sd": 0.01}
    exec(find("08_your_own_research", "exercise-3", form), space)
    first = find("08_your_own_research", "run").splitlines()[0]
    exec(first, space)
    assert space["follow"]["rule"] == "confirm"
    assert space["follow"]["tries"] == 6


@pytest.mark.parametrize(
    ("must_go", "gone"),
    [("ward", ["ward"]), (["ward", "bp"], ["ward", "bp"]), ([], []), (..., [])],
)
def test_lesson_08_leaves_out_what_the_check_has_taken(must_go, gone):
    space = {"must_go": must_go, "table": {"age": 1, "ward": 2, "bp": 3}}
    exec(find("08_your_own_research", "gone"), space)
    assert space["gone"] == gone


def test_the_sealed_letter_is_opened_by_its_switch_alone():
    cell, opened = find("06_is_it_real", "letter"), []

    def open_and_audit(folder, scorer):
        opened.append(folder)
        return SimpleNamespace(test=SimpleNamespace(difference=None))

    space = {"audit": SimpleNamespace(open_and_audit=open_and_audit), "folder": "x", "scorer": None}
    shown: list[str] = []
    space["plots"] = SimpleNamespace(show=lambda figure, alt: shown.append(alt))
    space["audit_report"] = SimpleNamespace(
        figure=lambda found: "a figure", alt=lambda found: "words"
    )
    exec(cell, space)
    assert opened == []
    exec(cell.replace("open_the_letter = False", "open_the_letter = True"), space)
    assert opened == ["x"]
    assert shown == ["words"]  # whoever opens it sees at once what was in it


def check_executed(lesson: str, out: Path, expected: list[str]) -> None:
    """An executed lesson: verdicts in this order for each exercise, figures, no word of error."""
    found = outputs(out)
    verdicts = re.findall(r"^\S Exercise (\d\.\d): ([^.]+)\.", "\n".join(map(as_text, found)), re.M)
    numbers = list(dict.fromkeys(number for number, _ in verdicts))
    assert len(numbers) >= 2
    told = {n: [verdict for number, verdict in verdicts if number == n] for n in numbers}
    assert told == dict.fromkeys(numbers, expected)
    figures = [o for o in found if "image/png" in o.get("data", {})]
    assert figures, "a lesson without a figure"
    for figure in figures:
        assert re.search(r'<img [^>]*alt="[^"]{20,}"', "".join(figure["data"]["text/html"]))
        assert len(figure["metadata"]["image/png"]["alt"]) >= 20
    assert not [o for o in found if o["output_type"] == "error"]
    if "right" in expected:
        shown = "\n".join(map(as_text, found)) + "\n".join(
            "".join(o.get("data", {}).get("text/markdown", "")) for o in found
        )
        tables = ("".join(o.get("data", {}).get("text/html", "")) for o in found)
        shown += "\n".join(html for html in tables if 'class="dataframe neat"' in html)
        missing = [figure for figure in expected_figures(lesson) if figure not in shown]
        assert not missing, f"TEACHING.md promises {missing}"
    warnings = [as_text(o) for o in found if o.get("name") == "stderr"]
    assert not warnings, warnings


def write_both(lesson: str, folder: Path) -> Path:
    source = folder / "in.ipynb"
    source.write_text(json.dumps(run_all_then_exercises(lesson)), encoding="utf-8")
    return source


def run_and_check(lesson: str, source: Path, expected: list[str], tag: str, tmp_path: Path):
    out = tmp_path / "out.ipynb"
    words = ["-r", "tag", tag] if lesson in WITH_TAG else []
    done = papermill(source, out, *words, person=expected == BOTH)
    assert done.returncode == 0, done.stderr[-3000:]
    check_executed(lesson, out, expected)


BOTH = ["not attempted yet", "not yet", "right"]


@pytest.mark.heavy
@pytest.mark.parametrize("folder", [REPO, REPO / "notebooks"])
def test_the_first_lesson_climbs_on_patients_and_on_dice(folder, tmp_path):
    out = tmp_path / "out.ipynb"
    done = papermill(FORMS["learner"] / f"{FIRST}.ipynb", out, "--cwd", str(folder))
    assert done.returncode == 0, done.stderr[-3000:]
    shown = "\n".join(map(as_text, outputs(out)))
    climbs = re.findall(r"^(.+): from (0\.\d+) to (0\.\d+), (\d+) of 25 kept", shown, re.M)
    last = {name: float(end) - float(start) for name, start, end, _ in climbs}
    assert all(climb > 0.005 for climb in last.values())
    left = dict(re.findall(r"^(questions|dice) .*on other divisions ([+-][\d.]+)", shown, re.M))
    assert float(left["questions"]) > 0.003 > 0 > float(left["dice"])


@pytest.mark.heavy
@pytest.mark.timeout(600)
@pytest.mark.parametrize("lesson", [name for name in LESSONS if name[:2] not in ("04", "06")])
def test_lesson_runs_unsolved_and_every_solution_is_right(lesson, tag, tmp_path):
    run_and_check(lesson, write_both(lesson, tmp_path), BOTH, tag, tmp_path)


@pytest.fixture(scope="module")
def one_run(tmp_path_factory):
    """Lesson 04 for both forms, with fewer candidates than it has by itself."""
    folder = tmp_path_factory.mktemp("run")
    source, out = write_both("04_agent_loop", folder), folder / "out.ipynb"
    with own_tag("one run") as tag:
        words = ("-r", "tag", tag, "-p", "iterations", "4")
        done = papermill(source, out, *words, person=True)
        assert done.returncode == 0, done.stderr[-3000:]
        yield tag, out


@pytest.mark.heavy
@pytest.mark.timeout(900)
class TestOneRun:
    """Lesson 04 makes a run, continues it, and lesson 06 audits it: one run for three tests."""

    def test_lesson_04_runs_unsolved_and_every_solution_is_right(self, one_run):
        check_executed("04_agent_loop", one_run[1], BOTH)

    def test_loop_notebook_leaves_a_record_and_continues(self, one_run, tmp_path):
        tag, out = one_run[0], tmp_path / "out.ipynb"
        folder = REPO / "runs" / tag
        record = json.loads((folder / "notebook.json").read_text())
        assert record["status"] == "ok"
        assert record["rows"] == 5
        assert record["claim"].startswith(("Real", "Cannot tell", "Luck", "Nothing to claim"))
        assert (REPO / record["plot"]).read_bytes().startswith(b"\x89PNG")
        ledger = (folder / "results.tsv").read_text().splitlines()
        done = papermill(LOOP, out, "-r", "tag", tag, "-p", "iterations", "6")
        assert done.returncode == 0, done.stderr[-3000:]
        assert json.loads((folder / "notebook.json").read_text())["rows"] == 7
        assert (folder / "results.tsv").read_text().splitlines()[:6] == ledger
        shown = "\n".join(map(as_text, outputs(out)))
        assert "iter 1 |" in shown
        tests = {row.split("\t")[2] for row in ledger[1:]}
        assert not [value for value in tests if value != "nan" and value[:8] in shown], "test score"

    def test_lesson_06_runs_unsolved_and_every_solution_is_right(self, one_run, tmp_path):
        source = write_both("06_is_it_real", tmp_path)
        run_and_check("06_is_it_real", source, BOTH, one_run[0], tmp_path)
        audited = json.loads((REPO / "runs" / one_run[0] / "audit.json").read_text("utf-8"))
        assert audited["openings"] == [], "Run All must not open the sealed letter"


@pytest.mark.heavy
@pytest.mark.slow  # Run All, then the exercises, is above; here the forms stand alone
@pytest.mark.timeout(600)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_runs_as_it_is_given(lesson, form, tag, tmp_path):
    expected = ["right" if form == "solution" else "not attempted yet"]
    run_and_check(lesson, FORMS[form] / f"{lesson}.ipynb", expected, tag, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "tag", "007"], "-r tag 007"),
        (["-r", "tag", "x", "-p", "iteration", "5"], "unknown parameter 'iteration'"),
    ],
)
def test_loop_notebook_refuses_at_once(words, message, tmp_path):
    done = papermill(LOOP, tmp_path / "out.ipynb", *words)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (REPO / "runs" / "x").exists()


@pytest.mark.parametrize(
    ("guesses", "said"),
    [
        ([], "no guess yet"),
        ([(True, 0.8, False), (False, 0.9, False), (True, 0.5, True)], "1 of 2"),
        ([(True, 0.6, False), (True, 0.5, False)], "trust yourself more"),
        ([(False, 0.6, False), (True, float("nan"), False)], "trust yourself less"),
    ],
)
def test_lesson_08_ends_with_the_learners_calibration(guesses, said):
    """Late guesses do not count, nor does one whose sureness was not said as a probability."""
    told = []
    rows = [("a question", 1, 1, *guess) for guess in guesses]
    table = pd.DataFrame(rows, columns="question guess outcome right sure late".split())
    table["sure"] = pd.to_numeric(table["sure"])
    lesson = SimpleNamespace(markdown=told.append, neat=lambda frame: frame)
    space = {"calibration": lambda: table, "lesson": lesson}
    for cell in ("guesses", "guesses-said"):
        exec(find("08_your_own_research", cell), space)
    assert said in told[0]
