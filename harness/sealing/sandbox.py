"""Starts workers, limits them, kills them: the trusted side's only way to run a candidate.

`Sandbox.run` takes jobs (a program and one fold's rows each) and gives back numbers or a reason.
On Linux a warm template forks a sealed child per job (`forking.py`); elsewhere every job gets a
process of its own, started ahead of time (`spawning.py`). Which job runs when is the same for both
(`pool.py`), and both speak with `worker.py`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import DATA
from harness.sealing import seal
from harness.sealing.folders import OwnFolder
from harness.sealing.forking import ForkingPool
from harness.sealing.jobs import Job, Reply
from harness.sealing.pool import Run
from harness.sealing.reach import readable_roots, without_hidden
from harness.sealing.spawning import SpawningPool


class Sandbox:
    """A pool of single-use workers.

    `workers` are jobs side by side, by default the usable processors; `landlock` and `seccomp`
    switch a lock off, to see what it is worth; `method` is "fork" (the default on Linux) or
    "spawn"; `hidden` are more files and folders that a candidate must not read.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        landlock: bool = True,
        seccomp: bool = True,
        method: str | None = None,
        hidden: Sequence[Path] = (),
    ):
        self.workers = workers or usable_cpus()
        self.method = method or ("fork" if sys.platform == "linux" else "spawn")
        forked = self.method == "fork"
        self.landlock = forked and landlock and seal.landlock_abi() > 0
        self.seccomp = forked and seccomp and seal.seccomp_supported()
        self.cancelled = threading.Event()
        self.on_wait: Callable[[], None] | None = None  # called while jobs run; may raise
        if forked and not self.landlock:
            seal.hide_from_debuggers()
        self.roots = readable_roots() if self.landlock else []
        self.read = without_hidden(self.roots, [DATA, *hidden]) if self.landlock else []
        self._begin()

    def _begin(self) -> None:
        self._folder = OwnFolder()
        self._pool = ForkingPool(self) if self.method == "fork" else SpawningPool(self)

    @property
    def root(self) -> Path:
        """The folder of all scratch folders."""
        return self._folder.path

    @property
    def isolation(self) -> str:
        """The level in force, as C3 prints it."""
        return isolation_name(self.method, self.landlock, self.seccomp)

    def run(
        self, groups: Sequence[Sequence[Job]], budget_s: float, stop_early: bool = True
    ) -> list[list[Reply]]:
        """Run groups of jobs; every group has the same time.

        A group is one candidate's score: its clock starts with its first job. What still runs after
        `budget_s` seconds is killed, and jobs that did not finish reply ``timeout (…)``. With
        `stop_early` a job that fails drops the later jobs of its group; the earlier ones finish, so
        that the first problem of a group does not depend on who was faster.

        Raises `SandboxError` if workers cannot be started, KeyboardInterrupt if another thread
        called `cancel`, and what `on_wait` raises.
        """
        if not self._folder.is_there():  # somebody cleaned up under a run
            self.close()
            self._begin()
        return Run(self._pool, groups, budget_s, stop_early).go()

    def cancel(self) -> None:
        """End the jobs that run now, from another thread."""
        self.cancelled.set()

    def close(self) -> None:
        """End every process and remove every scratch folder."""
        self._pool.close()
        self._folder.close()


def usable_cpus() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def isolation_name(method: str, landlock: bool, seccomp: bool) -> str:
    """Name a level of isolation."""
    if method != "fork":
        return "process (separate process and deadline only)"
    locks = [f"landlock {seal.landlock_abi()}"] if landlock else []
    locks += ["seccomp"] if seccomp else []
    level = "full" if len(locks) == 2 else "partial"
    return f"{level} ({', '.join([*locks, 'limits', 'no capabilities'])})"
