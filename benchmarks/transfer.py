"""Does the gain travel? Every arm searches on the same rows, and is scored on rows nothing saw.

For each of 20 or more outer splits (75/25, stratified, seeded), each arm gets the outer
training rows and a wall-clock budget: the task's own starting `train.py`, one call of FLAML, an
agent of random proposals under the original rule, the `playbook` under every rule, and what
`ratchet adopt` would offer of the run under `confirm` (`adopted/confirm`: the certified program if
there is one, else the start) with the pruned program that the certificate tested
(`pruned/confirm`, certified or not). Nothing is chosen on the held-out quarter. Results go to a
file, one line per split and arm; what is there is not run again, so stop and start as you like.

    python -m benchmarks.transfer --splits 20 --budget 20
    python -m benchmarks.transfer --protocol amlb --budget 20
    python -m benchmarks.transfer --task mine        # a task made by `ratchet new`, or its folder
    python -m benchmarks.transfer --task ncbirths    # from a package, see benchmarks/tables.py

Scores are the task's own metric; rows of one group stay on one side of every split; a task in time
order is refused.

`--iterations 25` holds the ratchet's arms to a number of tries instead of to seconds: the
result then does not depend on how busy the machine is, but the budgets are not equal.
`--scheduler local --parallel 2 --cores 1` runs two outer splits side by side on a Dask cluster
(`pip install distributed`), or on any cluster whose workers have this checkout.
`--protocol amlb` follows the AutoML benchmark (Gijsbers et al. 2024, JMLR 25(101)): ten outer
folds, its three baselines, its metric (`auc`), and a CSV file with its columns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from benchmarks import arms, tables
from benchmarks.intervals import mean_interval
from harness import plots
from harness.rules.rules import RULES
from harness.rules.stats import corrected_t_test
from harness.scoring.scorer import Scorer
from harness.task.task import Task

RESULTS = Path(__file__).resolve().parent / "results"
HELD_OUT = 0.25
OVER = 1.1  # budgets: what no arm should take
PATIENCE_S = 3600.0  # for one score where tries are counted
FIRST_SEED = 1000  # of the outer splits: apart from every seed that the harness uses

ARMS = {
    "baseline": arms.baseline,
    "flaml": arms.flaml,
    "random/strict": arms.ratchet("random", "strict"),
    **{f"playbook/{rule}": arms.ratchet("playbook", rule) for rule in RULES},
    "pruned/confirm": arms.certified("playbook", "confirm", anyway=True),
    "adopted/confirm": arms.certified("playbook", "confirm"),
}
AMLB_ARMS = {
    "constantpredictor": arms.constant,
    "RandomForest": arms.random_forest,
    "TunedRandomForest": arms.tuned_random_forest,
    "flaml": arms.flaml,
}
EVERY = ARMS | AMLB_ARMS
LIBRARIES = {"flaml", "constantpredictor", "RandomForest", "TunedRandomForest"}


def outer_splits(task: Task, protocol: str, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give the outer splits as (train positions, held-out positions) of all rows."""
    X, y = task.load()
    rows = np.arange(len(y))
    if protocol == "amlb":
        return list(StratifiedKFold(10, shuffle=True, random_state=FIRST_SEED).split(rows, y))
    again = (replace(task, test_size=HELD_OUT, split_seed=FIRST_SEED + i) for i in range(number))
    return [one._split_positions(X, y) for one in again]  # as the task seals its own test


