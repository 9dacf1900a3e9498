"""What the harness costs beyond the model's own time, as ratios measured in pairs.

    python -m benchmarks.speed                 # everything, about a quarter of an hour
    python -m benchmarks.speed --only step cold

Every comparison takes turns, A B A B, in one run, and the ratio is the median over the pairs: the
machine may be shared. Between them it rests for a quarter of a second, in which the harness gets
its next workers ready, as it does while an agent thinks; without the rest that work would slow the
other call. "In a row" is without rest. "Bare" is the same program on the same rows in one process:
five folds and the final fit, nothing around them. Results and a description of the machine go to
`benchmarks/results/speed.json`.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

for _name in ("OMP", "OPENBLAS", "MKL"):  # before numpy: bare cross-validation gets one processor
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import numpy as np
import psutil

from harness import REPO
from harness.agents import Proposal
from harness.run.loop import run as run_loop
from harness.run.ratchet import Run
from harness.scoring.scorer import Scorer
from harness.task.task import HEART, Task

REST_S = 0.25
RESULTS = Path(__file__).parent / "results" / "speed.json"
BASELINE = (REPO / "train.py").read_text(encoding="utf-8")
LR = "LogisticRegression(C=1.0, max_iter=500, random_state=42)"


def with_model(name: str, call: str, module: str = "sklearn.ensemble") -> str:
    """Write the baseline with another model."""
    assert LR in BASELINE
    return f"from {module} import {name}\n" + BASELINE.replace(LR, f"{name}({call})")


MODELS = {
    "light": (BASELINE, 30),
    "medium": (with_model("RandomForestClassifier", "n_estimators=300, random_state=0"), 4),
    "heavy": (with_model("RandomForestClassifier", "n_estimators=1600, random_state=0"), 2),
}
BOOSTING = with_model("HistGradientBoostingClassifier", "max_iter=40, random_state=0")


class Bare:
    """The same folds and final fit in this process, without a harness around them."""

    def __init__(self, scorer: Scorer):
        from harness.sealing import worker

        self.scorer, self.worker = scorer, worker
        X, y = scorer.split.X_train, scorer.split.y_train
        self.parts = [(X, y, X, rows.train, rows.new) for rows in scorer.folds()]
        self.parts.append((X, y, scorer.split.X_test, scorer.final.train, scorer.final.new))

    def score(self, source: str) -> list[float]:
        """Return the scores of the folds; the final fit's is left out."""
        job = {"kind": self.scorer.task.kind, "n_outputs": self.scorer.task.n_outputs}
        values = []
        for X, y, X_new, train, new in self.parts:
            rows = (
                X.iloc[train].reset_index(drop=True),
                y[train],
                X_new.iloc[new].reset_index(drop=True),
            )
            raw = np.frombuffer(self.worker.run_candidate(source.encode(), job, *rows), "<f8")
            if X_new is X:
                values.append(self.scorer.task.score_predictions(y[new], raw[1:, None], raw[0]))
        return values


