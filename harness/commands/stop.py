"""`ratchet stop`: end a run before its next candidate; the same command continues it."""

from harness.commands.options import OK, RUN

HELP = "end a run before its next candidate"
OPTIONS = RUN


def main(args) -> int:
    from harness.run import find_run, steering

    print(steering.stop(find_run(args.tag, args.runs)))
    return OK
