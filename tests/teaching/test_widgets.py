"""The workbench: its logic, its widgets without a browser, and all of it in a real JupyterLab."""

import ast
import re
import time
from pathlib import Path

import pytest
from labserver import open_page, running_lab, snap

from harness import RunError
from harness.agents import View
from harness.agents.errors import AgentDone, AgentMissing, NoChange
from harness.agents.human import Human
from harness.candidate import hypothesis_of
from harness.run.ratchet import Run
from harness.teaching import lesson, widgets

REPO = Path(__file__).resolve().parents[2]
START = (REPO / "train.py").read_text(encoding="utf-8")
BETTER = START.replace("C=1.0", "C=0.1")
WORSE = START.replace("C=1.0", "C=10.0")
ENDLESS = START.replace("    return X", "    import time\n    time.sleep(60)\n    return X")
LOUD_CRASH = START.replace(
    "    return X", "    print('look here')\n    raise ValueError('no luck')"
)

# -- the hypothesis line ----------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        START,
        START.replace("HYPOTHESIS", "HYPOTHESIS: str", 1),
        re.sub(r"(?m)^HYPOTHESIS = .*$", 'HYPOTHESIS = (\n    "a"\n    "b"\n)', START),
        START.replace("HYPOTHESIS =", "# no"),
        "",
    ],
)
def test_hypothesis_goes_into_the_program(source):
    text = widgets.with_hypothesis(source, 'it\'s "better" \\ now')
    assert hypothesis_of(text) == 'it\'s "better" \\ now'
    assert text.count("HYPOTHESIS") == max(source.count("HYPOTHESIS"), 1)


def test_hypothesis_goes_into_a_broken_program_too():
    text = widgets.with_hypothesis(START + "\n(", "why")
    assert "HYPOTHESIS = 'why'" in text
    with pytest.raises(SyntaxError):
        ast.parse(text)


@pytest.mark.parametrize("words", ["", "  ", "x" * 201, "a\nb"])
def test_hypothesis_must_be_one_line(words):
    with pytest.raises(ValueError, match="hypothesis"):
        widgets.with_hypothesis(START, words)


# -- the bench, with the real harness ---------------------------------------------------


@pytest.fixture
def scorer(heart):
    return heart


@pytest.fixture
def bench(scorer, tmp_path):
    with Run.open("bench", root=tmp_path, agent="human", rule="strict", scorer=scorer) as run:
        yield widgets.Bench(run)


def press_run(bench, source, hypothesis="an idea", cancel_after=None):
    turns = []
    bench.start(source, hypothesis, turns.append)
    if cancel_after is not None:
        time.sleep(cancel_after)
        bench.cancel()
    bench.wait(60)
    assert not bench.busy
    (turn,) = turns
    return turn


def test_bench_keeps_and_discards(bench):
    turn = press_run(bench, BETTER, "a stronger penalty")
    assert turn.label == "KEPT"
    assert "KEPT" in turn.message
    assert "better, and this rule keeps any gain)" in turn.message
    assert "+        LogisticRegression(C=0.1" in turn.difference
    assert bench.run.ledger.rows[-1].hypothesis == "a stronger penalty"
    turn = press_run(bench, WORSE)
    assert turn.label == "DISCARDED"
    assert bench.best.count("C=0.1") == 1
    assert len(bench.run.ledger.rows) == 3
    assert bench.source_of(2).count("C=10.0") == 1


def test_bench_shows_why_a_candidate_failed(bench):
    turn = press_run(bench, LOUD_CRASH)
    assert turn.label == "CRASHED"
    assert "ValueError: no luck" in turn.message
    assert "look here" in turn.printed
    turn = press_run(bench, START + "\n(")
    assert turn.label == "CRASHED"
    assert "SyntaxError" in turn.message


def test_bench_refuses_what_was_tried(bench):
    press_run(bench, WORSE)
    turn = press_run(bench, WORSE, "the same with other words")
    assert turn.label == "REJECTED"
    assert "duplicate of iteration 1" in turn.message


def test_bench_cancels_and_goes_on(bench):
    before = len(bench.run.ledger.rows)
    began = time.monotonic()
    turn = press_run(bench, ENDLESS, cancel_after=1.0)
    assert turn.label == "CANCELLED"
    assert time.monotonic() - began < 20
    assert len(bench.run.ledger.rows) == before
    assert press_run(bench, BETTER).label == "KEPT"


