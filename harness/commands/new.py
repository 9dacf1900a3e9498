"""`ratchet new`: make a task from a CSV file."""

import json
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from harness import CALL
from harness.commands.options import OK, pairs, say

TOO_GOOD = (
    "the start is nearly perfect: which column, or sum of columns, holds the answer? --drop it"
)
QUIET_S = 2.0  # without a word: then a line says what is being done
NOT_OF_THE_TASK = {"no_score", "mask", "json", "command"}


@contextmanager
def alive():
    """Say every two seconds what is being done: for somebody who waits."""
    doing, over, began = [""], threading.Event(), time.monotonic()

    def tick() -> None:
        while not over.wait(QUIET_S):
            say(f"{doing[-1]} ({time.monotonic() - began:.0f} s)")

    threading.Thread(target=tick, daemon=True).start()
    try:
        yield doing.append
    finally:
        over.set()


def main(args) -> int:
    """Do what `ratchet new` was asked, and tell what was chosen and what to look at."""
    from harness.newtask import mask, new_task
    from harness.task import DataError, note_baseline

    given = {name: value for name, value in vars(args).items() if name not in NOT_OF_THE_TASK}
    given["types"] = pairs(args.types, "write types as COL=TYPE")
    given["cells"] = {}
    for text in args.cells:
        ((column, said),) = pairs([text], "write cells as COL=CELL=TEXT").items()
        cell, _, meaning = said.rpartition("=")
        given["cells"].setdefault(column, {})[cell] = meaning
    with tempfile.TemporaryDirectory() as folder, alive() as tell:
        if args.mask:
            named = [*args.drop, *args.keep, *given["types"], *given["cells"]]
            if any([*named, args.groups, args.time]):
                raise DataError("--mask gives columns other names: name none of them")
            masked = mask(args.csv, args.target, args.positive, Path(folder), args.seed)
            given |= {"csv": masked, "target": "outcome", "positive": []}
        made = new_task(**given, tell=tell)
    task, score = made.task, None
    for line in made.warnings:
        say(f"look: {line}")
    if not args.no_score:
        from harness.rules import too_good
        from harness.scoring import evaluate

        with alive() as tell:
            tell("scoring the starting train.py")
            score = evaluate(task.folder / "train.py", task, probe=False)
        if score.ok and too_good(task, score.val_auc, task.split().y_train):
            made.warnings.append(TOO_GOOD)
            say(f"look: {TOO_GOOD}")
        if not score.ok:
            raise DataError(
                f"{task.folder} is made, but its starting train.py does not score: "
                f"{score.status}; mend {task.folder / 'train.py'}, then `{CALL} evaluate --task "
                f"{task.ref}`"
            )
        note_baseline(task, score.val_auc)
    if args.json:
        told = {"task": task.ref, "folder": str(task.folder), "kind": task.kind}
        told |= {"metric": task.metric, "choices": made.choices, "warnings": made.warnings}
        told |= {"val_auc": score and score.val_auc, "val_sd": score and score.val_sd}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return OK
    print(f"task {task.name}: {task.folder}", *made.choices, sep="\n")
    if score is not None:
        spread = f"sd over folds {score.val_sd:.6f}, {score.wall_time_s:.1f} s"
        print(f"start: val_auc {score.val_auc:.6f}, {spread}")
    print(f"next: say in {task.folder / 'program.md'} what you know about the data, then")
    print(f"      {CALL} run --task {task.ref} --tag {task.name}-1")
    return OK
