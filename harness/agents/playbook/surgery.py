"""Change one place in a program's text and leave the rest as its author wrote it.

Places are nodes of the syntax tree. Offsets of a tree count bytes, not characters (a comment before
a node may hold an accent), so texts are cut as bytes.
"""

from __future__ import annotations

import ast

from harness.candidate import LINE, MAX_HYPOTHESIS, import_lines


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
    first, last = node.lineno - 1, node.end_lineno - 1
    head = lines[first].encode()[: node.col_offset].decode()
    tail = lines[last].encode()[node.end_col_offset :].decode()
    indent = len(head) - len(head.lstrip())
    if len(head) + len(text) + len(tail) > LINE and "(" in text:
        room = LINE - len(head) - len(tail) + indent
        parts = split_arguments(text)
        text = ",\n".join(explode(part, indent, room) for part in parts).lstrip()
    lines[first : last + 1] = (head + text + tail).split("\n")
    return "\n".join(lines) + "\n"


def explode(text: str, indent: int, room: int = LINE) -> str:
    """Indent an expression; one argument per line where it would be longer than `room`."""
    pad = " " * indent
    if len(pad) + len(text) + 1 <= room or not any(c in "([" for c in text):
        return pad + text
    start = next(i for i, c in enumerate(text) if c in "([")
    parts = split_arguments(text[start + 1 : -1])
    body = "".join(explode(part, indent + 4) + ",\n" for part in parts if part)
    return f"{pad}{text[: start + 1]}\n{body}{pad}{text[-1]}"


def split_arguments(text: str) -> list[str]:
    """What stands between the commas of the outermost level."""
    depth, parts, last = 0, [], 0
    for i, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(text[last:i].strip())
            last = i + 1
    return [*parts, text[last:].strip()]


def with_imports(source: str, needs: set[tuple[str, str]]) -> str:
    """The program with names imported that it lacks, one statement a module."""
    for module, name in sorted(needs):
        tree = parse_or_none(source)
        statements = [
            node
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == module and not node.level
        ]
        names = {(a.name, a.asname) for node in statements for a in node.names}
        if (name, None) in names:
            continue
        lines = source.splitlines()
        if statements and all(alias.asname is None for alias in statements[0].names):
            node = statements[0]
            wanted = [name, *(alias.name for alias in node.names)]
            lines[node.lineno - 1 : node.end_lineno] = import_lines(module, wanted)
        else:
            at = after_imports(tree)
            lines[at:at] = import_lines(module, [name])
        source = "\n".join(lines) + "\n"
    return source


def without_unused(source: str, before: str) -> str:
    """The program without the imports that an edit made idle; those idle before stay."""
    idle = _idle(source) - _idle(before)
    if not idle:
        return source
    lines = source.splitlines()
    for node in reversed(parse_or_none(source).body):
        if isinstance(node, ast.ImportFrom) and any(a.name in idle for a in node.names):
            left = [a.name for a in node.names if a.name not in idle]
            if all(a.asname is None for a in node.names):
                new = import_lines(node.module, left) if left else []
                lines[node.lineno - 1 : node.end_lineno] = new
    return "\n".join(lines) + "\n"


def _idle(source: str) -> set[str]:
    """Imported names that nothing in the program uses."""
    tree = parse_or_none(source)
    brought = {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return brought - used


def after_imports(tree: ast.Module) -> int:
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
    line = f"HYPOTHESIS = {' '.join(hypothesis.split())[:MAX_HYPOTHESIS]!r}"
    tree = parse_or_none(source)
    if tree is None:
        return source
    lines = source.splitlines()
    for node in tree.body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(node, ast.Assign | ast.AnnAssign) and [
            getattr(t, "id", None) for t in targets
        ] == ["HYPOTHESIS"]:
            lines[node.lineno - 1 : node.end_lineno] = [line]
            return "\n".join(lines) + "\n"
    lines[after_imports(tree) : after_imports(tree)] = ["", line]
    return "\n".join(lines) + "\n"
