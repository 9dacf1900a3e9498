"""`ratchet run`: let an agent propose, step after step."""

import contextlib
import math
import sys
import time

from harness import CALL
from harness.commands import options

LIMITS = ("iterations", "time_budget", "max_cost", "max_calls")


def main(args) -> int:
    from harness.agents import AgentError, get_agent
    from harness.evidence import ReplayAgent  # noqa: F401 - its room adds it to the agents
    from harness.run import DEFAULTS, Run, describe_best, loop, read_settings

    limits = {name: getattr(args, name) for name in LIMITS}
    if set(limits.values()) == {None}:
        limits["iterations"] = 25
    given = {"model": args.model, "command": args.agent_command}
    given |= options.pairs(args.agent_option)
    given = {key: value for key, value in given.items() if value is not None}
    path = args.runs / args.tag / "run.json"
    recorded = read_settings(path) if path.exists() else {}
    name = args.agent or recorded.get("agent", DEFAULTS["agent"])
    wanted = given or recorded.get("options", {})
    if args.agent_timeout is not None:
        wanted = wanted | {"timeout": args.agent_timeout}
    if args.price is not None:  # not frozen: prices change
        wanted = wanted | {"prices": args.price}
    try:  # before the run is made, so that a slip leaves no run behind
        agent = get_agent(name, **wanted)
        if hasattr(agent, "ready"):
            agent.ready()
    except (ValueError, AgentError) as err:
        raise options.Usage(str(err)) from None
    args.resumable = True
    frozen = {"agent": args.agent, "rule": args.rule, "seed": args.seed, "options": given}
    frozen["guard"] = dict(args.guard)
    task = args.task or recorded.get("task")
    with (
        _cluster(args, task) as scorer,
        Run.open(args.tag, task=task, root=args.runs, scorer=scorer, **frozen) as run,
    ):
        ends = time.monotonic() + (args.time_budget or math.inf)
        told = {"on_row": lambda row: options.show_row(run, row), "say": options.say}
        told["patience"] = args.patience
        with contextlib.closing(agent):
            outcome = loop.run(run, agent, parallel=args.parallel, **limits, **told)
        best = run.ledger.best()
        print(f"ended: {outcome.reason}", file=sys.stderr if outcome.failed else sys.stdout)
        if best is not None:
            print(describe_best(best))
        print(f"ledger: {run.ledger.path}\nworkspace: {run.workspace.path}")
        if best is not None:
            print(_claim(run, outcome, ends))
        return options.FAILED if outcome.failed else options.OK


def _claim(run, outcome, ends: float) -> str:
    """Say what may be claimed of the run, if there is time to find out."""
    from harness.evidence import certify
    from harness.run import OutOfTime

    late = f"what may be claimed: {CALL} certify --tag {run.tag}"
    if outcome.failed:
        return late
    try:
        with run.pace.until(ends), run.pace.piece():
            return certify(run.path, run.scorer, task=run.measured, say=options.say).sentence
    except OutOfTime:
        return f"{late} (the time budget left no time for it)"


def _cluster(args, task: str | None):
    """Give the scorer that `--scheduler` asks for; None means the run makes its own."""
    if args.scheduler is None:
        return contextlib.nullcontext()
    from harness.run import ClusterScorer
    from harness.task import get_task

    return ClusterScorer(get_task(task or "heart"), args.scheduler, workers=args.parallel)
