"""The words of this room: what tables hold is in words.toml, what is said of it in says.toml."""

import difflib
import tomllib
from pathlib import Path

from harness.task import DataError


def _read(file: str) -> dict:
    return tomllib.loads((Path(__file__).parent / file).read_text("utf-8"))


WORDS, SAYS = _read("words.toml"), _read("says.toml")


def say(key: str, **values: object) -> str:
    """Give the sentence of that name about these values."""
    return SAYS[key].format(**values)


def no(key: str, **values: object) -> DataError:
    """Give the same as an error, to be raised."""
    return DataError(say(key, **values))


def few(items, least: int = 6, how=str, join: str = ", ") -> str:
    """Tell the first of many, and how many more there are."""
    items = list(items)
    more = f" and {len(items) - least} more" if len(items) > least else ""
    return join.join(map(how, items[:least])) + more


def hint(name: str, known, least: float = 0.5) -> str:
    """Say what somebody may have meant."""
    lower = {str(k).strip().lower(): k for k in known}
    near = difflib.get_close_matches(name.strip().lower(), lower, 1, least)
    return say("near", name=lower[near[0]]) if near else say("there_are", names=few(known, 8))
