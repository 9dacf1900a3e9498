"""Statistics for paired scores: pure functions over numpy arrays, no I/O."""

from collections.abc import Callable
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


def corrected_t_test(diffs: np.ndarray, n_folds: int, share: float | None = None) -> TTest:
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
    share : float, optional
        n_test/n_train where it is not that of K-fold: the mean over unequal folds.

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
    share = 1.0 / (n_folds - 1) if share is None else share
    se = float(np.sqrt(var * (1.0 / d.size + share)))
    df = d.size - 1
    t = _in_errors(mean, se)
    return TTest(mean, se, df, t, p_greater=float(sps.t.sf(t, df)))


def _in_errors(value: float, se: float, rounding: float = 0.0) -> float:
    """A value in units of its standard error: infinite without any spread, unless it is 0."""
    if se == 0.0:
        return 0.0 if abs(value) <= rounding else float(np.copysign(np.inf, value))
    return value / se


# -- ROC curves --------------------------------------------------------------------------


def _placements(positive: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each positive the share of negatives below it, for each negative of positives above.

    By midranks, so that no table of pairs is made (Sun and Xu 2014, Fast implementation of
    DeLong's algorithm, IEEE Signal Processing Letters 21(11)).
    """
    rank, ones, zeros = sps.rankdata(p), p[positive], p[~positive]
    by_positive = (rank[positive] - sps.rankdata(ones)) / len(zeros)
    by_negative = 1.0 - (rank[~positive] - sps.rankdata(zeros)) / len(ones)
    return by_positive, by_negative


@dataclass(frozen=True)
class DeLong:
    """Two paired AUCs, their difference b - a, its standard error and two-sided p-value."""

    auc_a: float
    auc_b: float
    difference: float
    se: float
    z: float
    p: float
    cov: np.ndarray  # (2, 2): variances of both AUCs and their covariance


def delong(y: np.ndarray, p_a: np.ndarray, p_b: np.ndarray) -> DeLong:
    """DeLong's test for two ROC curves on the same rows.

    Parameters
    ----------
    y : array of 0/1, shape (n,)
    p_a, p_b : arrays, shape (n,)
        Predictions of two models for these rows; higher means class 1.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Comparing the areas under two or more
    correlated receiver operating characteristic curves, Biometrics 44:837-845.
    """
    positive, both = np.asarray(y) == 1, [np.asarray(p, dtype=float) for p in (p_a, p_b)]
    if any(p.shape != positive.shape or not np.isfinite(p).all() for p in both):
        raise ValueError("need one finite prediction per row")
    if min(positive.sum(), (~positive).sum()) < 2:
        raise ValueError("need at least two rows of each class")
    placed = [_placements(positive, p) for p in both]
    by_positive, by_negative = (np.array(v) for v in zip(*placed, strict=True))  # V10 and V01
    cov = np.cov(by_positive) / by_positive.shape[1] + np.cov(by_negative) / by_negative.shape[1]
    auc_a, auc_b = by_positive.mean(axis=1)
    difference = float(auc_b - auc_a)
    variance = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
    se = float(np.sqrt(variance)) if variance > 1e-16 else 0.0  # below is rounding
    z = _in_errors(difference, se, rounding=1e-12)  # the same ranking twice
    p = float(2 * sps.norm.sf(abs(z)))
    return DeLong(float(auc_a), float(auc_b), difference, se, z, p, cov)


@dataclass(frozen=True)
class Interval:
    """A number and where it lies with the stated confidence."""

    value: float
    low: float
    high: float


def _percentiles(value: float, draws: np.ndarray, ends=(0.025, 0.975)) -> Interval:
    return Interval(float(value), *np.quantile(draws, ends).tolist())


FEWEST_GROUPS = 5


@dataclass(frozen=True)
class Paired:
    """Two scores of the same rows and their difference (second minus first), with 95% intervals."""

    first: Interval
    second: Interval
    difference: Interval
    p: float  # two-sided: twice the smaller share of resamples on either side of no difference


def bootstrap_pair(
    scores: Callable[[np.ndarray], tuple[float, float]],
    n_rows: int,
    *,
    groups: np.ndarray | None = None,
    strata: np.ndarray | None = None,
    n: int = 1000,
    seed: int = 0,
) -> Paired:
    """Compare two scores of the same rows, whatever the metric, by resampling the rows.

    Parameters
    ----------
    scores : callable
        From row positions (with repeats) to the two scores; ValueError where they have none.
    groups : ndarray of shape (n_rows,), optional
        Rows of one group are drawn together (the cluster bootstrap, Davison and Hinkley 1997,
        section 3.8); at least `FEWEST_GROUPS`.
    strata : ndarray of shape (n_rows,), optional
        Rows are drawn within each, so that every resample has as many of either class (as Robin
        et al. 2011 do for ROC curves, pROC).
    n, seed
        Resamples; of the draws.

    Raises
    ------
    ValueError
        If most resamples cannot be scored (one class only, say).

    Notes
    -----
    Percentile intervals: Efron and Tibshirani (1993), An introduction to the bootstrap,
    chapters 13 and 15.
    """
    rng = np.random.default_rng(seed)
    units, within = n_rows, [np.arange(n_rows)]
    if strata is not None:
        within = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    if groups is not None:
        keys = np.unique(groups, return_inverse=True)[1]
        order = np.argsort(keys, kind="stable")
        members = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
        units = len(members)
        if units < FEWEST_GROUPS:
            raise ValueError(f"too few groups to tell a gain from chance ({units})")
    draws = []
    for _ in range(n):
        if groups is None:
            rows = np.concatenate([rng.choice(part, len(part)) for part in within])
        else:
            rows = np.concatenate([members[i] for i in rng.integers(units, size=units)])
        try:
            pair = scores(rows)
        except ValueError:
            continue
        if np.isfinite(pair).all():
            draws.append(pair)
    if len(draws) < n / 2:
        raise ValueError("most resamples of the rows cannot be scored: there are too few")
    first, second = np.array(draws).T
    a, b = scores(np.arange(n_rows))
    change = second - first
    if groups is not None:  # few of them scatter too little, by the m - 1 and by Student's t
        wider = np.sqrt(units / (units - 1)) * sps.t.ppf(0.975, units - 1) / sps.norm.ppf(0.975)
        change = (b - a) + (change - (b - a)) * wider
    p = min(1.0, 2 * min(np.mean(change <= 0), np.mean(change >= 0)))
    intervals = _percentiles(a, first), _percentiles(b, second), _percentiles(b - a, change)
    return Paired(*intervals, float(p))


# -- calibration -------------------------------------------------------------------------


def brier(y: np.ndarray, p: np.ndarray) -> float:
    """Mean squared distance between probability and outcome; 0 is perfect (Brier 1950)."""
    return float(np.mean((np.asarray(p, float) - np.asarray(y, float)) ** 2))


def reliability(
    y: np.ndarray, p: np.ndarray, bins: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reliability curve over equally filled bins: mean prediction, observed rate, count."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    parts = filter(len, np.array_split(np.argsort(p, kind="stable"), bins))
    found = [(p[part].mean(), y[part].mean(), len(part)) for part in parts]
    return tuple(map(np.array, zip(*found, strict=True)))


# -- luck --------------------------------------------------------------------------------


def expected_max_of_noise(sds: np.ndarray, shared: float = 0.0) -> float:
    """Mean of the largest of 0 and normal draws with mean 0, the given sds, and one correlation.

    How much a ratchet that keeps any gain climbs when no try is better than the start: each
    try has the spread of its own gain, and the start itself is the 0. Computed as the
    integral over x > 0 of 1 - F(x), F the distribution of the largest draw. `shared` is the
    correlation of any two draws: programs that are all worth the same have 1/2, because each
    gain holds the luck of the start.

    References
    ----------
    For equal spreads it grows with sqrt(2 log n): David and Nagaraja (2003), Order
    statistics, section 10.5. For what selection does to a score ("winner's curse" of model
    choice): Cawley and Talbot (2010), On over-fitting in model selection and subsequent
    selection bias in performance evaluation, JMLR 11, section 5.
    """
    sds = np.asarray(sds, float).ravel()
    sds = sds[sds > 0, None]
    if not len(sds):
        return 0.0
    x = np.linspace(0.0, 12.0 * sds.max(), 4001)
    common, weights = np.polynomial.hermite_e.hermegauss(31)
    below = [
        np.exp(sps.norm.logcdf((x / sds - np.sqrt(shared) * z) / np.sqrt(1 - shared)).sum(axis=0))
        for z in (common if shared else [0.0])
    ]
    weights = weights / weights.sum() if shared else [1.0]
    return float(np.trapezoid(1.0 - np.average(below, axis=0, weights=weights), x))


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Share with Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    found = sps.binomtest(successes, trials).proportion_ci(level, "wilson")
    return Interval(successes / trials, found.low, found.high)
