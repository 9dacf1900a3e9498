"""What the notebooks share: checked parameters, a live plot, tables and diffs, the final record."""

import ast
import difflib
import json
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from itertools import chain, count, pairwise
from pathlib import Path
from types import SimpleNamespace

from harness import RunError, plots
from harness.agents import Past
from harness.files import catalogue, write_file
from harness.run import RECORD, RUNS, Row, describe, told

REASONS = catalogue(__file__)  # of a rule, as patterns, and the same in words
TABLE = Path(__file__).with_name("table.html").read_text("utf-8")
WIDTH = 84  # characters that fit a cell's output in a window of 1,100 pixels


def interactive() -> bool:
    """Whether a person is at a notebook now, so that widgets make sense.

    A front end lets cells ask for input; papermill and nbconvert do not. `AUTORESEARCH_WIDGETS`
    set to 1 or 0 overrules what is found.
    """
    wish = os.environ.get("AUTORESEARCH_WIDGETS")
    if wish is not None:
        return wish.strip().lower() not in ("", "0", "no", "false")
    kernel = getattr(shell(), "kernel", None)
    return "google.colab" in sys.modules or bool(getattr(kernel, "_allow_stdin", False))


def shell():
    """The running IPython, or None; asking costs nothing where there is none."""
    ipython = sys.modules.get("IPython")
    return ipython and ipython.get_ipython()


# -- parameters -------------------------------------------------------------------------


def check_parameters(tag, iterations, agent, rule, time_budget, seed) -> SimpleNamespace:
    """Check what a person or papermill asked of notebook 04, before anything is started.

    Gives it back, with the time budget as a number in `seconds`.

    Raises
    ------
    ValueError
        In one line, for the first value that cannot be used.
    """
    given = locals()
    from harness.agents import KINDS
    from harness.rules import get_rule
    from harness.run import check_tag, parse_duration

    if not isinstance(tag, str):
        raise ValueError(
            f"tag must be text, but it arrived as the {type(tag).__name__} {tag!r}: papermill's -p "
            "turns digits into numbers, so use -r (for example: -r tag 007)"
        )
    try:
        check_tag(tag)
    except RunError as error:
        raise ValueError(str(error)) from None
    for name, value, least in (("iterations", iterations, 1), ("seed", seed, 0)):
        if type(value) is not int or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
    if agent not in list(KINDS):
        raise ValueError(f"unknown agent {agent!r}; choose one of: {', '.join(KINDS)}")
    get_rule(str(rule))
    if unknown := sorted(set(injected_names()) - given.keys()):
        offer = ", ".join(given)
        raise ValueError(f"unknown parameter {unknown[0]!r}; this notebook has: {offer}")
    try:
        return SimpleNamespace(**given, seconds=parse_duration(time_budget))
    except ValueError as error:
        raise ValueError(f"time_budget: {error}") from None


def injected_names() -> list[str]:
    """Return the names that papermill set in the cell above; of a misspelt one it only warns."""
    cells = shell().user_ns.get("In", []) if shell() else []
    if len(cells) < 2 or not cells[-2].lstrip().startswith("# Parameters"):
        return []
    found = [node for node in ast.walk(ast.parse(cells[-2])) if isinstance(node, ast.Name)]
    return [name.id for name in found if isinstance(name.ctx, ast.Store)]


def fresh_tag(tag: str, root: Path = RUNS) -> str:
    """Return the tag, or the tag with the first number that no run has yet."""
    names = chain([tag], (f"{tag}-{number}" for number in count(2)))
    return next(name for name in names if not (Path(root) / name).exists())


# -- watching a run ---------------------------------------------------------------------


def _best(rows: Sequence[Row]) -> Row:
    return [row for row in rows if row.decision != "discarded"][-1]


def why(row: Row) -> str:
    """Say in words why a candidate was kept or not."""
    if not row.ok:
        return f"no score, so it cannot win: {row.status}"
    for pattern, words in REASONS.items():
        if found := re.fullmatch(pattern, row.reason):
            return words.format(*found.groups())
    return row.reason or "where the run starts"


class LivePlot:
    """Print one line and redraw the staircase for each row; give an object to `on_row`.

    It begins with the rows that the run has already; `noise_sd` is a band around the baseline.
    """

    def __init__(self, rows: Sequence[Row] = (), noise_sd: float | None = None):
        self.rows, self.noise_sd = list(rows), noise_sd
        self._id = f"staircase-{id(self)}"
        self._shown = False
        for row in self.rows:
            say(describe(row))
        self.draw()

    def __call__(self, row: Row) -> None:
        """Show one more row."""
        self.rows.append(row)
        say(*told(row, _best(self.rows)), f"    {why(row)}")
        self.draw()

    def draw(self) -> None:
        """Draw, at the same place as before."""
        if not self.rows:
            return
        title = plots.staircase_message(self.rows)  # how large the gain is: exercise 4.1 asks
        fig = plots.staircase(self.rows, self.noise_sd, title)
        alt = plots.staircase_alt(self.rows, self.noise_sd)
        plots.show(fig, alt, display_id=self._id, update=self._shown)
        self._shown = True


def public_lines(score) -> str:
    """Return a score's lines without those of the sealed test, which lesson 06 opens, once."""
    return "\n".join(line for line in score.lines().splitlines() if not line.startswith("test_"))


