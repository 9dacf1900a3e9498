"""The loop: what ends it, what a failing agent costs, and that order and crashes change nothing."""

import dataclasses
import math
import time

import numpy as np
import pytest
from fakes import PROGRAM, START, Climber, FakeScorer, Scripted, frozen, program  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from harness import RunError
from harness.agents import Proposal
from harness.agents.errors import (
    AgentDone,
    AgentError,
    AgentTimeout,
    AuthError,
    InvalidFile,
    NoChange,
    RateLimited,
)
from harness.evidence.verify import check_agreement
from harness.rules import too_good
from harness.run import loop
from harness.run.duration import parse_duration
from harness.run.pace import UNDECIDED
from harness.run.ratchet import Run
from harness.task.task import Task

pytestmark = pytest.mark.usefixtures("frozen")


def start(root, tag="demo", **options):
    options.setdefault("scorer", FakeScorer())
    return Run.open(tag, root=root, start=(START, PROGRAM), **options)


@pytest.fixture
def run(tmp_path):
    with start(tmp_path) as made:
        yield made
        assert check_agreement(made.path) == []


def rising(n, first=0.81):
    return [program(round(first + 0.001 * i, 6), f"idea {i}") for i in range(n)]


def statuses(run):
    return [row.status for row in run.ledger.rows[1:]]


# -- durations ----------------------------------------------------------------------------


@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_durations_add_up(d, h, m, s):
    text = f"{d}d{h}h{m}m{s}s"
    if d + h + m + s:
        assert parse_duration(text) == 86400 * d + 3600 * h + 60 * m + s
    else:
        with pytest.raises(ValueError, match="8h, 90m"):
            parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8h", 28800), ("90m", 5400), ("30s", 30), ("1h30m", 5400), ("1.5h", 5400), ("45", 45),
     (45, 45), (0.5, 0.5), (" 2 H ", 7200), ("1d", 86400)],
)  # fmt: skip
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@given(st.text(max_size=12))
def test_anything_else_is_an_error_that_shows_how(text):
    try:
        seconds = parse_duration(text)
    except ValueError as err:
        seconds, text = 1, str(err)
        shows_how = "8h, 90m, 30s" in text
    else:
        shows_how = True
    assert seconds > 0
    assert shows_how


@pytest.mark.parametrize(
    "text", ["", "h", "8x", "-8h", "8h-", "m30", "30m8h", "nan", "inf", "0", "0s"]
)
def test_bad_durations(text):
    with pytest.raises(ValueError, match="bad duration"):
        parse_duration(text)


# -- what ends a run ------------------------------------------------------------------------


def test_iterations_count_rows_beyond_the_baseline_over_all_calls(tmp_path, run):
    agent = Scripted(rising(5))
    assert loop.run(run, agent, iterations=3).rows == 4
    assert loop.run(run, agent, iterations=3).rows == 0
    ended = loop.run(run, agent, iterations=5)
    assert (ended.rows, ended.failed, len(run.ledger.rows)) == (2, False, 6)
    assert ended.reason == "5 iterations are done"


def test_no_iterations_score_the_baseline_alone(run):
    assert loop.run(run, Scripted([]), iterations=0).rows == 1


def test_a_loop_without_an_end_is_refused(run):
    with pytest.raises(ValueError, match="give the loop an end"):
        loop.run(run, Scripted([]))


def test_what_a_late_agent_proposed_waits_undecided_and_is_not_asked_for_again(run):
    now = [0.0]

    class Slow(Scripted):
        def propose(self, view):
            now[0] += 10
            return super().propose(view)

    agent = Slow(Proposal(source, 100, 0.25, "reported") for source in rising(9))
    ended = loop.run(run, agent, time_budget="25s", clock=lambda: now[0])
    assert (len(run.ledger.rows) - 1, len(agent.views), ended.failed) == (2, 3, False)
    assert "used up; undecided, and decided first when the run goes on: iteration 3" in ended.reason
    assert loop.run(run, agent, iterations=2, clock=lambda: now[0]).rows == 0
    loop.run(run, agent, iterations=3, clock=lambda: now[0])
    assert (len(run.ledger.rows) - 1, len(agent.views)) == (3, 3)
    assert run.cost_usd == pytest.approx(0.75), "what it cost waits with it"
    assert not (run.path / UNDECIDED).exists()


