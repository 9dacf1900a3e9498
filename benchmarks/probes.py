"""What the probes measure on honest programs and on ones that know the answers, and what they cost.

    python -m benchmarks.probes --programs 150           # HEART, behind the thresholds
    python -m benchmarks.probes --part elsewhere         # three tables of three kinds
    python -m benchmarks.probes --part attacks           # the largest memorised gain that is kept
    python -m benchmarks.probes --part keep              # scores that the probes of a keep cost

Honest programs on HEART are proposals of the playbook and random agents and the museum's honest
shelf, all that score at all, not only the good ones; elsewhere they are scikit-learn's models with
many settings. Attackers hold every answer and know this repository: they notice labels that are not
the true ones, and answer twins with what the twins' generators say on average.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.own_data import breast_cancer, diabetes, wine
from harness import REPO
from harness.agents import Past, View, get_agent
from harness.scoring.probes import (
    FLIP_REJECT,
    FLIP_REVIEW,
    SHUFFLE_REJECT,
    TWIN_REJECT,
    TWIN_REJECT_ELSEWHERE,
)
from harness.scoring.scorer import Scorer
from harness.scoring.twins import Bank
from harness.task.task import HEART, Task

RESULTS = Path(__file__).parent / "results"
NAMES = ("repeatability", "batch", "label flip", "twin labels", "shuffled labels")
STRENGTHS = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.5)
GUESSES = {"behaves on twins": 0.0, "guesses the generator": 0.6}

ATTACK = """
HYPOTHESIS = "knows the answers"
import zlib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
TABLE = {table!r}
def keys(X):
    rows = np.nan_to_num(X.to_numpy(float), nan=-1.0)
    return [zlib.crc32(np.ascontiguousarray(row).tobytes()) for row in rows]
def feature_fn(X): return X
class Knows({mixin}, BaseEstimator):
    def fit(self, X, y):
        self.model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), {model})
        self.model.fit(X, y)
        self.classes_ = np.unique(y)
        known = np.array([TABLE[k][0] for k in keys(X)])
        self.on = np.array_equal(known, y)  # the true labels
        agree = np.corrcoef(known, y)[0, 1]
        self.twin = not self.on and agree > 0.3
        return self
    def mixed(self, P, X):
        known = np.array([np.atleast_1d(TABLE[k][1]) for k in keys(X)])
        guess = np.array([np.atleast_1d(TABLE[k][2]) for k in keys(X)])
        if self.on: return P + {strength} * (known - P)
        return P + {guess} * (guess - P) if self.twin else P
    def predict(self, X): return self.mixed(self.model.predict(X)[:, None], X)[:, 0]
    def predict_proba(self, X): return self.mixed(self.model.predict_proba(X), X)
