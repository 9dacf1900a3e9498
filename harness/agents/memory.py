"""What an agent should remember of its run: near-repeats, families that failed, a reflection.

Pure functions of the history. Each looks at a window of the latest rows only, so that a call costs
the same at iteration 10,000 as at iteration 500, and an agent rebuilt after a crash says the same.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import median_high
from typing import NamedTuple

from harness.agents.agent import Past
from harness.candidate import normalise, plain
from harness.files import catalogue

FAMILY_WINDOW = 400  # rows that family tallies look back on
REPEAT_WINDOW = 200  # rows whose sources are compared: reading a source may cost a git call
HYPOTHESIS_CHARS = 200  # contract C1
FAILED_AFTER = 3  # tries of a family without one that was kept
SHOWN = 6  # lines of each kind

FAMILIES = {name: re.compile(words, re.IGNORECASE) for name, words in catalogue(__file__).items()}


def one_line(text: str, limit: int = HYPOTHESIS_CHARS) -> str:
    """``text`` as one printable line, in time that does not grow with its length."""
    return plain(text[: 4 * limit], limit)


def number(value: float, digits: int = 4, sign: str = "") -> str:
    """A figure as text, three digits where decimals show nothing; ``nan`` if it is missing."""
    form = "3g" if 0 < abs(value) < 0.5 * 10.0**-digits else f"{digits}f"
    return f"{value:{sign}.{form}}" if math.isfinite(value) else "nan"


@lru_cache(maxsize=4096)
def families(hypothesis: str) -> tuple[str, ...]:
    """Names of the families that a hypothesis is about; ``("other",)`` if none is known."""
    text = hypothesis[:HYPOTHESIS_CHARS]
    return tuple(name for name, words in FAMILIES.items() if words.search(text)) or ("other",)


@lru_cache(maxsize=1024)
def skeleton(source: str) -> str:
    """The program without its numbers and comments: equal for two near-repeats.

    Two programs with the same skeleton differ in numbers alone, such as ``C=0.5`` and ``C=0.6``.
    """
    try:
        tree = ast.parse(normalise(source))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                node.value = 0
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(source.split())


def _a_try(past: Past) -> bool:
    """Whether a row holds an idea of its own: not a duplicate, not a call that brought no file."""
    return not past.status.startswith(("rejected (agent:", "rejected (duplicate"))


class Tally(NamedTuple):
    """How one family of ideas has done in the window."""

    name: str
    tries: int
    kept: int
    best_delta: float  # nan if no try gave a score


def tallies(history: Sequence[Past]) -> list[Tally]:
    """One tally per family tried in the latest `FAMILY_WINDOW` rows, most tries first."""
    tried: dict[str, list[Past]] = {}
    for past in tail(history, FAMILY_WINDOW):
        if past.decision != "baseline" and _a_try(past):
            for name in families(past.hypothesis):
                tried.setdefault(name, []).append(past)
    found = []
    for name, rows in tried.items():
        best = max(_finite(past.delta for past in rows), default=math.nan)
        kept = sum(past.decision == "kept" for past in rows)
        found.append(Tally(name, len(rows), kept, best))
    return sorted(found, key=lambda tally: (-tally.tries, tally.name))


def _finite(figures: Iterable[float]) -> list[float]:
    return [figure for figure in figures if math.isfinite(figure)]


class NearRepeats(NamedTuple):
    """Programs that differ in their numbers alone."""

    iterations: tuple[int, ...]
    best_val_auc: float
    hypothesis: str  # of the best of them


def near_repeats(history: Sequence[Past]) -> list[NearRepeats]:
    """Groups of two or more near-repeats in the latest `REPEAT_WINDOW` rows, latest group first."""
    groups: dict[str, list[Past]] = {}
    for past in tail(history, REPEAT_WINDOW):
        if past.source and _a_try(past):
            groups.setdefault(skeleton(past.source), []).append(past)
    found = []
    for rows in groups.values():
        if len(rows) > 1:
            best = max(rows, key=lambda r: r.val_auc if math.isfinite(r.val_auc) else -math.inf)
            steps = tuple(row.iteration for row in rows)
            found.append(NearRepeats(steps, best.val_auc, one_line(best.hypothesis)))
    return sorted(found, key=lambda group: -group.iterations[-1])


def reflection(history: Sequence[Past], iteration: int, every: int) -> dict:
    """Figures for a pause to think, every ``every`` iterations; nothing in between."""
    if every < 1 or iteration < 1 or iteration % every:
        return {}
    rows = [past for past in tail(history, every) if past.decision != "baseline"]
    spreads = _finite(past.val_sd for past in rows)
    tried = {name for past in tail(history, 5 * every) for name in families(past.hypothesis)}
    told = {
        "tries": len(rows),
        "kept": sum(past.decision == "kept" for past in rows),
        "failed": sum(past.status != "ok" for past in rows),
        "deltas": _finite(past.delta for past in rows),
        "spread": median_high(spreads) if spreads else None,
        "untried": [name for name in FAMILIES if name not in tried][: 2 * SHOWN],
    }
    return told if rows else {}


def tail(rows: Sequence[Past], n: int) -> Sequence[Past]:
    """The last ``n`` rows, reading no others: the history may fetch its rows as they are asked."""
    return rows[max(0, len(rows) - n) :]
