"""`ratchet repair`: the rows that a ledger lost, rebuilt from the commits that git still has."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness import RunError
from harness.files import read_plain, write_file
from harness.run import notes
from harness.run.ledger import HEADER, Row
from harness.run.lock import locked
from harness.run.settings import differences, read_settings, take_fingerprint
from harness.run.words import no
from harness.run.workspace import SHORT, Workspace

TOLERANCE = 1e-9  # of a score measured again: the same numbers in the same order


def rebuild_ledger(path: Path, *, score=True, say: Callable = lambda line: None) -> list[str]:
    """Make a run's ledger whole: rows that hold stay to the letter, the others come from git.

    A commit says all of its row but time, cost and test figures. Time and cost come from the
    iteration's log. The test figure is measured again, and with it `val_auc`, so that a commit
    that somebody forged makes no row.

    Tells what was done, line by line; the old file stays under another name. Without `score` the
    commits' word is taken and the test figures stay unknown. Raises a RunError if an iteration is
    in neither ledger nor git, or does not score what its commit says.
    """
    from harness.scoring import Scorer
    from harness.task import get_task

    settings = read_settings(path / "run.json")
    space, ledger = Workspace(path / "workspace", settings["tag"]), path / "results.tsv"
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(path / ".lock", settings["tag"]))
        old = b""
        with contextlib.suppress(FileNotFoundError):
            old = read_plain(ledger)
        rows, rebuilt = _rebuild(path, space, _whole_rows(old))
        again = [row for row in rebuilt if row.ok] if score else []
        if again:
            if changed := differences(settings["fingerprint"], take_fingerprint(settings["task"])):
                cure = "undo the change, or rebuild without test figures by --no-score"
                raise no("other_harness", tag=settings["tag"], changed=changed, cure=cure)
            scorer = stack.enter_context(Scorer(get_task(settings["task"])))
            for row in again:
                say(f"iteration {row.iteration} is scored again")
                rows[row.iteration] = _measured(row, scorer, space.source_of(space.find(row, None)))
        new = (HEADER + "".join(row.to_line() for row in rows)).encode("utf-8")
        if new == old:
            return [f"{ledger} is whole: nothing was changed"]
        said = []
        if old:
            names = (path / f"results.before-repair-{n}.tsv" for n in itertools.count(1))
            kept = next(name for name in names if not name.exists())
            write_file(kept, old)
            said.append(f"the file that was there is kept as {kept}")
        write_file(ledger, new)
        numbers = ", ".join(str(row.iteration) for row in rebuilt) or "none"
        return [*said, f"rows rebuilt from git: {numbers}", f"written: {ledger}, {len(rows)} rows"]


def _whole_rows(old: bytes) -> dict[int, Row]:
    """Read every line that is a row, wherever it stands."""
    found: dict[int, Row] = {}
    for line in old.split(b"\n")[:-1]:
        with contextlib.suppress(ValueError):
            row = Row.from_line(line.decode("utf-8"))
            row.check()
            found.setdefault(row.iteration, row)
    return found


def _rebuild(path: Path, space: Workspace, there: dict[int, Row]) -> tuple[list[Row], list[Row]]:
    """Return all rows in order, and those of them that come from git."""
    known = space.unknown([], space.references())
    rows, rebuilt, best = [], [], None
    for number in range(max([-1, *known, *there]) + 1):
        row = None
        with contextlib.suppress(RunError, KeyError):  # it must say what its commit says
            notes.check_row(there[number], space.git.read_commit(space.find(there[number], None)))
            row = there[number]
        if row is None:
            if number not in known:
                raise no("in_neither", n=number, tag=path.name)
            sha, log = known[number], path / "logs" / f"{number:04d}.log"
            row = notes.row_of(sha[:SHORT], space.git.read_commit(sha), log, best)
            rebuilt.append(row)
        rows.append(row)
        best = row if row.kept else best
    return rows, rebuilt


def _measured(row: Row, scorer, source: bytes) -> Row:
    """Score a rebuilt row's program again: for its test figure, and to see that it is true."""
    score = scorer.score(source.decode("utf-8", "surrogateescape"))
    if not score.ok or not abs(score.val_auc - row.val_auc) <= TOLERANCE:
        told = {"n": row.iteration, "score": score.val_auc, "status": score.status}
        raise no("other_score", said=row.val_auc, **told)
    return replace(row, test_auc=float(score.test_auc))
