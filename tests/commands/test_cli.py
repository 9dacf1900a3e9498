"""The command line: what is printed where, and what the shell is told."""

import dataclasses
import json
import os
import re
import resource
import signal
import subprocess
import sys

import pytest
from fakes import SECRET, FakeScorer, frozen  # noqa: F401

from harness import fingerprint
from harness.cli import main
from harness.evidence.verify import check_agreement
from harness.run import settings
from harness.run.ledger import Ledger
from harness.run.ratchet import Run

RUNS_FOLDER = "runs"


@pytest.fixture
def ratchet(tmp_path, monkeypatch, capsys, frozen):  # noqa: F811
    """Type a command with a fake scorer; get exit status, output, errors."""
    monkeypatch.setattr("harness.scoring.scorer.Scorer", FakeScorer)
    monkeypatch.chdir(tmp_path)

    def type_(*argv, runs=True):
        where = ["--runs", str(tmp_path / RUNS_FOLDER)] if runs else []
        status = main([*argv, *where])
        out, err = capsys.readouterr()
        return status, out, err

    type_.folder = tmp_path / RUNS_FOLDER
    return type_


def command(*argv, **options):
    return subprocess.run(
        [sys.executable, "-m", "harness", *argv],
        cwd=settings.REPO,
        capture_output=True,
        text=True,
        timeout=240,
        **options,
    )


def one_line(err):
    return err.count("\n") == 1 and err.startswith("ratchet")


# -- the front door -------------------------------------------------------------------------


