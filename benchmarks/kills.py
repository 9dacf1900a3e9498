"""Kill a real run again and again, continue it each time, and count what was lost.

    python -m benchmarks.kills --kills 200

starts `ratchet run` with the real scorer and the playbook agent, ends its whole process group with
SIGKILL at a random moment, and types the same command again, until the run has all its rows. Some
kills fall at a random time; some wait until a log or a row is being written, because the moments
between ledger and git are too short to be met by chance. Every run is compared with one that was
never interrupted. The last line is

    kills 200, rows lost 0, rows doubled 0, disagreements 0
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.evidence.verify import check_agreement
from harness.run.ledger import Ledger, Row
from harness.run.ratchet import Run

REPO = Path(__file__).resolve().parent.parent
WAYS = ("time", "time", "log", "row")  # when to kill: half at a random time
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

    def __str__(self) -> str:
        return (
            f"kills {self.kills}, rows lost {self.lost}, rows doubled {self.doubled}, "
            f"disagreements {len(self.disagreements)}"
        )


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

    def __init__(self, root: Path, iterations: int, seed: int, parallel: int, rng, say):
        self.root, self.rng, self.say = Path(root), rng, say
        self.options = ["--iterations", str(iterations), "--seed", str(seed)]
        self.options += ["--parallel", str(parallel), "--agent", "playbook"]
        self.tally = Tally()
        started = time.monotonic()
        process = self.start("reference")
        while not finished_rows(self.root / "reference") and process.poll() is None:
            time.sleep(0.05)
        self.startup_s = time.monotonic() - started  # until the baseline's row
        if process.wait(PATIENCE_S) != 0:
            raise RuntimeError((self.root / "reference.out").read_text())
        self.expected = [plain(row) for row in finished_rows(self.root / "reference")]
        self.step_s = (time.monotonic() - started - self.startup_s) / iterations

    def start(self, tag: str) -> subprocess.Popen:
        """Type the command."""
        command = [sys.executable, "-m", "harness", "run", "--tag", tag, "--runs", str(self.root)]
        with open(self.root / f"{tag}.out", "ab") as out:
            return subprocess.Popen(
                [*command, *self.options],
                cwd=REPO,
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
                done = process.poll() is not None
                if not done:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            if not done:
                self.tally.kills += 1
                self.tally.by_way[way] = self.tally.by_way.get(way, 0) + 1
                if self.tally.kills % 10 == 0:
                    self.say(f"{tag}, {len(finished_rows(folder))} rows: {self.tally}")
            elif process.returncode:  # not by our hand: say so, and type the command again
                self.tally.failed_starts += 1
                last = (self.root / f"{tag}.out").read_text().splitlines()[-1:]
                self.say(f"{tag}: the command failed by itself: {' '.join(last)}")
                if self.tally.failed_starts > FAILED_STARTS:
                    raise RuntimeError("the command keeps failing")
                done = False
            self.compare(before, finished_rows(folder))
            if not done and self.rng.random() < 0.5:
                self.reopen(tag)  # half the time: what does opening alone put right?
            if done:
                break
        self.tally.runs += 1
        rows = [plain(row) for row in finished_rows(folder)]
        self.tally.lost += max(0, len(self.expected) - len(rows))
        if rows != self.expected:
            self.tally.disagreements.append(f"{tag}: ledger differs from the reference")
        self.tally.disagreements += [f"{tag}: {line}" for line in check_agreement(folder)]

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


def campaign(
    root: Path,
    kills: int,
    *,
    iterations: int = 25,
    seed: int = 0,
    parallel: int = 1,
    random_seed: int = 0,
    say=lambda line: None,
) -> Tally:
    """Kill runs until so many kills are counted; see the module's text."""
    work = Campaign(root, iterations, seed, parallel, random.Random(random_seed), say)
    say(f"reference: {len(work.expected)} rows, {work.startup_s:.1f} s to the first")
    while work.tally.kills < kills:
        tag = f"killed-{work.tally.runs}"
        work.kill_until_done(tag, kills)
        say(f"{tag}: {work.tally} {work.tally.by_way}")
    return work.tally


def main() -> int:
    """Run a campaign from the command line; the exit status is 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--iterations", type=int, default=25)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the agent")
    parser.add_argument("--random-seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as root:
        tally = campaign(
            Path(root),
            args.kills,
            iterations=args.iterations,
            seed=args.seed,
            parallel=args.parallel,
            random_seed=args.random_seed,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    for line in tally.disagreements[:20]:
        print(line)
    print(tally)
    return int(bool(tally.lost or tally.doubled or tally.disagreements))


if __name__ == "__main__":
    raise SystemExit(main())
