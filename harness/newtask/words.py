"""The words of this room: what tables hold is in words.toml, what is said of it in says.toml."""

import difflib
from pathlib import Path

from harness.files import catalogue
from harness.task import DataError, as_float

WORDS, SAYS = catalogue(__file__), catalogue(Path(__file__).with_name("says"))


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
    if all(as_float(name) == as_float(name) for name in lower):
        return say("no_header", names=few(known, 3))
    near = difflib.get_close_matches(name.strip().lower(), lower, 1, least)
    return say("near", name=lower[near[0]]) if near else say("there_are", names=few(known, 8))
