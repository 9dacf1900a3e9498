"""The offline agents: never a repeat, never a surprise, always a program that a person can read."""

import ast
import re
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest

from harness import REPO
from harness.agents import KINDS, Past, Proposal, View, get_agent
from harness.agents.playbook import null as null_agent
from harness.agents.playbook.families import FAMILIES, family_of
from harness.agents.playbook.models import MODELS, member
from harness.agents.playbook.moves import MAX_COST, apply_move, cost, ideas, refine, steps
from harness.agents.playbook.profiles import HEART_PROFILE, Profile, profile_of
from harness.agents.playbook.recipe import Recipe, parse, render
from harness.candidate import hypothesis_of, normalise
from harness.task.task import COLUMNS, HEART

BASELINE = (REPO / "train.py").read_text()
RICH = Recipe(
    features=("hr_reached", "silent"),
    drop=("chol",),
    codes=("cp", "thal", "ca"),
    knots=4,
    degree=1,
    members=(member("logistic", C=0.3), member("extra"), member("gp")),
)
FOREIGN = """# A person's file: naïve, but mine.
import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

HYPOTHESIS = "my own idea"


def feature_fn(X):
    return X.assign(strain=X["oldpeak"] ** 2)  # steeper is worse


def build_pipeline():
    return Pipeline([
        ("fill", SimpleImputer()),
        ("model", LogisticRegression(C=0.7, max_iter=900, penalty="l2")),
    ])
"""


def past(iteration, source, decision="discarded", delta=-0.002, hypothesis=None):
    text = hypothesis_of(source) if hypothesis is None else hypothesis
    return Past(iteration, 0.9 + delta, 0.03, "ok", decision, delta, text, source)


def view(history, best=BASELINE, best_at=0, seed=0, **more):
    return View("", best, 0.9, best_at, history, None, len(history), seed, **more)


def simulate(agent, n, seed, keep=0.05, start=BASELINE, keeps=None):
    """Let an agent propose n times; chance decides what is kept, nothing is scored."""
    rng = np.random.default_rng(seed + 1000)
    history, best, best_at = [past(0, start, "baseline", 0.0)], start, 0
    for i in range(1, n + 1):
        source = agent.propose(view(list(history), best, best_at, seed)).source
        kept = rng.random() < keep if keeps is None else keeps(hypothesis_of(source))
        delta = abs(rng.normal(0, 0.003)) * (1 if kept else -2)
        history.append(past(i, source, "kept" if kept else "discarded", delta))
        if kept:
            best, best_at = source, i
    return history


@pytest.fixture(scope="module", params=[(0, 310), (1, 160)], ids=["long", "shorter"])
def long_run(request):
    seed, n = request.param
    return seed, simulate(get_agent("playbook"), n, seed)


def run(source):
    names = {"__name__": "candidate"}
    exec(compile(source, "train.py", "exec"), names)
    return names


def fit_and_predict(source, X, y, X_new):
    names = run(source)
    model = names["build_pipeline"]().fit(names["feature_fn"](X), y)
    return model.predict_proba(names["feature_fn"](X_new))[:, 1]


def holed():
    """Training rows with a gap in every column, and new rows with codes never seen."""
    X, y = HEART.load()
    X, y = X.iloc[:150].reset_index(drop=True), y[:150]
    rng = np.random.default_rng(0)
    X = X.mask(rng.random(X.shape) < 0.03)
    X_new = X.iloc[:20].copy()
    X_new.loc[0, ["cp", "thal", "ca", "slope", "restecg"]] = 9.0
    X_new.loc[1] = np.nan
    return X, y, X_new


# --- what every proposal promises ---------------------------------------------------------


def test_never_the_same_program_twice(long_run):
    _, history = long_run
    keys = [normalise(one.source) for one in history]
    assert len(set(keys)) == len(keys) in (311, 161)


def test_random_proposals_never_repeat_either():
    history = simulate(get_agent("random"), 120, seed=5)
    assert len({normalise(one.source) for one in history}) == 121


def test_hypotheses_are_one_line_and_name_their_family(long_run):
    _, history = long_run
    for one in history[1:]:
        assert 0 < len(one.hypothesis) <= 200
        assert "\n" not in one.hypothesis
        assert one.hypothesis == one.hypothesis.strip()
        assert one.hypothesis.split(":")[0] in FAMILIES
        assert family_of(one.source) == family_of(one.hypothesis) == one.hypothesis.split(":")[0]


