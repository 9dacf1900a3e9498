"""The agent that plays an earlier run again, at teaching speed: no network, no key, no surprise.

It proposes what the earlier run tried, in the same order. The harness measures and the ratchet
decides anew, so a class sees the real thing; `play` only prints the recorded lines.

    ratchet run --tag show --agent replay                               the run that ships
    ratchet run --tag show --agent replay --agent-option run=overnight --agent-option delay=3

A run is read from its folder (ledger and git), or from one JSON file, which this module writes:

    python -m harness.evidence.replay runs/overnight overnight.json
"""

from __future__ import annotations

import json
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import DATA, RunError
from harness.agents import AgentDone, Proposal, View

FORMAT = "autoresearch-recording/1"
EXAMPLE = DATA / "example_run.json"
DELAY_S = 2.0  # time to read a line and say a word about it
MAX_BYTES = 64 * 1024 * 1024
# What the ratchet writes when the agent brought no usable file, see `ratchet._refusal`.
_NO_FILE = re.compile(r"rejected \(agent: ([a-z ]+)(?:: (.*))?\)\Z", re.DOTALL)


@dataclass(frozen=True)
class Tried:
    """One iteration of a recorded run; test figures are not part of a recording."""

    iteration: int
    hypothesis: str
    val_auc: float  # nan where there was no score
    val_sd: float
    delta: float
    status: str
    decision: str
    commit: str
    source: str


@dataclass(frozen=True)
class Recording:
    """A run as it can be played again."""

    tag: str
    task: str
    agent: str
    rule: str
    seed: int
    tried: tuple[Tried, ...]  # in order; the baseline is first, as iteration 0


def load(run: str | Path | None = None) -> Recording:
    """Read a recording: a JSON file, a run's folder or a run's tag; None for the example.

    Raises
    ------
    ValueError
        In one line that says what to do.
    """
    path = Path(run) if run else EXAMPLE
    if path.is_file():
        return _load_file(path)
    from harness.run import find_run, read_record

    try:
        record = read_record(find_run(run))
    except RunError as error:
        raise ValueError(str(error)) from None
    tried = []
    for row, commit in zip(record.rows, record.commits, strict=True):
        if commit is None:
            raise ValueError(f"the commit of iteration {row.iteration} of {run} is missing")
        source = record.workspace.source_in(commit).decode("utf-8", "replace")
        tried.append(
            Tried(
                row.iteration,
                row.hypothesis,
                row.val_auc,
                row.val_sd,
                row.delta,
                row.status,
                row.decision,
                row.commit,
                source,
            )
        )
    kept = {key: record.settings[key] for key in ("tag", "task", "agent", "rule", "seed")}
    return Recording(**kept, tried=tuple(tried))


def _load_file(path: Path) -> Recording:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        said = json.loads(path.read_text("utf-8"))
        if said.pop("format", None) != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        rows = said.pop("tried")
        for row in rows:
            for key in ("val_auc", "val_sd", "delta"):
                row[key] = math.nan if row[key] is None else float(row[key])
            row["source"] = "\n".join(row["source"])
        tried = tuple(Tried(**row) for row in rows)
        if [t.iteration for t in tried] != list(range(len(tried))):
            raise ValueError("its iterations are not in order")
        return Recording(**said, tried=tried)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is no recording of a run: {error}") from None


def save(recording: Recording, path: str | Path) -> None:
    """Write a recording as one JSON file, sources line by line so that git shows its changes."""
    head = {key: value for key, value in asdict(recording).items() if key != "tried"}
    rows = []
    for tried in recording.tried:
        row = asdict(tried)
        for key in ("val_auc", "val_sd", "delta"):
            row[key] = row[key] if math.isfinite(row[key]) else None  # JSON has no nan
        rows.append(row | {"source": tried.source.split("\n")})
    text = json.dumps({"format": FORMAT, **head, "tried": rows}, indent=1, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


class ReplayAgent:
    """Proposes what a recorded run tried.

    Parameters
    ----------
    run : str or Path, optional
        A run's tag, its folder, or a recording; the example that ships unless given.
    delay : float
        Seconds to wait before each proposal.

    Raises
    ------
    ValueError
        If there is no such run, or the delay is no number of seconds.
    """

    def __init__(
        self, name: str = "replay", *, run: str | Path | None = None, delay: float | str = DELAY_S
    ):
        self.name = name
        self.delay = float(delay)
        if not 0 <= self.delay < 3600:
            raise ValueError(f"delay must be between 0 and 3600 seconds, not {delay!r}")
        self.recording = load(run)
        self._closed = threading.Event()

    def propose(self, view: View) -> Proposal:
        """Give back what was tried at this iteration.

        Raises
        ------
        AgentDone
            After the last recorded iteration.
        """
        tried = self.recording.tried
        if view.iteration >= len(tried):
            raise AgentDone(
                f"the recording of '{self.recording.tag}' has {len(tried) - 1} iterations and is "
                "played to its end",
                cost_source="none",
            )
        now = tried[view.iteration]
        if now.source not in view.pending:  # asked again after a duplicate: that was one, too
            self._closed.wait(self.delay)
        if match := _NO_FILE.match(now.status):
            return Proposal(now.source, note=match[2] or "", outcome=match[1])
        return Proposal(now.source)

    def close(self) -> None:
        """Wait no longer."""
        self._closed.set()


def play(
    run: str | Path | None = None, *, delay: float = DELAY_S, say: Callable[[str], None] = print
) -> None:
    """Print a recorded run line by line, as it looked, without measuring anything."""
    clock = threading.Event()
    for line in lines(load(run)):
        say(line)
        clock.wait(delay)


def lines(recording: Recording) -> Iterator[str]:
    """The lines that the run printed (contract C5)."""
    from harness.run import DISCARDED, Row, describe, describe_best

    best = None
    for t in recording.tried:
        row = Row(
            commit=t.commit,
            val_auc=t.val_auc,
            test_auc=math.nan,
            wall_time_s=0.0,
            status=t.status,
            description=t.hypothesis,
            iteration=t.iteration,
            decision=t.decision,
            delta=t.delta,
            val_sd=t.val_sd,
            agent=recording.agent,
            tokens=None,
            cost_usd=None,
            started_at="",
        )
        best = row if row.decision != DISCARDED else best
        yield describe(row)
        if row.iteration and row.iteration % 10 == 0 and best is not None:
            yield describe_best(best)


def make(name: str = "replay", **options) -> ReplayAgent:
    """Make the agent; ``options`` are those of `ReplayAgent`."""
    try:
        return ReplayAgent(name, **options)
    except TypeError as error:
        raise ValueError(f"agent {name!r}: {error}") from None


def main(argv: list[str] | None = None) -> int:
    """Write the recording of a run: `python -m harness.evidence.replay RUN FILE.json`."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) != 2 or not argv[1].endswith(".json"):
        print("usage: python -m harness.evidence.replay RUN FILE.json", file=sys.stderr)
        return 64
    try:
        recording = load(argv[0])
    except ValueError as error:
        print(f"replay: {error}", file=sys.stderr)
        return 1
    save(recording, argv[1])
    print(f"{argv[1]}: {len(recording.tried) - 1} iterations of '{recording.tag}'")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
