"""What an agent sees, what it gives back: a function from a `View` to a `Proposal`.

It sees the program's instructions, the best `train.py` so far and the history of validation
scores. It never sees a test figure, and it never scores anything: the harness does that, in a
process the agent cannot reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


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