def test_files_stay_short_and_keep_the_contract(long_run):
    _, history = long_run
    for one in history[::7]:
        names = {n.name for n in ast.parse(one.source).body if isinstance(n, ast.FunctionDef)}
        assert {"feature_fn", "build_pipeline"} <= names
        assert one.source.count("\n") < 160
        assert max(map(len, one.source.splitlines())) <= 100
        assert one.source.endswith("\n")


def test_pure_function_of_the_view(long_run):
    """Rebuilt from the history at any point, the agent proposes what it proposed before."""
    seed, history = long_run
    for at in (1, 17, 160, len(history) - 1):
        best = max(
            (p for p in history[:at] if p.decision != "discarded"), key=lambda p: p.iteration
        )
        before = view(history[:at], best.source, best.iteration, seed)
        rebuilt = get_agent("playbook").propose(before)
        assert rebuilt.source == history[at].source
        assert rebuilt == get_agent("playbook").propose(before)


def test_a_different_history_empties_the_cache():
    agent, other = get_agent("playbook"), get_agent("playbook")
    one, two = simulate(agent, 6, seed=0), simulate(other, 6, seed=1)
    assert agent.propose(view(two, seed=1)) == get_agent("playbook").propose(view(two, seed=1))
    assert other.propose(view(one)) == get_agent("playbook").propose(view(one))


def test_seeds_differ_and_pending_slots_do_not_collide():
    history = [past(0, BASELINE, "baseline", 0.0)]
    agent = get_agent("playbook")
    firsts = {agent.propose(view(history, seed=s)).source for s in range(8)}
    assert len(firsts) > 3
    pending = []
    for slot in range(12):
        pending.append(agent.propose(view(history, slot=slot, pending=tuple(pending))).source)
    assert len({normalise(p) for p in [BASELINE, *pending]}) == 13


def test_never_runs_dry_when_every_named_move_was_tried():
    """A best program from which all ideas and steps were seen still gets new proposals."""
    best = Recipe(members=(member("neighbours"),))  # has no number that can be refined
    history = [past(0, render(best, "x", HEART_PROFILE), "baseline", 0.0)]
    for move in (*ideas(HEART_PROFILE), *steps(best)):
        after = apply_move(move, best)
        if after is not None:
            text = render(after, move.hypothesis, HEART_PROFILE)
            history.append(past(len(history), text, delta=-0.05))
    seen = {normalise(one.source) for one in history}
    for agent in (get_agent("playbook"), get_agent("random")):
        for i in range(15):
            before = View("", history[0].source, 0.9, 0, history, None, len(history) + i, 0)
            source = agent.propose(before).source
            assert normalise(source) not in seen
            assert parse(source, HEART_PROFILE)[1]


def test_cost_per_call_does_not_grow_with_history():
    def median(n):
        history = [past(0, BASELINE, "baseline", 0.0)]
        history += [past(i, f"x = {i}\n", hypothesis="tune: x") for i in range(1, n)]
        agent = get_agent("playbook")
        agent.propose(view(history))  # reads the history, once
        times = []
        for _ in range(9):
            start = time.perf_counter()
            source = agent.propose(view(list(history))).source
            times.append(time.perf_counter() - start)
            history.append(past(len(history), source))
        return float(np.median(times))

    short, long = median(10), median(5000)
    assert long < 3 * short + 0.02, (short, long)


# --- reading and writing ------------------------------------------------------------------


def test_the_starting_file_is_the_plain_recipe():
    assert render(Recipe(), hypothesis_of(BASELINE), HEART_PROFILE) == BASELINE
    assert parse(BASELINE, HEART_PROFILE) == (Recipe(), True)


@pytest.mark.parametrize("profile", [HEART_PROFILE, Profile("other")], ids=lambda p: p.name)
def test_reading_gives_back_what_was_written(profile):
    rng = np.random.default_rng(3)
    for _ in range(12):
        recipe = Recipe()
        for _ in range(8):
            moves = (*ideas(profile), *steps(recipe))
            move = refine(recipe, rng) if rng.random() < 0.3 else moves[rng.integers(len(moves))]
            recipe = (apply_move(move, recipe) if move else None) or recipe
            text = render(recipe, "tune: x", profile)
            assert parse(text, profile)[1], text
            assert cost(recipe) <= MAX_COST
        again = parse(text, profile)[0]
        assert normalise(render(again, "other words", profile)) == normalise(text)


def test_one_move_is_a_small_edit():
    """The lines a learner has to read: few, except where a whole class comes in."""
    before = render(RICH, "x", HEART_PROFILE).splitlines()
    for move in (*ideas(HEART_PROFILE), *steps(RICH)):
        after = apply_move(move, RICH)
        if after is None or move.family in ("model", "automl") or after.combine == "rank":
            continue
        text = render(after, move.hypothesis, HEART_PROFILE)
        added = [line for line in text.splitlines() if line not in before]
        assert 0 < len(added) <= 24, (move.hypothesis, added)


