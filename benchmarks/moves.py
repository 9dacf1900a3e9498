"""What is each move of the playbook worth on patients that nothing saw?

Every move of the catalogue is applied to a base program, base and edit are both
fitted on 75% of HEART and scored on the other 25%, over many random splits, in
pairs. Nothing is selected, so the means carry no winner's curse; they are noisy
all the same, and the standard error is printed beside each.

The priors of `harness/agents/playbook/families.py` and the move weights of
`harness/agents/playbook/moves.py` were set by judgement with this table at hand, coarsely
(`families.py` says where they depart from it). The table uses all 303 patients,
so any later measurement of the playbook on HEART shares patients with its priors
and flatters it; a task that nobody tuned on is the fair test.

    python -m benchmarks.moves                     # from the starting train.py
    python -m benchmarks.moves --base onehot       # from one-hot logistic regression
    python -m benchmarks.moves --null              # is the null agent's change worth nothing?

The programs come from this repository's own catalogue, so they run in this
process, without the sandbox that a proposal in a run goes through.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit

from harness.agents.playbook import null
from harness.agents.playbook.models import member
from harness.agents.playbook.moves import apply_move, ideas, steps
from harness.agents.playbook.profiles import HEART_PROFILE
from harness.agents.playbook.recipe import Recipe, render
from harness.task.task import HEART

# Its own seed: the benchmark that judges the agent (`transfer.py`) uses other splits,
# although, with 303 rows in all, they are the same patients.
SPLIT_SEED = 20_240
BASES = {
    "baseline": Recipe(),
    "onehot": Recipe(codes=HEART_PROFILE.codes, members=(member("logistic", C=0.3),)),
    "pair": Recipe(
        codes=HEART_PROFILE.codes,
        members=(member("logistic", C=0.3), member("extra")),
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Measure, print the table, and write it down if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", choices=sorted(BASES), default="baseline")
    parser.add_argument("--splits", type=int, default=30, help="random 75/25 splits (default 30)")
    parser.add_argument("--only", default="", help="families to measure, separated by commas")
    parser.add_argument("--null", action="store_true", help="measure the null agent instead")
    parser.add_argument("--out", type=Path, help="write the table to this CSV file too")
    args = parser.parse_args(argv)
    if args.splits < 2:
        parser.error("--splits must be at least 2")

    base, programs = _programs(args)
    gains, seconds = measure(base, programs, args.splits)
    rows = [
        (family, text, gain.mean(), gain.std(ddof=1) / np.sqrt(len(gain)), seconds[family, text])
        for (family, text), gain in gains.items()
    ]
    rows.sort(key=lambda row: -row[2])
    for family, text, mean, error, took in rows:
        print(f"{mean:+.4f} ± {error:.4f}  {took:5.2f} s  {family}: {text}")
    print(f"\nby family, {args.splits} splits, from {'null' if args.null else args.base}")
    for family, mean, error, best in by_family(gains):
        print(f"{mean:+.4f} ± {error:.4f}  best {best:+.4f}  {family}")
    if args.out:
        with args.out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["family", "move", "gain", "standard_error", "seconds", "splits", "base"]
            )
            writer.writerows([*row[:2], *(f"{v:.5f}" for v in row[2:]), args.splits, args.base]
                             for row in rows)  # fmt: skip
    return 0


def measure(
    base: str, programs: dict[tuple[str, str], str], splits: int
) -> tuple[dict[tuple[str, str], np.ndarray], dict[tuple[str, str], float]]:
    """Held-out AUC of each program minus the base's, split by split.

    Returns
    -------
    gains : dict of ndarray, shape (splits,)
    seconds : dict of float
        Mean time of one fit and prediction.
    """
    X, y = HEART.load()
    gains = {key: np.empty(splits) for key in programs}
    seconds = dict.fromkeys(programs, 0.0)
    cut = StratifiedShuffleSplit(splits, test_size=0.25, random_state=SPLIT_SEED)
    for i, (train, test) in enumerate(cut.split(X, y)):
        data = X.iloc[train], y[train], X.iloc[test], y[test]
        reference = held_out(base, *data)
        for key, source in programs.items():
            start = time.perf_counter()
            gains[key][i] = held_out(source, *data) - reference
            seconds[key] += (time.perf_counter() - start) / splits
        print(f"split {i + 1} of {splits}", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return gains, seconds


def held_out(source: str, X_train, y_train, X_test, y_test) -> float:
    """AUC on rows that the program did not see."""
    names: dict = {"__name__": "candidate"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters here is the score
        exec(compile(source, "train.py", "exec"), names)
        model = names["build_pipeline"]().fit(names["feature_fn"](X_train), y_train)
        p = model.predict_proba(names["feature_fn"](X_test))[:, 1]
    return roc_auc_score(y_test, p)


def by_family(gains: dict) -> list[tuple[str, float, float, float]]:
    """Mean over a family's moves within each split first, so that the error is honest."""
    families: dict[str, list[np.ndarray]] = {}
    for (family, _), gain in gains.items():
        families.setdefault(family, []).append(gain)
    table = []
    for family, found in families.items():
        per_split = np.mean(found, axis=0)
        error = per_split.std(ddof=1) / np.sqrt(len(per_split))
        table.append((family, per_split.mean(), error, max(g.mean() for g in found)))
    return sorted(table, key=lambda row: -row[1])


def _programs(args: argparse.Namespace) -> tuple[str, dict[tuple[str, str], str]]:
    if args.null:
        seeds = {("null", f"seed {s}"): null.start(s) for s in range(10)}
        return render(Recipe(), "base", HEART_PROFILE), seeds
    base = BASES[args.base]
    wanted = {name for name in args.only.split(",") if name}
    programs = {}
    for move in (*ideas(HEART_PROFILE), *steps(base)):
        after = apply_move(move, base)
        if after is not None and (not wanted or move.family in wanted):
            key = (move.family, move.text)
            programs[key] = render(replace(after), move.hypothesis, HEART_PROFILE)
    return render(base, "base", HEART_PROFILE), programs


if __name__ == "__main__":
    raise SystemExit(main())
