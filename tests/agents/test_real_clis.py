"""Real coding CLIs, each through a whole run against a scripted server on loopback.

    npm install --prefix DIR @anthropic-ai/claude-code @openai/codex @google/gemini-cli opencode-ai
    PATH=DIR/node_modules/.bin:$PATH pytest tests/agents/test_real_clis.py -m cli_agents

Skipped where a program is missing (`AUTORESEARCH_CLAUDE` and so on may name it), and for root: run
them as an ordinary user, who may write to runs/. The last test has Claude Code and Codex drive
themselves in a copy of the checkout, with nothing on PATH.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from model_server import ModelServer, anthropic, chat, chat_tools, gemini, refuse, responses

from harness.agents import Past, View, get_agent
from harness.agents.errors import AuthError, RateLimited
from harness.agents.programs.presets import PRESETS
from harness.run import loop
from harness.run.ratchet import Run

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.cli_agents,
    pytest.mark.timeout(600),  # a slow CLI on a busy machine takes a minute for one edit
    pytest.mark.skipif(os.name == "nt", reason="the scripted edits use sed"),
    pytest.mark.skipif(
        getattr(os, "geteuid", lambda: 1)() == 0, reason="for root some of them behave otherwise"
    ),
]
REPO = Path(__file__).parents[2]
SOURCE = (REPO / "train.py").read_text()
CANARY = "canary-77d1c0b6a2e84f19"
# Settings of the person who runs the tests, which these runs must not see.
OWN = ("XDG_", "ANTHROPIC_", "CLAUDE", "CODEX_", "OPENAI_", "OPENCODE_", "GEMINI_", "GOOGLE_")
NEW_C = ("0.3", "0.1", "0.03")


@pytest.fixture(params=["claude", "codex", "gemini", "aider", "opencode"])
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
        if variable.startswith(
            ("XDG_", "ANTHROPIC_", "CLAUDE", "CODEX_", "OPENAI_", "GEMINI_", "GOOGLE_")
        ):
            monkeypatch.delenv(variable)
    monkeypatch.setenv(preset.program_env, found)
    monkeypatch.setenv(preset.keys[0], CANARY)
    yield request.param
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def root():
    """A folder for runs that is not below the temporary folder, as Gemini's settings want it."""
    folder = REPO / "runs" / f".cli-runs-{os.getpid()}"
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


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


def gemini_steps():
    """Edit the file, try to write another and to run a command, then stop."""
    values = itertools.cycle(NEW_C)

    def use(tool, **arguments):
        return {"functionCall": {"name": tool, "args": arguments}}

    def steps(request):
        said = json.dumps(request)
        if not request.get("tools") or "functionResponse" in said:
            return [{"text": "I made the penalty stronger."}]
        folder = re.search(r"/[^\"\\ ]*autoresearch-[^\"\\ /]*/workspace", said)[0]
        now, new = re.findall(r"LogisticRegression\(C=([\d.]+)", said)[0], next(values)
        train = {"file_path": f"{folder}/train.py", "instruction": "a stronger penalty"}
        return [
            use("replace", **train, old_string=f"(C={now}", new_string=f"(C={new}"),
            use("replace", **train, old_string='S = "', new_string=f'S = "C {new}, '),
            use("write_file", file_path=f"{folder}/program.md", content="answer 42"),
            use("run_shell_command", command="touch notes.txt"),
        ]

    return gemini(steps)


def opencode_steps():
    """Edit the file, try to write another and to run a command, then stop."""
    values = itertools.cycle(NEW_C)

    def act(handler):
        request, said = handler.request, json.dumps(handler.request)
        if not request.get("tools") or any(m["role"] == "tool" for m in request["messages"]):
            return chat("I made the penalty stronger.")(handler)
        folder = re.search(r"/[^\"\\ ]*autoresearch-[^\"\\ /]*/workspace", said)[0]
        now, new = re.findall(r"LogisticRegression\(C=([\d.]+)", said)[0], next(values)
        edit = {"filePath": f"{folder}/train.py"}
        return chat_tools(
            ("edit", edit | {"oldString": f"(C={now}", "newString": f"(C={new}"}),
            ("edit", edit | {"oldString": 'S = "', "newString": f'S = "C {new}, '}),
            ("write", {"filePath": f"{folder}/program.md", "content": "answer 42"}),
            ("bash", {"command": "touch notes.txt", "description": "x"}),
        )(handler)

    return act