def test_foreign_file_is_edited_in_place():
    agent, seen, kept_comment = get_agent("playbook"), {normalise(FOREIGN)}, 0
    history = [past(0, BASELINE, "baseline", 0.0), past(1, FOREIGN, "kept", 0.01)]
    for i in range(2, 42):
        source = agent.propose(view(list(history), FOREIGN, 1)).source
        assert normalise(source) not in seen
        seen.add(normalise(source))
        names = run(source)
        assert callable(names["feature_fn"])
        assert 0 < len(names["HYPOTHESIS"]) <= 200
        assert names["HYPOTHESIS"] == hypothesis_of(source) != "my own idea"
        kept_comment += "naïve, but mine" in source
        if "naïve" not in source:
            assert "(rewritten)" in hypothesis_of(source)
        history.append(past(i, source))
    assert kept_comment > 20


def test_foreign_edits_run():
    X, y, X_new = holed()
    history = [past(0, FOREIGN, "baseline", 0.0)]
    for seed in range(6):
        source = get_agent("playbook").propose(view(history, FOREIGN, seed=seed)).source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the person's own `penalty` is an old spelling
            assert np.isfinite(fit_and_predict(source, X, y, X_new)).all()


@pytest.mark.parametrize(
    "source",
    ["def feature_fn(X): return X\ndef build_pipeline(): return None\n", "HYPOTHESIS = 3\n", "x ="],
    ids=["one-liners", "nothing", "not python"],
)
def test_strange_files_still_get_a_proposal(source):
    text = get_agent("playbook").propose(view([past(0, source, "baseline", 0.0)], source)).source
    assert hypothesis_of(text)
    ast.parse(text)


# --- the catalogue ------------------------------------------------------------------------


def catalogue(base):
    found = []
    for move in (*ideas(HEART_PROFILE), *steps(base)):
        after = apply_move(move, base)
        if after is not None:
            found.append((move, render(after, move.hypothesis, HEART_PROFILE)))
    return found


def check_programs(programs):
    X, y, X_new = holed()
    for move, source in programs:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # FLAML's own imports and defaults warn; a move of ours must not.
            if move.family == "automl":
                warnings.simplefilter("ignore")
            try:
                p = fit_and_predict(source, X, y, X_new)
            except Exception as error:
                raise AssertionError(f"{move.hypothesis}\n{source}") from error
        assert p.shape == (20,), move.hypothesis
        assert np.isfinite(p).all(), move.hypothesis
        assert p.std() > 0, move.hypothesis


def test_every_move_from_the_start_fits_quietly():
    programs = [c for c in catalogue(Recipe()) if c[0].family != "automl"]
    assert len(programs) > 55
    check_programs(programs)


@pytest.mark.slow
def test_every_move_from_a_rich_program_fits_quietly():
    check_programs(catalogue(RICH))


@pytest.mark.slow
def test_everything_a_run_proposes_fits_quietly(long_run):
    _, history = long_run

    class Named:
        def __init__(self, one):
            self.hypothesis, self.family = one.hypothesis, family_of(one.source)
            self.family = "automl" if "AutoML" in one.source else self.family

    check_programs([(Named(one), one.source) for one in history[1::4]])


def test_every_kind_of_model_is_in_the_catalogue():
    texts = " ".join(source for _, source in catalogue(Recipe()))
    for kind, model in MODELS.items():
        assert model.mark in texts, kind


@pytest.mark.heavy  # two cold processes that import FLAML
def test_flaml_gives_the_same_answer_in_two_processes():
    move = next(m for m in ideas(HEART_PROFILE) if m.family == "automl" and "lgbm" in m.text)
    source = render(apply_move(move, Recipe()), move.hypothesis, HEART_PROFILE)
    assert "time_budget=-1" in source  # a clock would make the score depend on the machine
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from tests.agents.test_playbook import fit_and_predict, holed\n"
        "print([float(v).hex() for v in fit_and_predict(sys.stdin.read(), *holed())])"
    )
    started = []
    for _ in range(2):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=REPO,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    first, second = (process.communicate(source, timeout=120)[0] for process in started)
    assert first.count("0x") == 20
    assert first == second


