"""What can go wrong while an agent makes a proposal: one class per outcome, cheap to import.

An agent either returns a `Proposal` or raises one of these. The caller reads four attributes and
needs no other knowledge of the agent:

==================  ==========================================================================
``outcome``         short name of what happened
``uses_iteration``  whether the failed try counts as an iteration; a rate limit does not
``fatal``           whether asking again is pointless: a wrong key, a program that is not there
``retry_after``     seconds to wait before the next try, or None if nobody said
==================  ==========================================================================

``tokens``, ``cost_usd`` and ``cost_source`` say what the failed call cost: a call that was cut
off reports nothing, so its cost is unknown, never 0.
"""

from __future__ import annotations

from harness.agents.secrets import redact
from harness.candidate import plain

MESSAGE_CHARS = 500  # one readable line; the rest of what a program said is in its log


class AgentError(Exception):
    """The agent failed: its program ended with an error, or its server refused.

    The message is one line for a person: secrets are masked and its length is bounded here, so no
    caller can forget to. ``note`` is what else is worth keeping, such as files that were put back.
    """

    outcome, uses_iteration, fatal = "agent error", True, False

    def __init_subclass__(cls, **facts):
        """Take what is different about a kind of error from its class line."""
        for name, value in facts.items():
            setattr(cls, name, value)

    def __init__(
        self,
        message: str,
        *,
        tokens: int | None = None,
        cost_usd: float | None = None,
        cost_source: str = "unknown",
        note: str = "",
        retry_after: float | None = None,
    ):
        super().__init__(plain(redact(str(message)), MESSAGE_CHARS) or self.outcome)
        self.tokens, self.cost_usd, self.cost_source = tokens, cost_usd, cost_source
        self.note, self.retry_after = redact(note), retry_after


class AgentTimeout(AgentError, outcome="timeout"):
    """The agent's own wall clock ran out; everything it had started was ended."""


class RateLimited(AgentError, outcome="rate limited", uses_iteration=False):
    """The agent's server said "too many requests": wait and ask again, no iteration is used."""


class AuthError(AgentError, fatal=True, uses_iteration=False):
    """The key is missing, wrong or not allowed: stop at once, asking again cannot help."""


class Refused(AgentError, outcome="refused for good", fatal=True, uses_iteration=False):
    """No money, no such model, a prompt too long: the message says what to do, not to ask again."""


class AgentMissing(AgentError, fatal=True, uses_iteration=False):
    """The agent's program or Python package is not installed: the message says how to get it."""


class AgentDone(AgentError, outcome="done", fatal=True, uses_iteration=False):
    """The agent has nothing more to propose (a replay at its end): end the run cleanly."""


class InvalidFile(AgentError, outcome="invalid file"):
    """No usable train.py came back: not there, not a regular file, too large, not UTF-8."""


class Declined(InvalidFile, outcome="declined"):
    """The model, or a filter before it, would not answer."""


class NoChange(AgentError, outcome="no change"):
    """The train.py that came back is the one that went in."""


FREE = (RateLimited, AuthError, Refused)  # turned away before anything was used