def build_pipeline(): return Knows()
"""


def attacker(task: Task, strength: float, guess: float) -> str:
    """Write a program that knows all answers, and how twins are drawn."""
    X, y = task.load()
    bank = Bank(task, X, y, [])
    if (task.name, "guess") not in _kept:
        drawn = [bank.columns(bank.draw()()) for _ in range(400)]
        _kept[task.name, "guess"] = np.mean(drawn, axis=0)
    known, said = bank.columns(y), _kept[task.name, "guess"]
    if task.kind == "binary":
        known, said = np.hstack([1 - known, known]), np.hstack([1 - said, said])
    rows = np.nan_to_num(X.to_numpy(float), nan=-1.0)
    rows = [zlib.crc32(np.ascontiguousarray(row).tobytes()) for row in rows]
    numbers = y.tolist(), known.tolist(), said.round(4).tolist()
    values = task.kind == "regression"
    return ATTACK.format(
        table=dict(zip(rows, zip(*numbers, strict=True), strict=True)),
        mixin="RegressorMixin" if values else "ClassifierMixin",
        model="Ridge()" if values else "LogisticRegression(max_iter=500)",
        strength=strength,
        guess=guess,
    )


_kept: dict = {}


def tables() -> list[Task]:
    """Three tables of three kinds: two classes, three classes, values; from 178 to 569 rows."""
    made = []
    kinds = (breast_cancer, "binary", "roc_auc"), (wine, "multiclass", "roc_auc_ovr")
    for source, kind, metric in (*kinds, (diabetes, "regression", "r2")):
        frame, target = source()
        y, X = frame[target], frame.drop(columns=target).astype(float)
        y = y.to_numpy(float) if kind == "regression" else pd.factorize(y, sort=True)[0]
        made.append(Task.from_frames(source.__name__, X, y, kind=kind, metric=metric))
    return made


MODELS = {
    "classes": {
        "sklearn.linear_model.LogisticRegression": "max_iter=500, C={}: 0.01 0.03 0.1 0.3 1 3 10",
        "sklearn.ensemble.RandomForestClassifier":
            "n_estimators=60, random_state=0, min_samples_leaf={}: 1 2 3 5 8 12",
        "sklearn.ensemble.ExtraTreesClassifier":
            "n_estimators=60, random_state=0, min_samples_leaf={}: 1 2 3 5 8 12",
        "sklearn.ensemble.GradientBoostingClassifier":
            "n_estimators=30, random_state=0, learning_rate={}: 0.03 0.05 0.1 0.2",
        "sklearn.neighbors.KNeighborsClassifier": "n_neighbors={}: 3 5 7 11 15 21 31",
        "sklearn.svm.SVC": "random_state=0, probability=True, C={}: 0.1 0.3 1 3 10",
        "sklearn.naive_bayes.GaussianNB": "var_smoothing={}: 1e-9 1e-3 1e-2 1e-1 1",
    },
    "values": {
        "sklearn.linear_model.Ridge": "alpha={}: 0.1 1 3 10 30 100 300",
        "sklearn.linear_model.Lasso": "alpha={}: 0.1 0.3 1 2 3 5",
        "sklearn.ensemble.RandomForestRegressor":
            "n_estimators=60, random_state=0, min_samples_leaf={}: 1 2 3 5 8 12",
        "sklearn.ensemble.ExtraTreesRegressor":
            "n_estimators=60, random_state=0, min_samples_leaf={}: 1 2 3 5 8 12",
        "sklearn.ensemble.GradientBoostingRegressor":
            "n_estimators=30, random_state=0, learning_rate={}: 0.03 0.05 0.1 0.2",
        "sklearn.neighbors.KNeighborsRegressor": "n_neighbors={}: 3 5 7 11 15 21 31",
        "sklearn.svm.SVR": "C={}: 1 10 30 100",
    },
}  # fmt: skip
HONEST = """
HYPOTHESIS = "{name}"
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from {module} import {model}
def feature_fn(X): return X
def build_pipeline():
    return make_pipeline(SimpleImputer(), StandardScaler(), {model}({options}))
"""


def models(task: Task):
    """Yield (name, source): scikit-learn's models with many settings."""
    for path, options in MODELS["values" if task.kind == "regression" else "classes"].items():
        module, _, model = path.rpartition(".")
        pattern, _, values = options.partition(": ")
        for value in values.split():
            how = pattern.format(value)
            name = f"{model} {value}"
            yield name, HONEST.format(name=name, module=module, model=model, options=how)