def test_a_task_without_column_names_gets_no_heart_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.choice(["x", "y", None], size=80)})
    y = (X["a"] > 0).astype(int).to_numpy()
    profile = profile_of("somewhere else")
    base = Recipe(codes=("*",))
    heart = re.compile("|".join(rf'"{name}"' for name in COLUMNS))
    for move in (*ideas(profile), *steps(base)):
        after = apply_move(move, base)
        if after is None:
            continue
        source = render(after, move.hypothesis, profile)
        assert not heart.search(source), move.hypothesis
        ast.parse(source)
        if move.family in ("curves", "scale", "regularise"):
            assert np.isfinite(fit_and_predict(source, X, y, X.iloc[:5])).all()


# --- learning -----------------------------------------------------------------------------


def test_it_comes_back_to_families_that_pay():
    def share(pays):
        history = []
        for seed in range(3):
            agent = get_agent("playbook")
            keeps = (lambda text: text.startswith("features:")) if pays else (lambda text: False)
            history += simulate(agent, 30, seed, keeps=keeps)[1:]
        return np.mean([h.hypothesis.startswith("features:") for h in history])

    assert share(pays=True) > 1.5 * share(pays=False)


def test_it_puts_together_ideas_that_failed_alone(long_run):
    _, history = long_run
    tried, pairs = set(), 0
    for one in history[1:]:
        if one.hypothesis.startswith("combine: ") and one.hypothesis.count(" + ") == 1:
            first, second = one.hypothesis.removeprefix("combine: ").split(" + ")
            known = [text for text in tried if text.startswith((first[:50], second[:50]))]
            pairs += len(known) >= 2
        if one.decision == "discarded":
            tried.add(one.hypothesis.split(": ", 1)[1])
    assert pairs >= 5


# --- the null agent -----------------------------------------------------------------------


def test_null_changes_seeds_and_nothing_else():
    def bare(text):
        return re.sub(r"random_state=\d+", "random_state=S", normalise(text))

    start = null_agent.start(0)
    history = simulate(get_agent("null"), 60, seed=0, start=start)
    assert {bare(one.source) for one in history} == {bare(start)}
    assert len({normalise(one.source) for one in history}) == 61
    assert len({len(one.source) for one in history}) == 1  # no tie is ever broken by length


def test_null_from_the_plain_start_gets_seed_noise_and_keeps_a_forest():
    history = [past(0, BASELINE, "baseline", 0.0)]
    agent = get_agent("null")
    first = agent.propose(view(history))
    assert isinstance(first, Proposal)
    assert "BaggingClassifier" in first.source
    assert agent.propose(view(history)) == first
    forest = render(Recipe(members=(member("forest"),)), "x", HEART_PROFILE)
    text = agent.propose(view([past(0, forest, "baseline", 0.0)], forest)).source
    assert "RandomForestClassifier" in text
    assert "random_state=42" not in text


def test_null_scores_differ_by_luck_alone():
    """Different seeds, different predictions; the mean over seeds stays where the baseline is."""
    X, y, X_new = holed()
    p = [fit_and_predict(null_agent.start(s), X, y, X_new) for s in range(8)]
    base = fit_and_predict(BASELINE, X, y, X_new)
    assert np.std(p, axis=0).max() > 0.005
    assert np.abs(np.mean(p, axis=0) - base).mean() < 0.03


# --- the front door -----------------------------------------------------------------------


def test_unknown_agent_lists_the_kinds():
    with pytest.raises(ValueError, match="playbook") as error:
        get_agent("oracle")
    assert all(kind in str(error.value) for kind in KINDS)
    with pytest.raises(ValueError, match="colour"):
        get_agent("playbook", colour="red")


def test_normalise_sees_through_looks_only():
    changed = BASELINE.replace("baseline: ", "my words: ").replace("    return X", "    return (X)")
    changed = changed.replace('"""Turn', '"""Make').replace("import main\n", "import main  # go\n")
    assert changed != BASELINE
    assert normalise(changed) == normalise(BASELINE)
    assert normalise(BASELINE.replace("C=1.0", "C=1.1")) != normalise(BASELINE)
    assert normalise("def f(:  \n x") == normalise("def f(: x")
    assert normalise('def f():\n    "only words"\n') == normalise("def f():\n    pass\n")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("LightGBM num_leaves=31, reg_lambda=1.0", "model"),
        ("stacking LogReg+RF+XGB", "ensemble"),
        ("One-hot encode chest pain", "encode"),
        ("baseline: median imputation", "baseline"),
        ("null: another random seed (3), nothing else", "null"),
        ("wild guess", "other"),
        ("", "other"),
    ],
)
def test_families_of_other_peoples_words(text, family):
    assert family_of(text) == family
