"""Tables beside the code: read by the module of their name, frozen as it is, and what they make."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from harness import fingerprint
from harness.agents.programs.presets import PRESETS, Call

AGENTS = fingerprint.HARNESS / "agents"
TABLES = sorted(AGENTS.rglob("*.toml"))


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_a_table_is_read_beside_it_and_frozen_as_code_is(table):
    assert "catalogue(__file__)" in table.with_suffix(".py").read_text("utf-8")
    assert table in fingerprint.source_files()


def settings(name, folder, model=None, base_url=None):
    """What a preset writes before a call, by file."""
    call = Call(folder, folder / "p", folder, folder, model, base_url, "KEY")
    PRESETS[name].prepare(call)
    files = filter(Path.is_file, folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


def test_gemini_may_read_and_may_write_one_file(tmp_path):
    written = settings("gemini", tmp_path)
    rules = tomllib.loads(written["gemini-policy.toml"])["rule"]
    (pattern,) = (rule["argsPattern"] for rule in rules if "argsPattern" in rule)
    assert re.search(pattern, json.dumps({"file_path": "/a/train.py"}, separators=(",", ":")))
    for other in ("/a/trainXpy", "/a/program.md"):
        assert not re.search(pattern, json.dumps({"file_path": other}, separators=(",", ":")))
    told = json.loads(written["home/.gemini/settings.json"])
    assert told["model"] == {"maxSessionTurns": Call.max_turns}  # a number, as it wants one


def test_opencode_is_led_to_a_server_only_if_there_is_one(tmp_path):
    told = json.loads(settings("opencode", tmp_path, "openai/a/b")["opencode.json"])
    assert "provider" not in told
    assert told["permission"]["edit"] == {"*": "deny", "train.py": "allow"}
    # As it was tried out: what is denied stands before what is allowed.
    assert next(iter(told["permission"])) == "*"
    led = json.loads(settings("opencode", tmp_path, "openai/a/b", "http://h/v1")["opencode.json"])
    (server,) = led["provider"].items()
    assert server == (
        "openai",
        {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "http://h/v1", "apiKey": "{env:KEY}"},
            "models": {"a/b": {}},
        },
    )


def test_aider_is_told_what_its_model_can_do(tmp_path):
    told = json.loads(settings("aider", tmp_path, 'openai/"odd"')["aider-models.json"])
    assert told['openai/"odd"']["litellm_provider"] == "openai"
    assert told['openai/"odd"']["max_input_tokens"] == 128_000


def test_a_line_with_a_condition_counts_only_where_it_holds():
    call = Call(Path("w"), Path("p"), Path("c"), Path("s"), model="m x")
    assert call.words("-a\nmodel: -m {model}\nbase_url: -b {base_url}\n") == ["-a", "-m", "m x"]
    assert call.fill("{model} {name} {provider} {'a': 1}") == "m x {name} {provider} {'a': 1}"
