"""A Dask cluster of real worker processes: same numbers, nothing lost, refusals in plain words."""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
import time
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

from harness import REPO, fingerprint
from harness.agents import Proposal
from harness.candidate import CandidateError
from harness.run import cluster, settings
from harness.run.cluster import Cluster, ClusterScorer, pack_score, unpack_score
from harness.run.ratchet import Run
from harness.scoring.score import Score
from harness.sealing.jobs import SandboxError
from harness.task.task import HEART, Task

START = (REPO / "train.py").read_text(encoding="utf-8")
BAD = "HYPOTHESIS = 'falls over'\nraise RuntimeError('on purpose')\n"
pytestmark = pytest.mark.heavy  # a cluster is as heavy as the workers on it

LOSING = (10, 30, 100)  # not kept, so not probed, which would sleep half a minute more
SLEEPS = "    import time\n    time.sleep(0.4)\n    return X\n"


def variant(c: float) -> str:
    return START.replace("C=1.0", f"C={c}")


@pytest.fixture(scope="module")
def shared():
    """Two workers for the whole file, and one fingerprint: sources may be edited meanwhile."""
    with Cluster("local", 2) as both:
        both.client.register_worker_callbacks(setup=partial(_freeze_fingerprint, FINGERPRINT))
        yield both


FINGERPRINT = fingerprint.take()


def _freeze_fingerprint(taken: dict) -> None:
    """Runs on every worker that starts, those that stand in for lost ones included."""
    settings.fingerprint.take = lambda *files: taken


@pytest.fixture
def far(shared, monkeypatch):
    """A scorer that reaches the cluster by its address, as one on another machine does."""
    monkeypatch.setattr(fingerprint, "take", lambda *files: FINGERPRINT)
    with ClusterScorer(HEART, shared.client.scheduler.address) as scorer:
        yield scorer


@pytest.fixture
def near(heart):
    return heart


def same(a: Score, b: Score) -> bool:
    skip = ("wall_time_s", "cpu_s", "peak_mib", "predictions", "log")
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Score) if f.name not in skip]
    return all(x == y or (x != x and y != y) for x, y in pairs) and all(
        np.array_equal(p, q) for p, q in zip(a.predictions, b.predictions, strict=True)
    )


def test_same_numbers_as_on_one_machine_in_the_order_given(far, near):
    sources = [variant(0.3), BAD, START, "not python ("]
    for got, wanted in zip(far.score_many(sources), near.score_many(sources), strict=True):
        assert same(got, wanted)
    assert (far.fold_scores(START, (1, 2)) == near.fold_scores(START, (1, 2))).all()
    with pytest.raises(CandidateError, match="on purpose"):
        far.fold_scores(BAD, (1,))
    score = near.score(variant(0.3))
    probes = [scorer.probe(variant(0.3), score).probes for scorer in (far, near)]
    assert [(p.name, p.verdict) for p in probes[0]] == [(p.name, p.verdict) for p in probes[1]]
    # The other probes draw their labels anew in every process, so that nobody can know them.
    fixed = [[p.value for p in some if p.name in ("repeatability", "batch")] for some in probes]
    assert fixed[0] == fixed[1]
    assert len(fixed[0]) == 2


def test_a_score_travels_as_text_and_numbers_and_comes_back_whole(near):
    score = near.probe(START, near.score(START))
    packed = pack_score(score)
    back = unpack_score(packed)
    assert same(back, score)
    assert (back.probes, back.log, back.cpu_s) == (score.probes, score.log, score.cpu_s)

    def plain(value):
        if isinstance(value, dict | list | tuple):
            return all(map(plain, value.values() if isinstance(value, dict) else value))
        return isinstance(value, str | int | float | bool | bytes | type(None))

    assert plain(packed)


def test_the_ledger_is_the_one_of_one_machine(far, near, tmp_path):
    batches = [[variant(0.5), BAD], [variant(0.05), variant(0.5)]]
    ledgers = []
    for name, scorer in (("near", near), ("far", far)):
        with Run.open("t", root=tmp_path / name, scorer=scorer, agent="self") as run:
            run.ensure_baseline()
            for batch in batches:
                run.steps([Proposal(source) for source in batch])
            ledgers.append([
                (r.iteration, r.val_auc, r.test_auc, r.status, r.decision, r.delta, r.description)
                for r in run.ledger.rows
            ])  # fmt: skip
    assert len(ledgers[0]) == 5
    assert {row[4] for row in ledgers[0]} == {"baseline", "kept", "discarded"}
    assert repr(ledgers[0]) == repr(ledgers[1])  # repr: NaN is NaN, and every digit counts


