"""A run read from outside, without owning or changing it: settings, rows, commits, programs."""

import contextlib
from functools import cached_property
from pathlib import Path

from harness import RunError
from harness.run.git import Commit
from harness.run.ledger import Ledger, Row
from harness.run.settings import read_settings
from harness.run.workspace import Workspace


class Record:
    """A run as its files tell it. Git is read when it is asked for, the rest at once.

    Attributes
    ----------
    path : Path
    settings : dict
        `run.json`.
    rows : list of Row
    torn : bool
        Whether a last row was being written when the run was cut off.
    best : Row or None
        The last row that was kept, or the baseline.
    workspace : Workspace

    Raises
    ------
    RunError
        If there is no run at `path`, or `run.json` or the ledger is damaged.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.settings = read_settings(self.path / "run.json")
        file = self.path / "results.tsv"
        try:
            ledger = Ledger(file, writable=False)
        except OSError as err:
            raise RunError(f"{file} cannot be read ({err.strerror})") from None
        self.rows, self.torn, self.best = ledger.rows, ledger.torn, ledger.best()
        self.workspace = Workspace(self.path / "workspace", self.settings["tag"])

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
