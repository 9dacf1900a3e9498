"""A train.py as text, never run: bounds, syntax, hypothesis, normal form, identity."""

import ast
import codecs
import functools
import hashlib
from collections.abc import Iterator
from difflib import SequenceMatcher

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
    data = data.removeprefix(codecs.BOM_UTF8)
    reason = refusal(data)
    if reason:
        raise CandidateError(f"rejected ({reason})")
    return data, read_hypothesis(data.decode("utf-8"))


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source.removeprefix("\ufeff"))  # a mark that Notepad writes
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        said = f"{type(err).__name__}: {err}"
        if isinstance(err, SyntaxError):
            said = f"SyntaxError: {err.msg}" + (f", line {err.lineno}" if err.lineno else "")
        raise CandidateError(f"crashed ({plain(said)})") from None


def _statements(source: str) -> list[ast.stmt]:
    """List the top level of a program; nothing if it does not parse."""
    try:
        return _parse(source).body
    except CandidateError:
        return []


def _assigned(node: ast.stmt) -> list[str]:
    """List the plain names that a statement gives a value to by `=`."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    targets = getattr(node, "targets", None) or [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_hypothesis(node: ast.stmt) -> bool:
    return _assigned(node) == ["HYPOTHESIS"] and node.value is not None


def _text(value: ast.expr | None) -> str | None:
    is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return value.value if is_text else None


def read_hypothesis(source: str) -> str:
    """Take HYPOTHESIS from the syntax tree.

    Raises
    ------
    CandidateError
        If the program does not parse, or has no constant one-line HYPOTHESIS.
    """
    found = [node.value for node in _parse(source).body if "HYPOTHESIS" in _assigned(node)]
    text = _text(found[-1]) if found else None
    if text is None:
        raise CandidateError("rejected (train.py needs a line HYPOTHESIS = 'one line of text')")
    if not text.strip() or len(text) > MAX_HYPOTHESIS or len(text.splitlines()) > 1:
        raise CandidateError(
            f"rejected (HYPOTHESIS must be one line of 1 to {MAX_HYPOTHESIS} characters)"
        )
    return plain(text, MAX_HYPOTHESIS)


def hypothesis_of(source: str) -> str:
    """Read the `HYPOTHESIS` text of any source, kept to the contract or not ("" if none)."""
    values = [node.value for node in _statements(source) if _is_hypothesis(node)]
    return _text(values[0]) or "" if values else ""


def hypothesis_lines(source: str) -> slice | None:
    """Find the lines of the HYPOTHESIS statement, as a slice of all lines; None without one."""
    found = (node for node in _statements(source) if "HYPOTHESIS" in _assigned(node))
    return next((slice(node.lineno - 1, node.end_lineno) for node in found), None)


def with_hypothesis(source: str, text: str) -> str:
    """The same program with another HYPOTHESIS; one that has none stays as it is."""
    line = f"HYPOTHESIS = {' '.join(text.split())[:MAX_HYPOTHESIS]!r}\n"
    return "".join(_lines_with(source, line))


def _lines_with(source: str, line: str) -> list[str]:
    lines, at = source.splitlines(keepends=True), hypothesis_lines(source)
    if at is not None:
        lines[at] = [line]
    return lines


# Letters, marks and signs that print nothing: Unicode calls most of them default ignorable.
_BLANK = dict.fromkeys([0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F])
_BLANK |= dict.fromkeys([0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])


def visible(text: str, instead: str = " ", keep: str = "") -> str:
    """Make a stranger's words safe to show: no control, bidirectional or invisible characters.

    A terminal obeys some of them, others turn the text around them backwards, or hide in it.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(_BLANK)
    return "".join(c if c.isprintable() or c in keep else instead for c in text)


def plain(text: str, limit: int = 200) -> str:
    """Make a stranger's words safe to print: one line, printable, bounded."""
    text = " ".join(visible(text).split())
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
        tree = _parse(source)
        for node in _walk_statements(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                if ast.get_docstring(node, clean=False) is not None:
                    # A body may not be empty: `pass` stands for a dropped docstring.
                    empty = [] if isinstance(node, ast.Module) else [ast.Pass()]
                    node.body = node.body[1:] or empty
        tree.body = [n for n in tree.body if not (_is_hypothesis(n) or _is_main_guard(n))]
        return ast.unparse(tree)
    except (CandidateError, RecursionError, ValueError):
        return " ".join(source.split())


def _walk_statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Do as `ast.walk`, but leave expressions out, which are most of a tree."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            todo += getattr(node, field, ())


def _is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__":` with nothing else to it."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return ast.unparse(node.test) == "__name__ == '__main__'"


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


def take_back(before: str, after: str, now: str) -> str | None:
    """Undo the edit from `before` to `after` in a program that has gone on from there.

    A three-way merge of lines with `after` as the common ancestor (diff3: Khanna, Kunal and Pierce
    2007, A formal investigation of diff3, FSTTCS). HYPOTHESIS lines, which every edit changes, are
    left out of it: the result has that of `now`.

    Returns
    -------
    str or None
        None where a later edit changed the same lines, or lines beside them.
    """
    base, ours, theirs = (_lines_with(source, _PLACE) for source in (after, now, before))
    in_ours, in_theirs = _kept_lines(base, ours), _kept_lines(base, theirs)
    merged: list[str] = []
    i = o = t = 0
    for k in [*sorted(in_ours.keys() & in_theirs.keys()), len(base)]:
        x, y = in_ours.get(k, len(ours)), in_theirs.get(k, len(theirs))
        was, mine, other = base[i:k], ours[o:x], theirs[t:y]
        if was != mine and was != other and mine != other:
            return None
        merged += (other if was == mine else mine) + base[k : k + 1]
        i, o, t = k + 1, x + 1, y + 1
    lines, at = now.splitlines(keepends=True), hypothesis_lines(now)
    line = "".join(lines[at]) if at else ""
    return "".join(line if text == _PLACE else text for text in merged)


_PLACE = "HYPOTHESIS\n"  # stands for the statement in a merge


def _kept_lines(base: list[str], other: list[str]) -> dict[int, int]:
    """Where the lines of `base` that are still there stand in `other`."""
    blocks = SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    return {a + i: b + i for a, b, size in blocks for i in range(size)}