class Ticking(FakeScorer):
    """A piece of work takes a second, whatever it is."""

    def __init__(self, now):
        super().__init__()
        self.now = now

    def score_many(self, sources):
        self.now[0] += len(sources)
        return super().score_many(sources)

    def fold_scores(self, source, fold_seeds):
        self.now[0] += len(fold_seeds)
        return super().fold_scores(source, fold_seeds)

    def probe(self, source, score):
        self.now[0] += 1
        return super().probe(source, score)


@pytest.mark.parametrize("budget", [0.5, 1, 2, 3.5, 7, 20])
@pytest.mark.parametrize("parallel", [1, 3])
def test_a_time_budget_holds_and_changes_no_row(tmp_path, parallel, budget):
    now, scored, repeated = [0.0], [], []
    with start(tmp_path, "whole") as run:
        loop.run(run, Climber(), iterations=10, parallel=parallel)
        expected, seldom = plain(run), len(run.scorer.repeated)
        assert any("kept" in row for row in expected)
    for _ in range(200):
        began = now[0]
        with start(tmp_path, "parts", scorer=Ticking(now)) as run:
            options = {"time_budget": budget, "clock": lambda: now[0]}
            ended = loop.run(run, Climber(), iterations=10, parallel=parallel, **options)
            scored += run.scorer.scored
            repeated += run.scorer.repeated
        assert now[0] - began <= budget + 1
        if "are done" in ended.reason:
            break
    with start(tmp_path, "parts") as run:
        assert plain(run) == expected
    assert check_agreement(tmp_path / "parts") == []
    assert len(scored) == len(set(scored)), "no program is scored twice"
    assert seldom <= len(repeated) <= 5 * seldom


def test_a_single_step_decides_first_what_a_loop_left(run):
    now = [0.0]
    run.scorer.score_many = lambda sources: (
        now.append(now.pop() + 9) or FakeScorer.score_many(run.scorer, sources)
    )
    sources = rising(2)
    loop.run(run, Scripted(sources), time_budget=5, clock=lambda: now[0])
    assert (run.iteration, len(run.undecided)) == (1, 1)
    assert [row.description.partition(" [")[0] for row in run.pace.catch_up()] == ["idea 0"]
    assert run.step(Proposal(sources[1])).iteration == 2
    assert run.pace.catch_up() == []


def test_the_undecided_outlive_other_steps_and_a_call_for_fewer_rows(run):
    now = [0.0]

    class Slow(Scripted):
        def propose(self, view):
            now[0] += 1
            return super().propose(view)

    loop.run(run, Slow(rising(3)), time_budget=3, parallel=3, clock=lambda: now[0])
    assert len(run.undecided) == 3
    other = program(0.805, "by hand")
    assert run.step(Proposal(other)).iteration == 1
    assert loop.run(run, Scripted([]), iterations=2).rows == 1
    loop.run(run, Scripted([]), iterations=4)
    told = [row.description.partition(" [")[0] for row in run.ledger.rows[1:]]
    assert told == ["by hand", "idea 0", "idea 1", "idea 2"]
    assert not (run.path / UNDECIDED).exists()


def test_a_crash_among_the_undecided_loses_and_doubles_none(tmp_path):
    now = [0.0]

    class Slow(Scripted):
        def propose(self, view):
            now[0] += 1
            return super().propose(view)

    with start(tmp_path) as run:
        loop.run(run, Slow(rising(3)), time_budget=3, parallel=3, clock=lambda: now[0])

    def hook(point):
        if point == "settled" and run.iteration == 2:
            raise Stop

    with pytest.raises(Stop), start(tmp_path, hook=hook) as run:
        run.pace.catch_up()
    with start(tmp_path) as run:
        assert run.iteration == 2
        assert [row.iteration for row in run.pace.catch_up()] == [2, 3]


def test_a_certificate_is_made_if_there_is_time_for_it(run):
    from harness.commands.run import _claim

    outcome = loop.run(run, Scripted(rising(1)), iterations=1)
    line = _claim(run, outcome, time.monotonic() - 1)
    assert line.endswith("certify --tag demo (the time budget left no time for it)")
    assert not (run.path / "certificate.json").exists()
    assert "after 1 tries" in _claim(run, outcome, math.inf)
    assert (run.path / "certificate.json").exists()


