"""Steering a run without stopping it: hints, pause and stop, as files that the loop reads.

They lie in the run's folder `steering/`, written whole, so that any process can steer and a kill
loses nothing. A hint waits in `hint-<when>.txt`. The next prompt that is written takes it: the
file is renamed to `given-<iteration>-<when>.txt`, which ties it to that iteration for good. With
candidates side by side that is one of them. An iteration that was killed before its row is asked
again with its hint; one that has a row never is, so that no hint is lost and none is given twice.
Where no answer came (the agent broke down), the next prompt has the hint again.

`now.json` says what is happening, for whoever watches.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import RunError
from harness.files import write_file
from harness.run.ledger import Row, clean
from harness.run.lock import owner

MAX_HINT = 500  # characters: a line, not a second program.md
MAX_WAITING = 20
POLL_S = 0.25  # how often a paused loop looks
NOW = "now.json"
UNANSWERED = ("rejected (agent: agent error", "rejected (agent: timeout")


def _folder(path: Path) -> Path:
    return path / "steering"


def one_line(text: str) -> str:
    """Return a hint without anything that acts on a screen or hides: controls, bidi marks."""
    return clean("".join(c if c.isprintable() else " " for c in text), 10 * MAX_HINT)


def hint(path: Path, text: str) -> str:
    """Leave a hint for the next prompt of the run at `path`; return what to tell.

    Raises
    ------
    RunError
        If it is empty or too long, or too many wait already.
    """
    line = one_line(text)
    if not line or len(line) > MAX_HINT:
        raise RunError(f"a hint is one line of 1 to {MAX_HINT} characters: this has {len(line)}")
    if len(waiting(path)) >= MAX_WAITING:
        raise RunError(f"{MAX_WAITING} hints wait already: let the run take them first")
    _folder(path).mkdir(exist_ok=True)
    name = f"hint-{time.time_ns():020d}-{os.getpid()}.txt"
    write_file(_folder(path) / name, line.encode())
    return f"hint for the next prompt: {line}"


def pause(path: Path, off: bool = False) -> str:
    """Ask the loop to wait before its next candidate, or to go on; return what to tell."""
    file = _folder(path) / "pause"
    if off:
        file.unlink(missing_ok=True)
        return "the run goes on"
    _folder(path).mkdir(exist_ok=True)
    write_file(file, b"")
    return "the run pauses before its next candidate; its time budget goes on counting"


def stop(path: Path) -> str:
    """Ask the loop to end before its next candidate; return what to tell.

    Raises
    ------
    RunError
        If no process owns the run.
    """
    if owner(path / ".lock") is None:
        raise RunError("no process is working on this run: there is nothing to stop")
    _folder(path).mkdir(exist_ok=True)
    write_file(_folder(path) / "stop", b"")
    return "the run ends before its next candidate"


def paused(path: Path) -> bool:
    """Whether a person has paused the run."""
    return (_folder(path) / "pause").exists()


def stopping(path: Path) -> bool:
    """Whether a person has asked the run to end and it has not done so yet."""
    return (_folder(path) / "stop").exists()


def stopped(path: Path) -> bool:
    """Whether a person has asked the run to end; asking again gives False."""
    with contextlib.suppress(FileNotFoundError):
        (_folder(path) / "stop").unlink()
        return True
    return False


def sleeper(path: Path) -> Callable[[float], None]:
    """Return a `sleep` that a stop cuts short."""

    def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stopping(path):
            time.sleep(min(left, POLL_S))

    return sleep


def _read(file: Path) -> str:
    """Read a hint as if a stranger had written it: the folder is anyone's to write to."""
    with contextlib.suppress(OSError):
        if file.is_file() and not file.is_symlink():
            return one_line(file.read_bytes()[: 4 * MAX_HINT].decode("utf-8", "replace"))[:MAX_HINT]
    return ""


def _files(path: Path, pattern: str) -> list[Path]:
    return sorted(_folder(path).glob(pattern))


def waiting(path: Path) -> list[str]:
    """Return hints that no prompt has taken yet, the oldest first."""
    return [text for file in _files(path, "hint-*.txt") if (text := _read(file))]


def given(path: Path, iteration: int) -> tuple[str, ...]:
    """Return the hints that an iteration's prompt has or had, the oldest first."""
    found = map(_read, _files(path, f"given-{iteration:04d}-*.txt"))
    return tuple(text for text in found if text)


def take(path: Path, iteration: int, rows: Sequence[Row] = ()) -> tuple[str, ...]:
    """Tie all waiting hints to an iteration and return its hints.

    Parameters
    ----------
    rows : sequence of Row
        The ledger: hints of rows whose agent broke down are taken again.
    """
    if not _folder(path).is_dir():
        return ()
    again = []
    for file in _files(path, "given-*.txt"):
        number = file.name.split("-")[1]
        row = rows[int(number)] if number.isdigit() and int(number) < len(rows) else None
        again += [file] if row is not None and row.status.startswith(UNANSWERED) else []
    for file in [*again, *_files(path, "hint-*.txt")]:
        when = file.stem.split("-", 2 if file in again else 1)[-1]
        os.replace(file, file.with_name(f"given-{iteration:04d}-{when}.txt"))
    return given(path, iteration)


def tell(path: Path, stage: str, **more) -> None:
    """Write down what is happening; a watcher's convenience, so that no fault in it ends a run."""
    data = {"stage": stage, "since": time.time(), "pid": os.getpid()} | more
    with contextlib.suppress(OSError, RunError):
        write_file(path / NOW, json.dumps(data).encode(), durable=False)
