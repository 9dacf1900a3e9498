"""A train.py as text, never run: bounds, syntax, hypothesis, normal form, identity."""

from __future__ import annotations

import ast
import functools
import hashlib

MAX_BYTES = 256 * 1024
# Nested f-strings cost Python's own parser time that grows with the square of their number, and
# the trusted side parses every candidate. Nothing that a person would read has this many.
MAX_BRACES = 10_000
LINE = 100  # columns of a line in a train.py that the course writes
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


def normalise(source: str) -> str:
    """Reduce a source to what it does, so that the same program is known again.

    Comments, docstrings, formatting, the `HYPOTHESIS` line and the
    `if __name__ == "__main__"` part are dropped. Text that is not Python comes
    back with its white space squeezed, so that broken files compare as well.

    Parameters
    ----------
    source : str
        Text of a `train.py`.

    Returns
    -------
    str
        Equal for two sources that differ only in the ways named above.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(source.split())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                # A body may not be empty: `pass` stands for a dropped docstring.
                node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    tree.body = [node for node in tree.body if not (_is_hypothesis(node) or _is_main_guard(node))]
    try:
        return ast.unparse(tree)
    except (RecursionError, ValueError):
        return " ".join(source.split())


def hypothesis_of(source: str) -> str:
    """Read the `HYPOTHESIS` text from a source without running it ("" if there is none)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in tree.body:
        if _is_hypothesis(node):
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                return ""
            return value if isinstance(value, str) else ""
    return ""


def _is_hypothesis(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    else:
        return False
    return [t.id for t in targets if isinstance(t, ast.Name)] == ["HYPOTHESIS"]


def _is_main_guard(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


@functools.lru_cache(maxsize=256)
def program_id(source: str) -> str:
    """Name what a program does, whatever its comments and layout."""
    return hashlib.sha1(normalise(source).encode("utf-8", "replace")).hexdigest()


def import_lines(module: str, names: list[str]) -> list[str]:
    """An import statement, sorted as `ruff` sorts: constants, classes, functions."""
    ordered = sorted(set(names), key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= LINE:
        return [line]
    return [f"from {module} import (", *(f"    {n}," for n in ordered), ")"]
