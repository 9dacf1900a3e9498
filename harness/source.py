"""What a train.py may be as text, before anything reads it closer: one rule for everybody."""

from __future__ import annotations

MAX_BYTES = 256 * 1024
# Nested f-strings cost Python's own parser time that grows with the square of their number, and
# the trusted side parses every candidate. Nothing that a person would read has this many.
MAX_BRACES = 10_000


def refusal(data: bytes) -> str | None:
    """Say why these bytes cannot be a candidate at all, or None if they can."""
    if len(data) > MAX_BYTES:
        return f"train.py is larger than {MAX_BYTES // 1024} KiB"
    if data.count(b"{") > MAX_BRACES:
        return f"train.py has more than {MAX_BRACES} opening braces"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "train.py is not UTF-8 text"
    return None
