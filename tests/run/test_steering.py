"""Hints, pause, stop, patience and guards: seen by the loop, written down, never twice."""

import dataclasses

import pytest
from fakes import PROGRAM, START, FakeScorer, Scripted, frozen, program  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from harness import RunError
from harness.agents import AgentError
from harness.agents.prompt import build_prompt
from harness.evidence.verify import check_agreement, verify
from harness.rules import Guards, canonical
from harness.run import Run, loop, steering

pytestmark = pytest.mark.usefixtures("frozen")


def start(root, tag="demo", **options):
    options.setdefault("scorer", FakeScorer())
    return Run.open(tag, root=root, start=(START, PROGRAM), **options)


class Killed(BaseException):
    """What no handler of ours catches."""


# -- hints ----------------------------------------------------------------------------------


@given(st.text(max_size=600))
def test_a_hint_is_one_bounded_line_without_hidden_characters(text):
    line = steering.one_line(text)
    assert line.isprintable()
    assert steering.one_line(line) == line


def test_hints_that_are_none_are_refused(tmp_path):
    for text in ("", " \u202e\n", "x" * 501):
        with pytest.raises(RunError, match="a hint is one line"):
            steering.hint(tmp_path, text)
    for n in range(steering.MAX_WAITING):
        steering.hint(tmp_path, f"hint {n}")
    with pytest.raises(RunError, match="wait already"):
        steering.hint(tmp_path, "one more")
    assert steering.waiting(tmp_path) == [f"hint {n}" for n in range(steering.MAX_WAITING)]


def test_a_hint_is_in_one_prompt_and_in_that_iterations_log(tmp_path):
    agent = Scripted([program(0.7 + n / 100, f"idea {n}") for n in range(4)])
    with start(tmp_path) as run:
        loop.run(run, agent, iterations=1)
        steering.hint(run.path, "try\u202e trees\n")
        loop.run(run, agent, iterations=4, parallel=3)
        assert [view.hints for view in agent.views] == [(), ("try trees",), (), ()]
        assert "try trees" in build_prompt(agent.views[1])
        assert "try trees" not in build_prompt(agent.views[2])
        logs = [run.log_path(n).read_text() for n in range(5)]
        assert ["hint: try trees" in log for log in logs] == [False, False, True, False, False]


@pytest.mark.parametrize("point", ["score", "commit", "row"])
def test_a_kill_neither_loses_nor_doubles_a_hint(tmp_path, point):
    def hook(at):
        if at == point and run.history:
            raise Killed

    with start(tmp_path, hook=hook) as run:
        run.ensure_baseline()
        steering.hint(run.path, "try trees")
        with pytest.raises(Killed):
            loop.run(run, Scripted([program(0.82)]), iterations=1)
    agent = Scripted([program(0.82), program(0.83, "b")])
    with start(tmp_path) as run:
        loop.run(run, agent, iterations=2)
        seen = [(view.iteration, view.hints) for view in agent.views if view.hints]
        assert seen == ([] if point == "row" else [(1, ("try trees",))])
        logs = [run.log_path(n).read_text() for n in range(3)]
        assert ["hint: try trees" in log for log in logs] == [False, True, False]


def test_a_hint_that_got_no_answer_is_given_again(tmp_path):
    agent = Scripted([AgentError("it broke"), program(0.7), program(0.71, "b")])
    with start(tmp_path) as run:
        run.ensure_baseline()
        steering.hint(run.path, "try trees")
        loop.run(run, agent, iterations=3)
    assert [view.hints for view in agent.views] == [("try trees",), ("try trees",), ()]


# -- pause and stop ---------------------------------------------------------------------------


def test_a_pause_waits_says_so_once_and_goes_on(tmp_path):
    said, slept = [], []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            steering.pause(run.path, off=True)

    with start(tmp_path) as run:
        run.ensure_baseline()
        steering.pause(run.path)
        ended = loop.run(run, Scripted([program(0.7)]), iterations=1, say=said.append, sleep=sleep)
    assert ended.rows == 1
    assert slept == [steering.POLL_S] * 3
    assert [line for line in said if "paused" in line] == said
    assert len(said) == 1


