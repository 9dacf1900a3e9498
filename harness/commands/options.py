"""What the commands share: options, exit statuses, parsing of values, what is printed how."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from harness import RunError

OK, FAILED, REJECTED, USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 4, 64, 130, 141
OF_THE_RUN = "the run's task, to be sure; others are refused"


class Usage(Exception):
    """The command was not given what it needs; the message is one line that says what to do."""


def runs_folder(args) -> Path:
    """Return the folder of all runs."""
    from harness.run import RUNS

    return Path(args.runs) if args.runs else RUNS


def _tag(text: str) -> str:
    from harness.run import check_tag

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
    from harness.run import find_run, read_settings
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
    from harness.run import parse_duration

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


def frozen_options(parser) -> None:
    """Add what is frozen when a run starts."""
    task_option(parser, "task of a new run (default: heart); see `ratchet new`")
    parser.add_argument("--rule", metavar="NAME", help="decision rule (default: confirm)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of the agent (default: 0)")


def exit_code(status: str) -> int:
    """Exit status of contract C3 for a status text."""
    return {"ok": OK, "timeout": 2, "crashed": 3, "rejected": 4}[status.split(" ")[0]]


def row_to_dict(row) -> dict:
    """A row for machines and agents: everything but test figures."""
    from dataclasses import asdict

    return {k: plain(v) for k, v in asdict(row).items() if not k.startswith("test_")}


def tell(run) -> None:
    """Say what a run wants a person to know."""
    for line in run.take_notices():
        say(line)