def test_a_file_of_the_undecided_that_was_damaged_is_named(run):
    loop.run(run, Scripted(rising(1)), iterations=1)
    (run.path / UNDECIDED).write_text("{")
    with pytest.raises(RunError, match="undecided.json cannot be read .* remove it"):
        loop.run(run, Scripted(rising(1)), iterations=2)


def test_money_ends_it_and_earlier_rows_count(run):
    paid = [Proposal(s, 100, 0.30, "reported") for s in rising(9)]
    ended = loop.run(run, Scripted(paid), max_cost=1.0)
    assert len(run.ledger.rows) - 1 == 4
    assert "cost limit" in ended.reason
    assert run.cost_usd == pytest.approx(1.2)
    assert loop.run(run, Scripted(paid), max_cost=1.0).rows == 0


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_cost_limit_that_cannot_hold_ends_it_and_says_what_to_do(run, parallel):
    paid = [Proposal(s, 500, None, "unknown") for s in rising(4)]
    ended = loop.run(run, Scripted(paid), iterations=4, max_cost=1.0, parallel=parallel)
    assert (ended.failed, ended.rows) == (True, 2)  # the baseline, and what was paid for
    assert "--price" in ended.reason


def test_with_a_price_earlier_tokens_count_at_the_dearer_one(run):
    paid = [Proposal(s, 100_000, None, "unknown") for s in rising(9)]
    loop.run(run, Scripted(paid), iterations=1)
    agent = Scripted(paid[1:])
    agent.prices = {"*": {"input": 1.0, "output": 4.0}}
    ended = loop.run(run, agent, max_cost=1.0)  # 0.40 a row
    assert (ended.failed, len(run.ledger.rows) - 1) == (False, 3)
    assert "1.20 USD" in ended.reason


def test_a_call_that_was_cut_off_is_not_free(run):
    cut = AgentTimeout("slow")
    ended = loop.run(run, Scripted([cut, *rising(3)]), iterations=3, max_cost=1.0)
    assert ended.failed
    assert "unknown" in ended.reason


def test_an_edit_that_no_step_scored_is_set_aside(run):
    loop.run(run, Scripted(rising(1)), iterations=1)
    run.workspace.train.write_text("an afternoon's work")
    lines = []
    loop.run(run, Scripted(rising(1, 0.82)), iterations=2, say=lines.append)
    assert len(lines) == 1
    blob = run.workspace.git.expand(lines[0].split()[-1])
    assert run.workspace.git.read(blob, "blob") == b"an afternoon's work"


def test_calls_end_it(run):
    sources = rising(9)
    agent = Scripted([sources[0], sources[0], *sources[1:]])  # one repeat is asked again
    loop.run(run, agent, max_calls=5)
    assert (len(agent.views), len(run.ledger.rows) - 1) == (5, 4)


def test_calls_and_money_end_it_within_a_batch(run):
    paid = [Proposal(s, 100, 0.30, "reported") for s in rising(9)]
    agent = Scripted(paid)
    loop.run(run, agent, max_calls=3, parallel=4)
    assert len(agent.views) == len(run.ledger.rows) - 1 == 3


def test_a_score_too_good_to_be_true_ends_it(run):
    ended = loop.run(run, Scripted([program(0.9901)]), iterations=50)
    assert len(run.ledger.rows) == 2
    assert "look for leakage" in ended.reason
    assert "0.9901 at iteration 1" in ended.reason
    assert loop.run(run, Scripted([]), iterations=50).rows == 0


@pytest.mark.parametrize(
    ("metric", "kind", "near", "far"),
    [
        ("roc_auc", "binary", 0.995, 0.95),
        ("r2", "regression", 0.995, 0.9),
        ("neg_mean_absolute_error", "regression", -0.02, -0.5),
        ("neg_root_mean_squared_error", "regression", -0.05, -0.5),
        ("neg_log_loss", "binary", -0.01, -0.4),
        ("accuracy", "multiclass", 1.0, 0.8),
    ],
)
def test_what_is_too_good_by_any_metric(metric, kind, near, far):
    y = np.random.default_rng(0).normal(0, 1, 200) if kind == "regression" else np.arange(200) % 2
    task = Task("x", kind=kind, metric=metric, labels=("a", "b", "c"))
    assert too_good(task, near, y)
    assert not too_good(task, far, y)


