"""`ratchet audit`: is the gain real?"""

import sys

from harness.commands.options import OK, check_task, dump


def main(args) -> int:
    from harness.run import find_run, read_settings

    check_task(args)
    path = find_run(args.tag, args.runs)
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
    else:
        print(f"{audit_report.table(found)}\n\n{audit_report.paragraph(found)}\n")
        print(f"figure: {path / 'audit.png'}")
    return OK
