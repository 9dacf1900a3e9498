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
    """Everything an agent may look at when it proposes."""

    program: str  # text of program.md
    best_source: str
    best_val_auc: float
    best_iteration: int
    history: Sequence[Past]  # every finished iteration in order; the baseline is iteration 0
    last_failure: str | None  # why the last candidate gave no score, if it gave none
    iteration: int  # the one that this proposal is for
    seed: int  # of the run
    workspace: Path | None = None  # where a program that edits files works
    state_dir: Path | None = None  # where an agent may keep notes
    slot: int = 0  # of candidates scored side by side, which one this is
    pending: tuple[str, ...] = ()  # sources already proposed for the other slots
    task_name: str = "heart"
    kind: str = "binary"  # or "multiclass", "regression"
    n_rows: int = 0  # of the task's table; 0 if unknown
    hints: tuple[str, ...] = ()  # lines from the person who watches, for this proposal alone
    patience: int = 0  # candidates without a keep after which the kind must change; 0 for ever
    measure: str = "mean ROC AUC over 5 fixed folds, higher is better"  # what `val_auc` is


@dataclass(frozen=True)
class Proposal:
    """The text of a new `train.py` and what it cost to get."""

    source: str
    tokens: int | None = None
    cost_usd: float | None = None
    cost_source: str = "none"  # or "reported", "computed", "unknown"
    note: str = ""
    outcome: str = "ok"  # unless the agent failed to give a usable file


@runtime_checkable
class Agent(Protocol):
    """What the loop needs of an agent.

    `propose` is a pure function of the view: an agent rebuilt from the history after a crash
    proposes the same. It may cache what changes neither the answer nor the cost as history grows.
    """

    name: str

    def propose(self, view: View) -> Proposal: ...

    def close(self) -> None: ...
