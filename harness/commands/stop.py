"""`ratchet stop`: end a run before its next candidate."""

from harness.commands.options import NAMED, OK

HELP = "end a run before its next candidate; the same command continues it"
OPTIONS = NAMED


def main(args) -> int:
    from harness.run import find_run, steering

    print(steering.stop(find_run(args.tag, args.runs)))
    return OK
