"""Hints, pause, stop, patience and guards: seen by the loop, written down, never twice."""

import dataclasses
import json
import os
import re
import threading

import pytest
from fakes import PROGRAM, START, FakeScorer, Scripted, frozen, program  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from harness import RunError
from harness.agents import AgentError
from harness.agents.errors import RateLimited
from harness.agents.prompt import build_prompt
from harness.cli import main
from harness.evidence.verify import check_agreement, verify
from harness.rules import check_guards, measure, objection
from harness.run import Run, loop, read_progress, read_status, steering

pytestmark = pytest.mark.usefixtures("frozen")


def start(root, tag="demo", **options):
    options.setdefault("scorer", FakeScorer())
    return Run.open(tag, root=root, start=(START, PROGRAM), **options)


class Killed(BaseException):
    """What no handler of ours catches."""


# -- hints ----------------------------------------------------------------------------------


@given(st.text(max_size=600))
def test_a_hint_is_one_line_without_hidden_characters(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("run", numbered=True)
    try:
        told = steering.hint(path, text)
    except RunError:
        assert not steering.hints(path)
        return
    (line,) = steering.hints(path)
    assert line.isprintable()
    assert told == f"in the next prompt: {line}"


def test_hints_that_are_none_are_refused(tmp_path):
    for text in ("", " \u202e\n", "x" * 501):
        with pytest.raises(RunError, match="a hint is one line of 1 to 500"):
            steering.hint(tmp_path, text)
    for n in range(3):
        steering.hint(tmp_path, f"hint {n}")
    assert steering.hints(tmp_path) == ("hint 0", "hint 1", "hint 2")


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


@pytest.mark.parametrize("point", ["score", "commit", "log", "row"])
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
        logs = [run.log_path(n).read_text() for n in range(4)]
    assert [view.hints for view in agent.views] == [("try trees",), ("try trees",), ()]
    assert ["hint: try trees" in log for log in logs] == [False, False, True, False]


# -- pause and stop ---------------------------------------------------------------------------


def test_a_pause_waits_says_so_once_and_goes_on(tmp_path):
    said, slept, stages = [], [], []

    def sleep(seconds):
        slept.append(seconds)
        stages.append(read_progress(run.path)["stage"])
        if len(slept) == 3:
            steering.pause(run.path, off=True)

    def pause_after(row):
        if row.iteration == 1:
            steering.pause(run.path)

    with start(tmp_path) as run:
        agent = Scripted([program(0.7), program(0.71, "b")])
        told = {"say": said.append, "sleep": sleep, "on_row": pause_after}
        assert loop.run(run, agent, iterations=2, **told).rows == 3
    assert slept == [steering.POLL_S] * 3
    assert stages == ["paused"] * 3
    assert [line for line in said if "pause demo --off" in line] == said
    assert len(said) == 1


def test_a_paused_run_still_ends_with_its_time(tmp_path):
    times = iter(range(100))
    with start(tmp_path) as run:
        limits = {"time_budget": 9, "sleep": lambda s: None, "clock": lambda: next(times)}
        limits["on_row"] = lambda row: steering.pause(run.path)
        assert loop.run(run, Scripted([]), **limits).reason == "the time budget is used up"


def test_a_stop_ends_the_run_and_the_same_command_continues_it(tmp_path):
    agent = Scripted([program(0.7), program(0.71, "b")])
    with start(tmp_path) as run:
        ended = loop.run(run, agent, iterations=2, on_row=lambda row: steering.stop(run.path))
        assert (ended.reason, ended.rows, ended.failed) == ("a person stopped it", 1, False)
        assert read_progress(run.path)["reason"] == "a person stopped it"
        assert loop.run(run, agent, iterations=2).rows == 2
    with pytest.raises(RunError, match="nothing to stop"):
        steering.stop(run.path.parent)


def test_a_stop_cuts_a_long_wait_for_a_provider_short(tmp_path):
    agent = Scripted([RateLimited("too many", retry_after=600.0)])
    with start(tmp_path) as run:
        run.ensure_baseline()

        def say(line):
            if "asking again" in line:
                threading.Timer(0.1, steering.stop, [run.path]).start()

        assert loop.run(run, agent, iterations=1, say=say).reason == "a person stopped it"


def test_a_pause_for_a_run_that_nobody_runs_holds_steps_not_loops(tmp_path, capsys):
    with start(tmp_path) as run:
        run.ensure_baseline()
    (run.path / ".lock").write_text("999999999\n")  # as a process that has ended leaves it
    where = ["demo", "--runs", str(tmp_path)]
    assert main(["pause", *where]) == 0
    assert main(["step", "--tag", *where]) == 1
    assert "is paused" in capsys.readouterr().err
    assert main(["hint", *where, "try trees"]) == 0
    assert main(["status", "--tag", *where]) == 0
    out = capsys.readouterr().out
    assert "hint: try trees" in out
    assert read_status(tmp_path, "demo")["stage"] == "not running"
    assert main(["pause", *where, "--off"]) == 0
    assert steering.wish(run.path) == ""
    assert main(["stop", *where]) == 1
    assert main(["hint", "other", "x", "--runs", str(tmp_path)]) == 1


# -- what the run is doing ----------------------------------------------------------------------


def test_each_stage_is_told_while_it_lasts(tmp_path):
    seen = []

    class Watched(FakeScorer):
        def look(self):
            now = read_progress(tmp_path / "demo")
            seen.append([now[key] for key in ("stage", "iteration", "hypothesis", "iterations")])

        def score(self, source, **how):
            self.look()
            return super().score(source, **how)

        def fold_scores(self, *args):
            self.look()
            return super().fold_scores(*args)

        def probe(self, *args):
            self.look()
            return super().probe(*args)

    class Asked(Scripted):
        def propose(self, view):
            scorer.look()
            return super().propose(view)

    scorer = Watched(spread=0.001)
    assert read_progress(tmp_path / "demo") == steering.NOTHING
    with start(tmp_path, scorer=scorer, rule="confirm") as run:
        agent = Asked([program(0.85, "a"), program(0.7, "b")])
        loop.run(run, agent, iterations=2, time_budget=3600)
        assert read_progress(run.path)["stage"] == "ended"
        assert read_progress(run.path)["reason"] == "2 iterations are done"
    stages = [seen[0], *(now for before, now in zip(seen, seen[1:], strict=False) if now != before)]
    assert stages == [
        ["scoring", 0, "baseline", 2],
        ["asking", 1, "", 2],
        ["scoring", 1, "a", 2],
        ["fresh folds", 1, "a", 2],
        ["probes", 1, "a", 2],
        ["asking", 2, "", 2],
        ["scoring", 2, "b", 2],
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"stage": 1}', '{"since": "x"}', '{"source": null}', "\0"]
)
def test_what_a_stranger_wrote_there_is_not_believed(tmp_path, text):
    (tmp_path / "now.json").write_text(text)
    now = read_progress(tmp_path)
    assert now.keys() == steering.NOTHING.keys()
    assert isinstance(now["stage"], str)
    assert isinstance(now["since"], float)
    assert now["source"] == ""


