"""`ratchet watch`: show a run live in a browser."""

from harness.commands.options import OK, say


def main(args) -> int:
    import asyncio

    from harness.evidence import serve
    from harness.run import find_run

    asyncio.run(serve(find_run(args.tag, args.runs), args.port, say))
    return OK
