"""`ratchet watch`: show a run live in a browser."""

from harness.commands.options import NAMED, OK, count, option, say

HELP = "show a run live in a browser: staircase, ledger, diff, hint, pause, stop"
EPILOG = "On a phone, or from elsewhere: ssh -L PORT:127.0.0.1:PORT, then the same address."
OPTIONS = {**NAMED, "--port": option("default: any free one", "P", type=count, default=0)}


def main(args) -> int:
    import asyncio

    from harness.evidence import serve
    from harness.run import find_run

    asyncio.run(serve(find_run(args.tag, args.runs), args.port, say))
    return OK