def test_a_killed_run_is_not_called_busy(tmp_path):
    with start(tmp_path) as run:
        loop.run(run, Scripted([program(0.7)]), iterations=1)
        steering.tell(run, "probes", program(0.9))
        assert read_progress(run.path)["stage"] == "probes"
    (run.path / ".lock").write_text("999999999\n")
    assert read_progress(run.path)["stage"] == "not running"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_pipes_in_place_of_these_files_hang_nothing(tmp_path):
    with start(tmp_path) as run:
        run.ensure_baseline()
        (run.path / "agent").mkdir()
        (run.path / "now.json").unlink()
        for name in ("now.json", "agent/wish.txt", "agent/hint-1.txt", "agent/given-0001-1.txt"):
            os.mkfifo(run.path / name)
        agent = Scripted([program(0.7)])
        assert loop.run(run, agent, iterations=1).reason == "1 iterations are done"
        assert agent.views[0].hints == ()
        assert read_progress(run.path)["stage"] == "not begun"


def test_an_interrupted_loop_says_that_it_does_nothing(tmp_path):
    with start(tmp_path) as run:
        with pytest.raises(KeyboardInterrupt):
            loop.run(run, Scripted([KeyboardInterrupt()]), iterations=1)
        assert read_progress(run.path)["stage"] == "not running"


# -- patience ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [None, 3, 5])
def test_patience_warns_then_ends_the_same_way_when_continued(tmp_path, cut):
    agent = Scripted([program(0.7 - n / 100, f"idea {n}") for n in range(9)])
    with start(tmp_path) as run:
        if cut:
            loop.run(run, agent, iterations=cut, patience=2)
        ended = loop.run(run, agent, iterations=9, patience=2)
        assert ended.reason == "none of the last 6 candidates was kept (patience 2)"
        assert run.iteration == 7
    told = ["Change the KIND" in build_prompt(view) for view in agent.views]
    assert told == [False, False, True, True, True, True]


