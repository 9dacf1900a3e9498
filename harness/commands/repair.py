"""`ratchet repair`: rebuild a ledger that lost rows."""

from harness.commands.options import OK, check_task, say


def main(args) -> int:
    from harness.run import find_run, rebuild_ledger

    check_task(args)
    print(
        *rebuild_ledger(find_run(args.tag, args.runs), score=not args.no_score, say=say), sep="\n"
    )
    return OK
