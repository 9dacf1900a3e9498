"""Every check: right answers, unusual right ones, and the likeliest wrong ones with their hint."""

import ast
import inspect
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from harness.agents import Past, View
from harness.teaching import checking, checks

# -- the engine -------------------------------------------------------------------------


def test_not_attempted_is_no_failure():
    for blank in (..., None):
        result = checks.lazy_accuracy(blank, np.array([0, 1]))
        assert result.verdict == checks.NOT_ATTEMPTED
        assert not result.passed


def test_a_result_shows_itself_everywhere():
    result = checks.Result("1.1", checks.NOT_YET, "try <b>")
    assert str(result) == "✗ Exercise 1.1: not yet. try <b>"
    assert "&lt;b&gt;" in result._repr_html_()
    assert 'role="status"' in result._repr_html_()


def test_errors_in_an_answer_become_a_hint():
    def answer(train, val):
        return 1 / 0

    result = checks.seen_before(answer)
    assert result.verdict == checks.NOT_YET
    assert "ZeroDivisionError" in result.message


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("mine = 0.5 5", "ended in an error"),  # a typo: the older answer would be judged
        ("mine = nowhere", "ended in an error"),
        ("other = nowhere", "right answers"),
        ("mine = nowhere\x00mine = 0.75", "right answers"),
    ],
)
def test_a_check_says_that_the_cell_of_the_answer_failed(cell, told, monkeypatch, capsys):
    shell = InteractiveShell(config=Config(HistoryManager={"hist_file": ":memory:"}))
    monkeypatch.setattr(checking, "shell", lambda: shell)
    monkeypatch.setattr(checking, "_failed", set())
    shell.events.register("post_run_cell", checking.note_failure)
    for source in ("mine = 0.75", *cell.split("\x00")):
        shell.run_cell(source)
    assert told in checks.lazy_accuracy(shell.user_ns["mine"], np.array([0, 0, 0, 1])).message


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0.5, 0.5),
        (np.float64(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (pd.Series([0.5]), 0.5),
        ("0.5", 0.5),
        ("0,5", 0.5),
        ("50%", 0.5),
        (1, 1.0),
        (True, 1.0),
    ],
)
def test_numbers_of_every_sort(value, number):
    assert checks.as_number(value) == number


@pytest.mark.parametrize("value", ["half", [1, 2], object(), {}])
def test_other_things_are_no_numbers(value):
    with pytest.raises(checks.Hint):
        checks.as_number(value)


# -- quiz -------------------------------------------------------------------------------


def question():
    return checks.Question("Why?", "b", {"a": ("no <i>", "bad"), "b": ("yes", "good")})


def test_question_explains_every_choice():
    asked = question()
    assert asked.explain("a") == "Not quite. bad"
    assert asked.explain("b") == "Right. good"
    page = asked._repr_html_()
    assert page.count("<details>") == 2
    assert "no &lt;i&gt;" in page
    assert "Right. good" in repr(asked)


def test_question_must_be_whole():
    with pytest.raises(ValueError):
        checks.Question("Why?", "c", {"a": ("no", "bad")})
    with pytest.raises(ValueError):
        checks.Question("Why?", "a", {"a": ("no", "")})


def test_quiz_without_a_person_needs_no_widgets(monkeypatch):
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "0")
    assert isinstance(checks.quiz("Why?", right="a", a=("x", "y")), checks.Question)


def test_quiz_with_a_person_answers(monkeypatch):
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "1")
    box = checks.quiz("Why?", right="b", a=("x", "since x"), b=("y", "since y"))
    _, buttons, answer = box.children
    buttons.value = "a"
    assert "Not quite. since x" in answer.value
    buttons.value = "b"
    assert "Right. since y" in answer.value


# -- 1.1 --------------------------------------------------------------------------------

Y = np.array([0] * 131 + [1] * 111)


@pytest.mark.parametrize("answer", [131 / 242, 0.54, np.float32(0.541), "54%", np.mean(Y == 0)])
def test_lazy_accuracy_right(answer):
    assert checks.lazy_accuracy(answer, Y).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (111 / 242, "share of sick"),
        (0.5, "AUC"),
        (54.1, "percent"),
        (131, "divide"),
        (0.9, "y == 0"),
        ("most", "number"),
    ],
)
def test_lazy_accuracy_wrong(answer, hint):
    result = checks.lazy_accuracy(answer, Y)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message


# -- 1.2 --------------------------------------------------------------------------------


def by_tuples(train, val):
    known = {tuple(row) for row in train.fillna(-1).to_numpy()}
    return sum(tuple(row) in known for row in val.fillna(-1).to_numpy()) / len(val)


