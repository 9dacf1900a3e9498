"""What people's machines do to a command: one line that says what to do, and nothing lost."""

import contextlib
import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import PROGRAM, START, FakeScorer, Scripted, frozen, program  # noqa: F401

from harness import REPO, RunError, cli, fingerprint
from harness.agents import Proposal
from harness.cli import main
from harness.evidence.verify import check_agreement
from harness.run import loop, read_record
from harness.run.ledger import COLUMNS
from harness.run.ratchet import Run

HERE = Path(__file__).resolve().parent
TYPED = f"""
import sys, time
sys.path[:0] = [{str(HERE.parent)!r}, {str(REPO)!r}]
from fakes import FakeScorer
from harness.scoring import scorer

class Slow(FakeScorer):
    def score(self, source, **how):
        time.sleep(0.02)
        return super().score(source, **how)

scorer.Scorer = Slow
from harness.cli import main
sys.exit(main(sys.argv[1:]))
"""
TAKE = fingerprint.take


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults")
    with Run.open("t", root=root, scorer=FakeScorer(), start=(START, PROGRAM)) as run:
        run.ensure_baseline()
        for value in (0.81, "crashed (x)", 0.79):
            run.step(Proposal(program(value)))
    return root / "t"


@pytest.fixture
def folder(original, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.scoring.scorer.Scorer", FakeScorer)
    return shutil.copytree(original, tmp_path / "runs" / "t")


@pytest.fixture
def ratchet(capsys):
    def type_(*words):
        status = main([*map(str, words)])
        out, err = capsys.readouterr()
        assert "fault of the course" not in err
        assert "Traceback" not in err
        return status, out, err

    return type_


@contextlib.contextmanager
def in_time(seconds=60):
    """Turn a command that hangs into a failure."""

    def late(number, frame):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# -- signals ----------------------------------------------------------------------------------


def typed(root, *words, **how):
    words = [sys.executable, "-c", TYPED, "run", "--tag", "t", "--runs", str(root), *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*words, "--iterations", "5"], cwd=REPO, **pipes, **how)


@pytest.mark.parametrize("names", ["INT", "TERM", "HUP", "QUIT", "HUP TERM QUIT"])
def test_every_signal_that_asks_to_end_leaves_a_run_to_continue(tmp_path, names):
    """A closed terminal, `kill`, Ctrl-\\, and several of them at once."""
    plain = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    process = typed(tmp_path, preexec_fn=plain)
    for line in process.stdout:
        if line.startswith("iter 1 "):
            break
    for name in names.split():
        process.send_signal(getattr(signal, f"SIG{name}"))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.count("\n") == 1
    assert "stopped; the run is safe, continue it with: ./ratchet run --tag t" in err
    before = (tmp_path / "t" / "results.tsv").read_bytes()
    if names == "HUP":
        process = typed(tmp_path)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert len(read_record(tmp_path / "t").rows) == 6
    else:
        with Run.open("t", root=tmp_path, scorer=FakeScorer()) as run:
            run.settle()
    assert (tmp_path / "t" / "results.tsv").read_bytes().startswith(before)
    assert check_agreement(tmp_path / "t") == []


