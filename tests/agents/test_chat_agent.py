"""The chat agent against a real HTTP server on loopback that answers well, badly or never."""

import difflib
import json
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import ModelServer, chat, dribble, hang_up, refuse, rubbish, silent

from harness.agents import Past, View, get_agent
from harness.agents.edits import apply_diff, blocks, contract_error, read_reply
from harness.agents.errors import (
    AgentError,
    AgentTimeout,
    AuthError,
    InvalidFile,
    NoChange,
    RateLimited,
)

SOURCE = (Path(__file__).parents[2] / "train.py").read_text()
BETTER = SOURCE.replace("C=1.0", "C=0.5").replace("baseline:", "smaller C:")
CANARY = "canary-b81f7f3e22c94f0a"


def fenced(source, word="python"):
    return f"I lower C.\n\n```{word}\n{source}```\nThat is all."


def diff_of(new, old=SOURCE, context=3):
    a, b = old.splitlines(True), new.splitlines(True)
    return "".join(difflib.unified_diff(a, b, "a/train.py", "b/train.py", n=context))


@pytest.fixture
def view(tmp_path):
    baseline = Past(0, 0.895971, 0.03, "ok", "baseline", 0.0, "baseline", SOURCE)
    return View("# Be bold.\n", SOURCE, 0.895971, 0, [baseline], None, 1, 0, None, tmp_path / "s")


