"""Every lesson in a real JupyterLab, by Run All: no error, no stuck kernel, live widgets.

Takes minutes, so `make test-long` has it. With `SCREENSHOTS=folder` it leaves pictures to look at.
"""

import re
import shutil
import time
from pathlib import Path

import pytest
from labserver import open_page, running_lab, snap

REPO = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.stem for path in (REPO / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PATIENCE_S = 600

# What JupyterLab knows of the open notebook: how many code cells ran, and what went wrong.
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.widgets.filter(c => c.model.type === 'code');
  const outputs = cells.flatMap(c => c.model.outputs.toJSON().map(o => [c.model.id, o]));
  return {
    kernel: panel.sessionContext.session?.kernel?.status,
    cells: cells.length,
    done: cells.filter(c => c.model.executionCount !== null).length,
    running: cells.filter(c => c.promptNode?.textContent.includes('*')).length,
    errors: outputs.filter(([, o]) => o.output_type === 'error' || o.name === 'stderr')
                   .map(([id, o]) => id + ': ' + (o.evalue ?? o.text)),
    widgets: outputs.filter(([, o]) => 'application/vnd.jupyter.widget-view+json' in (o.data ?? {}))
                    .length,
  };
}"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Copy what a learner has, so that the notebooks here stay without outputs."""
    folder = tmp_path_factory.mktemp("course")
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("harness", "notebooks", "tests/museum", "benchmarks/results"):
        shutil.copytree(REPO / name, folder / name, ignore=skip)
    for name in ("train.py", "program.md", "pyproject.toml"):
        shutil.copy(REPO / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def address(course, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "lab.log"
    with running_lab(course, log, "--LabApp.expose_app_in_browser=True") as address:
        yield address


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(PATIENCE_S + 240)
@pytest.mark.parametrize("lesson", LESSONS)
def test_run_all(lesson, address, chromium):
    pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with open_page(chromium) as page:
        page.goto(f"{address}/lab/tree/notebooks/{lesson}.ipynb?reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
        page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'",
            timeout=120_000,
        )
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            state = page.evaluate(STATE)
            if state["errors"] or (
                state["done"] == state["cells"]
                and state["kernel"] == "idle"
                and not state["running"]
            ):
                break
            assert time.monotonic() < deadline, f"stuck: {state}"
            time.sleep(1)
        snap(page, f"lab-{lesson}")
        assert state["errors"] == []
        if not lesson.startswith("00"):  # the show window asks nothing
            assert state["widgets"] >= 3, "the quiz should be alive"
            _answer_a_question(page, lesson)


def _answer_a_question(page, lesson: str) -> None:
    """Click the first choice of the first question and read what it says."""
    page.evaluate(  # a prediction may have radio buttons, too: look into the quiz's own cell
        "() => { const c = window.jupyterapp.shell.currentWidget.content;"
        " const at = c.widgets.findIndex(w => w.model.id === 'quiz-1');"
        " c.widgets[at].node.id = 'the-quiz'; c.scrollToItem(at, 'start'); }"
    )
    quiz = page.locator("#the-quiz .widget-radio").first
    quiz.wait_for(timeout=60_000)
    quiz.locator("input[type=radio]").first.check()
    answer = page.locator("#the-quiz [role=status]").filter(has_text=re.compile("Right|Not quite"))
    answer.first.wait_for(timeout=30_000)
    snap(page, f"lab-{lesson}-quiz")


@pytest.mark.browser
@pytest.mark.timeout(PATIENCE_S + 240)
def test_the_panel_of_lesson_04_stops_and_continues(address, chromium):
    """Stop works while the cell runs, it says in one line how to go on, and Continue does."""
    with open_page(chromium) as page:
        page.goto(f"{address}/lab/tree/notebooks/04_agent_loop.ipynb?reset")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
        page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status"
            " === 'idle'",
            timeout=120_000,
        )
        page.evaluate(
            "() => { const c = window.jupyterapp.shell.currentWidget.content;"
            " c.activeCellIndex = c.widgets.findIndex(w => w.model.id === 'loop-check');"
            " window.jupyterapp.commands.execute('notebook:run-all-above'); }"
        )
        panel = page.locator(".bench").first
        state = panel.locator("[role=status]")
        panel.locator("tbody tr").nth(2).wait_for(timeout=PATIENCE_S * 1000)
        assert "any gain" in panel.inner_text() or "worse than" in panel.inner_text()
        snap(page, "panel-running")
        panel.get_by_role("button", name="Stop", exact=True).click()
        state.filter(has_text="nothing is lost").wait_for(timeout=120_000)
        snap(page, "panel-stopped")
        said = page.evaluate(STATE)
        assert said["errors"] == []
        done = panel.locator("tbody tr").count()
        panel.get_by_role("button", name="Continue", exact=True).click()
        panel.locator("tbody tr").nth(done).wait_for(timeout=120_000)
        snap(page, "panel-continued")
