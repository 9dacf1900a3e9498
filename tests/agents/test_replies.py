"""What odd servers and programs answer, case by case: `replies.toml` names the outcome of each."""

import json
import tomllib
import zoneinfo
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import ModelServer

from harness.agents import Past, View, errors, get_agent, outcomes
from harness.agents.edits import contract_error, read_reply
from harness.agents.programs.presets import PRESETS, Call
from harness.processes import Finished

CASES = tomllib.loads((Path(__file__).parent / "replies.toml").read_text(encoding="utf-8"))
SOURCE = (Path(__file__).parents[2] / "train.py").read_text()
FILE = SOURCE.replace("C=1.0", "C=0.5").replace("baseline:", "smaller C:")
NOW = datetime(2026, 11, 27, 22, 0, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
ENDS = {"retry": errors.RateLimited, "refused": errors.Refused, "key": errors.AuthError}
OUTCOMES = {"agent error": errors.AgentError, "timeout": errors.AgentTimeout}


def cases(kind):
    return pytest.mark.parametrize("case", CASES[kind], ids=[case["name"] for case in CASES[kind]])


@pytest.fixture(autouse=True)
def at_ten(monkeypatch):
    """It is ten in the evening in Berlin."""
    monkeypatch.setattr(outcomes, "_now", lambda: NOW)


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


def act(case):
    """Answer as a case says."""
    code = f"Here it is.\n\n```python\n{FILE}```\n"

    def full(text):
        return text.replace("FILE", json.dumps(FILE)).replace("CODE", json.dumps(code))

    def answer(handler):
        if "stream" in case:
            handler.events([(None, full(data)) for data in case["stream"]])
            return
        kind = "text/html" if case["body"].startswith("<") else "application/json"
        headers = case.get("headers", {}).items()
        handler.raw(full(case["body"]).encode(), case.get("status", 200), headers, kind)

    return answer


def outcome_of(error):
    for word, kind in ENDS.items():
        if isinstance(error, kind):
            return word
    return error.outcome


@cases("server")
def test_what_a_server_answers(case, server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary-1234567890")
    server.acts = [act(case)]
    past = Past(0, 0.89, 0.03, "ok", "baseline", 0.0, "baseline", SOURCE)
    view = View("# Be bold.\n", SOURCE, 0.89, 0, [past], None, 1, 0, None, tmp_path)
    options = {"retries": 0, "repairs": 0, "timeout": 20, "dialect": case.get("dialect")}
    agent = get_agent("chat", model="m", base_url=f"{server.url}/v1", **options)
    try:
        proposal = agent.propose(view)
        found, error = proposal.outcome, None
        assert proposal.source == FILE
        assert case.get("tokens", proposal.tokens) == proposal.tokens
    except errors.AgentError as caught:
        found, error = outcome_of(caught), caught
    finally:
        agent.close()
    assert found == case["outcome"], error
    assert case.get("says", "") in str(error)
    if "wait" in case:
        assert error.retry_after == pytest.approx(case["wait"])
    if found in ("refused", "key"):
        assert error.fatal
        assert not error.uses_iteration
        assert len(server.requests) == 1
    path = "/v1/messages" if case.get("dialect") else "/v1/chat/completions"
    assert set(server.paths) == {path}


@cases("text")
def test_what_a_model_writes(case):
    text = case["text"].replace("{file}", FILE).replace("{half}", FILE[: len(FILE) // 2])
    try:
        source = read_reply(text, SOURCE)
    except errors.InvalidFile as error:
        found = error.outcome
    else:
        found = "invalid code" if contract_error(source) else "ok"
    assert found == case["outcome"]


def test_a_file_in_a_list_is_indented_as_its_fence():
    inset = "".join(f"    {line}".rstrip() + "\n" for line in FILE.splitlines())
    text = f"1. Lower C.\n\n    ```python\n{inset}    ```\n2. Done.\n"
    assert read_reply(text, SOURCE).split() == FILE.split()
    assert contract_error(read_reply(text, SOURCE)) is None


@cases("program")
def test_what_a_program_prints(case, tmp_path):
    done = Finished(case["exit"], False, case.get("stdout", ""), case.get("stderr", ""))
    call = Call(tmp_path, tmp_path / "p", tmp_path, tmp_path, "m", None, "KEY")
    report = PRESETS[case["preset"]].read(done, call)
    assert outcome_of(report.kind("x")) == case["outcome"], report
    if "wait" in case:
        assert report.retry_after == pytest.approx(case["wait"])


@given(st.integers(0, 23), st.integers(0, 59), st.booleans())
def test_a_time_of_day_is_the_next_one(hour, minute, twelve):
    half = f" {'AP'[hour // 12]}M" if twelve else ""
    shown = f"{(hour - 1) % 12 + 1 if twelve else hour}:{minute:02}{half}"
    wait = outcomes.retry_after({}, f"limit reached, try again at {shown} (Europe/Berlin)", NOW)
    ahead = ((hour - 22) * 60 + minute) % 1440
    assert wait == (0 if ahead >= 1440 - 15 else ahead * 60)


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["retry-after", "x"]), st.text()))
def test_no_text_breaks_the_reader(text, headers):
    found = outcomes.explain(429, text, headers, NOW).retry_after
    assert found is None or 0 <= found <= outcomes.LONGEST_S
    assert len(outcomes.said(text)) <= outcomes.SAID_CHARS
