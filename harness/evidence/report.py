"""The morning's report of a run, one HTML page: tried, kept, staircase, audit, cost, diff.

It reads and changes nothing, so it is right for a run that was killed, and for one that is still
running: what has a row in the ledger happened, and nothing else did. Test figures are shown where
the audit has opened them, nowhere else. `report.html` has the words and the markup; here are the
facts and the figures.
"""

import base64
import difflib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from harness import CALL, RunError, plots
from harness.agents import calls, redact, totals
from harness.candidate import visible
from harness.evidence import audit_report
from harness.evidence.findings import Audit
from harness.files import check_target, read_json, write_file
from harness.run import (
    ENDED,
    KEPT,
    RECORD,
    Record,
    Row,
    differences,
    now,
    owner,
    read_certificate,
    read_record,
    take_fingerprint,
)  # fmt: skip

NOISE_SEEDS = tuple(range(1, 11))  # lesson 04 measures the noise band on the same ones
FULL = 60  # rows that the table of candidates shows one by one
LAST = 10  # rows at the end that a longer run's table shows as well
KEPT_SHOWN = 50  # kept candidates; a run that keeps more is told to look at its ledger
DIFF_LINES, LINE_CHARS = 400, 500  # of the winning diff


# -- what the files say -------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What the files of a run say: read without owning or changing anything."""

    record: Record
    audit: dict  # audit.json, or nothing
    noise_sd: float | None
    ended: dict | None  # the loop's last word
    notebook: bool  # whether the notebook that ran it came to its end
    alive: int | None  # process that may still own the run

    @property
    def best(self) -> Row | None:
        """The last row that was kept, or the baseline."""
        return self.record.best

    @property
    def audited_best(self) -> bool:
        """Whether the audit is of the best program."""
        seen = str(self.audit.get("commit", ""))[:12]
        return bool(self.best and seen) and self.best.commit.startswith(seen)


def read(path: Path) -> Run:
    """Read a run without owning or changing it.

    Raises
    ------
    RunError
        If there is no run, or its ledger is damaged.
    """
    path = Path(path)
    audit, notebook, ended = (_json(path / name) for name in ("audit.json", RECORD, ENDED))
    return Run(
        read_record(path),
        audit,
        _number(notebook.get("noise_sd")) or _number(audit.get("noise_baseline")),
        ended if isinstance(ended.get("reason"), str) else None,
        notebook.get("status") == "ok",
        owner(path / ".lock"),
    )


def _json(path: Path) -> dict:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}


def _number(value: object) -> float | None:
    good = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if good else None


def measure_noise(run: Run) -> float | None:
    """Measure the standard deviation of the start's score over fold seeds; None if it fails."""
    from harness.candidate import CandidateError
    from harness.scoring import Scorer
    from harness.task import get_task

    start, task = run.record.start.decode("utf-8", "replace"), get_task(run.record.settings["task"])
    seeds = task.fresh_seeds(NOISE_SEEDS)
    if len(seeds) < 2:  # no other folds, so no band
        return None
    try:
        with Scorer(task) as scorer:
            per_seed = scorer.fold_scores(start, seeds).mean(axis=1)
    except (CandidateError, RunError):
        return None
    return _number(float(per_seed.std(ddof=1)))


# -- what the page shows ------------------------------------------------------------------


def clean(value: object) -> object:
    """Mask secrets and odd characters of what the page prints; then it is escaped."""
    if hasattr(value, "__html__"):
        return value
    return visible(redact(str(value)), "\ufffd", keep="\n\t")


def number(value: float, form: str) -> str:
    """Format a number; one that is not there is "none"."""
    return format(value, form) if math.isfinite(value) else "none"


def counts(rows: Sequence[Row]) -> str:
    """Count the candidates by what became of them."""
    found = Counter(row.outcome for row in rows)
    return ", ".join(f"{n} {name}" for name, n in sorted(found.items())) or "none"


def why(row: Row) -> str:
    """Give the rule's reason, or why there was no score."""
    if not row.ok:
        return row.status
    return row.description.removeprefix(row.hypothesis).strip(" []") or row.decision


PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    finalize=clean,
    trim_blocks=True,
)
PAGES.filters |= {"number": number, "counts": counts, "why": why}
PAGES.globals |= {"LAST": LAST, "KEPT_SHOWN": KEPT_SHOWN}


def condensed(rows: Sequence[Row]) -> list[tuple[bool, list[Row]]]:
    """Group rows into those shown in full and those left out; a long run keeps what matters."""
    shown = {row.iteration for row in rows}
    if len(rows) > FULL:
        kept = [row for row in rows if row.decision == KEPT][-KEPT_SHOWN:]
        shown = {row.iteration for row in (rows[0], *kept, *rows[-LAST:])}
    return [(full, list(group)) for full, group in groupby(rows, lambda r: r.iteration in shown)]


def picture(fig: Figure, alt: str) -> dict:
    """Give what a page needs to embed a figure."""
    wide, high = (round(inches * plots.DPI) for inches in fig.get_size_inches())
    data = base64.b64encode(plots.png(fig)).decode()
    return {"data": data, "alt": alt, "width": wide, "height": high}


def audited(record: dict) -> dict | None:
    """Give what the page tells of `audit.json`; None if this version cannot read it."""
    try:
        found = Audit.from_dict(record)
        return {
            "commit": found.commit,
            "paragraph": audit_report.paragraph(found),
            "figure": picture(audit_report.figure(found), audit_report.alt(found)),
            "table": audit_report.table(found),
        }
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def winning_diff(run: Run) -> list[str] | None:
    """List how the best program differs from the starting one; None where git has lost it."""
    try:
        programs = [run.record.start, run.record.source(run.best.iteration)]
    except RunError:
        return None
    before, after = (program.decode("utf-8", "replace").splitlines() for program in programs)
    names = ("the start", f"the best, iteration {run.best.iteration}")
    lines = list(difflib.unified_diff(before, after, *names, n=3, lineterm=""))
    shown = [line[:LINE_CHARS] for line in lines[:DIFF_LINES]]
    if len(lines) > DIFF_LINES:
        shown.append(f"… and {len(lines) - DIFF_LINES} more lines")
    return shown


def harness_now(settings: dict) -> str:
    """Say whether harness and data are still those that measured the run."""
    try:
        changed = differences(settings["fingerprint"], take_fingerprint(settings["task"]))
    except Exception as err:  # a task of one's own that is not on this machine
        return f"not compared: {err}"
    return f"differs: {changed}" if changed else "the same as then"


def build(run: Run, noise: str = "recorded with the run") -> str:
    """Make the page; `noise` says where `run.noise_sd` is from."""
    record, rows, openings = run.record, run.record.rows, run.audit.get("openings")
    drawn = rows, run.noise_sd
    return PAGES.get_template("report.html").render(
        call=CALL,
        run=run,
        rows=rows,
        best=run.best,
        settings=record.settings,
        noise=noise,
        verdict=run.audit.get("verdict"),
        certificate=read_certificate(record).get("sentence"),
        openings=openings if isinstance(openings, list) else [],
        calls=totals(calls(record.path / "agent")),
        staircase=rows and picture(plots.staircase(*drawn), plots.staircase_alt(*drawn)),
        audit=audited(run.audit),
        diff=rows and winning_diff(run),
        tried=condensed(rows),
        harness_now=harness_now(record.settings),
        now=now(),
    )


def write(
    path: Path,
    out: Path | None = None,
    *,
    measure: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the report of a run and return where it is.

    Parameters
    ----------
    out : Path, optional
        File to write; `report.html` in the run's folder unless given.
    measure : bool
        Whether to score the starting program on other folds where no noise band is recorded.
    say : callable
        Called with a line before something that takes seconds.
    """
    run, noise = read(path), "recorded with the run"
    out = check_target(out or run.record.path / "report.html")  # before it takes seconds
    if run.noise_sd is None and run.record.rows and measure:
        say(f"noise band: the starting program on {len(NOISE_SEEDS)} draws of the folds")
        run = replace(run, noise_sd=measure_noise(run))
        noise = f"the start's on {len(NOISE_SEEDS)} draws of the folds, measured for this page"
    write_file(out, build(run, noise).encode())
    return out
