"""`ratchet certify`: what may be claimed of a run."""

from harness.commands.options import JSON, OF_THE_RUN, OK, RUN, check_task, dump, say

HELP = "what may be claimed: the best program pruned, tested once on folds of its own"
OPTIONS = {**RUN, **OF_THE_RUN, **JSON}


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
