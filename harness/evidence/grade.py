"""A class's hand-ins, one row each: what was measured again here, and what their files say.

Measured again: every kept score with its decision (`verify.py`), the probes of the best program, a
certificate that claims a gain, the exercises (`teaching/judge.py`). Taken from the files, and said
to be: other certificates, the audit's verdict (it would open the sealed test), predictions, cost.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness import CALL, CODE, MARK, RunError, fingerprint
from harness.candidate import plain
from harness.evidence import handins
from harness.evidence.certificate import make_certificate
from harness.evidence.report import PAGES
from harness.evidence.verify import find_task, unreadable, verify
from harness.files import read_json, write_file
from harness.run import clean, read_certificate, read_record
from harness.scoring import Scorer, number, plain_values, signed
from harness.sealing import OwnFolder

Say = Callable[[str], None]
LESSONS = (CODE.parent / "notebooks", CODE / "start" / "notebooks")  # as they are given
STATE = "state.json"
JUDGE = ("-m", "harness.teaching.judge")
VERIFY_S = 300  # seconds after which the rest of one run is left unverified
MAX_NOTEBOOKS, MAX_STEPS = 20, 500  # of one hand-in
FINGERPRINT = "fingerprint: "  # other packages on another machine; the scores tell if it matters
VERIFIED, PROBLEMS, NO_RUN = "ok", "problems", "no run"
RIGHT = "right"
_FIGURE = re.compile(r"[+-]0\.[0-9]+|    Points Possible")


@dataclass
class Row:
    """One hand-in."""

    name: str
    number: str = ""  # at the learning platform, where its file names tell
    digest: str = ""
    run: str = ""
    tag: str = ""
    verified: str = NO_RUN
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    kept: int = 0
    claimed: float = math.nan
    certified: float = 0.0  # gain, measured again; 0 where nothing may be claimed
    certificate: str = ""
    audit: str = ""  # as its file says
    exercises: dict[str, str] = field(default_factory=dict)
    predictions: str = ""  # as its file says
    tokens: int = 0
    cost_usd: float = 0.0
    commits: list[str] = field(default_factory=list)
    times: str = ""  # of the ledger's rows: the same only in a copy
    copies: list[str] = field(default_factory=list)
    steps: list[tuple[int, float]] = field(default_factory=list)  # what was kept: iteration, score

    @property
    def passed(self) -> int:
        """Exercises that are right."""
        return sum(verdict == RIGHT for verdict in self.exercises.values())

    @property
    def answered(self) -> str:
        """Exercises as right of all in the lessons that were handed in."""
        return f"{self.passed}/{len(self.exercises)}" if self.exercises else "none"

    @property
    def why(self) -> str:
        """The first thing that is wrong, and how many more there are."""
        notes = [note for note in self.notes if not note.startswith(FINGERPRINT)]
        return first(self.problems or notes, 1)


def first(texts: list[str], most: int) -> str:
    """Name the first texts, and how many more there are."""
    more = f" (and {len(texts) - most} more)" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def grade(folder: Path, to: Path, *, say: Say = lambda line: None) -> list[Row]:
    """Grade every hand-in of a folder; what `to` says of one that has not changed is believed.

    Raises
    ------
    RunError
        If there is nothing to grade.
    """
    found = handins.find(folder, to) if folder.is_dir() else {}
    if not found:
        raise RunError(f"{folder} holds no hand-ins: give the folder with one entry for each")
    to.mkdir(parents=True, exist_ok=True)
    known, harness, rows = {}, fingerprint.take()["sha256"], []
    with suppress(OSError, ValueError, KeyError, TypeError):
        state = read_json(to / STATE)
        known = state["rows"] if state["harness"] == harness else {}
    with ExitStack() as stack:
        tools = _Tools(stack, say)
        for i, ((name, number), paths) in enumerate(found.items(), 1):
            key, row = f"{name} {number}".strip(), Row(name, number)
            scratch = OwnFolder("ratchet-grade")
            try:
                intake = handins.Intake(scratch.path)
                intake.take(paths)
                row.digest, row.notes = intake.digest, intake.notes
                if known.get(key, {}).get("digest") == row.digest:
                    row = Row(**known[key])
                    say(f"{i} of {len(found)}: {name}: as before")
                else:
                    began = time.monotonic()
                    _fill(row, scratch.path, tools)
                    took = time.monotonic() - began
                    say(f"{i} of {len(found)}: {name}: {row.verified}, {took:.0f} s")
            finally:
                scratch.close()
            rows.append(row)
            state = {"harness": harness, "rows": known | {key: asdict(row)}}
            known = state["rows"]
            write_file(to / STATE, json.dumps(state).encode())
    find_copies(rows)
    return rows


def _fill(row: Row, folder: Path, tools: _Tools) -> None:
    """Find out everything about one hand-in; whatever is in there, it becomes a row."""
    pending = tools.begin(handins.walk(folder, "", ".ipynb")[:MAX_NOTEBOOKS])
    runs = [path.parent for path in handins.walk(folder, "run.json")]
    if runs:
        try:
            _judge_run(row, max(runs, key=_size), tools)
        except Exception as err:  # one line, next folder
            row.verified, row.problems = PROBLEMS, unreadable(row.name, err).problems
        row.notes += [f"one of {len(runs)} runs, the longest"] * (len(runs) > 1)
    for path in handins.walk(folder, "guesses.json"):
        with suppress(OSError, ValueError, AttributeError, TypeError):
            said = [one for one in read_json(path).values() if "right" in one]
            row.predictions = f"{sum(one['right'] is True for one in said)}/{len(said)}"
    for notebook, lesson in pending:
        found = tools.verdicts(lesson, notebook)
        row.notes += [f"{notebook.name}: {found.pop('')}"] if "" in found else []
        for name, verdict in found.items():
            if row.exercises.get(name) != RIGHT:
                row.exercises[name] = verdict
    row.notes = [plain(note, 200) for note in row.notes]


def _size(run: Path) -> tuple[int, str]:
    ledger = run / "results.tsv"
    return (ledger.stat().st_size if ledger.is_file() else 0, str(run))


def _judge_run(row: Row, path: Path, tools: _Tools) -> None:
    row.run = path.name
    record = read_record(path)
    row.tag, row.rows = record.settings["tag"], len(record.rows)
    row.kept = max(0, len(record.kept) - 1)
    row.tokens = sum(one.tokens or 0 for one in record.rows)
    row.cost_usd = sum(one.cost_usd or 0.0 for one in record.rows)
    row.steps = [(one.iteration, one.val_auc) for one in record.kept[:MAX_STEPS]]
    row.commits = [one.commit for one in record.kept]
    times = repr([(one.started_at, one.wall_time_s) for one in record.rows])
    row.times = hashlib.sha256(times.encode()).hexdigest()
    with suppress(OSError, ValueError):
        verdict = read_json(path / "audit.json").get("verdict", "")
        row.audit = plain(str(verdict), 20) + " (its file)"
    task = find_task(path)
    if task.folder is not None and task.ref != task.name:
        raise RunError(f"it is about a task of its own, '{task.ref}': put that under tasks/")
    scorer = tools.scorer(task)
    scorer.until = time.monotonic() + 2 * VERIFY_S  # its certificate, too
    report = verify(path, scorer, most_s=VERIFY_S, probe_all=False)
    row.notes += [line for line in report.problems if line.startswith(FINGERPRINT)][:1]
    row.problems = [line for line in report.problems if not line.startswith(FINGERPRINT)]
    row.verified = PROBLEMS if row.problems else VERIFIED
    if row.verified == VERIFIED:
        row.claimed = record.best.val_auc - record.rows[0].val_auc
        said = read_certificate(record)
        row.certificate = f"{said['sentence']} (its file)" if said else ""
        if not (same := record.start == task.start()[0]):  # a lame start is soon beaten
            row.notes.append("it starts from another program than the task's: no gain is ranked")
        if said.get("certified"):  # only then is there something to believe
            found = make_certificate(path, scorer, task=task)
            row.certificate = found.sentence
            row.certified = found.pruned.gain if found.certified and same else 0.0
            if not found.certified:
                row.verified = PROBLEMS
                row.problems.append("its certificate.json claims what is not there when made again")


class _Remembering:
    """A scorer that measures the same program once for the whole class."""

    def __init__(self, scorer):
        self._scorer, self._known, self.until = scorer, {}, math.inf

    def _once(self, measure: Callable, *key):
        if (measure.__name__, *key) not in self._known:
            if time.monotonic() > self.until:
                raise RunError(f"not measured: {2 * VERIFY_S} s are over")
            self._known[measure.__name__, *key] = measure(*key)
        return self._known[measure.__name__, *key]

    def score(self, source):
        return self._once(self._scorer.score, source)

    def fold_scores(self, source, fold_seeds):
        return self._once(self._scorer.fold_scores, source, tuple(fold_seeds))

    def probe(self, source, score):
        def probe(source):
            return self._scorer.probe(source, score)

        return self._once(probe, source)

    def __getattr__(self, name: str):
        return getattr(self._scorer, name)


class _Tools:
    """Warm scorers, one a task, and judges of exercises, one a lesson."""

    def __init__(self, stack: ExitStack, say: Say):
        self.stack, self.say = stack, say
        self._scorers: dict[str, Scorer] = {}
        self._judges: dict[Path, subprocess.Popen] = {}
        self._ready: set[Path] = set()  # lessons that their judge has run
        self._waiting: dict[Path, list[Path]] = {}  # of each lesson: who was handed to its judge
        self.lessons = {p: _checks(p) for place in LESSONS for p in sorted(place.glob("*.ipynb"))}

    def scorer(self, task) -> Scorer:
        """Give the scorer of a task."""
        if task.ref not in self._scorers:
            self._scorers[task.ref] = _Remembering(self.stack.enter_context(Scorer(task)))
        return self._scorers[task.ref]

    def begin(self, notebooks: Iterable[Path]) -> list[tuple[Path, Path]]:
        """Hand notebooks to their lessons' judges; return (notebook, lesson) for each."""
        pending = []
        for notebook in notebooks:
            asked = _checks(notebook)
            lesson = max(self.lessons, key=lambda p: len(self.lessons[p] & asked), default=None)
            if lesson is not None and self.lessons[lesson] & asked:
                self._hand(lesson, notebook)
                self._waiting.setdefault(lesson, []).append(notebook)
                pending.append((notebook, lesson))
        return pending

    def _hand(self, lesson: Path, notebook: Path) -> None:
        with suppress(OSError):  # it has ended; asking for the verdicts will tell
            self._judge(lesson).stdin.write(f"{notebook}\n".encode())

    def verdicts(self, lesson: Path, notebook: Path) -> dict[str, str]:
        """Wait for what the judge says of a notebook."""
        judge, waiting = self._judges[lesson], self._waiting[lesson]
        waiting.remove(notebook)
        if lesson not in self._ready and judge.stdout.readline():  # the lesson ran
            self._ready.add(lesson)
        if line := judge.stdout.readline():
            return json.loads(line)
        if lesson not in self._ready:
            return {"": f"exercises not executed: see {CALL} doctor"}
        self._ready.remove(lesson)
        _end(self._judges.pop(lesson))  # by this notebook: the others get another judge
        for other in waiting:
            self._hand(lesson, other)
        return {"": "exercises not executed: its notebook ended the judge"}

    def _judge(self, lesson: Path) -> subprocess.Popen:
        if lesson not in self._judges:
            self.say(f"lesson {lesson.stem} is run once, to hold answers to it")
            home = Path(tempfile.mkdtemp(prefix="ratchet-judge-"))
            self.stack.callback(shutil.rmtree, home, ignore_errors=True)
            (home / MARK).write_text("")
            for name in ("train.py", "program.md"):
                there = CODE.parent / name
                shutil.copy(there if there.exists() else CODE / "start" / name, home / name)
            (home / "tests").symlink_to(CODE.parent / "tests")  # the museum, for lesson 07
            more = {"PYTHONPATH": str(CODE.parent), "MPLBACKEND": "Agg", "AUTORESEARCH_WIDGETS": ""}
            pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
            self._judges[lesson] = process = subprocess.Popen(
                [sys.executable, *JUDGE, str(lesson)],
                cwd=home, stdin=pipe, stdout=pipe, stderr=quiet, bufsize=0, env=os.environ | more,
                start_new_session=True,
            )  # fmt: skip
            self.stack.callback(_end, process)
        return self._judges[lesson]


