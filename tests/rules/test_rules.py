"""Properties that every decision rule must have, and each rule's own arithmetic."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.rules import rules
from harness.rules.certificate import Tries
from harness.rules.rules import RULES, TIE, Evidence
from harness.task import HEART, Task

few = settings(max_examples=50)  # for each rule
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
score = st.floats(0.5, 1.0)
folds = st.lists(score, min_size=5, max_size=5)
table = st.lists(folds, min_size=5, max_size=5)


def evidence(scores, n_chars=1000, repeats=None, val_auc=None):
    return Evidence(
        val_auc=float(np.mean(scores)) if val_auc is None else val_auc,
        fold_scores=tuple(float(s) for s in scores),
        n_chars=n_chars,
        repeats=None if repeats is None else np.asarray(repeats, float),
    )


@every_rule
@few
@given(a=folds, b=folds, ra=table, rb=table, na=st.integers(1, 99), nb=st.integers(1, 99))
def test_never_both_ways(rule, a, b, ra, rb, na, nb):
    """If the candidate replaces the best, then the best would not replace the candidate."""
    first, second = evidence(a, na, ra), evidence(b, nb, rb)
    assert not (rule.decide(first, second).keep and rule.decide(second, first).keep)
    assert rule.decide(first, second).delta == -rule.decide(second, first).delta


@every_rule
@few
@given(a=folds, b=folds, ra=table, rb=table, lift=st.floats(0.0, 0.3))
def test_more_gain_never_hurts(rule, a, b, ra, rb, lift):
    """Lifting every score of the candidate by the same amount cannot undo a keep."""
    best = evidence(b, 1000, rb)
    before = rule.decide(evidence(a, 1000, ra), best)
    after = rule.decide(evidence(np.add(a, lift), 1000, np.add(ra, lift)), best)
    assert after.keep or not before.keep
    assert after.delta >= before.delta - 1e-12


@every_rule
@few
@given(seed=st.integers(0, 10**6), order=st.permutations(range(5)))
def test_order_of_folds_does_not_matter(rule, seed, order):
    rng = np.random.default_rng(seed)  # no exact ties, which rounding would decide
    b, rb = rng.normal(0.88, 0.02, 5), rng.normal(0.88, 0.02, (5, 5))
    a, ra = b + rng.normal(0.01, 0.01, 5), rb + rng.normal(0.005, 0.01, (5, 5))
    straight = rule.decide(evidence(a, 9, ra), evidence(b, 9, rb))
    mixed = rule.decide(evidence(a[order], 9, ra[:, order]), evidence(b[order], 9, rb[:, order]))
    assert straight.keep == mixed.keep
    assert straight.delta == pytest.approx(mixed.delta, abs=1e-12)


@every_rule
@few
@given(a=folds, b=folds, ra=table, rb=table)
def test_losses_are_never_kept(rule, a, b, ra, rb):
    assume(np.mean(a) < np.mean(b) - 2 * TIE)
    assert not rule.decide(evidence(a, 1, ra), evidence(b, 1000, rb)).keep


@every_rule
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_never_keeps_what_is_not_finite(rule, bad):
    good = evidence([0.6] * 5, repeats=[[0.6] * 5] * 5)
    whole = evidence([0.9, 0.9, bad, 0.9, 0.9], repeats=[[0.9] * 5] * 5)
    one_fold = evidence([0.9, 0.9, bad, 0.9, 0.9], repeats=[[0.9] * 5] * 5, val_auc=0.9)
    lost = evidence([0.6] * 5, repeats=[[0.6] * 5] * 5, val_auc=bad)
    for candidate, best in ((whole, good), (one_fold, good), (lost, good), (good, lost)):
        verdict = rule.decide(candidate, best)
        assert not verdict.keep
        assert "finite" in verdict.reason
    if rule.fold_seeds:
        fresh = np.full((5, 5), 0.9)
        fresh[3, 2] = bad
        assert not rule.decide(evidence([0.9] * 5, repeats=fresh), good).keep


@every_rule
@few
@given(a=folds, n=st.integers(1, 999), m=st.integers(1, 999))
def test_ties_are_kept_only_when_shorter(rule, a, n, m):
    repeats = [a] * 5
    verdict = rule.decide(evidence(a, n, repeats), evidence(a, m, repeats))
    assert verdict.keep == (n < m)
    assert "tie" in verdict.reason


@every_rule
def test_a_large_steady_gain_is_kept_by_all(rule):
    best = np.array([0.86, 0.90, 0.88, 0.91, 0.87])
    better = best + [0.030, 0.028, 0.032, 0.031, 0.029]
    old = evidence(best, 500, [best] * 5)
    new = evidence(better, 900, [better + k * 1e-4 for k in range(5)])
    assert rule.worth_confirming(new, old)
    assert rule.decide(new, old).keep


@every_rule
@few
@given(a=folds, b=folds, ra=table, rb=table)
def test_reason_is_one_short_phrase(rule, a, b, ra, rb):
    reason = rule.decide(evidence(a, 10, ra), evidence(b, 20, rb)).reason
    assert reason
    assert len(reason) <= 60
    assert not set(reason) & set("\t\n\r[]")


@every_rule
@few
@given(a=folds, b=folds)
def test_repeats_are_not_needed_behind_the_gate(rule, a, b):
    """A candidate that the cheap gate stops is judged without fresh folds, and not kept."""
    new, old = evidence(a), evidence(b)
    if not rule.worth_confirming(new, old):
        assert not rule.decide(new, old).keep
    elif rule.fold_seeds and not np.allclose(a, b, atol=TIE):
        with pytest.raises(ValueError, match="fold_seeds"):
            rule.decide(new, old)


@every_rule
def test_other_folds_cannot_be_compared(rule):
    verdict = rule.decide(evidence([0.9] * 10), evidence([0.8] * 5))
    assert not verdict.keep
    assert "folds" in verdict.reason


@given(a=folds, b=folds, k=st.floats(0.1, 1.0))
def test_ladder_does_not_depend_on_the_scale_of_the_spread(a, b, k):
    """Shrinking every paired gain by one factor leaves the Ladder's decision as it was."""
    gains = np.subtract(a, b)
    se = gains.std(ddof=1) / math.sqrt(5)
    assume(gains.mean() * k > 2 * TIE and abs(gains.mean() - se) > 1e-9)
    full = RULES["ladder"].decide(evidence(b + gains), evidence(b))
    small = RULES["ladder"].decide(evidence(b + k * gains), evidence(b))
    assert full.keep == small.keep == (gains.mean() > se)