def test_a_cancel_that_comes_too_late_hits_nothing(bench):
    bench.cancel()
    bench.run.scorer.cancel()  # as if the last fold had ended in the same moment
    assert press_run(bench, BETTER).label == "KEPT"


def test_bench_takes_one_at_a_time(bench):
    bench.start(ENDLESS, "slow", lambda turn: None)
    with pytest.raises(ValueError, match="being scored"):
        bench.start(BETTER, "too early", lambda turn: None)
    bench.cancel()
    bench.wait(60)


@pytest.mark.parametrize("error", [RunError("disk full: free some space"), KeyError("odd")])
def test_bench_never_swallows_an_error(bench, error, monkeypatch):
    def fail(proposal):
        raise error

    monkeypatch.setattr(bench.run, "step", fail)
    turn = press_run(bench, BETTER)
    assert turn.label == "ERROR"
    assert str(error) in turn.message


def test_undo_goes_back_step_by_step(bench):
    for text in ("one", "two", "two", "three"):
        bench.remember(text)
    assert bench.undo("three") == "two"
    assert bench.undo("two") == "one"
    assert bench.undo("one") == START
    assert bench.undo("changed by hand") == START


# -- the widgets, without a browser -----------------------------------------------------


@pytest.fixture
def panel(bench):
    return widgets.Panel(bench)


def test_panel_runs_and_shows(panel):
    panel.code.value = BETTER
    assert "C=0.1" in panel.difference.value
    panel.hypothesis.value = "a stronger <penalty>"
    panel.run.click()
    assert panel.run.disabled
    assert not panel.cancel.disabled
    panel.bench.wait(60)
    assert "KEPT" in panel.verdict.value
    assert "&lt;penalty&gt;" in panel.verdict.value
    assert not panel.run.disabled
    assert panel.cancel.disabled
    assert "a stronger" in panel.log.value
    assert "kept" in panel.ledger.value
    assert [label for label, _ in panel.history.options][-1].startswith("1: kept")
    assert "test_auc" not in panel.ledger.value
    assert 'alt="Staircase of val_auc over 1 iterations' in panel.stairs.value


def test_panel_shows_errors(panel):
    panel.run.click()
    assert "ERROR" in panel.verdict.value
    assert "hypothesis" in panel.verdict.value
    assert not panel.run.disabled
    panel.hypothesis.value = "it prints and fails"
    panel.code.value = LOUD_CRASH
    panel.run.click()
    panel.bench.wait(60)
    assert "CRASHED" in panel.verdict.value
    assert "look here" in panel.verdict.value


def test_panel_undo_reset_and_history(panel):
    panel.code.value = WORSE
    panel.hypothesis.value = "weaker"
    panel.run.click()
    panel.bench.wait(60)
    panel.reset.click()
    assert panel.code.value == START
    panel.undo.click()
    assert panel.code.value == WORSE
    panel.reset.click()
    panel.history.value = 1
    assert "C=10.0" in panel.code.value
    assert panel.hypothesis.value == "weaker"


def test_panel_cancels(panel):
    panel.code.value, panel.hypothesis.value = ENDLESS, "slow"
    panel.run.click()
    time.sleep(0.8)
    panel.cancel.click()
    panel.bench.wait(60)
    assert "CANCELLED" in panel.verdict.value
    assert not panel.run.disabled


def test_workbench_without_a_person(bench, monkeypatch, capsys):
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "0")
    assert widgets.workbench(bench.run) is None
    assert "run.step(Proposal(source))" in capsys.readouterr().out


def test_workbench_with_a_person(bench, monkeypatch):
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "1")
    assert widgets.workbench(bench.run).children


def test_nobody_is_here(monkeypatch):
    monkeypatch.delenv("AUTORESEARCH_WIDGETS", raising=False)
    assert not lesson.interactive()


# -- the human agent, from a terminal ---------------------------------------------------


def view_of(folder, **changes):
    values = {
        "program": "",
        "best_source": START,
        "best_val_auc": 0.896,
        "best_iteration": 0,
        "history": (),
        "last_failure": None,
        "iteration": 1,
        "seed": 0,
        "workspace": folder,
    }
    return View(**{**values, **changes})


def test_human_edits_a_file(tmp_path):
    asked = []

    def person(words):
        asked.append(words)
        (tmp_path / "train.py").write_text(BETTER)
        return "\n"

    agent = Human(ask=person)
    proposal = agent.propose(view_of(tmp_path, last_failure="crashed (odd)\nmore"))
    assert proposal.source == BETTER
    assert "crashed (odd)" in asked[0]
    assert str(tmp_path / "train.py") in asked[0]
    agent.close()


