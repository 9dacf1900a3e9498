"""What can be typed after `ratchet`: one file for each command, and what it prints.

Each file has `main(args)`, which returns the exit status; what it is given is told in
`options.toml`, and read by `options.py`. A command only reads options and prints: what it does
belongs to the rooms below. A file is imported when its command is typed, and nothing heavy at its
top, so that `--help` and `status` start at once.
"""

from importlib import import_module

from harness.commands.options import COMMANDS, FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, Usage, flags

__all__ = ["COMMANDS", "FAILED", "INTERRUPTED", "PIPE_CLOSED", "USAGE", "Usage", "flags", "main"]


def main(args) -> int:
    """Do what was typed; return the exit status."""
    name = COMMANDS[args.command].get("file", args.command)
    return import_module(f"{__name__}.{name}").main(args)
