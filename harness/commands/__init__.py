"""What can be typed after `ratchet`: one file for each command, and what it prints.

Each file has `HELP`, `OPTIONS` (flags and what argparse takes for them) and `main(args)`, which
returns the exit status. Options that several commands share are in `options.py`. A command only
reads options and prints: what it does belongs to the rooms below. Nothing heavy is imported at the
top of a file, so that `--help` and `status` start at once.
"""

from harness.commands import (
    adopt,
    audit,
    doctor,
    evaluate,
    hint,
    new,
    pause,
    report,
    run,
    status,
    step,
    stop,
    verify,
    watch,
)
from harness.commands.options import FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, Usage

__all__ = ["COMMANDS", "FAILED", "INTERRUPTED", "PIPE_CLOSED", "USAGE", "Usage"]

COMMANDS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        *(evaluate, step, run, status, watch, hint, pause, stop),
        *(new, audit, report, verify, adopt, doctor),
    )
}
