"""The interval of a mean, by hand."""

import math

import numpy as np
import pytest
from scipy import stats as sps

from benchmarks.intervals import mean_interval


def test_mean_interval_is_the_student_interval():
    v = np.array([0.01, 0.02, 0.04, 0.01])
    got = mean_interval(v)
    low, high = sps.t.interval(0.95, 3, loc=v.mean(), scale=sps.sem(v))
    assert (got.low, got.high) == pytest.approx((low, high))
    assert math.isnan(mean_interval([0.1]).low)
