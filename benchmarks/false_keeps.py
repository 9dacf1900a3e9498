"""How often is luck kept, how often is it claimed, and how often is a gain seen that is there?

Every rule walks through the proposals of worlds whose truth is known (`benchmarks/worlds.py`) with
the real rule code: `decide`, its raced fresh folds, and at the end what `ratchet certify` does. The
working best is pruned, and what is left is tested once against the start on seeds of its own. A
run claims something if that program, or an edit on its way, passes the bar of its tries. In a null
world every claim is false; elsewhere a claim is true if what it says gains on 20,000 unseen rows
does.

The constants of `harness/rules/certificate.py` were set on runs 0 to 2999; the table and the figure
are of runs from 3000 on. Every rule walks through the same proposals, so that rules are compared in
pairs. Finished runs are kept in a CSV file and not repeated: stop and start as you like. It holds
each T with its parts, so that another bar can be tried without running anything again.

    python -m benchmarks.false_keeps --runs 40
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.intervals import mean_interval
from benchmarks.worlds import (
    N_TRAIN,
    Seeds,
    Spec,
    Table,
    auc,
    draw_patients,
    fit_predict,
)
from harness import plots
from harness.rules.certificate import (
    CERTIFICATE_SEEDS,
    LUCK,
    REAL,
    Test,
    Tries,
    prune,
    test,
    verdict,
)
from harness.rules.judging import Best, decide
from harness.rules.rules import CONFIRM_SEEDS, RULES
from harness.rules.stats import wilson
from harness.scoring import Score

RESULTS = Path(__file__).resolve().parent / "results"
RUNS_CSV = RESULTS / "false_keeps_runs.csv"
TRUTH_JSON = RESULTS / "false_keeps_truth.json"
TABLE_CSV = RESULTS / "false_keeps.csv"
FIGURE = RESULTS / "false_keeps.png"

GAINS = (0.01, 0.02)
FIRST = 3000  # runs before it set the constants
FIELDS = (
    "world run rule units tries keeps false_keeps planted_kept frozen_fits fresh_fits "
    "certificate_fits val_gain fresh_gain true_best left t_best t_left true_left tests"
).split()
FITS = ("frozen_fits", "fresh_fits", "certificate_fits")
GAIN_LOOKS = (
    ("true_best", "o", plots.ORANGE),
    ("true_left", "^", plots.GREEN),
    ("true_certified", "D", plots.BLUE),
)


# -- what is planted ------------------------------------------------------------------------


def true_gain(
    weight: float, column: str = "hidden", sets: int = 150, unseen: int = 10_000, seed: int = 9
) -> float:
    """Gain in AUC on unseen patients from adding a column, mean over training sets."""
    rng = np.random.default_rng(seed)
    X_new, hidden_new, y_new = draw_patients(unseen, weight, rng)
    gains = []
    for _ in range(sets):
        X, hidden, y = draw_patients(N_TRAIN, weight, rng)
        extra, extra_new = hidden, hidden_new
        if column == "noise":
            extra, extra_new = rng.normal(size=N_TRAIN), rng.normal(size=len(y_new))
        without = auc(y_new, fit_predict(X, y, X_new))
        with_it = auc(y_new, fit_predict(np.c_[X, extra], y, np.c_[X_new, extra_new]))
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
            # Measured again on other and more patients than the search used.
            measured = true_gain(weight, sets=300, unseen=60_000, seed=77)
            truth[f"{gain:g}"] = {"weight": weight, "gain": measured}
            print(f"planted gain {gain:g}: weight {weight:.3f}", flush=True)
    if "noise" not in truth:
        measured = true_gain(0.0, column="noise", sets=300, unseen=60_000, seed=77)
        truth["noise"] = {"weight": 0.0, "gain": measured}
    TRUTH_JSON.parent.mkdir(exist_ok=True)
    TRUTH_JSON.write_text(json.dumps(truth, indent=1) + "\n")
    return truth


def worlds(truth: dict) -> dict[str, Spec | None]:
    """Every world by its name; None is `Seeds`."""
    small, large = (truth[f"{gain:g}"]["weight"] for gain in GAINS)
    return {
        "null 242": Spec(),
        "null 60": Spec(rows=60),
        "null 150": Spec(rows=150),
        "null 1000": Spec(rows=1000),
        "null 242, 100 tries": Spec(tries=100),
        "null swaps": Spec(block=6, swaps=True),
        "null overfitters": Spec(block=6),
        "null seeds": None,
        "null r2 300": Spec("r2", rows=300),
        "null ovr 400": Spec("classes", rows=400),
        "null groups": Spec("groups", rows=240),
        "null time": Spec("time"),
        "gain 0.011": Spec(real=1, weight=small),
        "gain 0.021": Spec(real=1, weight=large),
        "gain 0.011, 600 rows": Spec(rows=600, real=1, weight=small),
        "12 small gains": Spec(real=12, weight=0.45),
        "8 tiny gains": Spec(real=8, weight=0.35),
        "lightgbm 0.021": Spec("lightgbm", real=1, weight=large),
    }


# -- one run ------------------------------------------------------------------------------


class Counting:
    """A world as the scorer of one run; counts the fits that this run alone would need."""

    def __init__(self, world):
        self.world, self.asked, self.fits = world, set(), 0

    def fold_scores(self, program, seeds) -> np.ndarray:
        """Scores of shape (n_seeds, n_folds)."""
        new = {(program, seed) for seed in seeds} - self.asked
        self.asked |= new
        self.fits += len(new) * self.world.n_folds
        return self.world.fold_scores(program, seeds)

    def score(self, program) -> Score:
        """What the loop knows of a program."""
        (folds,) = self.fold_scores(program, (None,))
        return Score("ok", float(folds.mean()), fold_scores=tuple(folds.tolist()))


def _told(found: Test, gains: np.ndarray, tries) -> str:
    """A test in the order T, gain, own SD, SD by the tries: enough for another bar or weight."""
    own, shared = gains.std(ddof=1), np.sqrt(tries.total / max(tries.moved, 1))
    return f"{found.t:.3f} {found.gain:.5f} {own:.5f} {shared:.5f}"


def certify(scorer: Counting, best, tries, edits: int) -> tuple:
    """Prune the working best: tests of it and of what is left against the start, and the parts."""
    world, seeds = scorer.world, CERTIFICATE_SEEDS
    tested: dict[tuple, tuple[Test, np.ndarray]] = {}

    def worth(parts: tuple) -> float:
        gains = np.subtract(
            *(scorer.fold_scores(p, seeds) for p in (world.join(parts), world.start))
        )
        apart = len(parts) if len(parts) != 1 or world.separate else edits
        tested[parts] = test(gains, tries, apart), gains
        return tested[parts][0].t

    whole = tuple(world.parts(best)) if edits else ()
    worth(whole)
    left = prune(whole, lambda parts: scorer.fold_scores(world.join(parts), CONFIRM_SEEDS), worth)
    return tested[whole], tested[left], left


def walk(world, rules=RULES) -> list[dict]:
    """Let every rule walk through the same proposals; one result for each rule."""
    results = []
    for name, rule in rules.items():
        scorer, tries, kept, edits, frozen = Counting(world), world.count(), [], [], 0
        first = scorer.score(world.start)
        best = Best(0, "", world.start, first.val_auc, first.fold_scores)
        for i in range(world.tries):
            candidate = world.propose(best.source, i)
            score = scorer.score(candidate)
            frozen += world.n_folds
            found = decide(candidate, score, best, rule, scorer, tries)
            tries = tries.plus(np.subtract(score.fold_scores, best.fold_scores))
            if not found.keep:
                continue
            kept.append(i)
            if found.t is not None:
                gains = np.asarray(found.repeats) - best.repeats
                true = world.truth(candidate) - world.truth(best.source)
                told = _told(test(gains, tries, 1), gains, tries)
                edits.append((i + 1, found.t, true, told))
            best = Best(i + 1, "", candidate, score.val_auc, score.fold_scores, found.repeats)
        frozen += world.n_folds
        walked = scorer.fits
        whole, pruned, left = certify(scorer, best.source, tries, len(kept))
        result = world.join(left)
        nothing = world.truth(world.start)
        tests = [f"{at} {told} {true:.5f}" for at, _, true, told in edits]
        tests += [f"best {_told(*whole, tries)}", f"left {_told(*pruned, tries)}"]
        results.append(
            {
                "rule": name,
                "units": tries.units,
                "tries": tries.count,
                "keeps": len(kept),
                "false_keeps": len(set(kept) - world.planted),
                "planted_kept": len(set(kept) & world.planted),
                "frozen_fits": frozen,
                "fresh_fits": walked - frozen,
                "certificate_fits": scorer.fits - walked if kept else 0,
                "val_gain": round(best.val_auc - first.val_auc, 6),
                "fresh_gain": round(whole[0].gain, 6),
                "true_best": round(world.truth(best.source) - nothing, 6),
                "left": len(left),
                "t_best": round(whole[0].t, 4),
                "t_left": round(pruned[0].t, 4) if left else 0.0,
                "true_left": round(world.truth(result) - nothing, 6),
                "tests": "; ".join(tests),
            }
        )
    return results


def one_run(job: tuple[str, Spec | None, int, tuple[str, ...]]) -> list[dict]:
    """Do one run of one world; a job is (name, spec, run, rules)."""
    name, spec, run, rules = job
    with threadpool_limits(1):  # the tables are small: threads would only wait for each other
        world = Table(spec, run) if spec else Seeds(run)
        rows = walk(world, {rule: RULES[rule] for rule in rules})
    return [{"world": name, "run": run, **row} for row in rows]


# -- table and figure -----------------------------------------------------------------------


def claims(row) -> dict:
    """What a run claims by the constants of now, and whether that is true."""
    tries = Tries(row.units, 0.25, count=row.tries)
    edits = [test.split() for test in row.tests.split("; ")]
    passed = [
        float(test[5]) for test in edits if len(test) == 6 and float(test[1]) > tries.edit_bar
    ]
    program = row.left > 0 and row.t_left > tries.bar
    true = [gain > 0 for gain in passed + [row.true_left] * program]
    error = row.fresh_gain / row.t_best if row.t_best else 0.0
    return {
        "claim": bool(true),
        "true_claim": any(true),
        "false_claim": not all(true),
        "edit": bool(passed),
        "program": program,
        "word": verdict(row.val_gain, bool(true), Test(row.fresh_gain, error, row.keeps)),
        "true_certified": row.true_left if program else 0.0,
    }


def summarise(runs: pd.DataFrame, specs: dict[str, Spec | None]) -> pd.DataFrame:
    """One line for each world and rule; in a null world every claim counts as false."""
    told = pd.DataFrame([claims(row) for row in runs.itertuples()], index=runs.index)
    lines = []
    for (name, rule), part in runs.join(told).groupby(["world", "rule"], sort=False):
        spec, n = specs[name], len(part)
        null = spec is None or spec.null
        line = {"world": name, "rule": rule, "null": null, "runs": n, "keeps": part.keeps.mean()}
        line |= {"false_keeps": part.false_keeps.mean()}
        line |= {"runs_with_false_keep": (part.false_keeps > 0).mean()}
        line |= {"planted_kept": part.planted_kept.mean() / (1 if null else spec.real)}
        for what in ("claim", "true_claim", "false_claim"):
            share = wilson(int(part[what].sum()), n)
            line |= {what: share.value, f"{what}_low": share.low, f"{what}_high": share.high}
        line |= {what: part[what].mean() for what in ("edit", "program")}
        line |= {word: (part.word == word).mean() for word in (REAL, LUCK)}
        line |= {what: part[what].mean() for what in ("val_gain", "fresh_gain")}
        for what in ("true_best", "true_left", "true_certified"):
            gain = mean_interval(part[what])
            line |= {what: gain.value, f"{what}_low": gain.low, f"{what}_high": gain.high}
        line |= {what: part[what].mean() for what in FITS}
        lines.append(line)
    table = pd.DataFrame(lines)
    order = {name: at for at, name in enumerate(specs)}
    return table.sort_values("world", key=lambda w: w.map(order), kind="stable").round(5)


@plots.styled
def figure(table: pd.DataFrame):
    """Draw claims on the left, and on the right what the programs are worth."""
    fig, (left, right) = plots.new_figure(
        "Search keeps luck; the certificate claims it in at most one run of twenty",
        height=6.4,
        columns=2,
    )
    part = table[table.rule == "confirm"].reset_index(drop=True)
    for at, row in part.iterrows():
        what = "claim" if row.null else "true_claim"
        low, high = row[what] - row[f"{what}_low"], row[f"{what}_high"] - row[what]
        style = (
            {"fmt": "s", "color": plots.VERMILION}
            if row.null
            else {"fmt": "o", "color": plots.BLUE}
        )
        left.errorbar(row[what], at, xerr=[[low], [high]], capsize=3, **style)
        left.plot(row.runs_with_false_keep, at, "x", color=plots.GREY)
        for shift, (name, mark, colour) in zip((-0.2, 0, 0.2), GAIN_LOOKS, strict=True):
            error = [[row[name] - row[f"{name}_low"]], [row[f"{name}_high"] - row[name]]]
            right.errorbar(row[name], at + shift, xerr=error, fmt=mark, color=colour, capsize=2)
    left.axvline(0.05, color=plots.GREY, lw=1.5, ls=":")
    left.set(yticks=range(len(part)), yticklabels=part.world, xlim=(-0.03, 1.03))
    left.set_xlabel("share of runs (dotted: 1 in 20)")
    left.set_title("Claims: false (square), true (o);\nruns with a false keep (x)", fontsize=10)
    right.axvline(0, color=plots.GREY, lw=1.5, ls=":")
    right.set(yticks=range(len(part)), yticklabels=[])
    right.set_xlabel("gain on unseen rows")
    right.set_title(
        "Working best (o), pruned (triangle),\ncertified or start (diamond)", fontsize=10
    )
    for ax in (left, right):
        ax.set_ylim(len(part) - 0.5, -0.5)
    return fig


def alt(table: pd.DataFrame) -> str:
    """Say what the figure shows."""
    words = []
    for row in table[table.rule == "confirm"].itertuples():
        kind, share = ("false", row.claim) if row.null else ("true", row.true_claim)
        words.append(
            f"{row.world}: {kind} claims in {share:.1%} of {row.runs} runs, working best "
            f"{row.true_best:+.4f}, pruned {row.true_left:+.4f}, "
            f"certified {row.true_certified:+.4f}"
        )
    return "Two panels, one line for each world, rule confirm. " + "; ".join(words) + "."


def report(runs: pd.DataFrame, specs: dict[str, Spec | None]) -> pd.DataFrame:
    """Write table and figure of the runs that set no constant."""
    table = summarise(runs[runs.run >= FIRST], specs)
    table.to_csv(TABLE_CSV, index=False, lineterminator="\n")
    plots.save(figure(table), FIGURE, alt=alt(table))
    FIGURE.with_suffix(".alt.txt").write_text(alt(table) + "\n")
    return table


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then print the table and save the figure."""
    parser = argparse.ArgumentParser(prog="false_keeps", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=40, help="runs per world (default 40)")
    parser.add_argument("--first", type=int, default=FIRST, help=f"the first (default {FIRST})")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--rules", default="confirm", help="names, or all (default confirm)")
    parser.add_argument("--only", nargs="*", help="worlds by name (default all)")
    parser.add_argument("--out", type=Path, default=RUNS_CSV, help="file of the runs")
    args = parser.parse_args(argv)

    RESULTS.mkdir(exist_ok=True)
    every = worlds(prepare_truth(GAINS))
    rules = tuple(RULES) if args.rules == "all" else tuple(args.rules.split(","))
    done = set()
    if args.out.exists():
        have = pd.read_csv(args.out)
        done = set(zip(have.world, have.run, have.rule, strict=True))
    jobs = []
    for run in range(args.first, args.first + args.runs):
        for name in args.only or every:
            missing = tuple(rule for rule in rules if (name, run, rule) not in done)
            jobs += [(name, every[name], run, missing)] if missing else []
    start, new = time.monotonic(), not args.out.exists()
    with args.out.open("a", newline="") as out, ProcessPoolExecutor(args.workers) as pool:
        writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        for n, rows in enumerate(pool.map(one_run, jobs), 1):
            writer.writerows(rows)
            out.flush()
            if n % 10 == 0 or n == len(jobs):
                print(f"{n}/{len(jobs)} runs, {time.monotonic() - start:.0f} s", flush=True)
    if args.out == RUNS_CSV:
        table = report(pd.read_csv(RUNS_CSV), every)
        print(table.drop(columns=[c for c in table if c.endswith(("_low", "_high"))]).to_string())
        print(f"saved {TABLE_CSV.name} and {FIGURE.name} in {RESULTS.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
