"""What a refusal means: from a server's status, headers and words, or a program's, to an outcome.

One table for all agents, read from the top. It decides what the loop does: wait until a time, stop
at once and say what to do, or count a failed try. All of it is untrusted text in many dialects;
what no line knows is an ordinary agent error. `tests/agents/replies.toml` has the cases.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import zoneinfo
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from harness.agents import errors
from harness.agents.errors import AgentError
from harness.files import catalogue

LONGEST_S = 31 * 86_400.0
JUST_NOW_S = 900.0  # a reset at "9:46 AM" that is a little past means now, not tomorrow
SAID_CHARS = 300


class Meaning(NamedTuple):
    """The class of error, the seconds to wait if somebody said, and what a person can do."""

    kind: type[AgentError]
    retry_after: float | None = None
    advice: str = ""

    def error(self, said: str, **facts) -> AgentError:
        """Make the error, with the advice behind what was said."""
        said = f"{said} ({self.advice})" if self.advice else said
        return self.kind(said, retry_after=self.retry_after, **facts)


_TOLD = catalogue(__file__)
# Its lines: kind, statuses, words, advice.
TABLE = tuple(
    (
        getattr(errors, line["kind"]),
        frozenset(line.get("statuses", ())),
        re.compile("".join(line["words"]), re.IGNORECASE) if "words" in line else None,
        line.get("advice", ""),
    )
    for line in _TOLD["line"]
)
_STATUS = re.compile(r"(?<![\d.:$-])(40[0-58]|410|413|422|429|498|5[0-3]\d)(?![.:]?\d|\s*[ap]m)")


def status_in(text: str) -> int:
    """The HTTP status that a program's error text is about, or 0."""
    found = _STATUS.search(text)
    return int(found[1]) if found else 0


