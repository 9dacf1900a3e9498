"""`ratchet pause`: let a run wait before its next candidate."""

from harness.commands.options import NAMED, OK, switch

HELP = "let a run wait before its next candidate, or go on (--off)"
OPTIONS = {**NAMED, "--off": switch("go on")}


def main(args) -> int:
    from harness.run import find_run, steering

    print(steering.pause(find_run(args.tag, args.runs), args.off))
    return OK
