"""Coding CLIs as they were tried out: exact arguments, environment, and how each says what it did.

A preset is a table of facts with one function, `read`, that tells what its output says about
errors, tokens and money. `prepare` writes the settings of those that need a file.

The flags keep each CLI to one folder, away from other hosts, without updates, plugins or memory of
earlier sessions. None is relied on: `command.py` trusts the file alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.agents.cost import count, dollars, json_lines
from harness.agents.errors import InvalidFile
from harness.agents.programs.reports import Report, at, concluded, last_json, spent
from harness.agents.programs.scratch import read_regular
from harness.processes import Finished

LOG_BYTES = 500_000


@dataclass(frozen=True)
class Call:
    """What one call is about: each field in braces, such as ``{model}``, stands for its value."""

    workspace: Path
    prompt_file: Path
    call_dir: Path  # for settings and logs of this call; deleted after it
    state_dir: Path  # kept for the length of the run
    model: str | None = None
    base_url: str | None = None  # another server than the CLI's own
    key_env: str | None = None  # name of the variable that holds that server's key
    max_turns: int = 12  # model calls per proposal: reading two files and one edit take about four
    max_usd: str = "0.50"  # per proposal, for the one CLI that can be told

    def fill(self, text: str) -> str:
        """Put the call's values in; braces around anything else stay."""
        return _FIELD.sub(lambda found: str(getattr(self, found[1]) or ""), text)

    def words(self, text: str) -> list[str]:
        """Split lines as a shell would, then fill them in.

        A line that begins with ``model:`` or ``base_url:`` counts only if the call has one.
        """
        found = []
        for line in text.strip().splitlines():
            condition, colon, rest = line.strip().partition(": ")
            if not colon or getattr(self, condition):
                found += map(self.fill, shlex.split(rest if colon else line))
        return found


_FIELD = re.compile(r"\{(" + "|".join(Call.__dataclass_fields__) + r")\}")


@dataclass(frozen=True)
class Preset:
    """How to drive one CLI."""

    program: str  # its command; the environment variable `program_env` may name another path
    install: str  # how a person gets it
    keys: Sequence[str]  # variables it may see beside `BASE_ENV`; the first holds its key
    arguments: str  # what follows the program's name, as `Call.words` reads it
    read: Callable[[Finished, Call], Report]
    prepare: Callable[[Call], None] = lambda call: None  # writes the settings it needs
    environment: str = ""  # settings on top of the allowed variables, as `Call.words` reads them
    slow_429: bool = False  # the deadline ends its wait after a 429: its output decides, then
    needs_model: bool = False
    # Models for which it is led to OPENAI_BASE_URL; None: it speaks another dialect.
    openai: str | None = None
    own_base: str = ""  # the variable it reads itself for another address

    @property
    def program_env(self) -> str:
        return f"AUTORESEARCH_{self.program.upper()}"


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _events(text: str, **wanted: str) -> list[dict]:
    """The JSON lines with one value, such as ``type="error"``."""
    return [event for event in json_lines(text) if wanted.items() <= event.items()]


# ------------------------------------------------------------------------------------------------
# Claude Code


def _claude_read(done: Finished, call: Call) -> Report:
    said = last_json(done.stdout)
    if not said:
        return concluded(done, None if done.returncode else "it printed no result")
    # Its price list knows its own models only: for another server the figure means nothing.
    own = not call.base_url and not os.environ.get("ANTHROPIC_BASE_URL")
    denied = said.get("permission_denials")
    cached, written = "usage.cache_read_input_tokens", "usage.cache_creation_input_tokens"
    fresh = f"usage.input_tokens {cached} {written}"
    facts = spent([said], fresh, "usage.output_tokens", cached, written)
    facts["usd"] = dollars(said.get("total_cost_usd")) if own else None
    facts["denied"] = len(denied) if isinstance(denied, list) else 0
    if not said.get("is_error") and not done.returncode:
        return Report(**facts)
    # `subtype` says "success" on API errors, so it is not asked; `result` has the message.
    text = said.get("result") or said.get("subtype") or f"exit status {done.returncode}"
    return concluded(done, str(text), count(said.get("api_error_status")) or None, **facts)


CLAUDE = Preset(
    program="claude",
    install="npm install -g @anthropic-ai/claude-code",
    keys="""
        ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL
        CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CONFIG_DIR
    """.split(),
    arguments="""
        -p --output-format json
        model: --model {model}
        --tools Read,Edit --allowedTools "Read(./**)" "Edit(./train.py)"
        --permission-mode dontAsk --strict-mcp-config --no-session-persistence
        --max-turns {max_turns} --max-budget-usd {max_usd}
    """,
    # With the default number of retries a wrong key took three minutes.
    environment="""
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 CLAUDE_CODE_MAX_RETRIES=2
        DISABLE_TELEMETRY=1 DISABLE_ERROR_REPORTING=1 DISABLE_AUTOUPDATER=1
        base_url: ANTHROPIC_BASE_URL={base_url}
    """,
    read=_claude_read,
    own_base="ANTHROPIC_BASE_URL",
)

