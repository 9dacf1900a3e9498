"""`ratchet status`: the state of a run, without test figures."""

from __future__ import annotations

from harness.commands.options import (
    OF_THE_RUN,
    OK,
    check_task,
    dump,
    json_option,
    row_to_dict,
    runs_folder,
    tag_option,
    task_option,
)

LAST_ROWS = 10

HELP = "show a run: best, counts, last rows; no test figures"


def arguments(parser) -> None:
    tag_option(parser)
    task_option(parser, OF_THE_RUN)
    json_option(parser)


def main(args) -> int:
    from harness.run import describe, describe_best, read_status

    check_task(args)
    found = read_status(runs_folder(args), args.tag)
    if args.json:
        shown = {k: v for k, v in found.items() if k not in ("rows", "best")}
        shown["best"] = row_to_dict(found["best"]) if found["best"] else None
        shown["last"] = [row_to_dict(row) for row in found["rows"][-LAST_ROWS:]]
        dump(shown)
        return OK
    counts = ", ".join(f"{n} {name}" for name, n in found["counts"].items())
    print(f"run {found['tag']}: agent {found['agent']}, rule {found['rule']}, seed {found['seed']}")
    print(f"task {found['task']}: val_auc is the mean {found['metric']} over the folds")
    print(f"{found['iterations']} iterations: {counts}")
    if found["cost_usd"] or found["tokens"] or found["unknown_costs"]:
        unknown = f", unknown for {found['unknown_costs']} rows" * bool(found["unknown_costs"])
        print(f"cost: {found['cost_usd']:.4f} USD, {found['tokens']} tokens{unknown}")
    if found["best"]:
        print(describe_best(found["best"]))
    for row in found["rows"][-LAST_ROWS:]:
        print(describe(row))
    for name in ("train", "program", "workspace", "logs", "ledger"):
        print(f"{name}: {found[name]}")
    return OK
