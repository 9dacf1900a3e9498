"""The loop to watch: one panel that is updated in place, or plain lines where nobody is present.

`Watch.go` runs the loop, and again where it was stopped. What is being done to the idea under work
the panel reads from `now.json`, like everybody who watches; nothing here decides or measures.
"""

import html
import threading
import time
from collections.abc import Callable
from pathlib import Path

from harness import RunError, plots
from harness.agents import Agent, Past
from harness.files import catalogue
from harness.run import Outcome, Row, Run, loop, read_progress
from harness.teaching import lesson
from harness.teaching.lesson import why
from harness.teaching.widgets import LOOK, TICK_S

LAST = 10  # iterations that the panel lists
PAGE = LOOK.with_name("watch.html").read_text("utf-8")
GO_ON = "run this cell again to go on (or press Continue, then run the cells below)."
DOING = catalogue(__file__)


class Watch:
    """A run of the loop on show; `iterations` and `time_budget` are the loop's.

    `open_run` is given the scorer to use, and is called again to continue.
    """

    def __init__(self, open_run: Callable[..., Run], agent: Agent, scorer, *, iterations: int,
                 time_budget=None, noise_sd: float | None = None):  # fmt: skip
        self.open_run, self.noise_sd, self.scorer, self.agent = open_run, noise_sd, scorer, agent
        self.iterations, self.time_budget = iterations, time_budget
        self.rows: list[Row] = []
        self.history: list[Past] = []
        self.view, self.before = None, 0
        self.path: Path | None = None  # of the run, once it is open
        self.over = threading.Event()  # nothing runs, or not any more
        self.said = ""  # by the loop, and how it ended
        self.panel = _Panel(self) if lesson.interactive() else None
        self.lines: lesson.LivePlot | None = None

    def go(self) -> Outcome:
        """Run the loop to its end, or until it is stopped; say in one line how to go on."""
        self.said, self.started = "", time.monotonic()
        self.over.clear()
        self.scorer.sandbox.cancelled.clear()
        if self.panel:
            threading.Thread(target=self.panel.tick, name="watch-clock", daemon=True).start()
        try:
            with self.open_run(self.scorer) as run:
                try:
                    return self._loop(run)
                finally:
                    self.rows, self.history = list(run.ledger.rows), list(run.history)
                    self.view = run.view() if self.rows else None
        except KeyboardInterrupt:
            done = max(len(self.rows) - 1, 0)
            words = f"Stopped after {done} iterations, nothing is lost: {GO_ON}"
            outcome = Outcome(words, 0, failed=not self.rows)
        except RunError as error:
            outcome = Outcome(str(error), 0, failed=True)
        finally:
            self.scorer.sandbox.cancelled.clear()
            self.over.set()
        return self._end(outcome)

    def _loop(self, run: Run) -> Outcome:
        self.path, self.rows = run.path, list(run.ledger.rows)
        self.before = len(self.rows)
        if self.panel is None:
            self.lines = lesson.LivePlot(self.rows, self.noise_sd)
        limits = {"iterations": self.iterations, "time_budget": self.time_budget}
        say = self._say if self.panel else print
        return self._end(loop.run(run, self.agent, **limits, on_row=self._row, say=say))

    def stop(self) -> None:
        """Stop, from another thread: the candidate under way, or the next one, is given up."""
        self.scorer.cancel()

    def now(self) -> tuple[str, str]:
        """Say which idea is under work, and what is being done to it."""
        if self.over.is_set() or self.path is None:
            return "", self.said
        now = read_progress(self.path)
        idea = f"iteration {now['iteration']}" if now["stage"] == "asking" else now["hypothesis"]
        return idea, DOING.get(now["stage"], self.said)

    def _say(self, words: str) -> None:
        self.said = words

    def _row(self, row: Row) -> None:
        self.rows.append(row)
        if self.panel:
            self.panel.draw(staircase=True)
        else:
            self.lines(row)

    def _end(self, outcome: Outcome) -> Outcome:
        self.said = outcome.reason
        self.over.set()
        if self.panel:
            self.panel.draw(staircase=True)
        return outcome

    def left(self) -> str:
        """Say how long it has taken, and how long the rest will if it goes on like this."""
        spent, done = time.monotonic() - self.started, len(self.rows) - self.before
        todo = self.iterations + 1 - len(self.rows)
        guess = f", about {spent / done * todo:.0f} s to go" if done and todo else ""
        limit = f" (time budget {self.time_budget})" if self.time_budget else ""
        return f"{spent:.0f} s{guess}{limit}"


class _Panel:
    """The widgets of a watched run."""

    def __init__(self, watch: Watch):
        import ipywidgets as w
        from IPython.display import display

        self.watch = watch
        self.bar = w.IntProgress(min=0, max=watch.iterations, layout={"width": "220px"})
        self.clock, self.state, self.stairs, self.table = w.Label(), w.HTML(), w.HTML(), w.HTML()
        self.stop = w.Button(description="Stop", tooltip="give up the candidate under way")
        self.more = w.Button(description="Continue", disabled=True)
        self.stop.on_click(lambda _: watch.stop())
        self.more.on_click(lambda _: threading.Thread(target=watch.go, daemon=True).start())
        look = w.HTML(f"<style>\n{LOOK.read_text('utf-8')}</style>")
        head = w.HBox([self.stop, self.more, self.bar, self.clock])
        box = w.VBox([look, head, self.state, self.stairs, self.table])
        box.add_class("bench")
        display(box)

    def tick(self) -> None:
        """Keep the clock going, and say what is being done."""
        while not self.watch.over.wait(TICK_S):
            self.clock.value = self.watch.left()
            self.draw()
        self.draw()

    def draw(self, staircase: bool = False) -> None:
        """Show what is there now."""
        watch, rows = self.watch, self.watch.rows
        over = watch.over.is_set()
        self.stop.disabled, self.more.disabled = over, not over
        # From 7.4 on ipykernel leads a click to the shell that spoke last of the button: to the one
        # that is busy with the loop. Forgotten, it goes to the browser's own, which is free.
        for button in (self.stop, self.more):
            vars(button.comm).pop("_reply_subshell_id", None)
        self.bar.value = max(0, len(rows) - 1)
        under = map(html.escape, watch.now())
        self.state.value = '<p role="status"><b>{}</b> {}</p>'.format(*under)
        if staircase and rows:
            fig = plots.staircase(rows, watch.noise_sd, plots.staircase_message(rows))
            alt = plots.staircase_alt(rows, watch.noise_sd)
            self.stairs.value = plots.picture(fig, alt)
        cells = ((row.iteration, row.outcome, f"{row.val_auc:.4f}", why(row), row.hypothesis)
                 for row in reversed(rows[-LAST:]))  # fmt: skip
        lines = ("".join(f"<td>{html.escape(str(cell))}</td>" for cell in line) for line in cells)
        self.table.value = PAGE.replace("<!-- rows -->", "".join(f"<tr>{x}</tr>" for x in lines))