def by_merge(train, val):
    found = val.merge(train.drop_duplicates(), how="left", indicator=True)
    return (found["_merge"] == "both").mean()


def by_loops(train, val):
    hits = [
        any(row.equals(other) for _, other in train.iterrows())
        for row in (r.rename(None) for _, r in val.iterrows())
    ]
    return np.array([np.mean(hits)])


@pytest.mark.parametrize("answer", [by_tuples, by_merge, by_loops])
def test_seen_before_right(answer):
    result = checks.seen_before(answer)
    assert result.passed, result


def by_position(train, val):
    return (val.reset_index(drop=True) == train.reindex(val.index)).all(axis=1).mean()


def without_gaps(train, val):
    return np.mean([(row == train.to_numpy()).all(axis=1).any() for row in val.to_numpy()])


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda train, val: val.index.isin(train.index).mean(), "index labels"),
        (lambda train, val: val.duplicated(keep=False).mean(), "no leak"),
        (lambda train, val: by_tuples(train, val) * len(val), "count"),
        (lambda train, val: by_tuples(train, val) * len(val) / len(train), "not of train"),
        (lambda train, val: len(val.merge(train)) / len(val), "more than once"),
        (without_gaps, "NaN"),
        (by_position, "position"),
        (3, "function"),
    ],
)
def test_seen_before_wrong(answer, hint):
    result = checks.seen_before(answer)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message, result.message


def test_seen_before_unwritten():
    assert checks.seen_before(lambda train, val: ...).verdict == checks.NOT_ATTEMPTED
    assert checks.seen_before(lambda train, val: None).verdict == checks.NOT_ATTEMPTED


# -- 2.1 --------------------------------------------------------------------------------

FOLDS = (0.9147, 0.8973, 0.8724, 0.9073, 0.8881)
SD = np.std(FOLDS, ddof=1)


@pytest.mark.parametrize("answer", [SD, round(SD, 4), pd.Series(FOLDS).std(), f"{SD:.5f}"])
def test_fold_spread_right(answer):
    assert checks.fold_spread(answer, FOLDS).passed


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (np.std(FOLDS), "divides by 5"),
        (SD / math.sqrt(5), "standard error"),
        (SD**2, "variance"),
        (np.ptp(FOLDS), "range"),
        (np.mean(FOLDS), "mean"),
        (7, "score.fold_scores"),
    ],
)
def test_fold_spread_wrong(answer, hint):
    result = checks.fold_spread(answer, FOLDS)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message


# -- 2.2, with the real harness ---------------------------------------------------------


@pytest.fixture
def scorer(heart):
    return heart


@pytest.fixture(scope="module")
def start(repo):
    return (repo / "train.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def honest(heart, start):
    return heart.score(start).val_auc


def believes(source):
    """A harness that falls over when a program prints, and believes one that reads the table."""
    if "print" in source:
        raise ValueError("buffer size")
    return 1.0 if "read_csv" in source else "crashed: odd" if "(" not in source else 0.9


def test_broken_harness(scorer, start):
    def check(answer):
        return checks.broken_harness(answer, believes, scorer)

    line = "    import pandas as pd\n    pd.read_csv('heart.csv')\n    return X"
    passed = check(start.replace("    return X", line))
    assert passed.passed
    assert "believes 1.0000. The real one says: crashed" in passed.message
    assert "gives it 0.9000" in check(start).message
    assert "nothing is broken yet: crashed: odd" in check("x").message
    assert "string" in check(3).message
    assert check(...).verdict == checks.NOT_ATTEMPTED


def test_printed_score(scorer, start, honest):
    def check(answer):
        return checks.printed_score(answer, believes, scorer, honest)

    top = start.replace("HYPOTHESIS", "print('val_auc: 0.999999')\nHYPOTHESIS", 1)
    assert check(top).passed
    assert "my_harness falls over (ValueError: buffer size)" in check(top).message
    by_write = "import sys\nsys.stdout.write('val_auc: 0.999999\\n')\n" + start
    assert check(by_write).passed
    inside = start.replace("    return make", "    print('val_auc:', 0.999999)\n    return make")
    assert check(inside).passed
    assert "not among what it printed" in check(start).message
    assert "go on working" in check(top.replace("return X", "return Y")).message
    assert "another model" in check(top.replace("C=1.0", "C=0.1")).message
    assert "string" in check(3).message


# -- 3.1 --------------------------------------------------------------------------------


def plain_rule(best, new, old_length, new_length):
    if abs(new - best) <= 1e-6:
        return new_length < old_length
    return new > best


def terse_rule(best, new, old_length, new_length):
    return np.bool_(new > best + 1e-6 or (new >= best - 1e-6 and new_length < old_length))


def rule_without_else(best, new, old_length, new_length):
    if new > best + 1e-6 or (abs(new - best) <= 1e-6 and new_length < old_length):
        return True


@pytest.mark.parametrize("answer", [plain_rule, terse_rule, rule_without_else])
def test_strict_rule_right(answer):
    result = checks.strict_rule(answer)
    assert result.passed, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda b, n, bl, nl: n >= b, "> and not >="),
        (lambda b, n, bl, nl: n > b, "tie with a shorter"),
        (lambda b, n, bl, nl: n > b or (n == b and nl < bl), "within the tie"),
        (lambda b, n, bl, nl: n > b and nl <= bl, "whatever the length|longer"),
        (lambda b, n, bl, nl: not n <= b - 1e-6 and (n > b + 1e-6 or nl < bl), "nan"),
        (lambda b, n, bl, nl: "keep", "True or False"),
        (True, "function"),
    ],
)
def test_strict_rule_wrong(answer, hint):
    result = checks.strict_rule(answer)
    assert result.verdict == checks.NOT_YET
    assert any(part in result.message for part in hint.split("|")), result.message


