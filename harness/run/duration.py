"""Durations as people write them: `8h`, `90m`."""

import re

LONGEST_S = 3650 * 86400.0  # clocks and timeouts take no infinite one
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m", "s?")))


def parse_duration(text: str | float) -> float:
    """Turn `8h`, `90m`, `30s`, `1h30m` or a number of seconds into seconds.

    Raises a ValueError if it is none of these, or not more than 0.
    """
    match = _DURATION.fullmatch(str(text).strip().lower().replace(" ", ""))
    parts = [float(part or 0) for part in match.groups()] if match else []
    seconds = sum(p * unit for p, unit in zip(parts, (86400, 3600, 60, 1), strict=False))
    if not 0 < seconds <= LONGEST_S:
        shown = f"{str(text)[:40]!r}"
        raise ValueError(f"bad duration {shown}: write it like 8h, 90m, 30s or 1h30m, up to 3650d")
    return seconds
