"""Model servers by name: address, variable of the key, dialect. `notebooks/SERVERS.md` tells.

``ollama/qwen3`` means the model ``qwen3`` on the server ``ollama``. A name that is no server's,
such as ``meta-llama/Llama-3``, is a model's own.
"""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from harness.files import catalogue


class Server(NamedTuple):
    """Where a kind of server is, unless ``variables`` say so; no ``key_env``: it needs no key."""

    address: str = ""
    key_env: str = ""
    variables: str = ""
    dialect: str = "chat"
    own: bool = False  # a program that people run themselves, anywhere
    path: str = ""  # on any host, if not that of the address


SERVERS = {name: Server(**told) for name, told in catalogue(__file__).items()}
KEYLESS = ("127.0.0.1", "localhost", "::1")


class Place(NamedTuple):
    """Where requests go: model as the server calls it, base URL, variable of the key, dialect."""

    model: str
    base_url: str
    key_env: str
    dialect: str


def find(model: str, base_url: str | None, key_env: str | None, dialect: str | None) -> Place:
    """Find the server of a model.

    A ``base_url`` that was given says where; a server's name before the model says of which kind.

    Raises
    ------
    ValueError
        If two variables disagree, or nobody says where; the message says what to set.
    """
    name, slash, rest = model.partition("/")
    base_url = base_url or os.environ.get("AUTORESEARCH_BASE_URL")
    if not slash or name not in SERVERS or (base_url and not SERVERS[name].own and not dialect):
        name, rest = "openai", model  # with an address, "openai/…" is a gateway's name of a model
    server = SERVERS[name]
    if not base_url and name != "openai" and os.environ.get("OPENAI_BASE_URL"):
        raise ValueError(
            f"model {model!r} is on the server {name!r}, but OPENAI_BASE_URL names another: "
            "unset it, or give the address as --agent-option base_url=…"
        )
    for variable in server.variables.split():
        base_url = base_url or os.environ.get(variable)
    base_url = (base_url or server.address).strip()
    if not base_url:
        raise ValueError(
            f"say where {name!r} is: set {server.variables}, or --agent-option base_url=…"
        )
    base_url = base_url if "//" in base_url else f"http://{base_url}"  # as OLLAMA_HOST is written
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url {base_url!r} is no address: write it like http://host:port/v1")
    path = parts.path.rstrip("/")
    if name != "openai":  # the usual one
        path = path or server.path or urlsplit(server.address).path
    host = parts.netloc
    if name == "ollama":
        host = host.replace("0.0.0.0", "127.0.0.1")
        host = host if parts.port or parts.scheme == "https" else f"{host}:11434"
    base_url = urlunsplit(parts._replace(path=path, netloc=host))
    key_env = server.key_env if key_env is None else key_env
    return Place(rest, base_url, key_env, dialect or server.dialect)


def request_to(place: Place) -> tuple[str, dict[str, str]]:
    """The address and the headers of a request; "" as the key if there is none."""
    key = os.environ.get(place.key_env, "").strip() if place.key_env else ""
    parts = urlsplit(place.base_url)
    tail = "/messages" if place.dialect == "messages" else "/chat/completions"
    path = parts.path if parts.path.endswith(tail) else parts.path + tail
    url = urlunsplit(parts._replace(path=path))  # a query stays: ?api-version=…
    if not key:
        return url, {}
    if place.dialect == "messages":
        return url, {"x-api-key": key}
    azure = (parts.hostname or "").endswith((".azure.com", ".azure-api.net"))
    return url, {"authorization": f"Bearer {key}"} | ({"api-key": key} if azure else {})


def is_local(base_url: str) -> bool:
    """Whether an address is this machine's, where no key is wanted."""
    return urlsplit(base_url).hostname in KEYLESS
