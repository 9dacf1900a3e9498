"""`ratchet adopt`: make a run's certified program the new train.py."""

from harness.commands.options import OF_THE_RUN, OK, RUN, check_task, option, switch

HELP = "make a run's certified program, or its working best, the new train.py"
OPTIONS = {
    **RUN,
    **OF_THE_RUN,
    "--working": switch("the working best, which is more than may be claimed"),
    "--force": switch("the working best, though there is no certificate"),
    "--to": option("file to write (default: the task's train.py)", "FILE"),
}


def main(args) -> int:
    from harness.run import adopt as copy

    check_task(args)
    told = copy(args.runs, args.tag, working=args.working, force=args.force, to=args.to)
    print(*told, sep="\n")
    return OK