def explain(
    status: int | None,
    text: str,
    headers: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Meaning:
    """Say what a refusal means.

    Parameters
    ----------
    status : int or None
        HTTP status; None if there was none, or a 200 that carried an error.
    text : str
        The body, or what a program printed.
    headers : mapping, optional
        Names in lower case.
    now : datetime, optional
        With a time zone, which is the one of times that name none; default: now, here.
    """
    now = now or _now()
    for kind, statuses, words, advice in TABLE:
        if (not statuses or (status or 0) in statuses) and (words is None or words.search(text)):
            wait = retry_after(headers or {}, text, now) if kind is errors.RateLimited else None
            return Meaning(kind, wait, advice)
    return Meaning(AgentError)


def _now() -> datetime:
    return datetime.now().astimezone()


def said(text: str) -> str:
    """The words for a person in an error's body: its message, a page's title, or its beginning."""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
        for _ in range(6):
            if isinstance(found, list) and found:
                found = found[0]
            elif isinstance(found, dict) and found:
                keys = [
                    k for k in ("error", "message", "detail", "msg", "errors", "code") if k in found
                ]
                raw = found.get("metadata", {}) if isinstance(found.get("metadata"), dict) else {}
                found = raw.get("raw") or found[keys[0] if keys else next(iter(found))]
        text = found if isinstance(found, str) else json.dumps(found)
    if page := re.search(r"(?is)<title>(.*?)</title>", text):
        text = f"a web page: {page[1]}"
    elif re.match(r"(?is)\s*<(!doctype|html)", text):
        text = "a web page: " + re.sub(r"(?s)<[^>]*>", " ", text)
    return " ".join(text.split())[:SAID_CHARS] or "no message"


# -- when to ask again ----------------------------------------------------------------------------

_SAYS: dict[str, re.Pattern] = {}
for _name, _parts in _TOLD["says"].items():  # a name in capitals: a pattern above it
    _text = re.sub(r"\b[A-Z]{4}\b", lambda at: _SAYS[at[0].lower()].pattern, "".join(_parts))
    _SAYS[_name] = re.compile(_text, re.IGNORECASE)
_UNITS, _MONTHS, _DAYS = _TOLD["units"], _TOLD["months"], _TOLD["days"]


def retry_after(headers: Mapping[str, str], text: str, now: datetime) -> float | None:
    """Seconds until it is worth asking again, by headers and words; None if nobody said."""
    waits = [_header(headers, now), _words(text, now), _clock(text, now)]
    found = [wait for wait in waits if wait is not None and math.isfinite(wait)]
    return min(max(found[0], 0.0), LONGEST_S) if found else None


def _seconds(number: float, now: datetime) -> float:
    """A span, or a time since 1970 in seconds or milliseconds, as a span."""
    if number > 1e11:
        number /= 1000
    return number - now.timestamp() if number > 1e9 else number


def _header(headers: Mapping[str, str], now: datetime) -> float | None:
    with contextlib.suppress(KeyError, ValueError):
        return float(headers["retry-after-ms"]) / 1000
    for name in ("retry-after", "anthropic-ratelimit-unified-reset"):
        if (value := _moment(headers.get(name, ""), now)) is not None:
            return value
    resets = []  # of what is used up: requests, tokens, of a minute or a day
    for name, text in headers.items():
        left = headers.get(name.replace("reset", "remaining"), "")
        if "ratelimit" in name and "reset" in name and left.strip() in ("0", "0.0"):
            resets.append(_moment(text, now))
    return max((r for r in resets if r is not None), default=None)


def _moment(text: str, now: datetime) -> float | None:
    """What a header says: seconds, a span, seconds since 1970, an HTTP date or an ISO time."""
    text = text.strip()
    with contextlib.suppress(ValueError):
        return _seconds(float(text), now)
    if span := _SAYS["span"].fullmatch(text):
        return _span(span[0])
    with contextlib.suppress(ValueError, TypeError):
        return (parsedate_to_datetime(text) - now).total_seconds()
    with contextlib.suppress(ValueError, TypeError):
        return (datetime.fromisoformat(text) - now).total_seconds()
    return None


def _span(text: str) -> float:
    parts = _SAYS["part"].findall(text)
    return sum(float(n) * _UNITS.get(u.lower()[:2], _UNITS[u[0].lower()]) for n, u in parts)


def _words(text: str, now: datetime) -> float | None:
    for lead in _SAYS["lead"].finditer(text):
        if span := _SAYS["span"].match(text, lead.end()):
            return _span(span[0])
        if bare := _SAYS["bare"].match(text, lead.end()):
            return _seconds(float(bare[1]), now) / (1000 if lead["ms"] else 1)
    return None


def _zone(name: str, now: datetime) -> tzinfo | None:
    name = name.strip("() ")
    with contextlib.suppress(Exception):  # no such zone, or no table of them
        if offset := re.fullmatch(r"(?i)(?:UTC|GMT|Z)?([+-]?)(\d{1,2})?:?(\d\d)?", name):
            ahead = timedelta(hours=int(offset[2] or 0), minutes=int(offset[3] or 0))
            return timezone(-ahead if offset[1] == "-" else ahead)
        return zoneinfo.ZoneInfo(_TOLD["zones"].get(name.lower(), name))
    return now.tzinfo


def _clock(text: str, now: datetime) -> float | None:
    """Seconds until a time of day, perhaps with a date and a zone; the next one after now."""
    if iso := _SAYS["iso"].search(text):
        zone = (iso[3] or "+00:00").upper().replace("UTC", "+00:00").replace("Z", "+00:00")
        return (datetime.fromisoformat(f"{iso[1]}T{iso[2]}{zone}") - now).total_seconds()
    for told in _SAYS["clock"].finditer(text):
        hour, half = int(told["hour"]), (told["half"] or "")[:1].lower()
        if not (told["minute"] or half) or hour > (12 if half else 23):
            continue
        hour = hour % 12 + 12 * (half == "p") if half else hour
        here = now.astimezone(_zone(told["zone"], now)) if told["zone"] else now
        with contextlib.suppress(ValueError):  # February 30
            then = here.replace(hour=hour, minute=int(told["minute"] or 0), second=0, microsecond=0)
            if told["month"]:
                year = int(told["year"] or here.year)
                then = then.replace(
                    year=year, month=_MONTHS.index(told["month"].lower()) + 1, day=int(told["day"])
                )
                if not told["year"] and (here - then).days > 180:
                    then = then.replace(year=year + 1)
            elif told["week"]:
                days = (_DAYS.index(told["week"].lower()) - here.weekday()) % 7
                then += timedelta(days=days or 7 * (then < here))
            elif told["next"] or (here - then).total_seconds() > JUST_NOW_S:
                then += timedelta(days=1)
            return then.timestamp() - now.timestamp()  # whatever the clocks do in between
    return None
