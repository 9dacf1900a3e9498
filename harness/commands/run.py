"""`ratchet run`: let an agent propose, step after step."""

from __future__ import annotations

import contextlib
import signal
import sys

from harness.commands.options import (
    FAILED,
    OK,
    Usage,
    count,
    duration,
    frozen_options,
    money,
    pairs,
    positive,
    runs_folder,
    say,
    tag_option,
)

HELP = "let an agent propose, step after step; continue a run"


def arguments(parser) -> None:
    tag_option(parser, "name of the run; one that exists is continued")
    parser.add_argument("--agent", metavar="NAME", help="who proposes (default: playbook)")
    parser.add_argument("--iterations", type=count, metavar="N", help="rows beyond the baseline")
    parser.add_argument("--time-budget", type=duration, metavar="8h", help="wall clock: 8h, 90m")
    frozen_options(parser)
    parser.add_argument("--parallel", type=positive, default=1, metavar="K", help="side by side")
    parser.add_argument(
        "--scheduler",
        metavar="tcp://…",
        help="score on a Dask cluster; 'local' starts one here with K workers",
    )
    parser.add_argument("--max-cost", type=money, metavar="USD", help="of the whole run")
    parser.add_argument("--max-calls", type=count, metavar="N", help="agent calls")
    parser.add_argument("--model", metavar="M", help="for agents that use one")
    parser.add_argument("--agent-command", metavar="'CMD …'", help="program of agent 'command'")
    parser.add_argument("--agent-timeout", type=duration, metavar="10m", help="per proposal")
    parser.add_argument(
        "--agent-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="anything else the agent takes; may be repeated",
    )
    parser.epilog = (
        "Without a limit a run has 25 iterations. The same command continues a run that was "
        "stopped."
    )


def main(args) -> int:
    from harness.agents import AgentError, get_agent
    from harness.run import DEFAULTS, Run, check_tag, describe, describe_best, loop, read_settings

    limits = (args.iterations, args.time_budget, args.max_cost, args.max_calls)
    iterations = 25 if all(limit is None for limit in limits) else args.iterations
    options = {"model": args.model, "command": args.agent_command} | pairs(args.agent_option)
    options = {key: value for key, value in options.items() if value is not None}
    root, recorded = runs_folder(args), {}
    if (root / check_tag(args.tag) / "run.json").exists():
        recorded = read_settings(root / args.tag / "run.json")
    name = args.agent or recorded.get("agent", DEFAULTS["agent"])
    given = options or recorded.get("options", {})
    if args.agent_timeout is not None:
        given = given | {"timeout": args.agent_timeout}
    try:  # before the run is made, so that a slip leaves no run behind
        agent = get_agent(name, **given)
    except (ValueError, AgentError) as err:
        raise Usage(str(err)) from None
    args.resumable = True
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _terminated)
    frozen = {"agent": args.agent, "rule": args.rule, "seed": args.seed, "options": options}
    task = args.task or recorded.get("task")
    with (
        _cluster(args, task) as scorer,
        Run.open(args.tag, task=task, root=root, scorer=scorer, **frozen) as run,
    ):

        def show(row) -> None:
            print(describe(row), flush=True)
            if row.iteration and row.iteration % 10 == 0:
                print(describe_best(run.ledger.best()), flush=True)

        try:
            outcome = loop.run(
                run,
                agent,
                iterations=iterations,
                time_budget=args.time_budget,
                parallel=args.parallel,
                max_cost=args.max_cost,
                max_calls=args.max_calls,
                on_row=show,
                say=say,
            )
        finally:
            agent.close()
        best = run.ledger.best()
        print(f"ended: {outcome.reason}", file=sys.stderr if outcome.failed else sys.stdout)
        if best is not None:
            print(describe_best(best))
        print(f"ledger: {run.ledger.path}\nworkspace: {run.workspace.path}")
        return FAILED if outcome.failed else OK


def _cluster(args, task: str | None):
    """Give the scorer that `--scheduler` asks for; None means the run makes its own."""
    if args.scheduler is None:
        return contextlib.nullcontext()
    from harness.run import ClusterScorer
    from harness.task import get_task

    return ClusterScorer(get_task(task or "heart"), args.scheduler, workers=args.parallel)


def _terminated(number, frame):
    raise KeyboardInterrupt  # the same clean end as Ctrl-C