def _checks(notebook: Path) -> set[str]:
    """Name the checks that a notebook calls: by them its lesson is known, not by its file name."""
    try:
        text = json.dumps(read_json(notebook)["cells"])
    except (OSError, ValueError, KeyError, RecursionError):
        return set()
    return set(re.findall(r"\bchecks\.(\w+)\(", text)) - {"quiz"}


def _end(process: subprocess.Popen) -> None:
    process.kill()  # its children die with it
    process.wait()


def find_copies(rows: list[Row]) -> None:
    """Note who handed in the same run (times too), or one with the same kept commits."""
    for row in rows:
        others = [o for o in rows if o is not row and row.rows > 1]
        row.copies = [f"{o.name} (the same run)" for o in others if o.times == row.times]
        like = [o for o in others if o.times != row.times and o.commits == row.commits]
        row.copies += [f"{o.name} (the same commits)" for o in like if row.kept]


# -- what is written ---------------------------------------------------------------------------

COLUMNS = {
    "name": lambda r: r.name,
    "run": lambda r: f"{r.run} ({r.tag})" if r.tag not in ("", r.run) else r.run,
    "verified": lambda r: r.verified,
    "certified gain": lambda r: signed(r.certified) if r.certified else "none",
    "audit": lambda r: r.audit or "none",
    "exercises": lambda r: r.answered,
    "predictions": lambda r: r.predictions or "none",
    "cost": lambda r: f"{r.cost_usd:.2f} USD, {r.tokens} tokens" if r.tokens else "nothing",
    "copies": lambda r: first(r.copies, 2) or "none",
    "why": lambda r: r.why,
}


