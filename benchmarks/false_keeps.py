"""How often does each rule keep luck, and how often does it see a gain that is there?

Two nulls, in which nothing that is proposed is better than the start:

- `seeds`: the program is a random forest on rows of HEART, and every proposal is the same
  forest with another random seed. By symmetry no seed is better than another.
- `columns`: the program is logistic regression on 242 patients drawn from a population
  like HEART, and every proposal adds a column of noise. The column is worth nothing in the
  population (less than nothing: it has to be estimated), but in these 242 patients it may
  go with the outcome by chance, on every fold split. Fresh folds alone cannot see that.

Power is measured in the `columns` population, where the truth is known: one of the 25
proposals, at a random place, adds a column that does matter. Its weight is set so that
the gain on unseen patients, averaged over training sets, is the planned one.

Every rule walks through the same proposals, so that rules are compared in pairs. Finished
runs are kept in a CSV file and not repeated: stop and start as you like.

    python -m benchmarks.false_keeps --runs 40
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from harness.rules import RULES, Evidence
from harness.stats import mean_interval, wilson
from harness.task import HEART, NUMERIC

RESULTS = Path(__file__).resolve().parent / "results"
RUNS_CSV = RESULTS / "false_keeps_runs.csv"
TRUTH_JSON = RESULTS / "false_keeps_truth.json"
TABLE_CSV = RESULTS / "false_keeps.csv"
FIGURE = RESULTS / "false_keeps.png"

PROPOSALS = 25
N_TRAIN = 242  # rows of HEART's train split
GAINS = (0.01, 0.02)
TREES = 50
FIELDS = "scenario gain run rule proposals false_keeps planted_kept val_gain true_gain".split()


# -- a population in which the truth is known ---------------------------------------------


@lru_cache(maxsize=1)
def heart_model() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HEART's rows (median-imputed, standardised), spread to add, and log odds of the rows."""
    X, y = HEART.load()
    X = X.fillna(X.median())
    spread = np.array([0.3 if name in NUMERIC else 0.0 for name in X.columns])
    Z = ((X - X.mean()) / X.std()).to_numpy()
    model = LogisticRegression(C=1.0, solver="newton-cholesky").fit(Z, y)
    return Z, spread, np.r_[model.coef_[0], model.intercept_]


