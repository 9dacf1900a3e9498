"""The ledger of a run, `results.tsv`: append a row, read all rows, recover after a crash."""

import math
import os
import re
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from harness import CALL, RunError
from harness.candidate import plain
from harness.files import read_plain
from harness.run.words import no
from harness.scoring import number

FORMULA = tuple("=+-@＝＋－＠")  # how one begins in a spreadsheet
MAX_TEXT = 500  # characters of a description or status: one readable line
BASELINE, KEPT, DISCARDED = "baseline", "kept", "discarded"
_PARTED = re.compile(f"([;,])(?=[{re.escape(''.join(FORMULA))}])")
_COMMIT = re.compile("[0-9a-f]{7,40}")
_REASON = re.compile(r" \[[a-z_0-9]+: [^\[\]]*\]\Z")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Make a text fit one cell: one line, no tabs, no double quotes, no formula, bounded.

    Double quotes become single ones because table readers (pandas, spreadsheets) take a quote
    at the start of a cell for the start of a quoted one that may span lines. Spreadsheets compute
    what begins like a formula; a quote before it keeps it a text. Some part a file at semicolons
    and commas, too: a space after them does the same.
    """
    text = _PARTED.sub(r"\1 ", plain(text, len(text) + 1).replace('"', "'"))
    text = "'" + text if text.startswith(FORMULA) else text
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


@dataclass(frozen=True)
class Row:
    """One iteration; the fields are the columns of `results.tsv`, in order.

    `commit` is the first 12 characters of the commit. Scores are `nan` unless `status` is `ok`.
    `tokens` and `cost_usd` are None where the cost is unknown, and 0 where there is none.
    `edit_t` is the gain on fresh folds in standard errors, `edit_bar` what it had to exceed to be
    certified then; None where the rule asked for no fresh folds, or not for all.
    """

    commit: str
    val_auc: float
    test_auc: float
    wall_time_s: float
    status: str
    description: str
    iteration: int
    decision: str
    delta: float
    val_sd: float
    agent: str
    tokens: int | None
    cost_usd: float | None
    started_at: str
    edit_t: float | None = None
    edit_bar: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the candidate was scored."""
        return self.status == "ok"

    @property
    def outcome(self) -> str:
        """The decision, or the kind of failure where there is no score."""
        return self.decision if self.ok else self.status.split(" ")[0]

    def check(self) -> None:
        """Raise a ValueError for figures that no step can have written."""
        if not _COMMIT.fullmatch(self.commit):
            raise ValueError("a commit that is none")
        figures = [self.val_auc, self.delta, self.val_sd]
        if self.kept and not (self.ok and all(map(math.isfinite, figures))):
            raise ValueError(f"{self.decision} without a score")
        extent = (self.test_auc, self.wall_time_s, self.edit_t or 0.0, self.edit_bar or 0.0)
        if any(map(math.isinf, [*figures, *extent])):
            raise ValueError("an infinite figure")
        if not (0 <= (self.cost_usd or 0) < math.inf and 0 <= (self.tokens or 0) < 1e15):
            raise ValueError("a cost that is none")

    @property
    def kept(self) -> bool:
        """Whether it became the best: the baseline, and what was kept."""
        return self.decision != DISCARDED

    @property
    def hypothesis(self) -> str:
        """The description without the rule's reason."""
        return _REASON.sub("", self.description)

    @property
    def reason(self) -> str:
        """What the rule said, "" if nothing."""
        found = _REASON.search(self.description)
        return found[0][2:-1].partition(": ")[2] if found else ""

    @property
    def certified(self) -> bool:
        """Whether this edit alone was a gain that may be claimed when it was kept."""
        return self.decision == KEPT and self.edit_t is not None and self.edit_t > self.edit_bar

    def to_line(self) -> str:
        """Format as one line of the ledger, with its line end."""
        return "\t".join(map(_format, astuple(self))) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Row":
        """Parse one line of the ledger.

        Raises a ValueError if the line is not a whole row.
        """
        cells = line.removesuffix("\n").split("\t")
        if len(cells) != len(COLUMNS):
            raise ValueError(f"{len(cells)} cells instead of {len(COLUMNS)}")
        row = cls(*(_PARSE[f.type](cell) for f, cell in zip(fields(cls), cells, strict=True)))
        if row.decision not in (BASELINE, KEPT, DISCARDED):
            raise ValueError(f"unknown decision {row.decision!r}")
        return row


COLUMNS = tuple(f.name for f in fields(Row))
HEADER = "\t".join(COLUMNS) + "\n"
_PARSE = {
    str: clean,
    int: int,
    float: float,
    int | None: lambda cell: int(cell) if cell else None,
    float | None: lambda cell: float(cell) if cell else None,
}