def ranking(rows: list[Row]) -> list[Row]:
    """Order by what may be claimed, not by what is claimed."""
    return sorted(rows, key=lambda r: (-r.certified, r.verified != VERIFIED, -r.passed, r.name))


def table(rows: list[Row]) -> str:
    """Format one line a hand-in."""
    lines = [list(COLUMNS), *([plain(get(row), 100) for get in COLUMNS.values()] for row in rows)]
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, wide)).rstrip() for line in lines)


def write(rows: list[Row], to: Path) -> list[Path]:
    """Write class.csv, those that Canvas and Moodle import, and the page; return where."""
    total = max((len(row.exercises) for row in rows), default=0)
    points, run = "AutoResearch exercises", "AutoResearch run verified"
    whole = [list(COLUMNS), *([get(row) for get in COLUMNS.values()] for row in rows)]
    canvas = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", points, run]]
    canvas += [["    Points Possible", "", "", "", "", total, 1]]
    moodle = [["Identifier", "Full name", "ID number", "Email address", points, run, "Feedback"]]
    for row in rows:
        marks = [row.passed, int(row.verified == VERIFIED)]
        canvas.append([row.name, row.number, "", "", "", *marks])
        known = f"Participant {row.number}" * bool(row.number)
        moodle.append([known, row.name, "", "", *marks, row.why or row.certificate])
    tables = {"class.csv": whole, "canvas.csv": canvas, "moodle.csv": moodle}
    for name, lines in tables.items():
        with open(to / name, "w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows([[_cell(value) for value in line] for line in lines])
    page = PAGES.get_template("grade.html").render(
        call=CALL, rows=ranking(rows), columns=COLUMNS, steps=steps, number=number
    )
    write_file(to / "class.html", page.encode())
    return [to / name for name in (*tables, "class.html")]


def _cell(value):
    """A cell that a spreadsheet takes for what it is; figures of ours stay figures."""
    ours = isinstance(value, int) or _FIGURE.fullmatch(str(value))
    return value if ours else clean(str(value))


WIDE, HIGH = 240, 60  # of a staircase on the page


def steps(row: Row, rows: list[Row]) -> str:
    """Draw the best so far as a path; the same scale for the whole class."""
    others = [other for other in rows if other is row or other.verified == VERIFIED]
    known, kept = [value for other in others for _, value in other.steps], row.steps
    if not kept:
        return ""
    low, high, last = min(known), max(known), max(1, row.rows - 1)

    def y(value: float) -> str:
        return f"{HIGH - HIGH * (value - low) / ((high - low) or 1):.1f}"

    parts = [f"M0 {y(kept[0][1])}", *(f"H{WIDE * i / last:.1f} V{y(v)}" for i, v in kept[1:])]
    return " ".join([*parts, f"H{WIDE}"])


def to_dicts(rows: list[Row]) -> list[dict]:
    """Return rows for machines."""
    return [plain_values(asdict(row)) for row in rows]
