"""Statistics for paired scores: pure functions over numpy arrays, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats as sps


@dataclass(frozen=True)
class TTest:
    """Result of a corrected t-test. `se` is the corrected standard error of `mean`."""

    mean: float
    se: float
    df: int
    t: float
    p_greater: float  # one-sided: how surprising such a mean is if the true one is 0 or less

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided interval of the mean at `level`."""
        half = sps.t.ppf(0.5 + level / 2, self.df) * self.se
        return self.mean - half, self.mean + half


def corrected_t_test(diffs: np.ndarray, n_folds: int) -> TTest:
    """Corrected resampled t-test over the fold differences of (repeated) cross-validation.

    Folds of one data set share training rows, so their differences are correlated and
    the usual sd/sqrt(n) is too small. Nadeau and Bengio replace the 1/n in the variance
    by 1/n + n_test/n_train; for K folds the second term is 1/(K-1).

    Parameters
    ----------
    diffs : array, any shape
        Paired differences, one for each fold of each repeat.
    n_folds : int
        K of one cross-validation.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning
    52:239-281, section 5. Bouckaert and Frank (2004), Evaluating the replicability of
    significance tests for comparing learning algorithms, PAKDD, section 3, for the use
    with repeated cross-validation.
    """
    d = np.asarray(diffs, dtype=float).ravel()
    if d.size < 2 or n_folds < 2:
        raise ValueError("a corrected t-test needs at least two differences and two folds")
    mean = float(d.mean())
    var = float(d.var(ddof=1))
    # A spread below rounding error is no spread: constant differences give se 0.
    if var <= (1e-12 * max(1.0, abs(mean))) ** 2:
        var = 0.0
    se = float(np.sqrt(var * (1.0 / d.size + 1.0 / (n_folds - 1))))
    df = d.size - 1
    if se == 0.0:
        t = 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    else:
        t = mean / se
    return TTest(mean=mean, se=se, df=df, t=t, p_greater=float(sps.t.sf(t, df)))


def bayes_correlated_t(diffs: np.ndarray, n_folds: int, rope: float) -> tuple[float, float, float]:
    """Bayesian correlated t-test: P(worse), P(equivalent), P(better).

    The posterior of the mean difference is a Student distribution centred on the sample
    mean, with the scale of the corrected test above and n-1 degrees of freedom.
    Differences inside [-rope, rope] count as practically equivalent.

    References
    ----------
    Benavoli, Corani, Demsar and Zaffalon (2017), Time for a change: a tutorial for
    comparing multiple classifiers through Bayesian analysis, JMLR 18(77), section 3.1.
    """
    if rope < 0:
        raise ValueError("rope is a half-width and cannot be negative")
    test = corrected_t_test(diffs, n_folds)
    if test.se == 0.0:
        worse, better = float(test.mean < -rope), float(test.mean > rope)
    else:
        worse = float(sps.t.cdf((-rope - test.mean) / test.se, test.df))
        better = float(sps.t.sf((rope - test.mean) / test.se, test.df))
    return worse, 1.0 - worse - better, better
