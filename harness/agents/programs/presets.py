"""Coding CLIs as they were tried out: exact arguments, environment, and how each says what it did.

A preset is data and three small functions: `arguments` (the argument list after the program's
name), `environment` (settings on top of the allowed variables) and `read` (what its output says
about errors, tokens and money). `prepare` writes a settings file for those that need one.

The flags keep each CLI to one folder, away from other hosts, without updates, plugins or memory of
earlier sessions. None is relied on: `command.py` trusts the file alone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.agents.cost import Usage, count, dollars
from harness.agents.programs.reports import (
    Report,
    failed,
    http_status,
    json_lines,
    last_json,
    read_log,
    read_plain,
    table,
)
from harness.processes import Finished

MAX_TURNS = 12  # model calls per proposal: reading two files and one edit take about four
MAX_BUDGET_USD = 0.50  # per proposal, for the one CLI that can be told


@dataclass(frozen=True)
class Call:
    """What one call is about: filled in by `command.py`, used by the presets."""

    workspace: Path
    prompt_file: Path
    call_dir: Path  # for settings and logs of this call; deleted after it
    state_dir: Path  # kept for the length of the run
    model: str | None = None
    base_url: str | None = None  # another server than the CLI's own
    key_env: str | None = None  # name of the variable that holds that server's key


@dataclass(frozen=True)
class Preset:
    """How to drive one CLI.

    Attributes
    ----------
    program : str
        Its command; the environment variable `program_env` may name another path.
    keys : tuple of str
        Environment variables it may see beside `secrets.BASE_ENV`.
    slow_429 : bool
        It waits so long after a 429 that the deadline ends it: its output decides, then.
    install : str
        How a person gets it.
    """

    name: str
    program: str
    install: str
    keys: tuple[str, ...]
    arguments: Callable[[Call], list[str]]
    environment: Callable[[Call], dict[str, str]]
    read: Callable[[Finished, Call], Report]
    prepare: Callable[[Call], None] = lambda call: None
    slow_429: bool = False
    needs_model: bool = False

    @property
    def program_env(self) -> str:
        return f"AUTORESEARCH_{self.name.upper()}"


# ------------------------------------------------------------------------------------------------
# Claude Code


def _claude_arguments(call: Call) -> list[str]:
    return [
        *("-p", "--output-format", "json"),
        *(("--model", call.model) if call.model else ()),
        *("--tools", "Read,Edit", "--allowedTools", "Read(./**)", "Edit(./train.py)"),
        *("--permission-mode", "dontAsk", "--strict-mcp-config", "--no-session-persistence"),
        *("--max-turns", str(MAX_TURNS), "--max-budget-usd", f"{MAX_BUDGET_USD:.2f}"),
    ]


def _claude_environment(call: Call) -> dict[str, str]:
    env = {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": "2",  # a wrong key took three minutes with the default
    }
    return env | ({"ANTHROPIC_BASE_URL": call.base_url} if call.base_url else {})


def _claude_read(done: Finished, call: Call) -> Report:
    said = last_json(done.stdout)
    if not said:
        return read_plain(done) if done.returncode else failed("it printed no result")
    spent = table(said.get("usage"))
    cached, written = (
        count(spent.get("cache_read_input_tokens")),
        count(spent.get("cache_creation_input_tokens")),
    )
    usage = Usage(
        input=count(spent.get("input_tokens")) + cached + written,
        output=count(spent.get("output_tokens")),
        cached_input=cached,
        cache_write=written,
    )
    # Its price list knows its own models only: for another server the figure means nothing.
    own = not call.base_url and not os.environ.get("ANTHROPIC_BASE_URL")
    denials = said.get("permission_denials")
    facts = {
        "usage": usage,
        "usd": dollars(said.get("total_cost_usd")) if own else None,
        "denied": len(denials) if isinstance(denials, list) else 0,
    }
    # `subtype` says "success" on API errors, so it is not asked; `result` has the message.
    if said.get("is_error") or done.returncode:
        status = said.get("api_error_status")
        text = said.get("result") or said.get("subtype") or f"exit status {done.returncode}"
        return failed(str(text), status=count(status) or http_status(str(text)), **facts)
    return Report(**facts)


# ------------------------------------------------------------------------------------------------
# Codex


def _codex_arguments(call: Call) -> list[str]:
    provider = ()
    if call.base_url:
        settings = (
            f'{{name="course",base_url="{call.base_url}",env_key="{call.key_env}",'
            'wire_api="responses",request_max_retries=2,stream_max_retries=2}'
        )
        provider = ("-c", "model_provider=course", "-c", f"model_providers.course={settings}")
    return [
        *("exec", "--json", "--ephemeral", "--skip-git-repo-check", "--ignore-user-config"),
        *("--ignore-rules", "--color", "never", "-C", str(call.workspace)),
        *("-s", "workspace-write", *(("-m", call.model) if call.model else ())),
        *("-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false"),
        *("--disable", "plugins", "--disable", "apps", "-c", 'web_search="disabled"'),
        *("-c", "shell_environment_policy.inherit=core"),
        *("-c", "sandbox_workspace_write.exclude_slash_tmp=true"),
        *("-c", "sandbox_workspace_write.exclude_tmpdir_env_var=true", *provider, "-"),
    ]


def _codex_read(done: Finished, call: Call) -> Report:
    usage, error = Usage(), None
    seen = False
    for event in json_lines(done.stdout):
        kind = event.get("type")
        if kind == "turn.completed":
            spent, seen = table(event.get("usage")), True
            usage += Usage(
                input=count(spent.get("input_tokens")),
                output=count(spent.get("output_tokens")),
                cached_input=count(spent.get("cached_input_tokens")),
            )
        elif kind == "turn.failed":
            error = str(table(event.get("error")).get("message") or "turn failed")
        elif kind == "error" and done.returncode:  # also printed for a reconnection that worked
            error = error or str(event.get("message") or "error")
    facts = {"usage": usage if seen else None}
    if error is not None:
        return failed(error, **facts)
    return read_plain(done) if done.returncode else Report(**facts)


# ------------------------------------------------------------------------------------------------
# Gemini CLI

_GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"maxAttempts": 3, "enableAutoUpdate": False},
    "model": {"maxSessionTurns": MAX_TURNS},
}

# Complicated patterns are dropped without a word; these two held.
_GEMINI_POLICY = """\
[[rule]]
toolName = "*"
decision = "deny"
priority = 100