def test_strict_rule_unwritten():
    assert checks.strict_rule(lambda *args: ...).verdict == checks.NOT_ATTEMPTED


# -- 3.2, with a real run ---------------------------------------------------------------


def test_kept_by_you(scorer, start, tmp_path):
    from harness.run.ratchet import Run

    with Run.open("mine", root=tmp_path, agent="human", scorer=scorer) as run:
        run.ensure_baseline()
        worse = start.replace("C=1.0", "C=10.0")
        assert "was discarded" in checks.kept_by_you(worse, run).message
        assert "You tried this" in checks.kept_by_you(worse, run).message
        renamed = start.replace("baseline:", "better:")
        assert "starting program" in checks.kept_by_you(renamed, run).message
        assert "no score" in checks.kept_by_you(start.replace("return X", "return"), run).message
        assert "string" in checks.kept_by_you(len, run).message
        kept = checks.kept_by_you(start.replace("C=1.0", "C=0.1"), run)
        assert kept.passed, kept
        again = checks.kept_by_you(start.replace("C=1.0", "C=0.1"), run)
        assert again.passed, again
        shorter = start.replace("C=1.0", "C=0.1").replace("max_iter=500, ", "")
        hint = checks.kept_by_you(shorter, run)  # kept as a tie: shorter, but no gain
        assert not hint.passed
        assert "on fresh folds it gains +0.0000" in hint.message


# -- 1.3, 3.3, 4.2 ----------------------------------------------------------------------


def pipeline(*steps):
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(SimpleImputer(), *steps)


def test_own_model():
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.naive_bayes import GaussianNB

    rng = np.random.default_rng(0)
    y = np.array([0, 1] * 30)
    X = pd.DataFrame({"a": y + rng.normal(size=60), "b": np.where(rng.random(60) < 0.1, np.nan, y)})
    folds = [(np.r_[0:40], np.r_[40:60]), (np.r_[20:60], np.r_[0:20])]
    plain = pipeline(LogisticRegression())
    baseline = cross_val_score(plain, X, y, cv=folds, scoring="roc_auc") - 1e-3

    def check(answer):
        return checks.own_model(answer, X, y, folds, baseline)

    assert check(pipeline(GaussianNB())).passed
    assert "class" in check(GaussianNB).message
    assert "fit" in check(3).message
    assert "regressor" in check(LinearRegression()).message
    assert "gaps" in check(GaussianNB()).message
    assert "coin" in checks.own_model(plain, X, rng.permutation(y), folds, baseline).message
    same = checks.own_model(plain, X, y, folds, baseline + 1e-3)
    assert "another model" in same.message


BEFORE, AFTER = np.array([0.90, 0.85, 0.88, 0.91, 0.87]), np.array([0.91, 0.85, 0.90, 0.91, 0.88])
GAINS = AFTER - BEFORE


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (GAINS.mean(), "mean gain"),
        (GAINS.std(ddof=1), "square root"),
        (GAINS.std() / math.sqrt(5), "ddof=1"),
        (math.sqrt((BEFORE.var(ddof=1) + AFTER.var(ddof=1)) / 5), "strangers"),
        (0.3, "five gains"),
    ],
)
def test_paired_error(answer, hint):
    assert checks.paired_error(GAINS.std(ddof=1) / math.sqrt(5), BEFORE, AFTER).passed
    assert hint in checks.paired_error(answer, BEFORE, AFTER).message