def test_a_run_started_by_nohup_outlives_its_terminal(tmp_path):
    process = typed(tmp_path, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


# -- what stands where a file shall be written ---------------------------------------------------


STANDING = {
    "folder": lambda path: path.mkdir(),
    "fifo": os.mkfifo,
    "link": lambda path: path.symlink_to(path.parent / "elsewhere"),
    "link to a file": lambda path: path.symlink_to(__file__),
    "device": lambda path: path.symlink_to("/dev/null"),
    "no parent": lambda path: path.parent.rmdir(),
}


@pytest.mark.parametrize("standing", STANDING)
@pytest.mark.parametrize("command", ["evaluate", "report", "adopt"])
def test_a_target_that_is_no_file_is_refused_before_any_work(
    folder, tmp_path, ratchet, monkeypatch, command, standing
):
    def work(*args, **how):
        raise AssertionError("work was done")

    monkeypatch.setattr("harness.scoring.scorer.evaluate", work)
    monkeypatch.setattr("harness.evidence.report.measure_noise", work)
    target = tmp_path / "there" / "target"
    target.parent.mkdir()
    STANDING[standing](target)
    words = {
        "evaluate": ["evaluate", REPO / "train.py", "--json", target],
        "report": ["report", "--tag", "t", "--runs", folder.parent, "--out", target],
        "adopt": ["adopt", "--tag", "t", "--runs", folder.parent, "--force", "--to", target],
    }[command]
    before = target.lstat().st_mode if os.path.lexists(target) else None
    with in_time():
        status, _, err = ratchet(*words)
    assert status != 0
    assert err.count("\n") == 1
    assert str(target.parent) in err
    assert (target.lstat().st_mode if os.path.lexists(target) else None) == before


# -- what stands where a file shall be read -----------------------------------------------------


READING = ("run", "step", "status", "report", "adopt", "verify", "repair")


def test_a_pipe_in_place_of_any_file_of_a_run_hangs_nothing(original, folder, ratchet):
    names = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
    objects = [name for name in names if "/objects/" in name]
    names = [name for name in names if name not in objects[3:]]
    for name in (*names, "audit.json", "ended.json", "notebook.json", "agent/calls.jsonl",
                 "workspace/.git/packed-refs", "now.json", "agent/wish.txt",
                 "agent/hint-1.txt"):  # fmt: skip
        shutil.rmtree(folder)
        shutil.copytree(original, folder)
        (folder / name).unlink(missing_ok=True)
        (folder / name).parent.mkdir(exist_ok=True)
        os.mkfifo(folder / name)
        for command in READING:
            more = {"report": ["--no-score"], "run": ["--iterations", "3"]}.get(command, [])
            more = ["--force", "--to", folder / "adopted.py"] if command == "adopt" else more
            with in_time(120):  # a busy machine takes its time
                ratchet(command, "--tag", "t", "--runs", folder.parent, *more)


SHAPES = [b"[]", b"null", b"3", b'"x"', b"", b"{", b"\xff\xfe{\x00}\x00", b"[" * 50_000, b"NaN"]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda raw: repr(raw[:6]))
def test_a_run_json_of_another_shape_is_one_line(folder, ratchet, shape):
    (folder / "run.json").write_bytes(shape)
    for command in READING:
        status, _, err = ratchet(command, "--tag", "t", "--runs", folder.parent)
        assert status == 1
        assert "run.json cannot be read" in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("value", [None, [], {}, "x", -1.5, True], ids=repr)
def test_a_value_of_another_kind_in_run_json_is_no_fault_of_the_course(folder, ratchet, value):
    settings = json.loads((folder / "run.json").read_text())
    for key in settings:
        (folder / "run.json").write_text(json.dumps(settings | {key: value}))
        for command in ("run", "status", "verify"):
            ratchet(command, "--tag", "t", "--runs", folder.parent, *["--iterations", "3"][: 2 * (command == "run")])  # fmt: skip  # noqa: E501


def test_a_run_of_a_later_format_is_left_to_its_own_version(folder, ratchet):
    settings = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(settings | {"format": 2}))
    assert "another version" in ratchet("status", "--tag", "t", "--runs", folder.parent)[2]


@pytest.mark.parametrize("value", ["nan", "inf", "", "-1", "0,5", "\0"])
def test_a_cell_that_no_step_wrote_is_no_fault_of_the_course(original, folder, ratchet, value):
    lines = [line.split("\t") for line in (folder / "results.tsv").read_text().splitlines()]
    for column in range(len(COLUMNS)):
        for row in (1, 3):
            changed = [[*line] for line in lines]
            changed[row][column] = value
            text = "".join("\t".join(line) + "\n" for line in changed)
            (folder / "results.tsv").write_text(text)
            ratchet("status", "--json", "--tag", "t", "--runs", folder.parent)
        ratchet("report", "--no-score", "--tag", "t", "--runs", folder.parent)
        ratchet("verify", "--tag", "t", "--runs", folder.parent)


# -- a disk that is full ------------------------------------------------------------------------


