"""`ratchet hint`, `pause`, `stop`: steer a run without stopping it, a notebook's too."""

from harness.commands.options import OK


def main(args) -> int:
    from harness.run import find_run, steering

    more = [getattr(args, name) for name in ("text", "off") if name in args]
    print(getattr(steering, args.command)(find_run(args.tag, args.runs), *more))
    return OK
