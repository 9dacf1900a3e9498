"""`ratchet step`: score the run's own `train.py`, keep or discard it."""

from harness import CALL, RunError
from harness.commands import options
from harness.commands.options import OK, REJECTED, say

SELF = "self"  # the agent of a run that is driven by `ratchet step`


def main(args) -> int:
    from harness.sealing import head_start

    with head_start(args.runs / args.tag / "workspace" / "train.py"):
        return _step(args)


def _step(args) -> int:
    from harness.agents import Proposal
    from harness.run import Run, describe, recorded_agent, steering
    from harness.scoring import Score

    if steering.wish(args.runs / args.tag) == "pause":
        off = f"{CALL} pause {args.tag} --off"
        raise RunError(f"run '{args.tag}' is paused: wait, then type this again; to go on: {off}")
    exists = recorded_agent(args.runs, args.tag) is not None
    frozen = {"rule": args.rule, "seed": args.seed, "agent": None if exists else SELF}
    frozen["guard"] = dict(args.guard)
    args.resumable = True
    with Run.open(args.tag, task=args.task, root=args.runs, **frozen) as run:
        run.agent = args.agent or SELF  # for the rows: who edited, whoever began the run
        baseline, space = run.ensure_baseline(), run.workspace
        if baseline is not None:
            _tell(run, baseline, args.json)
            if not args.json:
                print(f"run '{run.tag}' is ready: edit {space.train}, then type this command again")
            return OK
        data = space.read_train()
        for row in run.pace.catch_up():  # what a time budget left undecided
            say(describe(row))
        if data in (run.best.source.encode(), run.last_source()):
            run.settle()
            last = describe(run.ledger.rows[-1])
            raise options.Usage(f"no new candidate in {space.train}: edit it first; last: {last}")
        source = data.decode("utf-8", "surrogateescape")
        same = run.duplicate_of(source)
        if same is not None:
            told = describe(run.ledger.rows[same])
            say(f"that program was scored before, no row was written; change what it does: {told}")
            return REJECTED
        row = run.step(Proposal(source, cost_source="unknown"))
        if not args.json:
            print(figures(run.last_score, row.status))
        _tell(run, row, args.json)
        if not row.ok and not args.json:
            print(f"log: {run.log_path(row.iteration)}")
        return Score(row.status).exit_code


def _tell(run, row, json: bool) -> None:
    """Say what the run, or a person, wants to be known, and print the row."""
    from harness.run import steering

    hints = steering.take(run.path, run.iteration)  # whoever edits reads them now
    for line in [*run.take_notices(), *(f"hint: {text}" for text in hints)]:
        say(line)
    if json:
        options.dump(options.row_to_dict(row))
    else:
        options.show_row(run, row)


def figures(score, status: str) -> str:
    """The lines of contract C3 that an agent may see: all but the test figures."""
    return (
        f"val_auc: {score.val_auc:.6f}\nval_sd: {score.val_sd:.6f}\n"
        f"wall_time_s: {score.wall_time_s:.3f}\ncv_folds: {len(score.fold_scores)}\n"
        f"isolation: {score.isolation}\nstatus: {status}"
    )
