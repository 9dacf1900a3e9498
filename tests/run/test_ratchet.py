"""One step: what is kept, what is written down, and that a run goes on as if never stopped."""

import dataclasses
import math
import os
import subprocess
import sys

import pytest
from fakes import PROGRAM, SECRET, START, FakeScorer, frozen, program  # noqa: F401

from harness import RunError, fingerprint
from harness.agents import Proposal
from harness.candidate import MAX_BYTES
from harness.evidence.verify import check_agreement
from harness.run.lock import locked
from harness.run.ratchet import Run

REAL_TAKE = fingerprint.take
pytestmark = pytest.mark.usefixtures("frozen")


def start(root, tag="demo", scorer=None, **options):
    return Run.open(
        tag, root=root, scorer=scorer or FakeScorer(), start=(START, PROGRAM), **options
    )


@pytest.fixture
def run(tmp_path):
    with start(tmp_path, rule="strict") as made:
        made.ensure_baseline()
        yield made


def step(run, value, *args, **kwargs):
    return run.step(Proposal(program(value, *args, **kwargs)))


def test_a_run_begins_with_its_baseline(run):
    row = run.ledger.rows[0]
    assert (row.iteration, row.decision, row.status, row.delta) == (0, "baseline", "ok", 0.0)
    assert row.val_auc == pytest.approx(0.8)
    assert row.description == "baseline"
    assert run.ensure_baseline() is None
    assert check_agreement(run.path) == []
    assert {p.name for p in run.path.iterdir()} == {
        *("run.json", "results.tsv", "logs", "workspace", ".lock", "now.json"),
    }


def test_gains_are_kept_and_losses_are_put_back(run):
    kept = step(run, 0.82, "better")
    assert (kept.decision, round(kept.delta, 6)) == ("kept", 0.02)
    assert kept.description.startswith("better [strict: gain 0.02")
    lost = step(run, 0.81, "worse")
    assert (lost.decision, round(lost.delta, 6)) == ("discarded", -0.01)
    assert run.best.iteration == 1
    assert run.workspace.read_train().decode() == program(0.82, "better")
    log = run.log_path(2).read_text()
    assert "hypothesis: worse" in log
    assert log.endswith("printed by the candidate\n")
    assert check_agreement(run.path) == []


def test_a_tie_is_kept_only_if_the_file_got_shorter(run):
    longer = step(run, 0.8, "baseline", "X = 1\n")
    assert longer.decision == "discarded"
    shorter = step(run, "shorter" and 0.8000000, "b")  # same program, shorter text: a duplicate
    assert shorter.status == "rejected (duplicate of iteration 0)"


def test_failures_never_win_and_are_told_to_the_agent(run):
    row = step(run, "crashed (ValueError: Input X contains NaN at 0x7f00aa00bb00)")
    assert row.status == "crashed (ValueError: Input X contains NaN at 0x…)"
    assert math.isnan(row.val_auc)
    assert math.isnan(row.test_auc)
    assert row.decision == "discarded"
    failure = run.view().last_failure
    assert failure.startswith("crashed (ValueError")
    assert "it broke" in failure
    step(run, 0.7)
    assert run.view().last_failure is None
    assert check_agreement(run.path) == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), "rejected (train.py is not UTF-8 text)"),
        ("#" * (MAX_BYTES + 1), "rejected (train.py is larger than 256 KiB)"),
        (START.decode(), "rejected (duplicate of iteration 0)"),
        (program(0.8, "same program, other words"), "rejected (duplicate of iteration 0)"),
    ],
)
def test_what_cannot_be_a_candidate_is_never_scored(run, source, reason):
    before = len(run.scorer.scored)
    row = run.step(Proposal(source))
    assert (row.status, row.decision) == (reason, "discarded")
    assert len(run.scorer.scored) == before
    assert check_agreement(run.path) == []


def test_an_agent_that_failed_uses_its_iteration(run):
    row = run.step(Proposal(run.best.source, None, None, "unknown", "took 600 s", "timeout"))
    assert row.status == "rejected (agent: timeout: took 600 s)"
    assert (row.tokens, row.cost_usd) == (None, None)
    assert run.unknown_costs == 1