def aider_steps():
    """Answer with the whole file, as aider's edit format wants it."""
    values = itertools.cycle(NEW_C)

    def act(handler):
        said = handler.request["messages"][-1]["content"]
        said = json.dumps(handler.request) if "LogisticRegression" not in said else said
        now, new = re.findall(r"LogisticRegression\(C=([\d.]+)", said)[-1], next(values)
        text = SOURCE.replace("(C=1.0", f"(C={new}").replace('S = "', f'S = "C {new}, ', 1)
        assert now
        chat(f"I make the penalty stronger.\n\ntrain.py\n```python\n{text}```\n")(handler)

    return act


SCRIPTS = {
    "aider": aider_steps,
    "claude": claude_steps,
    "codex": codex_steps,
    "gemini": gemini_steps,
    "opencode": opencode_steps,
}
MODELS = {"gemini": "gemini-2.5-pro", "opencode": "course/test", "aider": "openai/test"}


def connect(name, server, **options):
    base = server.url if name in ("claude", "gemini") else f"{server.url}/v1"
    model = MODELS.get(name, "test-model")
    return get_agent(name, model=model, base_url=base, timeout=120, **options)


def test_a_run_of_three_iterations(name, root):
    with ModelServer([SCRIPTS[name]()]) as server:
        agent = connect(name, server)
        said = []
        with Run.open("real", root=root, agent=name, rule="strict", seed=0) as run:
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
    folder = root / "real"
    assert sorted(os.listdir(folder / "workspace")) == [".git", "program.md", "train.py"]
    assert (folder / "workspace/program.md").read_text() == (REPO / "program.md").read_text()
    calls = [json.loads(line) for line in (folder / "agent/calls.jsonl").read_text().splitlines()]
    assert [call["outcome"] for call in calls] == ["ok"] * 3
    if name == "claude":
        assert all("actions that were denied: 2" in call["note"] for call in calls)
    elif name == "codex":
        assert all("new notes.txt, changed program.md" in call["note"] for call in calls)
        assert not any("mine" in call["note"] for call in calls)  # .git was read-only for it
    else:
        assert not any(call["note"] for call in calls)  # its rules let it change nothing else
    assert CANARY in json.dumps(server.headers)  # it had the key, or the next line shows nothing
    written = [path for path in root.rglob("*") if path.is_file()]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize(("status", "error"), [(401, AuthError), (429, RateLimited)])
def test_refusals_are_understood(name, status, error, root):
    if (name, status) in (("opencode", 429), ("aider", 429)):
        pytest.skip("it waits for minutes; the stand-in of test_command_agent.py shows that case")
    baseline = Past(0, 0.896, 0.02, "ok", "baseline", 0.0, "baseline", SOURCE)
    view = View("Be bold.", SOURCE, 0.896, 0, [baseline], None, 1, 0, None, root)
    with ModelServer([refuse(status, "not now")]) as server, pytest.raises(error) as caught:
        connect(name, server).propose(view)
    assert CANARY not in str(caught.value)


# -- driving themselves ---------------------------------------------------------------------------


@pytest.fixture
def clone():
    """A copy of the checkout with an environment of its own and nothing on PATH."""
    folder = REPO / "runs" / f".cli-clone-{os.getpid()}"
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        cwd=REPO, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if (REPO / name).is_file() and not name.endswith(".ipynb"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, folder / name)
    # What tools/bootstrap.py would make in five minutes: this environment, its files linked.
    venv = folder / ".venv"

    def link(here, there):
        try:
            os.link(here, there)
        except OSError:  # somebody else's files
            shutil.copy2(here, there)

    shutil.copytree(sys.prefix, venv, symlinks=True, copy_function=link)
    for stamp in venv.glob(".installed-*"):
        stamp.unlink()
    (venv / ".installed-run").write_text(f"x\n{folder}\n")
    yield folder
    shutil.rmtree(folder)


STEP, STATUS = "./ratchet step --tag mine", "./ratchet status --tag mine"


