"""A run read from outside, without owning or changing it: settings, rows, commits, programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness import RunError
from harness.run.git import Commit
from harness.run.ledger import DISCARDED, Ledger, Row
from harness.run.settings import read_settings
from harness.run.workspace import DISCARDED_REFS, SHORT, Workspace


@dataclass
class Record:
    """A run as its files tell it, read without changing them."""

    path: Path
    settings: dict
    rows: list[Row]
    workspace: Workspace
    shas: list[str | None] = field(default_factory=list)
    commits: list[Commit | None] = field(default_factory=list)

    def source(self, iteration: int) -> bytes:
        """The program of an iteration."""
        return self.workspace.source_in(self.commits[iteration])

    def folds(self, iteration: int) -> tuple[float, ...]:
        """Fold scores as the commit states them."""
        return tuple(map(float, self.commits[iteration].trailers.get("Folds", "").split()))


def read_record(path: Path) -> Record:
    """Read a run's files.

    Raises
    ------
    RunError
        If they cannot be read at all.
    """
    settings = read_settings(path / "run.json")
    try:
        ledger = Ledger(path / "results.tsv", writable=False)
    except OSError as err:
        raise RunError(f"{path / 'results.tsv'} cannot be read ({err.strerror})") from None
    workspace = Workspace(path / "workspace", settings["tag"])
    record = Record(path, settings, ledger.rows, workspace)
    git = workspace.git
    tip = git.read_ref(git.head_ref)
    branch = {}
    try:
        branch = {sha[:SHORT]: sha for sha, _ in workspace.history(tip)} if tip else {}
    except RunError:
        pass  # reported per row below
    discarded = git.refs(DISCARDED_REFS)
    for row in record.rows:
        if row.decision == DISCARDED:
            sha = discarded.get(f"{row.iteration:04d}")
        else:
            sha = branch.get(row.commit)
        try:
            commit = git.read_commit(sha) if sha else None
        except RunError:
            commit = None
        record.shas.append(sha)
        record.commits.append(commit)
    return record
