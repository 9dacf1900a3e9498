"""`ratchet hint`: a line for a run's next prompt."""

from harness.commands.options import NAMED, OK, option

HELP = "give a run a line for its next prompt, and for that one alone"
OPTIONS = {**NAMED, "text": option("one line, at most 500 characters", "TEXT")}


def main(args) -> int:
    from harness.run import find_run, steering

    print(steering.hint(find_run(args.tag, args.runs), args.text))
    return OK
