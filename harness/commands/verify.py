"""`ratchet verify`: score kept commits again and check the ledger."""

import sys

from harness.commands import options


def main(args) -> int:
    names = [*args.tag, *args.folder]
    if not names:
        raise options.Usage("give --tag T, or folders of runs")
    options.check_task(args)
    from harness.evidence import verify

    reports = verify.main(names, root=args.runs, every=args.all, say=options.say)
    if args.json:
        options.dump([verify.to_dict(report) for report in reports])
    else:
        print(verify.table(reports))
        for report in reports:
            for line in report.problems:
                print(f"{report.name}: {line}", file=sys.stderr)
    return options.OK if all(report.ok for report in reports) else options.FAILED
