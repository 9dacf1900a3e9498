"""Who proposes the next `train.py`: what an agent sees, what it gives back, how to get one.

An agent is a function from a `View` to a `Proposal`. It sees the program's
instructions, the best `train.py` so far and the history of validation scores.
It never sees a test figure, and it never scores anything: the harness does
that, in a process the agent cannot reach.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.source import MAX_HYPOTHESIS

__all__ = [
    "KINDS",
    "MAX_HYPOTHESIS",
    "Agent",
    "Past",
    "Proposal",
    "View",
    "get_agent",
    "hypothesis_of",
    "normalise",
]


# Each kind and the module that makes it. A module is imported when its kind is
# asked for, so that a learner without `openai` can still run the playbook.
KINDS: dict[str, str] = {
    "playbook": "harness.agents.playbook",
    "null": "harness.agents.null",
    "random": "harness.agents.baseline",
    "command": "harness.agents.command",
    "claude": "harness.agents.command",
    "codex": "harness.agents.command",
    "gemini": "harness.agents.command",
    "aider": "harness.agents.command",
    "opencode": "harness.agents.command",
    "chat": "harness.agents.chat",
    "human": "harness.agents.human",
    "replay": "harness.agents.replay",
}


@dataclass(frozen=True)
class Past:
    """One finished iteration, as an agent may see it: no test figures, ever."""

    iteration: int
    val_auc: float
    val_sd: float
    status: str
    decision: str  # "baseline", "kept" or "discarded"
    delta: float
    hypothesis: str
    source: str


@dataclass(frozen=True)
class View:
    """Everything an agent may look at when it proposes.

    Attributes
    ----------
    program : str
        Text of `program.md`.
    best_source, best_val_auc, best_iteration
        The best candidate so far.
    history : sequence of Past
        Every finished iteration in order; the baseline is iteration 0.
    last_failure : str or None
        Why the last candidate gave no score, if it gave none.
    iteration : int
        The iteration this proposal is for.
    seed : int
        The run's seed.
    workspace, state_dir : Path or None
        Where a program that edits files works, and where it may keep notes.
    slot, pending
        With candidates scored side by side: which of them this one is, and
        the sources already proposed for the other slots.
    task_name, kind, n_rows
        Which task this is: "binary", "multiclass" or "regression", and the rows of its
        table (0 if unknown).
    """

    program: str
    best_source: str
    best_val_auc: float
    best_iteration: int
    history: Sequence[Past]
    last_failure: str | None
    iteration: int
    seed: int
    workspace: Path | None = None
    state_dir: Path | None = None
    slot: int = 0
    pending: tuple[str, ...] = ()
    task_name: str = "heart"
    kind: str = "binary"
    n_rows: int = 0


@dataclass(frozen=True)
class Proposal:
    """The text of a new `train.py` and what it cost to get.

    `cost_source` is one of "reported", "computed", "unknown", "none".
    `outcome` is "ok" unless the agent failed to give a usable file.
    """

    source: str
    tokens: int | None = None
    cost_usd: float | None = None
    cost_source: str = "none"
    note: str = ""
    outcome: str = "ok"


@runtime_checkable
class Agent(Protocol):
    """What the loop needs of an agent.

    `propose` is a pure function of the view: an agent rebuilt from the history
    after a crash proposes the same thing. It may cache, as long as the cache
    changes neither the answer nor the cost per call as history grows.
    """

    name: str

    def propose(self, view: View) -> Proposal: ...

    def close(self) -> None: ...


def get_agent(name: str, **options) -> Agent:
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
        If there is no such kind; the message lists those there are.
    """
    if name not in KINDS:
        raise ValueError(f"unknown agent {name!r}; choose one of: {', '.join(KINDS)}")
    return importlib.import_module(KINDS[name]).make(name, **options)


def normalise(source: str) -> str:
    """Reduce a source to what it does, so that the same program is known again.

    Comments, docstrings, formatting, the `HYPOTHESIS` line and the
    `if __name__ == "__main__"` part are dropped. Text that is not Python comes
    back with its white space squeezed, so that broken files compare as well.

    Parameters
    ----------
    source : str
        Text of a `train.py`.

    Returns
    -------
    str
        Equal for two sources that differ only in the ways named above.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(source.split())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                # A body may not be empty: `pass` stands for a dropped docstring.
                node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    tree.body = [node for node in tree.body if not (_is_hypothesis(node) or _is_main_guard(node))]
    try:
        return ast.unparse(tree)
    except (RecursionError, ValueError):
        return " ".join(source.split())


def hypothesis_of(source: str) -> str:
    """Read the `HYPOTHESIS` text from a source without running it ("" if there is none)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in tree.body:
        if _is_hypothesis(node):
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                return ""
            return value if isinstance(value, str) else ""
    return ""


def _is_hypothesis(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    else:
        return False
    return [t.id for t in targets if isinstance(t, ast.Name)] == ["HYPOTHESIS"]


def _is_main_guard(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )
