"""`ratchet adopt`: make an audited run's best program the new train.py."""

from harness.commands.options import OF_THE_RUN, OK, RUN, check_task, option, switch

HELP = "make an audited run's best program the new train.py"
OPTIONS = {
    **RUN,
    **OF_THE_RUN,
    "--force --unaudited": switch("adopt without an audit, too"),
    "--to": option("file to write (default: the task's train.py)", "FILE"),
}


def main(args) -> int:
    from harness.run import adopt as copy

    check_task(args)
    print(*copy(args.runs, args.tag, force=args.force, to=args.to), sep="\n")
    return OK
