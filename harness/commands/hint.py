"""`ratchet hint`: put a line into the next prompt of a run."""

from harness.commands.options import OK, RUN

HELP = "give the run a line for its next prompt, and for that one alone"
OPTIONS = {**RUN, "text": {"help": "one line, at most 500 characters", "metavar": "TEXT"}}


def main(args) -> int:
    from harness.run import find_run, steering

    print(steering.hint(find_run(args.tag, args.runs), args.text))
    return OK
