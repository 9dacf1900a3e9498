"""`ratchet repair`: rebuild a ledger that lost rows."""

from harness.commands.options import OF_THE_RUN, OK, RUN, check_task, say, switch

HELP = "rebuild the rows that a run's ledger lost, from git"
OPTIONS = {
    **RUN,
    **OF_THE_RUN,
    "--no-score": switch("take the commits' word; test figures stay unknown"),
}


def main(args) -> int:
    from harness.run import find_run, rebuild_ledger

    check_task(args)
    print(
        *rebuild_ledger(find_run(args.tag, args.runs), score=not args.no_score, say=say), sep="\n"
    )
    return OK
