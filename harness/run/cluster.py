"""Score candidates on a Dask cluster: source text goes out, numbers come back.

Every worker process keeps one warm `Scorer` over its own installed copy of harness and data, and
scores only for those whose fingerprint is the same. A worker that is lost costs a retry: Dask gives
its candidate to another, and rows are written here, in slot order, as on one machine.
"""

from __future__ import annotations

import contextlib
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from harness.candidate import CandidateError
from harness.run.settings import take_fingerprint
from harness.scoring import Probe, Score, Scorer
from harness.sealing import SandboxError
from harness.task import Task, get_task

CONNECT_S = 30.0
PATIENCE_S = 120.0  # without any worker until the score is given up
LOST = 5  # workers that may be lost under one candidate
POLL_S, CHECK_S = 0.5, 5.0
INSTALL = "pip install distributed (the extra 'cluster' of this course)"

# ------------------------------------------------------------------------------- on the workers


class _Host:
    """The one scorer of a worker process, in a thread of its own.

    The sandbox's template ends with the thread that started it, and Dask's threads come and go.
    """

    def __init__(self, task: str, fingerprint: str, workers: int):
        self.key = (task, fingerprint, workers)
        self.calls: queue.SimpleQueue = queue.SimpleQueue()
        self.scorer: Scorer | None = None
        threading.Thread(target=self._serve, args=(task, workers), daemon=True).start()

    def _serve(self, task: str, workers: int) -> None:
        while (call := self.calls.get()) is not None:
            method, args, answers = call
            try:
                if self.scorer is None:
                    self.scorer = Scorer(get_task(task), workers=workers)
                answers.put((getattr(self.scorer, method)(*args), None))
            except BaseException as err:
                answers.put((None, err))
        if self.scorer is not None:
            self.scorer.close()

    def call(self, method: str, *args):
        """Have the thread call a method of the scorer, and wait for what it gives."""
        answers: queue.SimpleQueue = queue.SimpleQueue()
        self.calls.put((method, args, answers))
        value, err = answers.get()
        if err is not None:
            raise err
        return value

    def end(self) -> None:
        """End the thread and its scorer."""
        self.calls.put(None)


_host: _Host | None = None
_host_lock = threading.Lock()


def _work(task: str, fingerprint: str, workers: int, method: str, args: tuple) -> dict:
    """Do one call on a worker; everything in and out is text and numbers."""
    global _host
    with _host_lock:
        if _host is None or _host.key != (task, fingerprint, workers):
            mine = take_fingerprint(task)
            if mine["sha256"] != fingerprint:
                return {"other": {"files": mine["files"], "packages": mine["packages"],
                                  "python": mine["python"]}}  # fmt: skip
            if _host is not None:
                _host.end()
            _host = _Host(task, fingerprint, workers)
        host = _host
    try:
        if method == "probe":
            source, score, best = args
            return {"score": pack_score(host.call("probe", source, unpack_score(score), best))}
        value = host.call(method, *args)
    except CandidateError as err:
        return {"candidate": str(err)}
    except SandboxError as err:
        return {"sandbox": str(err)}
    return {"score": pack_score(value)} if isinstance(value, Score) else {"numbers": value}


def _stop_working() -> None:
    """Cancel what this worker scores now (Ctrl-C on the other side)."""
    if _host is not None and _host.scorer is not None:
        _host.scorer.cancel()


def _end_host() -> None:
    global _host
    if _host is not None:
        _host.end()
        _host = None


def pack_score(score: Score) -> dict:
    """Turn a score into plain text and numbers."""
    packed = {f.name: getattr(score, f.name) for f in fields(Score)}
    packed["probes"] = [[getattr(p, f.name) for f in fields(Probe)] for p in score.probes]
    packed["predictions"] = [np.asarray(p).tobytes() for p in score.predictions]
    packed["fold_scores"] = list(score.fold_scores)
    return packed


def unpack_score(packed: dict) -> Score:
    """Make a score of what `pack_score` gave."""
    return Score(
        **packed
        | {
            "probes": tuple(Probe(*values) for values in packed["probes"]),
            "predictions": tuple(np.frombuffer(p) for p in packed["predictions"]),
            "fold_scores": tuple(packed["fold_scores"]),
        }
    )


# ----------------------------------------------------------------------------- on this machine