def test_ladder_by_hand():
    best = np.array([0.8, 0.8, 0.8, 0.8, 0.8])
    # gains 0.05, 0, 0, 0, 0: mean 0.01, sd 0.02236, standard error 0.01: a gain, not kept
    one_lucky_fold = best + [0.05, 0, 0, 0, 0]
    verdict = rules.decide_ladder(evidence(one_lucky_fold), evidence(best))
    assert not verdict.keep
    assert rules.decide_strict(evidence(one_lucky_fold), evidence(best)).keep
    # gains 0.02, 0.01, 0.02, 0.01, 0: mean 0.012, sd 0.00837, standard error 0.00374
    steady = best + [0.02, 0.01, 0.02, 0.01, 0.0]
    verdict = rules.decide_ladder(evidence(steady), evidence(best))
    assert verdict.keep
    assert verdict.reason == "gain 0.0120 > its SE 0.0037"


def test_confirming_rules_grow_stricter():
    """A gain there on every split but uneven over patients: confirm keeps, moderated waits."""
    best = np.full((5, 5), 0.88)
    uneven = best + np.array([0.04, -0.02, 0.02, -0.02, 0.0])  # mean 0.004 with every seed
    uneven += np.arange(5)[:, None] * 1e-4
    new = evidence([0.89] * 5, repeats=uneven)
    old = evidence([0.88] * 5, repeats=best)
    assert rules.decide_confirm(new, old).keep
    assert not rules.decide_moderated(new, old).keep


UNITS = st.sampled_from([1e-4, 1.0, 1e6])


