"""Verify: an honest run passes, and each way of doctoring one is found."""

import json
import shutil

import numpy as np
import pytest
from fakes import PROGRAM, START, Climber, FakeScorer, frozen, program  # noqa: F401

from harness import RunError, fingerprint
from harness.agents import Proposal
from harness.evidence import verify as module
from harness.evidence.verify import check_agreement, verify
from harness.run import loop
from harness.run.git import GitFiles
from harness.run.ledger import COLUMNS
from harness.run.ratchet import Run

pytestmark = pytest.mark.usefixtures("frozen")
SCRIPT = [0.81, 0.79, "crashed (x)", 0.83, 0.83, 0.825, 0.84, "timeout (180 s)", 0.7, 0.85]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("verify")
    for rule in ("strict", "confirm"):
        with Run.open(
            rule, root=root, scorer=FakeScorer(), start=(START, PROGRAM), rule=rule
        ) as run:
            run.ensure_baseline()
            for i, value in enumerate(SCRIPT):
                run.step(Proposal(program(value, f"idea {i}")))
            run.step(Proposal(program(0.9, "cheat", "CHEAT = 1\n")))
            run.step(Proposal("#" * 300_000))
            run.step(Proposal(b"\xff".decode("utf-8", "surrogateescape")))
            run.step(Proposal(run.best.source, outcome="timeout", note="600 s"))
    return root


@pytest.fixture
def folder(original, tmp_path, request):
    rule = getattr(request, "param", "strict")
    shutil.copytree(original / rule, tmp_path / rule)
    return tmp_path / rule


def change_cell(folder, row, column, value):
    path = folder / "results.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    lines[row + 1][COLUMNS.index(column)] = value
    path.write_text("".join("\t".join(line) + "\n" for line in lines))


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("folder", ["strict", "confirm"], indirect=True)
def test_an_honest_run_passes(folder, every):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    scorer = FakeScorer()
    report = verify(folder, scorer, every=every)
    assert report.problems == []
    assert report.ok
    assert (report.rows, report.kept) == (15, 4)
    # Not the duplicate, not the agent's failure; of what was discarded, those drawn.
    assert report.rescored == (13 if every else 5 + min(module.SAMPLED, 3))
    assert report.largest_difference == 0
    kept = report.kept  # and what a probe had rejected
    assert len(scorer.probed) == kept + every, "what was kept is probed, as it was then"
    assert report.best_val_auc == pytest.approx(0.85)
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert before == after, "verifying must not write to a run"


class Scattering(FakeScorer):
    """Fresh gains that scatter: a gain of 0.02 is worth T = 3.1, between the bars of two plans."""

    def fold_scores(self, source, fold_seeds):
        scatter = 0.024 * (-1.0) ** np.arange(5) * ("VALUE = 0.82" in source)
        return super().fold_scores(source, fold_seeds) + scatter


@pytest.mark.parametrize(("planned", "kept"), [(25, True), (200, False)])
def test_tries_that_were_paid_for_in_advance_count_again(tmp_path, planned, kept):
    how = {"root": tmp_path, "scorer": Scattering(), "start": (START, PROGRAM)}
    with Run.open("x", **how, rule="moderated") as run:
        run.planned = planned
        best = run.ensure_baseline().val_auc
        row = run.step(Proposal(program(0.82, "a gain of T = 3.1")))
    assert best == pytest.approx(0.8)
    assert (row.decision == "kept") == kept
    assert verify(tmp_path / "x", Scattering(), every=True).problems == []


def test_a_run_by_an_agent_in_batches_passes(tmp_path):
    with Run.open("x", root=tmp_path, scorer=FakeScorer(), start=(START, PROGRAM)) as run:
        loop.run(run, Climber(), iterations=20, parallel=4)
    assert verify(tmp_path / "x", FakeScorer(), every=True).problems == []


@pytest.mark.parametrize(
    ("column", "row", "value", "found"),
    [
        ("val_auc", 4, "0.93", "the ledger says 0.93"),
        ("val_auc", 4, "0.8300001", "1e-07 off"),
        ("commit", 4, "0123456789ab", "commit 0123456789ab is not on"),
        ("description", 4, "a better story", "the hypothesis"),
        ("delta", 4, "0.5", "delta is not against the best"),
        ("status", 3, "ok", "commit message and ledger disagree"),
        ("decision", 6, "kept", "commit"),
        ("decision", 7, "discarded", "commit"),
    ],
)
def test_a_doctored_ledger_is_found(folder, column, row, value, found):
    change_cell(folder, row, column, value)
    assert found in "\n".join(verify(folder, FakeScorer()).problems)


def test_a_discarded_score_that_was_doctored_is_found_where_it_is_drawn(folder, monkeypatch):
    git = GitFiles(folder / "workspace" / ".git", "autoresearch/strict")
    sha = git.read_ref("refs/autoresearch/discarded/0002")
    commit = git.read_commit(sha)
    message = commit.message.replace("Val-AUC: 0.7899999999999999", "Val-AUC: 0.78")
    assert message != commit.message
    change_cell(folder, 2, "val_auc", "0.78")
    change_cell(folder, 2, "delta", repr(0.78 - 0.8100000000000002))
    fake = git.write_commit(commit.tree, commit.parent, message, 2)
    git.set_ref("refs/autoresearch/discarded/0002", fake)
    change_cell(folder, 2, "commit", fake[:12])
    said = "iteration 2: val_auc is not the mean of the folds"
    assert verify(folder, FakeScorer()).problems[0] == said
    message = message.replace("0.77 0.78 0.79 0.8 0.81", "0.76 0.77 0.78 0.79 0.8")
    fake = git.write_commit(commit.tree, commit.parent, message, 2)
    git.set_ref("refs/autoresearch/discarded/0002", fake)
    change_cell(folder, 2, "commit", fake[:12])
    lie = "iteration 2: scores 0.790000000, the ledger says 0.780000000"
    (problem,) = verify(folder, FakeScorer()).problems
    assert problem.startswith(lie)
    monkeypatch.setattr(module, "SAMPLED", 0)
    assert verify(folder, FakeScorer()).problems == [], "a consistent lie needs a new score"
    assert lie in "\n".join(verify(folder, FakeScorer(), every=True).problems)