def test_a_paused_run_still_ends_with_its_time(tmp_path):
    times = iter(range(100))
    with start(tmp_path) as run:
        run.ensure_baseline()
        steering.pause(run.path)
        limits = {"time_budget": 5, "sleep": lambda s: None, "clock": lambda: next(times)}
        assert loop.run(run, Scripted([]), **limits).reason == "the time budget is used up"


def test_a_stop_ends_the_run_once(tmp_path):
    agent = Scripted([program(0.7), program(0.71, "b")])
    with start(tmp_path) as run:
        steering.stop(run.path)
        assert loop.run(run, agent, iterations=2).reason == "a person stopped it"
        assert loop.run(run, agent, iterations=2).rows == 2
    with pytest.raises(RunError, match="nothing to stop"):
        steering.stop(tmp_path)


# -- patience ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [None, 3, 5])
def test_patience_warns_then_ends_the_same_way_when_continued(tmp_path, cut):
    worse = [program(0.7 - n / 100, f"idea {n}") for n in range(9)]
    agent = Scripted(worse)
    with start(tmp_path) as run:
        if cut:
            loop.run(run, agent, iterations=cut, patience=2)
        ended = loop.run(run, agent, iterations=9, patience=2)
        assert ended.reason == "none of the last 6 candidates was kept (patience 2)"
        assert run.iteration == 7
    assert [view.plateau for view in agent.views] == [0, 0, 2, 3, 4, 5]
    assert "Change the KIND" in build_prompt(agent.views[2])
    assert "Change the KIND" not in build_prompt(agent.views[1])


# -- guards -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Measured:
    """A fake score with what guards look at."""

    brier: float
    cpu_s: float
    wall_time_s: float = 1.0


@pytest.mark.parametrize(
    ("guards", "mine", "best", "said"),
    [
        ("brier", (0.1249, 1), (0.12, 1), ""),
        ("brier", (0.126, 1), (0.12, 1), "Brier score 0.1260 is more than 0.005 worse"),
        ("brier", (float("nan"), 1), (0.12, 1), "no probabilities"),
        ("time", (0.1, 1.9), (0.1, 0.01), ""),  # below the floor, however much slower
        ("time=2", (0.1, 9), (0.1, 4), "9.0 s is more than 2 times the best's 4.0 s"),
        ("time=3", (0.1, 9), (0.1, 4), ""),
    ],
)
def test_what_guards_say(guards, mine, best, said):
    guards = Guards.parse(guards)
    found = guards.objection(guards.measure(Measured(*mine)), guards.measure(Measured(*best)))
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize("bad", ["x", "brier=-1", "time=0.5", "time=nan", "time=", "brier brier=1"])
def test_guards_that_are_none(bad):
    if bad == "time=":
        assert canonical([bad]) == "time=3"
        return
    with pytest.raises(ValueError, match="write a guard as"):
        canonical([bad])


class Calibrated(FakeScorer):
    """Gives each program the Brier score that is written in it."""

    def score(self, source, *, fold_seed=None):
        score = super().score(source)
        text = source.decode() if isinstance(source, bytes) else source
        brier = float(text.partition("BRIER = ")[2] or 0.1)
        return dataclasses.replace(score, brier=brier)


def test_a_guard_discards_in_words_and_is_held_to_when_continued_and_verified(tmp_path):
    worse = program(0.85, "sharper", "BRIER = 0.2")
    agent = Scripted([program(0.82, "good", "BRIER = 0.103"), worse])
    options = {"rule": "strict", "guards": "brier=0.005"}
    with start(tmp_path, scorer=Calibrated(), **options) as run:
        loop.run(run, agent, iterations=1)
    with start(tmp_path, scorer=Calibrated()) as run:  # the best's Brier score is read back
        loop.run(run, agent, iterations=2)
        row, path = run.ledger.rows[-1], run.path
        assert (run.best.iteration, run.best.measured) == (1, {"brier": 0.103})
    assert row.decision == "discarded"
    assert row.hypothesis == "sharper"
    assert "guard brier: Brier score 0.2000 is more than 0.005 worse" in row.description
    assert check_agreement(path) == []
    assert verify(path, Calibrated()).problems == []
    with pytest.raises(RunError, match="was started with guards brier=0.005"):
        start(tmp_path, guards="time=3")
