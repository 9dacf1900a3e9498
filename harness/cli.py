"""The `ratchet` command: parsing, errors and exit statuses; `commands.py` has the subcommands.

A subcommand is a function marked with `@command`; the options that several share are here.
Nothing heavy is imported at the top, so that `--help` and `status` start at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from harness import RunError, __version__

OK, FAILED, REJECTED, USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 4, 64, 130, 141
OF_THE_RUN = "the run's task, to be sure; others are refused"
COMMANDS: dict[str, tuple[str, Callable, Callable]] = {}


class Usage(Exception):
    """The command was not given what it needs; the message is one line that says what to do."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit status 64."""

    def error(self, message: str):
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def command(name: str, help: str, arguments: Callable = lambda parser: None):
    """Register a subcommand: `function(args) -> exit status`."""

    def register(function: Callable) -> Callable:
        COMMANDS[name] = (help, arguments, function)
        return function

    return register


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # not a text stream of Python's own
            stream.reconfigure(errors="replace")  # a console that has no Δ shows a ?
    args = None
    try:
        args = make_parser().parse_args(argv)
        status = args.function(args)
        sys.stdout.flush()
        return status
    except Usage as err:
        return _say_error(err, USAGE)
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`): stop without a word, as tools do.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        line = "stopped"
        if getattr(args, "resumable", False):
            line += f"; the run is safe, continue it with: ratchet {shlex.join(argv)}"
        print(line, file=sys.stderr)
        return INTERRUPTED
    except SystemExit as err:
        return err.code if isinstance(err.code, int) else FAILED
    except OSError as err:
        where = f"{err.filename}: " if err.filename else ""
        return _say_error(f"{where}{err.strerror or err}", FAILED)
    except Exception as err:
        if os.environ.get("RATCHET_DEBUG"):
            raise
        if isinstance(err, RunError) or type(err).__name__ in ("DataError", "SandboxError"):
            return _say_error(err, FAILED)
        text = f"{type(err).__name__}: {err} (this is a fault of the course; RATCHET_DEBUG=1 shows"
        return _say_error(f"{text} where)", FAILED)


def _say_error(err: object, status: int) -> int:
    print(f"ratchet: {' '.join(str(err).split())}", file=sys.stderr)
    return status


def make_parser() -> Parser:
    """Build the parser from the registered commands."""
    from harness import commands  # noqa: F401  (fills COMMANDS)

    parser = Parser(
        prog="ratchet",
        description="An agent edits train.py, a frozen harness scores it, a ratchet keeps gains.",
    )
    parser.add_argument("--version", action="version", version=f"ratchet {__version__}")
    parts = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (text, arguments, function) in COMMANDS.items():
        part = parts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        arguments(part)
        part.set_defaults(function=function)
    return parser


def runs_folder(args) -> Path:
    """Return the folder of all runs."""
    from harness.settings import RUNS

    return Path(args.runs) if args.runs else RUNS


def _tag(text: str) -> str:
    from harness.workspace import check_tag

    try:
        return check_tag(text)
    except RunError as err:
        raise argparse.ArgumentTypeError(str(err)) from None


def tag_option(parser, help: str = "name of the run") -> None:
    """Add `--tag` and `--runs`."""
    parser.add_argument("--tag", required=True, type=_tag, metavar="T", help=help)
    runs_option(parser)


def task_option(parser, help: str = "task (default: heart); see `ratchet new`") -> None:
    """Add `--task`."""
    parser.add_argument("--task", metavar="NAME", help=help)


def check_task(args) -> None:
    """Hold a run to the task that the person has in mind."""
    if args.task is None:
        return
    from harness.settings import find_run, read_settings
    from harness.task import get_task

    tags = [args.tag] if isinstance(args.tag, str) else [*args.tag, *args.folder]
    for tag in tags:
        recorded = read_settings(find_run(tag, runs_folder(args)) / "run.json")["task"]
        if get_task(args.task).ref != recorded:
            raise Usage(f"run '{tag}' is about task '{recorded}', not '{args.task}'")


def runs_option(parser) -> None:
    """Add `--runs`."""
    parser.add_argument("--runs", metavar="FOLDER", help="folder of all runs (default: runs/)")


def json_option(parser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def say(line: str) -> None:
    """Tell a person something that is no result."""
    print(f"ratchet: {line}", file=sys.stderr, flush=True)


def dump(data: dict | list) -> None:
    """Print JSON."""
    print(json.dumps(data, indent=2, allow_nan=False))


def plain(value):
    """NaN is no JSON: say None."""
    return None if isinstance(value, float) and math.isnan(value) else value


def positive(text: str) -> int:
    """Parse a number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def count(text: str) -> int:
    """Parse a number from 0 on."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def duration(text: str) -> float:
    """Parse a duration into seconds."""
    from harness.loop import parse_duration

    try:
        return parse_duration(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from None


def money(text: str) -> float:
    """Parse an amount from 0 on."""
    amount = float(text)
    if not 0 <= amount < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount of money")
    return amount


def pairs(texts: list[str], advice: str = "write agent options as KEY=VALUE") -> dict[str, str]:
    """Parse KEY=VALUE texts."""
    pairs = [text.partition("=") for text in texts]
    if not all(key and mark for key, mark, _ in pairs):
        raise Usage(advice)
    return {key: value for key, _, value in pairs}
