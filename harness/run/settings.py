"""`run.json`: what is frozen when a run starts, and what a continued run is held to."""

import json
import platform
import re
import time
from dataclasses import replace
from pathlib import Path

from harness import REPO, RunError, __version__, fingerprint
from harness.candidate import refusal, visible
from harness.files import read_json, read_plain, sync_folder, write_file
from harness.run.ledger import Ledger, clean
from harness.run.words import no
from harness.run.workspace import Workspace, check_tag

RUNS = REPO / "runs"
RECORD = "notebook.json"  # in a run's folder: the last word of the notebook that ran it
FORMAT = 1  # of `run.json`
SHAPE = dict.fromkeys("tag task agent rule metric kind started_at".split(), str)
SHAPE |= dict.fromkeys("fingerprint start options versions guard".split(), dict)
SHAPE |= {"seed": int, "n_rows": int}
LATER = {"metric", "kind", "started_at", "n_rows", "options", "versions", "guard"}  # not at first
DEFAULTS = {"task": "heart", "agent": "playbook", "rule": "confirm", "seed": 0}


def now() -> str:
    """Return the time as the ledger writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def read_settings(record: Path) -> dict:
    """Read a run's `run.json`; a RunError if it is missing or damaged."""
    try:
        settings = read_json(record)
        for name, kind in SHAPE.items():
            value = settings.get(name, kind() if name in LATER else None)
            if not isinstance(value, kind) or (kind is str and value != visible(value)[:500]):
                raise ValueError(f"{name} is not as it was written")
        blobs = map(str, map(settings["start"].get, ("train.py", "program.md")))
        if not all(map(re.compile("[0-9a-f]{40}").fullmatch, blobs)):
            raise ValueError("start is not as it was written")
        check_tag(settings["tag"])
    except FileNotFoundError:
        raise RunError(f"there is no run at {record.parent}: check the tag") from None
    except (OSError, ValueError, RunError) as err:
        why = getattr(err, "strerror", None) or ("" if isinstance(err, UnicodeError) else err)
        why = f" ({clean(str(why), 120)})" if why else ""
        raise RunError(f"{record} cannot be read{why}: restore it or start a new tag") from None
    if settings.get("format", FORMAT) != FORMAT:
        raise RunError(f"{record} was written by another version of the course: use that one")
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


def choices(task=None, agent=None, rule=None, seed=None, options=None, guard=None) -> dict:
    """What of a run's settings is asked for; None where nothing is."""
    options = {k: v for k, v in (options or {}).items() if v is not None} or None
    told = {"task": task, "agent": agent, "rule": rule, "seed": seed}
    return told | {"guard": guard or None, "options": options}


def recorded(record: Path, tag: str, asked: dict, task=None) -> dict:
    """Read the settings of a run that exists and hold what is asked now to them."""
    settings = read_settings(record)
    if settings["tag"] != tag:
        raise RunError(f"{record.parent} holds run '{settings['tag']}': use that tag")
    for name, value in asked.items():
        if value is not None and value != settings.get(name):
            told = {"name": name, "then": _say(settings.get(name)), "now": _say(value)}
            raise no("other_setting", tag=tag, **told)
    Frozen(settings, task).check()
    return settings


class Frozen:
    """What a run is measured by: harness, data, packages; held to what is there now."""

    def __init__(self, settings: dict, task=None):
        self._settings, self._task = settings, task or settings["task"]
        self._places: list[Path] = []
        self._seen: list | None = None  # the last look after which nothing had changed

    def check(self) -> None:
        """Raise a RunError if something changed since the run began; cheap if nothing was touched.

        A worker that is started later would be the changed one, and its scores would not compare.
        """
        from harness.task import get_task

        if self._seen is not None and fingerprint.glance(self._places) == self._seen:
            return
        self._places = fingerprint.places(get_task(self._task).files)
        seen = fingerprint.glance(self._places)
        settings = self._settings
        if changed := differences(settings["fingerprint"], take_fingerprint(self._task)):
            cure = "scores would not compare; undo the change, or start a new tag"
            raise no("other_harness", tag=settings["tag"], changed=changed, cure=cure)
        self._seen = seen


def rule_of(settings: dict):
    """Return the decision rule of a run; a RunError if there is none of that name."""
    from harness.rules import check_guards, get_rule

    try:
        guards = check_guards(settings.get("guard") or {})
        return replace(get_rule(settings["rule"]), guards=guards)
    except ValueError as err:
        raise RunError(str(err)) from None


def _say(value) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={v}" for k, v in value.items())
    return "none" if value is None else str(value)


def has_rows(path: Path) -> bool:
    """Whether the ledger of a run's folder holds more than its header."""
    ledger = path / "results.tsv"
    return ledger.exists() and read_plain(ledger).count(b"\n") > 1


def begin(path: Path, tag: str, asked: dict, start: tuple[bytes, bytes] | None, task=None) -> dict:
    """Make a run's folder; `run.json` comes last, and with it the run exists."""
    from harness.task import get_task

    record, workspace = path / "run.json", Workspace(path / "workspace", tag)
    if has_rows(path) or workspace.unknown([], workspace.references()):
        raise RunError(f"{record} is missing: restore it or start a new tag")
    task = get_task(task or DEFAULTS["task"])
    start = start or task.start()
    frozen = {name: DEFAULTS[name] if asked[name] is None else asked[name] for name in DEFAULTS}
    if "brier" in rule_of(frozen | {"guard": asked["guard"]}).guards and task.kind == "regression":
        raise RunError("guard brier needs probabilities and this task has none: leave it out")
    if refusal(start[0]):
        raise RunError(f"the starting {refusal(start[0])}: mend it, then start again")
    (path / "logs").mkdir(exist_ok=True)
    settings = {"format": FORMAT, "tag": tag} | frozen
    settings |= {name: asked[name] for name in ("options", "guard") if asked[name]}
    settings |= {"start": workspace.create(*start), "started_at": now()}
    workspace.open(settings["start"])
    workspace.put_back()
    Ledger(path / "results.tsv").close()
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
