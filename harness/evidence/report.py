"""The morning's report of a run, one HTML page: tried, kept, staircase, audit, cost, diff.

It reads and changes nothing, so it is right for a run that was killed, and for one that is still
running: what has a row in the ledger happened, and nothing else did. Test figures are shown where
the audit has opened them, nowhere else.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from harness import fingerprint, plots
from harness.agents import calls, totals
from harness.evidence import page
from harness.evidence.page import Markup, tag
from harness.evidence.report_facts import NOISE_SEEDS, Run, measure_noise, read
from harness.files import write_file
from harness.run import KEPT, Row, now, take_fingerprint

FULL = 60  # rows that the table of candidates shows one by one
LAST = 10  # rows at the end that a longer run's table shows as well
KEPT_SHOWN = 50  # kept candidates; a run that keeps more is told to look at its ledger
DIFF_LINES, LINE_CHARS = 400, 500  # of the winning diff


def how_it_ended(run: Run) -> str:
    """Say how the run ended, or that it did not."""
    done = max(len(run.rows) - 1, 0)
    if run.ended is not None:
        words = f"It ended by itself: {run.ended['reason']}."
        if run.ended.get("failed"):
            words = f"It ended because something failed: {run.ended['reason']}."
        later = done - int(run.ended.get("iterations", done))
        return words + f" {later} single steps followed." * (later > 0)
    if run.notebook:
        return "The notebook that ran it came to its end."
    torn = " A row that was half written is left out here, too." * run.torn
    if run.alive is not None:
        return (
            f"It has not come to an end: process {run.alive}, which took it last, is still alive. "
            f"This page shows the {done} iterations that were finished by then.{torn}"
        )
    if run.settings["agent"] == "self":
        return f"It is driven by single steps and has no end of its own; {done} are done.{torn}"
    return (
        f"It was interrupted: nothing says that it came to an end. {done} iterations were finished "
        f"and are all here; the same command continues it.{torn}"
    )


def counts(rows: Sequence[Row]) -> str:
    """Count the candidates by what became of them."""
    found = Counter(r.decision if r.ok else r.status.split(" ")[0] for r in rows)
    return ", ".join(f"{n} {name}" for name, n in sorted(found.items())) or "none"


def _why(row: Row) -> str:
    """The rule's reason, or why there was no score."""
    if not row.ok:
        return row.status
    return row.description.removeprefix(row.hypothesis).strip(" []") or row.decision