# -- agents that fail -----------------------------------------------------------------------


def test_too_many_requests_wait_longer_and_longer_and_use_no_iteration(run):
    waits = []
    limited = [RateLimited("slow down"), RateLimited("slow down"), RateLimited("x", retry_after=7)]
    agent = Scripted([*limited, *rising(2)])
    loop.run(run, agent, iterations=2, sleep=waits.append)
    assert waits == [5.0, 10.0, 7]
    assert statuses(run) == ["ok", "ok"]
    # What refused calls cost is not known, so neither is the row's.
    assert run.ledger.rows[1].cost_usd is None
    assert run.ledger.rows[2].cost_usd == 0


def test_waiting_ends_with_the_time_budget_or_with_patience(run):
    now = [0.0]

    def sleep(s):
        now[0] += s

    agent = Scripted([RateLimited("slow down")] * 500)
    ended = loop.run(run, agent, time_budget="1h", clock=lambda: now[0], sleep=sleep)
    assert (len(run.ledger.rows), ended.failed, now[0] <= 3600) == (1, False, True)
    ended = loop.run(run, agent, iterations=5, clock=lambda: now[0], sleep=sleep)
    assert ended.failed
    assert "12 hours" in ended.reason


def test_three_errors_in_a_row_end_it_and_one_success_forgives(run):
    bad = [AgentError("exit status 1"), AgentTimeout("600 s")]
    sources = rising(3)
    agent = Scripted([*bad, sources[0], *bad, AgentError("exit status 1"), *sources])
    ended = loop.run(run, agent, iterations=50)
    assert ended.failed
    assert "3 times in a row, last: exit status 1" in ended.reason
    assert statuses(run) == [
        "rejected (agent: agent error: exit status 1)",
        "rejected (agent: timeout: 600 s)",
        "ok",
        "rejected (agent: agent error: exit status 1)",
        "rejected (agent: timeout: 600 s)",
    ]


def test_a_fault_in_an_agent_is_its_error(run):
    ended = loop.run(run, Scripted([ZeroDivisionError("oops")] * 3), iterations=9)
    assert ended.failed
    assert "ZeroDivisionError: oops" in ended.reason


def test_files_that_are_no_candidates_use_iterations_and_end_nothing(run):
    steps = [NoChange("same file"), InvalidFile("not UTF-8")] * 3
    loop.run(run, Scripted([*steps, *rising(1)]), iterations=7)
    assert statuses(run)[:2] == [
        "rejected (agent: no change: same file)",
        "rejected (agent: invalid file: not UTF-8)",
    ]
    assert statuses(run)[-1] == "ok"


def test_a_wrong_key_ends_it_at_once_and_an_ended_replay_ends_it_well(run):
    ended = loop.run(run, Scripted([AuthError("401: check OPENAI_API_KEY")]), iterations=9)
    assert (ended.failed, ended.reason) == (True, "401: check OPENAI_API_KEY")
    assert len(run.ledger.rows) == 1
    ended = loop.run(run, Scripted([AgentDone("the replay is over")]), iterations=9)
    assert (ended.failed, ended.reason) == (False, "the replay is over")


def test_a_batch_cut_short_by_a_fatal_error_scores_what_was_paid_for(run):
    agent = Scripted([*rising(2), AuthError("401")])
    ended = loop.run(run, agent, iterations=9, parallel=4)
    assert ended.failed
    assert statuses(run) == ["ok", "ok"]


# -- repeats ----------------------------------------------------------------------------------


def test_a_repeat_is_asked_again_told_why_and_its_cost_is_carried(run):
    first, second = rising(2)
    again = Proposal(first + "# other words\n", 50, 0.05, "reported")
    agent = Scripted([first, again, again, Proposal(second, 10, 0.01, "reported")])
    loop.run(run, agent, iterations=2)
    assert statuses(run) == ["ok", "ok"]
    row = run.ledger.rows[2]
    assert (row.tokens, row.cost_usd) == (110, pytest.approx(0.11))
    assert "tried before" in agent.views[2].last_failure
    assert again.source in agent.views[2].pending


