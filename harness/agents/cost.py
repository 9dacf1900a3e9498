"""What a proposal cost: tokens and US dollars, with where the figure comes from.

Three sources, and nothing is guessed:

``reported``  the program or server said so itself;
``computed``  from the tokens and a price table that *you* wrote (prices change, so none ships);
``unknown``   neither: a call that was cut off, or a model without a price. Never shown as 0.

A price table is a JSON or TOML file named by the option ``prices`` or by the environment variable
``AUTORESEARCH_PRICES``; US dollars per million tokens, names may end in ``*``::

    {"my-model": {"input": 2.5, "output": 10.0, "cached_input": 0.25}, "local-*": {}}

Every call, also one that never became an iteration, is one line in ``calls.jsonl`` of the run's
agent folder. `totals` adds them up.
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from harness.agents.secrets import redact

CALLS = "calls.jsonl"
PRICES_ENV = "AUTORESEARCH_PRICES"
PRICE_KEYS = ("input", "output", "cached_input", "cache_write")
NOTE_CHARS = 2000


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. ``input`` counts all of the input, cached or not."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached_input + other.cached_input,
            self.cache_write + other.cache_write,
        )


@dataclass(frozen=True)
class Cost:
    """Tokens and dollars of one call, as `Proposal` holds them."""

    tokens: int | None = None
    usd: float | None = None
    source: str = "unknown"  # "reported", "computed", "unknown", "none"

    def fields(self) -> dict:
        return {"tokens": self.tokens, "cost_usd": self.usd, "cost_source": self.source}


def count(value) -> int:
    """A number of tokens from untrusted JSON: a whole number, not negative."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return int(value) if good else 0


def dollars(value) -> float | None:
    """An amount from untrusted JSON, or None."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6
    return float(value) if good else None


def load_prices(source: str | Path | Mapping | None = None) -> dict[str, dict[str, float]]:
    """Read a price table and check it.

    Parameters
    ----------
    source : path, mapping or None
        None takes the file named by ``AUTORESEARCH_PRICES``, or an empty table.

    Raises
    ------
    ValueError
        If the file cannot be read or an entry is not a price; the message names the entry.
    """
    if source is None:
        source = os.environ.get(PRICES_ENV)
        if not source:
            return {}
    if not isinstance(source, Mapping):
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8")
            source = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise ValueError(f"price table {path.name}: {error}") from None
        if not isinstance(source, dict):
            raise ValueError(f"price table {path.name}: expected model names with prices")
    table: dict[str, dict[str, float]] = {}
    for model, prices in source.items():
        if not isinstance(prices, Mapping):
            raise ValueError(f"price table: {model!r} needs input and output prices")
        for key, value in prices.items():
            good = isinstance(value, int | float) and not isinstance(value, bool)
            if key not in PRICE_KEYS or not good or not math.isfinite(value) or value < 0:
                raise ValueError(
                    f"price table: {model!r} has {key}={value!r}; "
                    f"use {', '.join(PRICE_KEYS)} in dollars per million tokens"
                )
        if prices and not {"input", "output"} <= prices.keys():
            raise ValueError(f"price table: {model!r} needs both input and output, or {{}} if free")
        table[str(model)] = {key: float(value) for key, value in prices.items()}
    return table


def price(usage: Usage, model: str | None, prices: Mapping[str, Mapping]) -> float | None:
    """Dollars for ``usage``, or None if the table has no entry for ``model``."""
    entry = prices.get(model or "")
    if entry is None:
        matches = [name for name in prices if fnmatchcase(model or "", name)]
        if not matches:
            return None
        entry = prices[max(matches, key=len)]  # the most specific pattern
    normal = entry.get("input", 0.0)
    plain = max(0, usage.input - usage.cached_input - usage.cache_write)
    dollars = (
        plain * normal
        + usage.cached_input * entry.get("cached_input", normal)
        + usage.cache_write * entry.get("cache_write", normal)
        + usage.output * entry.get("output", 0.0)
    )
    return dollars / 1e6


def settle(
    usage: Usage | None,
    *,
    model: str | None = None,
    reported_usd: float | None = None,
    prices: Mapping[str, Mapping] | None = None,
) -> Cost:
    """Decide what a call cost: your price table first, then what was reported, else unknown.

    The table goes first because a CLI reports its own list price even when its calls go to
    another server.
    """
    tokens = usage.total if usage is not None else None
    if usage is not None and (dollars := price(usage, model, prices or {})) is not None:
        return Cost(tokens, dollars, "computed")
    if reported_usd is not None and math.isfinite(reported_usd) and reported_usd >= 0:
        return Cost(tokens, float(reported_usd), "reported")
    return Cost(tokens, None, "unknown")


def record(state_dir: Path | None, **fields) -> None:
    """Append one call to ``calls.jsonl``; text is masked and bounded, a full disk is no error."""
    if state_dir is None:
        return
    row = {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    for key, value in fields.items():
        row[key] = redact(value)[:NOTE_CHARS] if isinstance(value, str) else value
    try:
        Path(state_dir).mkdir(parents=True, exist_ok=True)
        with open(Path(state_dir) / CALLS, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    except OSError:
        return


def calls(state_dir: Path) -> list[dict]:
    """The recorded calls of a run; a torn last line is left out."""
    try:
        lines = (Path(state_dir) / CALLS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append(row)
    return found


@dataclass(frozen=True)
class Totals:
    """Sums over calls, with how many calls each sum leaves out."""

    calls: int = 0
    tokens: int = 0
    tokens_unknown: int = 0
    usd: float = 0.0
    usd_reported: int = 0
    usd_computed: int = 0
    usd_unknown: int = 0

    def __str__(self) -> str:
        if not self.calls:
            return "no calls"
        text = f"{self.calls} call{'s' * (self.calls != 1)}, {self.tokens:,} tokens"
        if self.tokens_unknown:
            text += f" (unknown for {self.tokens_unknown})"
        sources = [("reported", self.usd_reported), ("computed", self.usd_computed)]
        known = ", ".join(f"{word} for {n}" for word, n in sources if n)
        if known:
            text += f", {self.usd:.4f} USD ({known}"
            text += f", unknown for {self.usd_unknown})" if self.usd_unknown else ")"
        elif self.usd_unknown:
            text += ", cost unknown"
        return text


def totals(rows: Iterable[Mapping]) -> Totals:
    """Add up calls: mappings with ``tokens``, ``cost_usd`` and ``cost_source``.

    Takes the lines of `calls`, or ledger rows turned into mappings. A call of an agent that costs
    nothing (``cost_source`` "none") is not counted.
    """
    sums = dict.fromkeys(Totals.__dataclass_fields__, 0)
    for row in rows:
        source = row.get("cost_source") or "unknown"
        if source == "none":
            continue
        sums["calls"] += 1
        tokens, usd = row.get("tokens"), row.get("cost_usd")
        if tokens is None:
            sums["tokens_unknown"] += 1
        else:
            sums["tokens"] += int(tokens)
        if usd is None:
            sums["usd_unknown"] += 1
        else:
            sums["usd"] += float(usd)
            sums["usd_computed" if source == "computed" else "usd_reported"] += 1
    return Totals(**sums)
