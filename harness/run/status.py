"""What a run looks like from outside: its state for people and agents, and taking over its best."""

import json
from collections import Counter
from pathlib import Path

from harness import REPO, RunError
from harness.files import write_file
from harness.run import steering
from harness.run.ledger import describe_best
from harness.run.record import read_record
from harness.run.settings import find_run
from harness.run.workspace import SHORT


def read_status(root: Path, tag: str) -> dict:
    """Read a run without owning it; safe while it is running.

    Returns
    -------
    dict
        Settings, counts, cost, places, `best` (a `Row` or None) and `rows`. The rows have test
        figures: whoever shows them to an agent leaves those out.
    """
    record = read_record(find_run(tag, root))
    rows, space = record.rows, record.workspace
    tried = rows[1:]
    counts = Counter(row.outcome for row in tried)
    settings = {"metric": "roc_auc"} | record.settings  # runs of the first format had no other
    names = ("tag", "task", "metric", "agent", "rule", "seed", "started_at")
    return {name: settings[name] for name in names} | {
        "iterations": len(tried),
        "counts": dict(sorted(counts.items())),
        "tokens": sum(r.tokens or 0 for r in rows),
        "cost_usd": sum(r.cost_usd or 0.0 for r in rows),
        "unknown_costs": sum(r.cost_usd is None for r in rows),
        "hints": [*steering.given(record.path, len(rows)), *steering.waiting(record.path)],
        "paused": steering.paused(record.path),
        "best": record.best,
        "rows": rows,
        "train": str(space.train),
        "program": str(space.path / "program.md"),
        "workspace": str(space.path),
        "logs": str(record.path / "logs"),
        "ledger": str(record.path / "results.tsv"),
    }


def adopt(root: Path, tag: str, *, force: bool = False, to: str | None = None) -> list[str]:
    """Copy a run's best program to `train.py`; return what to tell.

    Raises
    ------
    RunError
        If the run has no audit of that program and `force` is false.
    """
    from harness.task import get_task

    record = read_record(find_run(tag, root))
    best = record.best
    if best is None:
        raise RunError(f"run '{tag}' has no rows yet: start it with `ratchet run --tag {tag}`")
    said = [describe_best(best), _audited(record.path / "audit.json", tag, best.commit, force)]
    git = record.workspace.git
    if not (git.read_ref(git.head_ref) or "").startswith(best.commit):
        raise RunError(f"git and ledger disagree: run `ratchet verify --tag {tag}`")
    target = Path(to) if to else (get_task(record.settings["task"]).folder or REPO) / "train.py"
    source = record.source(best.iteration)
    if target.exists() and target.read_bytes() != source:
        before = record.path / "train.before-adopt.py"
        before.write_bytes(target.read_bytes())
        said.append(f"the file that was there is kept as {before}")
    write_file(target, source)
    return [*said, f"written: {target}"]


def _audited(path: Path, tag: str, commit: str, force: bool) -> str:
    """Return what the audit says of a commit; refuse one that it does not know, unless forced."""
    try:
        audit = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if force:
            return "adopted without an audit: nobody knows yet whether the gain is real"
        raise RunError(
            f"run '{tag}' has no audit: run `ratchet audit --tag {tag}` first, or use --force"
        ) from None
    except (OSError, ValueError):
        raise RunError(f"{path} cannot be read: run the audit again") from None
    seen = str(audit.get("commit", ""))[:SHORT]
    if not force and not (seen and commit.startswith(seen)):
        raise RunError(
            f"the audit of run '{tag}' is of {seen[:7] or 'another program'}, the best is now "
            f"{commit[:7]}: run `ratchet audit --tag {tag}` again, or use --force"
        )
    return f"audit: {audit.get('verdict', 'no verdict')}"