def test_an_agent_that_only_repeats_itself_does_not_spin(run):
    same = rising(1)[0]
    agent = Scripted([same] * 100)
    loop.run(run, agent, iterations=4)
    assert statuses(run) == ["ok"] + ["rejected (duplicate of iteration 1)"] * 3
    assert len(agent.views) == 1 + 3 * loop.ASKS
    assert len(run.scorer.scored) == 2, "no program is scored twice"


# -- the same whatever happens ------------------------------------------------------------------


def plain(run):
    cut = dict.fromkeys(("started_at", "wall_time_s"), 0)
    return [repr(dataclasses.replace(row, **cut)) for row in run.ledger.rows]


@pytest.mark.parametrize("parallel", [1, 3, 4])
def test_two_tags_with_one_seed_give_one_ledger_and_another_seed_another(tmp_path, parallel):
    found = {}
    for tag, seed in (("a", 0), ("b", 0), ("c", 1)):
        with start(tmp_path, tag, seed=seed) as run:
            loop.run(run, Climber(), iterations=21, parallel=parallel)
            found[tag] = plain(run)
        assert check_agreement(tmp_path / tag) == []
    assert found["a"] == found["b"] != found["c"]
    assert any("crashed" in row for row in found["a"]), "failures are part of what must agree"


class Stop(BaseException):
    pass


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("point", ["score", "probe", "commit", "log", "row", "ref", "settled"])
def test_a_run_cut_at_every_point_equals_one_that_was_not(tmp_path, parallel, point):
    with start(tmp_path, "whole") as run:
        loop.run(run, Climber(), iterations=10, parallel=parallel)
        expected = plain(run)
    for cut in range(40):
        seen = 0

        def hook(name, cut=cut):
            nonlocal seen
            seen += name == point
            if name == point and seen == 1 + cut % 3:
                raise Stop

        try:
            with start(tmp_path, "parts", hook=hook) as run:
                loop.run(run, Climber(), iterations=10, parallel=parallel)
                break
        except Stop:
            continue
    else:
        with start(tmp_path, "parts") as run:  # cut before anything was done: no way forward
            loop.run(run, Climber(), iterations=10, parallel=parallel)
    with start(tmp_path, "parts") as run:
        assert plain(run) == expected
    assert check_agreement(tmp_path / "parts") == []


def test_slots_see_the_same_best_and_each_other(run):
    agent = Scripted(rising(4))
    loop.run(run, agent, iterations=4, parallel=4)
    assert [v.slot for v in agent.views] == [0, 1, 2, 3]
    assert [v.iteration for v in agent.views] == [1, 2, 3, 4]
    assert {v.best_iteration for v in agent.views} == {0}
    assert [len(v.pending) for v in agent.views] == [0, 1, 2, 3]
    assert [row.decision for row in run.ledger.rows[1:]] == ["kept"] * 4
    assert run.ledger.rows[2].delta == pytest.approx(0.001), "against the best at that moment"


def test_rows_and_lines_are_handed_over_as_they_come(run):
    rows, lines = [], []

    class Messy(Scripted):
        def propose(self, view):
            (view.workspace / "notes.txt").write_text("x")
            return super().propose(view)

    loop.run(run, Messy(rising(2)), iterations=2, on_row=rows.append, say=lines.append)
    assert rows == run.ledger.rows
    assert lines == ["put back in the workspace: notes.txt"] * 2
    assert "put back: notes.txt" in run.log_path(1).read_text()


def test_an_iteration_costs_the_same_late_as_early(tmp_path):
    class Quick:
        name = "quick"

        def propose(self, view):
            return Proposal(program(0.7 - 1e-6 * view.iteration, f"idea {view.iteration}"))

    with start(tmp_path) as run:
        ends = [time.perf_counter()]
        for n in (50, 100, 150, 200, 250, 300):
            loop.run(run, Quick(), iterations=n)
            ends.append(time.perf_counter())
    times = [b - a for a, b in zip(ends[:-1], ends[1:], strict=True)]
    # A cost that grew with the history would make the last fifty several times the first.
    assert min(times[3:]) < 2.0 * max(times[:3])
