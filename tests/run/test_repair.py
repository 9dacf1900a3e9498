"""Git knows more than the ledger: nothing goes on, nothing is lost, and `repair` brings it back."""

import math
import os
import re
import shutil
from dataclasses import replace

import pytest
from fakes import PROGRAM, START, FakeScorer, frozen, program  # noqa: F401
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from harness import RunError
from harness.agents import Proposal
from harness.cli import main
from harness.evidence.verify import check_agreement
from harness.run.ledger import HEADER, Ledger
from harness.run.ratchet import Run
from harness.run.record import _spans, read_record
from harness.run.repair import rebuild_ledger
from harness.run.workspace import Workspace

pytestmark = pytest.mark.usefixtures("frozen")
SCRIPT = [0.81, 0.79, "crashed (x)", 0.83, 0.825, 0.84]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("repair")
    with Run.open("t", root=root, scorer=FakeScorer(), start=(START, PROGRAM)) as run:
        run.ensure_baseline()
        for i, value in enumerate(SCRIPT):
            run.step(Proposal(program(value, f"idea {i}"), 100 + i, 0.5 * i, "reported"))
        run.step(Proposal(run.best.source, None, None, "unknown", "600 s", "timeout"))
    return root / "t"


@pytest.fixture
def folder(original, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.scoring.scorer.Scorer", FakeScorer)
    return shutil.copytree(original, tmp_path / "t")


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def excel(raw):
    """As a spreadsheet saves it: another mark, other line ends, quotes, commas for points."""
    text = raw.decode().replace("\t", ";").replace(".", ",").replace("idea 1", '"idea 1"')
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()


LINES = 8  # rows of the original
DAMAGE = {
    "lost": lambda raw: None,
    "emptied": lambda raw: b"",
    "header": lambda raw: HEADER.encode(),
    "older": lambda raw: b"".join(raw.splitlines(True)[:4]),
    "cut within a line": lambda raw: raw[: raw.rindex(b"idea 3")],
    "excel": excel,
    "line ends": lambda raw: raw.replace(b"\n", b"\r\n"),
    "utf-16": lambda raw: raw.decode().encode("utf-16"),
    "a hole": lambda raw: b"".join(raw.splitlines(True)[:3] + raw.splitlines(True)[4:]),
    "rounded": lambda raw: re.sub(rb"\t0\.8\d{5,}\t", b"\t0.8\t", raw, count=1),
    "zeros": lambda raw: b"\0" * len(raw),
}


def damage(folder, how):
    ledger = folder / "results.tsv"
    new = DAMAGE[how](ledger.read_bytes())
    ledger.unlink() if new is None else ledger.write_bytes(new)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_ledger_behind_git_stops_every_command_and_nothing_is_touched(folder, how, capsys):
    damage(folder, how)
    before = contents(folder)
    for command in ("run", "step", "status", "report", "adopt", "verify"):
        if how == "rounded" and command not in ("run", "step", "verify"):
            continue  # reading a run compares no row with its commit
        assert main([command, "--tag", "t", "--runs", str(folder.parent)]) == 1, command
        err = capsys.readouterr().err
        assert "fault" not in err
        assert "repair" in err or command == "verify"
    assert contents(folder) == before


def test_the_iterations_that_are_missing_are_named(folder):
    damage(folder, "older")
    with pytest.raises(
        RunError, match=r"git knows iterations .* \(3-7\): .* \./ratchet repair --tag t"
    ):
        Run.open("t", root=folder.parent, scorer=FakeScorer())
    assert _spans([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"


@pytest.mark.parametrize("how", DAMAGE)
def test_repair_brings_every_row_back_to_the_letter(original, folder, how, capsys):
    damage(folder, how)
    left = (folder / "results.tsv").read_bytes() if how != "lost" else b""
    assert main(["repair", "--tag", "t", "--runs", str(folder.parent)]) == 0, capsys.readouterr()
    assert (folder / "results.tsv").read_bytes() == (original / "results.tsv").read_bytes()
    kept = [p.read_bytes() for p in folder.glob("results.before-repair-*.tsv")]
    assert kept == [left] * bool(left)
    assert check_agreement(folder) == []
    with Run.open("t", root=folder.parent, scorer=FakeScorer()) as run:
        assert run.step(Proposal(program(0.9))).iteration == LINES


@given(st.sets(st.integers(0, LINES - 1)), st.data())
@how(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_lines_are_gone_or_changed_repair_is_whole_again(original, folder, gone, data):
    lines = (original / "results.tsv").read_bytes().splitlines(True)
    for number in gone:
        new = data.draw(st.sampled_from([b"", b"\n", b"rubbish\n", lines[number]]))
        lines[number + 1] = new
    (folder / "results.tsv").write_bytes(b"".join(lines))
    rebuild_ledger(folder)
    assert (folder / "results.tsv").read_bytes() == (original / "results.tsv").read_bytes()


def test_without_logs_and_scores_what_a_commit_does_not_hold_is_unknown(original, folder):
    damage(folder, "lost")
    shutil.rmtree(folder / "logs")
    rebuild_ledger(folder, score=False)
    pairs = zip(read_record(original).rows, read_record(folder).rows, strict=True)
    unknown = {"tokens": None, "cost_usd": None, "started_at": ""}
    for old, new in pairs:
        assert math.isnan(new.test_auc)
        assert math.isnan(new.wall_time_s)
        same = {"test_auc": 0.0, "wall_time_s": 0.0, "val_sd": 0.0}
        assert repr(replace(new, **same)) == repr(replace(old, **same, **unknown))


def test_a_forged_commit_makes_no_row(folder):
    with Run.open("t", root=folder.parent, scorer=FakeScorer()) as run:
        sha = run.best.sha
        commit = run.workspace.git.read_commit(sha)
    message = commit.message.replace("Iteration: 6", "Iteration: 8").replace("0.84", "0.99")
    forged = run.workspace.git.write_commit(commit.tree, sha, message, 8)
    run.workspace.keep(forged, b"")
    before = (folder / "results.tsv").read_bytes()
    with pytest.raises(RunError, match=r"\(8\)"):
        Run.open("t", root=folder.parent, scorer=FakeScorer())
    with pytest.raises(RunError, match="iteration 8 scores 0.84.*says 0.99.*somebody changed git"):
        rebuild_ledger(folder)
    assert (folder / "results.tsv").read_bytes() == before


def test_commits_of_an_agent_are_no_iterations(folder):
    """Its own, and ours amended: they are put back as ever."""
    with Run.open("t", root=folder.parent, scorer=FakeScorer()) as run:
        tip, git = run.best.sha, run.workspace.git
        raw = git.read(tip, "commit")
    parent = raw.index(b"author")
    own = raw[:parent] + b"parent " + tip.encode() + b"\n"
    own += b"author X <x@y> 1790000000 +0000\ncommitter X <x@y> 1790000000 +0000\n\nhello\n"
    amended = re.sub(rb"(committer .*> )\d+", rb"\g<1>1790000000", raw)
    for text in (own, amended):
        run.workspace.keep(git.write("commit", text), b"")
        with Run.open("t", root=folder.parent, scorer=FakeScorer()) as again:
            again.settle()
        assert check_agreement(folder) == []


def test_two_machines_that_went_on_alone_are_not_merged_in_silence(original, folder, tmp_path):
    other = shutil.copytree(original, tmp_path / "other" / "t")
    for root, value in ((folder.parent, 0.9), (other.parent, 0.91)):
        with Run.open("t", root=root, scorer=FakeScorer()) as run:
            run.step(Proposal(program(value)))
    shutil.copytree(other / "workspace", folder / "workspace", dirs_exist_ok=True)
    with pytest.raises(RunError, match=r"git knows .*\(8\)"):
        Run.open("t", root=folder.parent, scorer=FakeScorer())
    rebuild_ledger(folder)


def test_an_iteration_that_is_nowhere_is_named(folder):
    damage(folder, "lost")
    (folder / "workspace" / ".git" / "refs/autoresearch/discarded/0002").unlink()
    with pytest.raises(RunError, match="iteration 2 of run 't' is in neither"):
        rebuild_ledger(folder)
    assert not (folder / "results.tsv").exists()


def test_a_run_whose_json_and_ledger_are_lost_is_not_begun_anew(folder):
    (folder / "run.json").unlink()
    (folder / "results.tsv").unlink()
    with pytest.raises(RunError, match="run.json is missing: restore it"):
        Run.open("t", root=folder.parent, scorer=FakeScorer(), start=(START, PROGRAM))


def test_a_whole_ledger_is_left_alone_and_a_run_that_is_on_is_not_repaired(folder, capsys):
    words = ["repair", "--tag", "t", "--runs", str(folder.parent)]
    assert main(words) == 0
    assert "nothing was changed" in capsys.readouterr().out
    with Run.open("t", root=folder.parent, scorer=FakeScorer()):
        assert main(words) == 1
    assert "is owned by" in capsys.readouterr().err


def test_a_ledger_that_is_replaced_under_a_run_is_noticed_before_a_row_is_lost(folder):
    with Run.open("t", root=folder.parent, scorer=FakeScorer()) as run:
        old = (folder / "results.tsv").read_bytes()
        os.rename(folder / "results.tsv", folder / "moved.tsv")
        for text in (None, old):
            if text:
                (folder / "results.tsv").write_bytes(text)
            with pytest.raises(RunError, match="moved or replaced while the run was on"):
                run.ledger.append(replace(run.ledger.rows[-1], iteration=LINES))
    assert len(Ledger(folder / "moved.tsv", writable=False).rows) == LINES


def test_a_reader_beside_a_run_sees_no_loss(folder):
    """A row is written before its reference: whoever reads the references first is never behind."""
    space = Workspace(folder / "workspace", "t")
    assert space.unknown(read_record(folder).rows, space.references()) == {}
