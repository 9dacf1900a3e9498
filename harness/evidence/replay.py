"""The agent that plays an earlier run again, at teaching speed: no network, no key, no surprise.

It proposes what the earlier run tried, in the same order. The harness measures and the ratchet
decides anew, so a class sees the real thing; `play` only prints the recorded lines.

    ratchet run --tag show --agent replay                               the run that ships
    ratchet run --tag show --agent replay --agent-option run=overnight --agent-option delay=3

A run is read from its folder (ledger and git), or from one JSON file, which this module writes:

    python -m harness.evidence.replay runs/overnight overnight.json
"""

import json
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from harness import DATA, RunError
from harness.agents import AgentDone, Proposal, View
from harness.files import read_json
from harness.run import DISCARDED, describe, find_run, read_record, told

FORMAT = "autoresearch-recording/1"
EXAMPLE = DATA / "example_run.json"
DELAY_S = 2.0  # time to read a line and say a word about it
MAX_BYTES = 64 * 1024 * 1024
SCORES = ("val_auc", "val_sd", "delta")
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
    reason: str = ""  # the rule's
    edit_t: float | None = None
    edit_bar: float | None = None
    certified: bool = False

    @property
    def ok(self) -> bool:
        """Whether the candidate was scored."""
        return self.status == "ok"


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

    A ValueError says in one line what to do.
    """
    path = Path(run) if run else EXAMPLE
    if path.is_file():
        return _load_file(path)
    try:
        record = read_record(find_run(run))
        sources = [record.source(row.iteration).decode("utf-8", "replace") for row in record.rows]
    except RunError as error:
        raise ValueError(str(error)) from None
    names = {field.name for field in fields(Tried)} - {"source"}
    tried = tuple(
        Tried(source=source, **{name: getattr(row, name) for name in names})
        for row, source in zip(record.rows, sources, strict=True)
    )
    head = {key: record.settings[key] for key in ("tag", "task", "agent", "rule", "seed")}
    return Recording(**head, tried=tried)


def _load_file(path: Path) -> Recording:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        said = read_json(path)
        if said.pop("format", None) != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        rows = said.pop("tried")
        for row in rows:
            for key in SCORES:
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
    said = {"format": FORMAT} | asdict(recording)
    for row in said["tried"]:
        row |= {key: None for key in SCORES if not math.isfinite(row[key])}  # JSON has no nan
        row["source"] = row["source"].split("\n")
    text = json.dumps(said, indent=1, ensure_ascii=False)
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
        """Give back what was tried at this iteration; AgentDone after the last one."""
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
    for line in lines(load(run)):
        say(line)
        time.sleep(delay)


def lines(recording: Recording) -> Iterator[str]:
    """The lines that the run printed (contract C5)."""
    best = None
    for tried in recording.tried:
        best = tried if tried.decision != DISCARDED else best
        yield from told(tried, best) if best is not None else [describe(tried)]


make = ReplayAgent  # what `get_agent` calls


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
