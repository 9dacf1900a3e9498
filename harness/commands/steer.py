"""`ratchet hint`, `pause`, `stop`: steer a run without stopping it, a notebook's too."""

from types import SimpleNamespace

from harness.commands.options import NAMED, OK, option, switch


def main(args) -> int:
    from harness.run import find_run, steering

    more = [getattr(args, name) for name in ("text", "off") if name in args]
    print(getattr(steering, args.command)(find_run(args.tag, args.runs), *more))
    return OK


def _command(HELP: str, **OPTIONS: dict) -> SimpleNamespace:
    return SimpleNamespace(HELP=HELP, OPTIONS={**NAMED, **OPTIONS}, main=main)


TEXT = {"text": option("one line, at most 500 characters", "TEXT")}
HINT = _command("give a run a line for its next prompt, and for that one alone", **TEXT)
PAUSE = _command("let a run wait before its next candidate, or go on", **{"--off": switch("go on")})
STOP = _command("end a run before its next candidate; the same command continues it")