def draw_patients(
    n: int, weight: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw patients like HEART's: table (n, 13), one hidden column (n,), outcome (n,).

    Rows are HEART's, with some spread added to the numeric columns; outcomes follow the
    logistic model fitted to HEART plus `weight` times the hidden column.
    """
    Z, spread, coef = heart_model()
    X = Z[rng.integers(0, len(Z), n)] + rng.normal(size=(n, Z.shape[1])) * spread
    hidden = rng.normal(size=n)
    logit = X @ coef[:-1] + coef[-1] + weight * hidden
    y = (rng.uniform(size=n) < expit(logit)).astype(int)
    return X, hidden, y


def fit_predict(X: np.ndarray, y: np.ndarray, X_new: np.ndarray) -> np.ndarray:
    """The starting train.py in arrays: standardise, logistic regression with C=1."""
    mean, sd = X.mean(axis=0), X.std(axis=0)
    sd[sd == 0] = 1.0
    model = LogisticRegression(C=1.0, solver="newton-cholesky")
    model.fit((X - mean) / sd, y)
    return model.decision_function((X_new - mean) / sd)


def true_gain(weight: float, column: str = "hidden", sets: int = 150, seed: int = 9) -> float:
    """Gain in AUC on unseen patients from adding a column, mean over training sets."""
    rng = np.random.default_rng(seed)
    X_new, hidden_new, y_new = draw_patients(10_000, weight, rng)
    gains = []
    for _ in range(sets):
        X, hidden, y = draw_patients(N_TRAIN, weight, rng)
        extra, extra_new = hidden, hidden_new
        if column == "noise":
            extra, extra_new = rng.normal(size=N_TRAIN), rng.normal(size=len(y_new))
        without = roc_auc_score(y_new, fit_predict(X, y, X_new))
        with_it = roc_auc_score(y_new, fit_predict(np.c_[X, extra], y, np.c_[X_new, extra_new]))
        gains.append(with_it - without)
    return float(np.mean(gains))


def find_weight(gain: float) -> float:
    """Weight of the hidden column that gives the planned true gain (by bisection)."""
    low, high = 0.0, 3.0
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (middle, high) if true_gain(middle) < gain else (low, middle)
    return (low + high) / 2


def prepare_truth(gains: tuple[float, ...]) -> dict:
    """Weights and the true gains they give, computed once and kept."""
    truth = json.loads(TRUTH_JSON.read_text()) if TRUTH_JSON.exists() else {}
    for gain in gains:
        if f"{gain:g}" not in truth:
            weight = find_weight(gain)
            # Measured again on other patients than the search used.
            truth[f"{gain:g}"] = {"weight": weight, "gain": true_gain(weight, seed=77)}
            print(f"planted gain {gain:g}: weight {weight:.3f}", flush=True)
    if "noise" not in truth:
        truth["noise"] = {"weight": 0.0, "gain": true_gain(0.0, column="noise", seed=77)}
    TRUTH_JSON.parent.mkdir(exist_ok=True)
    TRUTH_JSON.write_text(json.dumps(truth, indent=1) + "\n")
    return truth


# -- one run ------------------------------------------------------------------------------


class Columns:
    """Programs are sets of extra columns; the scores are those of real cross-validation."""

    def __init__(self, weight: float, run: int, planted: bool):
        rng = np.random.default_rng([run, round(weight * 1e6)])
        self.X, hidden, self.y = draw_patients(N_TRAIN, weight, rng)
        self.extra = rng.normal(size=(N_TRAIN, PROPOSALS))
        self.X_new, hidden_new, self.y_new = draw_patients(20_000, weight, rng)
        self.extra_new = rng.normal(size=(len(self.y_new), PROPOSALS))
        self.planted = int(rng.integers(PROPOSALS)) if planted else -1
        if planted:
            self.extra[:, self.planted] = hidden
            self.extra_new[:, self.planted] = hidden_new
        self.start: frozenset = frozenset()

    def propose(self, best: frozenset, i: int) -> frozenset:
        return best | {i}

    def score(self, program: frozenset, fold_seed: int | None) -> np.ndarray:
        X = np.c_[self.X, self.extra[:, sorted(program)]]
        frame = pd.DataFrame(X)
        return np.array(
            [
                roc_auc_score(self.y[val], fit_predict(X[train], self.y[train], X[val]))
                for train, val in HEART.folds(frame, self.y, fold_seed)
            ]
        )

    def truth(self, program: frozenset) -> float:
        columns = sorted(program)
        p = fit_predict(
            np.c_[self.X, self.extra[:, columns]],
            self.y,
            np.c_[self.X_new, self.extra_new[:, columns]],
        )
        return float(roc_auc_score(self.y_new, p))


class Seeds:
    """Programs are random seeds of one forest, on a random four fifths of HEART."""

    def __init__(self, run: int):
        X, y = HEART.load()
        X = X.fillna(X.median()).to_numpy()
        self.X, _, self.y, _ = train_test_split(
            X, y, train_size=N_TRAIN, stratify=y, random_state=run
        )
        self.run, self.planted, self.start = run, -1, 0

    def propose(self, best: int, i: int) -> int:
        return i + 1

    def score(self, program: int, fold_seed: int | None) -> np.ndarray:
        scores = []
        for train, val in HEART.folds(pd.DataFrame(self.X), self.y, fold_seed):
            model = RandomForestClassifier(TREES, random_state=1000 * self.run + program)
            model.fit(self.X[train], self.y[train])
            scores.append(roc_auc_score(self.y[val], model.predict_proba(self.X[val])[:, 1]))
        return np.array(scores)

    def truth(self, program: int) -> float:
        return 0.0  # one seed is as good as another


def walk(world, rules=RULES) -> list[dict]:
    """Let every rule walk through the same proposals; one result for each rule."""
    cache: dict = {}

    def score(program, fold_seed=None) -> np.ndarray:
        key = program, fold_seed
        if key not in cache:
            cache[key] = world.score(program, fold_seed)
        return cache[key]

    def evidence(program, repeats=None) -> Evidence:
        folds = score(program)
        return Evidence(float(folds.mean()), tuple(folds), 1000, repeats)

    results = []
    for name, rule in rules.items():
        best, false_keeps, planted_kept = world.start, 0, False
        for i in range(PROPOSALS):
            candidate = world.propose(best, i)
            new, old = evidence(candidate), evidence(best)
            if rule.fold_seeds and rule.worth_confirming(new, old):
                new, old = (
                    evidence(program, np.array([score(program, s) for s in rule.fold_seeds]))
                    for program in (candidate, best)
                )
            if rule.decide(new, old).keep:
                best = candidate
                planted_kept |= i == world.planted
                false_keeps += i != world.planted
        results.append(
            {
                "rule": name,
                "proposals": PROPOSALS,
                "false_keeps": false_keeps,
                "planted_kept": int(planted_kept) if world.planted >= 0 else "",
                "val_gain": round(float(score(best).mean() - score(world.start).mean()), 6),
                "true_gain": round(world.truth(best) - world.truth(world.start), 6),
            }
        )
    return results


def one_run(job: tuple[str, float, float, int]) -> list[dict]:
    """Do one run of one scenario; a job is (scenario, gain, weight, run)."""
    scenario, gain, weight, run = job
    world = Seeds(run) if scenario == "seeds" else Columns(weight, run, planted=gain > 0)
    return [{"scenario": scenario, "gain": gain, "run": run, **row} for row in walk(world)]


# -- table and figure -----------------------------------------------------------------------


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each scenario, planted gain and rule."""
    lines = []
    for (scenario, gain, rule), part in rows.groupby(["scenario", "gain", "rule"], sort=False):
        any_false = wilson(int((part.false_keeps > 0).sum()), len(part))
        line = {
            "scenario": scenario,
            "planted_gain": gain,
            "rule": rule,
            "runs": len(part),
            "false_keeps_per_run": part.false_keeps.mean(),
            "runs_with_false_keep": any_false.value,
            "low": any_false.low,
            "high": any_false.high,
        }
        if gain > 0:
            power = wilson(int(part.planted_kept.astype(int).sum()), len(part))
            line |= {"power": power.value, "power_low": power.low, "power_high": power.high}
        val, true = mean_interval(part.val_gain), mean_interval(part.true_gain)
        line |= {"val_gain": val.value, "true_gain": true.value}
        line |= {"true_low": true.low, "true_high": true.high}
        lines.append(line)
    return pd.DataFrame(lines).round(5)


@dataclass(frozen=True)
class Style:
    """Colour and marker of one rule, the same in every figure."""

    colour: str
    marker: str


STYLES = {
    "strict": Style("#D55E00", "o"),
    "ladder": Style("#E69F00", "s"),
    "confirm": Style("#009E73", "^"),
    "corrected_t": Style("#0072B2", "D"),
    "rope": Style("#CC79A7", "v"),
}


def style(rule: str) -> Style:
    """Style of a rule; grey for one that has none."""
    return STYLES.get(rule, Style("#555555", "x"))


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw one figure: false keeps on the left, one power curve per rule on the right."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), constrained_layout=True)
    null = table[table.planted_gain == 0]
    rules = list(dict.fromkeys(table.rule))
    for shift, scenario in ((-0.12, "seeds"), (0.12, "columns")):
        part = null[null.scenario == scenario].set_index("rule")
        for at, rule in enumerate(rules):
            if rule not in part.index:
                continue
            row = part.loc[rule]
            left.errorbar(
                row.runs_with_false_keep,
                at + shift,
                xerr=[[row.runs_with_false_keep - row.low], [row.high - row.runs_with_false_keep]],
                fmt=style(rule).marker,
                color=style(rule).colour,
                mfc=style(rule).colour if scenario == "columns" else "white",
                capsize=3,
            )
    left.axvline(0.05, color="0.5", lw=1, ls=":")
    left.text(0.06, len(rules) - 0.55, "aim: 1 run in 20", color="0.4", fontsize=8)
    left.set(
        yticks=range(len(rules)),
        yticklabels=rules,
        xlim=(-0.02, 1.02),
        xlabel=f"runs of {PROPOSALS} with a false keep",
        title="Nothing to find (hollow: seeds, filled: columns)",
    )
    left.invert_yaxis()
    real = table[(table.scenario == "columns") & (table.planted_gain > 0)]
    for rule in rules:
        part = real[real.rule == rule].sort_values("planted_gain")
        per_proposal = null[(null.rule == rule) & (null.scenario == "columns")]
        x = np.r_[0.0, part.planted_gain]
        y = np.r_[per_proposal.false_keeps_per_run / PROPOSALS, part.power]
        right.plot(x, y, marker=style(rule).marker, color=style(rule).colour, label=rule)
    right.set(
        xlabel="true gain of a proposal (AUC on unseen patients)",
        ylabel="share kept",
        ylim=(-0.02, 1.02),
        title="Something to find",
    )
    right.legend(frameon=False)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    fig.suptitle("Rules that ignore luck see small gains less often, too")
    fig.savefig(path, dpi=150)
    plt.close(fig)


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then print the table and save the figure."""
    parser = argparse.ArgumentParser(prog="false_keeps", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=40, help="runs per scenario (default 40)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--only", choices=("seeds", "columns"), help="one scenario")
    args = parser.parse_args(argv)

    RESULTS.mkdir(exist_ok=True)
    truth = prepare_truth(GAINS)
    done = set()
    if RUNS_CSV.exists():
        have = pd.read_csv(RUNS_CSV)
        done = set(zip(have.scenario, have.gain, have.run, strict=True))
    jobs = [
        (scenario, gain, weight, run)
        for run in range(args.runs)
        for scenario, gain, weight in (
            ("columns", 0.0, 0.0),
            *(("columns", gain, truth[f"{gain:g}"]["weight"]) for gain in GAINS),
            ("seeds", 0.0, 0.0),
        )
        if (args.only in (None, scenario)) and (scenario, gain, run) not in done
    ]
    start, new = time.monotonic(), not RUNS_CSV.exists()
    with RUNS_CSV.open("a", newline="") as out, ProcessPoolExecutor(args.workers) as pool:
        writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        for n, rows in enumerate(pool.map(one_run, jobs), 1):
            writer.writerows(rows)
            out.flush()
            if n % 10 == 0 or n == len(jobs):
                print(f"{n}/{len(jobs)} runs, {time.monotonic() - start:.0f} s", flush=True)

    table = summarise(pd.read_csv(RUNS_CSV, keep_default_na=False))
    table.to_csv(TABLE_CSV, index=False, lineterminator="\n")
    draw(table, FIGURE)
    print(table.to_string(index=False))
    noise = truth["noise"]["gain"]
    print(f"a column of noise is worth {noise:+.4f} AUC on unseen patients")
    print(f"saved {TABLE_CSV.name} and {FIGURE.name} in {RESULTS.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
