"""Keys: which environment variables an outside program may see, and masking their values in text.

Keys come from the environment alone. Nothing in this package writes one down: every text that is
kept (a log, a ledger line, an error message, a note) passes through `redact` first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

# Names that hold secrets by everybody's convention.
SECRET_NAME = re.compile(
    r"(?i)(^|_)(api_?key|key|token|secret|password|passwd|credentials?)($|_?\d*$)"
)
MIN_SECRET_CHARS = 8  # shorter values ("none", "ollama") would mask ordinary words

# Secrets recognised by their own shape, for keys that are not in this environment.
SECRET_SHAPES = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{16,}"
    r"|\bAIza[0-9A-Za-z_\-]{30,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._\-+/=]{12,}"
)

# What any program needs to start, find its settings and reach the network the user's way.
BASE_ENV = (
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_ALL LC_CTYPE TZ "
    "XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_STATE_HOME "
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy "
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS "
    "SYSTEMROOT SYSTEMDRIVE COMSPEC PATHEXT WINDIR APPDATA LOCALAPPDATA USERPROFILE "
    "PROGRAMDATA PROGRAMFILES"
).split()


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
