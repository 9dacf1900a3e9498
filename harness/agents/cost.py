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

import contextlib
import json
import math
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from operator import add
from pathlib import Path

from harness.agents.secrets import redact
from harness.files import read_plain

CALLS = "calls.jsonl"
PRICES_ENV = "AUTORESEARCH_PRICES"
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
        return Usage(*map(add, astuple(self), astuple(other)))


USED = Usage.__dataclass_fields__.keys()


@dataclass(frozen=True)
class Cost:
    """Tokens and dollars of one call, as `Proposal` holds them."""

    tokens: int | None = None
    usd: float | None = None
    source: str = "unknown"  # "reported", "computed", "unknown", "none"

    def fields(self) -> dict:
        return {"tokens": self.tokens, "cost_usd": self.usd, "cost_source": self.source}


@dataclass
class Spent:
    """What the requests of one proposal used so far, all together."""

    usage: Usage | None = None
    usd: float | None = None
    unknown: bool = False  # some request did not say
    requests: int = 0
    note: str = ""  # what else is worth keeping of them

    def add(self, usage: Usage | None, usd: float | None) -> None:
        """Add what one request said that it used; None is unknown."""
        if usage is None:
            self.unknown = True
            return
        self.usage = (self.usage or Usage()) + usage
        if usd is not None:
            self.usd = (self.usd or 0.0) + usd

    def cost(self, model: str | None, prices: Mapping[str, Mapping]) -> Cost:
        """What it comes to; nothing, if every request was refused."""
        if self.unknown:
            return Cost()
        if self.usage is None:
            return Cost(source="none")
        return settle(self.usage, model=model, reported_usd=self.usd, prices=prices)


def _amount(value, below: float = math.inf) -> bool:
    """Whether a value from untrusted JSON is a number from 0 up to a bound."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < below


def count(value) -> int:
    """A number of tokens from untrusted JSON: a whole number, not negative."""
    return int(value) if _amount(value, 1e12) else 0


def dollars(value) -> float | None:
    """An amount from untrusted JSON, or None."""
    return float(value) if _amount(value, 1e6) else None


def at(value, path: str):
    """What stands at a path such as ``"usage.input_tokens"`` in JSON; None if nothing does."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def usage_of(said, paths: Mapping[str, str]) -> Usage:
    """The tokens that JSON tells of: each field has a path, or several that are added up."""
    told = {name: paths.get(name, "").split() for name in USED}
    return Usage(**{name: sum(count(at(said, path)) for path in told[name]) for name in told})


def json_lines(text: str) -> Iterator[dict]:
    """The JSON objects among the lines of ``text``; anything else is passed over."""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue


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
        source = os.environ.get(PRICES_ENV) or {}
    if not isinstance(source, Mapping):
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8")
            source = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise ValueError(f"price table {path.name}: {error}") from None
        if not isinstance(source, dict):
            raise ValueError(f"price table {path.name}: expected model names with prices")
    for model, prices in source.items():
        good = isinstance(prices, Mapping) and all(map(_amount, prices.values()))
        if not good or not (prices == {} or {"input", "output"} <= prices.keys() <= USED):
            raise ValueError(
                f"price table: {model!r} has {prices!r}; give input and output, if you like also "
                "cached_input and cache_write, in dollars per million tokens, or {} if it is free"
            )
    return {
        str(model): {k: float(v) for k, v in prices.items()} for model, prices in source.items()
    }


def price(usage: Usage, model: str | None, prices: Mapping[str, Mapping]) -> float | None:
    """Dollars for ``usage``, or None if the table has no entry for ``model``."""
    name = model or ""
    if name not in prices:  # the most specific pattern
        name = max((key for key in prices if fnmatchcase(name, key)), key=len, default=None)
        if name is None:
            return None
    normal = prices[name].get("input", 0.0)
    parts = vars(usage) | {"input": max(0, usage.input - usage.cached_input - usage.cache_write)}
    return sum(n * prices[name].get(part, normal) for part, n in parts.items()) / 1e6


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
    tokens = None if usage is None else usage.total
    if usage is not None and (computed := price(usage, model, prices or {})) is not None:
        return Cost(tokens, computed, "computed")
    if _amount(reported_usd):
        return Cost(tokens, float(reported_usd), "reported")
    return Cost(tokens)


def at_most(
    tokens: int | None, usd: float | None, prices: Mapping[str, Mapping] | None
) -> float | None:
    """Dollars that a call may have cost: if unknown, all at the dearer price."""
    if usd is not None:
        return usd
    any_model = (prices or {}).get("*")
    return None if tokens is None or not any_model else tokens * max(any_model.values()) / 1e6


def record(state_dir: Path | None, **fields) -> None:
    """Append one call to ``calls.jsonl``; text is masked and bounded, a full disk is no error."""
    if state_dir is None:
        return
    row = {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    for key, value in fields.items():
        row[key] = redact(value)[:NOTE_CHARS] if isinstance(value, str) else value
    with contextlib.suppress(OSError):
        Path(state_dir).mkdir(parents=True, exist_ok=True)
        with open(Path(state_dir) / CALLS, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def calls(state_dir: Path) -> list[dict]:
    """The recorded calls of a run; a torn last line is left out."""
    try:
        return list(json_lines(read_plain(Path(state_dir) / CALLS).decode("utf-8", "replace")))
    except OSError:
        return []


def totals(rows: Iterable[Mapping]) -> str:
    """Add up calls, and say how many each sum leaves out.

    Takes the lines of `calls`, or ledger rows turned into mappings with ``tokens``, ``cost_usd``
    and ``cost_source``. A call of an agent that costs nothing (source "none") is not counted.
    """
    rows = [row for row in rows if row.get("cost_source") != "none"]
    if not rows:
        return "no calls"
    tokens = [int(row["tokens"]) for row in rows if row.get("tokens") is not None]
    priced = [row for row in rows if row.get("cost_usd") is not None]
    text = f"{len(rows)} call{'s' * (len(rows) != 1)}, {sum(tokens):,} tokens"
    if len(tokens) < len(rows):
        text += f" (unknown for {len(rows) - len(tokens)})"
    if not priced:
        return text + ", cost unknown"
    usd = sum(float(row["cost_usd"]) for row in priced)
    computed = sum(row.get("cost_source") == "computed" for row in priced)
    sources = {"reported": len(priced) - computed, "computed": computed}
    sources["unknown"] = len(rows) - len(priced)
    said = ", ".join(f"{word} for {n}" for word, n in sources.items() if n)
    return f"{text}, {usd:.4f} USD ({said})"