def test_a_lost_worker_costs_a_retry_never_a_row(shared, far, near, tmp_path):
    slow = [variant(c).replace("    return X\n", SLEEPS)
            for c in LOSING]  # fmt: skip
    before = shared.client.run(os.getpid)
    killed = []

    def kill_one() -> None:
        while not any(shared.client.processing().values()):
            time.sleep(0.1)
        time.sleep(1.0)  # in the midst of a candidate: it sleeps five seconds in all
        busy = shared.client.processing()
        address = next(a for a, keys in busy.items() if keys)
        os.kill(before[address], signal.SIGKILL)
        killed.append(before[address])

    killer = threading.Thread(target=kill_one)
    with Run.open("t", root=tmp_path, scorer=far, agent="self") as run:
        run.ensure_baseline()
        killer.start()
        rows = run.steps([Proposal(source) for source in slow])
        killer.join()
    assert len(killed) == 1
    assert [row.iteration for row in rows] == [1, 2, 3]
    expected = [near.score(variant(c)).val_auc for c in LOSING]
    assert [row.val_auc for row in rows] == expected
    # Leave the cluster as it was found.
    deadline = time.monotonic() + 120
    while len(shared.client.nthreads()) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)


def test_a_worker_with_another_harness_is_refused(far):
    assert far.cluster is not None
    files = FINGERPRINT["files"] | {"harness/scoring/scorer.py": "other"}
    far._fingerprint = FINGERPRINT | {"sha256": "other", "files": files}
    with pytest.raises(
        SandboxError, match="another harness.*harness/scoring/scorer.py changed.*install"
    ):
        far.score(START)


def test_nobody_at_the_address(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with socket.socket() as taken:  # a port that is ours and answers nothing
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with ClusterScorer(HEART, address) as scorer, pytest.raises(SandboxError, match="no Dask"):
            scorer.score(START)


def test_no_worker_for_long(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(cluster, "PATIENCE_S", 0.5)
    monkeypatch.setattr(cluster, "CHECK_S", 0.1)
    with (
        LocalCluster(n_workers=0, dashboard_address=None, processes=True) as empty,
        ClusterScorer(HEART, empty.scheduler_address) as scorer,
        pytest.raises(SandboxError, match="no worker.*dask worker"),
    ):
        scorer.score(START)


def test_a_task_in_memory_is_refused():
    X, y = HEART.load()
    with pytest.raises(SandboxError, match="in memory"):
        ClusterScorer(Task.from_frames("x", X, y), "local")


def test_calls_keep_their_order_and_raise_what_the_function_raised(shared):
    with Cluster(shared.client.scheduler.address) as cluster:
        assert cluster.run(math.sqrt, [(9.0,), (1.0,), (4.0,)]) == [3.0, 1.0, 2.0]
        with pytest.raises(ValueError):
            cluster.run(math.sqrt, [(1.0,), (-1.0,)])


def test_outer_splits_run_on_a_cluster_and_come_back_in_order(shared, tmp_path, capsys, warm):
    pytest.importorskip("benchmarks.transfer")
    from benchmarks import transfer

    common = ["--splits", "3", "--iterations", "1", "--cores", "1", "--arms", "baseline"]
    for name, more in (("here", []), ("there", ["--scheduler", shared.client.scheduler.address])):
        assert transfer.main([*common, *more, "--results", str(tmp_path / name)]) == 0
    assert "split 3/3" in capsys.readouterr().out
    here, there = (
        transfer.read_records(tmp_path / name / "transfer_heart_1tries.jsonl")
        for name in ("here", "there")
    )
    assert [r["split"] for r in there] == [0, 1, 2]
    assert [r["score"] for r in there] == [r["score"] for r in here]


@pytest.mark.slow
def test_a_local_cluster_leaves_nothing_behind(tmp_path):
    import subprocess
    import sys

    import psutil

    words = ["run", "--tag", "t", "--runs", str(tmp_path), "--agent", "random", "--iterations", "3"]
    child = subprocess.Popen(
        [sys.executable, "-m", "harness", *words, "--parallel", "2", "--scheduler", "local"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    me, family = psutil.Process(child.pid), set()
    while child.poll() is None:
        try:
            family |= set(me.children(recursive=True))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    out, err = child.communicate()
    assert child.returncode == 0, err
    assert err.strip() == ""  # silent: no warnings of Dask's on the way
    assert out.count("iter ") == 4
    assert family
    assert not [p for p in family if p.is_running() and p.status() != "zombie"]
    assert not list(Path(tmp_path).glob("ratchet-dask-*"))
