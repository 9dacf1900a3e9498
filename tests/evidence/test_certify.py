"""The certificate of a run: real scores without a sandbox, real git, real text."""

import json

import pytest
from test_audit import BASELINE, BETTER, NOISE, InProcess, make_run

from harness import RunError
from harness.cli import main
from harness.evidence import certify, lines
from harness.evidence.certificate import Certificate, make_certificate
from harness.rules import CERTIFICATE_SEEDS, CONFIRM_SEEDS
from harness.run import read_certificate, read_record
from harness.run.ratchet import Run
from harness.scoring import Score

NOISE_ON_BETTER = BETTER.replace('"chest pain and more"', '"a useless column, too"').replace(
    "return X[COLUMNS]", "return X[COLUMNS].assign(z=(X.age * 37 + X.chol * 101) % 17)"
)
BOTH = BETTER.replace('"chest pain and more"', '"another C"').replace(
    "LogisticRegression()", "LogisticRegression(C=0.3)"
)


@pytest.fixture
def scorer():
    return InProcess()


class KeepsAll(InProcess):
    """Every program scores a little more than the one before: strict keeps all of them."""

    def score(self, source):
        score = super().score(source)
        self.n = getattr(self, "n", 0) + 1
        return Score("ok", 0.7 + self.n / 1000, 0.01, tuple(
            0.7 + self.n / 1000 + k / 1000 for k in (-2, -1, 0, 1, 2)
        ), isolation=score.isolation)  # fmt: skip


def test_a_real_edit_is_certified_and_a_useless_one_taken_back(tmp_path):
    folder = make_run(tmp_path, KeepsAll(), BETTER, NOISE_ON_BETTER, BOTH)
    scorer = KeepsAll()
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found = make_certificate(folder, scorer)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert found.certified
    assert found.working.edits == [1, 2, 3]
    assert 1 in found.pruned.edits
    assert 2 not in found.pruned.edits
    assert "z=(X.age" not in found.source
    assert "chest pain and more" in found.source  # the hypothesis says what is left
    assert found.sentence.startswith("Real: the program with the edits of iterations 1")
    assert set(scorer.calls) == {CERTIFICATE_SEEDS, CONFIRM_SEEDS}
    assert found == make_certificate(folder, KeepsAll()), "the same again"


def test_noise_earns_none_and_the_start_stays(tmp_path):
    folder = make_run(tmp_path, KeepsAll(), NOISE)
    found = certify(folder, InProcess())
    assert not found.real
    assert found.verdict() != "real"
    assert found.sentence.endswith("the start stays.")
    assert json.loads((folder / "certificate.json").read_text())["sentence"] == found.sentence


def test_nothing_kept_is_nothing_to_claim(tmp_path, scorer):
    folder = make_run(tmp_path, scorer, BASELINE.replace("trestbps", "fbs"), rule="moderated")
    found = certify(folder, scorer)
    assert found.tries == 1
    assert (
        found.sentence == "Nothing to claim: after 1 tries nothing was kept, and the start stays."
    )
    assert found.verdict() == "cannot tell"


def test_a_run_without_a_baseline_is_told(tmp_path, scorer):
    start = BASELINE.encode(), b"program"
    Run.open("t", root=tmp_path, scorer=scorer, start=start, agent="human", rule="strict").close()
    with pytest.raises(RunError, match="no baseline yet"):
        certify(tmp_path / "t", scorer)


def test_edits_of_the_same_lines_go_together(tmp_path):
    once = BASELINE.replace("baseline", "C 0.5").replace("sion()", "sion(C=0.5)")
    twice = BASELINE.replace("baseline", "C 0.1").replace("sion()", "sion(C=0.1)")
    folder = make_run(tmp_path, KeepsAll(), once, twice)
    found = make_certificate(folder, KeepsAll())
    assert found.joined == [[1, 2]]
    assert "iterations 1 and 2 can only be taken back together" in lines(found)


def test_a_certificate_of_fewer_tries_is_no_certificate(tmp_path, scorer):
    folder = make_run(tmp_path, scorer, NOISE)
    certify(folder, scorer)
    assert read_certificate(read_record(folder))
    with Run.open("t", root=tmp_path, scorer=scorer) as run:
        from harness.agents import Proposal

        run.step(Proposal(BETTER))
    assert not read_certificate(read_record(folder))


def test_a_pruned_program_that_a_probe_rejects_is_not_offered(tmp_path):
    folder = make_run(tmp_path, KeepsAll(), BETTER, NOISE_ON_BETTER, BOTH)

    class Rejecting(KeepsAll):
        def probe(self, source, score):
            return Score("rejected (label flip: knew the answers)")

    found = make_certificate(folder, Rejecting())
    assert found.pruned.edits == found.working.edits
    assert "rejected (label flip" in found.notes[0]


def test_the_ledger_and_the_line_carry_what_is_certified(tmp_path, scorer, capsys):
    folder = make_run(tmp_path, scorer, BETTER, rule="confirm")
    with Run.open("t", root=tmp_path, scorer=scorer) as run:
        row = run.ledger.rows[1]
        assert row.edit_t > row.edit_bar
        assert run.best.repeats is not None, "fresh folds are written down with the commit"
    assert main(["status", "--tag", "t", "--runs", str(tmp_path)]) == 0
    assert f"[certified: T={row.edit_t:.2f} > {row.edit_bar:.2f}]" in capsys.readouterr().out
    found = certify(folder, scorer)
    assert found.edits == {1: row.edit_t}
    assert Certificate.from_dict(json.loads(json.dumps(found.to_dict()))) == found
