"""The workbench of notebook 03: edit, run, see what the rule said, undo.

`Bench` is the whole logic and knows no widgets; `Panel` puts widgets on top of it; `workbench`
shows the panel where a person is present, and otherwise says which functions do the same.
"""

import html
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import RunError, candidate, plots
from harness.agents import Proposal
from harness.run import Row, describe
from harness.teaching import lesson
from harness.teaching.lesson import coloured

HEADLESS = """\
No widgets here (nobody is at the notebook). The same by hand:
    source = run.view().best_source                # edit this text
    print(lesson.diff(run.view().best_source, source))
    print(describe(run.step(Proposal(source))))    # run, decide, log
    print(lesson.git_log(run))"""


def with_hypothesis(source: str, hypothesis: str) -> str:
    """Return the program with this hypothesis in its `HYPOTHESIS` line.

    Raises
    ------
    ValueError
        If the hypothesis is empty, too long, or more than one line.
    """
    text, limit = hypothesis.strip(), candidate.MAX_HYPOTHESIS
    if not text:
        raise ValueError("say in one line why your change should help (the hypothesis)")
    if len(text) > limit or len(text.splitlines()) > 1:
        raise ValueError(f"the hypothesis must be one line of at most {limit} characters")
    if candidate.hypothesis_lines(source) is not None:
        return candidate.with_hypothesis(source, text)
    line = f"HYPOTHESIS = {text!r}"  # none yet, or the program does not parse
    changed, found = re.subn(r"(?m)^HYPOTHESIS.*$", lambda _: line, source, count=1)
    return changed if found else f"{source}\n\n{line}\n"


@dataclass(frozen=True)
class Turn:
    """What one press of Run came to."""

    label: str  # KEPT, DISCARDED, CRASHED, TIMEOUT, REJECTED, CANCELLED or ERROR
    message: str  # for a person: the line of the iteration, or what went wrong
    row: Row | None = None  # of the ledger
    difference: str = ""  # diff against what was best when Run was pressed
    printed: str = ""  # by the program, if it got no score


def in_words(error: Exception, ours: type[Exception]) -> str:
    """Say what went wrong; errors that we wrote for people need no type before them."""
    return str(error) if isinstance(error, ours) else f"{type(error).__name__}: {error}"