def timed(call) -> tuple[float, object]:
    """Seconds of wall clock, and what the call gave."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def rested(call) -> float:
    """Seconds of a call on a machine that has come to rest."""
    time.sleep(REST_S)
    return timed(call)[0]


def in_a_row(call, count: int) -> float:
    """Median seconds of a call that follows itself at once."""
    return round(float(np.median([timed(call)[0] for _ in range(count)])), 4)


def pairs(a, b, count: int) -> dict:
    """Time two calls in turn and relate them."""
    a(), b()
    times = np.array([(rested(a), rested(b)) for _ in range(count)])
    ratio = times[:, 0] / times[:, 1]
    return {
        "a_s": round(float(np.median(times[:, 0])), 4),
        "b_s": round(float(np.median(times[:, 1])), 4),
        "ratio": round(float(np.median(ratio)), 3),
        "ratio_min": round(float(ratio.min()), 3),
        "ratio_max": round(float(ratio.max()), 3),
        "pairs": count,
    }


@contextlib.contextmanager
def steps(scorer: Scorer):
    """Give a function that takes a program through one step of a run made for it."""
    count = itertools.count(1)
    with (
        tempfile.TemporaryDirectory() as root,
        Run.open("speed", root=Path(root), agent="command", scorer=scorer) as run,
    ):
        run.ensure_baseline()
        # another program each time, with the same work
        yield lambda source: run.step(Proposal(f"{source}\nUNUSED = {next(count)}\n"))


def step() -> dict:
    """A score and a whole step (score, ledger, git) against bare cross-validation."""
    found = {}
    with Scorer() as scorer, steps(scorer) as one_step:
        bare = Bare(scorer)
        for name, (source, n) in MODELS.items():
            same = scorer.score(source).fold_scores == tuple(bare.score(source))
            score = pairs(lambda s=source: scorer.score(s), lambda s=source: bare.score(s), n)
            whole = pairs(lambda s=source: one_step(s), lambda s=source: bare.score(s), n)
            found[name] = {"score": score, "step": whole, "identical": same}
            print(
                f"  {name:<7} bare {score['b_s'] * 1e3:8.1f} ms   score / bare {score['ratio']:.2f}"
                f"   step / bare {whole['ratio']:.2f}   scores identical: {same}",
                flush=True,
            )
    return found


COLD = """
import sys
sys.path.insert(0, {root!r})
import train
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from harness.task.task import HEART
split = HEART.split()
X = train.feature_fn(split.X_train)
cv = StratifiedKFold(5, shuffle=True, random_state=42)
print("val_auc:", cross_val_score(train.build_pipeline(), X, split.y_train, cv=cv,
                                  scoring="roc_auc").mean())
model = train.build_pipeline().fit(X, split.y_train)
print("test_auc:", roc_auc_score(split.y_test, model.predict_proba(
    train.feature_fn(split.X_test))[:, 1]))
"""


def cold() -> dict:
    """A score and a step against a Python that starts, imports and cross-validates itself."""
    code = COLD.format(root=str(REPO))

    def start_python() -> None:
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    with Scorer() as scorer, steps(scorer) as one_step:
        found = {
            "score": pairs(start_python, lambda: scorer.score(BASELINE), 30),
            "step": pairs(start_python, lambda: one_step(BASELINE), 30),
            "in_a_row_s": in_a_row(lambda: scorer.score(BASELINE), 60),
        }
    found["in_a_row_ratio"] = round(found["score"]["a_s"] / found["in_a_row_s"], 1)
    print(
        f"  cold process / warm score {found['score']['ratio']:.1f}; cold process / whole step "
        f"{found['step']['ratio']:.1f}; scores in a row {found['in_a_row_ratio']:.1f}",
        flush=True,
    )
    return found


def command() -> dict:
    """`ratchet step` and `ratchet evaluate` in a fresh process, light candidate, in seconds."""
    found = {}
    with tempfile.TemporaryDirectory() as root:
        train = Path(root, "speed", "workspace", "train.py")
        call = [sys.executable, "-m", "harness"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": REPO}

        def taken(words: list, source: str) -> float:
            (train if train.exists() else Path(root, "train.py")).write_text(source)
            time.sleep(REST_S)
            return timed(lambda: subprocess.run(call + words, check=True, **quiet))[0]

        words = ["step", "--tag", "speed", "--runs", root]
        taken(words, BASELINE)  # the baseline's
        dull = [BASELINE.replace("C=1.0", f"C={10.0 + i}") for i in range(5)]
        kept = [BASELINE.replace("C=1.0", f"C={c}") for c in (0.3, 0.1)]
        for name, sources in (("step", dull), ("step, a gain", kept)):
            times = [taken(words, source) for source in sources]
            found[name] = [round(t, 2) for t in (np.median(times), min(times), max(times))]
        alone = "import sklearn.linear_model, pandas"
        times = [taken_by([sys.executable, "-c", alone]) for _ in range(5)]
        found["imports alone"] = [round(t, 2) for t in (np.median(times), min(times), max(times))]
        evaluate = ["evaluate", str(REPO / "train.py")]
        times = [taken_by(call + evaluate) for _ in range(5)]
        found["evaluate"] = [round(t, 2) for t in (np.median(times), min(times), max(times))]
    for name, (middle, low, high) in found.items():
        print(f"  {name:<14} {middle:.2f} s ({low:.2f} to {high:.2f})", flush=True)
    return found


def taken_by(words: list[str]) -> float:
    """Seconds of a process on a machine at rest."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": REPO}
    return rested(lambda: subprocess.run(words, check=True, **quiet))


