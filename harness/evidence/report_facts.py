"""What the files of a run say, for its report: read without owning or changing anything."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from harness import RunError
from harness.run import ENDED, RECORD, Ledger, Row, Workspace, read_settings

NOISE_SEEDS = tuple(range(1, 11))  # lesson 04 measures the noise band on the same ones


@dataclass(frozen=True)
class Run:
    """What the files of a run say."""

    path: Path
    settings: dict
    rows: list[Row]
    torn: bool  # whether a last line was being written when the run was cut off
    start: str
    best: Row | None
    best_source: str | None  # None where git has lost it
    audit: dict  # audit.json, or nothing
    noise_sd: float | None
    ended: dict | None  # the loop's last word
    notebook: bool  # whether the notebook that ran it came to its end
    alive: int | None  # process that may still own the run


def read(path: Path) -> Run:
    """Read a run without owning or changing it.

    Raises
    ------
    RunError
        If there is no run, or its ledger is damaged.
    """
    path = Path(path)
    settings = read_settings(path / "run.json")
    ledger = Ledger(path / "results.tsv", writable=False)
    git = Workspace(path / "workspace", settings["tag"]).git
    best, source = ledger.best(), None
    start = git.read(settings["start"]["train.py"], "blob").decode("utf-8", "replace")
    if best is not None:
        try:  # by its name: a run that was killed may not have moved its branch there yet
            tree = git.read_tree(git.read_commit(git.expand(best.commit) or "").tree)
            source = git.read(tree["train.py"][1], "blob").decode("utf-8", "replace")
        except (RunError, KeyError):
            source = None
    audit, record = _json(path / "audit.json"), _json(path / RECORD)
    ended = _json(path / ENDED)
    return Run(
        path,
        settings,
        ledger.rows,
        ledger.torn,
        start,
        best,
        source,
        audit,
        _number(record.get("noise_sd")) or _number(audit.get("noise_baseline")),
        ended if isinstance(ended.get("reason"), str) else None,
        record.get("status") == "ok",
        _owner(path / ".lock"),
    )


def _json(path: Path) -> dict:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    good = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if good else None


def _owner(lock: Path) -> int | None:
    """Return the process that may own the run now; the lock itself is left alone."""
    import psutil

    try:
        number = int(lock.read_text("ascii"))
        # A number is used again for other processes: those began after the lock was taken.
        early = psutil.Process(number).create_time() <= lock.stat().st_mtime + 1
    except (OSError, ValueError, psutil.Error):
        return None
    return number if early else None


def measure_noise(run: Run) -> float | None:
    """Measure the standard deviation of the start's score over fold seeds; None if it fails."""
    from harness.candidate import CandidateError
    from harness.scoring import Scorer
    from harness.task import get_task

    try:
        with Scorer(get_task(run.settings["task"])) as scorer:
            per_seed = scorer.fold_scores(run.start, NOISE_SEEDS).mean(axis=1)
    except (CandidateError, RunError):
        return None
    return _number(float(per_seed.std(ddof=1)))
