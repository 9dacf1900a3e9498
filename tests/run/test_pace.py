"""A time budget with real workers: what is under way is cut, and decided when the run goes on."""

import dataclasses
import time

import pytest
from fakes import Scripted

from harness import REPO
from harness.run import OutOfTime, loop
from harness.run.pace import UNDECIDED
from harness.run.ratchet import Run
from harness.scoring import Scorer

pytestmark = pytest.mark.heavy

BASELINE = (REPO / "train.py").read_text(encoding="utf-8")
BETTER = BASELINE.replace("C=1.0", "C=0.1")  # the rule asks for fresh folds, where it gains too
SLEEPY = BETTER.replace("def build_pipeline", "import time\n\n\ndef build_pipeline").replace(
    "    return make_pipeline", "    time.sleep(0.4)\n    return make_pipeline"
)


@pytest.fixture(scope="module")
def scorer():
    with Scorer() as made:
        made.score(BASELINE)  # the workers are warm: time is counted below
        yield made


def rows(run):
    cut = dict.fromkeys(("started_at", "wall_time_s"), 0)
    return [repr(dataclasses.replace(row, **cut)) for row in run.ledger.rows]


def test_work_under_way_is_cut_and_gives_the_same_rows_later(tmp_path, scorer):
    assert SLEEPY.count("sleep") == 1
    with Run.open("whole", root=tmp_path, scorer=scorer) as run:
        loop.run(run, Scripted([SLEEPY]), iterations=1)
        expected = rows(run)
        assert run.ledger.rows[1].val_auc > run.ledger.rows[0].val_auc, "there is a keep to judge"
    agent, calls = Scripted([SLEEPY]), 0
    with Run.open("parts", root=tmp_path, scorer=scorer) as run:
        loop.run(run, agent, iterations=0)
    while True:
        with Run.open("parts", root=tmp_path, scorer=scorer) as run:
            began = time.monotonic()
            ended = loop.run(run, agent, iterations=1, time_budget=0.6)
            took, calls = time.monotonic() - began, calls + 1
            assert scorer.sandbox.on_wait is None
            if calls == 1:  # a score takes more than a second: it is cut at 0.6 s
                assert took < 1.2
                assert "undecided" in ended.reason
                assert (run.path / UNDECIDED).exists()
            if run.iteration == 2:
                assert rows(run) == expected
                return
            assert calls < 20


def test_nothing_of_what_was_cut_runs_on(scorer):
    import psutil

    with Run.open("cut", root=scorer.sandbox.root, scorer=scorer) as run:
        with pytest.raises(OutOfTime), run.pace.until(time.monotonic() + 0.3), run.pace.piece():
            scorer.fold_scores(SLEEPY, range(101, 106))
    assert not any(child.where for child in scorer.sandbox._pool.children.values())
    time.sleep(0.3)
    (template,) = scorer.sandbox._pool.templates.values()
    assert len(psutil.Process(template.process.pid).children()) <= 6, "spare workers alone"
    assert scorer.score(BASELINE).ok
