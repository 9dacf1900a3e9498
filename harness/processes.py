"""Run one outside program with its own deadline, and leave nothing of it running.

Ending a coding CLI is not enough: it starts shells, language servers and helpers, some of which
leave its process group. So the program runs under a small *supervisor*, this same file started as
a script: it imports nothing of this package. On Linux it adopts every orphan
(`PR_SET_CHILD_SUBREAPER`), so all that the program ever started stays below it, and it ends when
the harness dies (`PR_SET_PDEATHSIG`): a harness ended by `kill -9` leaves no agent behind.
Elsewhere it ends what is below it and the process group. Whatever escaped even that is found by a
mark in its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "AUTORESEARCH_CALL"  # environment variable that marks all that belongs to one call
GRACE_S = 3.0  # between SIGTERM and SIGKILL: time for a CLI to save its session
SUPERVISOR_S = 5.0  # what the supervisor may take beyond deadline and grace before it is ended
HEAD_BYTES = 64 * 1024  # of each stream: the beginning, and as much of the end as below
TAIL_BYTES = 1024 * 1024
POLL_S = 0.05
LINUX = sys.platform.startswith("linux")
WINDOWS = os.name == "nt"
KILL = signal.SIGTERM if WINDOWS else signal.SIGKILL


@dataclass(frozen=True)
class Finished:
    """How a program ended."""

    returncode: int | None  # negative: the signal that ended it; None if it was cut off
    timed_out: bool
    stdout: str  # the first 64 KiB and the last MiB, undecodable bytes replaced
    stderr: str
    left_behind: int = 0  # processes that were still there when the program itself had ended


class _Capture(threading.Thread):
    """Reads a pipe to its end, keeping a bounded part: memory never grows with the output."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.head, self.tail, self.size = pipe, bytearray(), bytearray(), 0
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := self.pipe.read1(65536):
                self.size += len(chunk)
                room = HEAD_BYTES - len(self.head)
                self.head += chunk[:room]
                self.tail += chunk[room:]
                del self.tail[:-TAIL_BYTES]  # costs nothing: a bytearray drops its front in place

    def text(self) -> str:
        self.join(timeout=1.0)
        skipped = self.size - len(self.head) - len(self.tail)
        gap = f"\n[{skipped} bytes left out]\n".encode() if skipped > 0 else b""
        return (self.head + gap + self.tail).decode("utf-8", "replace")


class Runner:
    """Starts programs and can end them all from another thread (a Cancel button, Ctrl-C)."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: str,
        timeout: float,
        grace: float = GRACE_S,
    ) -> Finished:
        """Run ``argv`` in ``cwd`` with ``stdin`` as its input; everything it started is ended.

        Parameters
        ----------
        timeout : float
            Seconds of wall clock, after which SIGTERM, and ``grace`` seconds later SIGKILL, go to
            the program and every descendant.

        Raises
        ------
        FileNotFoundError
            If the program cannot be started.
        """
        mark = uuid.uuid4().hex
        with tempfile.TemporaryDirectory(prefix="autoresearch-call-") as folder:
            prompt, report = Path(folder, "stdin"), Path(folder, "report.json")
            # The prompt comes from a file: a pipe could block on a program that never reads.
            prompt.write_text(stdin, encoding="utf-8")
            order = [str(report), str(timeout), str(grace), *argv]
            with open(prompt, "rb") as source:
                supervisor = subprocess.Popen(
                    [sys.executable, "-I", __file__, *order],
                    cwd=cwd,
                    env={**env, MARK: mark},
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=not WINDOWS,
                )
            self._running.add(supervisor)
            out, err = _Capture(supervisor.stdout), _Capture(supervisor.stderr)
            said = {"returncode": None, "timed_out": False, "left_behind": 0}
            late = False
            try:
                supervisor.wait(timeout + grace + SUPERVISOR_S)
            except subprocess.TimeoutExpired:
                late = True
            finally:  # also on Ctrl-C
                _end_supervisor(supervisor, grace)
                escaped = _sweep(mark)
                self._running.discard(supervisor)
            with contextlib.suppress(OSError, ValueError):  # ended before, or while it wrote
                said |= json.loads(report.read_text(encoding="utf-8"))
        with supervisor:  # closes its pipes
            if error := said.get("error"):
                raise FileNotFoundError(error)
            said["timed_out"] |= late
            said["left_behind"] += escaped
            return Finished(**said, stdout=out.text(), stderr=err.text())

    def close(self) -> None:
        """End every program that is running; `run` then returns in its own thread."""
        for supervisor in list(self._running):
            supervisor.terminate()


def _end_supervisor(supervisor: subprocess.Popen, grace: float) -> None:
    supervisor.terminate()  # nothing happens if it has ended
    try:
        supervisor.wait(grace + SUPERVISOR_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()


def _sweep(mark: str) -> int:
    """Kill every process that carries ``mark`` in its environment; give back how many."""
    killed = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                process.kill()
                killed += 1
    return killed


# ------------------------------------------------------------------------------------------------
# The supervisor: from here on this runs in its own process.


def _signal_all(child: subprocess.Popen, number: int) -> int:
    """Signal everything below this process and the program's group; how many were alive."""
    alive = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive += 1
                process.send_signal(number)
    if not WINDOWS:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, number)
            return alive or 1
    return alive


def _reap(child: subprocess.Popen) -> None:
    """Collect ended orphans, but leave the program's own status to `Popen`."""
    if child.poll() is None or WINDOWS:
        return
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _end_all(child: subprocess.Popen, grace: float) -> int:
    """SIGTERM, wait, SIGKILL until nothing is left; how many there were at the beginning."""
    there = _signal_all(child, signal.SIGTERM)
    patience = time.monotonic() + grace
    while there and time.monotonic() < patience:
        _reap(child)
        if not _signal_all(child, 0):
            return there
        time.sleep(POLL_S)
    # A process that forks as fast as it is killed: go on for as long as the harness lets us.
    for _ in range(100 if there else 0):
        if not _signal_all(child, KILL):
            break
        _reap(child)
        time.sleep(0.01)
    return there


def _adopt_and_follow() -> None:
    """Adopt orphans, and end when the harness does (Linux)."""
    import ctypes

    pr_set_pdeathsig, pr_set_child_subreaper = 1, 36  # linux/prctl.h
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(pr_set_child_subreaper, 1, 0, 0, 0)
    libc.prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)


def supervise(report_path: str, timeout: float, grace: float, argv: Sequence[str]) -> int:
    """Run a program and write how it ended to the report file."""
    harness = os.getppid()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if LINUX:
        _adopt_and_follow()
        if os.getppid() != harness:  # it died before we could ask to be told
            return 1
    try:
        child = subprocess.Popen(argv, start_new_session=not WINDOWS)
    except OSError as error:
        report = {"error": f"{argv[0]}: {error.strerror}"}
    else:
        deadline = time.monotonic() + timeout
        while child.poll() is None and not stop.is_set() and time.monotonic() < deadline:
            stop.wait(POLL_S)
        code = child.poll()
        report = {"returncode": code, "timed_out": code is None and not stop.is_set()}
        there = _end_all(child, grace)
        report["left_behind"] = there if code is not None else max(0, there - 1)
        child.wait()
    Path(report_path).write_text(json.dumps(report), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(supervise(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
