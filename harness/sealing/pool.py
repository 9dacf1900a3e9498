"""One call of `Sandbox.run`: which job runs when, until when, and what came of it.

How a worker is started, heard and killed is said by the two kinds of pool: `forking.py` for Linux,
`spawning.py` for everywhere else.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections import defaultdict, deque
from io import RawIOBase

from harness.sealing.folders import remove_tree, too_full
from harness.sealing.jobs import (
    LOG_BYTES,
    OUTPUT_LIMIT,
    REASON_LIMIT,
    Job,
    Reply,
    SandboxError,
    ended_without_reply,
    parse_reply,
)
from harness.sealing.reach import imports_for

LOOK_S = 0.25  # between two looks at scratch folders, and the longest wait for anything
NOT_RUN = "crashed (not run: an earlier fold failed)"


class Heard:
    """What a worker says into one pipe: the first bytes are kept, the rest is only counted."""

    def __init__(self, pipe: RawIOBase, keep: int):
        self.pipe, self.keep, self.data = pipe, keep, bytearray()
        self.seen, self.over = 0, False

    def hear(self) -> bool:
        """Read what is there; False if there was nothing, or no more will come."""
        try:
            data = self.pipe.read(1 << 16)
        except (OSError, ValueError):
            data = b""
        self.over = data == b""
        self.seen += len(data or b"")
        self.data += (data or b"")[: max(0, self.keep - len(self.data))]
        return bool(data)


class Worker:
    """A process for one job, and all that is known of it.

    Each kind adds `answered` (whether the reply is complete, or never will be), `kill` (begin to
    end it) and what sets `status`.
    """

    watched = True  # whether its scratch folder is looked at while it runs

    def __init__(self, number: int, scratch: str, reply: RawIOBase, log: RawIOBase):
        self.number, self.scratch = number, scratch
        self.reply, self.wanted = Heard(reply, 0), 0
        self.log = Heard(log, LOG_BYTES)
        self.header: dict = {}  # what it is told of its job, apart from the program and the rows
        self.where: tuple[int, int] | None = None  # (group, job) it works on
        self.started_s = 0.0
        self.problem = ""  # set when the trusted side ends the job
        self.status: int | None = None  # set when it has ended and all that it said was read
        self.usage = {"cpu_s": float("nan"), "peak_kib": float("nan")}

    def give(self, job: Job, budget_s: float) -> None:
        """Hand over the job."""
        self.header = {"kind": job.kind, "n_outputs": job.n_outputs, "seed": job.seed}
        self.wanted = 9 + 8 * job.n_numbers
        self.reply.keep = max(self.wanted, REASON_LIMIT) + 1

    def tells_error(self) -> bool:
        return self.reply.data[:1] == b"\x01"

    def judge(self) -> None:
        """Find a problem in what has been heard so far."""
        if self.reply.seen > max(self.wanted, REASON_LIMIT if self.tells_error() else 0):
            self.blame("crashed (the worker sent more bytes than were asked for)")
        if self.log.seen > OUTPUT_LIMIT:
            self.blame(f"crashed (printed more than {OUTPUT_LIMIT // 1024} KiB)")

    def blame(self, problem: str) -> None:
        """Note a problem; the first one counts."""
        self.problem = self.problem or problem

    def close(self) -> None:
        self.reply.pipe.close()
        self.log.pipe.close()
        remove_tree(self.scratch)

    def result(self, job: Job) -> Reply:
        """Make the reply of a worker that has ended."""
        sent = bytes(self.reply.data)
        problem = self.problem or ("" if sent else ended_without_reply(self.status))
        numbers = (problem, 0.5, None) if problem else parse_reply(sent, job.n_numbers)
        log = self.log.data.decode("utf-8", "replace")
        cpu_s, peak_kib = self.usage["cpu_s"], self.usage["peak_kib"]
        return Reply(*numbers, log, cpu_s, peak_kib / 1024, self.started_s, time.monotonic())


class Pool:
    """Workers that wait, sorted by the extra libraries that they have imported.

    Each kind adds `start` (a worker that can import these extras at once), `watch` (wait for
    something to happen, and take down what each worker said) and `close`.
    """

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.children: dict[int, Worker] = {}  # all that live, by number
        self.spares: dict[tuple[str, ...], deque[Worker]] = defaultdict(deque)
        self.numbers = itertools.count(1)

    def prepare(self, extras: tuple[str, ...]) -> None:
        """Do what has to be done before the clock of a run starts."""

    def take(self, extras: tuple[str, ...]) -> Worker:
        """Give a worker that is free: a spare one if there is one."""
        while self.spares[extras]:
            worker = self.spares[extras].popleft()
            if os.path.isdir(worker.scratch):
                return worker
            worker.kill()  # somebody removed its folder
            self.forget(worker)
        return self._start(extras)

    def refill(self, extras: tuple[str, ...], count: int) -> None:
        """Start workers ahead of need, until `count` wait."""
        while len(self.spares[extras]) < count:
            self.spares[extras].append(self._start(extras))

    def _start(self, extras: tuple[str, ...]) -> Worker:
        worker = self.start(next(self.numbers), extras)
        self.children[worker.number] = worker
        return worker

    def forget(self, worker: Worker) -> None:
        """Close what belongs to a worker that has ended."""
        self.children.pop(worker.number, None)
        for spares in self.spares.values():
            if worker in spares:
                spares.remove(worker)
        worker.close()


class Run:
    """One call of `Sandbox.run`."""

    def __init__(self, pool: Pool, groups, budget_s: float, stop_early: bool):
        self.pool, self.groups, self.stop_early = pool, groups, stop_early
        self.budget_s, self.too_late = budget_s, f"timeout (over {budget_s:g} s)"
        self.replies: list[list[Reply | None]] = [[None] * len(jobs) for jobs in groups]
        self.queue = deque((g, j) for g, jobs in enumerate(groups) for j in range(len(jobs)))
        self.deadline: dict[int, float] = {}  # of a group; from its first job on
        self.failed = [len(jobs) for jobs in groups]  # first job of a group that failed
        self.running: list[Worker] = []
        self.ending: list[Worker] = []  # answered or killed, not yet gone
        self.looked_at = time.monotonic()
        sources = {job.source for jobs in groups for job in jobs}
        self.extras = {source: imports_for([source]) for source in sources}  # libraries it names

    def go(self) -> list[list[Reply]]:
        try:
            for extras in set(self.extras.values()):
                self.pool.prepare(extras)
            while self.queue or self.running or self.ending:
                self._start_jobs()
                self._wait()
        except BaseException:
            self._abandon()
            raise
        for extras in set(self.extras.values()):
            self.pool.refill(extras, max(len(jobs) for jobs in self.groups))
        return self.replies

    def _start_jobs(self) -> None:
        while self.queue and len(self.running) < self.pool.sandbox.workers:
            g, j = self.queue.popleft()
            if time.monotonic() >= self.deadline.get(g, math.inf):
                self.replies[g][j] = Reply(self.too_late)
            elif j > self.failed[g]:
                self.replies[g][j] = Reply(NOT_RUN)
            else:
                self._start(g, j)

    def _start(self, g: int, j: int) -> None:
        job = self.groups[g][j]
        worker = self.pool.take(self.extras[job.source])
        worker.where, worker.started_s = (g, j), time.monotonic()
        self.deadline.setdefault(g, worker.started_s + self.budget_s)
        self.running.append(worker)
        worker.give(job, self.budget_s)

    def _wait(self) -> None:
        now = time.monotonic()
        soon = min((self.deadline[w.where[0]] for w in self.running), default=now + LOOK_S)
        self.pool.watch(max(0.0, min(soon - now, LOOK_S)))
        for worker in [*self.running, *self.ending]:
            worker.judge()
            if worker.problem or worker.answered():
                self._end(worker)
        self._settle()
        self._check_limits()

    def _end(self, worker: Worker, problem: str = "") -> None:
        """The reply is complete, or will never be: end the process and wait for its end."""
        worker.blame(problem)
        if worker in self.running:
            self.running.remove(worker)
            self.ending.append(worker)
            if worker.status is None:
                worker.kill()

    def _settle(self) -> None:
        """Turn what has ended into replies."""
        for worker in [w for w in self.ending if w.status is not None]:
            g, j = worker.where
            reply = self.replies[g][j] = worker.result(self.groups[g][j])
            self.ending.remove(worker)
            self.pool.forget(worker)
            if reply.problem and self.stop_early and j < self.failed[g]:
                self.failed[g] = j
                for other in [w for w in self.running if w.where[0] == g and w.where[1] > j]:
                    self._end(other, NOT_RUN)

    def _check_limits(self) -> None:
        now = time.monotonic()
        if self.pool.sandbox.cancelled.is_set():
            self.pool.sandbox.cancelled.clear()
            raise KeyboardInterrupt
        if self.pool.sandbox.on_wait:
            self.pool.sandbox.on_wait()
        look = now - self.looked_at > LOOK_S
        self.looked_at = now if look else self.looked_at
        for worker in list(self.running):
            if now >= self.deadline[worker.where[0]]:
                self._end(worker, self.too_late)
            elif look and worker.watched and too_full(worker.scratch):
                self._end(worker, "crashed (filled its scratch folder)")

    def _abandon(self) -> None:
        """After an interruption: kill what runs, wait until it is gone, then forget it."""
        with contextlib.suppress(SandboxError):
            for worker in list(self.running):
                self._end(worker, "crashed (stopped)")
            until = time.monotonic() + 5
            while self.ending and time.monotonic() < until:
                self.pool.watch(0.1)
                self._settle()
        for worker in [*self.running, *self.ending]:
            self.pool.forget(worker)