def test_a_keep_restores_patience(tmp_path):
    steps = [program(0.7), program(0.71, "b"), program(0.9, "c"), program(0.72, "d")]
    agent = Scripted([*steps, program(0.73, "e"), program(0.74, "f")])
    with start(tmp_path, rule="strict") as run:
        ended = loop.run(run, agent, iterations=9, patience=1)
        assert ended.reason == "none of the last 3 candidates was kept (patience 1)"
    told = [re.findall("None of the last (.)", build_prompt(view)) for view in agent.views]
    assert told == [[], ["1"], ["2"], [], ["1"], ["2"]]


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
        ({"brier": ""}, (0.1249, 1), (0.12, 1), ""),
        ({"brier": ""}, (0.126, 1), (0.12, 1), "Brier score 0.1260, the best's 0.1200 + 0.005"),
        ({"brier": ""}, (float("nan"), 1), (0.12, 1), "no probabilities"),
        ({"time": ""}, (0.1, 1.9), (0.1, 0.01), ""),  # below the floor, however much slower
        ({"time": "2"}, (0.1, 9), (0.1, 4), "9.0 s CPU, 2 times the best's 4.0 s allowed"),
        ({"time": "3"}, (0.1, 9), (0.1, 4), ""),
        ({"time": "3"}, (0.1, float("nan")), (0.1, 0.2), ""),  # then by the clock
    ],
)
def test_what_guards_say(guards, mine, best, said):
    guards = check_guards(guards)
    found = objection(guards, *(measure(guards, Measured(*score)) for score in (mine, best)))
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize("bad", ["x", "brier=-1", "time=0.5", "time=nan", "brier=inf", "time=a"])
def test_guards_that_are_none(bad, capsys):
    assert main(["run", "--tag", "t", "--guard", bad]) == 64
    assert "write a guard as" in capsys.readouterr().err


class Calibrated(FakeScorer):
    """Gives each program the Brier score that is written in it."""

    def score(self, source, *, fold_seed=None):
        score = super().score(source)
        text = source.decode() if isinstance(source, bytes) else source
        return dataclasses.replace(score, brier=float(text.partition("BRIER = ")[2] or 0.1))


def test_a_guard_discards_in_words_and_is_held_to_when_continued_and_verified(tmp_path):
    agent = Scripted(
        [
            program(0.82, "good", "BRIER = 0.103"),
            program(0.85, "sharper", "BRIER = 0.2"),
            program(0.84, "also good", "BRIER = 0.107"),
        ]
    )
    options = {"rule": "strict", "guard": {"brier": 0.005}}
    with start(tmp_path, scorer=Calibrated(), **options) as run:
        loop.run(run, agent, iterations=1)
    scorer = Calibrated()
    with start(tmp_path, scorer=scorer) as run:  # the best's Brier score is read back
        loop.run(run, agent, iterations=3)
        rows, path = run.ledger.rows, run.path
    assert [row.decision for row in rows] == ["baseline", "kept", "discarded", "kept"]
    assert rows[2].hypothesis == "sharper"
    assert rows[2].reason == "guard brier: Brier score 0.2000, the best's 0.1030 + 0.005 allowed"
    assert not any("sharper" in source for source in scorer.probed)  # nothing was paid for it
    assert json.loads((path / "run.json").read_text())["guard"] == {"brier": 0.005}
    assert check_agreement(path) == []
    assert verify(path, Calibrated(), every=True).problems == []
    (problem, *_) = verify(path, FakeScorer(), every=True).problems
    assert "has a Brier score of 0.1" in problem
    with pytest.raises(RunError, match="was started with guard brier=0.005, not time=3"):
        start(tmp_path, guard={"time": 3.0})


def test_verify_sees_a_keep_that_a_guard_forbids(tmp_path):
    agent = Scripted([program(0.85, "sharper", "BRIER = 0.2")])
    with start(tmp_path, scorer=Calibrated(), rule="strict", guard={"brier": 0.5}) as run:
        loop.run(run, agent, iterations=1)
    text = (run.path / "run.json").read_text()
    (run.path / "run.json").write_text(text.replace("0.5", "0.05"))  # as if it had been so
    (problem,) = verify(run.path, Calibrated()).problems
    assert "iteration 1: kept, but guard brier: Brier score 0.2000" in problem


@pytest.mark.parametrize("guard", [{"brier": "x"}, {"speed": 1}, {"time": None}])
def test_guards_that_a_stranger_wrote_are_refused_in_one_line(tmp_path, guard):
    with start(tmp_path) as run:
        run.ensure_baseline()
    settings = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(settings | {"guard": guard}))
    with pytest.raises(RunError, match="bad guard"):
        verify(run.path, FakeScorer())


def test_a_start_without_probabilities_has_no_brier_guard(tmp_path):
    class Ranks(FakeScorer):
        def score(self, source, **how):
            return dataclasses.replace(super().score(source, **how), brier=float("nan"))

    with start(tmp_path, scorer=Ranks(), guard={"brier": 0.005}) as run:
        with pytest.raises(RunError, match="guard brier: no probabilities"):
            run.ensure_baseline()


@pytest.mark.heavy
def test_a_real_score_has_the_brier_score_of_its_predictions(repo):
    import numpy as np

    from harness.rules import stats
    from harness.scoring import Scorer
    from harness.task import HEART

    source = (repo / "train.py").read_bytes()
    with Scorer(HEART) as scorer:
        score, y = scorer.score(source), scorer.split.y_train
        folds = [rows.new for rows in scorer.folds()]
        told = stats.brier(y[np.concatenate(folds)], np.concatenate(score.predictions))
        assert score.brier == pytest.approx(told, abs=1e-12)
        assert 0.05 < score.brier < 0.25
