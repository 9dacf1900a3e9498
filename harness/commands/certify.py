"""`ratchet certify`: what may be claimed of a run."""

from harness.commands.options import OK, check_task, dump, say


def main(args) -> int:
    from harness.run import find_run, read_settings

    check_task(args)
    path = find_run(args.tag, args.runs)
    from harness.evidence import certify, lines
    from harness.scoring import Scorer
    from harness.task import get_task

    with Scorer(get_task(read_settings(path / "run.json")["task"])) as scorer:
        found = certify(path, scorer, say=say)
    if args.json:
        dump({k: v for k, v in found.to_dict().items() if k != "source"})
    else:
        print(*lines(found), sep="\n")
    return OK