def one_split(number: int, names: list[str], args: argparse.Namespace) -> list[dict]:
    """Let the named arms compete on one split; one record for each.

    Everything is found by name, so that this can run on another machine.
    """
    task, start = tables.load_table(args.task)
    X, y = task.load()
    train, new = outer_splits(task, args.protocol, args.splits)[number]
    chosen = {name: EVERY[name] for name in names}
    inner = tables.of_rows(task, train)
    if args.iterations:  # tries are counted, not seconds: a busy machine must not end one
        inner = inner.with_budget(PATIENCE_S)
    records = []
    with tempfile.TemporaryDirectory() as folder, Scorer(inner, workers=args.cores) as scorer:
        setting = arms.Setting(
            task=inner,
            start=start,
            X_train=inner.load()[0],
            y_train=inner.load()[1],
            X_new=X.iloc[new].reset_index(drop=True),
            budget_s=args.budget,
            iterations=args.iterations,
            cores=args.cores,
            seed=number,
            scorer=arms.Remembering(scorer) if args.iterations else scorer,
            folder=Path(folder),
        )
        if chosen.keys() - LIBRARIES:
            setting.predict(start.train)  # start the workers
        for name, arm in chosen.items():
            began = time.monotonic()
            found = arm(setting)
            took, asked = time.monotonic() - began, found.predict_seconds
            p = np.asarray(found.predictions, float).reshape(len(new), -1)
            record = {
                "task": task.name,
                "protocol": args.protocol,
                "split": number,
                "arm": name,
                "budget_s": args.budget,
                "iterations": args.iterations,
                "cores": args.cores,
                "metric": task.metric,
                "score": task.score_predictions(y[new], p, found.threshold),
                "val_start": found.val_start,
                "val_best": found.val_best,
                "tries": found.tries,
                "kept": found.kept,
                "seconds": found.seconds,
                "predict_seconds": took - found.seconds if math.isnan(asked) else asked,
                "model": found.model,
                **found.more,
                **(_more_metrics(y[new], p[:, 0]) if task.kind == "binary" else {}),
                "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
                "utc": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
            }
            records.append(
                {
                    key: (None if value != value else round(value, 6))
                    if isinstance(value, float)
                    else value
                    for key, value in record.items()
                }
            )
    return records


