"""What a run looks like from outside: its state for people and agents, and taking over its best."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from harness import REPO, RunError
from harness.files import write_file
from harness.run.ledger import Ledger, describe_best
from harness.run.settings import find_run, read_settings
from harness.run.workspace import SHORT, Workspace


def read_status(root: Path, tag: str) -> dict:
    """Read a run without owning it; safe while it is running.

    Returns
    -------
    dict
        Settings, counts, cost, places, `best` (a `Row` or None) and `rows`. The rows have test
        figures: whoever shows them to an agent leaves those out.
    """
    path = find_run(tag, root)
    settings = read_settings(path / "run.json")
    ledger = Ledger(path / "results.tsv", writable=False)
    tried = ledger.rows[1:]
    counts = Counter(r.decision if r.ok else r.status.split(" ")[0] for r in tried)
    return {
        "tag": settings["tag"],
        "task": settings["task"],
        "metric": settings.get("metric", "roc_auc"),  # runs of the first format had no other
        "agent": settings["agent"],
        "rule": settings["rule"],
        "seed": settings["seed"],
        "started_at": settings["started_at"],
        "iterations": len(tried),
        "counts": dict(sorted(counts.items())),
        "tokens": sum(r.tokens or 0 for r in ledger.rows),
        "cost_usd": sum(r.cost_usd or 0.0 for r in ledger.rows),
        "unknown_costs": sum(r.cost_usd is None for r in ledger.rows),
        "best": ledger.best(),
        "rows": ledger.rows,
        "train": str(path / "workspace" / "train.py"),
        "program": str(path / "workspace" / "program.md"),
        "workspace": str(path / "workspace"),
        "logs": str(path / "logs"),
        "ledger": str(path / "results.tsv"),
    }


def adopt(root: Path, tag: str, *, force: bool = False, to: str | None = None) -> list[str]:
    """Copy a run's best program to `train.py`; return what to tell.

    Raises
    ------
    RunError
        If the run has no audit of that program and `force` is false.
    """
    path = find_run(tag, root)
    ledger = Ledger(path / "results.tsv", writable=False)
    best = ledger.best()
    if best is None:
        raise RunError(f"run '{tag}' has no rows yet: start it with `ratchet run --tag {tag}`")
    said = []
    audit = _read_audit(path / "audit.json")
    if audit is None:
        if not force:
            raise RunError(
                f"run '{tag}' has no audit: run `ratchet audit --tag {tag}` first, or use --force"
            )
        said.append("adopted without an audit: nobody knows yet whether the gain is real")
    else:
        seen = str(audit.get("commit", ""))[:SHORT]
        if not force and not (seen and best.commit.startswith(seen)):
            raise RunError(
                f"the audit of run '{tag}' is of {seen[:7] or 'another program'}, the best is now "
                f"{best.commit[:7]}: run `ratchet audit --tag {tag}` again, or use --force"
            )
        said.append(f"audit: {audit.get('verdict', 'no verdict')}")
    settings = read_settings(path / "run.json")
    space = Workspace(path / "workspace", settings["tag"])
    sha = space.git.read_ref(space.git.head_ref) or ""
    if not sha.startswith(best.commit):
        raise RunError(f"git and ledger disagree: run `ratchet verify --tag {tag}`")
    target = Path(to) if to else _task_folder(settings["task"]) / "train.py"
    source = space.source_of(sha)
    if target.exists() and target.read_bytes() != source:
        before = path / "train.before-adopt.py"
        before.write_bytes(target.read_bytes())
        said.append(f"the file that was there is kept as {before}")
    write_file(target, source, target.with_name(f".{target.name}.tmp"))
    return [describe_best(best), *said, f"written: {target}"]


def _task_folder(name: str) -> Path:
    from harness.task import get_task

    return get_task(name).folder or REPO


def _read_audit(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise RunError(f"{path} cannot be read: run the audit again") from None
