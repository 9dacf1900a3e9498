"""The statistics against independent computations: brute force, arithmetic, simulation."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as sps
from sklearn.metrics import brier_score_loss, roc_auc_score

from harness.rules import stats
from harness.task import area_under_roc


def some_rows(n=60, seed=3, shift=1.2, decimals=1):
    rng = np.random.default_rng(seed)
    y = np.r_[np.ones(n // 3, int), np.zeros(n - n // 3, int)]
    a = np.round(rng.normal(size=n) + shift * y, decimals)  # rounded: ties are in it
    b = np.round(a + rng.normal(size=n) * 0.7, decimals)
    return y, a, b


def delong_by_loops(y, predictions):
    """DeLong et al. 1988, equations 4 to 6, written as loops over rows."""
    positive = [i for i in range(len(y)) if y[i] == 1]
    negative = [i for i in range(len(y)) if y[i] == 0]

    def psi(x, z):
        return 1.0 if x > z else 0.5 if x == z else 0.0

    v10 = [[np.mean([psi(p[i], p[j]) for j in negative]) for i in positive] for p in predictions]
    v01 = [[np.mean([psi(p[i], p[j]) for i in positive]) for j in negative] for p in predictions]
    auc = [np.mean(v) for v in v10]
    cov = np.zeros((2, 2))
    for r, s in itertools.product(range(2), repeat=2):
        s10 = sum((v10[r][i] - auc[r]) * (v10[s][i] - auc[s]) for i in range(len(positive))) / (
            len(positive) - 1
        )
        s01 = sum((v01[r][j] - auc[r]) * (v01[s][j] - auc[s]) for j in range(len(negative))) / (
            len(negative) - 1
        )
        cov[r, s] = s10 / len(positive) + s01 / len(negative)
    return auc, cov


@pytest.mark.parametrize("seed", range(4))
def test_delong_matches_loops_over_rows(seed):
    y, a, b = some_rows(seed=seed)
    auc, cov = delong_by_loops(y, [a, b])
    result = stats.delong(y, a, b)
    assert result.auc_a == pytest.approx(roc_auc_score(y, a))
    assert result.auc_b == pytest.approx(roc_auc_score(y, b))
    assert result.difference == pytest.approx(auc[1] - auc[0])
    np.testing.assert_allclose(result.cov, cov, atol=1e-15)
    z = (auc[1] - auc[0]) / math.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert result.z == pytest.approx(z)
    assert result.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)))


def test_delong_by_hand():
    # Positives 3, 1; negatives 0, 2. Of the four pairs a ranks (3,0), (3,2), (1,0) right.
    y = np.array([1, 1, 0, 0])
    a = np.array([3.0, 1.0, 0.0, 2.0])
    b = np.array([3.0, 2.5, 0.0, 2.0])  # all four right
    result = stats.delong(y, a, b)
    assert (result.auc_a, result.auc_b) == (0.75, 1.0)
    # V10 of a is (1, 1/2), V01 is (1, 1/2): variances 1/8 each, over 2 rows each.
    assert result.cov[0, 0] == pytest.approx(1 / 8)
    assert result.cov[1, 1] == 0
    assert result.se == pytest.approx(math.sqrt(1 / 8))


def test_delong_antisymmetric_and_silent_about_equal_rankings():
    y, a, b = some_rows()
    forth, back = stats.delong(y, a, b), stats.delong(y, b, a)
    assert forth.z == pytest.approx(-back.z)
    assert forth.p == pytest.approx(back.p)
    same = stats.delong(y, a, 3 * a - 1)
    assert (same.z, same.p) == (0.0, 1.0)


def test_delong_holds_its_level():
    """Two equally good models: p < 0.05 in about 5% of data sets."""
    rng = np.random.default_rng(0)
    y = np.r_[np.ones(60, int), np.zeros(60, int)]
    p = []
    for _ in range(600):
        signal = 1.5 * y + rng.normal(size=120)
        p.append(stats.delong(y, signal + rng.normal(size=120), signal + rng.normal(size=120)).p)
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.075


def test_delong_wants_finite_rows_of_both_classes():
    with pytest.raises(ValueError, match="two rows"):
        stats.delong(np.array([1, 0, 0]), np.arange(3.0), np.arange(3.0))
    with pytest.raises(ValueError, match="finite"):
        stats.delong(np.array([1, 1, 0, 0]), np.array([1, np.nan, 0, 0]), np.arange(4.0))


def bootstrap_auc(y, a, b=None, **how):
    """Both AUCs and their difference, resampled within classes as the audit does."""

    def scores(rows):
        first = area_under_roc(y[rows], a[rows])
        return first, first if b is None else area_under_roc(y[rows], b[rows])

    return stats.bootstrap_pair(scores, len(y), strata=y, **how)


def test_bootstrap_draws_rows_within_classes():
    y, a, _ = some_rows()
    rng = np.random.default_rng(5)
    positive, negative = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    aucs = []
    for _ in range(500):  # the same thing, by index and with sklearn's metric
        rows = np.r_[rng.choice(positive, len(positive)), rng.choice(negative, len(negative))]
        aucs.append(roc_auc_score(y[rows], a[rows]))
    got = bootstrap_auc(y, a, n=4000).first
    assert got.value == pytest.approx(roc_auc_score(y, a))
    low, high = np.quantile(aucs, [0.025, 0.975])
    assert got.low == pytest.approx(low, abs=0.015)
    assert got.high == pytest.approx(high, abs=0.015)


def test_bootstrap_interval_covers_the_truth():
    """Normal scores, 60 rows as in the sealed test; true AUC Phi(1.5/sqrt(2))."""
    rng = np.random.default_rng(1)
    truth = sps.norm.cdf(1.5 / math.sqrt(2))
    y = np.r_[np.ones(28, int), np.zeros(33, int)]
    hits = 0
    for i in range(400):
        interval = bootstrap_auc(y, rng.normal(size=61) + 1.5 * y, n=400, seed=i).first
        hits += interval.low <= truth <= interval.high
    assert 0.90 <= hits / 400 <= 0.98


def test_paired_bootstrap_is_narrower_than_two_apart():
    y, a, b = some_rows(n=120)
    found = bootstrap_auc(y, a, b, n=2000)
    one, paired = found.first, found.difference
    assert paired.value == pytest.approx(roc_auc_score(y, b) - roc_auc_score(y, a))
    assert paired.high - paired.low < 1.41 * (one.high - one.low)
    se = stats.delong(y, a, b).se
    assert paired.high - paired.low == pytest.approx(2 * 1.96 * se, rel=0.15)


def test_corrected_t_by_hand():
    d = np.array([0.01, 0.03, -0.01, 0.02, 0.00])
    # mean 0.01; squares of deviations sum to 0.001; variance 0.00025; 1/5 + 1/4 = 0.45
    test = stats.corrected_t_test(d, n_folds=5)
    assert test.mean == pytest.approx(0.01)
    assert test.se == pytest.approx(math.sqrt(0.00025 * 0.45))
    assert test.t == pytest.approx(0.01 / math.sqrt(0.0001125))
    assert test.df == 4
    assert test.p_greater == pytest.approx(sps.t.sf(test.t, 4))
    low, high = test.interval()
    assert (low, high) == pytest.approx(
        (0.01 - 2.7764451 * test.se, 0.01 + 2.7764451 * test.se), rel=1e-6
    )


def test_correction_does_not_vanish_with_repeats():
    rng = np.random.default_rng(0)
    d = rng.normal(0.01, 0.02, size=(200, 5))
    test = stats.corrected_t_test(d, n_folds=5)
    assert test.se == pytest.approx(d.std(ddof=1) * math.sqrt(1 / 1000 + 1 / 4))
    assert test.se > 0.4 * d.std()


def test_corrected_t_holds_its_level_where_the_plain_test_does_not():
    """Ten cross-validations of two models that differ in nothing but a useless column."""
    rng = np.random.default_rng(0)
    plain, corrected = [], []
    for _ in range(200):
        X = rng.normal(size=(40, 3))
        y = X[:, 0] + rng.normal(size=40)
        gains = []
        for _repeat in range(10):
            rows = rng.permutation(40)
            for val in np.array_split(rows, 5):
                train = np.setdiff1d(rows, val)
                errors = []
                for columns in ([0, 1], [0, 2]):  # each has a useless column of its own
                    A = X[:, columns]
                    coef = np.linalg.lstsq(A[train], y[train], rcond=None)[0]
                    errors.append(np.mean((A[val] @ coef - y[val]) ** 2))
                gains.append(errors[0] - errors[1])
        plain.append(sps.ttest_1samp(gains, 0, alternative="greater").pvalue < 0.05)
        corrected.append(stats.corrected_t_test(np.array(gains), 5).p_greater < 0.05)
    assert np.mean(plain) > 0.15
    assert np.mean(corrected) < 0.08


def test_constant_differences_have_no_spread():
    assert stats.corrected_t_test(np.zeros(5), 5).p_greater == 0.5
    assert stats.corrected_t_test(np.full(5, 0.1), 5).p_greater == 0.0
    with pytest.raises(ValueError):
        stats.corrected_t_test(np.array([0.1]), 5)


def test_expected_luck_matches_simulation():
    rng = np.random.default_rng(0)
    for sds in (np.ones(1), np.ones(5), np.ones(25), np.array([0.2, 1.0, 3.0, 0.0])):
        draws = rng.normal(size=(100_000, len(sds))) * sds
        simulated = np.maximum(draws.max(axis=1), 0).mean()
        assert stats.expected_max_of_noise(sds) == pytest.approx(simulated, abs=0.01)
    assert stats.expected_max_of_noise([1.0]) == pytest.approx(1 / math.sqrt(2 * math.pi))
    assert stats.expected_max_of_noise(np.full(25, 0.01)) == pytest.approx(0.0196531, abs=2e-5)
    assert stats.expected_max_of_noise([]) == 0 == stats.expected_max_of_noise([0.0])


def test_wilson_known_values():
    # Brown, Cai and DasGupta's formula by hand for 0 of 40 and 10 of 40, z = 1.959964
    z2 = 1.959964**2
    none = stats.wilson(0, 40)
    assert (none.low, none.high) == pytest.approx((0.0, z2 / (40 + z2)), abs=1e-6)
    for n in range(1, 300):  # rounding must not put a share outside of its own interval
        for k in (0, n // 3, n):
            found = stats.wilson(k, n)
            assert 0 <= found.low <= found.value <= found.high <= 1
        assert (stats.wilson(0, n).low, stats.wilson(n, n).high) == pytest.approx((0, 1))
    quarter = stats.wilson(10, 40)
    assert quarter.value == 0.25
    for bound in (quarter.low, quarter.high):  # bounds solve (share - p)^2 = z^2 p(1-p)/n
        assert (0.25 - bound) ** 2 == pytest.approx(z2 * bound * (1 - bound) / 40, rel=1e-5)
    with pytest.raises(ValueError):
        stats.wilson(3, 2)


def test_calibration():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=5000)
    y = (rng.uniform(size=5000) < p).astype(int)
    assert stats.brier(y, p) == pytest.approx(brier_score_loss(y, p))
    predicted, observed, count = stats.reliability(y, p, bins=5)
    assert count.sum() == 5000
    assert len(count) == 5
    np.testing.assert_allclose(predicted, observed, atol=0.04)
    assert np.all(np.diff(predicted) > 0)


# --- any metric, by resampling rows ---------------------------------------------------------


def test_bootstrap_pair_agrees_with_the_normal_interval_of_a_mean():
    rng = np.random.default_rng(5)
    a, gain = rng.normal(size=400), rng.normal(0.1, 0.5, size=400)
    found = stats.bootstrap_pair(
        lambda rows: (a[rows].mean(), (a + gain)[rows].mean()), 400, n=2000
    )
    half = 1.96 * gain.std(ddof=1) / 20
    assert found.difference.value == pytest.approx(gain.mean())
    assert found.difference.high - found.difference.value == pytest.approx(half, rel=0.12)
    assert found.difference.value - found.difference.low == pytest.approx(half, rel=0.12)
    # The pair moves together: the difference is known better than either score.
    assert found.first.high - found.first.low > 1.5 * (found.difference.high - found.difference.low)
    assert found.p == pytest.approx(2 * sps.norm.sf(gain.mean() / half * 1.96), abs=0.01)


def test_rows_of_a_group_are_drawn_together():
    rng = np.random.default_rng(6)
    once = rng.normal(0.1, 1, size=60)
    fourfold = np.repeat(once, 4)  # four copies of every row tell nothing new
    groups = np.repeat(np.arange(60), 4)

    def width(values, **how):
        scores = lambda rows: (0.0, values[rows].mean())  # noqa: E731
        found = stats.bootstrap_pair(scores, len(values), n=1500, **how).difference
        return found.high - found.low

    assert width(fourfold, groups=groups) == pytest.approx(width(once), rel=0.12)
    assert width(fourfold) < 0.7 * width(once)


@pytest.mark.parametrize("n_groups", [6, 24])
def test_few_groups_do_not_make_chance_significant(n_groups):
    """Gains of 0 on average, all of a group alike: at most 7% of tests find one at 5%."""
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(n_groups), 3)
    found = 0
    for _ in range(300):
        gain = rng.normal(size=n_groups)[groups]
        scores = lambda rows: (0.0, gain[rows].mean())  # noqa: B023, E731
        found += stats.bootstrap_pair(scores, len(gain), groups=groups, n=120).p < 0.05
    assert found <= 21


def test_too_few_groups_are_said():
    with pytest.raises(ValueError, match="too few groups"):
        stats.bootstrap_pair(lambda rows: (0.0, 1.0), 40, groups=np.repeat([0, 1, 2, 3], 10))


def test_rows_that_cannot_be_scored_are_said():
    def scores(rows):
        raise ValueError("one class")

    with pytest.raises(ValueError, match="too few"):
        stats.bootstrap_pair(scores, 5, n=20)


# -- large and grouped tables -------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.integers(2, 40))
def test_delong_by_ranks_is_delong_by_pairs(seed, levels):
    """The definition, with its table of positives x negatives, on predictions with many ties."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(60) % 3 == 0).astype(int)
    both = [rng.integers(0, levels, 60) / 7 for _ in range(2)]
    wins = []
    for p in both:
        one, zero = p[y == 1][:, None], p[y == 0]
        wins.append((one > zero) + 0.5 * (one == zero))
    rows = np.array([w.mean(axis=1) for w in wins])
    columns = np.array([w.mean(axis=0) for w in wins])
    cov = np.cov(rows) / rows.shape[1] + np.cov(columns) / columns.shape[1]
    found = stats.delong(y, *both)
    assert found.cov == pytest.approx(cov, abs=1e-12)
    assert (found.auc_a, found.auc_b) == pytest.approx([w.mean() for w in wins], abs=1e-12)
    drawn = bootstrap_auc(y, *both, n=50, seed=1).difference
    rng, draws = np.random.default_rng(1), []
    for _ in range(50):
        zeros, ones = (rng.choice(np.flatnonzero(y == c), int(sum(y == c))) for c in (0, 1))
        a, b = (np.subtract.outer(p[ones], p[zeros]) for p in both)
        draws.append(((b > 0) + (b == 0) / 2).mean() - ((a > 0) + (a == 0) / 2).mean())
    assert (drawn.low, drawn.high) == pytest.approx(np.quantile(draws, (0.025, 0.975)), abs=1e-12)