# ------------------------------------------------------------------------------------------------
# Codex


def _codex_read(done: Finished, call: Call) -> Report:
    error = None
    for event in json_lines(done.stdout):
        if event.get("type") == "turn.failed":
            error = str(at(event, "error.message") or "turn failed")
        elif event.get("type") == "error" and done.returncode:
            # Without an exit status it is about a reconnection that worked.
            error = error or str(event.get("message") or "error")
    turns = _events(done.stdout, type="turn.completed")
    paths = ("usage.input_tokens", "usage.output_tokens", "usage.cached_input_tokens")
    return concluded(done, error, **spent(turns, *paths))


CODEX = Preset(
    program="codex",
    install="npm install -g @openai/codex",
    keys="OPENAI_API_KEY CODEX_API_KEY CODEX_HOME".split(),
    arguments="""
        exec --json --ephemeral --skip-git-repo-check --ignore-user-config
        --ignore-rules --color never -C {workspace} -s workspace-write
        model: -m {model}
        -c analytics.enabled=false -c check_for_update_on_startup=false
        --disable plugins --disable apps -c 'web_search="disabled"'
        -c shell_environment_policy.inherit=core
        -c sandbox_workspace_write.exclude_slash_tmp=true
        -c sandbox_workspace_write.exclude_tmpdir_env_var=true
        base_url: -c model_provider=course -c 'model_providers.course={name="course",\
            base_url="{base_url}",env_key="{key_env}",wire_api="responses",\
            request_max_retries=2,stream_max_retries=2}'
        -
    """,
    read=_codex_read,
    openai="",
)

# ------------------------------------------------------------------------------------------------
# Gemini CLI

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
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"maxAttempts": 3, "enableAutoUpdate": False},
        "model": {"maxSessionTurns": call.max_turns},
    }
    # A home of the call's own: a settings file named by a variable has to be root's.
    home = call.call_dir / "home" / ".gemini"
    home.mkdir(parents=True)
    _write_json(home / "settings.json", settings)
    (call.call_dir / "gemini-policy.toml").write_text(_GEMINI_POLICY)


def _gemini_read(done: Finished, call: Call) -> Report:
    said = last_json(done.stdout)
    models = at(said, "stats.models")
    paths = ("tokens.prompt", "tokens.candidates tokens.thoughts", "tokens.cached")
    facts = spent(models.values() if isinstance(models, dict) else (), *paths)
    problem = said.get("error") or last_json(done.stderr).get("error")
    if not done.returncode and not (isinstance(problem, dict) and problem):
        return Report(**facts)
    # Its exit status is the HTTP status modulo 256: 401 gives 145, 429 gives 173.
    by_exit = {s % 256: s for s in (400, 401, 403, 404, 429, 500, 503)}.get(done.returncode or 0)
    text = at(problem, "message") or done.stderr[-2000:] or f"exit status {done.returncode}"
    return concluded(done, str(text), by_exit, **facts)


GEMINI = Preset(
    program="gemini",
    install="npm install -g @google/gemini-cli",
    keys="GEMINI_API_KEY GOOGLE_GEMINI_BASE_URL".split(),
    arguments="""
        --output-format json --approval-mode auto_edit --skip-trust
        model: -m {model}
        --policy {call_dir}/gemini-policy.toml -p ""
    """,
    environment="""
        GEMINI_CLI_HOME={call_dir}/home
        base_url: GOOGLE_GEMINI_BASE_URL={base_url}
    """,
    read=_gemini_read,
    prepare=_gemini_prepare,
    own_base="GOOGLE_GEMINI_BASE_URL",
)

# ------------------------------------------------------------------------------------------------
# aider

_LITELLM = re.compile(r"^\s*litellm\.(?:\w+\.)*(\w+Error)\b.*$", re.MULTILINE)
_LITELLM_STATUS = {"AuthenticationError": 401, "PermissionDeniedError": 403, "RateLimitError": 429}
_LITELLM_STATUS |= {"NotFoundError": 404, "ContextWindowExceededError": 413}


def _aider_prepare(call: Call) -> None:
    model = call.model or ""
    facts = {"litellm_provider": model.split("/")[0], "mode": "chat"}
    facts |= {"max_input_tokens": 128_000, "max_output_tokens": 16_000}
    facts |= {"input_cost_per_token": 0, "output_cost_per_token": 0}
    _write_json(call.call_dir / "aider-models.json", {model: facts})


