"""The agent `human`: a person edits `train.py` in the run's workspace, the loop does the rest.

Notebook 03 has a workbench with buttons for the same; this is the way from a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from harness.agents.agent import Proposal, View
from harness.agents.errors import AgentDone, AgentMissing, NoChange
from harness.agents.prompt import number
from harness.candidate import MAX_BYTES


class Human:
    """Waits for a person to edit a file and press Enter.

    Parameters
    ----------
    ask : callable, optional
        Shows a text and gives back what was typed; raises EOFError when nobody is there.
    """

    name = "human"

    def __init__(self, ask: Callable[[str], str] | None = None):
        self._ask = ask or _ask_on_terminal

    def propose(self, view: View) -> Proposal:
        """Wait for the person, then read the file.

        Raises
        ------
        AgentDone
            If the person says that it is enough.
        AgentMissing
            If no person is there to ask.
        NoChange
            If the file is as it was.
        """
        if view.workspace is None:
            raise AgentMissing("the human agent needs a run with a workspace folder")
        path = view.workspace / "train.py"
        words = (
            f"iteration {view.iteration}: best val_auc {number(view.best_val_auc)}. "
            f"Edit {path}, save it, then press Enter (q and Enter to stop): "
        )
        if view.last_failure:
            words = f"the last one got no score: {view.last_failure.splitlines()[0]}\n{words}"
        try:
            answer = self._ask(words)
        except EOFError:
            raise AgentMissing("nobody is at the terminal: use another agent") from None
        if answer.strip().lower() in ("q", "quit", "stop"):
            raise AgentDone("stopped by the person at the keyboard")
        with open(path, "rb") as file:  # the ratchet says what is wrong with it
            source = file.read(MAX_BYTES + 1).decode("utf-8", "surrogateescape")
        if source == view.best_source:
            raise NoChange("train.py is as it was", tokens=0, cost_usd=0.0, cost_source="none")
        return Proposal(source)

    def close(self) -> None:
        """Nothing to close."""


def _ask_on_terminal(words: str) -> str:
    print(words, end="", file=sys.stderr, flush=True)
    return input()


def make(name: str = "human") -> Human:
    """Make the agent; it has no options."""
    return Human()
