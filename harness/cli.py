"""The `ratchet` command: what can be typed, what it prints, what it returns to the shell.

A subcommand is a function marked with `@command`, its options in a function named by
`arguments=`. Everything heavy is imported inside, so that `--help` and `status` start at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from harness import RunError, __version__

OK, FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 64, 130, 141
LAST_ROWS = 10  # that `status` shows
OF_THE_RUN = "the run's task, to be sure; others are refused"
COMMANDS: dict[str, tuple[str, Callable, Callable]] = {}


class Usage(Exception):
    """The command was not given what it needs; the message is one line that says what to do."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit status 64."""

    def error(self, message: str):
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def command(name: str, help: str, arguments: Callable = lambda parser: None):
    """Register a subcommand: `function(args) -> exit status`."""

    def register(function: Callable) -> Callable:
        COMMANDS[name] = (help, arguments, function)
        return function

    return register


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # not a text stream of Python's own
            stream.reconfigure(errors="replace")  # a console that has no Δ shows a ?
    args = None
    try:
        args = make_parser().parse_args(argv)
        status = args.function(args)
        sys.stdout.flush()
        return status
    except Usage as err:
        return _say_error(err, USAGE)
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`): stop without a word, as tools do.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        line = "stopped"
        if getattr(args, "resumable", False):
            line += f"; the run is safe, continue it with: ratchet {shlex.join(argv)}"
        print(line, file=sys.stderr)
        return INTERRUPTED
    except SystemExit as err:
        return err.code if isinstance(err.code, int) else FAILED
    except Exception as err:
        if os.environ.get("RATCHET_DEBUG"):
            raise
        if isinstance(err, RunError) or type(err).__name__ in ("DataError", "SandboxError"):
            return _say_error(err, FAILED)
        text = f"{type(err).__name__}: {err} (this is a fault of the course; RATCHET_DEBUG=1 shows"
        return _say_error(f"{text} where)", FAILED)


def _say_error(err: object, status: int) -> int:
    print(f"ratchet: {' '.join(str(err).split())}", file=sys.stderr)
    return status


def make_parser() -> Parser:
    """Build the parser from the registered commands."""
    parser = Parser(
        prog="ratchet",
        description="An agent edits train.py, a frozen harness scores it, a ratchet keeps gains.",
    )
    parser.add_argument("--version", action="version", version=f"ratchet {__version__}")
    parts = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (text, arguments, function) in COMMANDS.items():
        part = parts.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        arguments(part)
        part.set_defaults(function=function)
    return parser


def _root(args) -> Path:
    from harness.settings import RUNS

    return Path(args.runs) if args.runs else RUNS


def _tag_option(parser, help: str = "name of the run") -> None:
    parser.add_argument("--tag", required=True, metavar="T", help=help)
    _runs_option(parser)


def _task_option(parser, help: str = "task (default: heart); see `ratchet new`") -> None:
    parser.add_argument("--task", metavar="NAME", help=help)


def _check_task(args) -> None:
    """Hold a run to the task that the person has in mind."""
    if args.task is None:
        return
    from harness.settings import find_run, read_settings
    from harness.task import get_task

    tags = [args.tag] if isinstance(args.tag, str) else [*args.tag, *args.folder]
    for tag in tags:
        recorded = read_settings(find_run(tag, _root(args)) / "run.json")["task"]
        if get_task(args.task).ref != recorded:
            raise Usage(f"run '{tag}' is about task '{recorded}', not '{args.task}'")


def _runs_option(parser) -> None:
    parser.add_argument("--runs", metavar="FOLDER", help="folder of all runs (default: runs/)")


def _json_option(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")


def _dump(data: dict | list) -> None:
    print(json.dumps(data, indent=2, allow_nan=False))


def _plain(value):
    """NaN is no JSON: say None."""
    return None if isinstance(value, float) and math.isnan(value) else value


# -- evaluate -----------------------------------------------------------------------------


def _evaluate_arguments(parser) -> None:
    parser.add_argument("file", nargs="?", help="the program to score (default: train.py)")
    _task_option(parser)
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
    text = json.dumps({k: _plain(v) for k, v in score.to_dict().items()}, indent=2, default=str)
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
    _task_option(parser, "task of a new run (default: heart); see `ratchet new`")
    parser.add_argument("--rule", metavar="NAME", help="decision rule (default: strict)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of the agent (default: 0)")


def _step_arguments(parser) -> None:
    _tag_option(parser)
    _frozen_options(parser)
    parser.add_argument("--agent", metavar="NAME", help="who edits, for the ledger (default: self)")
    _json_option(parser)


@command("step", "score the run's workspace/train.py and keep or discard it", _step_arguments)
def step(args) -> int:
    from harness.agents import Proposal
    from harness.ledger import describe, describe_best
    from harness.ratchet import Run
    from harness.settings import recorded_agent

    root = _root(args)
    agent = args.agent or recorded_agent(root, args.tag) or "self"
    args.resumable = True
    with Run.open(
        args.tag, task=args.task, root=root, rule=args.rule, seed=args.seed, agent=agent
    ) as run:
        space = run.workspace
        baseline = run.ensure_baseline()
        if baseline is not None:
            _tell(run)
            if args.json:
                _dump(row_to_dict(baseline))
            else:
                print(describe(baseline))
                print(f"run '{run.tag}' is ready: edit {space.train}, then type this command again")
            return OK
        data = space.read_train()
        if data == run.best.source.encode() or data == run.last_source():
            row = run.ledger.rows[-1]
            run.settle()
            raise Usage(f"no new candidate in {space.train}, last: {describe(row)}; edit it first")
        source = data.decode("utf-8", "surrogateescape")
        same = run.duplicate_of(source)
        if same is not None:
            row = run.ledger.rows[same]
            print(
                f"ratchet: that program was scored before, no row was written: {describe(row)}; "
                "change what it does",
                file=sys.stderr,
            )
            return 4
        row = run.step(Proposal(source, cost_source="unknown"))
        _tell(run)
        if args.json:
            _dump(row_to_dict(row))
        else:
            print(f"val_auc: {row.val_auc:.6f}\nval_sd: {row.val_sd:.6f}")
            print(f"wall_time_s: {row.wall_time_s:.3f}\nstatus: {row.status}")
            print(describe(row))
            if row.iteration % 10 == 0:
                print(describe_best(run.ledger.best()))
            if not row.ok:
                print(f"log: {run.log_path(row.iteration)}")
        return exit_code(row.status)


def exit_code(status: str) -> int:
    """Exit status of contract C3 for a status text."""
    return {"ok": OK, "timeout": 2, "crashed": 3, "rejected": 4}[status.split(" ")[0]]


def row_to_dict(row) -> dict:
    """A row for machines and agents: everything but test figures."""
    from dataclasses import asdict

    return {k: _plain(v) for k, v in asdict(row).items() if not k.startswith("test_")}


def _tell(run) -> None:
    for line in run.take_notices():
        print(f"ratchet: {line}", file=sys.stderr, flush=True)


# -- run ----------------------------------------------------------------------------------


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _duration(text: str) -> float:
    from harness.loop import parse_duration

    try:
        return parse_duration(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from None


def _pairs(
    texts: list[str], advice: str = "ratchet run: write agent options as KEY=VALUE"
) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if not all(key and mark for key, mark, _ in pairs):
        raise Usage(advice)
    return {key: value for key, _, value in pairs}


def _run_arguments(parser) -> None:
    _tag_option(parser, "name of the run; one that exists is continued")
    parser.add_argument("--agent", metavar="NAME", help="who proposes (default: playbook)")
    parser.add_argument("--iterations", type=_count, metavar="N", help="rows beyond the baseline")
    parser.add_argument("--time-budget", type=_duration, metavar="8h", help="wall clock: 8h, 90m")
    _frozen_options(parser)
    parser.add_argument("--parallel", type=_positive, default=1, metavar="K", help="side by side")
    parser.add_argument(
        "--scheduler",
        metavar="tcp://…",
        help="score on a Dask cluster; 'local' starts one here with K workers",
    )
    parser.add_argument("--max-cost", type=float, metavar="USD", help="of the whole run")
    parser.add_argument("--max-calls", type=_count, metavar="N", help="agent calls")
    parser.add_argument("--model", metavar="M", help="for agents that use one")
    parser.add_argument("--agent-command", metavar="'CMD …'", help="program of agent 'command'")
    parser.add_argument("--agent-timeout", type=_duration, metavar="10m", help="per proposal")
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
    options = {"model": args.model, "command": args.agent_command} | _pairs(args.agent_option)
    options = {key: value for key, value in options.items() if value is not None}
    root, recorded = _root(args), {}
    if (root / check_tag(args.tag) / "run.json").exists():
        recorded = read_settings(root / args.tag / "run.json")
    name = args.agent or recorded.get("agent", DEFAULTS["agent"])
    given = options or recorded.get("options", {})
    if args.agent_timeout is not None:
        given = given | {"timeout": args.agent_timeout}
    try:  # before the run is made, so that a slip leaves no run behind
        agent = get_agent(name, **given)
    except (ValueError, AgentError) as err:
        raise Usage(f"ratchet run: {err}") from None
    args.resumable = True
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
                say=lambda line: print(f"ratchet: {line}", file=sys.stderr, flush=True),
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
    _tag_option(parser)
    _task_option(parser, OF_THE_RUN)
    _json_option(parser)


@command("status", "show a run: best, counts, last rows; no test figures", _status_arguments)
def status(args) -> int:
    from harness.ledger import describe, describe_best
    from harness.status import read_status

    _check_task(args)
    found = read_status(_root(args), args.tag)
    if args.json:
        shown = {k: v for k, v in found.items() if k not in ("rows", "best")}
        shown["best"] = row_to_dict(found["best"]) if found["best"] else None
        shown["last"] = [row_to_dict(row) for row in found["rows"][-LAST_ROWS:]]
        _dump(shown)
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
    add("--folds", type=_positive, default=5, metavar="N", help="folds (default: 5)")
    add("--test-size", type=float, default=0.2, metavar="SHARE", help="sealed rows (default: 0.2)")
    add("--budget", type=_duration, default=180.0, metavar="3m", help="per candidate (default: 3m)")
    add("--seed", type=int, default=42, metavar="S", help="of split and folds (default: 42)")
    add("--tasks", metavar="FOLDER", help="folder of all tasks (default: tasks/)")
    add("--no-score", action="store_true", help="do not score the starting train.py")
    _json_option(parser)


@command("new", "make a task from a CSV file", _new_arguments)
def new(args) -> int:
    from harness import newtask

    return newtask.main(args, types=_pairs(args.type, "ratchet new: write types as COL=TYPE"))


# -- audit, verify, adopt, doctor -----------------------------------------------------------


def _audit_arguments(parser) -> None:
    _tag_option(parser)
    _task_option(parser, OF_THE_RUN)
    _json_option(parser)


@command("audit", "is the gain real? fresh folds, sealed test, other hospital", _audit_arguments)
def audit(args) -> int:
    from harness.settings import find_run

    _check_task(args)
    path = find_run(args.tag, _root(args))
    from harness import audit as module

    return module.main(path, args) or OK


def _verify_arguments(parser) -> None:
    parser.add_argument("--tag", nargs="+", action="extend", default=[], metavar="T", help="runs")
    parser.add_argument("folder", nargs="*", help="more runs, as folders")
    _task_option(parser, OF_THE_RUN)
    parser.add_argument("--all", action="store_true", help="score discarded candidates again, too")
    _runs_option(parser)
    _json_option(parser)


@command("verify", "score a run's kept commits again and check its ledger", _verify_arguments)
def verify(args) -> int:
    names = [*args.tag, *args.folder]
    if not names:
        raise Usage("verify: give --tag T, or folders of runs")
    _check_task(args)
    from harness import verify as module

    def say(line: str) -> None:
        print(f"ratchet: {line}", file=sys.stderr, flush=True)

    reports = module.main(names, root=_root(args), every=args.all, say=say)
    if args.json:
        _dump([module.to_dict(report) for report in reports])
    else:
        print(module.table(reports))
        for report in reports:
            for line in report.problems:
                print(f"{report.tag}: {line}")
    return OK if all(report.ok for report in reports) else FAILED


def _adopt_arguments(parser) -> None:
    _tag_option(parser)
    _task_option(parser, OF_THE_RUN)
    parser.add_argument(
        "--force", "--unaudited", action="store_true", help="adopt without an audit, too"
    )
    parser.add_argument("--to", metavar="FILE", help="file to write (default: the task's train.py)")


@command("adopt", "make an audited run's best program the new train.py", _adopt_arguments)
def adopt(args) -> int:
    from harness.status import adopt as copy

    _check_task(args)
    for line in copy(_root(args), args.tag, force=args.force, to=args.to):
        print(line)
    return OK


@command("doctor", "say what this machine offers, and what to do about the rest")
def doctor(args) -> int:
    from harness.doctor import examine

    failed = False
    for good, line in examine():
        print(f"{'ok  ' if good else 'LOOK'}  {line}")
        failed |= not good
    return FAILED if failed else OK


if __name__ == "__main__":
    raise SystemExit(main())