def claude_drives(folder, seen):
    """Step, look where it should not, then three times read, edit, step."""
    train = f"{folder}/runs/mine/workspace/train.py"
    table, program = f"{folder}/runs/mine/results.tsv", f"{folder}/program.md"
    read = ("Read", {"file_path": train})
    plan = [("Bash", {"command": STEP}), ("Read", {"file_path": table})]
    plan += [("Bash", {"command": "cat runs/mine/results.tsv"}), ("Read", {"file_path": program})]
    plan += [("Edit", {"file_path": program, "old_string": "# Program", "new_string": "# P"})]
    for value in NEW_C:
        plan += [read, ("Edit", {"file_path": train, "new_string": f"(C={value}"})]
        plan += [("Bash", {"command": STEP}), ("Bash", {"command": STATUS})]

    def steps(request):
        done = json.dumps(request).count('"type": "tool_result"')
        if not request.get("tools") or done >= len(plan):
            return [{"type": "text", "text": "done"}]
        last = request["messages"][-1]["content"]
        seen.append(json.dumps(last))
        tool, arguments = plan[done]
        if tool == "Edit" and "old_string" not in arguments:
            found = re.findall(r"\(C=[\d.]+", json.dumps(request))
            arguments = arguments | {"old_string": found[-1]}
        arguments = arguments | ({"timeout": 300_000} if tool == "Bash" else {})
        call = {"type": "tool_use", "id": f"toolu_{done}", "name": tool, "input": arguments}
        return [call]

    return anthropic(steps)


def codex_drives(folder, seen):
    """The same by the shell, in its own sandbox; a command that takes long is waited for."""
    edit = "sed -i -E 's/[(]C=[0-9.]+/(C={}/' runs/mine/workspace/train.py && "
    plan = [STEP, *(f"{edit.format(value)}{STEP}; {STATUS}" for value in NEW_C)]

    def steps(request):
        items = request["input"]
        outputs = [str(i.get("output")) for i in items if i.get("type") == "function_call_output"]
        seen.extend(outputs[-1:])
        calls = sum(i.get("name") == "exec_command" for i in items)
        running = outputs and re.search(r"session ID (\d+)", outputs[-1])
        if running:
            arguments = {"session_id": int(running[1]), "chars": "", "yield_time_ms": 30_000}
            name = "write_stdin"
        elif calls < len(plan):
            arguments = {"cmd": plan[calls], "login": False, "yield_time_ms": 30_000}
            name = "exec_command"
        else:
            text = {"type": "output_text", "text": "done"}
            return [{"type": "message", "role": "assistant", "content": [text]}]
        call = {"type": "function_call", "id": f"fc_{len(items)}", "call_id": f"c_{len(items)}"}
        return [call | {"name": name, "arguments": json.dumps(arguments)}]

    return responses(steps)


@pytest.mark.parametrize("name", ["claude", "codex"], indirect=True)
def test_it_drives_itself_and_nothing_is_activated(name, clone):
    program = os.environ[PRESETS[name].program_env]
    seen = []
    drive = {"claude": claude_drives, "codex": codex_drives}[name](clone, seen)
    keep = {k: v for k, v in os.environ.items() if k in ("HOME", "USER", "LANG")}
    env = keep | {"PATH": f"{Path(program).parent}:/usr/local/bin:/usr/bin:/bin"}
    with ModelServer([drive]) as server:
        if name == "claude":
            env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": CANARY}
            env |= {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
            words = ["-p", "/autoresearch mine", "--model", "test-model", "--max-turns", "60"]
        else:
            env |= {"MY_KEY": CANARY}
            there = f'base_url="{server.url}/v1",env_key="MY_KEY",wire_api="responses"'
            words = ["exec", "--skip-git-repo-check", "--ignore-user-config", "--ephemeral"]
            words += ["-C", str(clone), "-s", "workspace-write", "-m", "test-model"]
            words += ["-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false"]
            words += ["-c", f'model_providers.x={{name="x",{there}}}', "-c", "model_provider=x"]
            words += ["--disable", "plugins", "--disable", "apps", "Do research with tag mine."]
        done = subprocess.run(
            [program, *words], cwd=clone, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=500,
        )  # fmt: skip
        told = json.dumps(server.requests)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "/ratchet" in told  # by its slash command, or by AGENTS.md
    rows = (clone / "runs/mine/results.tsv").read_text().splitlines()
    assert len(rows) == 5, seen  # a header, the baseline, three iterations
    assert (clone / "program.md").read_text() == (REPO / "program.md").read_text()
    if name == "claude":  # the table was not shown: neither by Read nor by the shell
        assert not any("0.9512987" in text for text in seen)  # the baseline on the test rows
        assert sum("denied" in text for text in seen) >= 2