@given(a=folds, b=folds, unit=UNITS, rule=st.sampled_from(list(RULES)))
def test_decisions_do_not_depend_on_the_unit_of_the_metric(a, b, unit, rule):
    """An error in euros is judged as the same error in thousands of them."""
    a, b = np.array(a), np.array(b)
    fresh = [np.array([x, x[::-1], x + 1e-3]) for x in (a, b)]

    def told(factor):
        tries = Tries(1000, 0.25, unit=factor).plus(factor * (a - b))
        mine, theirs = (
            Evidence(float(factor * x.mean()), tuple(factor * x), 9, factor * r, tries)
            for x, r in zip((a, b), fresh, strict=True)
        )
        return RULES[rule].decide(mine, theirs)

    assume(abs(a.mean() - b.mean()) > 1e-5)
    assert told(unit).keep == told(1.0).keep


def test_folds_in_time_confirm_nothing_and_say_so():
    import pandas as pd

    y = np.arange(100) % 2
    task = Task.from_frames("t", pd.DataFrame({"day": np.arange(100.0)}), y, time="day")
    assert task.fresh_seeds((101, 102)) == ()
    rule = RULES["confirm"].on(task)
    old, new = evidence([0.80] * 5), evidence([0.82, 0.83, 0.82, 0.83, 0.81])
    assert not rule.fold_seeds
    verdict = rule.decide(new, old)
    assert verdict.keep
    assert verdict.reason.endswith("no other folds, so none confirm it")
    assert "fresh" not in verdict.reason
    assert not rule.decide(evidence([0.9, 0.7, 0.81, 0.8, 0.8]), old).keep
    assert rule.decide(evidence([0.7] * 5), old).reason == "loss 0.1000"


def test_a_seed_that_a_task_froze_steps_aside():
    for seed in RULES["confirm"].fold_seeds:
        task = replace(HEART, fold_seed=seed)
        fresh = RULES["confirm"].on(task).fold_seeds
        assert seed not in fresh
        assert len({*fresh}) == 5
    assert RULES["confirm"].on(HEART) == RULES["confirm"]


def test_luck_on_the_frozen_folds_is_caught_by_fresh_ones():
    new = evidence([0.92] * 5, repeats=np.full((5, 5), 0.879))
    old = evidence([0.88] * 5, repeats=np.full((5, 5), 0.880))
    assert rules.decide_strict(new, old).keep
    assert rules.decide_ladder(new, old).keep
    for name in ("confirm", "moderated"):
        assert not RULES[name].decide(new, old).keep


def test_a_race_stops_where_nothing_is_gained_so_far():
    rule = RULES["confirm"]
    assert "after 1 of 5 fold seeds" in rule.hopeless(np.full((1, 5), -0.001))
    assert "after 2 of 5 fold seeds" in rule.hopeless(np.array([[0.01] * 5, [-0.02] * 5]))
    assert not rule.hopeless(np.array([[0.01] * 5, [-0.009] * 5]))


def test_a_race_saves_fits_and_loses_little_of_what_is_true():
    """Gains as in runs of the playbook: the mean of a seed's folds scatters by 0.0055."""
    rng, rule, sd = np.random.default_rng(15), RULES["confirm"], 0.0055
    tries = Tries(242, 0.25, moved=1, total=5 * sd**2)
    seeds, kept, lost = [], 0.0, 0.0
    for true in rng.normal(0.001, 0.006, 4000):
        if true + rng.normal(0, sd) <= 0:  # no gain on the frozen folds: not asked
            continue
        gains = true + rng.normal(0, sd * math.sqrt(5), (5, 5))
        stops = (n for n in range(1, 5) if rule.hopeless(gains[:n]))
        seeds.append(next(stops, 5))
        best = Evidence(0.8, (0.8,) * 5, 9, np.zeros((5, 5)), tries)
        better = replace(best, val_auc=0.81, fold_scores=(0.81,) * 5, repeats=gains)
        if rule.decide(better, best).keep:
            kept += true
            lost += true * (seeds[-1] < 5)
    assert 0.6 < np.mean(seeds) / 5 < 0.8
    assert lost < 0.1 * kept


def test_seeds_are_apart():
    from harness.task.task import HEART

    for rule in RULES.values():
        assert HEART.fold_seed not in rule.fold_seeds
        assert len(set(rule.fold_seeds)) == len(rule.fold_seeds)


def test_names():
    assert list(RULES)[:2] == ["strict", "ladder"]
    assert all(rules.get_rule(name).name == name for name in RULES)
    with pytest.raises(ValueError, match="strict, ladder, confirm"):
        rules.get_rule("laddder")
