"""What a run looks like from outside: its state for people and agents, and taking over its best."""

from collections import Counter
from pathlib import Path

from harness import CALL, REPO, RunError
from harness.candidate import plain, refusal
from harness.files import check_target, read_json, read_plain, write_file
from harness.run import steering
from harness.run.ledger import describe_best
from harness.run.record import Record, read_record
from harness.run.settings import find_run
from harness.run.words import no

CERTIFICATE = "certificate.json"  # in a run's folder: what may be claimed of it


def read_status(root: Path, tag: str) -> dict:
    """Read a run without owning it; safe while it is running.

    Gives settings, counts, cost, places, `best` (a `Row` or None) and `rows`. The rows have test
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
        "certificate": read_certificate(record).get("sentence", ""),
        "stage": steering.read_progress(record.path)["stage"],
        "hints": steering.hints(record.path),
        "best": record.best,
        "rows": rows,
        "train": str(space.train),
        "program": str(space.path / "program.md"),
        "workspace": str(space.path),
        "logs": str(record.path / "logs"),
        "ledger": str(record.path / "results.tsv"),
    }


def read_certificate(record: Record) -> dict:
    """Read what `certificate.json` says of a run as it is now; empty where it says nothing."""
    try:
        found = read_json(record.path / CERTIFICATE)
        same = found["tries"] == sum(row.ok for row in record.rows[1:])
        if same and not refusal(found["source"].encode("utf-8", "surrogatepass")):
            return found | {"sentence": plain(found["sentence"], 1000)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return {}


def adopt(root: Path, tag: str, *, working=False, force=False, to: str | None = None) -> list[str]:
    """Copy a run's certified program to `train.py`; return what to tell.

    If `working`, take the working best instead, which nothing vouches for but the search; if
    `force`, though the run has no certificate. Raises a RunError if there is no certificate of the
    run as it is now, or nothing is certified.
    """
    from harness.task import get_task

    record = read_record(find_run(tag, root))
    folder = get_task(record.settings["task"]).folder or REPO
    target = check_target(to or folder / "train.py")
    best = record.best
    if best is None:
        raise RunError(f"run '{tag}' has no rows yet: start it with `{CALL} run --tag {tag}`")
    git, found = record.workspace.git, read_certificate(record)
    if not (git.read_ref(git.head_ref) or "").startswith(best.commit):
        raise RunError(f"git and ledger disagree: run `{CALL} verify --tag {tag}`")
    source, said = record.source(best.iteration), [f"working best: {describe_best(best)}"]
    if not found and not force:
        raise no("no_certificate", tag=tag, call=CALL)
    said.append(found["sentence"] if found else "no certificate: nobody knows if the gain is real")
    if found.get("certified") and not working:
        source = found["source"].encode()
        said.append(f"adopted: the certified program, val_auc={found['val_auc']:.4f}")
    elif found and not (working or force):
        raise RunError(f"{said[-1]} To take the working best all the same, use --working")
    else:
        said.append("adopted: the working best")
    if target.exists() and (there := read_plain(target)) != source:
        before = record.path / "train.before-adopt.py"
        write_file(before, there)
        said.append(f"the file that was there is kept as {before}")
    write_file(target, source)
    return [*said, f"written: {target}"]
