"""`ratchet new`: make a task from a CSV file."""

from __future__ import annotations

import json
import sys

from harness.commands.options import duration, json_option, pairs, positive

HELP = "make a task from a CSV file"


def arguments(parser) -> None:
    parser.add_argument("name", help="name of the task; makes tasks/NAME/")
    add = parser.add_argument
    add("--csv", required=True, metavar="FILE", help="the data: a header line, a row per case")
    add("--target", required=True, metavar="COL", help="column to predict")
    add("--kind", metavar="KIND", help="binary, multiclass or regression (default: as it looks)")
    more = {"action": "extend", "nargs": "+", "default": []}
    add("--positive", metavar="VALUE", help="value(s) of the target that are class 1", **more)
    add("--metric", metavar="NAME", help="scikit-learn scorer, greater is better (roc_auc, r2, …)")
    add("--groups", metavar="COL", help="folds never part rows with the same value")
    add("--time", metavar="COL", help="folds and test come after what they learn from")
    add("--drop", metavar="COL", help="columns that no model may see", **more)
    add("--keep", metavar="COL", help="columns to keep though they look like ids or leaks", **more)
    add("--type", metavar="COL=TYPE", help="number, category, text, date or 'date FORMAT'", **more)
    add("--folds", type=positive, default=5, metavar="N", help="folds (default: 5)")
    add("--test-size", type=float, default=0.2, metavar="SHARE", help="sealed rows (default: 0.2)")
    add("--budget", type=duration, default=180.0, metavar="3m", help="per candidate (default: 3m)")
    add("--seed", type=int, default=42, metavar="S", help="of split and folds (default: 42)")
    add("--tasks", metavar="FOLDER", help="folder of all tasks (default: tasks/)")
    add("--no-score", action="store_true", help="do not score the starting train.py")
    json_option(parser)


def main(args) -> int:
    """Do what `ratchet new` was asked, and tell what was chosen and what to look at."""
    from harness.newtask import new_task
    from harness.task import DataError

    made = new_task(
        args.name,
        args.csv,
        args.target,
        root=args.tasks,
        positive=args.positive,
        kind=args.kind,
        metric=args.metric,
        groups=args.groups,
        time=args.time,
        drop=args.drop,
        keep=args.keep,
        types=pairs(args.type, "write types as COL=TYPE"),
        n_folds=args.folds,
        test_size=args.test_size,
        budget_s=args.budget,
        seed=args.seed,
    )
    task, score = made.task, None
    for line in made.warnings:
        print(f"ratchet: look: {line}", file=sys.stderr)
    if not args.no_score:
        from harness.scoring import evaluate

        score = evaluate(task.folder / "train.py", task, probe=False)
        if not score.ok:
            raise DataError(
                f"{task.folder} is made, but its starting train.py does not score: "
                f"{score.status}; mend {task.folder / 'train.py'}, then `ratchet evaluate --task "
                f"{task.ref}`"
            )
    if args.json:
        told = {"task": task.ref, "folder": str(task.folder), "kind": task.kind}
        told |= {"metric": task.metric, "choices": made.choices, "warnings": made.warnings}
        told |= {"val_auc": score and score.val_auc, "val_sd": score and score.val_sd}
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    print(f"task {task.name}: {task.folder}", *made.choices, sep="\n")
    if score is not None:
        print(
            f"start: val_auc {score.val_auc:.6f}, sd over folds {score.val_sd:.6f}, "
            f"{score.wall_time_s:.1f} s"
        )
    print(
        f"next: say in {task.folder / 'program.md'} what you know about the data, then\n"
        f"      ratchet run --task {task.ref} --tag {task.name}-1"
    )
    return 0