def memory() -> dict:
    """What a light score costs beyond its fits: forks and copied pages, at this machine's price."""
    with Scorer() as scorer:
        for _ in range(3):
            scorer.score(BASELINE)
        (template,) = scorer.sandbox._pool.templates.values()
        stat = Path(f"/proc/{template.process.pid}/stat")
        before, count = child_faults(stat), 10
        score_s = in_a_row(lambda: scorer.score(BASELINE), count)
        faults = (child_faults(stat) - before) / count
        rss = psutil.Process(template.process.pid).memory_info().rss / 2**20
    pages = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    found = {
        "huge_pages": pages.partition("[")[2].partition("]")[0],
        "fresh_page_us": round(1e6 * page_s(copied=False), 3),
        "copied_page_us": round(1e6 * page_s(copied=True), 3),
        "fork_ms": round(1e3 * fork_s(), 3),
        "template_mib": round(rss, 1),
        "score_in_a_row_ms": round(1e3 * score_s, 1),
        "faults_per_score": round(faults),
        "forks_per_score": len(HEART_JOBS),
    }
    told = found["faults_per_score"] * found["copied_page_us"] / 1e3
    found["faults_ms"] = round(told, 1)
    found["forks_ms"] = round(len(HEART_JOBS) * found["fork_ms"], 1)
    print(
        "  huge pages {huge_pages}; processor time of a fresh page {fresh_page_us} us, of a copied "
        "one {copied_page_us} us, of a fork {fork_ms} ms\n  a light score in a row "
        "{score_in_a_row_ms} ms: {faults_per_score} page faults ({faults_ms} ms of processor "
        "time), {forks_per_score} forks ({forks_ms} ms)".format(**found),
        flush=True,
    )
    return found


HEART_JOBS = range(6)  # five folds and the final fit


def child_faults(stat: Path) -> int:
    """Page faults without a disk of the children of a process that have ended."""
    return int(stat.read_text().rpartition(")")[2].split()[8])


def page_s(copied: bool, mib: int = 64) -> float:
    """Processor seconds of the first write to a page: made, or copied after a fork."""
    import mmap

    area = mmap.mmap(-1, mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.madvise(mmap.MADV_NOHUGEPAGE)
    places = range(0, mib << 20, mmap.PAGESIZE)

    def write() -> float:
        began = time.process_time()
        for at in places:
            area[at] = 1
        return time.process_time() - began

    first, again = write(), write()
    if copied:
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, str(write()).encode())
            os._exit(0)
        first = float(os.read(reader, 100))
        os.wait()
        os.close(reader)
        os.close(writer)
    area.close()
    return (first - again) / len(places)


def fork_s(count: int = 20) -> float:
    """Processor seconds that a fork takes this process, whose libraries are the template's."""

    def fork() -> float:
        began = time.process_time()
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        return time.process_time() - began

    return float(np.median([fork() for _ in range(count)]))


class Peak:
    """Samples the memory of this process's family: proportional set size, in MiB."""

    def __enter__(self) -> Peak:
        self.peak, self.stop = 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        me = psutil.Process()
        while not self.stop.wait(0.02):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total / 2**20)

    def __exit__(self, *exc) -> None:
        self.stop.set()
        self.thread.join()


def made(rows: int, columns: int) -> Task:
    """Make a task of this size."""
    import pandas as pd

    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, columns))
    y = (X[:, :8].sum(axis=1) + rng.standard_normal(rows) * 3 > 0).astype(np.int64)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(columns)])
    return Task.from_frames(f"made-{rows}-{columns}", frame, y, budget_s=1800.0)


