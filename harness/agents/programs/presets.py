"""Coding CLIs as they were tried out: how each is called, and how it says what it did.

What is called with which arguments, settings and files is data, in `presets.toml`; here stands what
tells what a CLI's output says about errors, tokens and money: one function each.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.agents.cost import at, count, dollars, json_lines
from harness.agents.programs.reports import Report, concluded, last_json, spent
from harness.files import catalogue, read_plain
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
    model_provider: str = field(init=False)  # of PROVIDER/NAME, as some write a model
    model_name: str = field(init=False)

    def __post_init__(self):
        provider, _, name = (self.model or "").partition("/")
        vars(self).update(model_provider=provider, model_name=name)

    def fill(self, text: str) -> str:
        """Put the call's values in; braces around anything else stay."""
        return _FIELD.sub(lambda found: str(getattr(self, found[1]) or ""), text)

    def words(self, text: str) -> list[str]:
        """Split lines as a shell would, then fill them in.

        A line that begins with ``model:`` or ``base_url:`` counts only if the call has one.
        """
        lines = map(self._counting, text.splitlines())
        return [self.fill(word) for line in lines for word in shlex.split(line)]

    def filled(self, value):
        """Settings filled in, keys too; a key may begin with a condition, as a line may."""
        if isinstance(value, dict):
            counting = {self._counting(key): inner for key, inner in value.items()}
            return {self.fill(key): self.filled(one) for key, one in counting.items() if key}
        whole = _FIELD.fullmatch(value) if isinstance(value, str) else None
        if whole:  # a number stays one
            return getattr(self, whole[1])
        return self.fill(value) if isinstance(value, str) else value

    def _counting(self, line: str) -> str:
        """A line without its condition; empty if that does not hold."""
        condition, colon, rest = line.partition(": ")
        return line if not colon else rest if getattr(self, condition) else ""


_FIELD = re.compile(r"\{(" + "|".join(Call.__dataclass_fields__) + r")\}")


@dataclass(frozen=True)
class Preset:
    """How to drive one CLI."""

    program: str  # its command; the environment variable `program_env` may name another path
    install: str  # how a person gets it
    keys: Sequence[str]  # variables it may see beside `BASE_ENV`; the first holds its key
    arguments: str  # what follows the program's name, as `Call.words` reads it
    usage: Mapping[str, str]  # where its report tells each figure, as `spent` reads it
    files: Mapping = field(default_factory=dict)  # settings that it needs, by path in `call_dir`
    environment: str = ""  # settings on top of the allowed variables, as `Call.words` reads them
    slow_429: bool = False  # the deadline ends its wait after a 429: its output decides, then
    needs_model: bool = False
    # Models for which it is led to OPENAI_BASE_URL; None: it speaks another dialect.
    openai: str | None = None
    own_base: str = ""  # the variable it reads itself for another address

    @property
    def program_env(self) -> str:
        return f"AUTORESEARCH_{self.program.upper()}"

    def prepare(self, call: Call) -> None:
        """Write the settings that it needs: a text as it is, anything else as JSON."""
        for name, told in self.files.items():
            text = told if isinstance(told, str) else json.dumps(call.filled(told), indent=1)
            (call.call_dir / name).parent.mkdir(parents=True, exist_ok=True)
            (call.call_dir / name).write_text(text, encoding="utf-8")

    def read(self, done: Finished, call: Call) -> Report:
        """What its output says."""
        return globals()[f"_read_{self.program}"](done, call, self.usage)


def _events(text: str, **wanted: str) -> list[dict]:
    """The JSON lines with one value, such as ``type="error"``."""
    return [event for event in json_lines(text) if wanted.items() <= event.items()]


