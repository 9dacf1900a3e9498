"""`ratchet verify`: score kept commits again and check the ledger."""

from __future__ import annotations

from harness.commands.options import (
    FAILED,
    OF_THE_RUN,
    OK,
    Usage,
    check_task,
    dump,
    json_option,
    runs_folder,
    runs_option,
    say,
    task_option,
)

HELP = "score a run's kept commits again and check its ledger"


def arguments(parser) -> None:
    parser.add_argument("--tag", nargs="+", action="extend", default=[], metavar="T", help="runs")
    parser.add_argument("folder", nargs="*", help="more runs, as folders")
    task_option(parser, OF_THE_RUN)
    parser.add_argument("--all", action="store_true", help="score discarded candidates again, too")
    runs_option(parser)
    json_option(parser)


def main(args) -> int:
    names = [*args.tag, *args.folder]
    if not names:
        raise Usage("give --tag T, or folders of runs")
    check_task(args)
    from harness.evidence import verify as module

    reports = module.main(names, root=runs_folder(args), every=args.all, say=say)
    if args.json:
        dump([module.to_dict(report) for report in reports])
    else:
        print(module.table(reports))
        for report in reports:
            for line in report.problems:
                print(f"{report.tag}: {line}")
    return OK if all(report.ok for report in reports) else FAILED
