"""`ratchet adopt`: make an audited run's best program the new train.py."""

from __future__ import annotations

from harness.commands.options import (
    OF_THE_RUN,
    OK,
    check_task,
    runs_folder,
    tag_option,
    task_option,
)

HELP = "make an audited run's best program the new train.py"


def arguments(parser) -> None:
    tag_option(parser)
    task_option(parser, OF_THE_RUN)
    parser.add_argument(
        "--force", "--unaudited", action="store_true", help="adopt without an audit, too"
    )
    parser.add_argument("--to", metavar="FILE", help="file to write (default: the task's train.py)")


def main(args) -> int:
    from harness.run import adopt as copy

    check_task(args)
    for line in copy(runs_folder(args), args.tag, force=args.force, to=args.to):
        print(line)
    return OK
