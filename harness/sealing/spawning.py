"""The portable pool: one fresh process per job, started ahead of time (macOS, Windows).

Forking a warm process is not safe everywhere, so workers warm up one by one while others run. There
is no lock on them but a deadline and, on POSIX, resource limits: `isolation` says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from harness.sealing.folders import remove_tree
from harness.sealing.jobs import (
    FILE_LIMIT,
    LOG_BYTES,
    OUTPUT_LIMIT,
    Job,
    Reply,
    ended_without_reply,
    parse_reply,
)
from harness.sealing.reach import WORKER, import_path, imports_for, worker_environment

# Every job pays its own imports here, so only what nearly every program uses is warmed up.
FEW_IMPORTS = ("numpy", "pandas", "sklearn.pipeline", "sklearn.impute", "sklearn.linear_model")


class _Worker:
    """A process that warms up and waits for its one job."""

    def __init__(self, extras: tuple[str, ...], scratch: str):
        self.scratch = scratch
        os.mkdir(scratch)
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-s", "-P", str(WORKER), json.dumps({"mode": "once"})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(),
            cwd=scratch,
            start_new_session=True,
        )
        self._say({"path": import_path(), "imports": [*FEW_IMPORTS, *extras]})

    def _say(self, message: dict) -> None:
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended; its status will tell

    def answer(self, job: Job, cpu_s: int, deadline: float, stop: threading.Event) -> Reply:
        """Hand over the job and wait for the numbers, the deadline or the stop."""
        started = time.monotonic()
        paths = {name: os.path.join(self.scratch, name) for name in ("source", "rows")}
        with open(paths["source"], "wb") as f:
            f.write(job.source)
        with open(paths["rows"], "wb") as f:
            f.write(job.rows.read())
        wanted = 9 + 8 * job.n_numbers
        reply = _Reader(self.process.stdout, max(wanted, 4096) + 1, max(wanted, 4096) + 1)
        log = _Reader(self.process.stderr, LOG_BYTES, OUTPUT_LIMIT)
        self._say(
            {
                "source_path": paths["source"],
                "rows_path": paths["rows"],
                "scratch": self.scratch,
                "kind": job.kind,
                "n_outputs": job.n_outputs,
                "seed": job.seed,
                "cpu_s": cpu_s,
                "file_bytes": FILE_LIMIT,
            }
        )
        problem = ""
        while self.process.poll() is None:
            if stop.is_set():
                problem = "crashed (not run: an earlier fold failed)"
            elif time.monotonic() >= deadline:
                problem = "timeout"
            elif log.seen > OUTPUT_LIMIT:
                problem = f"crashed (printed more than {OUTPUT_LIMIT // 1024} KiB)"
            if problem:
                break
            time.sleep(0.002)
        self.end()
        reply.thread.join(2)
        log.thread.join(2)
        if not problem and not reply.data:
            problem = ended_without_reply(self.process.returncode)
        threshold, numbers = 0.5, None
        if not problem:
            problem, threshold, numbers = parse_reply(bytes(reply.data), job.n_numbers)
        text = log.data.decode("utf-8", "replace")
        return Reply(problem, threshold, numbers, text, started_s=started, ended_s=time.monotonic())

    def end(self) -> None:
        """Kill the process and every descendant that can still be found."""
        import psutil

        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.Error:
            family = []
        if os.name == "posix":
            import signal

            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            self.process.kill()
        for process in family:
            try:
                process.kill()
            except psutil.Error:
                pass
        self.process.wait()
        try:
            self.process.stdin.close()
        except OSError:
            pass
        remove_tree(self.scratch)


class _Reader:
    """Reads a pipe to its end in a thread, keeping the first bytes."""

    def __init__(self, pipe, keep: int, limit: int):
        self.pipe, self.keep, self.limit = pipe, keep, limit
        self.data, self.seen = bytearray(), 0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            while self.seen <= self.limit and (data := self.pipe.read1(1 << 16)):
                self.seen += len(data)
                self.data += data[: max(0, self.keep - len(self.data))]
        except (OSError, ValueError):
            pass


class SpawningPool:
    """See `Sandbox`."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.spares: dict[tuple[str, ...], deque[_Worker]] = {}
        self.next_number = 0
        self.lock = threading.Lock()
        self._refill(())

    def _start(self, extras: tuple[str, ...]) -> _Worker:
        with self.lock:
            self.next_number += 1
            number = self.next_number
        return _Worker(extras, os.path.join(self.sandbox.root, str(number)))

    def _refill(self, extras: tuple[str, ...]) -> None:
        spares = self.spares.setdefault(extras, deque())
        while len(spares) < self.sandbox.workers:
            spares.append(self._start(extras))

    def _take(self, extras: tuple[str, ...]) -> _Worker:
        try:
            return self.spares[extras].popleft()
        except (KeyError, IndexError):
            return self._start(extras)

    def run(
        self, groups: Sequence[Sequence[Job]], budget_s: float, stop_early: bool
    ) -> list[list[Reply]]:
        starts: dict[int, float] = {}
        stops = [[threading.Event() for _ in jobs] for jobs in groups]
        cpu_s = int(budget_s) + 10

        def one(g: int, j: int) -> Reply:
            job = groups[g][j]
            with self.lock:
                began = starts.setdefault(g, time.monotonic())
            if stops[g][j].is_set():
                return Reply("crashed (not run: an earlier fold failed)")
            deadline = began + budget_s
            if time.monotonic() >= deadline:
                return Reply(f"timeout (over {budget_s:g} s)")
            worker = self._take(imports_for([job.source]))
            reply = worker.answer(job, cpu_s, deadline, stops[g][j])
            if reply.problem == "timeout":
                return Reply(f"timeout (over {budget_s:g} s)", log=reply.log)
            if reply.problem and stop_early:
                for later in stops[g][j + 1 :]:
                    later.set()
            return reply

        with ThreadPoolExecutor(self.sandbox.workers) as pool:
            futures = [
                [pool.submit(one, g, j) for j in range(len(js))] for g, js in enumerate(groups)
            ]
            waiting = [f for fs in futures for f in fs]
            while not all(f.done() for f in waiting):
                if self.sandbox.cancelled.wait(0.005):
                    self.sandbox.cancelled.clear()
                    for stop in (s for ss in stops for s in ss):
                        stop.set()
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise KeyboardInterrupt
        for extras in {imports_for([job.source]) for jobs in groups for job in jobs}:
            self._refill(extras)
        return [[f.result() for f in fs] for fs in futures]

    def close(self) -> None:
        for spares in self.spares.values():
            while spares:
                spares.pop().end()
