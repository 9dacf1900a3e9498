"""A mean with its Student interval, for tables of runs."""

import numpy as np
from scipy import stats as sps

from harness.rules import Interval


def mean_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Mean of independent values with a Student interval; nan bounds for fewer than two."""
    v = np.asarray(values, float)
    if len(v) < 2:
        return Interval(float(v.mean()) if len(v) else np.nan, np.nan, np.nan)
    half = sps.t.ppf(0.5 + level / 2, len(v) - 1) * v.std(ddof=1) / np.sqrt(len(v))
    return Interval(float(v.mean()), float(v.mean() - half), float(v.mean() + half))
