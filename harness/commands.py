"""What can be typed after `ratchet`: one function per subcommand, one for its options.

Everything heavy is imported inside the functions.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path

from harness.cli import (
    FAILED,
    OF_THE_RUN,
    OK,
    REJECTED,
    Usage,
    check_task,
    command,
    count,
    dump,
    duration,
    json_option,
    money,
    pairs,
    plain,
    positive,
    runs_folder,
    runs_option,
    say,
    tag_option,
    task_option,
)

LAST_ROWS = 10  # that `status` shows
SELF = "self"  # the agent of a run that is driven by `ratchet step`


# -- evaluate -----------------------------------------------------------------------------


def _evaluate_arguments(parser) -> None:
    parser.add_argument("file", nargs="?", help="the program to score (default: train.py)")
    task_option(parser)
    parser.add_argument(
        "--json", metavar="FILE", help="also write the score as JSON; - prints it instead"
    )


@command("evaluate", "score a train.py once, outside any run", _evaluate_arguments)
def evaluate(args) -> int:
    from harness.settings import REPO
    from harness.task import get_task

    task = get_task(args.task or "heart")
    path = Path(args.file or "train.py")
    if args.file is None and (task.folder or not path.exists()):
        path = (task.folder or REPO) / "train.py"
    if not path.is_file():
        raise Usage(f"{path} is not a file: give the path of a train.py")
    from harness.scoring import evaluate as score_file

    score = score_file(path, task)
    text = json.dumps({k: plain(v) for k, v in score.to_dict().items()}, indent=2, default=str)
    if args.json == "-":
        print(text)
    else:
        if args.json:
            Path(args.json).write_text(text + "\n", encoding="utf-8")
        print(score.lines())
    if score.log.strip() and args.json != "-":
        print(f"--- the program printed ---\n{score.log.rstrip()}", file=sys.stderr)
    return score.exit_code


# -- step ---------------------------------------------------------------------------------


def _frozen_options(parser) -> None:
    task_option(parser, "task of a new run (default: heart); see `ratchet new`")
    parser.add_argument("--rule", metavar="NAME", help="decision rule (default: confirm)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of the agent (default: 0)")


def _step_arguments(parser) -> None:
    tag_option(parser)
    _frozen_options(parser)
    parser.add_argument("--agent", metavar="NAME", help="who edits, for the ledger (default: self)")
    json_option(parser)


@command("step", "score the run's workspace/train.py and keep or discard it", _step_arguments)
def step(args) -> int:
    from harness.agents import Proposal
    from harness.ledger import describe, describe_best
    from harness.ratchet import Run
    from harness.settings import recorded_agent

    root = runs_folder(args)
    exists = recorded_agent(root, args.tag) is not None
    frozen = {"rule": args.rule, "seed": args.seed, "agent": None if exists else SELF}
    args.resumable = True
    with Run.open(args.tag, task=args.task, root=root, **frozen) as run:
        run.agent = args.agent or SELF  # for the rows: who edited, whoever began the run
        row, space = run.ensure_baseline(), run.workspace
        if row is not None:
            _tell(run)
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
        _tell(run)
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


def exit_code(status: str) -> int:
    """Exit status of contract C3 for a status text."""
    return {"ok": OK, "timeout": 2, "crashed": 3, "rejected": 4}[status.split(" ")[0]]


def row_to_dict(row) -> dict:
    """A row for machines and agents: everything but test figures."""
    from dataclasses import asdict

    return {k: plain(v) for k, v in asdict(row).items() if not k.startswith("test_")}


def _tell(run) -> None:
    for line in run.take_notices():
        say(line)


# -- run ----------------------------------------------------------------------------------


def _run_arguments(parser) -> None:
    tag_option(parser, "name of the run; one that exists is continued")
    parser.add_argument("--agent", metavar="NAME", help="who proposes (default: playbook)")
    parser.add_argument("--iterations", type=count, metavar="N", help="rows beyond the baseline")
    parser.add_argument("--time-budget", type=duration, metavar="8h", help="wall clock: 8h, 90m")
    _frozen_options(parser)
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


@command("run", "let an agent propose, step after step; continue a run", _run_arguments)
def run_command(args) -> int:
    from harness import loop
    from harness.agents import get_agent
    from harness.agents.errors import AgentError
    from harness.ledger import describe, describe_best
    from harness.ratchet import Run
    from harness.settings import DEFAULTS, read_settings
    from harness.workspace import check_tag

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
    from harness.cluster import ClusterScorer
    from harness.task import get_task

    return ClusterScorer(get_task(task or "heart"), args.scheduler, workers=args.parallel)


def _terminated(number, frame):
    raise KeyboardInterrupt  # the same clean end as Ctrl-C


# -- status -------------------------------------------------------------------------------


def _status_arguments(parser) -> None:
    tag_option(parser)
    task_option(parser, OF_THE_RUN)
    json_option(parser)


@command("status", "show a run: best, counts, last rows; no test figures", _status_arguments)
def status(args) -> int:
    from harness.ledger import describe, describe_best
    from harness.status import read_status

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


# -- new ----------------------------------------------------------------------------------


def _new_arguments(parser) -> None:
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


@command("new", "make a task from a CSV file", _new_arguments)
def new(args) -> int:
    from harness import newtask

    return newtask.main(args, types=pairs(args.type, "write types as COL=TYPE"))


# -- audit, report, verify, adopt, doctor ---------------------------------------------------


def _audit_arguments(parser) -> None:
    tag_option(parser)
    task_option(parser, OF_THE_RUN)
    parser.add_argument(
        "--keep-sealed", action="store_true", help="do not look at the sealed test yet"
    )
    json_option(parser)


@command("audit", "is the gain real? fresh folds, sealed test, other hospital", _audit_arguments)
def audit(args) -> int:
    from harness.settings import find_run

    check_task(args)
    path = find_run(args.tag, runs_folder(args))
    from harness import audit as module

    return module.main(path, args) or OK


def _report_arguments(parser) -> None:
    tag_option(parser)
    parser.add_argument("--out", metavar="FILE", help="file to write (default: report.html there)")
    parser.add_argument(
        "--no-score", action="store_true", help="draw no noise band unless one is recorded"
    )


@command("report", "write what a run did as one HTML page; finished or not", _report_arguments)
def report(args) -> int:
    from harness import report as module
    from harness.settings import find_run

    path = find_run(args.tag, runs_folder(args))
    print(f"report: {module.write(path, args.out, measure=not args.no_score, say=say)}")
    return OK


def _verify_arguments(parser) -> None:
    parser.add_argument("--tag", nargs="+", action="extend", default=[], metavar="T", help="runs")
    parser.add_argument("folder", nargs="*", help="more runs, as folders")
    task_option(parser, OF_THE_RUN)
    parser.add_argument("--all", action="store_true", help="score discarded candidates again, too")
    runs_option(parser)
    json_option(parser)


@command("verify", "score a run's kept commits again and check its ledger", _verify_arguments)
def verify(args) -> int:
    names = [*args.tag, *args.folder]
    if not names:
        raise Usage("give --tag T, or folders of runs")
    check_task(args)
    from harness import verify as module

    reports = module.main(names, root=runs_folder(args), every=args.all, say=say)
    if args.json:
        dump([module.to_dict(report) for report in reports])
    else:
        print(module.table(reports))
        for report in reports:
            for line in report.problems:
                print(f"{report.tag}: {line}")
    return OK if all(report.ok for report in reports) else FAILED


def _adopt_arguments(parser) -> None:
    tag_option(parser)
    task_option(parser, OF_THE_RUN)
    parser.add_argument(
        "--force", "--unaudited", action="store_true", help="adopt without an audit, too"
    )
    parser.add_argument("--to", metavar="FILE", help="file to write (default: the task's train.py)")


@command("adopt", "make an audited run's best program the new train.py", _adopt_arguments)
def adopt(args) -> int:
    from harness.status import adopt as copy

    check_task(args)
    for line in copy(runs_folder(args), args.tag, force=args.force, to=args.to):
        print(line)
    return OK


@command("doctor", "say what this machine offers, and what to do about the rest", json_option)
def doctor(args) -> int:
    from harness.doctor import examine

    found = []
    for good, line in examine():
        found.append({"ok": good, "line": line})
        if not args.json:
            print(f"{'ok  ' if good else 'LOOK'}  {line}", flush=True)
    if args.json:
        dump(found)
    return OK if all(item["ok"] for item in found) else FAILED
