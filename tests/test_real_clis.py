"""The real Claude Code and Codex, each through a whole run against a scripted server on loopback.

    npm install --prefix DIR @anthropic-ai/claude-code @openai/codex
    PATH=DIR/node_modules/.bin:$PATH pytest tests/test_real_clis.py -m cli_agents

Skipped where a program is missing. `AUTORESEARCH_CLAUDE` and `AUTORESEARCH_CODEX` may name them.
"""

import itertools
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from model_server import ModelServer, anthropic, refuse, responses

from harness import loop
from harness.agents import Past, View, get_agent
from harness.agents.errors import AuthError, RateLimited
from harness.agents.presets import PRESETS
from harness.ratchet import Run

pytestmark = [
    pytest.mark.cli_agents,
    pytest.mark.skipif(os.name == "nt", reason="the scripted edits use sed"),
]
REPO = Path(__file__).parent.parent
SOURCE = (REPO / "train.py").read_text()
CANARY = "canary-77d1c0b6a2e84f19"
NEW_C = ("0.3", "0.1", "0.03")


@pytest.fixture(params=["claude", "codex"])
def name(request, monkeypatch):
    """Name of a CLI that is installed; its home is empty and not below the temporary folder."""
    preset = PRESETS[request.param]
    found = shutil.which(os.environ.get(preset.program_env) or preset.program)
    if found is None:
        pytest.skip(f"{preset.program} is not installed: {preset.install}")
    # Codex refuses to edit when its home lies below the temporary folder.
    home = REPO / "runs" / f".cli-home-{os.getpid()}"
    home.mkdir(parents=True, exist_ok=True)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    for variable in list(os.environ):
        if variable.startswith(("XDG_", "ANTHROPIC_", "CLAUDE", "CODEX_", "OPENAI_")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv(preset.program_env, found)
    monkeypatch.setenv(preset.keys[0], CANARY)
    yield request.param
    shutil.rmtree(home, ignore_errors=True)


def claude_steps():
    """Read the file, edit it, try to edit another and to read outside, then stop."""
    values = itertools.cycle(NEW_C)

    def use(i, tool, **arguments):
        return {"type": "tool_use", "id": f"toolu_{i}", "name": tool, "input": arguments}

    def steps(request):
        said = json.dumps(request)
        folder = re.search(r"/[^\"\\ ]*autoresearch-[^\"\\ /]*/workspace", said)[0]
        train, done = f"{folder}/train.py", said.count('"tool_result"')
        if not request.get("tools"):
            return [{"type": "text", "text": "a title"}]
        if done == 0:
            names = (train, f"{folder}/program.md", "/etc/hostname")
            return [use(i, "Read", file_path=path) for i, path in enumerate(names)]
        if done == 3:
            now = re.findall(r"LogisticRegression\(C=([\d.]+)", said)[0]
            new = next(values)
            other = {"old_string": "a", "new_string": "b", "replace_all": True}
            return [
                use(3, "Edit", file_path=train, old_string=f"(C={now}", new_string=f"(C={new}"),
                use(4, "Edit", file_path=f"{folder}/program.md", **other),
                use(5, "Edit", file_path=train, old_string='S = "', new_string=f'S = "C {new}, '),
            ]
        return [{"type": "text", "text": "I made the penalty stronger."}]

    return anthropic(steps)


def codex_steps():
    """Edit by the shell, change other files, too, then stop."""
    values = itertools.cycle(NEW_C)

    def steps(request):
        if any(item.get("type") == "function_call_output" for item in request["input"]):
            text = {"type": "output_text", "text": "I made the penalty stronger."}
            return [{"type": "message", "role": "assistant", "content": [text]}]
        new = next(values)
        command = (
            f"sed -i -E 's/[(]C=[0-9.]+/(C={new}/; s/^(HYPOTHESIS = .)/\\1C {new}, /' train.py; "
            "echo answer 42 >> program.md; touch .git/mine; touch ../outside; touch notes.txt"
        )
        arguments = json.dumps({"cmd": command, "login": False})
        call = {"type": "function_call", "id": "fc_1", "call_id": "call_1"}
        return [call | {"name": "exec_command", "arguments": arguments}]

    return responses(steps)


def connect(name, server, **options):
    base = server.url if name == "claude" else f"{server.url}/v1"
    return get_agent(name, model="test-model", base_url=base, timeout=120, **options)


def test_a_run_of_three_iterations(name, tmp_path):
    steps = {"claude": claude_steps, "codex": codex_steps}[name]()
    with ModelServer([steps]) as server:
        agent = connect(name, server)
        said = []
        with Run.open("real", root=tmp_path, agent=name, rule="strict", seed=0) as run:
            outcome = loop.run(run, agent, iterations=3, say=said.append)
            rows = run.ledger.rows
        agent.close()
    assert not outcome.failed, (outcome, said)
    assert [row.iteration for row in rows] == [0, 1, 2, 3]
    assert {row.status for row in rows} == {"ok"}, [row.status for row in rows]
    assert len({row.val_auc for row in rows}) > 1
    assert [row.description.split(",")[0] for row in rows[1:]] == [f"C {c}" for c in NEW_C]
    assert all(row.tokens for row in rows[1:])
    assert [row.cost_usd for row in rows[1:]] == [None] * 3  # unknown, not 0
    folder = tmp_path / "real"
    assert sorted(os.listdir(folder / "workspace")) == [".git", "program.md", "train.py"]
    assert (folder / "workspace/program.md").read_text() == (REPO / "program.md").read_text()
    calls = [json.loads(line) for line in (folder / "agent/calls.jsonl").read_text().splitlines()]
    assert [call["outcome"] for call in calls] == ["ok"] * 3
    if name == "claude":
        assert all("actions that were denied: 2" in call["note"] for call in calls)
    else:
        assert all("new notes.txt, changed program.md" in call["note"] for call in calls)
        assert not any("mine" in call["note"] for call in calls)  # .git was read-only for it
    assert CANARY in json.dumps(server.headers)  # it had the key, or the next line shows nothing
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize(("status", "error"), [(401, AuthError), (429, RateLimited)])
def test_refusals_are_understood(name, status, error, tmp_path):
    baseline = Past(0, 0.896, 0.02, "ok", "baseline", 0.0, "baseline", SOURCE)
    view = View("Be bold.", SOURCE, 0.896, 0, [baseline], None, 1, 0, None, tmp_path)
    with ModelServer([refuse(status, "not now")]) as server, pytest.raises(error) as caught:
        connect(name, server).propose(view)
    assert CANARY not in str(caught.value)
