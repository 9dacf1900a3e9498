"""The kinds of agents, and how to get one."""

from __future__ import annotations

import importlib
import re

from harness.agents.agent import Agent

# Each kind and the module that makes it. A module is imported when its kind is
# asked for, so that a learner without `openai` can still run the playbook.
KINDS: dict[str, str] = {
    "playbook": "harness.agents.playbook.playbook",
    "null": "harness.agents.playbook.null",
    "random": "harness.agents.playbook.playbook",
    **dict.fromkeys(
        ("command", "claude", "codex", "gemini", "aider", "opencode"),
        "harness.agents.programs.command",
    ),
    "chat": "harness.agents.chat.chat",
    "human": "harness.agents.human",
}


def add_kind(name: str, module: str) -> None:
    """Let a room further up add an agent of its own: a module with `make(name, **options)`."""
    KINDS[name] = module


def get_agent(name: str, /, **options) -> Agent:
    """Make an agent of one kind.

    Parameters
    ----------
    name : str
        One of `KINDS`.
    **options
        Passed on to the kind's `make(name, **options)`.

    Raises
    ------
    ValueError
        If there is no such kind (the message lists those there are), or no such option.
    """
    if name not in KINDS:
        raise ValueError(f"unknown agent {name!r}; choose one of: {', '.join(KINDS)}")
    try:
        return importlib.import_module(KINDS[name]).make(name, **options)
    except TypeError as error:
        found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        said = f" takes no option {found[1]!r}: leave it out" if found else f": {error}"
        raise ValueError(f"agent {name!r}{said}") from None
