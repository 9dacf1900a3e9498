"""The `ratchet` command: parsing, errors and exit statuses; `commands/` has the subcommands."""

import argparse
import contextlib
import errno
import os
import shlex
import signal
import sys

from harness import CALL, RunError, __version__, commands
from harness.candidate import plain
from harness.commands import COMMANDS, FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, Usage, flags

# What ends a process by default, and here as cleanly as Ctrl-C: the last is Windows'.
ENDINGS = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit status 64."""

    def error(self, message: str):
        self.exit(
            USAGE, f"ratchet{self.prog.removeprefix(CALL)}: {message} (see {self.prog} --help)\n"
        )


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # not a text stream of Python's own
            stream.reconfigure(errors="replace")  # a console that has no Δ shows a ?
    args = None
    try:
        args = make_parser().parse_args(argv)
        with _ending_cleanly():
            status = commands.main(args)
        sys.stdout.flush()
        return status
    except Usage as err:
        return _say_error(err, USAGE)
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`): stop without a word, as tools do.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        line = "stopped"
        if getattr(args, "resumable", False):
            line += f"; the run is safe, continue it with: {CALL} {shlex.join(argv)}"
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(line, file=sys.stderr, flush=True)
        return INTERRUPTED
    except SystemExit as err:
        return err.code if isinstance(err.code, int) else FAILED
    except OSError as err:
        where = err.filename or ("the disk" if err.errno in FULL else "")
        text = f"{where}: {err.strerror or err}" if where else str(err)
        text += ": free some space there, then type the command again" * (err.errno in FULL)
        return _say_error(text, FAILED)
    except Exception as err:
        if os.environ.get("RATCHET_DEBUG"):
            raise
        if isinstance(err, RunError) or type(err).__name__ in ("DataError", "SandboxError"):
            return _say_error(err, FAILED)
        text = f"{type(err).__name__}: {err} (this is a fault of the course; RATCHET_DEBUG=1 shows"
        return _say_error(f"{text} where)", FAILED)


def _say_error(err: object, status: int) -> int:
    with contextlib.suppress(OSError):
        print(f"ratchet: {plain(str(err), 2000)}", file=sys.stderr, flush=True)
    return status


@contextlib.contextmanager
def _ending_cleanly():
    """Let other signals end a command as Ctrl-C does; only the first, as cleaning up takes time."""
    numbers = [getattr(signal, name, None) for name in ENDINGS]
    ours = [n for n in numbers if n and signal.getsignal(n) is signal.SIG_DFL]  # nohup ignores

    heard: list[int] = []

    def end(number, frame):
        heard.append(number)
        if len(heard) == 1:
            raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # not in the main thread
        for each in ours:
            signal.signal(each, end)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            for each in ours:
                signal.signal(each, signal.SIG_DFL)


def make_parser() -> Parser:
    """Build the parser from the commands."""

    parser = Parser(
        prog=CALL,
        description="An agent edits train.py, a frozen harness scores it, a ratchet keeps gains.",
    )
    parser.add_argument("--version", action="version", version=f"ratchet {__version__}")
    parts = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, told in COMMANDS.items():
        text = told["help"]
        part = parts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        part.epilog = told.get("epilog")
        for flag, how in flags(name).items():
            part.add_argument(flag, **how)
    return parser