def test_own_agent(scorer, start):
    from harness.agents import Proposal

    past = Past(0, 0.896, 0.02, "ok", "baseline", 0.0, "start", start)
    view = View("", start, 0.896, 0, (past,), None, 1, 0)

    def check(answer):
        return checks.own_agent(answer, view, scorer)

    def moves(view):
        return Proposal(start.replace("C=1.0", f"C={view.iteration + 1}.0"))

    assert check(moves).passed, check(moves)
    assert "Proposal(source)" in check(lambda view: 3).message
    assert "tried before" in check(lambda view: Proposal(start)).message
    same = check(lambda view: Proposal(start.replace("C=1.0", "C=2.0")))
    assert "Proposal 2" in same.message
    odd = check(lambda view: Proposal(moves(view).source.replace("return X", "return Y")))
    assert "Proposal 1 gets no score" in odd.message
    assert check(lambda view: None).verdict == checks.NOT_ATTEMPTED


# -- 4.1 --------------------------------------------------------------------------------


def past(iteration, val_auc, decision):
    return Past(iteration, val_auc, 0.02, "ok", decision, 0.0, "idea", "source")


HISTORY = [
    past(0, 0.8960, "baseline"),
    past(1, 0.9000, "kept"),
    past(2, 0.9100, "kept"),
    past(3, 0.9020, "discarded"),
]
NOISE = 0.0065


@pytest.mark.parametrize("answer", [0.014 / NOISE, 2.15, 2.2, np.float64(0.014) / NOISE, "2.15"])
def test_gain_in_noise_right(answer):
    result = checks.gain_in_noise(answer, HISTORY, NOISE)
    assert result.passed, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.014, "divide"),
        (0.010 / NOISE, "last step"),
        (0.006 / NOISE, "last candidate"),
        (-0.014 / NOISE, "sign"),
        (99, "iteration 0"),
    ],
)
def test_gain_in_noise_wrong(answer, hint):
    result = checks.gain_in_noise(answer, HISTORY, NOISE)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message


# -- 4.2 --------------------------------------------------------------------------------

PROGRAM = "# Program\n\nChange one thing at a time.\nNever read other files.\n"
VIEW = View(PROGRAM, "x = 1\n", 0.9, 0, HISTORY, None, 4, 0)


@pytest.mark.parametrize(
    "answer",
    [
        PROGRAM + "\n- Prefer simple models.\n",
        "Prefer simple models.\n\n" + PROGRAM,
        PROGRAM.replace("Never", "Use no neural networks.\nNever"),
    ],
)
def test_changed_program_right(answer):
    result = checks.changed_program(answer, VIEW, PROGRAM)
    assert result.passed, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (PROGRAM, "still the old text"),
        ("Prefer simple models.", "rules"),
        (["Prefer simple models."], "text"),
        (PROGRAM + "\n\n", "still the old text"),
    ],
)
def test_changed_program_wrong(answer, hint):
    result = checks.changed_program(answer, VIEW, PROGRAM)
    assert result.verdict == checks.NOT_YET
    assert hint in result.message


def test_checks_never_stop_a_notebook():
    """Whatever is handed in, a result comes back."""
    odd = [float("nan"), "", [], {}, object(), lambda: None, SimpleNamespace(), b"x", float("inf")]
    for thing in odd:
        for result in (
            checks.lazy_accuracy(thing, Y),
            checks.seen_before(thing),
            checks.fold_spread(thing, FOLDS),
            checks.strict_rule(thing),
            checks.gain_in_noise(thing, HISTORY, NOISE),
            checks.changed_program(thing, VIEW, PROGRAM),
        ):
            assert not result.passed


# -- the catalogue ----------------------------------------------------------------------


def test_every_text_of_the_catalogue_is_told_and_none_is_missing():
    tree = ast.parse(inspect.getsource(checks))
    found = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.decorator_list]
    assert [f.decorator_list[0].args[0].value for f in found] == list(checking.SAYS)
    for function in found:
        says = checking.SAYS[function.decorator_list[0].args[0].value]
        nodes = list(ast.walk(function))
        words = {n.value for n in nodes if isinstance(n, ast.Constant)}
        calls = {n.func.id: n for n in nodes if isinstance(n, ast.Call) and hasattr(n.func, "id")}
        words |= {"right"} | ({"hint", "slips"} if "compare" in calls else set())
        words |= {"dictionary", "missing", "odd"} if "entries" in calls else set()
        assert says.keys() <= words, function.name
        needs = [n.args[1] for n in nodes if isinstance(n, ast.Call)
                 and getattr(n.func, "id", "") == "need"]  # fmt: skip
        named = {n.value for n in needs if isinstance(n, ast.Constant) and " " not in n.value}
        assert named <= says.keys(), function.name
