"""What one candidate came to: the figures, and the lines in which they are printed (C3)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `ratchet status` starts without numpy
    import numpy as np

TIMEOUT, CRASHED, REJECTED = 2, 3, 4  # exit statuses of C3


@dataclass(frozen=True)
class Probe:
    """One test of an honest score.

    Attributes
    ----------
    name : str
    value, threshold : float
        What was measured, and from where on it counts.
    verdict : {"pass", "review", "reject"}
    detail : str
        One line for the log.
    """

    name: str
    value: float
    threshold: float
    verdict: str
    detail: str


@dataclass(frozen=True)
class Score:
    """What one candidate came to; all figures are NaN unless `status` is ``ok``.

    Attributes
    ----------
    val_auc, val_sd : float
        Mean and standard deviation (ddof=1) of the task's metric over the folds.
    fold_scores : tuple of float
    test_auc, test_acc, test_f1 : float
        On the sealed test rows. Never shown to an agent.
    wall_time_s : float
    log : str
        What the candidate printed, bounded.
    predictions : tuple of ndarray
        Per fold, in the order in which the rows were asked for; for the probes.
    """

    status: str
    val_auc: float = float("nan")
    val_sd: float = float("nan")
    fold_scores: tuple[float, ...] = ()
    test_auc: float = float("nan")
    test_acc: float = float("nan")
    test_f1: float = float("nan")
    wall_time_s: float = 0.0
    cv_folds: int = 0
    isolation: str = ""
    hypothesis: str = ""
    log: str = ""
    probes: tuple[Probe, ...] = ()
    cpu_s: float = field(default=float("nan"), compare=False)
    peak_mib: float = field(default=float("nan"), compare=False)
    predictions: tuple[np.ndarray, ...] = field(default=(), compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the score counts."""
        return self.status == "ok"

    @property
    def exit_code(self) -> int:
        """Exit status of C3."""
        codes = {"ok": 0, "timeout": TIMEOUT, "crashed": CRASHED, "rejected": REJECTED}
        return codes[self.status.partition(" ")[0]]

    def lines(self) -> str:
        """The score as C3 prints it."""
        values = {
            "val_auc": f"{self.val_auc:.6f}",
            "val_sd": f"{self.val_sd:.6f}",
            "test_auc": f"{self.test_auc:.6f}",
            "test_acc": f"{self.test_acc:.6f}",
            "test_f1": f"{self.test_f1:.6f}",
            "wall_time_s": f"{self.wall_time_s:.3f}",
            "cv_folds": str(self.cv_folds),
            "isolation": self.isolation,
            "status": self.status,
        }
        return "\n".join(f"{key}: {value}" for key, value in values.items())

    def to_dict(self) -> dict:
        """The score as plain numbers and text, NaN as None (for JSON)."""

        def clean(value):
            if isinstance(value, float) and not math.isfinite(value):
                return None
            if isinstance(value, dict):
                return {k: clean(v) for k, v in value.items()}
            if isinstance(value, (list, tuple)):
                return [clean(v) for v in value]
            return value

        return clean(asdict(replace(self, predictions=())))
