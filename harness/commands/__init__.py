"""What can be typed after `ratchet`: one file for each command, and what it prints.

Each file has `HELP`, `OPTIONS` (flags and what argparse takes for them) and `main(args)`, which
returns the exit status. Options that several commands share are in `options.py`. A command only
reads options and prints: what it does belongs to the rooms below. Nothing heavy is imported at the
top of a file, so that `--help` and `status` start at once.
"""

from importlib import import_module

from harness.commands import steer
from harness.commands.options import FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, Usage

__all__ = ["COMMANDS", "FAILED", "INTERRUPTED", "PIPE_CLOSED", "USAGE", "Usage"]

_NAMES = "evaluate step run status watch new certify audit report verify grade adopt repair init "
_NAMES += "doctor"
COMMANDS = {name: import_module(f"{__name__}.{name}") for name in _NAMES.split()}
COMMANDS |= {"hint": steer.HINT, "pause": steer.PAUSE, "stop": steer.STOP}  # alike: one file