@pytest.fixture
def serve(monkeypatch):
    """Start a server with acts; gives back the server. The key is a canary."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    servers = []

    def start(*acts):
        servers.append(ModelServer(acts))
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


def agent(server, **options):
    defaults = {"model": "test", "base_url": f"{server.url}/v1", "timeout": 20, "backoff": 0.01}
    return get_agent("chat", **(defaults | options))


# -- it answers well ------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_a_whole_file(serve, view, stream):
    server = serve(fenced(BETTER))
    proposal = agent(server, stream=stream).propose(view)
    assert proposal.source == BETTER
    assert (proposal.outcome, proposal.tokens, proposal.cost_source) == ("ok", 1200, "unknown")
    assert server.paths == ["/v1/chat/completions"]
    (message,) = server.requests[0]["messages"]
    assert "# Be bold." in message["content"]
    assert server.headers[0]["authorization"] == f"Bearer {CANARY}"
    assert bool(server.requests[0].get("stream")) is stream


def test_a_diff(serve, view):
    assert agent(serve(fenced(diff_of(BETTER), "diff"))).propose(view).source == BETTER


def test_prices_and_reported_cost(serve, view):
    prices = {"test": {"input": 2.0, "output": 10.0}}
    proposal = agent(serve(fenced(BETTER)), prices=prices).propose(view)
    assert proposal.cost_usd == pytest.approx((1000 * 2 + 200 * 10) / 1e6)
    assert proposal.cost_source == "computed"
    proposal = agent(serve(chat(fenced(BETTER), cost=0.25))).propose(view)
    assert (proposal.cost_usd, proposal.cost_source) == (0.25, "reported")
    proposal = agent(serve(chat(fenced(BETTER), usage=None)), prices=prices).propose(view)
    assert (proposal.tokens, proposal.cost_usd, proposal.cost_source) == (None, None, "unknown")


def test_servers_that_cannot_stream_or_count_a_stream(serve, view):
    def no_options(handler):
        if "stream_options" in handler.request:
            refuse(400, "unknown field stream_options")(handler)
        else:
            chat(fenced(BETTER))(handler)

    def no_stream(handler):
        handler.request["stream"] = False
        chat(fenced(BETTER))(handler)

    for act in (no_options, no_stream):
        assert agent(serve(act)).propose(view).source == BETTER


# -- it refuses -----------------------------------------------------------------------------------


def test_401_is_fatal_and_not_tried_again(serve, view):
    server = serve(refuse(401, f"Incorrect API key provided: {CANARY}"))
    with pytest.raises(AuthError) as caught:
        agent(server).propose(view)
    assert caught.value.fatal
    assert len(server.requests) == 1
    assert CANARY not in str(caught.value)


def test_429_honours_retry_after(serve, view):
    server = serve(refuse(429, headers=[("retry-after", "0.3")]), fenced(BETTER))
    began = time.monotonic()
    proposal = agent(server).propose(view)
    assert proposal.source == BETTER
    assert time.monotonic() - began >= 0.3
    assert proposal.tokens == 1200  # the refused request used none: the sum is known


@pytest.mark.parametrize("as_date", [False, True])
def test_a_long_retry_after_is_left_to_the_loop(serve, view, as_date):
    text = formatdate(time.time() + 3600, usegmt=True) if as_date else "3600"
    server = serve(refuse(429, headers=[("retry-after", text)]))
    with pytest.raises(RateLimited) as caught:
        agent(server).propose(view)
    assert 3500 < caught.value.retry_after <= 3600
    assert len(server.requests) == 1
    assert not caught.value.uses_iteration
    assert caught.value.cost_source == "none"


def test_server_errors_are_tried_again_a_few_times(serve, view):
    assert agent(serve(refuse(500), hang_up, fenced(BETTER))).propose(view).source == BETTER
    server = serve(refuse(500, "boom"))
    with pytest.raises(AgentError, match="boom") as caught:
        agent(server, retries=2).propose(view)
    assert len(server.requests) == 3
    assert (caught.value.outcome, caught.value.cost_source) == ("agent error", "unknown")


def test_wrong_model_is_not_tried_again(serve, view):
    server = serve(refuse(404, "no such model"))
    with pytest.raises(AgentError, match="no such model"):
        agent(server).propose(view)
    assert len(server.requests) == 1


def test_nobody_there(serve, view):
    with ModelServer() as gone:
        pass
    with pytest.raises(AgentError, match="nobody answers"):
        agent(gone, retries=0).propose(view)


# -- it hangs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [silent, dribble])
@pytest.mark.parametrize("stream", [True, False])
def test_the_deadline_holds(serve, view, act, stream):
    began = time.monotonic()
    with pytest.raises(AgentTimeout) as caught:
        agent(serve(act), timeout=0.8, stream=stream).propose(view)
    assert time.monotonic() - began < 10
    assert (caught.value.tokens, caught.value.cost_source) == (None, "unknown")


# -- it answers rubbish ---------------------------------------------------------------------------


@pytest.mark.parametrize("act", [rubbish(), rubbish(b"{}", "application/json"), rubbish(b"")])
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_no_completion_is_an_agent_error(serve, view, act, stream):
    server = serve(act)
    with pytest.raises(AgentError) as caught:
        agent(server, stream=stream, retries=1).propose(view)
    assert caught.value.outcome == "agent error"
    assert len(server.requests) <= 4


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        ("Sorry, I cannot.", InvalidFile, "no fenced block"),
        (fenced(SOURCE), NoChange, "gave back"),
        ("```python\n" + BETTER[:-9] + "(", InvalidFile, "cut off"),
        (fenced("C = 2\n"), InvalidFile, "not the whole file"),
        (fenced("C = 2\n", "json"), InvalidFile, "no ```python"),
        (fenced(diff_of(BETTER).replace("C=1.0", "C=7.7"), "diff"), InvalidFile, "does not match"),
    ],
)
def test_rubbish_gets_one_repair_turn(serve, view, reply, error, message):
    server = serve(reply, reply)
    with pytest.raises(error, match=message) as caught:
        agent(server).propose(view)
    assert len(server.requests) == 2
    roles = [m["role"] for m in server.requests[1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert caught.value.tokens == 2400
    server = serve(reply, fenced(BETTER))
    proposal = agent(server).propose(view)
    assert (proposal.source, proposal.tokens) == (BETTER, 2400)


def test_a_cut_off_reply_is_known_by_its_finish_reason(serve, view):
    server = serve(chat(fenced(BETTER), finish="length"), fenced(BETTER))
    assert agent(server).propose(view).source == BETTER
    assert "length limit" in server.requests[1]["messages"][-1]["content"]


def test_code_that_does_not_load_is_told_why(serve, view):
    broken = BETTER.replace("def feature_fn(X):", "def feature_fn(X")
    server = serve(fenced(broken), fenced(BETTER))
    assert agent(server).propose(view).source == BETTER
    assert "SyntaxError" in server.requests[1]["messages"][-1]["content"]
    proposal = agent(serve(fenced(broken))).propose(view)
    assert proposal.outcome == "invalid code"
    assert "SyntaxError" in proposal.note
    assert len(agent(serve(fenced(broken)), repairs=0).propose(view).source) == len(broken)


def test_candidates_are_never_run_here(serve, view, tmp_path):
    mark = tmp_path / "ran"
    evil = BETTER + f"\nopen({str(mark)!r}, 'w').close()\n"
    assert agent(serve(fenced(evil))).propose(view).outcome == "ok"
    assert not mark.exists()


# -- keys -----------------------------------------------------------------------------------------


def test_the_key_is_never_kept(serve, view, tmp_path):
    with pytest.raises(InvalidFile, match="value of OPENAI_API_KEY"):
        agent(serve(fenced(BETTER + f"# {CANARY}\n"))).propose(view)
    with pytest.raises(AgentError):
        agent(serve(refuse(500, f"bad {CANARY}")), retries=0).propose(view)
    agent(serve(fenced(BETTER))).propose(view)
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert [p.name for p in written] == ["calls.jsonl"]
    assert CANARY not in written[0].read_text()
    rows = [json.loads(line) for line in written[0].read_text().splitlines()]
    assert [row["outcome"] for row in rows] == ["invalid file", "agent error", "ok"]


def test_keys_cannot_be_options(serve):
    with pytest.raises(ValueError, match="api_key"):
        get_agent("chat", model="m", api_key="sk-x")
    with pytest.raises(ValueError, match="needs a model"):
        get_agent("chat")


def test_no_key_for_the_default_server_is_fatal(view, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AUTORESEARCH_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AuthError, match="OPENAI_API_KEY"):
        get_agent("chat", model="m").propose(view)


# -- reading replies ------------------------------------------------------------------------------


def test_reading_replies():
    assert read_reply(BETTER, SOURCE) == BETTER  # no fence, but nothing else either
    assert read_reply(diff_of(BETTER), SOURCE) == BETTER
    assert read_reply(f"<think>```python\nx\n```</think>{fenced(BETTER)}", SOURCE) == BETTER
    assert read_reply(f"````python\n{BETTER}````\n", SOURCE) == BETTER
    assert read_reply(f"~~~python\n{BETTER}~~~", SOURCE) == BETTER
    assert read_reply(f"```\nls\n```\n{fenced(BETTER)}", SOURCE) == BETTER  # an aside in a fence
    inner = BETTER.replace('"""Turn', '"""```\n    Turn')
    assert read_reply(f"````python\n{inner}````", SOURCE) == inner
    with pytest.raises(InvalidFile, match="more than one whole file"):
        read_reply(fenced(BETTER) + fenced(SOURCE), SOURCE)
    assert [b.closed for b in blocks("```\na\n```\n```\nb")] == [True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.replace("train.py", "program.md"), "another file"),
        (lambda d: d.replace("train.py", "other/train.py"), "another file"),
        (lambda d: d.replace("a/train.py", "/home/x/train.py"), "another file"),
        (lambda d: d + "--- a/other.py\n+++ b/other.py\n@@ -1 +1 @@\n-a\n+b\n", "more than one"),
        (lambda d: d.replace("\n ", "\nx", 1), "has no"),
        (lambda d: "--- a/train.py\n+++ b/train.py\n", "no hunk"),
    ],
)
def test_strict_about_diffs(change, message):
    with pytest.raises(InvalidFile, match=message):
        apply_diff(SOURCE, change(diff_of(BETTER)))


def test_line_numbers_of_a_diff_are_a_hint():
    moved = diff_of(BETTER).replace("@@ -", "@@ -9")
    assert apply_diff(SOURCE, moved) == BETTER
    assert apply_diff("a\nx\nb\nx\n", "@@ -4 +4 @@\n-x\n+y\n") == "a\nx\nb\ny\n"
    with pytest.raises(InvalidFile, match="several places"):
        apply_diff("a\nx\nb\nx\n", "@@ -9 +9 @@\n-x\n+y\n")


LINES = st.lists(st.sampled_from(["a", "b", "  c = 1", "", "# d", "e(", "-f", "+g"]), max_size=25)


@settings(max_examples=200, deadline=None)
@given(LINES, LINES, st.integers(0, 4))
def test_a_true_diff_gives_the_true_file(old, new, context):
    old, new = "".join(f"{s}\n" for s in old), "".join(f"{s}\n" for s in new)
    if old != new:
        assert apply_diff(old, diff_of(new, old, context)) == new


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(list("`~ \n-+@a#xpython\\d0,1")), max_size=200))
def test_no_reply_breaks_the_reader(reply):
    try:
        read_reply(reply, SOURCE)
    except InvalidFile:
        pass


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (SOURCE, None),
        ("HYPOTHESIS = 'x'\nfrom m import feature_fn, build_pipeline", None),
        ("HYPOTHESIS: str = 'x'\nfeature_fn = build_pipeline = print", None),
        ("HYPOTHESIS = f'{1}'\nfeature_fn = build_pipeline = print", "plain string"),
        ("HYPOTHESIS = 'a\\nb'\nfeature_fn = build_pipeline = print", "one line"),
        ("HYPOTHESIS = 'a' * 9\nfeature_fn = build_pipeline = print", "plain string"),
        (f"HYPOTHESIS = '{'a' * 201}'\nfeature_fn = build_pipeline = print", "one line"),
        ("def f():\n    HYPOTHESIS = feature_fn = build_pipeline = 1", "does not define"),
        ("return 1", "SyntaxError"),
    ],
)
def test_contract(source, error):
    found = contract_error(source)
    assert found is None if error is None else error in found


def test_pending_proposals_are_told(serve, view):
    server = serve(fenced(BETTER))
    agent(server).propose(replace(view, slot=1, iteration=2, pending=(BETTER,)))
    assert "smaller C: median" in server.requests[0]["messages"][0]["content"].split("same time")[1]
