"""Kill a real run again and again, continue it each time, and count what was lost.

    python -m benchmarks.kills --kills 200

starts `ratchet run` with the real scorer and the playbook agent, ends its whole process group with
SIGKILL at a random moment, and types the same command again, until the run has all its rows. Some
kills fall at a random time; some wait until a log or a row is being written, because the moments
between ledger and git are too short to be met by chance. Every run is compared with one that was
never interrupted. The last line is

    kills 200, rows lost 0, rows doubled 0, disagreements 0, left behind 0

`--by` chooses how a run is ended: SIGKILL, TERM, INT, HUP, QUIT (sent to the command, which then
has to end by itself, in a line), `worker` (a worker process is killed under it), `kernel` and
`papermill` (the run is lesson 04's, headless). `python -m benchmarks.kills --all 120` shares the
kills out among all of them, with `--parallel` 1 and 2. After each, every process of the run must
end; after each run, nothing of it may be left in the temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from harness import MARK
from harness.evidence.verify import check_agreement
from harness.run.ledger import Ledger, Row
from harness.run.ratchet import Run

REPO = Path(__file__).resolve().parent.parent
WORKER = REPO / "harness" / "sealing" / "worker.py"
WAYS = ("time", "time", "log", "row")  # when to kill: half at a random time
SIGNALS = ("KILL", "TERM", "INT", "HUP", "QUIT")
NOTEBOOK = ("kernel", "papermill")  # who is killed where the run is a notebook's
GONE_S = 20.0  # for the processes of a run that was killed
ENDED_S = 60.0  # for a command that was asked to end
FAILED_STARTS = 5  # a machine may refuse a process now and then; more is a fault
PATIENCE_S = 600.0  # for one start of the command


@dataclass
class Tally:
    """What a campaign counted."""

    kills: int = 0
    by_way: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    disagreements: list[str] = field(default_factory=list)
    runs: int = 0
    failed_starts: int = 0
    left: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"kills {self.kills}, rows lost {self.lost}, rows doubled {self.doubled}, "
            f"disagreements {len(self.disagreements)}, left behind {len(self.left)}"
        )

    def add(self, other: Tally) -> None:
        """Count another campaign, too."""
        for name in ("kills", "lost", "doubled", "disagreements", "runs", "failed_starts", "left"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for way, count in other.by_way.items():
            self.by_way[way] = self.by_way.get(way, 0) + count


def plain(row: Row) -> str:
    """A row without what the clock decides; NaN compares as text."""
    return repr(replace(row, wall_time_s=0.0, started_at=""))


def finished_rows(folder: Path) -> list[Row]:
    """Rows on disk that have their line end."""
    path = folder / "results.tsv"
    return Ledger(path, writable=False).rows if path.exists() else []


class Campaign:
    """Kills runs of one seed under changing tags.

    Parameters
    ----------
    root : Path
        Where the runs go.
    iterations, seed, parallel
        Of every run.
    rng : random.Random
        Decides when to kill.
    say : callable
        Told how far it is.
    """

    def __init__(
        self, root: Path, iterations: int, seed: int, parallel: int, rng, say, by: str = "KILL"
    ):
        self.top, self.root, self.rng, self.say = Path(root), Path(root) / "runs", rng, say
        self.by, self.temporary = by, Path(root) / "tmp"
        for folder in (self.root, self.temporary):
            folder.mkdir(exist_ok=True)
        (self.top / MARK).touch()  # the notebook's runs go here
        for name in ("train.py", "program.md"):
            shutil.copy(REPO / name, self.top)
        if by in NOTEBOOK:
            self.command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd"]
            self.command += [str(self.top), str(REPO / "notebooks" / "04_agent_loop.ipynb")]
            self.command += [str(self.top / "out.ipynb"), "-p", "iterations", str(iterations)]
            self.command += ["-p", "seed", str(seed), "-p", "rule", "confirm", "-r", "tag"]
        else:
            self.command = [sys.executable, "-m", "harness", "run", "--runs", str(self.root)]
            self.command += ["--iterations", str(iterations), "--seed", str(seed)]
            self.command += ["--parallel", str(parallel), "--agent", "playbook", "--tag"]
        self.tally = Tally()
        started = time.monotonic()
        process = self.start("reference")
        while not finished_rows(self.root / "reference") and process.poll() is None:
            time.sleep(0.05)
        self.startup_s = time.monotonic() - started  # until the baseline's row
        if process.wait(PATIENCE_S) != 0:
            raise RuntimeError((self.top / "reference.out").read_text())
        self.expected = [plain(row) for row in finished_rows(self.root / "reference")]
        self.step_s = (time.monotonic() - started - self.startup_s) / iterations

    def start(self, tag: str) -> subprocess.Popen:
        """Type the command."""
        # REPO is on the path for `harness`, and a kernel that papermill starts is this Python's.
        env = os.environ | {"TMPDIR": str(self.temporary), "JUPYTER_PREFER_ENV_PATH": "1"}
        env["PYTHONPATH"] = os.pathsep.join([str(REPO), *filter(None, [env.get("PYTHONPATH")])])
        with open(self.top / f"{tag}.out", "ab") as out:
            return subprocess.Popen(
                [*self.command, tag],
                cwd=self.top,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill_until_done(self, tag: str, kills: int) -> None:
        """Kill and continue one run until it has all its rows."""
        folder = self.root / tag
        while True:
            before = finished_rows(folder)
            process = self.start(tag)
            way = self.rng.choice(WAYS)
            try:
                if self.tally.kills < kills:
                    self.wait_for_moment(process, folder, way, len(before))
                else:
                    process.wait(PATIENCE_S)
            finally:
                killed = process.poll() is None and self.kill(process, tag)
            done = process.returncode == 0
            if killed:
                self.tally.kills += 1
                how = way if self.by == "KILL" else self.by
                self.tally.by_way[how] = self.tally.by_way.get(how, 0) + 1
                if self.tally.kills % 10 == 0:
                    self.say(f"{tag}, {len(finished_rows(folder))} rows: {self.tally}")
            elif not done:  # not by our hand: say so, and type the command again
                self.tally.failed_starts += 1
                last = (self.top / f"{tag}.out").read_text().splitlines()[-1:]
                self.say(f"{tag}: the command failed by itself: {' '.join(last)}")
                if self.tally.failed_starts > FAILED_STARTS:
                    raise RuntimeError("the command keeps failing")
            self.compare(before, finished_rows(folder))
            if not done and self.rng.random() < 0.5 and self.tally.kills < kills:
                self.reopen(tag)  # half the time: what does opening alone put right?
            if done:
                break
        self.tally.runs += 1
        rows = [plain(row) for row in finished_rows(folder)]
        self.tally.lost += max(0, len(self.expected) - len(rows))
        if rows != self.expected and self.by != "worker":  # who was killed has crashed
            self.tally.disagreements.append(f"{tag}: ledger differs from the reference")
        self.tally.disagreements += [f"{tag}: {line}" for line in check_agreement(folder)]
        self.tally.left += [f"{tag}: {path.name}" for path in self.temporary.iterdir()]

    def kill(self, process: subprocess.Popen, tag: str) -> bool:
        """End a run in this campaign's way; False if there was nobody to kill."""
        family = psutil.Process(process.pid).children(recursive=True)
        if self.by == "KILL":
            os.killpg(process.pid, signal.SIGKILL)
        elif victims := self.victims(process, family):
            number = getattr(signal, f"SIG{self.by}", signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.rng.choice(victims), number)
        else:
            process.wait(PATIENCE_S)
            return False
        try:  # a run that lost a worker may go on to its end
            process.wait(PATIENCE_S if self.by == "worker" else ENDED_S)
        except subprocess.TimeoutExpired:
            self.tally.disagreements.append(f"{tag}: SIG{self.by} did not end it")
            process.kill()
            process.wait()
        said = (self.top / f"{tag}.out").read_text(errors="replace")
        if self.by in SIGNALS and "Traceback" in said:
            self.tally.disagreements.append(f"{tag}: SIG{self.by} printed a traceback")
            (self.top / f"{tag}.out").write_text("")
        _, alive = psutil.wait_procs(family, timeout=GONE_S)
        for each in alive:
            self.tally.left.append(f"{tag}: process {' '.join(_line(each))[:80]}")
            each.kill()
        return True

    def victims(self, process: subprocess.Popen, family: list[psutil.Process]) -> list[int]:
        """Numbers of the processes of which one shall be ended."""
        if self.by == "kernel":
            return [p.pid for p in family if "ipykernel" in " ".join(_line(p))]
        if self.by == "worker":
            return [p.pid for p in family if str(WORKER) in _line(p)]
        return [process.pid]

    def wait_for_moment(self, process, folder: Path, way: str, rows: int) -> None:
        """Return at the moment to kill, or when the process ended."""
        moment = self.rng.uniform(0, self.startup_s + 4 * self.step_s)
        end = time.monotonic() + moment
        # Watching for a file: its size or name changes while the step is being written.
        target = rows + self.rng.randint(0, 3)
        log = folder / "logs" / f"{target:04d}.log"
        ledger = folder / "results.tsv"
        give_up = time.monotonic() + PATIENCE_S
        size = None
        while process.poll() is None and time.monotonic() < give_up:
            if way == "time":
                if time.monotonic() >= end:
                    return
                time.sleep(min(0.01, max(0.0, end - time.monotonic())))
                continue
            if way == "log" and log.exists():
                break
            if way == "row":
                try:
                    now = ledger.stat().st_size
                except OSError:
                    now = 0
                if size is not None and now > size:
                    break
                size = now
            time.sleep(0.0002)
        time.sleep(self.rng.choice((0.0, 0.0, 0.0005, 0.002, 0.01)))

    def compare(self, before: list[Row], after: list[Row]) -> None:
        """A row that was finished must still be there, the same, once."""
        kept = {repr(row) for row in after}
        self.tally.lost += sum(repr(row) not in kept for row in before)
        numbers = [row.iteration for row in after]
        self.tally.doubled += len(numbers) - len(set(numbers))

    def reopen(self, tag: str) -> None:
        """Open and close a killed run; afterwards git and ledger must agree."""
        if not (self.root / tag / "run.json").exists():
            return
        with Run.open(tag, root=self.root) as run:
            run.settle()
        for line in check_agreement(self.root / tag):
            self.tally.disagreements.append(f"{tag}: after a kill: {line}")