def _aider_read(done: Finished, call: Call) -> Report:
    log = b""
    with contextlib.suppress(OSError, InvalidFile):  # the program could put anything there
        log = read_regular(call.call_dir / "aider-analytics.jsonl", LOG_BYTES, end=True)
    sent = _events(log.decode("utf-8", "replace"), event="message_send")
    paths = ("properties.prompt_tokens", "properties.completion_tokens")
    facts = spent(sent, *paths, usd="properties.cost")
    problems = list(_LITELLM.finditer(done.stdout + "\n" + done.stderr))
    # It exits with 0 whatever happened. An error that a later attempt made good is none.
    if done.returncode or not problems or facts["usage"]:
        return concluded(done, **facts)
    last = problems[-1]
    return concluded(done, last[0], _LITELLM_STATUS.get(last[1]), **facts)


AIDER = Preset(
    program="aider",
    install="pip install aider-chat, in an environment of its own",
    keys="""
        OPENAI_API_KEY OPENAI_API_BASE ANTHROPIC_API_KEY GEMINI_API_KEY
        OPENROUTER_API_KEY DEEPSEEK_API_KEY OLLAMA_API_BASE
    """.split(),
    # The file that says what a model can do replaces aider's own list, and its prices.
    arguments="""
        model: --model {model}
        base_url: --model-metadata-file {call_dir}/aider-models.json
        --yes-always --no-git --no-auto-commits --no-dirty-commits --no-gitignore
        --no-pretty --no-stream --no-show-model-warnings --edit-format whole
        --map-tokens 0 --no-auto-lint --no-analytics --no-check-update
        --no-show-release-notes --no-suggest-shell-commands --no-detect-urls
        --disable-playwright --timeout 60
        --analytics-log {call_dir}/aider-analytics.jsonl
        --chat-history-file {call_dir}/aider-chat.md
        --input-history-file {call_dir}/aider-input
        --read program.md --message-file {prompt_file} train.py
    """,
    environment="""
        LITELLM_LOCAL_MODEL_COST_MAP=True
        base_url: OPENAI_API_BASE={base_url}
    """,
    read=_aider_read,
    prepare=_aider_prepare,
    slow_429=True,
    needs_model=True,
    openai="openai/",
    own_base="OPENAI_API_BASE",
)

# ------------------------------------------------------------------------------------------------
# opencode

_OPENCODE_WAIT = "error.data.responseHeaders.retry-after"
_OPENCODE_ERROR = re.compile(r'level=ERROR .*\berror\.error="(AI_[^"]*)"')


def _opencode_prepare(call: Call) -> None:
    permission = {"*": "deny", "read": "allow", "edit": {"*": "deny", "train.py": "allow"}}
    permission["external_directory"] = "deny"
    config = {"$schema": "https://opencode.ai/config.json", "permission": permission}
    config |= {"autoupdate": False, "share": "disabled"}
    if call.base_url and call.model:
        provider, _, model = call.model.partition("/")
        config["provider"] = {
            provider: {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": call.base_url, "apiKey": f"{{env:{call.key_env}}}"},
                "models": {model: {}},
            }
        }
    _write_json(call.call_dir / "opencode.json", config)


def _opencode_read(done: Finished, call: Call) -> Report:
    error = None
    for event in _events(done.stdout, type="error"):
        status, wait = at(event, "error.data.statusCode"), at(event, _OPENCODE_WAIT)
        error = str(at(event, "error.data.message") or at(event, "error.name") or "error")
        error = f"{status}: {error}" if status else error
        error = f"{error} (retry-after {wait})" if wait else error
    if error is None and done.timed_out and (logged := _OPENCODE_ERROR.findall(done.stderr)):
        error = logged[-1]
    steps = _events(done.stdout, type="step_finish")
    cached, written = "part.tokens.cache.read", "part.tokens.cache.write"
    paths = (
        f"part.tokens.input {cached} {written}",
        "part.tokens.output part.tokens.reasoning",
        *(cached, written),
    )
    return concluded(done, error, **spent(steps, *paths, usd="part.cost"))


OPENCODE = Preset(
    program="opencode",
    install="npm install -g opencode-ai",
    keys="""
        OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY OPENROUTER_API_KEY
        OPENCODE_API_KEY
    """.split(),
    # Its error log is the one place that shows the 429s which it sits out in silence.
    arguments="""
        run --pure --format json --title ratchet --print-logs --log-level ERROR
        model: -m {model}
    """,
    environment="""
        OPENCODE_CONFIG={call_dir}/opencode.json
        OPENCODE_DISABLE_AUTOUPDATE=1 OPENCODE_DISABLE_MODELS_FETCH=1
        OPENCODE_DISABLE_LSP_DOWNLOAD=1 OPENCODE_DISABLE_DEFAULT_PLUGINS=1
        OPENCODE_DISABLE_SHARE=1 OPENCODE_DISABLE_PROJECT_CONFIG=1
    """,
    read=_opencode_read,
    prepare=_opencode_prepare,
    slow_429=True,
    openai="openai/",
)

PRESETS = {preset.program: preset for preset in (CLAUDE, CODEX, GEMINI, AIDER, OPENCODE)}