def test_twenty_thousand_rows_need_no_table_of_pairs():
    import tracemalloc

    rng = np.random.default_rng(0)
    y = np.arange(20_000) % 2
    a, b = y + rng.normal(0, 1, 20_000), y + rng.normal(0, 1.1, 20_000)
    tracemalloc.start()
    assert stats.delong(y, a, b).p < 0.001
    assert bootstrap_auc(y, a, b, n=100).difference.high < 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 1024**2  # the table would be 800 MB


def test_groups_of_like_rows_are_not_taken_for_independent():
    """Two equally good models on 24 groups of 8 rows: about one in twenty differs by the test."""
    rng, differs, naive, draws = np.random.default_rng(0), 0, 0, 60
    groups = np.arange(192) // 8
    for _ in range(draws):
        y = rng.permutation(np.arange(24) % 2)[groups]
        a, b = (y + rng.normal(0, 1.5, 24)[groups] + rng.normal(0, 0.3, 192) for _ in range(2))

        def scores(rows, y=y, a=a, b=b):
            return area_under_roc(y[rows], a[rows]), area_under_roc(y[rows], b[rows])

        differs += stats.bootstrap_pair(scores, 192, groups=groups, n=200).p < 0.05
        naive += stats.delong(y, a, b).p < 0.05
    assert differs <= 0.15 * draws
    assert naive > 0.25 * draws
