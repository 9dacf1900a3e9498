"""A run read from outside, without owning or changing it: settings, rows, commits, programs."""

import contextlib
from functools import cached_property
from itertools import groupby
from pathlib import Path

from harness import RunError
from harness.run.git import PATIENCE_S, Commit
from harness.run.ledger import Ledger, Row
from harness.run.settings import read_settings
from harness.run.words import no
from harness.run.workspace import Workspace


def read_ledger(path: Path, space: Workspace, *, strict: bool = False) -> Ledger:
    """Read a run's ledger and hold it to what git knows; nothing is written or removed.

    Raises a RunError if it is damaged, or if git knows iterations that it does not: the file was
    lost, emptied or replaced by an older one, and going on would bury them. If `strict`, also for
    a row in whose place git knows another candidate: two machines went on alone.
    """
    there = space.references()  # first: in a run that is on, a row comes before its reference
    ledger = Ledger(path / "results.tsv", writable=False)
    count = len(ledger.rows)
    lost = sorted(n for n in space.unknown(ledger.rows, there) if strict or n >= count)
    # A last line that a power cut tore is scored again, and comes out the same.
    if lost and not (ledger.torn and lost == [count]):
        told = {"tag": path.name, "ledger": ledger.path, "cure": Ledger.cure}
        raise no("lost_rows", spans=_spans(lost), **told)
    return ledger


def _spans(numbers: list[int]) -> str:
    """Write sorted numbers briefly: `3, 5-9`."""
    spans = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    runs = ([number for _, number in span] for _, span in spans)
    return ", ".join("-".join(map(str, sorted({run[0], run[-1]}))) for run in runs)


class Record:
    """A run as its files tell it. Git is read when it is asked for, the rest at once.

    `settings` is `run.json`, `best` the last row that was kept (or the baseline), `torn` says
    whether a last row was being written when the run was cut off. Raises a RunError if there is no
    run at `path`, `run.json` or the ledger is damaged or behind git, or a folder leads elsewhere.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.settings = read_settings(self.path / "run.json")
        self.workspace = Workspace(self.path / "workspace", self.settings["tag"])
        self.workspace.git.patience = PATIENCE_S
        folders = (self.workspace.path, self.workspace.git.path, self.path / "logs")
        for folder in folders:  # a link, or git's own file that names another folder
            if folder.is_symlink() or folder.is_file():
                raise RunError(f"{folder} is no folder of its own: restore it or start a new tag")
        ledger = read_ledger(self.path, self.workspace)
        self.rows, self.torn, self.best = ledger.rows, ledger.torn, ledger.best()

    @property
    def kept(self) -> list[Row]:
        """The baseline and what was kept, in order."""
        return [row for row in self.rows if row.kept]

    @property
    def start(self) -> bytes:
        """The starting `train.py`."""
        return self.workspace.git.read(self.settings["start"]["train.py"], "blob")

    @cached_property
    def shas(self) -> list[str | None]:
        """Full commit of each row as the references say; a kill can leave them behind."""
        return self.workspace.referenced(self.rows, self.workspace.references())

    @cached_property
    def commits(self) -> list[Commit | None]:
        """Commit of each row; None where git has lost it."""
        found: list[Commit | None] = [None] * len(self.rows)
        for i in range(len(found)):
            with contextlib.suppress(RunError):
                found[i] = self.commit(i)
        return found

    def commit(self, iteration: int) -> Commit:
        """The commit of an iteration, by its name; a RunError if git has lost it."""
        row, space = self.rows[iteration], self.workspace
        sha = space.git.expand(row.commit) or space.find(row, self.shas[iteration])
        return space.git.read_commit(sha)

    def source(self, iteration: int) -> bytes:
        """The program of an iteration; a RunError if git has lost it."""
        return self.workspace.source_in(self.commit(iteration))

    def folds(self, iteration: int) -> tuple[float, ...]:
        """Fold scores as the commit states them; a RunError if git has lost it."""
        return self.commit(iteration).folds


read_record = Record  # how it reads where it is called