def _more_metrics(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """AMLB's other metrics for binary tasks; decision values pass a logistic link first."""
    from scipy.special import expit
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

    if p.min() < 0 or p.max() > 1:
        p = expit(p)
    hard = (p > 0.5).astype(int)
    return {
        "acc": accuracy_score(y, hard),
        "balacc": balanced_accuracy_score(y, hard),
        "logloss": log_loss(y, p, labels=[0, 1]),
    }


# -- what it comes to -----------------------------------------------------------------------


def summarise(records: pd.DataFrame, held_out: float = HELD_OUT) -> pd.DataFrame:
    """One line per arm: score on unseen rows, paired gains, share of the gain that survives.

    Two intervals for each paired gain: over the splits as if they were independent (how
    sure is the mean over such splits of these rows), and the corrected one of Nadeau and
    Bengio (how sure for other rows like these: splits of one table share most rows, so this
    one hardly narrows with more splits).
    """
    wide = records.pivot_table(index="split", columns="arm", values="score")
    lines = []
    for arm in dict.fromkeys(records.arm):
        part = records[records.arm == arm].set_index("split").sort_index()
        line = {
            "arm": arm,
            "splits": len(part),
            "score": part.score.mean(),
            "se": part.score.sem(),
            "tries": part.tries.mean(),
            "kept": part.kept.mean(),
            "seconds": part.seconds.mean(),
        }
        if "certified" in part and part.certified.notna().all():
            line["certified"] = int(part.certified.sum())
        for other in ("baseline", "flaml"):
            if arm == other or other not in wide:
                continue
            gain = (wide[arm] - wide[other]).dropna().to_numpy()
            if len(gain) < 2:
                continue
            plain = mean_interval(gain)
            folds = round(1 / held_out)  # n_test/n_train = 1/(K-1)
            low, high = corrected_t_test(gain, folds).interval()
            line |= {
                f"vs_{other}": plain.value,
                f"vs_{other}_low": plain.low,
                f"vs_{other}_high": plain.high,
                f"vs_{other}_low_corrected": low,
                f"vs_{other}_high_corrected": high,
            }
        if "baseline" in wide and arm != "baseline":
            line |= survival(part, wide["baseline"])
        lines.append(line)
    return pd.DataFrame(lines)


def survival(part: pd.DataFrame, baseline: pd.Series) -> dict[str, float]:
    """Share of the mean validation gain that is there on unseen rows, with a bootstrap interval."""
    claimed = part.val_best - part.val_start
    real = (part.score - baseline).reindex(part.index)
    both = pd.DataFrame({"claimed": claimed, "real": real}).dropna().to_numpy(float)
    if len(both) < 2 or both[:, 0].mean() <= 0:
        return {}
    rng = np.random.default_rng(0)
    draws = both[rng.integers(0, len(both), (4000, len(both)))].mean(axis=1)
    draws = draws[draws[:, 0] > 0]
    low, high = np.quantile(draws[:, 1] / draws[:, 0], [0.025, 0.975])
    return {
        "val_gain": both[:, 0].mean(),
        "survives": both[:, 1].mean() / both[:, 0].mean(),
        "survives_low": low,
        "survives_high": high,
    }


def as_text(table: pd.DataFrame) -> str:
    """Format the table for a terminal."""

    def gain(row, other: str) -> str:
        if f"vs_{other}" not in row or pd.isna(row[f"vs_{other}"]):
            return ""
        keys = ("", "_low", "_high", "_low_corrected", "_high_corrected")
        value, low, high, wide_low, wide_high = (row[f"vs_{other}{key}"] for key in keys)
        return f"{value:+.4f} [{low:+.4f} {high:+.4f}] ({wide_low:+.4f} {wide_high:+.4f})"

    lines = []
    for _, row in table.iterrows():
        survives = row.get("survives", np.nan)
        lines.append(
            {
                "arm": row.arm,
                "n": row.splits,
                "on unseen rows": f"{row.score:.4f} ± {row.se:.4f}",
                "vs baseline [95%] (corrected)": gain(row, "baseline"),
                "vs FLAML [95%] (corrected)": gain(row, "flaml"),
                "val gain": "" if pd.isna(survives) else f"{row.val_gain:+.4f}",
                "survives": ""
                if pd.isna(survives)
                else f"{survives:.0%} [{row.survives_low:.0%} {row.survives_high:.0%}]",
                "tries": f"{row.tries:.1f}",
                "kept": f"{row.kept:.1f}",
                "certified": ""
                if pd.isna(row.get("certified", np.nan))
                else f"{row.certified:.0f}",
                "s": f"{row.seconds:.1f}",
            }
        )
    return pd.DataFrame(lines).to_string(index=False)


def longest(records: pd.DataFrame) -> str:
    """Say how well the budget held."""
    share = records.seconds / records.budget_s
    worst = records.loc[share.idxmax()]
    over = int((share > OVER).sum())
    return (
        f"seconds / budget: median {share.median():.2f}, largest {share.max():.2f} ({worst.arm}, "
        f"split {worst.split}); above {OVER}: {over} of {len(share)}"
    )


@plots.styled
def figure(table: pd.DataFrame, title: str, metric: str):
    """Draw the paired gain over the baseline on unseen rows, and what the arm claimed."""
    part = table[table.get("vs_baseline", pd.Series(dtype=float)).notna()]
    fig, ax = plots.new_figure(title, height=1.8 + 0.45 * len(part))
    for at, (_, row) in enumerate(part.iterrows()):
        wide = [row.vs_baseline_low_corrected, row.vs_baseline_high_corrected]
        ax.plot(wide, [at, at], color=plots.SKY, lw=1.5, zorder=1)
        ax.plot([row.vs_baseline_low, row.vs_baseline_high], [at, at], color=plots.BLUE, lw=4)
        ax.plot(row.vs_baseline, at, "o", color=plots.BLUE, ms=8)
        if not pd.isna(row.get("val_gain", np.nan)):
            ax.plot(row.val_gain, at, "D", mfc="white", mec=plots.VERMILION, ms=8)
    ax.plot([], [], "o-", color=plots.BLUE, lw=4, label="on unseen rows, 95% over splits")
    ax.plot([], [], color=plots.SKY, lw=1.5, label="95% for other rows like these")
    ax.plot([], [], "D", mfc="white", mec=plots.VERMILION, label="claimed in validation")
    ax.axvline(0, color=plots.BLACK, lw=1)
    ax.set_yticks(range(len(part)), part.arm)
    ax.set(ylim=(len(part) - 0.4, -0.6), xlabel=f"gain in {metric} over the starting train.py")
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower left", ncols=3, fontsize=9)
    return fig


def alt(table: pd.DataFrame, metric: str) -> str:
    """Say what the figure shows."""
    words = []
    for _, row in table.iterrows():
        if pd.isna(row.get("vs_baseline", np.nan)):
            continue
        text = (
            f"{row.arm} {row.vs_baseline:+.4f} "
            f"({row.vs_baseline_low:+.4f} to {row.vs_baseline_high:+.4f})"
        )
        if not pd.isna(row.get("val_gain", np.nan)):
            text += f", claimed {row.val_gain:+.4f}"
        if not pd.isna(row.get("certified", np.nan)):
            text += f", certified in {row.certified:.0f} of {row.splits} splits"
        words.append(text)
    return (
        f"One line per arm: mean gain in {metric} over the baseline on unseen rows with its 95% "
        "interval. " + "; ".join(words) + "."
    )


AMLB_COLUMNS = (
    "id task framework constraint fold type result metric mode version params app_version utc "
    "duration training_duration predict_duration models_count seed info acc auc balacc logloss"
).split()


def amlb_rows(records: pd.DataFrame) -> pd.DataFrame:
    """Results with the columns of the AutoML benchmark's results.csv."""
    import flaml
    import sklearn

    import harness

    versions = {"flaml": flaml.__version__}
    rows = []
    for _, one in records.iterrows():
        ours = one.arm.startswith(("playbook", "random/", "baseline"))
        rows.append(
            {
                "id": f"autoresearch/{one.task}",
                "task": one.task,
                "framework": one.arm,
                "constraint": f"{one.budget_s:g}s{one.cores}c",
                "fold": one.split,
                "type": "binary",
                "result": one.score,
                "metric": "auc",
                "mode": "local",
                "version": harness.__version__
                if ours
                else versions.get(one.arm, sklearn.__version__),
                "params": "",
                "app_version": harness.__version__,
                "utc": one.utc,
                "duration": round(one.seconds + one.predict_seconds, 3),
                "training_duration": one.seconds,
                "predict_duration": one.predict_seconds,
                "models_count": max(int(one.tries), 1),
                "seed": one.split,
                "info": one.model,
                "acc": one.acc,
                "auc": one.score,
                "balacc": one.balacc,
                "logloss": one.logloss,
            }
        )
    return pd.DataFrame(rows, columns=AMLB_COLUMNS)


def read_records(path: Path) -> list[dict]:
    """Read the lines that are there; a last line cut short by a crash is dropped."""
    if not path.exists():
        return []
    records, whole = [], 0
    raw = path.read_bytes()
    for line in raw.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        record = json.loads(line)
        record.setdefault("metric", "roc_auc")  # as were all in older files
        record.setdefault("score", record.get("auc"))
        records.append(record)
        whole += len(line)
    if whole != len(raw):
        with path.open("r+b") as file:
            file.truncate(whole)
    return records


def _by_name():
    """This module's function as others import it: from `__main__` it would travel as code."""
    from benchmarks import transfer

    return transfer.one_split


def run_missing(records: list[dict], names: list[str], number: int, args, path: Path) -> list[dict]:
    """Run what is not in the records yet, write each batch as it ends, and return the new ones."""
    began, found, jobs = time.monotonic(), [], []
    for i in range(number):
        have = {r["arm"] for r in records if r["split"] == i}
        todo = [name for name in names if name not in have]
        if todo:
            jobs.append((i, todo, args))
    with contextlib.ExitStack() as stack:
        cluster, width = None, 1
        if args.scheduler and jobs:
            from harness.run.cluster import Cluster

            cluster = stack.enter_context(Cluster(args.scheduler, args.parallel))
            width = args.parallel
        for at in range(0, len(jobs), width):
            batch = jobs[at : at + width]
            results = cluster.run(_by_name(), batch) if cluster else [one_split(*batch[0])]
            for (i, _, _), new in zip(batch, results, strict=True):
                with path.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(record, allow_nan=False) + "\n" for record in new)
                found += new
                said = ", ".join(f"{r['arm']} {r['score']:.3f}" for r in new)
                took = time.monotonic() - began
                print(f"split {i + 1}/{number}, {took:.0f} s: {said}", flush=True)
    return found