def _read_claude(done: Finished, call: Call, paths: Mapping[str, str]) -> Report:
    said = last_json(done.stdout)
    if not said:
        return concluded(done, None if done.returncode else "it printed no result")
    # Its price list knows its own models only: for another server the figure means nothing.
    own = not call.base_url and not os.environ.get("ANTHROPIC_BASE_URL")
    denied = said.get("permission_denials")
    facts = spent([said], paths)
    facts["usd"] = dollars(said.get("total_cost_usd")) if own else None
    facts["denied"] = len(denied) if isinstance(denied, list) else 0
    if not said.get("is_error") and not done.returncode:
        return Report(**facts)
    # `subtype` says "success" on API errors, so it is not asked; `result` has the message.
    text = said.get("result") or said.get("subtype") or f"exit status {done.returncode}"
    return concluded(done, str(text), count(said.get("api_error_status")) or None, **facts)


def _read_codex(done: Finished, call: Call, paths: Mapping[str, str]) -> Report:
    error = None
    for event in json_lines(done.stdout):
        if event.get("type") == "turn.failed":
            error = str(at(event, "error.message") or "turn failed")
        elif event.get("type") == "error" and done.returncode != 0:
            # With 0 it is about a reconnection that worked.
            error = error or str(event.get("message") or "error")
    return concluded(done, error, **spent(_events(done.stdout, type="turn.completed"), paths))


def _read_gemini(done: Finished, call: Call, paths: Mapping[str, str]) -> Report:
    said = last_json(done.stdout)
    models = at(said, "stats.models")
    facts = spent(models.values() if isinstance(models, dict) else (), paths)
    problem = said.get("error") or last_json(done.stderr).get("error")
    if not done.returncode and not (isinstance(problem, dict) and problem):
        return Report(**facts)
    # Its exit status is the HTTP status modulo 256: 401 gives 145, 429 gives 173.
    by_exit = {s % 256: s for s in (400, 401, 403, 404, 429, 500, 503)}.get(done.returncode or 0)
    text = at(problem, "message") or done.stderr[-2000:] or f"exit status {done.returncode}"
    return concluded(done, str(text), by_exit, **facts)


_LITELLM = re.compile(r"^\s*litellm\.(?:\w+\.)*(\w+Error)\b.*$", re.MULTILINE)
_LITELLM_STATUS = {"AuthenticationError": 401, "PermissionDeniedError": 403, "RateLimitError": 429}
_LITELLM_STATUS |= {"NotFoundError": 404, "ContextWindowExceededError": 413}


def _read_aider(done: Finished, call: Call, paths: Mapping[str, str]) -> Report:
    log = b""
    with contextlib.suppress(OSError):  # the program could put anything there
        log = read_plain(call.call_dir / "aider-analytics.jsonl")[-LOG_BYTES:]
    facts = spent(_events(log.decode("utf-8", "replace"), event="message_send"), paths)
    problems = list(_LITELLM.finditer(done.stdout + "\n" + done.stderr))
    # It exits with 0 whatever happened. An error that a later attempt made good is none.
    if done.returncode or not problems or facts["usage"]:
        return concluded(done, **facts)
    last = problems[-1]
    return concluded(done, last[0], _LITELLM_STATUS.get(last[1]), **facts)


_OPENCODE_ERROR = re.compile(r'level=ERROR .*?\berror(?:\.error)?="((?:AI_|\w+Error: )[^"]*)"')


def _read_opencode(done: Finished, call: Call, paths: Mapping[str, str]) -> Report:
    error = None
    for event in _events(done.stdout, type="error"):
        wait = at(event, "error.data.responseHeaders.retry-after")
        status = at(event, "error.data.statusCode")
        error = str(at(event, "error.data.message") or at(event, "error.name") or "error")
        error = f"{status}: {error}" if status else error
        error = f"{error} (retry-after {wait})" if wait else error
    unsaid = done.timed_out if error is None else "server logs" in error
    if unsaid and (logged := _OPENCODE_ERROR.findall(done.stderr)):
        error = logged[-1]
    return concluded(done, error, **spent(_events(done.stdout, type="step_finish"), paths))


PRESETS = {
    name: Preset(name, keys=told.pop("keys").split(), **told)
    for name, told in catalogue(__file__).items()
}
