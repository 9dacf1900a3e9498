"""What one candidate came to: the figures, and the lines in which they are printed (C3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `ratchet status` starts without numpy
    import numpy as np

EXIT = {"ok": 0, "timeout": 2, "crashed": 3, "rejected": 4}  # statuses of C3
FIGURES = ("val_auc", "val_sd", "test_auc", "test_acc", "test_f1")
PRINTED = {  # in the order of C3
    **dict.fromkeys(FIGURES, ".6f"),
    "wall_time_s": ".3f",
    **dict.fromkeys(("cv_folds", "isolation", "status"), ""),
}


@dataclass(frozen=True)
class Probe:
    """One test of an honest score."""

    name: str
    value: float  # what was measured
    threshold: float  # from where on it counts
    verdict: str  # "pass", "review" or "reject"
    detail: str  # one line for the log


@dataclass(frozen=True)
class Score:
    """What one candidate came to; all figures are NaN unless `status` is ``ok``."""

    status: str
    val_auc: float = float("nan")  # mean of the task's metric over the folds
    val_sd: float = float("nan")  # its standard deviation (ddof=1)
    fold_scores: tuple[float, ...] = ()
    test_auc: float = float("nan")  # on the sealed test rows; never shown to an agent
    test_acc: float = float("nan")
    test_f1: float = float("nan")
    wall_time_s: float = 0.0
    cv_folds: int = 0
    isolation: str = ""
    hypothesis: str = ""
    log: str = ""  # what the candidate printed, bounded
    probes: tuple[Probe, ...] = ()
    cpu_s: float = field(default=float("nan"), compare=False)
    brier: float = field(default=float("nan"), compare=False)  # out of fold; see `brier`
    peak_mib: float = field(default=float("nan"), compare=False)
    # Per fold, in the order in which the rows were asked for; for the probes.
    predictions: tuple[np.ndarray, ...] = field(default=(), compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the score counts."""
        return self.status == "ok"

    @property
    def exit_code(self) -> int:
        """Exit status of C3."""
        return EXIT[self.status.partition(" ")[0]]

    def lines(self) -> str:
        """The score as C3 prints it."""
        return "\n".join(f"{key}: {getattr(self, key):{form}}" for key, form in PRINTED.items())

    def to_dict(self) -> dict:
        """The score as plain numbers and text, NaN as None (for JSON)."""
        return plain_values(asdict(replace(self, predictions=())))


def brier(task, y: np.ndarray, folds: Sequence, replies: Sequence) -> float:
    """Squared error of out-of-fold probabilities, summed over classes but for two; else NaN."""
    import numpy as np

    pairs = list(zip(folds, replies, strict=False))  # the last reply is about the test rows
    if task.kind == "regression" or any(reply.threshold != 0.5 for _, reply in pairs):
        return math.nan
    y = y[np.concatenate([rows.new for rows, _ in pairs])]
    p = np.concatenate([reply.numbers for _, reply in pairs]).reshape(len(y), -1)
    truth = y[:, None] == ([1] if p.shape[1] == 1 else np.arange(p.shape[1]))
    return float(((p - truth) ** 2).sum(1).mean()) if 0 <= p.min() <= p.max() <= 1 else math.nan


def number(value: float) -> str:
    """Format a score: four decimals, or three digits where those would show nothing."""
    return f"{value:.3g}" if 0 < abs(value) < 0.00005 else f"{value:.4f}"


def signed(value: float) -> str:
    """Format a gain with its sign; see `number`."""
    return ("+" if value >= 0 else "") + number(value)


def plain_values(value):
    """Make nested values fit for JSON: what is no finite number becomes None."""
    if isinstance(value, dict):
        return {key: plain_values(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