def test_human_can_stop_change_nothing_or_be_away(tmp_path):
    (tmp_path / "train.py").write_text(START)

    def away(words):
        raise EOFError

    with pytest.raises(AgentDone):
        Human(ask=lambda words: "q\n").propose(view_of(tmp_path))
    with pytest.raises(NoChange):
        Human(ask=lambda words: "\n").propose(view_of(tmp_path))
    with pytest.raises(AgentMissing):
        Human(ask=away).propose(view_of(tmp_path))
    with pytest.raises(AgentMissing):
        Human(ask=lambda words: "\n").propose(view_of(None))


# -- a real JupyterLab in a real browser ------------------------------------------------

BENCH_CELLS = """\
import sys
sys.path.insert(0, {repo!r})
from harness.teaching import lesson
from harness.teaching import widgets
from harness.run.ratchet import Run
run = Run.open("browser", root=r"{root}", agent="human")
widgets.workbench(run)"""


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab on an empty folder; give its address and the folder."""
    folder = tmp_path / "lab"
    folder.mkdir()
    with running_lab(folder, tmp_path / "lab.log") as address:
        yield address, folder


@pytest.fixture
def page(chromium):
    """Open a page in headless Chromium."""
    pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with open_page(chromium) as page:
        yield page
        snap(page, "bench-end")


@pytest.mark.browser
@pytest.mark.timeout(280)
def test_workbench_in_a_browser(lab, page, tmp_path):
    """Edit, run, KEPT; edit, run, DISCARDED; cancel; an error shown; undo."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    address, folder = lab
    cells = [new_code_cell(BENCH_CELLS.format(repo=str(REPO), root=str(tmp_path)))]
    book = new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, folder / "bench.ipynb")
    page.goto(f"{address}/lab/tree/bench.ipynb?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=90_000)
    # A cell that is run before the kernel is ready is quietly forgotten.
    page.get_by_text(re.compile(r"\| Idle")).first.wait_for(timeout=90_000)
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    bench = page.locator(".bench").first
    bench.wait_for(timeout=120_000)
    code = bench.locator(".bench-code textarea")
    idea = bench.locator("input[placeholder='why should this help?']")
    verdict = bench.locator("[role=status]")

    def press(name):
        bench.get_by_role("button", name=name, exact=True).click()

    def expect(words, timeout=60_000):
        verdict.filter(has_text=words).wait_for(timeout=timeout)

    assert "C=1.0" in code.input_value()
    press("Run")
    expect("say in one line")  # no hypothesis yet: an error that is shown
    snap(page, "bench-error")

    code.fill(BETTER)
    idea.fill("a stronger penalty")
    press("Run")
    expect("KEPT")
    assert "a stronger penalty" in verdict.inner_text()
    snap(page, "bench-kept")

    code.fill(BETTER.replace("C=0.1", "C=10.0"))
    idea.fill("a weaker penalty")
    press("Run")
    expect("DISCARDED")
    assert "+        LogisticRegression(C=10.0" in bench.inner_text()
    bench.get_by_role("tab", name="Ledger").click()
    bench.locator("table").wait_for()
    assert bench.locator("table tbody tr").count() == 3
    snap(page, "bench-discarded")

    code.fill(ENDLESS)
    idea.fill("this one takes for ever")
    press("Run")
    expect("RUNNING")
    time.sleep(1.0)
    clock = bench.get_by_text(re.compile(r"\d s of at most 180 s"))
    clock.wait_for()
    press("Cancel")
    expect("CANCELLED")

    code.fill(LOUD_CRASH)
    idea.fill("this one fails")
    press("Run")
    expect("CRASHED")
    assert "ValueError: no luck" in verdict.inner_text()
    assert "look here" in verdict.inner_text()
    snap(page, "bench-crashed")

    press("Back to best")
    page.wait_for_function("() => document.querySelector('.bench-code textarea')"
                           ".value.includes('C=0.1')")  # fmt: skip
    press("Undo")
    page.wait_for_function("() => document.querySelector('.bench-code textarea')"
                           ".value.includes('no luck')")  # fmt: skip
    rows = (tmp_path / "browser" / "results.tsv").read_text().splitlines()
    assert len(rows) == 1 + 4  # header, baseline, kept, discarded, crashed: not the cancelled one