class Cluster:
    """A connection to a Dask scheduler; "local" starts one here and ends it in `close`.

    Parameters
    ----------
    scheduler : str
        "local", or the address of a scheduler such as tcp://host:8786.
    workers : int
        Worker processes of a local cluster.

    Raises
    ------
    SandboxError
        If `distributed` is not installed or nobody answers at the address.
    """

    def __init__(self, scheduler: str, workers: int = 2):
        import logging

        try:
            import dask
            from distributed import Client, LocalCluster
        except ImportError:
            raise SandboxError(f"--scheduler needs Dask: {INSTALL}") from None
        self.scheduler, self._cluster, self._folder = scheduler, None, None
        # Lost workers are counted and told here; Dask's own log would drown it.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        with dask.config.set({"distributed.scheduler.allowed-failures": LOST}):
            if scheduler == "local":
                self._folder = tempfile.TemporaryDirectory(prefix="ratchet-dask-")
                scheduler = self._cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # None would claim 8787, and say so
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                    local_directory=self._folder.name,
                    # The threads of a worker's model are the sandbox's business.
                    env={"PYTHONPATH": _path()},
                )
            try:
                self.client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as err:
                self.close()
                raise SandboxError(
                    f"no Dask scheduler answers at {scheduler} ({type(err).__name__}): start one "
                    "with `dask scheduler`, or use --scheduler local"
                ) from None

    def run(self, function: Callable, calls: Sequence[tuple]) -> list:
        """Call a function on the cluster once per tuple of arguments; results in that order.

        Raises
        ------
        SandboxError
            If the cluster fails for good: no worker, or one candidate loses one after another.
        """
        futures = [self.client.submit(function, *args, pure=False) for args in calls]
        try:
            self._wait(futures)
            return [self._result(future) for future in futures]
        except BaseException:
            self.cancel(futures)
            raise

    def _wait(self, futures: list) -> None:
        """Wait for all; give up when there has been no worker for long."""
        left, changed = set(range(len(futures))), threading.Event()

        def done(i: int) -> None:
            left.discard(i)
            changed.set()

        for i, future in enumerate(futures):
            future.add_done_callback(lambda _, i=i: done(i))
        seen = checked = time.monotonic()
        while left:
            changed.wait(POLL_S)
            changed.clear()
            now = time.monotonic()
            if now - checked < CHECK_S:
                continue
            checked = now
            if self.client.status not in ("running", "connecting"):
                raise self._gone()
            with contextlib.suppress(OSError, TimeoutError):
                seen = now if self.client.nthreads() else seen
            if now - seen > PATIENCE_S:
                raise SandboxError(
                    f"the cluster at {self.scheduler} has had no worker for {PATIENCE_S:.0f} s: "
                    "start one with `dask worker`, then type the same command again"
                )

    def _gone(self) -> SandboxError:
        return SandboxError(
            f"the Dask scheduler at {self.scheduler} is gone: start it, then type the same command "
            "again"
        )

    def _result(self, future):
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        try:
            return future.result()
        except KilledWorker:
            raise SandboxError(
                f"{LOST} workers were lost one after another on the same candidate: look at the "
                "workers' memory, then type the same command again"
            ) from None
        except FutureCancelledError:
            raise self._gone() from None
        except ModuleNotFoundError as err:
            raise SandboxError(
                f"a worker has no module {err.name!r}: install this course there, or start "
                "`dask worker` in its folder with PYTHONPATH=."
            ) from None

    def cancel(self, futures: list) -> None:
        """Take back what is not done, and stop what workers score now."""
        with contextlib.suppress(Exception):
            self.client.cancel(futures, force=True)
            self.client.run(_stop_working, wait=False)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        client, self.client = getattr(self, "client", None), None
        if client is not None:
            with contextlib.suppress(Exception):
                if client.status == "running":
                    client.run(_end_host, wait=True)
            client.close(timeout=5)
        if self._cluster is not None:
            self._cluster.close(timeout=10)
            self._cluster = None
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.cleanup()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exc) -> None:
        self.close()


def _path() -> str:
    from harness import REPO

    return os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH", "")]))


class ClusterScorer:
    """What a run needs of a `Scorer`, on a Dask cluster.

    Parameters
    ----------
    task : Task
        One that `get_task` finds on the workers, too.
    scheduler : str
        "local" or an address.
    workers : int
        Worker processes of a local cluster.
    folds : int
        Folds that a worker process scores side by side; 1, since a cluster is filled by
        candidates.
    """

    def __init__(self, task: Task, scheduler: str, *, workers: int = 2, folds: int = 1):
        if task.frames is not None:
            raise SandboxError("a task made in memory cannot be scored on a cluster")
        self.task, self.scheduler = task, scheduler
        self.workers, self.folds_at_once = workers, folds
        self._cluster: Cluster | None = None
        self._fingerprint: dict | None = None

    def __enter__(self) -> ClusterScorer:
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    @property
    def cluster(self) -> Cluster:
        """The cluster; connected to when first needed."""
        if self._cluster is None:
            self._cluster = Cluster(self.scheduler, self.workers)
            self._fingerprint = take_fingerprint(self.task)
        return self._cluster

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

    def probe(self, source: str | bytes, score: Score, best_source: str | None = None) -> Score:
        """See `Scorer.probe`."""
        if not score.ok:
            return score
        return self._call([("probe", (source, pack_score(score), best_source))])[0]

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def _call(self, calls: list[tuple[str, tuple]]) -> list:
        cluster = self.cluster
        head = (self.task.ref, self._fingerprint["sha256"], self.folds_at_once)
        answers = cluster.run(_work, [(*head, method, args) for method, args in calls])
        return [self._read(answer) for answer in answers]

    def _read(self, answer: dict):
        if "other" in answer:
            from harness.fingerprint import changes

            differs = changes(self._fingerprint, answer["other"])
            shown = "; ".join(differs[:3]) + (f" and {len(differs) - 3} more" * (len(differs) > 3))
            raise SandboxError(
                f"a worker has another harness or data than this machine ({shown}): install the "
                "same there, restart its `dask worker`, then type the same command again"
            )
        if "candidate" in answer:
            raise CandidateError(answer["candidate"])
        if "sandbox" in answer:
            raise SandboxError(f"on a worker: {answer['sandbox']}")
        return unpack_score(answer["score"]) if "score" in answer else answer["numbers"]