def size() -> dict:
    """Overhead and memory by rows and columns, one worker, so that only the harness differs."""
    found = {}
    for rows, columns in [(303, 13), (3000, 13), (30000, 13), (100000, 13), (20000, 500)]:
        task = made(rows, columns)
        data = task.load()[0].memory_usage(index=False).sum() / 2**20
        with Scorer(task, workers=1) as scorer:
            bare = Bare(scorer)
            figures = pairs(lambda s=scorer: s.score(BOOSTING), lambda b=bare: b.score(BOOSTING), 3)
            with Peak() as idle:
                time.sleep(0.3)
            with Peak() as alone:
                bare.score(BOOSTING)
            with Peak() as whole:
                scorer.score(BOOSTING)
        extra = (whole.peak - idle.peak) - (alone.peak - idle.peak)
        found[f"{rows}x{columns}"] = figures | {
            "data_mib": round(float(data), 1),
            "extra_peak_mib": round(extra, 1),
        }
        print(
            f"  {rows:>6} x {columns:<3} score / bare {figures['ratio']:.2f}   data {data:.1f} MiB"
            f"   peak beyond bare {extra:+.0f} MiB",
            flush=True,
        )
    return found


def workers() -> dict:
    """Two workers against one."""
    source, n = MODELS["medium"]
    with Scorer(workers=1) as one, Scorer(workers=2) as two:
        same = one.score(source).fold_scores == two.score(source).fold_scores
        found = pairs(lambda: two.score(source), lambda: one.score(source), n)
    print(f"  two workers / one {found['ratio']:.2f}   scores identical: {same}", flush=True)
    return found | {"identical": same}


def loop(iterations: int) -> dict:
    """A whole playbook run: steps per minute, and where the time goes."""
    from harness.agents import get_agent

    spent = dict.fromkeys(("agent", "score", "fresh folds", "probe", "rest"), 0.0)

    def watched(name: str, call):
        def inside(*args, **kwargs):
            seconds, result = timed(lambda: call(*args, **kwargs))
            spent[name] += seconds
            return result

        return inside

    with Scorer() as scorer, tempfile.TemporaryDirectory() as root:
        scorer.score = watched("score", scorer.score)
        scorer.fold_scores = watched("fresh folds", scorer.fold_scores)
        scorer.probe = watched("probe", scorer.probe)
        agent = get_agent("playbook")
        agent.propose = watched("agent", agent.propose)
        run = Run.open("speed", root=Path(root), agent="playbook", scorer=scorer)
        total, _ = timed(lambda: run_loop(run, agent, iterations=iterations))
        run.close()
    spent["rest"] = total - sum(spent.values())
    shares = {name: round(seconds / total, 3) for name, seconds in spent.items()}
    found = {
        "iterations": iterations,
        "per_minute": round(60 * iterations / total, 1),
        "shares": shares,
    }
    print(f"  {found['per_minute']} steps a minute; time: {shares}", flush=True)
    return found


KEPT_AT = (303, 5_000, 50_000)  # rows of 13 columns


def keep() -> dict:
    """What a keep costs beyond its score, in scores: fresh folds of five seeds, and probes."""
    found = {}
    for rows in KEPT_AT:
        for name, source in (("light", BASELINE), ("medium", BOOSTING)):
            task = HEART if rows == 303 else made(rows, 13)
            one = found[f"{rows} {name}"] = one_keep(task, source)
            fresh = f"fresh folds {one['fresh']:.1f} ({one['fresh_fits']} fits)"
            probes = f"probes {one['probing']:.1f} ({one['probe_fits']} fits"
            print(
                f"  {rows:>6} rows, {name:<6} score {one['score_s']:6.2f} s   keep "
                f"{one['keep']:.1f} scores: {fresh}, {probes}; first {one['first_probing']:.1f})",
                flush=True,
            )
    return found


