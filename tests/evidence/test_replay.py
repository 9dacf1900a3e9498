"""Replay: a run played again proposes what was tried, from its folder and from one file."""

import hashlib
import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.agents import Proposal, View, get_agent
from harness.agents.edits import contract_error
from harness.agents.errors import AgentDone
from harness.candidate import normalise
from harness.evidence.replay import EXAMPLE, Recording, Tried, lines, load, main, play, save
from harness.run import loop
from harness.run.ratchet import Run
from harness.task.task import BASELINE_VAL_AUC

SOURCE = (Path(__file__).parents[2] / "train.py").read_text()
SEALED = 0.61616161


class Score:
    """A score made up from the source's hash, with a test figure that is easy to find."""

    def __init__(self, source):
        digest = int(hashlib.sha1(source.encode()).hexdigest(), 16)
        self.ok = "crash" not in source
        self.status = "ok" if self.ok else "crashed (ValueError: no)"
        self.val_auc = 0.89 + digest % 1000 / 50_000 if self.ok else math.nan
        self.val_sd = 0.02 if self.ok else math.nan
        self.fold_scores = (self.val_auc,) * 5 if self.ok else ()
        self.test_auc, self.wall_time_s, self.log, self.probes = SEALED, 0.1, "", ()
        self.isolation = "none"


class Scorer:
    """Scores without running anything."""

    def score(self, source, **_):
        return Score(source)

    def score_many(self, sources):
        return [Score(source) for source in sources]

    def probe(self, source, score):
        return score

    def close(self):
        pass


class Scripted:
    """An agent that proposes the given things in turn."""

    name = "scripted"

    def __init__(self, proposals):
        self.proposals = proposals

    def propose(self, view):
        return self.proposals[view.iteration - 1]

    def close(self):
        pass


def start(root, tag, agent, **limits):
    with Run.open(tag, root=root, agent=agent.name, rule="strict", seed=0, scorer=Scorer()) as run:
        outcome = loop.run(run, agent, say=lambda line: None, **limits)
        return outcome, run.ledger.rows


@pytest.fixture
def recorded(tmp_path):
    """A run with kept, discarded, crashed and duplicate candidates and a call without a file."""
    tried = [SOURCE.replace("C=1.0", f"C={c}") for c in (0.1, 0.2, 0.3, 0.4)]
    proposals = [Proposal(source) for source in tried]
    proposals.append(Proposal(SOURCE + "\ncrash = 1\n"))
    proposals.append(Proposal(tried[0]))  # a duplicate
    proposals.append(Proposal(SOURCE, note="it left train.py as it was", outcome="no change"))
    proposals += [Proposal(SOURCE.replace("C=1.0", f"C={c}")) for c in (0.5, 0.6, 0.7)]
    start(tmp_path, "first", Scripted(proposals), iterations=10)
    return tmp_path / "first"


def essence(rows):
    # As text: nan is not equal to itself. A commit names its agent, so commits differ.
    return [repr((r.iteration, r.val_auc, r.status, r.decision, r.description)) for r in rows]


@pytest.mark.parametrize("as_file", [False, True])
def test_the_same_ledger_again(recorded, tmp_path, as_file):
    source = recorded
    if as_file:
        source = tmp_path / "one.json"
        save(load(recorded), source)
    agent = get_agent("replay", run=str(source), delay="0")
    outcome, rows = start(tmp_path, "second", agent, iterations=99)
    assert not outcome.failed
    assert "played to its end" in outcome.reason
    with Run.open("first", root=tmp_path, rule="strict", scorer=Scorer()) as run:
        first = run.ledger.rows
    assert [r.status for r in first[5:8]] == [
        "crashed (ValueError: no)",
        "rejected (duplicate of iteration 1)",
        "rejected (agent: no change: it left train.py as it was)",
    ]
    assert essence(rows) == essence(first)
    assert all(r.tokens == 0 and r.cost_usd == 0 for r in rows)


def test_a_recording_has_no_test_figures(recorded, tmp_path):
    path = tmp_path / "one.json"
    assert main([str(recorded), str(path)]) == 0
    assert str(SEALED) in (recorded / "results.tsv").read_text()  # or this test shows nothing
    assert str(SEALED) not in path.read_text()
    assert "test_" not in path.read_text()