def test_help_and_status_start_without_anything_heavy(tmp_path, ratchet):
    ratchet("run", "--tag", "t", "--iterations", "1")
    for argv in (["--help"], ["status", "--tag", "t", "--runs", str(ratchet.folder)]):
        code = (
            "import sys\nfrom harness.cli import main\n"
            f"status = main({argv!r})\n"
            "heavy = {'numpy', 'pandas', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
            "assert not heavy, heavy\nsys.exit(status)"
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=settings.REPO, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        # Processor time, not wall clock: a busy test machine must not fail the promise of 0.4 s.
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


def test_every_command_has_help(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in ("evaluate", "step", "run", "status", "new", "audit", "report", "verify", "adopt"):
        assert name in text
        assert main([name, "--help"]) == 0
        assert "usage: ratchet" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [[], ["nonsense"], ["run"], ["run", "--tag", "a b"], ["run", "--tag", "a..b"],
     ["run", "--tag", "t", "--iterations", "-1"], ["run", "--tag", "t", "--iterations", "x"],
     ["run", "--tag", "t", "--time-budget", "soon"], ["run", "--tag", "t", "--parallel", "0"],
     ["run", "--tag", "t", "--max-cost", "nan"], ["run", "--tag", "t", "--agent", "nobody"],
     ["run", "--tag", "t", "--agent-option", "x"], ["run", "--tag", "t", "--model", "m"],
     ["verify"], ["evaluate", "no-such-file.py"], ["evaluate", "--wrong"], ["status"]],
)  # fmt: skip
def test_wrong_usage_is_64_and_one_line_on_standard_error(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RUNS", tmp_path / "runs")
    assert main(argv) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert one_line(err)
    assert not (tmp_path / "runs").exists(), "a slip must leave no run behind"


def test_other_failures_are_1_and_one_line(ratchet):
    for argv in (["status", "--tag", "no-run"], ["adopt", "--tag", "no-run"]):
        status, out, err = ratchet(*argv)
        assert (status, out) == (1, "")
        assert one_line(err)
        assert "no run 'no-run'" in err
    assert ratchet("run", "--tag", "t", "--rule", "nobody's")[0] == 1
    assert not (ratchet.folder / "t").exists()


def test_a_fault_of_our_own_is_one_line_without_a_traceback(ratchet, monkeypatch):
    monkeypatch.setattr("harness.run.status.read_status", lambda *a: 1 / 0)
    status, _, err = ratchet("status", "--tag", "t")
    assert status == 1
    assert one_line(err)
    assert "ZeroDivisionError" in err


# -- run ----------------------------------------------------------------------------------


def test_a_run_prints_a_line_per_iteration_and_continues(ratchet):
    status, out, err = ratchet("run", "--tag", "007", "--iterations", "10", "--seed", "3")
    lines = out.splitlines()
    assert status == 0
    assert all(line.startswith("ratchet: certificate: ") for line in err.splitlines())
    assert [line.split(" |")[0] for line in lines[:11]] == [f"iter {i}" for i in range(11)]
    assert lines[11].startswith("best so far: val_auc=")
    assert "10 iterations are done" in lines[12]
    assert str(SECRET) not in out
    assert json.loads((ratchet.folder / "007" / "run.json").read_text())["tag"] == "007"
    status, out, _ = ratchet("run", "--tag", "007", "--iterations", "12")
    assert [line.split(" |")[0] for line in out.splitlines()[:2]] == ["iter 11", "iter 12"]
    assert ratchet("run", "--tag", "007", "--iterations", "12", "--seed", "3")[0] == 0
    status, _, err = ratchet("run", "--tag", "007", "--iterations", "12", "--seed", "4")
    assert status == 1
    assert one_line(err)
    assert "started with seed 3, not 4" in err
    assert check_agreement(ratchet.folder / "007") == []


def test_the_same_seed_under_two_tags_gives_one_ledger(ratchet):
    ledgers = []
    for tag in ("a", "b"):
        ratchet("run", "--tag", tag, "--iterations", "12", "--seed", "5", "--parallel", "2")
        rows = Ledger(ratchet.folder / tag / "results.tsv", writable=False).rows
        cut = {"wall_time_s": 0.0, "started_at": ""}
        ledgers.append([repr(dataclasses.replace(row, **cut)) for row in rows])
    assert ledgers[0] == ledgers[1]
    assert len(ledgers[0]) == 13


def test_another_harness_is_refused_in_one_line(ratchet, monkeypatch):
    ratchet("run", "--tag", "t", "--iterations", "0")
    now = fingerprint.take()
    other = {**now, "files": {**now["files"], "harness/data/heart_cleveland.csv": "0"}}
    monkeypatch.setattr(fingerprint, "take", lambda *extra: other)
    status, out, err = ratchet("run", "--tag", "t", "--iterations", "1")
    assert (status, out) == (1, "")
    assert one_line(err)
    assert "heart_cleveland.csv changed" in err


# -- an agent that drives itself ----------------------------------------------------------------


def edit(folder, tag, text):
    (folder / tag / "workspace" / "train.py").write_text(text)


def value(number, hypothesis="an idea"):
    return f"HYPOTHESIS = {hypothesis!r}\nVALUE = {number!r}\n"


def test_steps_by_an_agent_that_drives_itself(ratchet):
    folder = ratchet.folder
    status, out, _ = ratchet("step", "--tag", "t")
    assert status == 0
    assert out.startswith("iter 0 | val_auc=")
    assert "edit" in out
    status, out, err = ratchet("step", "--tag", "t")
    assert (status, out) == (64, "")
    assert one_line(err)
    assert "no new candidate" in err

    edit(folder, "t", value(0.97, "better"))
    status, out, err = ratchet("step", "--tag", "t")
    lines = out.splitlines()
    assert status == 0
    assert all(line.startswith("ratchet: certificate: ") for line in err.splitlines())
    assert [line.split(":")[0] for line in lines[:6]] == [
        *("val_auc", "val_sd", "wall_time_s", "cv_folds", "isolation", "status"),
    ]
    assert lines[0] == "val_auc: 0.970000"
    assert "KEPT       — better" in lines[6]

    edit(folder, "t", value(0.96, "worse"))
    status, out, _ = ratchet("step", "--tag", "t")
    assert status == 0, "a scored row is a success, kept or not"
    assert "DISCARDED  — worse" in out
    assert (folder / "t" / "workspace" / "train.py").read_text() == value(0.97, "better")

    for number, exit_status, word in (
        ("crashed (ValueError: x)", 3, "CRASHED"),
        ("timeout (180 s)", 2, "TIMEOUT"),
        ("rejected (HYPOTHESIS is missing)", 4, "REJECTED"),
    ):
        edit(folder, "t", value(number))
        status, out, _ = ratchet("step", "--tag", "t")
        assert status == exit_status
        assert word in out
        assert "log: " in out

    edit(folder, "t", value(0.96, "the same in other words"))
    status, out, err = ratchet("step", "--tag", "t")
    assert (status, out) == (4, "")
    assert "scored before, no row was written" in err
    rows = Ledger(folder / "t" / "results.tsv", writable=False).rows
    assert len(rows) == 6
    assert {row.agent for row in rows} == {"self"}
    assert {row.cost_usd for row in rows[1:]} == {None}, "what it cost is not known"
    assert check_agreement(folder / "t") != [], "the last edit still stands in the workspace"
    edit(folder, "t", value(0.5, "something new"))
    ratchet("step", "--tag", "t")
    assert check_agreement(folder / "t") == []


def test_a_step_cut_between_row_and_folder_is_not_taken_for_a_new_candidate(ratchet):
    ratchet("step", "--tag", "t")
    edit(ratchet.folder, "t", value(0.5, "worse"))
    ratchet("step", "--tag", "t")
    edit(ratchet.folder, "t", value(0.5, "worse"))  # as if the kill came before it was put back
    status, _, err = ratchet("step", "--tag", "t")
    assert status == 64
    assert "no new candidate" in err
    assert check_agreement(ratchet.folder / "t") == []


def test_what_else_a_self_driven_agent_changed_is_put_back_and_said(ratchet):
    ratchet("step", "--tag", "t")
    space = ratchet.folder / "t" / "workspace"
    (space / "program.md").write_text("keep everything")
    (space / "cheat.py").write_text("x")
    edit(ratchet.folder, "t", value(0.97))
    status, _, err = ratchet("step", "--tag", "t")
    assert status == 0
    assert err == "ratchet: put back in the workspace: cheat.py, program.md\n"
    assert check_agreement(ratchet.folder / "t") == []


def test_json_for_machines_has_no_test_figures(ratchet):
    ratchet("step", "--tag", "t")
    edit(ratchet.folder, "t", value(0.97))
    _, out, _ = ratchet("step", "--tag", "t", "--json")
    assert json.loads(out)["decision"] == "kept"
    _, shown, _ = ratchet("status", "--tag", "t", "--json")
    found = json.loads(shown)
    assert found["best"]["iteration"] == 1
    assert (found["iterations"], found["counts"]) == (1, {"kept": 1})
    _, text, _ = ratchet("status", "--tag", "t")
    assert "best so far: val_auc=0.9700" in text
    assert f"train: {ratchet.folder / 't' / 'workspace' / 'train.py'}" in text
    for printed in (out, shown, text):
        assert str(SECRET) not in printed
        assert "test_auc" not in printed


def test_status_of_a_run_that_has_no_rows_yet(ratchet):
    Run.open("t", root=ratchet.folder, scorer=FakeScorer()).close()
    status, out, _ = ratchet("status", "--tag", "t")
    assert status == 0
    assert "0 iterations" in out


# -- verify and adopt ---------------------------------------------------------------------------


def test_verify_prints_one_table_for_many_runs(ratchet):
    for tag in ("one", "two"):
        ratchet("run", "--tag", tag, "--iterations", "6")
    status, out, _ = ratchet("verify", "--tag", "one", "two")
    assert status == 0, out
    assert [line.split()[0] for line in out.splitlines()] == ["run", "one", "two"]
    assert out.count(" ok\n") == 2
    status, out, _ = ratchet("verify", str(ratchet.folder / "one"), "--json", "--all")
    found = json.loads(out)
    assert (status, found[0]["ok"], found[0]["rescored"]) == (0, True, 7)
    status, out, err = ratchet("verify", "--tag", "one", "--tag", "no-such-run")
    assert status == 1
    assert "1 problem" in out
    assert err.startswith("no-such-run: there is no run 'no-such-run': give a tag under")


def test_adopt_takes_what_is_certified_and_nothing_more_unless_told(ratchet, tmp_path):
    ratchet("step", "--tag", "t")
    edit(ratchet.folder, "t", value(0.97, "better"))
    ratchet("step", "--tag", "t")
    target = tmp_path / "train.py"
    target.write_text("mine")
    to = ("--to", str(target))
    status, out, err = ratchet("adopt", "--tag", "t", *to)
    assert (status, out) == (1, "")
    assert "ratchet certify --tag t" in err
    file = ratchet.folder / "t" / "certificate.json"
    found = {"tries": 0, "certified": True, "sentence": "Real: it is.", "val_auc": 0.9}
    found |= {"source": "pruned"}
    file.write_text(json.dumps(found))  # made before the last try: of another run, so to say
    assert ratchet("adopt", "--tag", "t", *to)[0] == 1
    file.write_text(json.dumps(found | {"tries": 1, "certified": False, "sentence": "Luck."}))
    status, out, err = ratchet("adopt", "--tag", "t", *to)
    assert (status, out) == (1, "")
    assert "Luck." in err
    assert "--working" in err
    assert target.read_text() == "mine"
    file.write_text(json.dumps(found | {"tries": 1}))
    status, out, _ = ratchet("adopt", "--tag", "t", *to)
    assert status == 0
    assert "Real: it is." in out
    assert "working best: best so far: val_auc=0.9700" in out
    assert target.read_text() == "pruned"
    assert (ratchet.folder / "t" / "train.before-adopt.py").read_text() == "mine"
    assert ratchet("adopt", "--tag", "t", "--working", *to)[0] == 0
    assert target.read_text() == value(0.97, "better")
    file.unlink()
    assert ratchet("adopt", "--tag", "t", *to)[0] == 1
    assert ratchet("adopt", "--tag", "t", "--force", *to)[0] == 0


# -- the real thing -------------------------------------------------------------------------------


def test_evaluate_prints_the_contract_and_returns_its_status(tmp_path, capsys, warm):
    done = command("evaluate", "--json", str(tmp_path / "score.json"), "train.py")
    assert done.returncode == 0, done.stderr
    keys = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert keys == [
        *("val_auc", "val_sd", "test_auc", "test_acc", "test_f1"),
        *("wall_time_s", "cv_folds", "isolation", "status"),
    ]
    assert done.stdout.startswith("val_auc: 0.895971\n")
    assert json.loads((tmp_path / "score.json").read_text())["status"] == "ok"
    bad = tmp_path / "bad.py"
    bad.write_text("HYPOTHESIS = 'x'\nprint('val_auc: 1.0')\n")
    assert main(["evaluate", str(bad), "--json", "-"]) in (3, 4)
    assert json.loads(capsys.readouterr().out)["val_auc"] is None


def test_a_closed_pipe_ends_quietly(tmp_path, ratchet):
    ratchet("run", "--tag", "t", "--iterations", "3")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "status", "--tag", "t", "--runs", ratchet.folder],
            cwd=settings.REPO,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.heavy
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_run_that_the_same_command_continues(tmp_path, number):
    argv = ["run", "--tag", "t", "--iterations", "3", "--runs", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *argv],
        cwd=settings.REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell that starts the tests in the background has them ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for line in process.stdout:
        if line.startswith("iter 0 "):  # early: a busy machine may wake us late
            break
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal sends it to all of them
    else:
        process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.endswith(f"stopped; the run is safe, continue it with: ratchet {' '.join(argv)}\n")
    assert "Traceback" not in err
    if number == signal.SIGTERM:
        return  # the same way out: continued once is enough
    done = command(*argv)
    assert done.returncode == 0, done.stderr
    assert len(Ledger(tmp_path / "t" / "results.tsv", writable=False).rows) == 4
    assert check_agreement(tmp_path / "t") == []


def test_instructions_for_agents_name_commands_that_exist(repo):
    from harness.cli import make_parser
    from harness.commands import COMMANDS

    make_parser()
    for name in ("program.md", "AGENTS.md", ".claude/commands/autoresearch.md"):
        text = (repo / name).read_text()
        named = set(re.findall(r"(?:ratchet|python -m harness) ([a-z]+)", text))
        assert named >= {"step", "status"}, name
        assert named <= set(COMMANDS) | {"is"}, name


def test_doctor_says_what_is_there(repo):
    done = command("doctor")
    assert done.returncode in (0, 1), done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith(("ok    ", "LOOK  ")) for line in lines)
    for word in ("Python", "packages", "git", "free", "SHA-256", "isolation"):
        assert any(word in line for line in lines), word
    found = json.loads(command("doctor", "--json").stdout)
    assert len(found) == len(lines)
