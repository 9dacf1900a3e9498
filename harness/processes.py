"""Run one outside program with its own deadline, and leave nothing of it running.

Ending a coding CLI is not enough: it starts shells, language servers and helpers, some of which
leave its process group. So the program runs under a small *supervisor*, this same file started as
a script. On Linux the supervisor adopts every orphan (`PR_SET_CHILD_SUBREAPER`), so all that the
program ever started stays below it, and it ends when the harness dies (`PR_SET_PDEATHSIG`): a
harness ended by `kill -9` leaves no agent behind. Elsewhere it ends the process group (on Windows,
the process tree). Whatever escaped even that is found by a mark in its environment.

The supervisor part uses the standard library alone and imports nothing of this package.
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

MARK = "AUTORESEARCH_CALL"  # environment variable that marks all that belongs to one call
GRACE_S = 3.0  # between SIGTERM and SIGKILL: time for a CLI to save its session
SUPERVISOR_S = 5.0  # what the supervisor may take beyond deadline and grace before it is ended
HEAD_BYTES = 64 * 1024  # of each stream: the beginning, and as much of the end as below
TAIL_BYTES = 1024 * 1024
POLL_S = 0.05
LINUX = sys.platform.startswith("linux")
WINDOWS = os.name == "nt"


@dataclass(frozen=True)
class Finished:
    """How a program ended.

    Attributes
    ----------
    returncode : int or None
        Its exit status (negative: the signal that ended it), None if it was cut off.
    timed_out : bool
    stdout, stderr : str
        What it printed: the first 64 KiB and the last MiB of each, undecodable bytes replaced.
    seconds : float
        Wall time of the whole call.
    left_behind : int
        Processes that were still there when the program itself had ended, and were ended.
    """

    returncode: int | None
    timed_out: bool
    stdout: str
    stderr: str
    seconds: float
    left_behind: int = 0


class _Capture(threading.Thread):
    """Reads a pipe to its end, keeping a bounded part: memory never grows with the output."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.head, self.tail, self.skipped = pipe, bytearray(), bytearray(), 0
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while chunk := self.pipe.read1(65536):
                room = HEAD_BYTES - len(self.head)
                self.head += chunk[:room]
                self.tail += chunk[room:]
                if len(self.tail) > 2 * TAIL_BYTES:
                    self.skipped += len(self.tail) - TAIL_BYTES
                    del self.tail[:-TAIL_BYTES]

    def text(self) -> str:
        self.join(timeout=1.0)
        head, tail = bytes(self.head), bytes(self.tail)
        skipped = self.skipped + max(0, len(tail) - TAIL_BYTES)
        gap = f"\n[{skipped} bytes left out]\n".encode() if skipped else b""
        return (head + gap + tail[-TAIL_BYTES:]).decode("utf-8", "replace")


