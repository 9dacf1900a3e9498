"""The checks of lessons 05 to 08, like those of `test_checks.py`."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness.task import HEART
from harness.teaching import checks

X, Y = HEART.split()[:2]


def not_yet(result, hint):
    assert result.verdict == checks.NOT_YET, result
    assert hint in result.message, result.message


@pytest.fixture
def scorer(heart):
    return heart


@pytest.fixture(scope="module")
def start(repo):
    return (repo / "train.py").read_text(encoding="utf-8")


# -- 5.1 --------------------------------------------------------------------------------

FROZEN = np.array([0.890, 0.900, 0.880, 0.890])
FRESH = np.array([0.885, 0.884, 0.879, 0.880])
LEFT = (0.884 - FRESH.mean()) / (0.900 - FROZEN.mean())


@pytest.mark.parametrize("answer", [LEFT, round(LEFT, 2), f"{LEFT:.1%}", np.array(LEFT)])
def test_share_that_survives_right(answer):
    result = checks.share_that_survives(answer, FROZEN, FRESH)
    assert result.passed, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.884 - FRESH.mean(), "divide"),
        ((0.885 - FRESH.mean()) / 0.010, "choose by val_auc"),
        ((0.884 - FROZEN.mean()) / 0.010, "average has moved"),
        (1 / LEFT, "Upside down"),
        (1 - LEFT, "lost"),
        (100 * LEFT, "percent"),
        (7, "Lead ="),
    ],
)
def test_share_that_survives_wrong(answer, hint):
    result = checks.share_that_survives(answer, FROZEN, FRESH)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message, result.message


# -- 5.2 --------------------------------------------------------------------------------


def error(gains, ddof=1, root=True):
    return gains.std(ddof=ddof) / (np.sqrt(len(gains)) if root else 1)


@pytest.mark.parametrize(
    "answer",
    [
        lambda frozen, fresh: frozen.mean() > error(frozen),
        lambda frozen, fresh: bool(np.mean(frozen) * 5**0.5 > np.std(frozen, ddof=1)),
    ],
)
def test_ladder_rule_right(answer):
    result = checks.ladder_rule(answer)
    assert result.passed, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda frozen, fresh: frozen.mean() > 0, "smaller than its error"),
        (lambda frozen, fresh: fresh.mean() > error(fresh), "a loss is discarded"),
        (lambda frozen, fresh: frozen.mean() > error(frozen, root=False), "not the SD"),
        (lambda frozen, fresh: frozen.mean() > error(frozen, ddof=0), "ddof=1"),
        (lambda frozen, fresh: frozen.mean() >= error(frozen), "> and not >="),
        (lambda frozen, fresh: frozen.mean() > error(frozen) and fresh.mean() > 0, "not look"),
        (lambda frozen, fresh: "keep", "True or False"),
        (0.5, "function"),
    ],
)
def test_ladder_rule_wrong(answer, hint):
    result = checks.ladder_rule(answer)
    assert result.verdict == checks.NOT_YET
    assert hint.lower() in result.message.lower(), result.message


# -- 5.3 --------------------------------------------------------------------------------


def gains_of(model, other, seeds, folds=HEART.folds, scoring="roc_auc"):
    cuts = [folds(X, Y, seed) for seed in seeds]
    a, b = (
        np.array([cross_val_score(m, X, Y, cv=cv, scoring=scoring).mean() for cv in cuts])
        for m in (model, other)
    )
    return a - b


def test_fresh_gains_right():
    assert checks.fresh_gains_by_hand(gains_of, X, Y).passed
    assert checks.fresh_gains_by_hand(lambda *how: list(gains_of(*how)), X, Y).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda model, other, seeds: gains_of(other, model, seeds), "The sign"),
        (lambda model, other, seeds: gains_of(model, other, seeds).mean(), "one gain for each"),
        (lambda model, other, seeds: gains_of(model, other, [*seeds, 1]), "two gains"),
        (lambda *how: gains_of(*how, folds=lambda X, y, seed: HEART.folds(X, y)), "the seed reach"),
        (lambda *how: gains_of(*how, scoring="accuracy"), "roc_auc"),
    ],
)
def test_fresh_gains_wrong(answer, hint):
    not_yet(checks.fresh_gains_by_hand(answer, X, Y), hint)


# -- 6.1, on the runs that ship ---------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(repo):
    text = (repo / "harness" / "data" / "recorded_runs.json").read_text(encoding="utf-8")
    return json.loads(text)


def test_recorded_runs_are_worth_asking_about(recorded):
    from harness.rules import Test, verdict

    assert sorted(recorded) == list("ABCDE")
    for run in recorded.values():
        fresh = Test(run["fresh"], (run["fresh_high"] - run["fresh"]) / 1.96, edits=1)
        assert run["verdict"] == verdict(run["claimed"], run["t"] > run["bar"], fresh)
        assert (run["verdict"] == "luck") <= (run["claimed"] > run["fresh_high"])
        if run["agent"] == "null":
            assert run["verdict"] != "real"  # true by construction: else the certificate is bad
    assert {run["verdict"] for run in recorded.values()} == set(checks.VERDICTS)


def test_verdicts_on_runs(recorded):
    truth = {letter: run["verdict"] for letter, run in recorded.items()}
    assert checks.verdicts_on_runs(truth, recorded).passed
    loud = {letter.lower(): f" {verdict.upper()} " for letter, verdict in truth.items()}
    assert checks.verdicts_on_runs(loud, recorded).passed
    for spelt in ("can't tell", "Can not tell", "can’t  tell", "cant tell"):
        said = {k: spelt if v == "cannot tell" else v for k, v in truth.items()}
        assert checks.verdicts_on_runs(said, recorded).passed, spelt
    for wrong, hint in (
        (dict.fromkeys(truth, "real"), "makes none of them real"),
        ({k: "luck" if v == "real" else v for k, v in truth.items()}, "its T is above the bar"),
        ({k: "cannot tell" if v == "luck" else v for k, v in truth.items()}, "not above the bar"),
        ({k: "luck" if v == "cannot tell" else v for k, v in truth.items()}, "inside the interval"),
        ({"A": "real"}, "Still without"),
        ({**truth, "A": "maybe"}, "write one of"),
        (["real"] * 5, "dictionary"),
    ):
        result = checks.verdicts_on_runs(wrong, recorded)
        assert result.verdict == checks.NOT_YET
        assert re.search(hint, result.message), result.message


# -- 6.2 --------------------------------------------------------------------------------

_rng = np.random.default_rng(5)
GAINS = 0.012 + 0.01 * _rng.normal(size=(5, 5))
TRIES = 0.015 * _rng.normal(size=(8, 5))


def by_hand(shared=None, own=None, factor=1 / 25 + 1 / 4, gains=GAINS, tries=TRIES):
    shared = tries.var(axis=1, ddof=1).mean() if shared is None else shared
    own = gains.var(ddof=1) if own is None else own
    return gains.mean() / np.sqrt(factor * (10 * shared + own) / 11)


@pytest.mark.parametrize("answer", [by_hand(), round(by_hand(), 2), np.array([by_hand()])])
def test_t_by_hand_right(answer):
    from harness.rules import Tries, test

    tries = Tries(units=242, share=1 / 4)
    for moved in TRIES:
        tries = tries.plus(moved)
    assert by_hand() == pytest.approx(test(GAINS, tries, edits=1).t)
    result = checks.t_by_hand(answer, GAINS, TRIES)
    assert result.passed, result


def test_t_by_hand_with_or_without_the_guard_against_tries_that_hardly_move():
    from harness.rules import Tries, test

    still, tries = TRIES / 20, Tries(units=242, share=1 / 4)
    for moved in still:
        tries = tries.plus(moved)
    guarded = test(GAINS, tries, edits=1).t
    assert guarded < by_hand(tries=still) - 0.1
    for answer in (guarded, by_hand(tries=still)):
        assert checks.t_by_hand(answer, GAINS, still).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (GAINS.mean(), "gain itself"),
        (GAINS.mean() / by_hand(), "That is s"),
        (by_hand() ** 2 / GAINS.mean(), "square root"),
        (by_hand(factor=1 / 25), "add 1/4"),
        (by_hand(factor=1 / 4), "1/n is missing"),
        (by_hand(factor=1 / 25 + 1 / 5), "it is 1/4"),
        (by_hand(shared=GAINS.var(ddof=1)), "own scatter alone"),
        (by_hand(own=TRIES.var(axis=1, ddof=1).mean()), "once in eleven"),
        (by_hand(shared=TRIES.var(axis=1).mean(), own=GAINS.var()), "ddof=1"),
        (by_hand(shared=TRIES.std(axis=1, ddof=1).mean() ** 2), "not the SDs"),
        (-by_hand(), "sign"),
        (99, "T = g / s"),
        ("much", "number"),
    ],
)
def test_t_by_hand_wrong(answer, hint):
    result = checks.t_by_hand(answer, GAINS, TRIES)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message, result.message


# -- 6.3 --------------------------------------------------------------------------------

PLAIN = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression())
SEXES = {"women": X["sex"] == 0, "men": X["sex"] == 1}


def shares(which=lambda rows, p: (p[rows & (Y == 1)] >= 0.5).mean(), seen=False):
    p = cross_val_predict(PLAIN, X, Y, cv=HEART.folds(X, Y), method="predict_proba")[:, 1]
    p = PLAIN.fit(X, Y).predict_proba(X)[:, 1] if seen else p
    return {name: which(rows.to_numpy(), p) for name, rows in SEXES.items()}


def test_sensitivities_right():
    assert checks.sensitivities(shares(), PLAIN, X, Y).passed
    assert checks.sensitivities(
        {k.upper(): round(v, 2) for k, v in shares().items()}, PLAIN, X, Y
    ).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (shares(seen=True), "has seen these patients"),
        (shares(lambda rows, p: (p[rows] >= 0.5).mean()), "counts all of them"),
        (shares(lambda rows, p: ((p >= 0.5) == Y)[rows].mean()), "right answers"),
        (shares(lambda rows, p: Y[rows & (p >= 0.5)].mean()), "positive answers"),
        (shares(lambda rows, p: (p[rows & (Y == 1)] < 0.5).mean()), "it misses"),
        ({"women": 0.5}, "women:"),
        ({"men": 0.5}, "no entry 'women'"),
        (0.5, "dictionary"),
    ],
)
def test_sensitivities_wrong(answer, hint):
    not_yet(checks.sensitivities(answer, PLAIN, X, Y), hint)


# -- 7.1 --------------------------------------------------------------------------------


def flip(model, X, y, train=True, scored=True):
    turned, areas = 1 - y, []
    for a, b in HEART.folds(X, y):
        model.fit(X.iloc[a], (turned if train else y)[a])
        p = model.predict_proba(X.iloc[b])[:, 1]
        areas.append(roc_auc_score((turned if scored else y)[b], p))
    return np.mean(areas)


def test_flip_probe():
    assert checks.flip_probe(flip, X, Y).passed
    not_yet(checks.flip_probe(lambda *how: flip(*how, train=False), X, Y), "in scoring only")
    not_yet(checks.flip_probe(lambda *how: flip(*how, scored=False), X, Y), "in training only")
    both = lambda *how: flip(*how, train=False, scored=False)  # noqa: E731
    not_yet(checks.flip_probe(both, X, Y), "still scores 1")
    not_yet(checks.flip_probe(lambda *how: 0.7, X, Y), "1 - y turns")
    not_yet(checks.flip_probe(lambda *how: "half", X, Y), "number")
    assert checks.flip_probe(lambda *how: ..., X, Y).verdict == checks.NOT_ATTEMPTED


# -- 7.2 --------------------------------------------------------------------------------


def test_what_stops_what():
    truth = dict(checks.STOPPED_BY)
    assert checks.what_stops_what(truth).passed
    assert checks.what_stops_what({k.upper(): f" {v}S" for k, v in truth.items()}).passed
    unlocked = {**truth, "a": "probe", "d": "probe"}  # right where files have no lock, only there
    assert checks.what_stops_what(unlocked, "once").passed
    assert checks.what_stops_what(truth, "once").passed
    assert checks.what_stops_what(truth, "fork+landlock+seccomp").passed
    not_yet(checks.what_stops_what(unlocked, "fork+landlock+seccomp"), "cannot be opened")
    for wrong, hint in (
        ({**truth, "c": "lock"}, "part of the candidate"),
        ({**truth, "b": "lock"}, "a log"),
        ({**truth, "e": "trusted sum"}, "fresh processes"),
        ({"a": "lock"}, "Still without"),
        ({**truth, "a": "police"}, "write"),
        ("lock", "dictionary"),
    ):
        result = checks.what_stops_what(wrong)
        assert result.verdict == checks.NOT_YET
        assert hint in result.message, result.message


# -- 7.3, with the real harness ---------------------------------------------------------


def test_your_own_cheat(scorer, start, repo):
    def check(answer):
        return checks.your_own_cheat(answer, scorer, start)

    museum = repo / "tests" / "museum" / "cheats"
    table = (museum / "301_table_of_rows.py").read_text(encoding="utf-8")
    assert "Caught by a probe" in check(table).message
    opens = start.replace("    return X", "    open('/etc/hostname').read()\n    return X")
    assert "Stopped: crashed" in check(opens).message
    quiet = start.replace("    return X", "    print('val_auc: 1')\n    return X")
    assert "gained nothing" in check(quiet).message
    assert all(check(answer).passed for answer in (opens, quiet))
    assert "starting program" in check(start.replace("baseline", "cheat")).message
    assert "does not get as far" in check(start + "\n(").message
    worse = start.replace("C=1.0", "C=100.0")
    assert "a model and no more" in check(worse).message
    assert "that is research" in check(start.replace("C=1.0", "C=0.1")).message
    assert "string" in check(1).message


# -- 8.1 --------------------------------------------------------------------------------

TABLE = pd.DataFrame(
    {
        "up": [1, 2, 3, 4, 5],
        "down": [5, 4, None, 2, 1],
        "town": list("abcab"),
        "sick": [0, 0, 1, 0, 1],
    }
)


def alone(larger=True, names=("up", "down")):
    filled = {name: TABLE[name].fillna(TABLE[name].median()) for name in names}
    areas = {name: roc_auc_score(TABLE["sick"], column) for name, column in filled.items()}
    return {name: max(a, 1 - a) if larger else a for name, a in areas.items()}


def test_columns_alone():
    assert checks.columns_alone(alone(), TABLE, "sick").passed
    assert checks.columns_alone(pd.Series(alone()), TABLE, "sick").passed
    not_yet(checks.columns_alone(alone(larger=False), TABLE, "sick"), "counts downwards")
    not_yet(checks.columns_alone(alone(names=["up"]), TABLE, "sick"), "missing: down")
    not_yet(checks.columns_alone({**alone(), "sick": 1}, TABLE, "sick"), "is predicted")
    not_yet(checks.columns_alone({**alone(), "up": 0.1}, TABLE, "sick"), "up: roc_auc_score")
    not_yet(checks.columns_alone(0.5, TABLE, "sick"), "dictionary")


# -- 8.2 --------------------------------------------------------------------------------

COLUMNS = ["patient_id", "age", "bmi", "bp", "s5", "insulin_after", "fast"]


@pytest.mark.parametrize(
    "answer",
    [
        ["patient_id", "insulin_after"],
        ("insulin_after", "patient_id", "fast"),
        {"patient_id", "insulin_after"},
    ],
)
def test_columns_that_must_go_right(answer):
    result = checks.columns_that_must_go(answer, COLUMNS)
    assert result.passed, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (["patient_id"], "end of the year"),
        ("insulin_after", "somebody gave out"),
        (["patient_id", "insulin_after", "bmi"], "bmi"),
        (["insulin"], "no column"),
        (3, "list"),
    ],
)
def test_columns_that_must_go_wrong(answer, hint):
    result = checks.columns_that_must_go(answer, COLUMNS)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message, result.message


def test_of_another_table_only_the_learner_knows():
    other = ["visit", "age", "died"]
    assert checks.columns_that_must_go(["visit"], other, "died").passed
    assert checks.columns_that_must_go([], other, "died").passed
    not_yet(checks.columns_that_must_go(["visits"], other, "died"), "no column visits")


# -- 8.3 --------------------------------------------------------------------------------

PLAN = {"smallest_gain": 0.012, "tries": 6, "rule": "confirm", "openings": 1}


@pytest.mark.parametrize(
    "changes",
    [{}, {"rule": "strict"}, {"smallest_gain": "0,02"}, {"tries": np.int64(12)}],
)
def test_plan_right(changes):
    result = checks.plan({**PLAN, **changes}, 0.005)
    assert result.passed, result


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"smallest_gain": 0.009}, "less than two paired SDs"),
        ({"smallest_gain": 0}, "above 0"),
        ({"smallest_gain": 2}, "difference in AUC"),
        ({"openings": 3}, "at most 1"),
        ({"openings": 0}, "opens it once"),
        ({"tries": 500}, "1 to 12"),
        ({"tries": 2.5}, "whole number"),
        ({"rule": "mine"}, "one of"),
        ({"rule": ...}, "missing"),
    ],
)
def test_plan_wrong(changes, hint):
    result = checks.plan({**PLAN, **changes}, 0.005)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message, result.message