def say(*lines: str) -> None:
    """Print lines; to a person, wrapped between words (JupyterLab would break inside them)."""
    for line in "\n".join(lines).split("\n"):
        parts = textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False)
        print("\n".join(parts) if interactive() and parts else line, flush=True)


def neat(frame):
    """Show a table in the course's one style: text at the left, four digits, nothing cut off."""
    import pandas as pd
    from IPython.display import HTML

    frame = frame.rename_axis(index=None, columns=frame.index.name)  # one row of heads
    floats = frame.select_dtypes("float")  # a code or an age needs no digits behind the point
    whole = {c: "{:g}".format for c in floats if (floats[c].dropna() % 1 == 0).all()}
    look = {"formatters": whole, "float_format": "{:.4f}".format}
    look |= {"border": 0, "justify": "left", "na_rep": "nan"}
    with pd.option_context("display.max_colwidth", None):
        return HTML(TABLE.replace("<!-- table -->", frame.to_html(**look, classes="neat")))


def table(rows: Sequence[Row]):
    """Return the ledger as a table, without the test columns: nobody looks at those yet."""
    import pandas as pd

    names = "iteration decision val_auc delta val_sd status hypothesis".split()
    names += ["wall_time_s", "tokens", "cost_usd", "commit"]
    data = [[getattr(row, name) for name in names] for row in rows]
    return pd.DataFrame(data, columns=names).set_index("iteration")


def coloured(text: str, language: str) -> str:
    """Return a text with syntax colours, as HTML that carries its own style."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    look = HtmlFormatter(noclasses=True, prestyles="font-family: monospace")  # else JupyterLab's
    return highlight(text, get_lexer_by_name(language), look)


class Diff(str):
    """The text of a difference; a notebook shows it in colour."""

    __repr__ = str.__str__

    def _repr_html_(self) -> str:
        return coloured(self, "diff")


def diff(before: str, after: str, names: tuple[str, str] = ("best so far", "candidate")) -> Diff:
    """Return the difference of two sources, three lines of context around each change."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return Diff("\n".join(lines) or "(no difference)")


def kept_diffs(history: Sequence[Past]) -> list[tuple[Past, str]]:
    """Return each kept candidate with its difference to what was best before it."""
    kept = [past for past in history if past.decision != "discarded"]
    found = []
    for before, past in pairwise(kept):
        names = (f"iteration {before.iteration}", f"iteration {past.iteration}")
        found.append((past, diff(before.source, past.source, names)))
    return found


def git_log(run) -> str:
    """Return the kept commits of an open run, the latest first, as `git log --oneline` does."""
    commits = run.workspace.history(run.best.sha)
    return "\n".join(f"{sha[:7]} {commit.subject}" for sha, commit in commits)


def markdown(text: str) -> None:
    """Display text as Markdown: for sentences that carry a number that a cell has computed."""
    from IPython.display import Markdown, display

    display(Markdown(text))


# -- the museum -------------------------------------------------------------------------


def exhibits(folder: str = "cheats") -> dict[str, SimpleNamespace]:
    """Return the exhibits of one folder of `tests/museum`, by file name without its ending.

    Each has its `source`, a `title`, and what its first lines say: `tries`, `stopped`, `seen` and
    `family`.
    """
    found = {}
    for path in sorted((RUNS.parent / "tests" / "museum" / folder).glob("[0-9]*.py")):
        source = path.read_text(encoding="utf-8")
        title, *lines = (ast.get_docstring(ast.parse(source)) or path.stem).splitlines()
        facts = dict(line.split(": ", 1) for line in lines if ": " in line)
        names = ("Tries", "Stopped by", "Seen", "Family")
        told = {name.split()[0].lower(): facts.get(name, "") for name in names}
        found[path.stem] = SimpleNamespace(title=title, source=source, **told)
    if not found:
        raise FileNotFoundError(
            f"no exhibits in tests/museum/{folder}: this lesson needs the whole course folder"
        )
    return found


# -- the end of a notebook --------------------------------------------------------------


def begin(tag: str, root: Path = RUNS) -> Path:
    """Take away the record of an earlier execution: it must not vouch for this one."""
    folder = Path(root) / tag
    (folder / RECORD).unlink(missing_ok=True)
    return folder


def finish(
    tag: str,
    notebook: str,
    rows: Sequence[Row],
    noise_sd: float,
    root: Path = RUNS,
    claim: str = "",
) -> dict:
    """Write the plot and, last, the record that says this notebook ran to its end; return it.

    `claim` says what may be claimed of the run; `tools/run_headless.py` ends with it.
    """
    folder = Path(root) / tag
    best = _best(rows)
    alt = plots.staircase_alt(rows, noise_sd)
    plot = plots.save(plots.staircase(rows, noise_sd), folder / "loop.png", alt)
    names = ("iteration", "commit", "val_auc", "val_sd", "hypothesis")
    record = {
        "status": "ok",
        "notebook": notebook,
        "tag": tag,
        "plot": plot.relative_to(Path(root).parent).as_posix(),
        "rows": len(rows),
        "noise_sd": noise_sd,
        "best": {name: getattr(best, name) for name in names},
        "claim": claim,
    }
    write_file(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    return record
