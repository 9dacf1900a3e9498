"""kill -9 at any moment: no finished row is lost or doubled, git and ledger agree afterwards."""

import os
import random
import signal
import time

import pytest
from fakes import PROGRAM, START, Climber, FakeScorer, frozen  # noqa: F401

from benchmarks.kills import WAYS, campaign
from harness.evidence.verify import check_agreement
from harness.run import loop
from harness.run.ratchet import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL and no fork on Windows")

POINTS = ("score", "probe", "commit", "log", "row", "ref", "settled")


def work(root, tag, hook=lambda point: None, parallel=1):
    scorer = FakeScorer()
    with Run.open(tag, root=root, scorer=scorer, start=(START, PROGRAM), hook=hook) as run:
        loop.run(run, Climber(), iterations=8, parallel=parallel)


def die_at(root, tag, point, nth, parallel):
    """Run in a child that ends without any clean-up at the nth passage of a point."""
    child = os.fork()
    if child == 0:
        passed = 0

        def hook(name):
            nonlocal passed
            passed += name == point
            if passed == nth:
                os._exit(9)

        try:
            work(root, tag, hook, parallel)
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def rows(folder):
    cells = [line.split("\t") for line in (folder / "results.tsv").read_text().splitlines()]
    clock = [cells[0].index("wall_time_s"), cells[0].index("started_at")]
    return [[c for i, c in enumerate(row) if i not in clock] for row in cells]


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_dying_at_each_point_loses_and_doubles_nothing(tmp_path, point, parallel):
    work(tmp_path, "whole", parallel=parallel)
    deaths = 0
    for nth in (1, 2, 1, 3, 1, 2):
        status = die_at(tmp_path, "parts", point, nth, parallel)
        assert status in (0, 9)
        deaths += status == 9
    assert deaths >= 1, "the point was never passed: the test tests nothing"
    work(tmp_path, "parts", parallel=parallel)
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert check_agreement(tmp_path / "parts") == []


@pytest.mark.usefixtures("frozen")
def test_after_dying_anywhere_opening_the_run_puts_git_right(tmp_path):
    for point in POINTS:
        tag = f"at-{point}"
        die_at(tmp_path, tag, point, 3, 1)
        with Run.open(tag, root=tmp_path, scorer=FakeScorer()) as run:
            run.settle()
        assert check_agreement(tmp_path / tag) == [], point


@pytest.mark.usefixtures("frozen")
def test_dying_between_row_and_references_is_seen_by_the_check_before_it_is_put_right(tmp_path):
    die_at(tmp_path, "x", "row", 3, 1)
    assert check_agreement(tmp_path / "x") != [], "the check would miss a disagreement"


@pytest.mark.usefixtures("frozen")
def test_a_line_torn_by_a_kill_is_scored_again_and_the_same(tmp_path):
    work(tmp_path, "whole")
    work(tmp_path, "torn")
    path = tmp_path / "torn" / "results.tsv"
    path.write_bytes(path.read_bytes()[:-20])
    work(tmp_path, "torn")
    assert rows(tmp_path / "torn") == rows(tmp_path / "whole")
    assert check_agreement(tmp_path / "torn") == []


@pytest.mark.usefixtures("frozen")
def test_sixty_kills_at_random_moments_lose_nothing(tmp_path):
    rng, kills, tag = random.Random(0), 0, 0
    started = time.monotonic()
    work(tmp_path, "whole")
    length = time.monotonic() - started
    while kills < 60:
        folder = tmp_path / f"parts-{tag}"
        child = os.fork()
        if child == 0:
            try:
                work(tmp_path, folder.name)
                os._exit(0)
            except BaseException:
                os._exit(1)
        time.sleep(rng.uniform(0, length))
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        kills += status == -signal.SIGKILL
        assert status in (0, -signal.SIGKILL)
        if status == 0:
            assert rows(folder) == rows(tmp_path / "whole")
            assert check_agreement(folder) == []
            tag += 1
        elif (folder / "results.tsv").exists():
            finished = (folder / "results.tsv").read_bytes().rpartition(b"\n")[0].split(b"\n")
            assert len(finished) == len(set(finished)), "a row is there twice"
    work(tmp_path, folder.name)
    assert rows(folder) == rows(tmp_path / "whole")
    assert check_agreement(folder) == []


def kill_the_real_command(tmp_path, kills, **options):
    tally = campaign(tmp_path, kills, random_seed=1, **options)
    assert tally.disagreements == []
    assert (
        str(tally) == f"kills {kills}, rows lost 0, rows doubled 0, disagreements 0, left behind 0"
    )
    return tally


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_kills_of_the_real_command_lose_nothing(tmp_path):
    kill_the_real_command(tmp_path, 2, iterations=3)


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("parallel", [1, 3])
def test_many_kills_of_the_real_command_lose_nothing(tmp_path, parallel):
    tally = kill_the_real_command(tmp_path, 40, iterations=12, parallel=parallel)
    assert set(tally.by_way) == set(WAYS)