def test_file_and_folder_say_the_same(recorded, tmp_path):
    save(load(recorded), tmp_path / "one.json")
    one, other = load(recorded), load(tmp_path / "one.json")
    assert repr(one) == repr(other)  # nan is not equal to itself, but it looks the same


def test_played_lines_are_those_of_the_run(recorded):
    said = []
    play(recorded, delay=0, say=said.append)
    assert len(said) == 12  # eleven rows and, after the tenth, the best so far
    assert said[0].startswith("iter 0 | val_auc=")
    assert "CRASHED" in said[5]
    assert said[-1].startswith("best so far: val_auc=")
    assert not [line for line in said if "test" in line]


def test_delay_and_close():
    agent = get_agent("replay", delay=0.6)
    first = agent.recording.tried[0]
    view = View("", first.source, first.val_auc, 0, [], None, 1, 0)
    began = time.monotonic()
    proposal = agent.propose(view)
    assert time.monotonic() - began >= 0.6
    assert (proposal.cost_source, proposal.outcome) == ("none", "ok")
    agent.close()
    began = time.monotonic()
    assert agent.propose(view) == proposal
    assert time.monotonic() - began < 0.5
    with pytest.raises(AgentDone) as caught:
        agent.propose(replace(view, iteration=10_000))
    assert caught.value.fatal
    assert not caught.value.uses_iteration


def test_the_example_that_ships():
    recording = load()
    assert recording.agent == "playbook"
    assert 8 <= len(recording.tried) <= 40
    assert round(recording.tried[0].val_auc, 6) == BASELINE_VAL_AUC
    assert {t.decision for t in recording.tried} == {"baseline", "kept", "discarded"}
    assert len({normalise(t.source) for t in recording.tried}) == len(recording.tried)
    assert [contract_error(t.source) for t in recording.tried] == [None] * len(recording.tried)
    assert EXAMPLE.stat().st_size < 200_000
    assert "test_auc" not in EXAMPLE.read_text()
    assert len(list(lines(recording))) >= len(recording.tried)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no recording"),
        ("[]", "no recording"),
        ('{"format": "x"}', "format"),
        ('{"format": "autoresearch-recording/1"}', "no recording"),
        ('{"format": "autoresearch-recording/1", "tried": [1]}', "no recording"),
    ],
)
def test_damaged_recordings_are_told(tmp_path, text, message):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        get_agent("replay", run=path)


def test_wrong_options_are_told(tmp_path, capsys):
    with pytest.raises(ValueError, match="there is no run"):
        get_agent("replay", run=str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match="delay"):
        get_agent("replay", delay=-1)
    with pytest.raises(ValueError, match="nonsense"):
        get_agent("replay", nonsense=1)
    assert main(["only-one"]) == 64
    assert main([str(tmp_path / "nothing"), "x.json"]) == 1
    assert "there is no run" in capsys.readouterr().err


def test_a_recording_keeps_any_source(tmp_path):
    odd = ["", "a\n", "a\r\n\n", "é\u2028\ud7ff\n\n", "\ttab"]
    tried = tuple(
        Tried(i, "h", math.nan, math.nan, math.nan, "crashed (x)", "discarded", "abc", source)
        for i, source in enumerate(odd)
    )
    path = tmp_path / "odd.json"
    save(Recording("t", "heart", "a", "strict", 0, tried), path)
    assert [t.source for t in load(path).tried] == odd
    assert json.loads(path.read_text("utf-8"))["tried"][0]["val_auc"] is None


def test_the_command_knows_the_agent_in_a_process_of_its_own():
    """Here other tests have imported the room that adds it."""
    typed = "run --tag show --agent replay --agent-option delay=0 --agent-option run=never-made"
    done = subprocess.run(
        [sys.executable, "-m", "harness", *typed.split()], capture_output=True, text=True
    )
    assert done.returncode == 64
    assert "never-made" in done.stderr
    assert "unknown agent" not in done.stderr
