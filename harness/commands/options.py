"""What the commands share: options, exit statuses, parsing of values, what is printed how."""

import argparse
import contextlib
import json
import math
import sys
from pathlib import Path

from harness import CALL, RunError
from harness.candidate import plain
from harness.files import catalogue

OK, FAILED, REJECTED, USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 4, 64, 130, 141

_GROUPS, COMMANDS = catalogue(__file__).values()


class Usage(Exception):
    """The command was not given what it needs; the message is one line that says what to do."""


# -- values: argparse calls these, and names them where a text is no number -----------------


def checked(parse, text: str):
    """Parse a text by the house's own rules; what these say against it is what argparse says."""
    try:
        return parse(text)
    except (RunError, ValueError) as err:
        raise argparse.ArgumentTypeError(str(err)) from None


def tag(text: str) -> str:
    """Parse the name of a run."""
    from harness.run import check_tag

    return checked(check_tag, text)


def duration(text: str) -> float:
    """Parse a duration into seconds."""
    from harness.run import parse_duration

    return checked(parse_duration, text)


def runs_folder(text: str) -> Path:
    """Parse the folder of all runs; no text means the usual one."""
    from harness.run import RUNS

    return Path(text) if text else RUNS


def count(text: str, least: int = 0, otherwise: str = "is below 0") -> int:
    """Parse a number from 0 on."""
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{text} {otherwise}")
    return number


def positive(text: str) -> int:
    """Parse a number above 0."""
    return count(text, 1, "is not a number above 0")


def money(text: str) -> float:
    """Parse an amount from 0 on."""
    amount = float(text)
    if not 0 <= amount < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no amount of money")
    return amount


def price(text: str) -> dict:
    """Parse IN,OUT: dollars per million tokens, whatever the model."""
    given, comma, got = text.partition(",")
    if not comma:
        raise argparse.ArgumentTypeError(f"{text} is not IN,OUT: write it like 2.50,10")
    return {"*": {"input": money(given), "output": money(got)}}


def guard(text: str) -> tuple[str, float]:
    """Parse a guard."""
    from harness.rules import check_guards

    name, _, margin = text.partition("=")
    return next(iter(checked(check_guards, {name: margin}).items()))


def pairs(texts: list[str], advice: str = "write agent options as KEY=VALUE") -> dict[str, str]:
    """Parse KEY=VALUE texts."""
    pairs = [text.partition("=") for text in texts]
    if not all(key and mark for key, mark, _ in pairs):
        raise Usage(advice)
    return {key: value for key, _, value in pairs}


# -- options --------------------------------------------------------------------------------


def flags(command: str) -> dict[str, dict]:
    """What argparse takes for each flag of a command: the run's name, its own, the shared ones."""
    told = COMMANDS[command]
    found: dict[str, dict] = {}
    for table in (told.get("flags", {}), *map(_GROUPS.get, told.get("also", ()))):
        for flag, how in table.items():
            found[flag] = how | found.get(flag, {})
    found = dict(sorted(found.items(), key=lambda item: "tag" not in item[0]))
    kinds = globals() | {"int": int, "float": float}
    for how in found.values():
        how["help"] = how["help"].replace("{call}", CALL)
        how |= {"type": kinds[how["type"]]} if "type" in how else {}
    return found


def check_task(args) -> None:
    """Hold a run to the task that the person has in mind."""
    if args.task is None:
        return
    from harness.run import find_run, read_settings
    from harness.task import get_task

    for name in [args.tag] if isinstance(args.tag, str) else [*args.tag, *args.folder]:
        recorded = get_task(args.task).ref
        with contextlib.suppress(RunError):  # the command itself will say what is wrong with it
            recorded = read_settings(find_run(name, args.runs) / "run.json")["task"]
        if get_task(args.task).ref != recorded:
            raise Usage(f"run '{name}' is about task '{recorded}', not '{args.task}'")


# -- what is printed ------------------------------------------------------------------------


def say(line: str) -> None:
    """Tell a person something that is no result."""
    print(f"ratchet: {plain(line, 2000)}", file=sys.stderr, flush=True)


def dump(data: dict | list) -> None:
    """Print JSON."""
    print(json.dumps(data, indent=2, allow_nan=False))


def row_to_dict(row) -> dict:
    """A row for machines and agents: everything but test figures; NaN is no JSON, so None."""
    shown = {k: v for k, v in vars(row).items() if not k.startswith("test_")}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in shown.items()}


def show_row(run, row) -> None:
    """Print an iteration's line, after every tenth the best so far (contract C5)."""
    from harness.run import told

    print(*told(row, run.ledger.best()), sep="\n", flush=True)