def test_a_cheat_is_found_by_the_probe_before_it_is_kept(run):
    row = step(run, 0.9, "too good", "CHEAT = 1\n")
    assert (row.decision, row.status) == ("discarded", "rejected (flip: knew the answers)")
    assert math.isnan(row.val_auc)
    assert "probe: flip 0.9000 (limit 0.2000) reject" in run.log_path(1).read_text()
    step(run, 0.7, extra="CHEAT = 1\n")
    assert len(run.scorer.probed) == 1, "what the rule discards needs no probe"


def test_confirming_rules_measure_the_best_once(tmp_path):
    with start(tmp_path, rule="confirm") as run:
        run.ensure_baseline()
        step(run, 0.7)
        assert run.scorer.repeated == [], "no fresh folds for a loss"
        kept = step(run, 0.81)
        assert kept.decision == "kept"
        assert len(run.scorer.repeated) == 1 + 5, "the best at once, a candidate seed by seed"
        step(run, 0.82)
        assert len(run.scorer.repeated) == 6 + 5, "the kept candidate's folds are known"
    with start(tmp_path, rule="confirm") as run:
        step(run, 0.825, extra="AFTER_A_RESTART = 1\n")
        assert len(run.scorer.repeated) == 5, "and written down with its commit"
        row = step(run, 0.83, extra="FAILS_ON_FRESH = 1\n")
        assert row.status == "crashed (on fresh folds: ValueError: only on other folds)"
        assert (row.decision, math.isnan(row.val_auc)) == ("discarded", True)
        assert check_agreement(run.path) == []


def test_everything_else_in_the_workspace_is_put_back_and_in_the_log(run):
    (run.workspace.path / "program.md").write_text("other rules")
    (run.workspace.path / "extra.py").write_text("x")
    step(run, 0.81)
    assert run.take_notices() == ["put back in the workspace: extra.py, program.md"]
    assert "put back: extra.py\nput back: program.md" in run.log_path(1).read_text()
    assert check_agreement(run.path) == []


def test_the_view_never_holds_a_test_figure(run):
    step(run, 0.81)
    step(run, "crashed (x)")
    shown = repr(dataclasses.asdict(run.view()))
    assert str(SECRET) not in shown
    assert "test_auc" not in shown
    assert str(SECRET) in run.ledger.path.read_text(), "the ledger has it, so the check can fail"
    for log in run.path.glob("logs/*"):
        assert str(SECRET) not in log.read_text()
    messages = [c.message for _, c in run.workspace.history(run.best.sha)]
    assert str(SECRET) not in repr(messages)


SCRIPT = [0.81, 0.79, "crashed (x)", 0.83, 0.83, 0.825, 0.84, "timeout (180 s)", 0.7, 0.85]


def ledger_text(run):
    return [dataclasses.replace(row, started_at="", wall_time_s=0.0) for row in run.ledger.rows]


@pytest.mark.parametrize("rule", ["strict", "ladder", "confirm"])
def test_a_run_reopened_before_every_step_equals_one_that_never_stopped(tmp_path, rule):
    with start(tmp_path, "whole", rule=rule) as whole:
        whole.ensure_baseline()
        views = []
        for value in SCRIPT:
            views.append(whole.view())
            step(whole, value)
        expected = ledger_text(whole)
    for value, view in zip(SCRIPT, views, strict=True):
        with start(tmp_path, "parts", rule=rule) as run:
            run.ensure_baseline()
            again = dataclasses.replace(
                run.view(), workspace=view.workspace, state_dir=view.state_dir
            )
            plain = dataclasses.replace(view, history=list(view.history[: len(again.history)]))
            assert repr(dataclasses.replace(again, history=list(again.history))) == repr(plain)
            step(run, value)
    with start(tmp_path, "parts") as run:
        for mine, other in zip(ledger_text(run), expected, strict=True):
            assert repr(mine) == repr(other)
    assert check_agreement(tmp_path / "parts") == []


def test_settings_are_frozen(tmp_path):
    start(tmp_path, seed=3, rule="ladder", agent="null").close()
    with start(tmp_path) as run:
        assert (run.seed, run.settings["rule"], run.agent) == (3, "ladder", "null")
    start(tmp_path, seed=3, rule="ladder", agent="null").close()
    for option, value in {"seed": 4, "rule": "strict", "agent": "playbook"}.items():
        with pytest.raises(RunError, match=f"was started with {option} .*, not {value}"):
            start(tmp_path, **{option: value})