def _line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def campaign(
    root: Path,
    kills: int,
    *,
    iterations: int = 25,
    seed: int = 0,
    parallel: int = 1,
    random_seed: int = 0,
    by: str = "KILL",
    say=lambda line: None,
) -> Tally:
    """Kill runs until so many kills are counted; see the module's text."""
    work = Campaign(root, iterations, seed, parallel, random.Random(random_seed), say, by)
    say(f"reference: {len(work.expected)} rows, {work.startup_s:.1f} s to the first")
    while work.tally.kills < kills:
        tag = f"killed-{work.tally.runs}"
        work.kill_until_done(tag, kills)
        say(f"{tag}: {work.tally} {work.tally.by_way}")
    return work.tally


def shares(kills: int) -> list[tuple[str, int, int]]:
    """Share kills out among ways and `--parallel`: (way, parallel, kills)."""
    kinds = [(by, k) for by in (*SIGNALS, "worker") for k in (1, 2)]
    kinds += [(by, 1) for by in NOTEBOOK]
    base, more = divmod(kills, len(kinds))
    return [(by, k, base + (n < more)) for n, (by, k) in enumerate(kinds)]


def main() -> int:
    """Run a campaign from the command line; the exit status is 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--iterations", type=int, default=25)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the agent")
    parser.add_argument("--random-seed", type=int, default=0, help="of the moments")
    parser.add_argument("--by", choices=(*SIGNALS, "worker", *NOTEBOOK), default="KILL")
    parser.add_argument("--all", type=int, metavar="KILLS", help="of every kind, in all")
    args = parser.parse_args()
    tally = Tally()
    for by, parallel, kills in (
        shares(args.all) if args.all else [(args.by, args.parallel, args.kills)]
    ):
        with tempfile.TemporaryDirectory(prefix="kills-") as root:
            tally.add(
                campaign(
                    Path(root),
                    kills,
                    iterations=args.iterations,
                    seed=args.seed,
                    parallel=parallel,
                    random_seed=args.random_seed,
                    by=by,
                    say=lambda line: print(line, file=sys.stderr, flush=True),
                )
            )
    for line in [*tally.disagreements, *tally.left][:20]:
        print(line)
    print(", ".join(f"{way} {count}" for way, count in sorted(tally.by_way.items())))
    print(tally)
    return int(bool(tally.lost or tally.doubled or tally.disagreements or tally.left))


if __name__ == "__main__":
    raise SystemExit(main())
