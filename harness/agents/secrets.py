"""Keys: which environment variables an outside program may see, and masking their values in text.

Keys come from the environment alone. Nothing in this package writes one down: every text that is
kept (a log, a ledger line, an error message, a note) passes through `redact` first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from harness.files import catalogue

_TOLD = catalogue(__file__)
SECRET_NAME = re.compile(_TOLD["names"])
SECRET_SHAPES = re.compile("|".join(_TOLD["shapes"]))
BASE_ENV = _TOLD["environment"].split()
MIN_SECRET_CHARS = 8  # shorter values ("none", "ollama") would mask ordinary words


def secret_values(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Values of secret variables in ``environ``: ``{value: name}``, longest value first."""
    environ = os.environ if environ is None else environ
    found = {
        value.strip(): name
        for name, value in environ.items()
        if SECRET_NAME.search(name) and len(value.strip()) >= MIN_SECRET_CHARS
    }
    return {value: found[value] for value in sorted(found, key=len, reverse=True)}


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return ``text`` with every secret replaced by its variable's name in square brackets."""
    for value, name in secret_values(environ).items():
        text = text.replace(value, f"[{name}]")
    return SECRET_SHAPES.sub("[secret]", text)


def find_secret(text: str) -> str | None:
    """Name of the first secret variable whose value occurs in ``text``, or None."""
    return next((name for value, name in secret_values().items() if value in text), None)


def allowed_env(
    names: Iterable[str] = (), environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The part of the environment that an outside program is given: `BASE_ENV` and ``names``.

    Everything else stays behind: a coding CLI has no business with the keys of other services.
    """
    environ = os.environ if environ is None else environ
    return {name: environ[name] for name in (*BASE_ENV, *names) if name in environ}