class Bench:
    """Edit and run candidates of an open run, one at a time, in the background."""

    def __init__(self, run):
        self.run = run
        run.ensure_baseline()
        self._undo: list[str] = []
        self._thread: threading.Thread | None = None
        self._started = 0.0
        self._cancelled = False

    # -- texts --------------------------------------------------------------------------

    @property
    def best(self) -> str:
        """Source of the best program so far."""
        return self.run.view().best_source

    def remember(self, text: str) -> None:
        """Put a text on the undo pile, unless it is there already."""
        if not self._undo or self._undo[-1] != text:
            self._undo.append(text)

    def undo(self, current: str) -> str:
        """Return what was in the editor before; the best program if there is nothing before."""
        while self._undo:
            text = self._undo.pop()
            if text != current:
                return text
        return self.best

    def source_of(self, iteration: int) -> str:
        """Return the program of an earlier iteration."""
        return self.run.history[iteration].source

    # -- running ------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a candidate is being scored."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """How long the candidate under way has been running."""
        return time.monotonic() - self._started

    def start(self, source: str, hypothesis: str, done: Callable[[Turn], None]) -> None:
        """Score a candidate in the background, then call `done` from that thread.

        Raises
        ------
        ValueError
            If the hypothesis cannot be used, or a candidate is under way already.
        """
        if self.busy:
            raise ValueError("a candidate is being scored: wait for it, or cancel it")
        text = with_hypothesis(source, hypothesis)
        self.remember(source)
        # A cancel that came too late for the last candidate must not hit this one.
        self._cancelled = False
        self.run.scorer.sandbox.cancelled.clear()
        self._started = time.monotonic()

        def work() -> None:
            done(self.take(text))

        self._thread = threading.Thread(target=work, name="workbench", daemon=True)
        self._thread.start()

    def take(self, source: str) -> Turn:
        """Take one candidate through the step and say what came of it; never raises."""
        difference = lesson.diff(self.best, source)
        try:
            row = self.run.step(Proposal(source))
        except KeyboardInterrupt:
            words = "Cancelled: nothing was written to the ledger."
            return Turn("CANCELLED", words, difference=difference)
        except Exception as error:  # an error that is swallowed helps nobody
            return Turn("ERROR", in_words(error, RunError), difference=difference)
        label = row.decision if row.ok else row.status.partition(" (")[0]
        message = f"{describe(row)} ({lesson.why(row)})"
        failure = "" if row.ok else self.run.view().last_failure or ""
        return Turn(label.upper(), message, row, difference, failure.partition("\n")[2])

    def cancel(self) -> None:
        """Stop the candidate under way; the run is then as if it had never been started."""
        if self.busy and not self._cancelled:
            self._cancelled = True
            self.run.scorer.cancel()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the candidate under way is done."""
        if self._thread is not None:
            self._thread.join(timeout)


# -- widgets ----------------------------------------------------------------------------

LOOK = Path(__file__).with_name("bench.css")
_COLOURS = {"KEPT": "#009E73", "DISCARDED": "#6E6E6E", "CANCELLED": "#6E6E6E"}
FAILURE_COLOUR = "#D55E00"
TICK_S = 0.2


class Panel:
    """The workbench's widgets. `box` is what to display."""

    def __init__(self, bench: Bench):
        import ipywidgets as w

        self.bench = bench
        wide = {"width": "98%"}
        why = "why should this help?"
        self.hypothesis = w.Text(description="Hypothesis", placeholder=why, layout=wide)
        self.code = w.Textarea(value=bench.best, description="train.py", rows=24, layout=wide)
        self.code.add_class("bench-code")
        self.run = w.Button(description="Run", button_style="primary", tooltip="score and decide")
        self.cancel = w.Button(description="Cancel", disabled=True, tooltip="stop scoring")
        self.undo = w.Button(description="Undo", tooltip="what was in the editor before")
        self.reset = w.Button(description="Back to best", tooltip="the best program so far")
        self.progress = w.FloatProgress(min=0.0, max=1.0, layout={"width": "220px"})
        self.clock = w.Label(value="ready")
        self.verdict, self.difference, self.preview = w.HTML(), w.HTML(), w.HTML()
        self.log, self.ledger, self.stairs = w.HTML(), w.HTML(), w.HTML()
        self.history = w.Dropdown(description="Load", layout=wide)
        places = [self.difference, self.preview, self.stairs, self.log, self.ledger, self.history]
        tabs = w.Tab(places)
        tabs.titles = ("Diff", "Coloured", "Staircase", "Git log", "Ledger", "History")
        buttons = w.HBox([self.run, self.cancel, self.undo, self.reset])
        status = w.HBox([self.progress, self.clock])
        look = w.HTML(f"<style>\n{LOOK.read_text('utf-8')}</style>")
        self.box = w.VBox([look, self.hypothesis, self.code, buttons, status, self.verdict, tabs])
        self.box.add_class("bench")
        self.run.on_click(lambda _: self._guard(self._run))
        self.cancel.on_click(lambda _: self._guard(self._cancel))
        self.undo.on_click(lambda _: self._guard(self._undo))
        self.reset.on_click(lambda _: self._guard(self._reset))
        self.code.observe(lambda _: self._guard(self._edited), names="value")
        self.history.observe(lambda change: self._guard(self._load, change["new"]), names="value")
        self.refresh()

    def _guard(self, action: Callable, *args) -> None:
        """Show what goes wrong: a widget's callback otherwise fails where nobody looks."""
        try:
            action(*args)
        except Exception as error:
            self.say("ERROR", in_words(error, ValueError))

    def say(self, label: str, message: str, printed: str = "") -> None:
        """Show a verdict."""
        colour = _COLOURS.get(label, FAILURE_COLOUR)
        style = f"border-left: 6px solid {colour}; padding: 0.3em 0.8em"
        more = f"<pre>{html.escape(printed)}</pre>" if printed else ""
        text = f"<strong>{html.escape(label)}</strong> {html.escape(message)}{more}"
        self.verdict.value = f'<div role="status" style="{style}">{text}</div>'

    def _run(self) -> None:
        self.bench.start(self.code.value, self.hypothesis.value, self._done)
        self.run.disabled, self.cancel.disabled = True, False
        self.say("RUNNING", "five folds, each in a process of its own …")
        threading.Thread(target=self._tick, name="workbench-clock", daemon=True).start()

    def _tick(self) -> None:
        """Move the bar: how far there is to go nobody knows, so it shows the budget's share."""
        budget = getattr(self.bench.run.scorer.task, "budget_s", 180.0)
        while self.bench.busy:
            seconds = self.bench.seconds
            self.progress.value = min((seconds / budget) ** 0.5, 1.0)
            self.clock.value = f"{seconds:.1f} s of at most {budget:.0f} s"
            time.sleep(TICK_S)

    def _done(self, turn: Turn) -> None:
        try:
            self.say(turn.label, turn.message, turn.printed)
            self.difference.value = coloured(turn.difference, "diff")
            self.refresh()
        finally:
            self.run.disabled, self.cancel.disabled = False, True
            self.progress.value = 0.0
            self.clock.value = f"done in {self.bench.seconds:.1f} s"

    def _cancel(self) -> None:
        self.cancel.disabled = True
        self.clock.value = "cancelling …"
        self.bench.cancel()

    def _undo(self) -> None:
        self.code.value = self.bench.undo(self.code.value)

    def _reset(self) -> None:
        self.bench.remember(self.code.value)
        self.code.value = self.bench.best

    def _edited(self) -> None:
        self.preview.value = coloured(self.code.value, "python")
        self.difference.value = coloured(lesson.diff(self.bench.best, self.code.value), "diff")

    def _load(self, iteration: int | None) -> None:
        if iteration is None:
            return
        self.bench.remember(self.code.value)
        self.code.value = self.bench.source_of(iteration)
        self.hypothesis.value = candidate.hypothesis_of(self.code.value)

    def refresh(self) -> None:
        """Bring git log, ledger and history up to date."""
        run = self.bench.run
        self.log.value = f"<pre>{html.escape(lesson.git_log(run))}</pre>"
        columns = ["decision", "val_auc", "delta", "val_sd", "status", "hypothesis"]
        self.ledger.value = lesson.neat(lesson.table(run.ledger.rows)[columns]).data
        fig, alt = plots.staircase(run.ledger.rows), plots.staircase_alt(run.ledger.rows)
        self.stairs.value = plots.picture(fig, alt)
        tried = [(f"{p.iteration}: {p.decision}, {p.hypothesis[:80]}", p.iteration)
                 for p in run.history]  # fmt: skip
        self.history.options = [("choose an iteration …", None), *tried]
        self.preview.value = coloured(self.code.value, "python")


def workbench(run):
    """Return the workbench of an open run to show; None where nobody is there to use it."""
    if not lesson.interactive():
        print(HEADLESS)
        return None
    return Panel(Bench(run)).box
