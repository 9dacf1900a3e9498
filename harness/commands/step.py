"""`ratchet step`: score the run's own `train.py`, keep or discard it."""

from __future__ import annotations

from harness.commands.options import (
    OK,
    REJECTED,
    Usage,
    dump,
    exit_code,
    frozen_options,
    json_option,
    row_to_dict,
    runs_folder,
    say,
    tag_option,
    tell,
)

SELF = "self"  # the agent of a run that is driven by `ratchet step`

HELP = "score the run's workspace/train.py and keep or discard it"


def arguments(parser) -> None:
    tag_option(parser)
    frozen_options(parser)
    parser.add_argument("--agent", metavar="NAME", help="who edits, for the ledger (default: self)")
    json_option(parser)


def main(args) -> int:
    from harness.agents import Proposal
    from harness.run import Run, describe, describe_best, recorded_agent

    root = runs_folder(args)
    exists = recorded_agent(root, args.tag) is not None
    frozen = {"rule": args.rule, "seed": args.seed, "agent": None if exists else SELF}
    args.resumable = True
    with Run.open(args.tag, task=args.task, root=root, **frozen) as run:
        run.agent = args.agent or SELF  # for the rows: who edited, whoever began the run
        row, space = run.ensure_baseline(), run.workspace
        if row is not None:
            tell(run)
            if args.json:
                dump(row_to_dict(row))
            else:
                print(describe(row))
                print(f"run '{run.tag}' is ready: edit {space.train}, then type this command again")
            return OK
        data = space.read_train()
        if data in (run.best.source.encode(), run.last_source()):
            run.settle()
            last = describe(run.ledger.rows[-1])
            raise Usage(f"no new candidate in {space.train}: edit it first; last: {last}")
        source = data.decode("utf-8", "surrogateescape")
        same = run.duplicate_of(source)
        if same is not None:
            told = describe(run.ledger.rows[same])
            say(f"that program was scored before, no row was written; change what it does: {told}")
            return REJECTED
        row = run.step(Proposal(source, cost_source="unknown"))
        tell(run)
        if args.json:
            dump(row_to_dict(row))
            return exit_code(row.status)
        print(figures(run.last_score, row.status))
        print(describe(row))
        if row.iteration % 10 == 0:
            print(describe_best(run.ledger.best()))
        if not row.ok:
            print(f"log: {run.log_path(row.iteration)}")
        return exit_code(row.status)


def figures(score, status: str) -> str:
    """The lines of contract C3 that an agent may see: all but the test figures."""
    return (
        f"val_auc: {score.val_auc:.6f}\nval_sd: {score.val_sd:.6f}\n"
        f"wall_time_s: {score.wall_time_s:.3f}\ncv_folds: {len(score.fold_scores)}\n"
        f"isolation: {score.isolation}\nstatus: {status}"
    )
