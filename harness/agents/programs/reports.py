"""What an outside program said about its call: errors, HTTP status, tokens, money.

All of it is untrusted text: numbers are checked, nothing is taken as a path or an instruction.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.agents.cost import Usage
from harness.processes import Finished


@dataclass(frozen=True)
class Report:
    """What a program said about its call. `error` is None if it said nothing was wrong."""

    error: str | None = None
    status: int | None = None  # HTTP status, where one is known
    retry_after: float | None = None
    usage: Usage | None = None
    usd: float | None = None
    denied: int = 0  # actions that the CLI's own rules refused

    @property
    def rate_limited(self) -> bool:
        return self.error is not None and self.status in (429, 503, 529)

    @property
    def unauthorised(self) -> bool:
        return self.error is not None and self.status in (401, 403)


def json_lines(text: str) -> Iterator[dict]:
    """The JSON objects among the lines of ``text``; anything else is passed over."""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found


def last_json(text: str) -> dict:
    """The last JSON object in ``text``, on one line or over several; {} if there is none."""
    found = {}
    for found in json_lines(text):  # noqa: B007 - the last one is wanted
        pass
    if found:
        return found
    start = text.find("{")
    if start >= 0:
        try:
            found = json.JSONDecoder().raw_decode(text[start:])[0]
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


_STATUS = re.compile(r"(?<![\d.])(400|401|403|404|408|429|5[0-5]\d)(?![\d.])")
_AUTH = re.compile(
    r"(?i)unauthori[sz]ed|authentication|invalid.{0,20}api.?key|not logged in|no api key"
)
_RATE = re.compile(r"(?i)rate.?limit|too many requests|overloaded|quota|resource.?exhausted")
_AFTER = re.compile(r"(?i)(?:retry[-_ ]?after|try again in|retry in)\W{0,4}(\d+(?:\.\d+)?)")


def http_status(text: str) -> int | None:
    """The HTTP status that an error text is about: a number in it, or what its words say."""
    if found := _STATUS.search(text):
        return int(found[1])
    if _RATE.search(text):
        return 429
    return 401 if _AUTH.search(text) else None


def retry_after(text: str) -> float | None:
    """Seconds to wait that an error text names, or None."""
    found = _AFTER.search(text)
    return float(found[1]) if found else None


def failed(text: str, status: int | None = None, **facts) -> Report:
    """A report of an error, its HTTP status read from its text unless given."""
    text = " ".join(text.split())[-2000:] or "no message"
    status = status if status is not None else http_status(text)
    return Report(error=text, status=status, retry_after=retry_after(text), **facts)


def table(value) -> dict:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def read_log(path: Path, limit: int = 500_000) -> str:
    """The end of a log that a program wrote; "" if that is no regular file (a pipe would block)."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return ""
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            return ""
        with os.fdopen(handle, "rb", closefd=False) as file:
            file.seek(max(0, facts.st_size - limit))
            return file.read(limit).decode("utf-8", "replace")
    finally:
        os.close(handle)


def read_plain(done: Finished) -> Report:
    """Any program: an exit status other than 0 is an error, the end of its output says which."""
    if done.returncode == 0:
        return Report()
    said = (done.stderr.strip() or done.stdout.strip())[-2000:]
    return failed(f"exit status {done.returncode}: {said}", status=http_status(said))
