"""`ratchet status`: the state of a run, without test figures."""

from harness import CALL
from harness.commands.options import OK, check_task, dump, row_to_dict

LAST_ROWS = 10


def main(args) -> int:
    from harness.run import describe, describe_best, read_status

    check_task(args)
    found = read_status(args.runs, args.tag)
    best, last = found.pop("best"), found.pop("rows")[-LAST_ROWS:]
    if args.json:
        dump(found | {"best": best and row_to_dict(best), "last": [row_to_dict(r) for r in last]})
        return OK
    counts = ", ".join(f"{n} {name}" for name, n in found["counts"].items())
    print(f"run {found['tag']}: agent {found['agent']}, rule {found['rule']}, seed {found['seed']}")
    print(f"task {found['task']}: val_auc is the mean {found['metric']} over the folds")
    print(f"{found['iterations']} iterations: {counts}")
    if found["cost_usd"] or found["tokens"] or found["unknown_costs"]:
        unknown = f", unknown for {found['unknown_costs']} rows" * bool(found["unknown_costs"])
        print(f"cost: {found['cost_usd']:.4f} USD, {found['tokens']} tokens{unknown}")
    if best:
        print(describe_best(best))
    print(f"stage: {found['stage']}", *(f"hint: {text}" for text in found["hints"]), sep="\n")
    print(found["certificate"] or f"what may be claimed: {CALL} certify --tag {found['tag']}")
    for row in last:
        print(describe(row))
    for name in ("train", "program", "workspace", "logs", "ledger"):
        print(f"{name}: {found[name]}")
    return OK
