"""A time budget that holds: what does not fit into it stays undecided, and is decided first later.

Before each piece of work (a score, fresh folds, a probing) and within it the clock is looked at.
What is not decided in time is stored with what it cost and all figures known by then. A run that
goes on decides it first, as it would have been decided with more time.
"""

import contextlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple

from harness.agents import Proposal
from harness.files import read_json, write_file
from harness.run.ledger import Row
from harness.run.words import no
from harness.scoring import Probe, Score

UNDECIDED = "undecided.json"  # in a run's folder: candidates without a row


class OutOfTime(Exception):
    """The time budget is used up in the middle of a piece of work."""


class Pace:
    """A run's scorer under the clock.

    A call of `run` that goes on where time ran out may finish its first piece of work whatever the
    clock says: with however little time, a run gets on.
    """

    def __init__(self, run):
        self._run, self.path = run, run.path / UNDECIDED
        self._deadline, self._clock = math.inf, time.monotonic
        self._granted = False  # whether the next piece of work may take what it takes
        self._longest = 0.0  # seconds of a score of this run
        self._catching_up = False  # whether the file's candidates are being decided
        self._later: list[Proposal] = []  # undecided, for a call that may write more rows
        self._scores: dict[str, Score] = {}  # of what is not decided, by source
        self._fresh: dict[str, dict[str, list[float]]] = {}  # fold scores by source and seed

    @contextlib.contextmanager
    def until(self, deadline: float, clock=time.monotonic):
        """Raise `OutOfTime` from pieces of work that are not done at `deadline`."""
        self._deadline, self._clock = deadline, clock
        try:
            yield
        finally:
            self._deadline, self._granted = math.inf, False

    def look(self) -> None:
        """Raise `OutOfTime` if it is."""
        if self._clock() >= self._deadline:
            raise OutOfTime

    @contextlib.contextmanager
    def piece(self):
        """One piece of work; workers of this machine are cut off when time is out."""
        sandbox = getattr(self._run.scorer, "sandbox", None) or self  # a cluster has none here
        if not self._granted:
            self.look()
            sandbox.on_wait = self.look
        try:
            yield
        finally:
            self._granted, sandbox.on_wait = False, None

    def _parts(self, todo: list) -> Iterator[list]:
        """Side by side; one by one where time may not be enough for all, or is not for any."""
        left = self._deadline - self._clock()
        at_once = len(todo) if left > 2 * len(todo) * self._longest > 0 or left == math.inf else 1
        return (todo[at : at + at_once] for at in range(0, len(todo), at_once or 1))

    def score_many(self, sources: Sequence[str]) -> Iterator[Score]:
        """Give scores in the order asked for, each when it is needed."""
        parts = self._parts([source for source in sources if source not in self._scores])
        for source in sources:
            if source not in self._scores:
                part = next(parts)
                with self.piece():
                    self._scores |= zip(part, self._run.scorer.score_many(part), strict=True)
            score = self._scores[source]
            self._longest = max(self._longest, score.wall_time_s)
            yield score

    def fold_scores(self, source: str, seeds: Sequence[int]) -> list[list[float]]:
        """Do as `Scorer.fold_scores`."""
        known = self._fresh.setdefault(source, {})
        for part in self._parts([seed for seed in seeds if str(seed) not in known]):
            with self.piece():
                table = self._run.scorer.fold_scores(source, tuple(part))
            known |= {str(s): list(map(float, row)) for s, row in zip(part, table, strict=True)}
        return [known[str(seed)] for seed in seeds]

    @property
    def seeds_at_once(self) -> int:
        """Fold seeds that there are workers for, side by side."""
        scorer = self._run.scorer
        sandbox = getattr(scorer, "sandbox", None)
        workers = sandbox.workers // scorer.task.n_folds if sandbox else 0
        return max(1, workers or getattr(scorer, "workers", 1))

    def probe(self, source: str, score: Score) -> Score:
        """Do as `Scorer.probe`."""
        with self.piece():
            return self._run.scorer.probe(source, score)

    def decided(self, first: int, left: Sequence[Proposal]) -> None:
        """Store the candidates from iteration `first` on that are left; forget the others."""
        if left := [*left, *self._later]:
            known = [p.source for p in left if p.source in self._scores]
            found = {"first": first, "proposals": list(map(asdict, left)), "fresh": self._fresh}
            found["scores"] = {source: pack_score(self._scores[source]) for source in known}
            write_file(self.path, json.dumps(found).encode() + b"\n")
            return
        if self._catching_up:
            self.path.unlink(missing_ok=True)
        self._scores, self._fresh, self._catching_up = {}, {}, False

    def catch_up(self, last: int | None = None) -> list[Row]:
        """Decide, up to iteration `last`, what was left undecided; return the rows."""
        try:
            found = read_json(self.path)
            left = [Proposal(**values) for values in found["proposals"]]
            scores = found["scores"].items()
            self._scores = {source: unpack_score(values) for source, values in scores}
            self._fresh = found["fresh"]
            for past in self._run.history[found["first"] :]:  # rows written before a crash
                left = left[bool(left) and past.source == left[0].source :]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
            raise no("no_undecided", path=self.path, err=err) from None
        now = len(left) if last is None else max(0, last + 1 - self._run.iteration)
        if not left:
            self.path.unlink()
        self._later, left = left[now:], left[:now]
        self._catching_up = self._granted = bool(left)
        return self._run.steps(left) if left else []


def pack_score(score: Score) -> dict:
    """Turn a score into plain text and numbers, to the last digit."""
    return vars(score) | {
        "probes": [astuple(probe) for probe in score.probes],
        "predictions": [p.tolist() for p in getattr(score, "predictions", ())],
    }


def unpack_score(packed: dict) -> Score:
    """Make a score of what `pack_score` gave."""
    import numpy as np

    parts = {
        "probes": tuple(Probe(*values) for values in packed["probes"]),
        "predictions": tuple(map(np.array, packed["predictions"])),
        "fold_scores": tuple(packed["fold_scores"]),
    }
    return Score(**packed | parts)
