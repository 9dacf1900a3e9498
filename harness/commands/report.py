"""`ratchet report`: what a run did, as one HTML page."""

from harness.commands.options import OK, say


def main(args) -> int:
    from harness.evidence import report
    from harness.run import find_run

    path = find_run(args.tag, args.runs)
    print(f"report: {report.write(path, args.out, measure=not args.no_score, say=say)}")
    return OK
