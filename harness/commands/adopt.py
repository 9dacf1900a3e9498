"""`ratchet adopt`: make a run's certified program the new train.py."""

from harness.commands.options import OK, check_task


def main(args) -> int:
    from harness.run import adopt as copy

    check_task(args)
    told = copy(args.runs, args.tag, working=args.working, force=args.force, to=args.to)
    print(*told, sep="\n")
    return OK