def test_another_harness_stops_a_run_and_names_what_changed(tmp_path, monkeypatch):
    start(tmp_path).close()
    real = fingerprint.take()
    changed = {**real, "files": {**real["files"], "harness/scoring/scorer.py": "0" * 64}}
    monkeypatch.setattr(fingerprint, "take", lambda: changed)
    with pytest.raises(RunError, match=r"harness/scoring/scorer.py changed.*start a new tag"):
        start(tmp_path)
    changed = {**real, "packages": {**real["packages"], "numpy": "0.1"}}
    monkeypatch.setattr(fingerprint, "take", lambda: changed)
    with pytest.raises(RunError, match=r"numpy \S+ became 0.1"):
        start(tmp_path)


def test_the_fingerprint_covers_source_data_python_and_packages():
    taken = REAL_TAKE()
    assert "harness/data/heart_cleveland.csv" in taken["files"]
    assert "harness/run/ratchet.py" in taken["files"]
    assert taken["packages"]["numpy"]
    assert taken["packages"]["xgboost"]
    assert fingerprint.changes(taken, taken) == []
    other = {**taken, "python": "CPython 3.0", "files": {}}
    assert len(fingerprint.changes(other, taken)) == 1 + len(taken["files"])


OWNER = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from test_ratchet import start
run = start(Path({root!r}))
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_told_who_owns_the_run_and_a_dead_owner_blocks_nobody(tmp_path, repo):
    code = OWNER.format(
        paths=[str(repo), str(repo / "tests"), str(repo / "tests" / "run")], root=str(tmp_path)
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert owner.stdout.readline() == b"open\n"
        with pytest.raises(RunError, match=f"run 'demo' is owned by process {owner.pid}"):
            start(tmp_path)
    finally:
        owner.kill()
        owner.wait()
    with locked(tmp_path / "demo" / ".lock", "demo"):
        pass


def test_a_second_run_in_one_process_is_told_to_close_the_first(tmp_path):
    with start(tmp_path), pytest.raises(RunError, match="this very process"):
        start(tmp_path)
    start(tmp_path).close()


def test_a_step_cut_short_by_an_exception_is_read_again_from_disk(tmp_path):
    for point in ("score", "commit", "log", "row", "ref", "settled"):

        def interrupt(name, point=point):
            if name == point:
                raise KeyboardInterrupt

        with start(tmp_path, point) as run:
            run.ensure_baseline()
            run._hook = interrupt
            with pytest.raises(KeyboardInterrupt):
                step(run, 0.81, "first")
            run._hook = lambda name: None
            step(run, 0.82, "second")
            done = 2 + (point in ("row", "ref", "settled"))
            assert len(run.ledger.rows) == done
        assert check_agreement(tmp_path / point) == []


def test_a_starting_program_that_fails_writes_no_row(tmp_path):
    broken = program("crashed (no luck)").encode()
    with Run.open("x", root=tmp_path, scorer=FakeScorer(), start=(broken, PROGRAM)) as run:
        with pytest.raises(RunError, match="does not score: crashed"):
            run.ensure_baseline()
        assert run.ledger.rows == []


def test_a_run_killed_while_it_was_made_starts_again(tmp_path):
    for cut in ("workspace", "results.tsv"):
        folder = tmp_path / f"cut-{cut}"
        start(tmp_path, folder.name).close()
        (folder / "run.json").unlink()
        if cut == "workspace":
            os.unlink(folder / "results.tsv")
            (folder / "workspace" / ".git" / "HEAD").unlink()
        with start(tmp_path, folder.name) as run:
            run.ensure_baseline()
        assert check_agreement(folder) == []


def test_a_ledger_without_its_run_json_is_not_overwritten(tmp_path):
    with start(tmp_path) as run:
        run.ensure_baseline()
    (tmp_path / "demo" / "run.json").unlink()
    with pytest.raises(RunError, match="run.json is missing: restore it"):
        start(tmp_path)


def test_a_branch_moved_by_an_agent_is_moved_back(run):
    step(run, 0.81)
    first = run.workspace.history(run.best.sha)[-1][0]
    run.workspace.git.set_ref(run.workspace.git.head_ref, first)
    run.workspace.git.set_ref("refs/autoresearch/discarded/0099", first)
    run.close()
    with start(run.path.parent) as again:
        assert again.best.iteration == 1
    assert check_agreement(run.path) == []
