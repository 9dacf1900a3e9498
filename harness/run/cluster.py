"""Score candidates on a Dask cluster: source text goes out, numbers come back.

Every worker process keeps one warm `Scorer` over its own installed copy of harness and data, and
scores only for those whose fingerprint is the same. A worker that is lost costs a retry: Dask gives
its candidate to another, and rows are written here, in slot order, as on one machine.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from harness import DATA
from harness.candidate import CandidateError
from harness.run.pace import pack_score, unpack_score
from harness.run.settings import differences, take_fingerprint
from harness.run.words import no
from harness.scoring import Score, Scorer
from harness.sealing import OwnFolder, SandboxError
from harness.task import Task, get_task

CONNECT_S = 30.0
PATIENCE_S = 120.0  # without any worker until the score is given up
LOST = 5  # workers that may be lost under one candidate
CHECK_S = 5.0


class _OtherHarness(Exception):
    """A worker has other files than the run; carries its fingerprint."""


# The one scorer of a worker process, in a thread of its own: the sandbox's template ends with the
# thread that started it, and Dask's threads come and go.
_host: dict[tuple, tuple] = {}  # (task, fingerprint) -> (thread, scorer)
_host_lock = threading.Lock()


def _work(task: str, fingerprint: str, method: str, args: tuple):
    """Do one call on a worker; everything in and out is text and numbers.

    What it cannot do comes back as a value: Dask would log an exception with the program's text.
    """
    from distributed.threadpoolexecutor import ThreadPoolExecutor

    try:
        with _host_lock:
            if (task, fingerprint) not in _host:
                mine = take_fingerprint(task)
                if mine["sha256"] != fingerprint:
                    return _OtherHarness(mine)
                _end_host()
                thread = ThreadPoolExecutor(1)
                # One fold at a time: candidates fill a cluster.
                scorer = thread.submit(Scorer, get_task(task), workers=1).result()
                _host[task, fingerprint] = thread, scorer
            thread, scorer = _host[task, fingerprint]
        args = [unpack_score(arg) if isinstance(arg, dict) else arg for arg in args]
        value = thread.submit(getattr(scorer, method), *args).result()
    except (CandidateError, SandboxError) as err:
        return err
    return pack_score(value) if isinstance(value, Score) else value


def _stop_working() -> None:
    """Cancel what this worker scores now (Ctrl-C on the other side)."""
    for _, scorer in _host.values():
        scorer.cancel()


def _end_host() -> None:
    for thread, scorer in _host.values():
        thread.submit(scorer.close)
        thread.shutdown(wait=False)
    _host.clear()


class Cluster(contextlib.ExitStack):
    """A connection to a Dask scheduler, by its address, such as tcp://host:8786.

    "local" starts one here with so many worker processes, and ends it in `close`. Raises a
    SandboxError if `distributed` is not installed or nobody answers at the address.
    """

    def __init__(self, scheduler: str, workers: int = 2):
        try:
            from distributed import Client
        except ImportError:
            raise no("no_dask", SandboxError) from None
        super().__init__()  # `close` leaves the cluster, and ends it if it was started here
        self.scheduler = scheduler
        # Lost workers are counted and told here; Dask's own log would drown it.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        address = self._start_here(workers) if scheduler == "local" else scheduler
        try:
            self.client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as err:
            self.close()
            told = {"address": address, "err": type(err).__name__}
            raise no("no_answer", SandboxError, **told) from None
        self.callback(self._leave)

    def _start_here(self, workers: int):
        import dask
        from distributed import LocalCluster

        folder = OwnFolder("ratchet-dask")
        self.callback(folder.close)
        path = [str(DATA.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        with dask.config.set({"distributed.scheduler.allowed-failures": LOST}):
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # None would claim 8787, and say so
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                local_directory=str(folder.path),
                # The threads of a worker's model are the sandbox's business.
                env={"PYTHONPATH": os.pathsep.join(path)},
            )
        self.callback(cluster.close, timeout=10)
        return cluster

    def run(self, function: Callable, calls: Sequence[tuple]) -> list:
        """Call a function on the cluster once per tuple of arguments; results in that order.

        Raises a SandboxError if there is no worker for long, or one candidate loses them all.
        """
        futures = [self.client.submit(function, *args, pure=False) for args in calls]
        try:
            return self._results(futures)
        except BaseException:
            with contextlib.suppress(Exception):  # take back what is not done
                self.client.cancel(futures, force=True)
                self.client.run(_stop_working, wait=False)
            raise

    def _results(self, futures: list) -> list:
        from distributed import CancelledError, KilledWorker

        try:
            self._wait(futures)
            return [future.result() for future in futures]
        except KilledWorker:
            raise no("all_lost", SandboxError, n=LOST) from None
        except CancelledError:
            raise no("no_scheduler", SandboxError, address=self.scheduler) from None
        except ModuleNotFoundError as err:
            raise no("no_module", SandboxError, name=err.name) from None

    def _wait(self, futures: list) -> None:
        """Wait for all; give up when there has been no worker for long."""
        from distributed import CancelledError, wait

        seen = time.monotonic()
        while True:
            try:
                with self.client.as_current():  # the one that `wait` asks
                    wait(futures, CHECK_S)
                return
            except TimeoutError:
                now = time.monotonic()
            if self.client.status not in ("running", "connecting"):
                raise CancelledError
            with contextlib.suppress(OSError, TimeoutError):
                seen = now if self.client.nthreads() else seen
            if now - seen > PATIENCE_S:
                raise no("no_worker", SandboxError, address=self.scheduler, wait=PATIENCE_S)

    def _leave(self) -> None:
        with contextlib.suppress(Exception):
            if self.client.status == "running":
                self.client.run(_end_host, wait=True)
        self.client.close(timeout=5)


class ClusterScorer(contextlib.ExitStack):
    """What a run needs of a `Scorer`, on a Dask cluster that is connected to when first needed.

    The task is one that `get_task` finds on the workers, too. `close` leaves the cluster.
    """

    def __init__(self, task: Task, scheduler: str, *, workers: int = 2):
        super().__init__()
        if task.frames is not None:
            raise SandboxError("a task made in memory cannot be scored on a cluster")
        self.task, self.scheduler, self.workers = task, scheduler, workers

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster."""
        self._fingerprint = take_fingerprint(self.task)
        return self.enter_context(Cluster(self.scheduler, self.workers))

    def score(self, source: str | bytes) -> Score:
        """See `Scorer.score`."""
        return self.score_many([source])[0]

    def score_many(self, sources: Sequence[str | bytes]) -> list[Score]:
        """See `Scorer.score_many`: one candidate per worker, results in the order given."""
        return self._call([("score", (source,)) for source in sources])

    def fold_scores(self, source: str | bytes, fold_seeds: Sequence[int]) -> np.ndarray:
        """See `Scorer.fold_scores`: one seed per worker."""
        tables = self._call([("fold_scores", (source, (int(seed),))) for seed in fold_seeds])
        return np.array(tables, dtype=float).reshape(len(fold_seeds), -1)

    def probe(self, source: str | bytes, score: Score) -> Score:
        """See `Scorer.probe`."""
        if not score.ok:
            return score
        return self._call([("probe", (source, pack_score(score)))])[0]

    def _call(self, calls: list[tuple[str, tuple]]) -> list:
        cluster = self.cluster
        head = (self.task.ref, self._fingerprint["sha256"])
        return list(map(self._read, cluster.run(_work, [(*head, *call) for call in calls])))

    def _read(self, answer):
        match answer:
            case _OtherHarness(args=(theirs,)):
                changed = differences(self._fingerprint, theirs)
                raise no("other_worker", SandboxError, changed=changed)
            case SandboxError():
                raise SandboxError(f"on a worker: {answer}")
            case CandidateError():
                raise answer
            case dict():
                return unpack_score(answer)
        return answer
