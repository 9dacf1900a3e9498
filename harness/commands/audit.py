"""`ratchet audit`: is the gain real?"""

from __future__ import annotations

import sys

from harness.commands.options import (
    OF_THE_RUN,
    OK,
    check_task,
    dump,
    json_option,
    runs_folder,
    tag_option,
    task_option,
)

HELP = "is the gain real? fresh folds, sealed test, other hospital"


def arguments(parser) -> None:
    tag_option(parser)
    task_option(parser, OF_THE_RUN)
    parser.add_argument(
        "--keep-sealed", action="store_true", help="do not look at the sealed test yet"
    )
    json_option(parser)


def main(args) -> int:
    from harness.run import find_run, read_settings

    check_task(args)
    path = find_run(args.tag, runs_folder(args))
    from harness.evidence import audit_report, open_and_audit, read_run
    from harness.scoring import Scorer
    from harness.task import HEART, HUNGARY, get_task

    read_run(path)  # before workers start: there may be nothing to audit
    task = get_task(read_settings(path / "run.json")["task"])
    with Scorer(task) as scorer:
        found = open_and_audit(
            path,
            scorer,
            task=task,
            hospital=HUNGARY if task.name == HEART.name else None,
            look=not args.keep_sealed,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
    if args.json:
        dump(found.to_dict())
        return OK
    print(f"{audit_report.table(found)}\n\n{audit_report.paragraph(found)}\n")
    print(f"figure: {path / 'audit.png'}")
    return OK
