"""The portable pool: one fresh process per job, started ahead of time (macOS, Windows).

Forking a warm process is not safe everywhere, so workers warm up one by one while others run. There
is no lock on them but a deadline and, on POSIX, resource limits: `isolation` says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time

from harness.sealing.jobs import FILE_LIMIT, OUTPUT_LIMIT, Job
from harness.sealing.pool import Heard, Pool, Worker
from harness.sealing.reach import start_worker

# Every job pays its own imports here, so only what nearly every program uses is warmed up.
FEW_IMPORTS = ("numpy", "pandas", "sklearn.pipeline", "sklearn.impute", "sklearn.linear_model")
POLL_S = 0.002  # not every system can wait for a pipe
DRAIN_S = 2.0  # for what a killed process has left in its pipes


class _Process(Worker):
    """A process that warms up and waits for its one job."""

    watched = False  # its job lies there too, and Windows does not show what is being removed

    def __init__(self, number: int, extras: tuple[str, ...], root: str):
        scratch = os.path.join(root, str(number))
        os.mkdir(scratch)
        config = {"mode": "once", "imports": [*FEW_IMPORTS, *extras]}
        pipe = subprocess.PIPE
        self.process = start_worker(config, more=True, cwd=scratch, stdout=pipe, bufsize=0)
        super().__init__(number, scratch, self.process.stdout, self.process.stderr)
        self.readers: list[threading.Thread] = []
        self.drained_by: float | None = None  # set once it is killed

    def give(self, job: Job, budget_s: float) -> None:
        super().give(job, budget_s)
        message = {**self.header, "scratch": self.scratch}
        message |= {"cpu_s": int(budget_s) + 10, "file_bytes": FILE_LIMIT}
        for name, data in (("source", job.source), ("rows", job.rows.read())):
            message[name] = os.path.join(self.scratch, name)
            with open(message[name], "wb") as f:
                f.write(data)
        for heard, most in ((self.reply, self.reply.keep), (self.log, OUTPUT_LIMIT)):
            self.readers.append(threading.Thread(target=_listen, args=(heard, most), daemon=True))
            self.readers[-1].start()
        with contextlib.suppress(OSError):  # it has ended; its status will tell
            self.process.stdin.write(json.dumps(message).encode() + b"\n")

    def answered(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        """Kill the process and every descendant that can still be found."""
        import psutil

        family = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.process.pid).children(recursive=True)
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        for process in [self.process, *family]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self.drained_by = time.monotonic() + DRAIN_S

    def look(self) -> None:
        """See whether it is gone, and all that it said has been read."""
        if self.drained_by is not None:
            reading = any(reader.is_alive() for reader in self.readers)
            if not reading or time.monotonic() > self.drained_by:
                self.status = self.process.returncode

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        super().close()


def _listen(heard: Heard, most: int) -> None:
    while heard.seen <= most and heard.hear():
        pass


class SpawningPool(Pool):
    """See `Sandbox`."""

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.refill((), 0)

    def start(self, number: int, extras: tuple[str, ...]) -> _Process:
        return _Process(number, extras, str(self.sandbox.root))

    def refill(self, extras: tuple[str, ...], count: int) -> None:
        super().refill(extras, self.sandbox.workers)

    def watch(self, timeout: float) -> None:
        time.sleep(min(timeout, POLL_S))
        for process in self.children.values():
            process.look()

    def close(self) -> None:
        for process in list(self.children.values()):
            process.kill()
            self.forget(process)