def test_a_full_disk_is_named_and_leaves_no_folder(tmp_path):
    """A limit on the size of files stands for the disk: the system refuses to write either way."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))  # noqa: E731
    process = typed(tmp_path, preexec_fn=limit)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.count("\n") == 1
    assert str(tmp_path / "t") in err
    assert "free some space there" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", cli.FULL)
def test_a_full_disk_without_a_path_still_gets_advice(ratchet, monkeypatch, number):
    def fail(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("harness.run.read_status", fail, raising=False)
    status, _, err = ratchet("status", "--tag", "t")
    assert (status, err) == (
        1,
        f"ratchet: the disk: {os.strerror(number)}: free some space there, then type the command "
        "again\n",
    )


def test_a_write_that_failed_says_where_and_leaves_nothing(tmp_path, monkeypatch):
    from harness.files import write_file

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError) as caught:
        write_file(tmp_path / "x", b"1")
    assert caught.value.filename == str(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


# -- starts that fail ---------------------------------------------------------------------------


WRONG = [
    ["--time-budget", "9" * 400 + "h"],
    ["--time-budget", "1e999h"],
    ["--time-budget", "99999999999d"],
    ["--time-budget", "nan"],
    ["--time-budget=-1h"],
    ["--agent-timeout", "9" * 400 + "d"],
    ["--agent-option", "bogus=1"],
    ["--agent-option", "name=x"],
    ["--agent", "command", "--agent-command", "true", "--agent-option", "bogus=1"],
    ["--agent", "nobody"],
    ["--rule", "nothing"],
    ["--task", "nothing"],
]


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(words)[:40])
def test_a_start_that_fails_leaves_no_folder(tmp_path, ratchet, words):
    status, _, err = ratchet("run", "--tag", "t", "--runs", tmp_path / "runs", *words)
    assert status != 0
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_start_that_does_not_score_leaves_no_folder_and_the_mended_one_starts(tmp_path, frozen):  # noqa: F811
    how = {"root": tmp_path, "scorer": FakeScorer()}
    broken = program("crashed (no luck)").encode()
    with pytest.raises(RunError, match="mend it, then start again"):
        with Run.open("t", start=(broken, PROGRAM), **how) as run:
            run.ensure_baseline()
    assert not (tmp_path / "t").exists()
    with Run.open("t", start=(START, PROGRAM), **how) as run:
        assert run.ensure_baseline().ok


# -- a harness that changes under a run ---------------------------------------------------------


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A small harness that a test may change."""
    house = tmp_path / "harness"
    (house / "sealing").mkdir(parents=True)
    for name in ("task.py", "sealing/worker.py", "data.csv"):
        (house / name).write_text("1\n")
    monkeypatch.setattr(fingerprint, "HARNESS", house)
    return house


CHANGES = {
    "harness/sealing/worker.py changed": lambda house: (house / "sealing/worker.py").write_text(
        "2"
    ),
    "harness/data.csv is gone": lambda house: (house / "data.csv").unlink(),
    "harness/sealing/new.py is new": lambda house: (house / "sealing/new.py").write_text(""),
    "harness/task.py changed": lambda house: os.replace(house / "data.csv", house / "task.py"),
}


@pytest.mark.parametrize("said", CHANGES)
def test_a_harness_changed_during_a_run_is_noticed_at_the_next_step(house, tmp_path, said):
    with Run.open("t", root=tmp_path, scorer=FakeScorer(), start=(START, PROGRAM)) as run:
        run.ensure_baseline()
        (house / "data.csv").write_text("1\n")  # written again, the same
        assert run.step(Proposal(program(0.81))).iteration == 1
        (house / "data.csv").write_text("3\n" if "task.py" in said else "1\n")
        agent = Scripted([program(0.82)])
        CHANGES[said](house)
        for work in (
            lambda: run.step(Proposal(program(0.83))),
            lambda: loop.run(run, agent, iterations=5),
        ):
            with pytest.raises(RunError, match=f"another harness .*{said}"):
                work()
        assert agent.views == [], "an agent was paid for nothing"
        assert len(run.ledger.rows) == 2


def test_looking_at_an_unchanged_harness_reads_no_file(house, tmp_path, monkeypatch):
    with Run.open("t", root=tmp_path, scorer=FakeScorer(), start=(START, PROGRAM)) as run:
        run.ensure_baseline()
        monkeypatch.setattr(fingerprint, "take", lambda *files: pytest.fail("it was read again"))
        run.step(Proposal(program(0.81)))