def main(argv: list[str] | None = None) -> int:
    """Run what is missing, then print one table and save one figure."""
    parser = argparse.ArgumentParser(prog="transfer", description=__doc__.split("\n")[0])
    known = ", ".join(["heart", *tables.BUILT_IN, *tables.PACKAGED])
    parser.add_argument("--task", default="heart", help=f"{known}, or one's own by name or folder")
    parser.add_argument("--protocol", choices=("transfer", "amlb"), default="transfer")
    parser.add_argument("--splits", type=int, default=20, help="outer splits (default 20)")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds per arm (default 20)")
    parser.add_argument("--iterations", type=int, help="tries of a ratchet, instead of seconds")
    parser.add_argument("--cores", type=int, default=2, help="for every arm (default 2)")
    parser.add_argument("--arms", nargs="+", metavar="ARM", help="some of the arms only")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for results")
    parser.add_argument("--scheduler", help="local, or the address of a Dask scheduler")
    parser.add_argument("--parallel", type=int, default=2, help="splits at a time on the cluster")
    parser.add_argument("--report", action="store_true", help="run nothing, report what is there")
    args = parser.parse_args(argv)
    every = EVERY if args.protocol == "amlb" else ARMS
    unknown = set(args.arms or ()) - set(every)
    if unknown:
        parser.error(f"no arm {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    try:
        task = tables.load_table(args.task).task
    except ValueError as err:
        parser.error(str(err))
    if args.protocol == "amlb" and (task.kind != "binary" or task.groups):
        parser.error("the AutoML benchmark's protocol here is for binary tasks without groups")
    names = list(args.arms or every)
    if (why := arms.no_library(task)) and LIBRARIES & set(names):
        print(why, file=sys.stderr)
        names = [name for name in names if name not in LIBRARIES]

    args.results.mkdir(parents=True, exist_ok=True)
    limit = f"{args.iterations}tries" if args.iterations else f"{args.budget:g}s"
    stem = f"{args.protocol}_{task.name}_{limit}"
    path = args.results / f"{stem}.jsonl"
    records = read_records(path)
    if not args.report:
        number = len(outer_splits(task, args.protocol, args.splits))
        records += run_missing(records, names, number, args, path)
    if not records:
        print("nothing to report", file=sys.stderr)
        return 1

    frame = pd.DataFrame(records)
    order = {name: at for at, name in enumerate(every)}
    frame = frame.sort_values(
        ["arm", "split"], key=lambda c: c.map(order) if c.name == "arm" else c
    )
    held_out = 0.1 if args.protocol == "amlb" else HELD_OUT
    table = summarise(frame, held_out)
    table.round(5).to_csv(args.results / f"{stem}.csv", index=False, lineterminator="\n")
    if args.protocol == "amlb":
        amlb_rows(frame).to_csv(
            args.results / f"{stem}_results.csv", index=False, lineterminator="\n"
        )
    if "vs_baseline" in table:
        title = f"What is gained in validation, and what is left on unseen rows ({task.name})"
        picture, metric = (
            args.results / f"{stem}.png",
            "AUC" if task.metric == "roc_auc" else task.metric,
        )
        words = alt(table, metric)
        plots.save(figure(table, title, metric), picture, alt=words)
        picture.with_suffix(".alt.txt").write_text(words + "\n", "utf-8")
    print(as_text(table))
    if not args.iterations:
        print(longest(frame))
    print(f"saved {stem}.csv and .png in {args.results.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
