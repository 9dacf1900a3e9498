"""`ratchet evaluate`: score one file, outside any run."""

import json
import sys
from pathlib import Path

from harness.commands.options import Usage


def main(args) -> int:
    from harness.sealing import head_start

    with head_start(Path(args.file or "train.py")):
        return _evaluate(args)


def _evaluate(args) -> int:
    from harness import CALL, REPO
    from harness.files import check_target, write_file
    from harness.task import get_task

    task = get_task(args.task or "heart")
    path = Path(args.file or "train.py")
    if args.file is None and (task.folder or not path.exists()):
        path = (task.folder or REPO) / "train.py"
    if not path.is_file():
        raise Usage(f"{path} is not a file: give the path of a train.py (see `{CALL} init`)")
    if args.json and args.json != "-":
        check_target(args.json)
    from harness.scoring import evaluate as score_file

    score = score_file(path, task)
    text = json.dumps(score.to_dict(), indent=2, default=str)
    if args.json == "-":
        print(text)
        return score.exit_code
    if args.json:
        write_file(Path(args.json), f"{text}\n".encode())
    print(score.lines())
    if score.log.strip():
        print(f"--- the program printed ---\n{score.log.rstrip()}", file=sys.stderr)
    return score.exit_code
