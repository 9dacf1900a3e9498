"""Two Dask workers against one: how many more candidates an hour, and the same ledger?

Both clusters are up at the same time and take turns over the same candidates (random forests that
take most of a score's time), so that what else the machine does hits both alike. Every worker
scores one fold at a time. Prints the ratio of each pair and their median.

    python -m benchmarks.cluster
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

from harness.run.cluster import ClusterScorer
from harness.scoring.score import Score
from harness.sealing.sandbox import usable_cpus
from harness.task.task import HEART

FOREST = '''"""A model heavy enough that scoring it is the work."""

from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

HYPOTHESIS = "a forest of {trees} trees, seed {seed}"


def feature_fn(X):
    return X


def build_pipeline():
    forest = RandomForestClassifier({trees}, random_state={seed})
    return make_pipeline(SimpleImputer(strategy="median"), forest)
'''


def batch(size: int, trees: int, first: int) -> list[str]:
    """Make candidates that differ in their seed."""
    return [FOREST.format(trees=trees, seed=first + i) for i in range(size)]


def same(one: list[Score], two: list[Score]) -> bool:
    """Whether two lists of scores would give the same ledger."""
    return [(s.status, s.fold_scores, s.test_auc) for s in one] == [
        (s.status, s.fold_scores, s.test_auc) for s in two
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8, help="candidates per measurement")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    ratios, hourly, equal = [], [], True
    with (
        ClusterScorer(HEART, "local", workers=1) as one,
        ClusterScorer(HEART, "local", workers=args.workers) as many,
    ):
        for scorer in (one, many):  # workers start, templates warm up
            scorer.score_many(batch(2 * args.workers, 10, 0))
        for pair in range(args.pairs):
            sources = batch(args.batch, args.trees, 1000 * (pair + 1))
            seconds, scores = {}, {}
            order = [("one", one), ("many", many)]
            for name, scorer in order if pair % 2 else order[::-1]:
                began = time.perf_counter()
                scores[name] = scorer.score_many(sources)
                seconds[name] = time.perf_counter() - began
            equal &= same(scores["one"], scores["many"])
            ratios.append(seconds["one"] / seconds["many"])
            hourly.append([3600 * args.batch / seconds[name] for name in ("one", "many")])
            print(
                f"pair {pair + 1}: {hourly[-1][0]:.0f} candidates an hour with one worker, "
                f"{hourly[-1][1]:.0f} with {args.workers}: {ratios[-1]:.2f} times",
                flush=True,
            )
    found = {
        "workers": args.workers,
        "batch": args.batch,
        "trees": args.trees,
        "ratios": ratios,
        "median_ratio": statistics.median(ratios),
        "candidates_per_hour": hourly,
        "same_scores": equal,
        "cpus": usable_cpus(),
        "machine": platform.platform(),
    }
    print(
        f"median: {found['median_ratio']:.2f} times the candidates an hour with {args.workers} "
        f"workers on {found['cpus']} processors; scores {'equal' if equal else 'DIFFER'}"
    )
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