def _format(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(float(value))  # every digit: a continued run compares the same numbers
    return clean(value) if isinstance(value, str) else str(int(value))


class Ledger:
    """All rows of a run, read once and kept in memory; new rows are appended to the file.

    It is `writable` for the process that owns the run, which creates a missing file and cuts off a
    last line that a crash left unfinished or garbled; others read past such a line. Raises a
    RunError if the header, or a line that is not the last one, is damaged.
    """

    cure = f"restore the file, or rebuild it with: {CALL} repair --tag"

    def __init__(self, path: Path, *, writable: bool = True):
        self.path = Path(path)
        self.rows: list[Row] = []
        self.torn = False  # whether an unfinished last line was found
        self._file: int | None = None
        self._read(writable)

    def _read(self, writable: bool) -> None:
        cure, header = f"{self.cure} {self.path.parent.name}", HEADER.encode()
        try:
            raw = read_plain(self.path)
        except FileNotFoundError:
            raw = b""  # whether one was lost, git tells: `record.py`
        except OSError as err:
            raise RunError(f"{self.path} cannot be read ({err.strerror}): {cure}") from None
        begun = raw.startswith(header)
        if not begun and not header.startswith(raw):
            what = "was saved by another program" if b"val_auc" in raw[:200] else "is no ledger"
            raise RunError(f"{self.path} {what} (no ledger header): {cure}")
        *lines, tail = raw.removeprefix(header).split(b"\n")
        for i, line in enumerate(lines):
            try:
                row = Row.from_line(line.decode("utf-8"))
                if row.iteration != i or (row.decision == BASELINE) != (i == 0):
                    raise ValueError(f"iteration {row.iteration} stands where {i} should")
                row.check()
            except ValueError as err:
                rubbish = b"\0" in line or line.count(b"\t") != len(COLUMNS) - 1
                if i == len(lines) - 1 and not tail and rubbish:  # as a power cut can leave it
                    tail = line + b"\n"
                    break
                told = {"path": self.path, "line": i + 2, "err": clean(str(err), 80)}
                raise no("damaged", cure=cure, **told) from None
            self.rows.append(row)
        self.torn = bool(tail)
        if writable:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o644)
            if tail:
                os.ftruncate(self._file, len(raw) - len(tail))
            if not begun:
                self._write(header)

    def append(self, row: Row) -> Row:
        """Write a row and return when it is on the disk.

        Raises a RunError if the disk refuses (the file is then as before) or the file was replaced.
        """
        if row.iteration != len(self.rows):
            raise ValueError(f"row {row.iteration} cannot follow {len(self.rows)} rows")
        line = row.to_line()
        self._write(line.encode("utf-8"))
        row = Row.from_line(line)  # what a continued run would read
        self.rows.append(row)
        return row

    def _write(self, data: bytes) -> None:
        size, there = os.fstat(self._file).st_size, self.path.exists()
        if not there or not os.path.samestat(os.fstat(self._file), os.stat(self.path)):
            raise RunError(f"{self.path} was moved or replaced while the run was on: put it back")
        try:
            done = os.write(self._file, data)
            if done != len(data):
                raise OSError(28, "disk full")
            os.fsync(self._file)
        except OSError as err:
            os.ftruncate(self._file, size)
            raise no("no_space", path=self.path, err=err.strerror) from None

    def best(self) -> Row | None:
        """Return the last row that was kept (or the baseline)."""
        return next((row for row in reversed(self.rows) if row.kept), None)

    def frame(self):
        """Return the rows as a DataFrame, commits as text."""
        import pandas as pd

        return pd.DataFrame([astuple(row) for row in self.rows], columns=list(COLUMNS))

    def close(self) -> None:
        """Close the file; reading stays possible."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


LABEL_WIDTH = 11  # "DISCARDED  "
BEST_EVERY = 10  # iterations between two reminders of the best so far (contract C5)


def describe(row: Row) -> str:
    """Format a row as the line that a person sees (contract C5); no test figures."""
    score = f"val_auc={number(row.val_auc)}"
    if row.ok and not math.isnan(row.delta) and row.decision != BASELINE:
        score += f" (Δ {'' if row.delta < 0 else '+'}{number(row.delta)})"
    label, text = row.decision.upper(), row.hypothesis
    if not row.ok:
        kind, _, reason = row.status.partition(" (")
        label, text = kind.upper(), reason.removesuffix(")") or text
    said = row.reason if row.ok else ""
    if row.certified:
        said = f"certified: T={row.edit_t:.2f} > {row.edit_bar:.2f}"
    elif said.startswith("loss") or said.endswith("> 0"):  # as the sign says
        said = ""
    return f"iter {row.iteration} | {score} | {label:<{LABEL_WIDTH}}— {text}{said and f' [{said}]'}"


def describe_best(row: Row) -> str:
    """Format the line that every tenth iteration adds."""
    return f"best so far: val_auc={number(row.val_auc)} @ {row.commit[:7]} — {row.hypothesis}"


def told(row: Row, best: Row) -> list[str]:
    """Format what a person sees after an iteration: its line, after every tenth the best's."""
    reminder = row.iteration and row.iteration % BEST_EVERY == 0
    return [describe(row)] + ([describe_best(best)] if reminder else [])
