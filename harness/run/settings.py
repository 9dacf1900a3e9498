"""`run.json`: what is frozen when a run starts, and what a continued run is held to."""

import json
import platform
import time
from pathlib import Path

from harness import REPO, RunError, __version__, fingerprint
from harness.candidate import refusal
from harness.files import sync_folder, write_file
from harness.run.ledger import Ledger
from harness.run.workspace import Workspace, check_tag

RUNS = REPO / "runs"
RECORD = "notebook.json"  # in a run's folder: the last word of the notebook that ran it
DEFAULTS = {"task": "heart", "agent": "playbook", "rule": "confirm", "seed": 0}


def now() -> str:
    """Return the time as the ledger writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def read_settings(record: Path) -> dict:
    """Read a run's `run.json`.

    Raises
    ------
    RunError
        If it is missing or damaged.
    """
    try:
        settings = json.loads(record.read_text("utf-8"))
        if not {"tag", "task", "agent", "rule", "seed", "fingerprint", "start"} <= settings.keys():
            raise ValueError
    except FileNotFoundError:
        raise RunError(f"there is no run at {record.parent}: check the tag") from None
    except (OSError, ValueError):
        raise RunError(f"{record} cannot be read: restore it or start a new tag") from None
    return settings


def take_fingerprint(task) -> dict:
    """Take the fingerprint of harness and data for a task (an object, or what finds it)."""
    from harness.task import get_task

    files = get_task(task).files
    return fingerprint.take(files) if files else fingerprint.take()


def differences(then: dict, now: dict) -> str:
    """Say in one line what differs between two fingerprints; "" if nothing does."""
    changed = fingerprint.changes(then, now)
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return "; ".join(changed[:3]) + more


def recorded(record: Path, tag: str, asked: dict, task=None) -> dict:
    """Read the settings of a run that exists and hold what is asked now to them."""
    settings = read_settings(record)
    if settings["tag"] != tag:
        raise RunError(f"{record.parent} holds run '{settings['tag']}': use that tag")
    for name, value in asked.items():
        if value is not None and value != settings.get(name):
            raise RunError(
                f"run '{tag}' was started with {name} {_say(settings.get(name))}, not "
                f"{_say(value)}: leave the option out to continue, or start a new tag"
            )
    now = take_fingerprint(settings["task"] if task is None else task)
    if changed := differences(settings["fingerprint"], now):
        raise RunError(
            f"run '{tag}' was measured by another harness ({changed}): scores would not compare; "
            "undo the change, or start a new tag"
        )
    return settings


def _say(value) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items())
    return "none" if value is None else str(value)


def begin(path: Path, tag: str, asked: dict, start: tuple[bytes, bytes] | None, task=None) -> dict:
    """Make a run's folder; `run.json` comes last, and with it the run exists."""
    from harness.rules import get_rule
    from harness.task import get_task

    record, ledger = path / "run.json", path / "results.tsv"
    if ledger.exists() and ledger.read_bytes().count(b"\n") > 1:
        raise RunError(f"{record} is missing: restore it or start a new tag")
    task = get_task(DEFAULTS["task"] if task is None else task)
    start = task.start() if start is None else start
    frozen = {name: DEFAULTS[name] if asked[name] is None else asked[name] for name in DEFAULTS}
    try:
        get_rule(frozen["rule"])
    except ValueError as err:
        raise RunError(str(err)) from None
    if (asked.get("guards") or "").startswith("brier") and task.kind == "regression":
        raise RunError("guard brier needs probabilities, and this task has values: leave it out")
    if refusal(start[0]):
        raise RunError(f"the starting {refusal(start[0])}: mend it, then start again")
    settings = {"format": 1, "tag": tag} | frozen
    if asked["options"]:
        settings["options"] = asked["options"]
    if asked.get("guards"):
        settings["guards"] = asked["guards"]
    (path / "logs").mkdir(exist_ok=True)
    workspace = Workspace(path / "workspace", tag)
    settings["start"] = workspace.create(*start)
    workspace.open(settings["start"])
    workspace.put_back()
    Ledger(ledger).close()
    settings["started_at"] = now()
    settings["versions"] = {"harness": __version__, "system": platform.platform()}
    settings |= {"kind": task.kind, "metric": task.metric, "n_rows": task.n_rows}
    settings["fingerprint"] = take_fingerprint(task)
    write_file(record, (json.dumps(settings, indent=2) + "\n").encode())
    sync_folder(path)
    return settings


def find_run(name: str | Path, root: Path | None = None) -> Path:
    """Return the folder of a run given by its tag or by its folder."""
    path = Path(name)
    if (path / "run.json").exists():
        return path.resolve()
    path = Path(root or RUNS) / check_tag(path.name)
    if not (path / "run.json").exists():
        raise RunError(f"there is no run {str(name)!r}: give a tag under {path.parent} or a folder")
    return path


def recorded_agent(root: Path, tag: str) -> str | None:
    """Return the agent of a run that exists, or None."""
    record = root / tag / "run.json"
    return read_settings(record)["agent"] if record.exists() else None
