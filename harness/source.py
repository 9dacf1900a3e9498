"""A train.py as text, never run: what it may be, and what it says of itself."""

from __future__ import annotations

import ast

MAX_BYTES = 256 * 1024
# Nested f-strings cost Python's own parser time that grows with the square of their number, and
# the trusted side parses every candidate. Nothing that a person would read has this many.
MAX_BRACES = 10_000
MAX_HYPOTHESIS = 200  # contract C1: one line, at most this many characters


class CandidateError(Exception):
    """A candidate cannot be used; the message is a status such as ``crashed (reason)``."""


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


def check_source(source: str | bytes) -> tuple[bytes, str]:
    """Read a candidate's text without running it.

    Returns
    -------
    source : bytes
    hypothesis : str

    Raises
    ------
    CandidateError
        With the status that the candidate gets.
    """
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else bytes(source)
    reason = refusal(data)
    if reason:
        raise CandidateError(f"rejected ({reason})")
    return data, read_hypothesis(data.decode("utf-8"))


def read_hypothesis(source: str) -> str:
    """Take HYPOTHESIS from the syntax tree.

    Raises
    ------
    CandidateError
        If the program does not parse, or has no constant one-line HYPOTHESIS.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as err:
        where = f", line {err.lineno}" if err.lineno else ""
        raise CandidateError(f"crashed ({plain(f'SyntaxError: {err.msg}{where}')})") from None
    except (ValueError, RecursionError, MemoryError) as err:
        raise CandidateError(f"crashed ({plain(f'{type(err).__name__}: {err}')})") from None
    found = None
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and any(
            isinstance(t, ast.Name) and t.id == "HYPOTHESIS" for t in targets
        ):
            found = node.value
    if not (isinstance(found, ast.Constant) and isinstance(found.value, str)):
        raise CandidateError("rejected (train.py needs a line HYPOTHESIS = 'one line of text')")
    text = found.value
    if not text.strip() or len(text) > MAX_HYPOTHESIS or len(text.splitlines()) > 1:
        raise CandidateError(
            f"rejected (HYPOTHESIS must be one line of 1 to {MAX_HYPOTHESIS} characters)"
        )
    return plain(text, MAX_HYPOTHESIS)


def plain(text: str, limit: int = 200) -> str:
    """Make a candidate's words safe to print: one line, printable, bounded."""
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
