"""Checks the exercises of handed-in notebooks: answers run in sealed children, checks outside.

A process of its own for one lesson, started by `ratchet grade`. It runs the lesson as it is given
(ours), and remembers every moment at which an exercise is checked. For a handed-in notebook it then
forks a child, locks it in as a worker is locked in (`seal.py`: no network, no files but libraries
and one scratch folder, no processes, limits), and lets it run the cells that are not the lesson's
own. Answers come out as JSON; a function stays inside and is called from here. What a notebook
says about its own checks is never read.

Not covered: answers that score a program themselves or start a process (nothing can in there),
magics (`%`, `!`), answers other than numbers, texts, lists, dictionaries and functions.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from pandas import Series

from harness import CODE, RunError
from harness.files import read_plain
from harness.run import Run
from harness.scoring import Scorer
from harness.sealing import OwnFolder, readable_roots, seal
from harness.teaching import checks
from harness.teaching.checking import NOT_ATTEMPTED

MAX_NOTEBOOK = 16 * 1024**2  # bytes, outputs included
MAX_CELLS, MAX_MESSAGES, MAX_MESSAGE = 1_000, 500, 1024**2
CELL_S, CPU_S = 5, 30  # processor seconds for a cell, and for all of a notebook
NOTEBOOK_S = 60  # seconds for all of a notebook with its checks
PROGRAM_S = 20  # seconds for a program that an exercise asks for
LIMITS = {"memory": 2 * 1024**3, "cpu_s": CPU_S, "file_bytes": 16 * 1024**2}
NOT_COVERED = "not covered"  # an answer that cannot leave the sealed process
_CHECK = re.compile(r"(?<!def )\b(\w+)\(")  # by whatever name its module goes


def read_cells(path: Path) -> list[str]:
    """Read the code cells of a notebook, without lines that only IPython understands.

    Raises
    ------
    RunError
        If it is no notebook.
    """
    try:
        cells = json.loads(read_plain(path, MAX_NOTEBOOK).decode("utf-8-sig"))["cells"]
        sources = [c["source"] for c in cells[:MAX_CELLS] if c["cell_type"] == "code"]
        texts = ["".join(source) for source in sources]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise RunError(f"{path.name} is no notebook") from None
    return ["\n".join(x for x in text.split("\n") if x[:1] not in "%!" or not x) for text in texts]


# -- the lesson as it is given ---------------------------------------------------------------


class Lesson:
    """One lesson, run once as it is given; `moments` has each check as the lesson called it."""

    def __init__(self, path: Path):
        self.cells = read_cells(path)
        self.known = {text.strip() for text in self.cells}
        # check -> the names at that moment, its function, its other arguments, its options
        self.moments: dict[str, tuple] = {}
        self._scorers: dict[str, Scorer] = {}
        names: dict = {"__name__": "__main__"}
        for text in self.cells:
            with contextlib.suppress(Exception, SystemExit):  # what needs a network, say
                exec(compile(text, "lesson", "exec"), names)
            if isinstance(names.get("checks"), ModuleType):
                names["checks"] = _Watched(names["checks"], names, self.moments)

    def close(self) -> None:
        """End the workers."""
        for scorer in self._scorers.values():
            scorer.close()

    def look_at(self, path: Path) -> dict[str, str]:
        """Check one notebook; return check -> verdict."""
        cells = read_cells(path)
        verdicts = dict.fromkeys(self.moments, NOT_ATTEMPTED)
        ours, theirs = Pipe()
        folder = OwnFolder("ratchet-notebook")
        pid = os.fork()
        if pid == 0:
            _Child(self.moments, self.known).live(theirs, str(folder.path), cells)
        theirs.close()
        over = threading.Timer(NOTEBOOK_S, os.kill, (pid, signal.SIGKILL))
        over.start()
        ended = False
        try:
            for _ in range(MAX_MESSAGES):
                said = _hear(ours)
                if (name := str(said.get("check"))) in self.moments:
                    verdicts[name] = self._check(name, ours, said.get("answer"))
                ours.send(None)
        except (EOFError, ConnectionError):
            ended = True
        except (OSError, ValueError, RecursionError):
            pass  # it talks nonsense: what it answered before counts
        finally:
            over.cancel()
            over.join()
            os.kill(pid, signal.SIGKILL)  # not reaped yet: the number is still ours
            if os.waitpid(pid, 0)[1] and ended:  # not by itself
                verdicts[""] = f"not run to its end ({NOTEBOOK_S} s, or another limit)"
            ours.close()
            folder.close()
        return verdicts

    def _check(self, name: str, wire: Connection, answer) -> str:
        _, check, args, options = self.moments[name]

        def call(*values):  # the learner's function, in there
            wire.send(values)
            said = _hear(wire)
            if "error" in said:
                raise RuntimeError(str(said["error"])[:200])
            return decode(said.get("value"), None)

        try:
            answer = decode(answer, call)
        except TypeError:
            return NOT_COVERED
        with contextlib.ExitStack() as stack:
            return check(answer, *(self._alive(arg, stack) for arg in args), **options).verdict

    def _alive(self, value, stack: contextlib.ExitStack):
        """Put something that works in the place of what the lesson has closed since."""
        if not isinstance(value, Scorer | Run):
            return value
        task = (value if isinstance(value, Scorer) else value.scorer).task
        if task.ref not in self._scorers:
            self._scorers[task.ref] = Scorer(task.with_budget(min(PROGRAM_S, task.budget_s)))
        scorer = self._scorers[task.ref]
        if isinstance(value, Scorer):
            return scorer
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))  # nobody climbs on others
        run = Run.open("judge", root=root, task=task, rule=value.rule.name, scorer=scorer)
        stack.callback(run.close)
        run.ensure_baseline()
        return run


class _Watched:
    """Stands for the module of checks while the lesson runs, and remembers how it is called."""

    def __init__(self, checks: ModuleType, names: dict, moments: dict):
        self._checks, self._names, self._moments = checks, names, moments

    def __getattr__(self, name: str):
        check = getattr(self._checks, name)
        if not hasattr(check, "__wrapped__"):  # a quiz
            return check

        def remember(answer, *args, **options):
            self._moments[name] = (dict(self._names), check, args, options)

        return remember


# -- between here and there ------------------------------------------------------------------


def encode(value):
    """Make an answer plain JSON; an object has one key, which says what it is."""
    if value is ...:
        return {"not attempted": True}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(getattr(value, "item", None)) and getattr(value, "size", 0) == 1:
        return encode(value.item())
    if isinstance(value, dict) or type(value).__name__ == "Series":
        kind = "pairs" if isinstance(value, dict) else "series"
        return {kind: [[encode(k), encode(v)] for k, v in value.items()]}
    if isinstance(value, list | tuple | set | frozenset) or hasattr(value, "__array__"):
        return [encode(part) for part in value]
    return {"function": True} if callable(value) else {"odd": True}


def decode(value, call):
    """Take an answer that was heard; `call` stands for a function. A TypeError if it is odd."""
    if isinstance(value, list):
        return [decode(part, call) for part in value]
    if not isinstance(value, dict):
        return value
    if "pairs" in value:
        return {decode(k, call): decode(v, call) for k, v in value["pairs"]}
    if "series" in value:
        index, values = zip(*value["series"], strict=True)
        return Series([decode(v, call) for v in values], [decode(k, call) for k in index])
    if "function" in value:
        return call
    if "not attempted" in value:
        return ...
    raise TypeError("an answer of another sort")


def _hear(wire: Connection) -> dict:
    """Take a message from in there: JSON, never a pickle, and bounded."""
    said = json.loads(wire.recv_bytes(MAX_MESSAGE))
    return said if isinstance(said, dict) else {}


class _Child:
    """The sealed process that runs a stranger's cells; in them it stands for `checks`."""

    def __init__(self, moments: dict[str, tuple], known: set[str]):
        self.moments, self.known = moments, known

    def live(self, wire: Connection, scratch: str, cells: list[str]) -> None:
        """Lock in, run the cells, end. Never returns."""
        try:
            self.lock_in(wire, scratch)
            self.run(cells)
            os._exit(0)
        finally:
            os._exit(1)  # what comes after the end of the wire, too

    def lock_in(self, wire: Connection, scratch: str) -> None:
        """Give up everything but the way back and the scratch folder; system calls come last."""
        os.setsid()
        seal.die_with_parent()
        os.chdir(scratch)
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        os.dup2(wire.fileno(), 3)
        self.wire = Connection(3)
        os.closerange(4, 65536)  # the ways to our own workers among them
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.environ.clear()
        seal.limit_resources(**LIMITS)
        seal.restrict_files([*readable_roots(), str(CODE), "/proc/self"], scratch)
        seal.drop_capabilities()
        signal.signal(signal.SIGPROF, _too_long)
        seal.restrict_calls(seal.call_filter(os.getpid()))

    def run(self, cells: list[str]) -> None:
        """Run what is not the lesson's own, each exercise among the names that it had there."""
        names: dict = {"__name__": "__main__"}
        # For a cell that imports it once more, or a check out of it:
        sys.modules["harness.teaching"].checks = sys.modules["harness.teaching.checks"] = self
        theirs: set[str] = set()
        asked = [[n for n in _CHECK.findall(text) if n in self.moments] for text in cells]
        for i, text in enumerate(cells):
            if text.strip() in self.known and not asked[i]:
                continue
            following = next((found[0] for found in asked[i:] if found), None)
            there = self.moments[following][0] if following else {}
            names |= {k: v for k, v in there.items() if k not in theirs} | {"checks": self}
            before = dict(names)
            _allow(CELL_S)
            with contextlib.suppress(BaseException):  # the next exercise may be right
                for node in ast.parse(text).body:  # and what stands below a mistake, too
                    with contextlib.suppress(Exception):
                        exec(compile(ast.Module([node], []), "notebook", "exec"), names)
            _allow(0)
            theirs |= {k for k, v in names.items() if before.get(k, names) is not v}

    def tell(self, **message) -> None:
        """Send a message: Connection writes plainly, the sealed process has no calls of sockets."""
        self.wire.send_bytes(json.dumps(message).encode())

    def __getattr__(self, name: str):
        """Hand an answer over instead of checking it, and let its function be called."""
        if name.startswith("__") or isinstance(getattr(checks, name, None), type):
            return getattr(checks, name)  # what Python asks of a module, or finds in one

        def hand_over(answer=..., *args, **options):
            if name in self.moments:
                self.tell(check=name, answer=encode(answer))
                while (values := self.wire.recv()) is not None:
                    _allow(CELL_S)
                    try:
                        self.tell(value=encode(answer(*values)))
                    except Exception as err:
                        self.tell(error=f"{type(err).__name__}: {err}"[:200])
                _allow(CELL_S)

        return hand_over


def _allow(seconds: float) -> None:
    """Give what follows so many processor seconds, 0 for no end: the machine may be busy."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _too_long(*_) -> None:
    raise TimeoutError(f"longer than {CELL_S} s")


def main() -> None:
    """Run one lesson and say so in a line, then answer each path of a notebook with verdicts."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not (seal.landlock_abi() and seal.seccomp_supported()):
        raise SystemExit("not executed: this machine cannot seal a process (Linux on x86_64 can)")
    lesson = Lesson(Path(sys.argv[1]))
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        try:
            found = lesson.look_at(Path(line.rstrip("\n")))
        except Exception as err:  # one notebook never ends the others
            found = {"": str(err)}
        print(json.dumps(found), file=out, flush=True)
    lesson.close()


if __name__ == "__main__":
    main()