def test_folds_that_were_doctored_around_their_mean_are_found(folder):
    """A calmer spread lowers the bar of a claim; the mean tells nothing of it."""
    git = GitFiles(folder / "workspace" / ".git", "autoresearch/strict")
    commit = git.read_commit(git.read_ref("refs/autoresearch/discarded/0002"))
    message = commit.message.replace("0.77 0.78 0.79 0.8 0.81", "0.79 0.79 0.79 0.79 0.79")
    assert message != commit.message
    fake = git.write_commit(commit.tree, commit.parent, message, 2)
    git.set_ref("refs/autoresearch/discarded/0002", fake)
    change_cell(folder, 2, "commit", fake[:12])
    (problem,) = verify(folder, FakeScorer()).problems
    assert problem.startswith("iteration 2: scores 0.79")


def test_a_keep_that_the_rule_would_not_make_is_found(folder):
    settings = json.loads((folder / "run.json").read_text())
    settings["rule"] = "ladder"
    (folder / "run.json").write_text(json.dumps(settings))
    scorer = FakeScorer()
    assert verify(folder, scorer).problems == [], "no spread between folds: ladder agrees here"
    settings["rule"] = "confirm"
    (folder / "run.json").write_text(json.dumps(settings))

    class Reversed(FakeScorer):
        def fold_scores(self, source, fold_seeds):
            return -super().fold_scores(source, fold_seeds)

    problems = "\n".join(verify(folder, Reversed()).problems)
    assert "iteration 1: kept, but confirm says discarded" in problems


def test_a_program_swapped_in_git_is_found(folder):
    space = module.read_record(folder).workspace
    git = space.git
    tip = git.read_ref(git.head_ref)
    commit = git.read_commit(tip)
    tree = git.read_tree(commit.tree)
    blobs = {name: sha for name, (_, sha) in tree.items()}
    blobs["train.py"] = git.write("blob", program(0.5, "idea 9").encode())
    fake = git.write_commit(git.write_tree(blobs), commit.parent, commit.message, 10)
    git.set_ref(git.head_ref, fake)
    assert "iteration 10: commit" in "\n".join(check_agreement(folder))
    change_cell(folder, 10, "commit", fake[:12])
    assert "scores 0.500000000, the ledger says 0.85" in "\n".join(
        verify(folder, FakeScorer()).problems
    )


def test_another_file_in_a_commit_is_found(folder):
    git = module.read_record(folder).workspace.git
    tip = git.read_ref(git.head_ref)
    commit = git.read_commit(tip)
    blobs = {name: sha for name, (_, sha) in git.read_tree(commit.tree).items()}
    blobs["cheat.py"] = git.write("blob", b"x")
    fake = git.write_commit(git.write_tree(blobs), commit.parent, commit.message, 10)
    git.set_ref(git.head_ref, fake)
    change_cell(folder, 10, "commit", fake[:12])
    assert "iteration 10: its commit holds cheat.py, program.md, train.py" in check_agreement(
        folder
    )


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda f: (f / "logs" / "0004.log").unlink(), "iteration 4: its log is missing"),
        (lambda f: (f / "workspace" / "extra").write_text("x"), "the workspace holds"),
        (lambda f: (f / "workspace" / "train.py").write_text("x"), "is not the best one"),
        (lambda f: (f / "workspace" / ".git" / "HEAD").write_text("x"), "HEAD is not on"),
        (
            lambda f: (f / "workspace/.git/refs/autoresearch/discarded/0002").unlink(),
            "iteration 2: commit",
        ),
        (
            lambda f: GitFiles(f / "workspace" / ".git", "x").set_ref(
                "refs/autoresearch/discarded/0099", "0" * 40
            ),
            "references without a row: 0099",
        ),
    ],
)
def test_what_does_not_agree_is_found(folder, damage, found):
    assert check_agreement(folder) == []
    damage(folder)
    assert any(line.startswith(found) or found in line for line in check_agreement(folder))


def test_another_harness_is_named(folder, monkeypatch):
    now = fingerprint.take()
    other = {**now, "files": {**now["files"], "harness/rules/rules.py": "0"}}
    monkeypatch.setattr(fingerprint, "take", lambda *extra: other)
    assert verify(folder, FakeScorer()).problems == ["fingerprint: harness/rules/rules.py changed"]


def test_a_row_left_out_of_the_ledger_is_an_error(folder):
    lines = (folder / "results.tsv").read_text().splitlines(keepends=True)
    (folder / "results.tsv").write_text("".join(lines[:5] + lines[6:]))
    with pytest.raises(RunError, match="line 6 is damaged"):
        check_agreement(folder)


def test_the_table_has_a_line_per_run(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.scoring.scorer.Scorer", FakeScorer)
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    change_cell(bad, 4, "val_auc", "0.93")
    reports = module.main([str(folder), str(bad), "nobody"], root=tmp_path, say=lambda line: None)
    lines = module.table(reports).splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("  ok")
    assert "problem" in lines[2]
    assert lines[3].startswith("nobody")
    assert [module.to_dict(r)["ok"] for r in reports] == [True, False, False]