def _figure(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "none"


def _summary(run: Run, noise: str) -> Markup:
    best, pairs = run.best, []
    if best is not None:
        gain = best.val_auc - run.rows[0].val_auc
        words = f"{run.rows[0].val_auc:.4f} → {best.val_auc:.4f}, a gain of {gain:+.4f}"
        if run.noise_sd:
            words += f", {gain / run.noise_sd:.1f} noise SDs"
        pairs += [
            ("val_auc", words),
            ("Noise SD", noise),
            ("Best", f"iteration {best.iteration}, {best.commit[:7]}: {best.hypothesis}"),
        ]
    pairs += [
        ("Tried", f"{max(len(run.rows) - 1, 0)} candidates: {counts(run.rows[1:])}"),
        ("Is it real?", _verdict(run)),
        ("How it ended", how_it_ended(run)),
        ("Cost", _cost(run)),
    ]
    return page.facts(pairs)


def _verdict(run: Run) -> str:
    if not run.audit.get("verdict"):
        command = tag("code", f"ratchet audit --tag {run.settings['tag']}")
        return Markup(f"Nobody knows yet: run {command}.")
    stale = " (of an earlier best)" * (not _audited_best(run))
    return f"The audit says: {run.audit['verdict']}{stale}."


def _audited_best(run: Run) -> bool:
    seen = str(run.audit.get("commit", ""))
    return run.best is not None and bool(seen) and run.best.commit.startswith(seen[:12])


def _cost(run: Run) -> str:
    recorded = totals(calls(run.path / "agent"))
    if recorded.calls:
        return str(recorded)
    tokens = sum(row.tokens or 0 for row in run.rows)
    dollars = sum(row.cost_usd or 0.0 for row in run.rows)
    unknown = sum(row.cost_usd is None for row in run.rows)
    if not (tokens or dollars or unknown):
        return "nothing: this agent calls no paid service"
    words = f"{dollars:.4f} USD, {tokens:,} tokens"
    return words + f"; unknown for {unknown} rows" * bool(unknown)


def _row(row: Row, first: Row) -> tuple:
    spread = f"{_figure(row.val_auc, '.4f')} ± {_figure(row.val_sd, '.4f')}"
    return (
        row.iteration,
        row.decision,
        spread if row.ok else "none",
        "" if row is first or not row.ok else _figure(row.delta, "+.4f"),
        f"{row.wall_time_s:.1f}",
        row.hypothesis,
        "" if row is first else _why(row),
    )


def tried(rows: Sequence[Row]) -> Markup:
    """Make the table of candidates; a long run's is condensed to what was kept and the end."""
    shown = {row.iteration for row in rows}
    if len(rows) > FULL:
        kept = [row.iteration for row in rows if row.decision == KEPT][-KEPT_SHOWN:]
        shown = {0, *kept, *(row.iteration for row in rows[-LAST:])}
    lines, left_out = [], []
    for row in rows:
        if row.iteration in shown:
            lines += [(_remark(left_out),)] if left_out else []
            lines.append(_row(row, rows[0]))
            left_out = []
        else:
            left_out.append(row)
    title = f"All {len(rows)} rows"
    if len(shown) < len(rows):
        title = f"{len(shown)} of {len(rows)} rows: what was kept, and the last {LAST}"
    columns = ("Iteration", "Decision", "val_auc ± SD", "Δ", "Seconds", "What was tried", "Why")
    return page.table(title, columns, lines, numbers=(2, 3, 4))


def _remark(rows: Sequence[Row]) -> str:
    first, last = rows[0].iteration, rows[-1].iteration
    where = f"iteration {first}" if first == last else f"iterations {first} to {last}"
    scores = [row.val_auc for row in rows if row.ok]
    highest = f", highest val_auc {max(scores):.4f}" if scores else ""
    return f"{where}: {counts(rows)}{highest}"


def kept(run: Run) -> Markup:
    """List what was kept and why."""
    rows = [row for row in run.rows if row.decision == KEPT]
    if not rows:
        return tag("p", "Nothing was kept: the starting program is still the best.")
    items = [
        tag(
            "li",
            tag("strong", f"Iteration {row.iteration}: {row.hypothesis}"),
            f" — val_auc {row.val_auc:.4f} (Δ {row.delta:+.4f}), because {_why(row)}; "
            f"commit {row.commit[:7]}",
        )
        for row in rows[-KEPT_SHOWN:]
    ]
    more = len(rows) - len(items)
    before = tag("p", f"The first {more} are in the ledger; the last {len(items)} follow.")
    return page.join(*([before] if more else []), tag("ol", *items, start=str(more + 1)))


def audited(run: Run) -> Markup:
    """Show what the audit found, if there was one."""
    from harness.evidence import audit_report

    name = run.settings["tag"]
    if not run.audit.get("verdict"):
        begun = run.audit.get("openings")
        words = (
            f"An audit was begun ({begun[-1]}) and cut short: it opened the sealed test, which is "
            "counted, and left no result. "
            if isinstance(begun, list) and begun
            else "There is no audit yet. "
        )
        rest = Markup(
            f"Whether the gain is real is for {tag('code', f'ratchet audit --tag {name}')} to say: "
            "fresh folds, the sealed test, another hospital. It opens the sealed test; this report "
            "never does."
        )
        return tag("p", words, rest)
    try:
        found = _audit(run.audit)
        parts = [
            tag("p", audit_report.paragraph(found), class_="lead"),
            page.figure(audit_report.figure(found), audit_report.alt(found)),
            tag("pre", audit_report.table(found), role="region", tabindex="0",
                **{"aria-label": "Figures of the audit"}),
        ]  # fmt: skip
    except (TypeError, KeyError, ValueError, AttributeError):
        return tag("p", "audit.json cannot be read by this version: run the audit again.")
    if not _audited_best(run):
        words = f"This audit is of {found.commit[:7]}, not of the best program now: run it again."
        parts.insert(0, tag("p", tag("strong", words)))
    return page.join(*parts)


def _audit(record: dict):
    """Build an `Audit` from what `audit.json` holds."""
    from harness.evidence.findings import Audit, Calibration, Elsewhere
    from harness.rules import Interval

    def interval(value: dict | None) -> Interval | None:
        return None if value is None else Interval(**value)

    def elsewhere(value: dict | None) -> Elsewhere | None:
        if value is None:
            return None
        parts = {k: interval(value[k]) for k in ("baseline", "best", "difference")}
        return Elsewhere(**(value | parts))

    values = {field.name: record[field.name] for field in fields(Audit)}
    values |= {"fresh": interval(record["fresh"])}
    values |= {name: elsewhere(record[name]) for name in ("test", "hospital")}
    bins = {name: Calibration(**part) for name, part in record["calibration"].items()}
    return Audit(**(values | {"calibration": bins}))


def winning_diff(run: Run) -> Markup:
    """Show how the best program differs from the starting one."""
    if run.best_source is None:
        return tag("p", "The best program cannot be read from the run's git repository.")
    if run.best is None or run.best.iteration == 0:
        return tag("p", "None: the starting program is still the best.")
    names = ("the start", f"the best, iteration {run.best.iteration}")
    before, after = run.start.splitlines(), run.best_source.splitlines()
    lines = list(difflib.unified_diff(before, after, *names, n=3, lineterm=""))
    shown = [line[:LINE_CHARS] for line in lines[:DIFF_LINES]]
    if len(lines) > DIFF_LINES:
        shown.append(f"… and {len(lines) - DIFF_LINES} more lines")
    return page.diff(shown, "The winning diff")


def _places(run: Run) -> Markup:
    tag_, home = run.settings["tag"], f"{run.path.parent.name}/{run.path.name}"
    rows = [
        ("results.tsv", "the ledger, one row per iteration"),
        ("logs/", "what each candidate printed, and what its agent said"),
        ("workspace/", f"a git repository; its branch autoresearch/{tag_} is what was kept"),
        ("workspace/train.py", "the best program"),
        ("workspace/program.md", "the instructions that the agent had"),
        ("run.json", "what was frozen when the run began"),
        ("audit.json, audit.png", "the audit"),
        ("agent/calls.jsonl", "every call of the agent with its cost"),
    ]
    there = [row for row in rows if (run.path / row[0].split(",")[0]).exists()]
    return page.table(f"In {home}/", ("Where", "What"), there, numbers=())


def _frozen(run: Run) -> Markup:
    settings, seen = run.settings, run.settings["fingerprint"]
    pairs = [
        ("Task", f"{settings['task']}, val_auc is the mean {settings.get('metric', 'roc_auc')}"),
        ("Agent", settings["agent"]),
        ("Rule", settings["rule"]),
        ("Seed", settings["seed"]),
        ("Started", settings.get("started_at", "unknown")),
        ("Fingerprint", seen.get("sha256", "unknown")),
        ("Python", seen.get("python", "unknown")),
        ("Packages", ", ".join(f"{k} {v}" for k, v in seen.get("packages", {}).items() if v)),
        *((k.capitalize(), v) for k, v in settings.get("versions", {}).items()),
        ("Harness now", _harness_now(run)),
    ]
    if settings.get("options"):
        shown = " ".join(f"{k}={v}" for k, v in settings["options"].items())
        pairs.insert(2, ("Options", shown))
    return page.facts(pairs)


def _harness_now(run: Run) -> str:
    try:
        changed = fingerprint.changes(
            run.settings["fingerprint"], take_fingerprint(run.settings["task"])
        )
    except Exception as err:  # a task of one's own that is not on this machine
        return f"not compared: {err}"
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"differs: {'; '.join(changed[:3])}{more}" if changed else "the same as then"


def build(run: Run, noise: str = "recorded with the run") -> str:
    """Make the page.

    Parameters
    ----------
    run : Run
        What the files say.
    noise : str
        Where `run.noise_sd` is from.
    """
    noise = f"{run.noise_sd:.4f}, {noise}" if run.noise_sd else "not measured"
    parts = [_summary(run, noise)]
    if run.rows:
        fig = plots.staircase(run.rows, run.noise_sd)
        parts += [
            tag("h2", "The staircase"),
            page.figure(fig, plots.staircase_alt(run.rows, run.noise_sd)),
            tag("h2", "What was kept, and why"),
            kept(run),
        ]
    parts += [tag("h2", "Is it real?"), audited(run)]
    if run.rows:
        parts += [tag("h2", "The winning diff"), winning_diff(run)]
        parts += [tag("h2", "What was tried"), tried(run.rows)]
    parts += [tag("h2", "Where everything lies"), _places(run)]
    parts += [tag("h2", "What was frozen"), _frozen(run)]
    command = tag("code", f"ratchet report --tag {run.settings['tag']}")
    made = tag("p", f"Made {now()} by ", command, ".")
    return page.page(f"Run {run.settings['tag']}", *parts, made)


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
    path : Path
        `runs/<tag>`.
    out : Path, optional
        File to write; `report.html` in the run's folder unless given.
    measure : bool
        Whether to score the starting program on other folds where no noise band is recorded.
    say : callable
        Called with a line before something that takes seconds.
    """
    run, noise = read(path), "recorded with the run"
    if run.noise_sd is None and run.rows and measure:
        say(f"noise band: the starting program on {len(NOISE_SEEDS)} draws of the folds")
        run = replace(run, noise_sd=measure_noise(run))
        noise = f"the start's on {len(NOISE_SEEDS)} draws of the folds, measured for this page"
    out = Path(out) if out else run.path / "report.html"
    write_file(out, build(run, noise).encode(), out.with_name(f".{out.name}.tmp"))
    return out
