"""From a model's reply to the text of a new train.py: find the fenced file or apply the diff.

Nothing here runs a candidate. `contract_error` looks at the syntax tree alone.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from harness.agents.errors import InvalidFile
from harness.agents.secrets import find_secret
from harness.candidate import MAX_BYTES, MAX_HYPOTHESIS, hypothesis_of

EXPORTS = ("HYPOTHESIS", "feature_fn", "build_pipeline")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*$")
_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_DIFF_WORDS = {"diff", "patch", "udiff"}


def contract_error(source: str) -> str | None:
    """Say why ``source`` cannot be a train.py, from its syntax tree; None if it can.

    The file is parsed and compiled, never executed: the harness alone runs candidates.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a string is not our business
            tree = ast.parse(source)
            compile(source, "train.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return f"it cannot be compiled: {type(error).__name__}"
    missing = [name for name in EXPORTS if name not in _bound(tree)]
    if missing:
        return f"it does not define {', '.join(missing)}"
    hypothesis = hypothesis_of(source)
    if not hypothesis.strip():
        return "HYPOTHESIS is not a plain string, or it is empty"
    if "\n" in hypothesis.strip() or len(hypothesis) > MAX_HYPOTHESIS:
        return f"HYPOTHESIS is not one line of at most {MAX_HYPOTHESIS} characters"
    return None


def _bound(tree: ast.Module) -> set[str]:
    """Names that the top level of a module gives a value to."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        else:
            names |= {
                n.id
                for n in ast.walk(node)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    return names


@dataclass(frozen=True)
class Block:
    """One fenced block of a reply. An open one was cut off before its end."""

    info: str
    text: str
    closed: bool


def blocks(reply: str) -> list[Block]:
    """The fenced blocks of ``reply``, by the rules of Markdown."""
    found: list[Block] = []
    fence, info, lines = "", "", []
    for line in reply.splitlines():
        match = _FENCE.match(line)
        if not fence:
            if match:
                fence, info, lines = match[1], match[2].lower(), []
        elif match and match[1].startswith(fence) and line.strip() == match[1]:
            found.append(Block(info, "\n".join(lines) + "\n", True))
            fence = ""
        else:
            lines.append(line)
    if fence:
        found.append(Block(info, "\n".join(lines) + "\n", False))
    return found


def read_reply(reply: str, current: str) -> str:
    """Return the new train.py that a reply holds: a whole file, or ``current`` with a diff applied.

    Raises
    ------
    InvalidFile
        With what is wrong, in words that a model can act on.
    """
    reply = _THOUGHT.sub("", reply)
    found = blocks(reply)
    if not found:
        # Small models often leave the fence out. Then the whole reply has to be the file.
        if contract_error(reply) is None:
            return _checked(reply)
        if re.search(r"^@@ ", reply, re.MULTILINE):
            return _checked(apply_diff(current, reply))
        raise InvalidFile("the reply has no fenced block with a file or a diff")
    if not found[-1].closed:
        raise InvalidFile("the reply was cut off inside its fenced block")
    diffs = [b for b in found if b.info in _DIFF_WORDS or b.text.startswith(("--- ", "@@ "))]
    files = [b for b in found if b not in diffs and b.info in ("", "python", "py", "python3")]
    whole = [b for b in files if all(name in b.text for name in EXPORTS)]
    if len(whole) > 1 and len({b.text for b in whole}) > 1:
        raise InvalidFile("the reply has more than one whole file: give one")
    if whole:
        return _checked(whole[0].text)
    if len(diffs) > 1:
        raise InvalidFile("the reply has more than one diff: give one")
    if diffs:
        return _checked(apply_diff(current, diffs[0].text))
    if files:
        raise InvalidFile(
            f"the fenced block is not the whole file: it must define {', '.join(EXPORTS)}"
        )
    raise InvalidFile("the reply has no ```python or ```diff block")


def _checked(source: str) -> str:
    data = source.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise InvalidFile(f"train.py would be larger than {MAX_BYTES // 1024} KiB")
    return clean_source(data)


def apply_diff(current: str, diff: str) -> str:
    """Apply a unified diff of train.py, strictly: every context and removed line must match.

    Line numbers are taken as a hint, because models miscount: a hunk whose old lines stand at
    exactly one place is applied there; one that fits nowhere or at several is an error.

    Raises
    ------
    InvalidFile
    """
    lines = current.split("\n")
    hunks = _hunks(diff)
    if not hunks:
        raise InvalidFile("the diff has no hunk that starts with @@ -line,count +line,count @@")
    done: list[str] = []
    position = 0
    for start, old, new in hunks:
        where = _place(lines, old, position, start - 1)
        done += lines[position:where] + new
        position = where + len(old)
    return "\n".join(done + lines[position:])


def _hunks(diff: str) -> list[tuple[int, list[str], list[str]]]:
    """Parse hunks into (stated line, old lines, new lines)."""
    found: list[tuple[int, list[str], list[str]]] = []
    for line in diff.rstrip("\n").split("\n"):
        if match := _HUNK.match(line):
            found.append((int(match[1]), [], []))
        elif line.startswith("@@"):  # "@@ ... @@" without numbers: no hint
            found.append((0, [], []))
        elif not found:
            if line.startswith(("--- ", "+++ ")):
                name = line[4:].split("\t")[0].strip()
                if name != "/dev/null" and name.rsplit("/", 1)[-1] != "train.py":
                    raise InvalidFile("the diff changes another file than train.py")
        elif line.startswith(("--- ", "diff --git")) and not line.startswith("--- #"):
            raise InvalidFile("the diff changes more than one file")
        elif line.startswith("\\"):  # "\ No newline at end of file"
            continue
        elif line.startswith("-"):
            found[-1][1].append(line[1:])
        elif line.startswith("+"):
            found[-1][2].append(line[1:])
        elif line.startswith(" ") or not line:  # editors strip the blank of an empty context line
            found[-1][1].append(line[1:])
            found[-1][2].append(line[1:])
        else:
            raise InvalidFile(f"a line of the diff has no ' ', '+' or '-' in front: {line[:60]!r}")
    return found


def _place(lines: list[str], old: list[str], first: int, hint: int) -> int:
    """Index at which ``old`` stands in ``lines``, not before ``first``."""
    if not old:
        if not first <= hint + 1 <= len(lines):
            raise InvalidFile("a hunk of the diff has no context to find its place by")
        return hint + 1  # "-4,0": after line 4
    if hint >= first and lines[hint : hint + len(old)] == old:
        return hint
    spots = [i for i in range(first, len(lines) - len(old) + 1) if lines[i : i + len(old)] == old]
    if len(spots) != 1:
        problem = "does not match train.py" if not spots else "fits at several places"
        raise InvalidFile(f"a hunk of the diff {problem}; its first line is {old[0][:60]!r}")
    return spots[0]


def clean_source(data: bytes, name: str = "train.py") -> str:
    """Decode a source file: UTF-8 without a byte-order mark, newlines as in Unix, no keys inside.

    Raises
    ------
    InvalidFile
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFile(f"{name} is not UTF-8 (byte {error.start})") from None
    if "\0" in text:
        raise InvalidFile(f"{name} contains NUL bytes")
    if not text.strip():
        raise InvalidFile(f"{name} is empty")
    if secret := find_secret(text):
        raise InvalidFile(f"{name} contains the value of {secret}; it was not kept")
    return text.replace("\r\n", "\n").replace("\r", "\n")