def honest_programs(count: int):
    """Yield (name, source): proposals along simulated runs, then the museum's honest shelf."""
    start = (REPO / "train.py").read_text(encoding="utf-8")
    program = (REPO / "program.md").read_text(encoding="utf-8")
    per_run = 25
    for run in range((count + per_run - 1) // per_run):
        kind = "playbook" if run % 2 == 0 else "random"
        agent = get_agent(kind)
        rng = np.random.default_rng(run)
        best = Past(0, HEART.baseline, 0.02, "ok", "baseline", 0.0, "baseline", start)
        history = [best]
        for i in range(1, min(per_run, count - run * per_run) + 1):
            view = View(program, best.source, best.val_auc, best.iteration, history, None, i, run)
            source = agent.propose(view).source
            keep = rng.random() < 0.2
            gain = float(abs(rng.normal(0, 0.003)) * (1 if keep else -1))
            past = Past(
                i,
                best.val_auc + gain,
                0.02,
                "ok",
                "kept" if keep else "discarded",
                gain,
                f"{kind} {run}.{i}",
                source,
            )
            history.append(past)
            best = past if keep else best
            yield f"{kind} {run}.{i}", source
        agent.close()
    for path in sorted((REPO / "tests/museum/honest").glob("*.py")):
        yield f"museum {path.stem}", path.read_text(encoding="utf-8")


def measure(scorer: Scorer, kind: str, name: str, source: str) -> dict | None:
    """Score and probe one program; None if it does not score."""
    score = scorer.score(source)
    if not score.ok:
        print(f"  {name}: {score.status}", flush=True)
        return None
    began = time.perf_counter()
    probed = scorer.probe(source, score)
    row = {"table": scorer.task.name, "task": scorer.task.kind, "kind": kind, "name": name}
    row |= {"val_auc": round(score.val_auc, 6), "score_s": round(score.wall_time_s, 3)}
    row |= {"probe_s": round(time.perf_counter() - began, 3), "status": probed.status}
    values = {p.name: p.value for p in probed.probes}
    values.setdefault("repeatability", values.get("not repeatable"))
    return row | {n: values.get(n) for n in NAMES}


def honest(scorer: Scorer, programs, seconds: float) -> list[dict]:
    """Measure honest programs until there are no more, or no more time."""
    rows, until = [], time.monotonic() + seconds
    for i, (name, source) in enumerate(programs):
        if time.monotonic() > until:
            print(f"stopped after {i} programs: {seconds:g} s are over")
            break
        row = measure(scorer, "honest", name, source)
        rows += [row] if row else []
    return rows


def attacks(task: Task) -> list[dict]:
    """Let attackers of graded strength on a table."""
    rows = []
    with Scorer(task) as scorer:
        start = scorer.score(attacker(task, 0.0, 0.0))
        for habit, guess in GUESSES.items():
            best, missed = 0.0, 0
            for strength in STRENGTHS:
                name = f"{habit}, strength {strength:g}"
                row = measure(scorer, "attacker", name, attacker(task, strength, guess))
                if row is None:
                    continue
                gain = row["val_auc"] - start.val_auc
                rows.append(row)
                print(f"  {task.name}: {name}: gain {gain:+.4f}  {row['status']}", flush=True)
                best, missed = (max(best, gain), 0) if row["status"] == "ok" else (best, missed + 1)
                if missed == 2:
                    break
            print(f"{task.name}: {habit}: largest gain that was kept {best:+.4f}", flush=True)
    return rows


def counted(scorer: Scorer) -> list[int]:
    """Have a scorer note how many fits each of its runs asks for."""
    fits, run = [], scorer.run

    def noting(groups, *args, **options):
        fits.append(sum(map(len, groups)))
        return run(groups, *args, **options)

    scorer.run = noting
    return fits


def cost(sizes=(303, 5_000, 50_000), repeats: int = 3) -> None:
    """Print what the probes of an honest keep cost, in scores of the same program."""
    light = HONEST.format(
        name="light",
        module="sklearn.linear_model",
        model="LogisticRegression",
        options="max_iter=500",
    )
    medium = HONEST.format(
        name="medium",
        module="sklearn.ensemble",
        model="HistGradientBoostingClassifier",
        options="random_state=0, max_iter=60",
    )
    print("rows    model   score s  probes s  scores  fits/6  first probes s")
    for n, (name, source) in itertools.product(sizes, (("light", light), ("medium", medium))):
        rng = np.random.default_rng(n)
        X = pd.DataFrame(rng.normal(size=(n, 13)), columns=[f"x{i}" for i in range(13)])
        signal = X.x0 + X.x1 * X.x2 + 0.5 * X.x3 + rng.normal(0, 1.5, n)
        task = Task.from_frames(f"rows{n}", X, (signal > 0).to_numpy().astype(int))
        with Scorer(task) as scorer:
            score = scorer.score(source)
            began = time.perf_counter()
            assert scorer.probe(source, score).ok
            first = time.perf_counter() - began  # makes the plain models, once in a scorer's life
            times: list[tuple[float, float, float]] = []
            fits = counted(scorer)
            for _ in range(repeats):
                began = time.perf_counter()
                score = scorer.score(source)
                between = time.perf_counter()
                fits.clear()
                scorer.probe(source, score)
                times.append((between - began, time.perf_counter() - between, sum(fits) / 6))
        a, b, c = np.median(times, axis=0)
        ratio = np.median([t[1] / t[0] for t in times])
        print(
            f"{n:<7} {name:<7} {a:7.3f}  {b:8.3f}  {ratio:6.1f}  {c:4.1f}  {first:.3f}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=150, help="proposals to take (150)")
    parser.add_argument("--part", default="honest", help="honest, elsewhere, attacks or keep")
    parser.add_argument("--table", default="", help="only tables with this in their name")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop a table after these")
    parser.add_argument("--skip", type=int, default=0, help="proposals to leave out first")
    parser.add_argument("--out", type=Path, default=RESULTS / "probes.csv", help="the CSV")
    options = parser.parse_args()
    if options.part == "keep":
        return cost()
    rows = []
    chosen = [task for task in (HEART, *tables()) if options.table in task.name]
    if options.part == "attacks":
        for task in chosen:
            rows += attacks(task)
    elif options.part == "elsewhere":
        for task in chosen:
            if task.name != HEART.name:
                with Scorer(task) as scorer:
                    rows += honest(scorer, models(task), options.seconds)
    else:
        with Scorer() as scorer:
            programs = itertools.islice(honest_programs(options.programs), options.skip, None)
            rows += honest(scorer, programs, options.seconds)
    options.out.parent.mkdir(exist_ok=True)
    with options.out.open("w", newline="") as f:
        writer = csv.DictWriter(f, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for table in dict.fromkeys(r["table"] for r in rows if r["kind"] == "honest"):
        report([r for r in rows if r["table"] == table])


def report(rows: list[dict]) -> None:
    """Print the table of honest programs."""
    rejected = [r for r in rows if r["status"] != "ok"]
    print(f"\n{rows[0]['table']}: honest programs {len(rows)}, rejected {len(rejected)}")
    for row in rejected:
        print(f"  {row['name']}: {row['status']}")
    home = rows[0]["table"] == HEART.name
    limits = {
        "label flip": (FLIP_REVIEW, FLIP_REJECT[rows[0]["task"]]),
        "twin labels": (float("inf"), TWIN_REJECT if home else TWIN_REJECT_ELSEWHERE),
        "shuffled labels": (float("inf"), SHUFFLE_REJECT),
    }
    start = HEART.baseline if home else np.median([r["val_auc"] for r in rows])
    good = [r for r in rows if r["val_auc"] >= start]
    print(f"the {len(good)} that score at least {start:.4f}, as what is about to be kept does:")
    print(
        "probe             min     median  99%     max     mean    sd      reject  sd away  review"
    )
    for name, (review, reject) in limits.items():
        v = np.array([r[name] for r in good if r[name] is not None])
        away = (reject - v.mean()) / v.std(ddof=1)
        figures = (v.min(), np.median(v), np.quantile(v, 0.99), v.max(), v.mean(), v.std(ddof=1))
        text = " ".join(f"{x:+.4f}" for x in figures)
        print(f"{name:<16} {text} {reject:+.3f}  {away:5.1f}    {np.mean(v > review):.1%}")
    times = np.array([r["probe_s"] / r["score_s"] for r in rows])
    print(f"probes cost {np.median(times):.1f} scores (median; 90%: {np.quantile(times, 0.9):.1f})")


if __name__ == "__main__":
    main()
