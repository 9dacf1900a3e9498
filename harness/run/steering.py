"""Steering a run without stopping it, and what it is doing now: small files beside the ledger.

Any process may leave `pause`, `stop` or a hint (`hint-<when>.txt`) in the run's `agent/` folder;
the loop looks before each candidate. The next prompt takes the hints: the file becomes
`given-<iteration>-<when>.txt`, which ties it to that iteration, so that a kill neither loses nor
doubles one. In `now.json` the loop says what it is doing, for whoever watches.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from harness import CALL, RunError
from harness.candidate import MAX_BYTES
from harness.files import read_json, read_plain, write_file
from harness.run.ledger import clean
from harness.run.lock import owner
from harness.run.notes import one_line_hypothesis

MAX_HINT = 500  # characters: a line, not a second program.md
MAX_WAITING = 20
POLL_S = 0.25  # how often a loop that waits looks
NOW = "now.json"
NOTHING = {
    **{"stage": "not begun", "since": 0.0, "iteration": 0, "slots": 1, "hypothesis": ""},
    **{"source": "", "iterations": None, "ends_at": None, "reason": ""},
}


# -- what a person leaves -----------------------------------------------------------------


def hint(path: Path, text: str) -> str:
    """Leave a line for the next prompt of the run at `path`; return what to tell.

    Raises
    ------
    RunError
        If it is empty or too long, or too many wait already.
    """
    line = one_line(text)
    if not 0 < len(line) <= MAX_HINT:
        raise RunError(f"a hint is one line of 1 to {MAX_HINT} characters: this has {len(line)}")
    if len(waiting(path)) >= MAX_WAITING:
        raise RunError(f"{MAX_WAITING} hints wait already: let the run take them first")
    _leave(path, f"hint-{time.time_ns():020d}-{os.getpid()}.txt", line)
    return f"in the next prompt: {line}"


def pause(path: Path, off: bool = False) -> str:
    """Let the loop wait before its next candidate, or go on; return what to tell."""
    if off:
        (path / "agent" / "pause").unlink(missing_ok=True)
        return "the run goes on"
    _leave(path, "pause")
    return "the run pauses before its next candidate; its time budget goes on counting"


def stop(path: Path) -> str:
    """Let the loop end before its next candidate; return what to tell.

    Raises
    ------
    RunError
        If no process owns the run.
    """
    if owner(path / ".lock") is None:
        raise RunError("no process is working on this run: there is nothing to stop")
    _leave(path, "stop")
    return "the run ends before its next candidate; the command that began it continues it"


def wish(path: Path) -> str:
    """What a person wants of the loop: `stop`, `pause` or nothing."""
    return next((name for name in ("stop", "pause") if (path / "agent" / name).exists()), "")


def clear(path: Path) -> None:
    """Forget a pause and a stop: who begins a loop wants it to run."""
    for name in ("stop", "pause"):
        (path / "agent" / name).unlink(missing_ok=True)


def obey(run, check: Callable[[], None], sleep: Callable[[float], None], say) -> bool:
    """Wait while a person wants the run to pause, checking its budgets; whether it shall end."""
    if (wished := wish(run.path)) == "pause":
        tell(run, "paused")
        say(f"paused; to go on: {CALL} pause {run.tag} --off")
    while wished == "pause":
        check()
        sleep(POLL_S)
        wished = wish(run.path)
    return wished == "stop"


def sleep(path: Path, seconds: float) -> None:
    """Sleep until the time is up or a person wants the run to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and wish(path) != "stop":
        time.sleep(min(left, POLL_S))


# -- hints, as prompts take them ------------------------------------------------------------


def waiting(path: Path) -> tuple[str, ...]:
    """Hints that no prompt has taken yet, the oldest first."""
    return _read(path, "hint-")


def given(path: Path, iteration: int) -> tuple[str, ...]:
    """Hints that an iteration's prompt has or had, the oldest first."""
    return _read(path, f"given-{iteration:04d}-")


def take(path: Path, iteration: int) -> tuple[str, ...]:
    """Tie all waiting hints to an iteration and return its hints."""
    _rename(path, "hint-", f"given-{iteration:04d}-")
    return given(path, iteration)


def give_back(path: Path, iteration: int) -> None:
    """Let an iteration's hints wait again: its agent broke down."""
    _rename(path, f"given-{iteration:04d}-", "hint-")


def one_line(text: str) -> str:
    """Leave out what acts on a screen or hides: controls, marks of direction."""
    return clean("".join(c if c.isprintable() else " " for c in text), 10 * MAX_HINT)


def _leave(path: Path, name: str, text: str = "") -> None:
    (path / "agent").mkdir(exist_ok=True)
    write_file(path / "agent" / name, text.encode())


def _read(path: Path, kind: str) -> tuple[str, ...]:
    """Read hints as if a stranger had written them: anyone may have."""
    found = []
    for file in sorted((path / "agent").glob(f"{kind}*.txt")):
        with contextlib.suppress(OSError):
            text = read_plain(file, 4 * MAX_HINT).decode("utf-8", "replace")
            found.append(one_line(text)[:MAX_HINT])
    return tuple(filter(None, found))


def _rename(path: Path, before: str, after: str) -> None:
    for file in (path / "agent").glob(f"{before}*.txt"):
        os.replace(file, file.with_name(file.name.replace(before, after, 1)))


# -- what the run is doing ------------------------------------------------------------------


def tell(run, stage: str, source: str = "", **more) -> None:
    """Write down what an open run is doing: a convenience, so that no fault in it ends a run."""
    data = {"stage": stage, "since": time.time(), "iteration": run.iteration} | more
    data |= {"iterations": run.planned or None, "ends_at": run.ends_at}
    if source:
        data |= {"source": source[:MAX_BYTES], "hypothesis": one_line_hypothesis(source)}
    with contextlib.suppress(OSError, RunError):
        write_file(run.path / NOW, json.dumps(data).encode(), durable=False)


def read_progress(path: Path) -> dict:
    """Say what the loop of a run is doing, or how it ended; never fails, from any process.

    Returns
    -------
    dict
        The keys of `NOTHING`: `stage` is `not begun`, `asking`, `waiting` (for a provider),
        `paused`, `scoring`, `fresh folds`, `probes`, `ended` or `not running`; `since` and
        `ends_at` (of the time budget) are seconds since the epoch; `slots` is how many candidates
        are scored side by side; `iterations` is how many rows are planned beyond the baseline.
        `hypothesis` and `source` are what a candidate says: show them as text.
    """
    try:
        found = read_json(path / NOW)
    except (OSError, ValueError):
        return dict(NOTHING)
    now = NOTHING | {key: value for key, value in found.items() if _fits(key, value)}
    if now["stage"] != "ended" and owner(path / ".lock") is None:
        now["stage"] = "not running"
    return now


def _fits(key: str, value: object) -> bool:
    """Whether `now.json` may say that, whoever wrote it."""
    like = NOTHING.get(key, ())
    return isinstance(value, str if isinstance(like, str) else (int, float, type(like)))
