"""From a model's reply to the text of a new train.py: find the fenced file or apply the diff.

Nothing here runs a candidate. `contract_error` looks at the syntax tree alone.
"""

from __future__ import annotations

import re
import symtable
import warnings
from typing import NamedTuple

from harness.agents.errors import Declined, InvalidFile
from harness.agents.secrets import find_secret
from harness.candidate import MAX_HYPOTHESIS, hypothesis_of, refusal
from harness.files import catalogue

EXPORTS = ("HYPOTHESIS", "feature_fn", "build_pipeline")
_TOLD = catalogue(__file__)
_SAYS = {n: re.compile(t.replace("WORD", _TOLD["word"])) for n, t in _TOLD["says"].items()}


def contract_error(source: str) -> str | None:
    """Say why ``source`` cannot be a train.py, from its syntax tree; None if it can.

    The file is parsed and compiled, never executed: the harness alone runs candidates.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a string is not our business
            compile(source, "train.py", "exec", dont_inherit=True)
            names = symtable.symtable(source, "train.py", "exec").get_symbols()
    except SyntaxError as error:
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return f"it cannot be compiled: {type(error).__name__}"
    bound = {name.get_name() for name in names if name.is_assigned() or name.is_imported()}
    missing = [name for name in EXPORTS if name not in bound]
    if missing:
        return f"it does not define {', '.join(missing)}"
    hypothesis = hypothesis_of(source)
    if not hypothesis.strip():
        return "HYPOTHESIS is not a plain string, or it is empty"
    if "\n" in hypothesis.strip() or len(hypothesis) > MAX_HYPOTHESIS:
        return f"HYPOTHESIS is not one line of at most {MAX_HYPOTHESIS} characters"
    return None


class Block(NamedTuple):
    """One fenced block of a reply. An open one was cut off before its end."""

    info: str
    text: str
    closed: bool


def blocks(reply: str) -> list[Block]:
    """The fenced blocks of ``reply``, by the rules of Markdown."""
    found: list[Block] = []
    fence, info, lines, inset = "", "", [], ""
    for line in reply.replace("\r\n", "\n").split("\n"):
        match = _SAYS["fence"].match(line)
        if not fence:
            if match:
                inset, fence, info, lines = match[1], match[2], match[3].lower(), []
        elif (
            match
            and match[2].startswith(fence)
            and line.strip() == match[2]
            and (len(match[1]) <= len(inset) + 3)
        ):
            found.append(Block(info, "\n".join(lines) + "\n", True))
            fence = ""
        else:  # in a list, the block is indented as its fence is
            lines.append(line.removeprefix(inset))
    if fence:
        found.append(Block(info, "\n".join(lines).rstrip("\n") + "\n", False))
    return found


def read_reply(reply: str, current: str) -> str:
    """Return the new train.py that a reply holds: a whole file, or ``current`` with a diff applied.

    Raises
    ------
    InvalidFile
        With what is wrong, in words that a model can act on.
    """
    reply = _SAYS["closing"].sub("", _SAYS["thought"].sub("", reply), count=1)
    if _SAYS["opening"].match(reply):
        raise InvalidFile("the reply was cut off, or ended, inside its reasoning")
    found = blocks(reply)
    if not found:
        # Small models often leave the fence out. Then the whole reply has to be the file.
        if contract_error(reply) is None:
            return clean_source(reply)
        if re.search(r"^@@ ", reply, re.MULTILINE):
            return clean_source(apply_diff(current, reply))
        kind = Declined if _SAYS["no"].match(reply) else InvalidFile
        says = f"; it says: {' '.join(reply.split())[:120]}" if reply.strip() else ""
        raise kind(f"the reply has no fenced block with a file or a diff{says}")
    if not found[-1].closed and contract_error(found[-1].text) is not None:
        raise InvalidFile("the reply was cut off inside its fenced block")
    diffs = [b for b in found if b.info in _TOLD["diffs"] or b.text.startswith(("--- ", "@@ "))]
    files = [b for b in found if b not in diffs and b.info in ("", "python", "py", "python3")]
    whole = [b for b in files if all(name in b.text for name in EXPORTS)]
    if len(whole) > 1 and len({b.text for b in whole}) > 1:
        raise InvalidFile("the reply has more than one whole file: give one")
    if whole:
        return clean_source(whole[0].text)
    if len(diffs) > 1:
        raise InvalidFile("the reply has more than one diff: give one")
    if diffs:
        return clean_source(apply_diff(current, diffs[0].text))
    if files:
        raise InvalidFile(
            f"the fenced block is not the whole file: it must define {', '.join(EXPORTS)}"
        )
    raise InvalidFile("the reply has no ```python or ```diff block")


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
        sign, text = line[:1], line[1:]  # editors strip the blank of an empty context line
        if line.startswith("@@"):
            match = _SAYS["hunk"].match(line)  # "@@ ... @@" without numbers: no hint
            found.append((int(match[1]) if match else 0, [], []))
        elif not found:
            name = line[4:].split("\t")[0].strip()
            if line.startswith(("--- ", "+++ ")) and not _SAYS["ours"].fullmatch(name):
                raise InvalidFile("the diff changes another file than train.py")
        elif line.startswith(("--- ", "diff --git")) and not line.startswith("--- #"):
            raise InvalidFile("the diff changes more than one file")
        elif sign in ("", " ", "-", "+"):
            _, old, new = found[-1]
            old += [text] if sign != "+" else []
            new += [text] if sign != "-" else []
        elif sign != "\\":  # "\ No newline at end of file"
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


def clean_source(data: bytes | str) -> str:
    """Make a train.py of bytes: UTF-8 without a byte-order mark, newlines as in Unix, no keys.

    Raises
    ------
    InvalidFile
    """
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if reason := refusal(data):
        raise InvalidFile(reason)
    text = data.decode("utf-8-sig")
    if "\0" in text:
        raise InvalidFile("train.py contains NUL bytes")
    if not text.strip():
        raise InvalidFile("train.py is empty")
    if secret := find_secret(text):
        raise InvalidFile(f"train.py contains the value of {secret}; it was not kept")
    return text.replace("\r\n", "\n").replace("\r", "\n")