class Runner:
    """Starts programs and can end them all from another thread (a Cancel button, Ctrl-C)."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()

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
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="autoresearch-call-") as folder:
            order, report = Path(folder, "order.json"), Path(folder, "report.json")
            # The prompt comes from a file: a pipe could block on a program that never reads.
            Path(folder, "stdin").write_text(stdin, encoding="utf-8")
            order.write_text(json.dumps({"argv": list(argv), "timeout": timeout, "grace": grace}))
            with open(Path(folder, "stdin"), "rb") as source:
                supervisor = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__, str(order), str(report)],
                    cwd=cwd,
                    env={**env, MARK: mark},
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=not WINDOWS,
                )
            with self._lock:
                self._running.add(supervisor)
            out, err = _Capture(supervisor.stdout), _Capture(supervisor.stderr)
            timed_out = False
            try:
                supervisor.wait(timeout + grace + SUPERVISOR_S)
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:  # also on Ctrl-C
                _end_supervisor(supervisor, grace)
                escaped = _sweep(mark)
                with self._lock:
                    self._running.discard(supervisor)
            said = _read_report(report)
            if error := said.get("error"):
                raise FileNotFoundError(error)
            result = Finished(
                returncode=said.get("returncode"),
                timed_out=timed_out or bool(said.get("timed_out")),
                stdout=out.text(),
                stderr=err.text(),
                seconds=time.monotonic() - began,
                left_behind=int(said.get("left_behind", 0)) + escaped,
            )
            for pipe in (supervisor.stdout, supervisor.stderr):
                pipe.close()
            return result

    def close(self) -> None:
        """End every program that is running; `run` then returns in its own thread."""
        with self._lock:
            for supervisor in self._running:
                supervisor.terminate()


def _end_supervisor(supervisor: subprocess.Popen, grace: float) -> None:
    if supervisor.poll() is not None:
        return
    supervisor.terminate()
    try:
        supervisor.wait(grace + SUPERVISOR_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()


def _read_report(path: Path) -> dict:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _sweep(mark: str) -> int:
    """Kill every process that carries ``mark`` in its environment; give back how many."""
    wanted, killed = f"{MARK}={mark}".encode(), 0
    if LINUX:
        for pid in _pids():
            with contextlib.suppress(OSError):
                if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        return killed
    try:
        import psutil  # comes with Jupyter; without it the process group has to do
    except ImportError:
        return 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                process.kill()
                killed += 1
    return killed


# ------------------------------------------------------------------------------------------------
# The supervisor: from here on this runs in its own process.


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _below(root: int) -> set[int]:
    """Every living process below ``root`` (zombies left out). Linux only."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with contextlib.suppress(OSError, ValueError, IndexError):
            stat = Path(f"/proc/{pid}/stat").read_bytes()
            state, parent = stat.rpartition(b")")[2].split()[:2]  # the name may hold anything
            if state not in (b"Z", b"X"):
                children.setdefault(int(parent), []).append(pid)
    found, todo = set(), [root]
    while todo:
        for pid in children.get(todo.pop(), ()):
            found.add(pid)
            todo.append(pid)
    return found


def _signal_all(child: subprocess.Popen, number: int) -> int:
    """Signal the program's group and all its descendants; give back how many were alive."""
    if WINDOWS:
        if child.poll() is None:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], capture_output=True)
            return 1
        return 0
    alive = _below(os.getpid()) if LINUX else set()
    for pid in alive:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    with contextlib.suppress(OSError):
        os.killpg(child.pid, number)
        return len(alive) or 1
    return len(alive)


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
    if not there:
        return 0
    patience = time.monotonic() + grace
    while time.monotonic() < patience:
        _reap(child)
        if not _signal_all(child, 0):
            return there
        time.sleep(POLL_S)
    # A process that forks as fast as it is killed: go on for as long as the harness lets us.
    for _ in range(100):
        if not _signal_all(child, signal.SIGKILL if not WINDOWS else signal.SIGTERM):
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


def supervise(order_path: str, report_path: str) -> int:
    """Run the program named in the order file and write how it ended to the report file."""
    harness = os.getppid()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if LINUX:
        _adopt_and_follow()
        if os.getppid() != harness:  # it died before we could ask to be told
            return 1
    with open(order_path, encoding="utf-8") as file:
        order = json.load(file)
    report: dict = {"returncode": None, "timed_out": False, "left_behind": 0}
    try:
        child = subprocess.Popen(order["argv"], start_new_session=not WINDOWS)
    except OSError as error:
        report["error"] = f"{order['argv'][0]}: {error.strerror}"
    else:
        deadline = time.monotonic() + order["timeout"]
        while child.poll() is None and not stop.is_set():
            if time.monotonic() > deadline:
                report["timed_out"] = True
                break
            stop.wait(POLL_S)
        finished = child.poll() is not None
        report["returncode"] = child.returncode if finished else None
        there = _end_all(child, order["grace"])
        report["left_behind"] = there if finished else max(0, there - 1)
        child.wait()
    partial = f"{report_path}.{os.getpid()}"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(report, file)
    os.replace(partial, report_path)
    return 0


if __name__ == "__main__":
    raise SystemExit(supervise(sys.argv[1], sys.argv[2]))
