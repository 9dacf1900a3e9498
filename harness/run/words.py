"""What a run says where it cannot go on, and is longer than a line: says.toml."""

from pathlib import Path

from harness import RunError
from harness.files import catalogue

SAYS = catalogue(Path(__file__).with_name("says"))


def no(key: str, error: type[Exception] = RunError, **values: object) -> Exception:
    """Give the sentence of that name about these values as an error, to be raised."""
    return error(SAYS[key].format(**values))
