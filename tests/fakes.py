"""A scorer and agents without models: what a program scores is written in it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness import fingerprint
from harness.agents import Proposal
from harness.candidate import CandidateError, program_id

PROGRAM = b"# Program\n"
SECRET = 0.123456789  # every fake test figure: must never be seen by an agent


@dataclass(frozen=True)
class FakeProbe:
    name: str
    value: float
    threshold: float
    verdict: str
    detail: str


@dataclass(frozen=True)
class FakeScore:
    status: str
    val_auc: float = math.nan
    fold_scores: tuple[float, ...] = ()
    log: str = ""
    probes: tuple = ()
    val_sd: float = 0.01
    test_auc: float = SECRET
    test_acc: float = SECRET
    test_f1: float = SECRET
    wall_time_s: float = 0.5
    isolation: str = "fake"
    cpu_s: float = 1.0
    brier: float = 0.1

    @property
    def ok(self) -> bool:
        return self.status == "ok"


def program(value: float | str, hypothesis: str = "an idea", extra: str = "") -> str:
    """A program that scores `value`, or fails with the status `value`."""
    return f"HYPOTHESIS = {hypothesis!r}\nVALUE = {value!r}\n{extra}"


FINGERPRINT = fingerprint.take()


@pytest.fixture
def frozen(monkeypatch):
    """One fingerprint for the whole session: sources may be edited while tests run."""
    monkeypatch.setattr(fingerprint, "take", lambda *files: FINGERPRINT)


START = program(0.8, "baseline").encode()


class FakeScorer:
    """Scores `VALUE`; counts what it was asked."""

    def __init__(self, task=None, *, spread: float = 0.01, **options):
        self.scored: list[str] = []
        self.repeated: list[str] = []
        self.probed: list[str] = []
        self.spread = spread
        self.closed = False

    def score(self, source, *, fold_seed=None):
        source = source.decode() if isinstance(source, bytes) else source
        self.scored.append(source)
        found = re.search(r"^VALUE = (.+)$", source, re.M)
        if found:
            value = eval(found[1])
        elif "def build_pipeline" in source:  # a real program: any number that depends on it alone
            value = 0.85 + 0.1 * int(program_id(source)[:8], 16) / 16**8
        else:
            value = "crashed (no value)"
        if isinstance(value, str):
            return FakeScore(value, log="Traceback: it broke\n")
        folds = tuple(value + self.spread * k for k in (-2, -1, 0, 1, 2))
        return FakeScore("ok", float(np.mean(folds)), folds, log="printed by the candidate\n")

    def score_many(self, sources):
        return [self.score(source) for source in sources]

    def fold_scores(self, source, fold_seeds):
        self.repeated.append(source)
        if "FAILS_ON_FRESH" in source:
            raise CandidateError("crashed (ValueError: only on other folds)")
        score = FakeScorer(spread=self.spread).score(source)
        return np.array([score.fold_scores for _ in fold_seeds])

    def probe(self, source, score):
        self.probed.append(source)
        if "CHEAT" in source:
            probe = FakeProbe("flip", 0.9, 0.2, "reject", "knew the answers")
            return replace(score, status="rejected (flip: knew the answers)", probes=(probe,))
        return score

    def close(self):
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Scripted:
    """Gives prepared proposals by iteration; exceptions are raised."""

    name = "scripted"

    def __init__(self, steps):
        self.steps = list(steps)
        self.views = []

    def propose(self, view):
        self.views.append(view)
        step = self.steps[len(self.views) - 1]
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Proposal) else Proposal(step)

    def close(self):
        pass


class Climber:
    """A pure function of its view, as contract C7 asks: a seeded walk that also fails at times."""

    name = "climber"

    def propose(self, view):
        rng = np.random.default_rng([view.seed, view.iteration, len(view.pending)])
        step = float(rng.normal(0, 0.01))
        base = view.best_val_auc + step
        if rng.random() < 0.15:
            return Proposal(program("crashed (ValueError: by chance)", f"crash {view.iteration}"))
        if rng.random() < 0.1:
            return Proposal(view.best_source)  # a repeat
        return Proposal(program(min(base, 0.95), f"step {step:+.4f}"))

    def close(self):
        pass
