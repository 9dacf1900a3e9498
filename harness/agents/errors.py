"""What can go wrong while an agent makes a proposal: one class per outcome, cheap to import.

An agent either returns a `Proposal` or raises one of these. The caller reads four attributes and
needs no other knowledge of the agent:

==================  ==========================================================================
``outcome``         short name of what happened, see `OUTCOMES`
``uses_iteration``  whether the failed try counts as an iteration; a rate limit does not
``fatal``           whether asking again is pointless: a wrong key, a program that is not there
``retry_after``     seconds to wait before the next try, or None if nobody said
==================  ==========================================================================

``tokens``, ``cost_usd`` and ``cost_source`` say what the failed call cost: a call that was cut
off reports nothing, so its cost is unknown, never 0.
"""

from __future__ import annotations

from harness.agents.secrets import redact

# The order in which an agent decides what happened: the first that applies is the outcome.
OUTCOMES = (
    "timeout",
    "rate limited",
    "agent error",
    "invalid file",
    "no change",
    "invalid code",
    "ok",
)

MESSAGE_CHARS = 500  # one readable line; the rest of what a program said is in its log


class AgentError(Exception):
    """The agent failed: its program ended with an error, or its server refused.

    Parameters
    ----------
    message : str
        One line for a person. Secrets are masked and the length is bounded here, so no caller
        can forget to.
    tokens, cost_usd, cost_source
        What the call cost all the same, as in `Proposal`.
    note : str
        What else is worth keeping, such as files that the agent changed and that were put back.
    """

    outcome = "agent error"
    uses_iteration = True
    fatal = False
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        tokens: int | None = None,
        cost_usd: float | None = None,
        cost_source: str = "unknown",
        note: str = "",
    ):
        line = " ".join(redact(str(message)).split())
        if len(line) > MESSAGE_CHARS:
            line = line[: MESSAGE_CHARS - 1] + "…"
        super().__init__(line or self.outcome)
        self.tokens = tokens
        self.cost_usd = cost_usd
        self.cost_source = cost_source
        self.note = redact(note)


class AgentTimeout(AgentError):
    """The agent's own wall clock ran out; everything it had started was ended."""

    outcome = "timeout"


class RateLimited(AgentError):
    """The agent's server said "too many requests": wait and ask again, no iteration is used."""

    outcome = "rate limited"
    uses_iteration = False

    def __init__(self, message: str, *, retry_after: float | None = None, **kwargs):
        super().__init__(message, **kwargs)
        self.retry_after = retry_after


class AuthError(AgentError):
    """The key is missing, wrong or not allowed: stop at once, asking again cannot help."""

    fatal = True
    uses_iteration = False


class AgentMissing(AgentError):
    """The agent's program or Python package is not installed: the message says how to get it."""

    fatal = True
    uses_iteration = False


class AgentDone(AgentError):
    """The agent has nothing more to propose (a replay at its end): end the run cleanly."""

    outcome = "done"
    fatal = True
    uses_iteration = False


class InvalidFile(AgentError):
    """No usable train.py came back: not there, not a regular file, too large, not UTF-8."""

    outcome = "invalid file"


class NoChange(AgentError):
    """The train.py that came back is the one that went in."""

    outcome = "no change"
