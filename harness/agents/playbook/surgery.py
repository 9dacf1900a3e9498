"""Change one place in a program's text and leave the rest as its author wrote it.

Places are nodes of the syntax tree. Offsets of a tree count bytes, not characters (a comment before
a node may hold an accent), so texts are cut as bytes.
"""

from __future__ import annotations

import ast
import re

from harness import candidate
from harness.candidate import LINE, MAX_HYPOTHESIS, hypothesis_lines, import_lines


def parse_or_none(source: str) -> ast.Module | None:
    """The syntax tree of a program, or None where it has none."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def text_of(source: str, node: ast.expr) -> str:
    """An expression as its author wrote it, in one line if it can be."""
    text = ast.get_source_segment(source, node) or ast.unparse(node)
    return text if "\n" not in text else double_quoted(ast.unparse(node))


def double_quoted(text: str) -> str:
    """What `ast.unparse` wrote, with the quotes of the house style where that is safe."""
    return text if '"' in text else text.replace("'", '"')


def replaced(source: str, node: ast.expr, text: str) -> str:
    """The program with an expression replaced; too long a line is broken at its commas."""
    lines = source.splitlines()
    head = lines[node.lineno - 1].encode()[: node.col_offset].decode()
    tail = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    indent = len(head) - len(head.lstrip())
    if len(head) + len(text) + len(tail) > LINE and "(" in text:
        room = LINE - len(head) - len(tail) + indent
        parts = split_arguments(text)
        text = ",\n".join(explode(part, indent, room) for part in parts).lstrip()
    new = (head + text + tail).split("\n")
    return _spliced(source, node.lineno - 1, node.end_lineno, new)


def _spliced(source: str, after: int, until: int, new: list[str]) -> str:
    """The program with other lines between two line numbers."""
    lines = source.splitlines()
    return "\n".join([*lines[:after], *new, *lines[until:]]) + "\n"


def explode(text: str, indent: int, room: int = LINE) -> str:
    """Indent an expression; one argument per line where it would be longer than `room`."""
    pad = " " * indent
    bracket = re.search(r"[(\[]", text)
    if len(pad) + len(text) + 1 <= room or not bracket:
        return pad + text
    parts = split_arguments(text[bracket.end() : -1])
    body = "".join(explode(part, indent + 4) + ",\n" for part in parts if part)
    return f"{pad}{text[: bracket.end()]}\n{body}{pad}{text[-1]}"


def split_arguments(text: str) -> list[str]:
    """What stands between the commas of the outermost level."""
    depth, parts = 0, [""]
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def with_imports(source: str, needs: set[tuple[str, str]]) -> str:
    """The program with (module, name) pairs imported that it lacks, one statement a module."""
    for module, name in sorted(needs):
        tree = parse_or_none(source)
        found = [n for n in _froms(tree) if n.module == module and not n.level]
        if any((a.name, a.asname) == (name, None) for n in found for a in n.names):
            continue
        after = until = _after_imports(tree)
        names = [name]
        if found and not any(alias.asname for alias in found[0].names):
            after, until = found[0].lineno - 1, found[0].end_lineno
            names += [alias.name for alias in found[0].names]
        source = _spliced(source, after, until, import_lines(module, names))
    return source


def without_unused(source: str, before: str) -> str:
    """The program without the imports that an edit made idle; those idle before stay."""
    idle = _idle(source) - _idle(before)
    for node in reversed(_froms(parse_or_none(source))):
        left = [a.name for a in node.names if a.name not in idle]
        if len(left) < len(node.names) and not any(a.asname for a in node.names):
            lines = import_lines(node.module, left) if left else []
            source = _spliced(source, node.lineno - 1, node.end_lineno, lines)
    return source


def _froms(tree: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in tree.body if isinstance(node, ast.ImportFrom)]


def _idle(source: str) -> set[str]:
    """Imported names that nothing in the program uses."""
    tree = parse_or_none(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {alias.name for node in _froms(tree) for alias in node.names} - used


def _after_imports(tree: ast.Module) -> int:
    """Line number after the last import at the top of the file, or after the docstring."""
    at = 0
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or (at == 0 and is_text):
            at = node.end_lineno
        elif not is_text:
            break
    return at


def with_hypothesis(source: str, hypothesis: str) -> str:
    """The same source with another HYPOTHESIS line; one is added after the imports if missing."""
    tree = parse_or_none(source)
    if tree is None or hypothesis_lines(source):
        return candidate.with_hypothesis(source, hypothesis)
    at = _after_imports(tree)
    line = f"HYPOTHESIS = {' '.join(hypothesis.split())[:MAX_HYPOTHESIS]!r}"
    return _spliced(source, at, at, ["", line])
