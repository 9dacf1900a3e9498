"""What an outside program said about its call: errors, HTTP status, tokens, money.

All of it is untrusted text: numbers are checked, nothing is taken as a path or an instruction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.agents.cost import Spent, Usage, at, dollars, json_lines, usage_of
from harness.agents.errors import AgentError
from harness.agents.outcomes import explain, status_in
from harness.processes import Finished

MAX_CHARS = 2000  # of what a program says is wrong: the end tells
MAX_SHOWN = 350  # of it, where advice follows


@dataclass(frozen=True)
class Report:
    """What a program said about its call. `error` is None if it said nothing was wrong."""

    error: str | None = None
    kind: type[AgentError] = AgentError
    retry_after: float | None = None
    usage: Usage | None = None
    usd: float | None = None
    denied: int = 0  # actions that the CLI's own rules refused


def last_json(text: str) -> dict:
    """The last JSON object in ``text``, on one line or over several; {} if there is none."""
    if found := list(json_lines(text)):
        return found[-1]
    try:
        return json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
    except (ValueError, RecursionError):
        return {}


def spent(parts: Iterable[dict], paths: Mapping[str, str]) -> dict:
    """Sums over parts of a report, as `Report` takes them; None if there are no parts.

    The paths are those of `usage_of`, and of dollars if there is one, `usd`. 0 dollars are no
    figure: that is what CLIs write for a model without a price.
    """
    sums = Spent()
    for part in parts:
        sums.add(usage_of(part, paths), dollars(at(part, paths.get("usd", ""))))
    return {"usage": sums.usage, "usd": sums.usd or None}


def concluded(
    done: Finished, error: str | None = None, status: int | None = None, **facts
) -> Report:
    """Report on a call: the error it told of, else an exit status other than 0, else success.

    The end of the output says what an exit status is about. Unless ``status`` is given, the HTTP
    status is read from the words.
    """
    if error is None:
        if not done.returncode:
            return Report(**facts)
        said = done.stderr.strip() or done.stdout.strip()
        error = f"exit status {done.returncode}: {said[-MAX_CHARS:]}"
    error = " ".join(error.split())[-MAX_CHARS:] or "no message"
    kind, wait, advice = explain(status_in(error) if status is None else status, error)
    error = f"{error[-MAX_SHOWN:]} ({advice})" if advice else error
    return Report(error, kind, wait, **facts)