def one_keep(task: Task, source: str) -> dict:
    """The same for one program; the incumbent's fresh folds are known."""
    from harness.rules import CONFIRM_SEEDS

    with Scorer(task) as scorer:
        fits = counted(scorer)
        scores = [timed(lambda: scorer.score(source)) for _ in range(4)][1:]
        score_s, score = float(np.median([seconds for seconds, _ in scores])), scores[0][1]
        fits.clear()
        fresh_s, _ = timed(lambda: [scorer.fold_scores(source, (seed,)) for seed in CONFIRM_SEEDS])
        fresh_fits = sum(fits)
        fits.clear()
        first_s, probed = timed(lambda: scorer.probe(source, score))
        probe_fits = sum(fits)
        probe_s, _ = timed(lambda: scorer.probe(source, score))
    times = {"fresh": fresh_s, "first_probing": first_s, "probing": probe_s}
    shares = {name: round(seconds / score_s, 2) for name, seconds in times.items()}
    shares["keep"] = round((fresh_s + probe_s) / score_s, 2)
    told = {"fresh_fits": fresh_fits, "probe_fits": probe_fits, "status": probed.status}
    return {"score_s": round(score_s, 3)} | shares | told


def counted(scorer: Scorer) -> list[int]:
    """Give a list that grows by the number of fits whenever the scorer has some done."""
    counts, run = [], scorer.sandbox.run

    def counting(groups, *args, **options):
        counts.append(sum(map(len, groups)))
        return run(groups, *args, **options)

    scorer.sandbox.run = counting
    return counts


class OneNumber:
    """An agent of light programs: the baseline with another penalty each time."""

    name = "command"

    def propose(self, view) -> Proposal:
        return Proposal(BASELINE.replace("C=1.0", f"C={1 + view.iteration / 1000}"))

    def close(self) -> None:
        """Nothing to give back."""


def flat() -> dict:
    """A thousand light iterations: does time, memory, handles or processes grow?

    Every fifth iteration bare cross-validation is timed beside it, so that a machine that gets
    slower is not taken for a loop that does.
    """
    marks, resumed, me = [], [], psutil.Process()

    def on_row(*_) -> None:
        now = time.perf_counter()
        family = [me, *me.children(True)]
        memory = sum(p.memory_info().rss for p in family if p.is_running())
        handles = sum(p.num_fds() for p in family if p.is_running())
        beside = np.nan if len(marks) % 5 else timed(lambda: bare.score(BASELINE))[0]
        marks.append(
            (now - resumed[-1] if resumed else np.nan, memory, handles, len(family), beside)
        )
        resumed.append(time.perf_counter())

    with Scorer() as scorer, tempfile.TemporaryDirectory() as root:
        bare = Bare(scorer)
        run = Run.open("flat", root=Path(root), agent="command", scorer=scorer)
        run_loop(run, OneNumber(), iterations=1000, on_row=on_row)
        run.close()
    early, late = slice(100, 200), slice(-100, None)
    found = {"iterations": len(marks) - 1}
    table = np.array(marks)
    steps, beside = (
        np.nanmedian(table[late, at]) / np.nanmedian(table[early, at]) for at in (0, -1)
    )
    found["time_ratio"] = round(float(steps / beside), 3)
    found["bare_time_ratio"] = round(float(beside), 3)
    for at, name in enumerate(("memory", "handles", "processes"), start=1):
        growth = float(np.median(table[late, at]) - np.median(table[early, at]))
        found[f"{name}_growth"] = round(growth / 2**20, 1) if name == "memory" else growth
    print(
        f"  last 100 iterations / iterations 100 to 200: time {found['time_ratio']} (bare beside "
        f"it {found['bare_time_ratio']}, divided out), memory "
        f"{found['memory_growth']:+} MiB, handles {found['handles_growth']:+g}, processes "
        f"{found['processes_growth']:+g}",
        flush=True,
    )
    return found


def machine() -> dict:
    """Describe the machine without naming it."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    import sklearn

    return {
        "processor": model,
        "cores": len(psutil.Process().cpu_affinity())
        if sys.platform == "linux"
        else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "load_average": [round(x, 1) for x in os.getloadavg()],
    }


PARTS = {
    **{"step": step, "cold": cold, "command": command, "memory": memory},
    **{"keep": keep, "size": size},
    **{"workers": workers, "loop": loop, "flat": flat},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--iterations", type=int, default=200, help="of the whole run (200)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {}
    found["machine"] = machine()
    print(f"task {HEART.name}, {found['machine']}", flush=True)
    for name in options.only:
        print(f"{name}: {PARTS[name].__doc__.splitlines()[0]}", flush=True)
        found[name] = PARTS[name](options.iterations) if name == "loop" else PARTS[name]()
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
