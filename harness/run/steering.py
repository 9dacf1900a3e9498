"""Steering a run without stopping it, and what it is doing now: small files beside the ledger.

Any process may leave a wish (`pause`, `stop`) or hints (`hint-<when>.txt`) in the run's `agent/`
folder; the loop looks before each candidate. The next prompt takes the hints: the file becomes
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
from harness.candidate import MAX_BYTES, plain
from harness.files import read_json, read_plain, write_file
from harness.run.lock import owner
from harness.run.notes import one_line_hypothesis

MAX_HINT = 500  # characters: a line, not a second program.md
POLL_S = 0.25  # how often a loop that waits looks
NOW, WISH = "now.json", "wish.txt"
NOTHING = {
    **{"stage": "not begun", "since": 0.0, "iteration": 0, "slots": 1, "hypothesis": ""},
    **{"source": "", "iterations": None, "ends_at": None, "reason": ""},
}


def hint(path: Path, text: str) -> str:
    """Leave a line for the next prompt of the run at `path`; return what to tell."""
    line = plain(text, 2 * MAX_HINT)
    if not 0 < len(line) <= MAX_HINT:
        raise RunError(f"a hint is one line of 1 to {MAX_HINT} characters: this has {len(line)}")
    _leave(path, f"hint-{time.time_ns():020d}-{os.getpid()}.txt", line)
    return f"in the next prompt: {line}"


def pause(path: Path, off: bool = False) -> str:
    """Let the loop wait before its next candidate, or go on; return what to tell."""
    if off:
        clear(path)
        return "the run goes on"
    _leave(path, WISH, "pause")
    return "the run pauses before its next candidate; its time budget goes on counting"


def stop(path: Path) -> str:
    """Let the loop end before its next candidate; return what to tell."""
    if owner(path / ".lock") is None:
        raise RunError("no process is working on this run: there is nothing to stop")
    _leave(path, WISH, "stop")
    return "the run ends before its next candidate; the command that began it continues it"


def clear(path: Path) -> None:
    """Forget a pause and a stop: who begins a loop wants it to run."""
    with contextlib.suppress(OSError):
        (path / "agent" / WISH).unlink()


def _leave(path: Path, name: str, text: str = "") -> None:
    (path / "agent").mkdir(exist_ok=True)
    write_file(path / "agent" / name, text.encode())


def wish(path: Path) -> str:
    """What a person wants of the loop: `stop`, `pause` or nothing."""
    with contextlib.suppress(OSError):
        return read_plain(path / "agent" / WISH, 5).decode("utf-8", "replace")
    return ""


def obey(run, check: Callable[[], None], sleep: Callable[[float], None], say) -> bool:
    """Wait while a person wants the run to pause, checking its budgets; whether it shall end."""
    if wish(run.path) == "pause":
        tell(run, "paused")
        say(f"paused; to go on: {CALL} pause {run.tag} --off")
    while (wished := wish(run.path)) == "pause":
        check()
        sleep(POLL_S)
    return wished == "stop"


def sleep(path: Path, seconds: float) -> None:
    """Sleep until the time is up or a person wants the run to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and wish(path) != "stop":
        time.sleep(min(left, POLL_S))


def hints(path: Path, iteration: int | None = None) -> tuple[str, ...]:
    """Hints that wait, or those of an iteration's prompt; a stranger may have written them."""
    kind, found = "hint-" if iteration is None else f"given-{iteration:04d}-", []
    for file in sorted((path / "agent").glob(f"{kind}*.txt")):
        with contextlib.suppress(OSError):
            text = read_plain(file, 4 * MAX_HINT).decode("utf-8", "replace")
            found.append(plain(text, MAX_HINT))
    return tuple(filter(None, found))


def take(path: Path, iteration: int, back: bool = False) -> tuple[str, ...]:
    """Tie the hints that wait to an iteration and return its hints; `back` lets them wait again."""
    before, after = ("hint-", f"given-{iteration:04d}-")[:: -1 if back else 1]
    for file in (path / "agent").glob(f"{before}*.txt"):
        os.replace(file, file.with_name(file.name.replace(before, after, 1)))
    return hints(path, iteration)


def tell(run, stage: str, source: str = "", **more) -> None:
    """Write down what an open run is doing: a convenience, so that no fault in it ends a run."""
    data = {"stage": stage, "since": time.time(), "iteration": run.iteration} | more
    data |= {"iterations": run.planned or None, "ends_at": run.ends_at}
    data["source"] = source[:MAX_BYTES]  # whoever reads may parse it: that takes its time
    with contextlib.suppress(OSError, RunError):
        write_file(run.path / NOW, json.dumps(data).encode(), durable=False)


def read_progress(path: Path) -> dict:
    """Say what the loop of a run is doing, or how it ended; never fails, from any process.

    The keys are those of `NOTHING`. `stage` is one of `not begun`, `asking`, `waiting` (for a
    provider), `paused`, `scoring`, `fresh folds`, `probes`, `ended`, `not running`; `since` and
    `ends_at` (of the time budget) are seconds since the epoch; `slots` candidates are scored side
    by side; `hypothesis` and `source` are what the first of them says: show them as text.
    """
    found = {}
    with contextlib.suppress(OSError, ValueError):
        found = read_json(path / NOW)
    now = NOTHING | {key: value for key, value in found.items() if _fits(key, value)}
    if now["source"]:
        now["hypothesis"] = one_line_hypothesis(now["source"])
    if now["stage"] not in ("ended", "not begun") and owner(path / ".lock") is None:
        now["stage"] = "not running"
    return now


def _fits(key: str, value: object) -> bool:
    like = NOTHING.get(key, ())
    return isinstance(value, str if isinstance(like, str) else (int, float, type(like)))