[[rule]]
toolName = "read_file"
decision = "allow"
priority = 200

[[rule]]
toolName = ["replace", "write_file"]
argsPattern = '"file_path":"[^"]*train\\.py"'
decision = "allow"
priority = 200
"""


def _gemini_prepare(call: Call) -> None:
    (call.state_dir / "gemini-settings.json").write_text(json.dumps(_GEMINI_SETTINGS, indent=1))
    (call.state_dir / "gemini-policy.toml").write_text(_GEMINI_POLICY)


def _gemini_arguments(call: Call) -> list[str]:
    return [
        *("--output-format", "json", "--approval-mode", "auto_edit", "--skip-trust"),
        *(("-m", call.model) if call.model else ()),
        *("--policy", str(call.state_dir / "gemini-policy.toml"), "-p", ""),
    ]


def _gemini_environment(call: Call) -> dict[str, str]:
    env = {"GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(call.state_dir / "gemini-settings.json")}
    return env | ({"GOOGLE_GEMINI_BASE_URL": call.base_url} if call.base_url else {})


def _gemini_read(done: Finished, call: Call) -> Report:
    said = last_json(done.stdout)
    models = table(table(said.get("stats")).get("models"))
    usage = Usage()
    for entry in models.values():
        spent = table(table(entry).get("tokens"))
        usage += Usage(
            input=count(spent.get("prompt")),
            output=count(spent.get("candidates")) + count(spent.get("thoughts")),
            cached_input=count(spent.get("cached")),
        )
    facts = {"usage": usage if models else None}
    problem = table(said.get("error") or last_json(done.stderr).get("error"))
    if not done.returncode and not problem:
        return Report(**facts)
    # Its exit status is the HTTP status modulo 256: 401 gives 145, 429 gives 173.
    by_exit = {s % 256: s for s in (400, 401, 403, 404, 429, 500, 503)}.get(done.returncode or 0)
    text = str(problem.get("message") or done.stderr[-2000:] or f"exit status {done.returncode}")
    return failed(text, status=by_exit, **facts)


# ------------------------------------------------------------------------------------------------
# aider


def _aider_prepare(call: Call) -> None:
    (call.call_dir / "aider-models.json").write_text(
        json.dumps(
            {
                call.model or "": {
                    "max_input_tokens": 128_000,
                    "max_output_tokens": 16_000,
                    "input_cost_per_token": 0,
                    "output_cost_per_token": 0,
                    "litellm_provider": (call.model or "/").split("/")[0],
                    "mode": "chat",
                }
            }
        )
    )


def _aider_arguments(call: Call) -> list[str]:
    own = call.call_dir
    # The file that says what a model can do replaces aider's own list, and its prices: it is
    # given for another server only.
    metadata = ("--model-metadata-file", str(own / "aider-models.json")) if call.base_url else ()
    return [
        *(("--model", call.model) if call.model else ()),
        *metadata,
        *("--yes-always", "--no-git", "--no-auto-commits", "--no-dirty-commits"),
        *("--no-gitignore", "--no-pretty", "--no-stream", "--no-show-model-warnings"),
        *("--edit-format", "whole", "--map-tokens", "0", "--no-auto-lint", "--no-analytics"),
        *("--no-check-update", "--no-show-release-notes", "--no-suggest-shell-commands"),
        *("--no-detect-urls", "--disable-playwright", "--timeout", "60"),
        *("--analytics-log", str(own / "aider-analytics.jsonl")),
        *("--chat-history-file", str(own / "aider-chat.md")),
        *("--input-history-file", str(own / "aider-input")),
        *("--read", "program.md", "--message-file", str(call.prompt_file), "train.py"),
    ]


def _aider_environment(call: Call) -> dict[str, str]:
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return env | ({"OPENAI_API_BASE": call.base_url} if call.base_url else {})


_LITELLM = re.compile(r"^\s*litellm\.(?:\w+\.)*(\w+Error)\b.*$", re.MULTILINE)
_LITELLM_STATUS = {"AuthenticationError": 401, "PermissionDeniedError": 403, "RateLimitError": 429}


def _aider_read(done: Finished, call: Call) -> Report:
    usage, usd, sent = Usage(), 0.0, False
    log = read_log(call.call_dir / "aider-analytics.jsonl")
    for event in json_lines(log):
        if event.get("event") == "message_send":
            spent, sent = table(event.get("properties")), True
            usage += Usage(count(spent.get("prompt_tokens")), count(spent.get("completion_tokens")))
            usd += dollars(spent.get("cost")) or 0.0
    # 0 dollars is what it writes for a model that it has no price for.
    facts = {"usage": usage if sent else None, "usd": usd or None}
    problems = list(_LITELLM.finditer(done.stdout + "\n" + done.stderr))
    if done.returncode:
        return failed(read_plain(done).error or "", **facts)
    # It exits with 0 whatever happened. An error that a later attempt made good is none.
    if problems and not sent:
        last = problems[-1]
        return failed(last[0].strip(), status=_LITELLM_STATUS.get(last[1]), **facts)
    return Report(**facts)


# ------------------------------------------------------------------------------------------------
# opencode


def _opencode_prepare(call: Call) -> None:
    config: dict = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "permission": {
            "*": "deny",
            "read": "allow",
            "edit": {"*": "deny", "train.py": "allow"},
            "external_directory": "deny",
        },
    }
    if call.base_url and call.model:
        provider, _, model = call.model.partition("/")
        config["provider"] = {
            provider: {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": call.base_url, "apiKey": f"{{env:{call.key_env}}}"},
                "models": {model: {}},
            }
        }
    (call.call_dir / "opencode.json").write_text(json.dumps(config, indent=1))


def _opencode_arguments(call: Call) -> list[str]:
    model = ("-m", call.model) if call.model else ()
    # Its error log is the one place that shows the 429s which it sits out in silence.
    logs = ("--print-logs", "--log-level", "ERROR")
    return ["run", "--pure", "--format", "json", "--title", "ratchet", *logs, *model]


def _opencode_environment(call: Call) -> dict[str, str]:
    off = "AUTOUPDATE MODELS_FETCH LSP_DOWNLOAD DEFAULT_PLUGINS SHARE PROJECT_CONFIG".split()
    env = {f"OPENCODE_DISABLE_{name}": "1" for name in off}
    return env | {"OPENCODE_CONFIG": str(call.call_dir / "opencode.json")}


_OPENCODE_ERROR = re.compile(r'level=ERROR .*\berror\.error="(AI_[^"]*)"')


def _opencode_read(done: Finished, call: Call) -> Report:
    usage, usd, error, seen = Usage(), 0.0, None, False
    for event in json_lines(done.stdout):
        part = table(event.get("part"))
        if event.get("type") == "step_finish":
            spent, seen = table(part.get("tokens")), True
            cache = table(spent.get("cache"))
            cached, written = count(cache.get("read")), count(cache.get("write"))
            usage += Usage(
                input=count(spent.get("input")) + cached + written,
                output=count(spent.get("output")) + count(spent.get("reasoning")),
                cached_input=cached,
                cache_write=written,
            )
            usd += dollars(part.get("cost")) or 0.0
        elif event.get("type") == "error":
            problem = table(event.get("error"))
            detail = table(problem.get("data"))
            error = str(detail.get("message") or problem.get("name") or "error")
            if detail.get("statusCode"):
                error = f"{detail['statusCode']}: {error}"
            if wait := table(detail.get("responseHeaders")).get("retry-after"):
                error += f" (retry-after {wait})"
    if error is None and done.timed_out and (logged := _OPENCODE_ERROR.findall(done.stderr)):
        error = logged[-1]
    facts = {"usage": usage if seen else None, "usd": usd or None}
    if error is not None:
        return failed(error, **facts)
    return read_plain(done) if done.returncode else Report(**facts)


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="claude",
            program="claude",
            install="npm install -g @anthropic-ai/claude-code",
            keys=(
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_AUTH_TOKEN",
                "ANTHROPIC_BASE_URL",
                "CLAUDE_CODE_OAUTH_TOKEN",
                "CLAUDE_CONFIG_DIR",
            ),
            arguments=_claude_arguments,
            environment=_claude_environment,
            read=_claude_read,
        ),
        Preset(
            name="codex",
            program="codex",
            install="npm install -g @openai/codex",
            keys=("OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_HOME"),
            arguments=_codex_arguments,
            environment=lambda call: {},
            read=_codex_read,
        ),
        Preset(
            name="gemini",
            program="gemini",
            install="npm install -g @google/gemini-cli",
            keys=("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
            arguments=_gemini_arguments,
            environment=_gemini_environment,
            read=_gemini_read,
            prepare=_gemini_prepare,
        ),
        Preset(
            name="aider",
            program="aider",
            install="pip install aider-chat, in an environment of its own",
            keys=(
                "OPENAI_API_KEY",
                "OPENAI_API_BASE",
                "ANTHROPIC_API_KEY",
                "GEMINI_API_KEY",
                "OPENROUTER_API_KEY",
                "DEEPSEEK_API_KEY",
                "OLLAMA_API_BASE",
            ),
            arguments=_aider_arguments,
            environment=_aider_environment,
            read=_aider_read,
            prepare=_aider_prepare,
            slow_429=True,
            needs_model=True,
        ),
        Preset(
            name="opencode",
            program="opencode",
            install="npm install -g opencode-ai",
            keys=(
                "OPENAI_API_KEY",
                "ANTHROPIC_API_KEY",
                "GEMINI_API_KEY",
                "OPENROUTER_API_KEY",
                "OPENCODE_API_KEY",
            ),
            arguments=_opencode_arguments,
            environment=_opencode_environment,
            read=_opencode_read,
            prepare=_opencode_prepare,
            slow_429=True,
        ),
    )
}
