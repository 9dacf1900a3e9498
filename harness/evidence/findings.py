"""What an audit finds: the figures and the verdict, for those who measure and those who tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields

from harness.evidence.certificate import Certificate
from harness.rules import stats
from harness.scoring import plain_values

SIGNIFICANT = 0.05  # DeLong's p below which other patients contradict a gain


@dataclass(frozen=True)
class Elsewhere:
    """Baseline and best, fitted on the training rows, on patients that no fold contained.

    `error` says why there are no figures, if there are none. `difference` is best minus
    baseline; `p` is DeLong's for areas under the ROC curve, a bootstrap's for other metrics.
    """

    name: str
    rows: int
    baseline: stats.Interval | None = None
    best: stats.Interval | None = None
    difference: stats.Interval | None = None
    p: float | None = None
    brier_baseline: float | None = None
    brier_best: float | None = None
    brier_guess: float | None = None  # of always saying how common class 1 is there
    error: str = ""

    @property
    def contradicts(self) -> bool:
        """Whether the best is worse here by more than chance explains."""
        return self.p is not None and self.p < SIGNIFICANT and self.difference.value < 0


@dataclass(frozen=True)
class Calibration:
    """Out-of-fold reliability on the training rows: mean prediction, observed rate, count."""

    predicted: list[float]
    observed: list[float]
    count: list[int]
    brier: float


@dataclass(frozen=True)
class Audit:
    """Everything that `ratchet audit` found; `verdict` is "real", "cannot tell" or "luck"."""

    tag: str
    commit: str  # of the best program
    rule: str
    tries: int
    best_iteration: int
    hypothesis: str
    baseline_val: float
    best_val: float
    claimed: float  # gain on the frozen folds, as the run reports it
    fresh: stats.Interval  # the same gain on fresh folds, 95%
    fresh_p: float
    fresh_scores_baseline: list[float]  # mean over folds, one per fold seed
    fresh_scores_best: list[float]
    noise_baseline: float  # sd over fold seeds
    noise_best: float
    noise_paired: float  # sd over fold seeds of best minus baseline
    luck: float  # gain that as many tries find on average with nothing there
    verdict: str  # the certificate's, unless other patients contradict it
    certificate: Certificate
    harms: list[str] = field(default_factory=list)  # what got worse, a sentence each
    test: Elsewhere | None = None
    hospital: Elsewhere | None = None
    calibration: dict[str, Calibration] = field(default_factory=dict)
    openings: list[str] = field(default_factory=list)  # when the sealed test was opened
    metric: str = "roc_auc"
    one_set: bool = False  # no other folds: `fresh` is the gain on those that the search saw
    resampled: str = "rows"  # what intervals elsewhere resample

    def to_dict(self) -> dict:
        """Plain values, for JSON; what is not a number becomes None."""
        return plain_values(asdict(self)) | {"certificate": self.certificate.to_dict()}

    @classmethod
    def from_dict(cls, values: dict) -> Audit:
        """Build it again from `to_dict`; KeyError or TypeError where a version had other fields."""

        def elsewhere(part: dict | None) -> Elsewhere | None:
            return part and Elsewhere(
                **{k: stats.Interval(**v) if isinstance(v, dict) else v for k, v in part.items()}
            )

        values = {field.name: values[field.name] for field in fields(cls)}
        bins = {name: Calibration(**part) for name, part in values["calibration"].items()}
        return cls(
            **values
            | {"fresh": stats.Interval(**values["fresh"]), "calibration": bins}
            | {"certificate": Certificate.from_dict(values["certificate"])}
            | {name: elsewhere(values[name]) for name in ("test", "hospital")}
        )
