"""What a step writes for readers: the commit's message and the iteration's log."""

import contextlib
import math
import re
import statistics
from dataclasses import replace
from pathlib import Path

from harness import RunError
from harness.agents import Proposal
from harness.candidate import MAX_HYPOTHESIS, hypothesis_of, program_id
from harness.files import read_plain
from harness.run.git import Commit
from harness.run.ledger import Ledger, Row, clean
from harness.run.words import no

NO_HYPOTHESIS = "(no hypothesis)"
ROW_MARK = "row: "  # in a log: the ledger's line but for commit and test figure
OUTPUT_MARK = "--- what the candidate printed ---\n"
FAILURE_CHARS = 2000  # of a failed candidate's output that an agent gets to see
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")  # differs from run to run and tells nothing
_MEASURED = re.compile(r"[+-]?\d+\.\d+(?:e[+-]?\d+)?")  # by a probe, which draws in secret


def one_line_hypothesis(source: str) -> str:
    """Read a program's hypothesis as it stands in ledger, commit and log."""
    return clean(hypothesis_of(source), MAX_HYPOTHESIS) or NO_HYPOTHESIS


def one_line_status(status: str) -> str:
    """Make a status the same in every run of the same program."""
    if status.startswith("rejected (") and not status.startswith("rejected (agent"):
        status = _MEASURED.sub("…", status)
    return clean(_ADDRESS.sub("0x…", status))


def commit_message(row: Row, hypothesis: str, score, source: str, fresh=None, guarded=None) -> str:
    """Format a candidate's commit message: hypothesis, then what was measured. No test figures.

    `fresh` are scores on fresh folds, shape (n_seeds, n_folds), of what was kept;
    `guarded` is what guards looked at.
    """
    trailers = {
        "Iteration": row.iteration,
        "Decision": row.decision + row.description.removeprefix(hypothesis),
        "Status": row.status,
        "Val-AUC": repr(row.val_auc),
        "Folds": _numbers(score.fold_scores) if score.ok else "",
        "Fresh-Folds": "" if fresh is None else " | ".join(map(_numbers, fresh)),
        "Guarded": " ".join(f"{k}={v!r}" for k, v in (guarded or {}).items()) if score.ok else "",
        "Edit-T": "" if row.edit_t is None else f"{row.edit_t!r} {row.edit_bar!r}",
        "Agent": row.agent,
        "Program": program_id(source),
    }
    lines = [f"{key}: {value}" for key, value in trailers.items() if value != ""]
    return f"{hypothesis}\n\n" + "\n".join(lines) + "\n"


def _numbers(values) -> str:
    return " ".join(repr(float(value)) for value in values)


def log_text(row: Row, hypothesis: str, score, proposal: Proposal, changed, hints=()) -> str:
    """Format an iteration's log. No test figures: an agent may read it."""
    tokens = "unknown" if proposal.tokens is None else proposal.tokens
    cost = "unknown" if proposal.cost_usd is None else f"{proposal.cost_usd:.6f} USD"
    cost = f"{cost} ({proposal.cost_source}), {tokens} tokens"
    lines = [
        f"iteration: {row.iteration}",
        f"hypothesis: {hypothesis}",
        f"status: {row.status}",
        f"val_auc: {row.val_auc:.6f}",
        f"folds: {' '.join(f'{s:.6f}' for s in score.fold_scores)}",
        f"decision: {row.decision}{row.description.removeprefix(hypothesis)}",
        f"isolation: {score.isolation}",
        f"agent: {row.agent}",
        f"cost: {'none' if proposal.cost_source == 'none' else cost}",
    ]
    copy = replace(row, commit="", test_auc=math.nan)
    lines.append(ROW_MARK + copy.to_line().rstrip("\n"))
    for p in score.probes:
        told = f"{p.value:.4f} (limit {p.threshold:.4f}) {p.verdict} {p.detail}"
        lines.append(f"probe: {p.name} {told}")
    lines += [f"hint: {hint}" for hint in hints]
    lines += [f"put back: {clean(name, 200)}" for name in changed]
    if proposal.note:
        lines += ["--- what the agent said ---", proposal.note.rstrip("\n")]
    return "\n".join(lines) + "\n" + OUTPUT_MARK + score.log


def check_row(row: Row, commit: Commit) -> None:
    """Raise a RunError if a row says something else than its commit."""
    said, keys = commit.trailers, ("Iteration", "Status", "Val-AUC")
    told = (str(row.iteration), row.status, repr(row.val_auc))
    decision = said.get("Decision", "").split(" ")[0]
    if (tuple(map(said.get, keys)), decision) != (told, row.decision):
        raise no("two_stories", line=row.iteration + 2, cure=Ledger.cure)


def row_of(sha: str, commit: Commit, log: Path, best: Row | None) -> Row:
    """Rebuild the row of a commit; `best` is the best before it.

    What a commit does not hold (time, cost) comes from the iteration's log, and is unknown where
    that is lost. The test figure is in neither: an agent may read both. Raises a RunError if the
    message is none that a step writes.
    """
    said, folds = commit.trailers, commit.folds
    decision, _, why = said.get("Decision", "").partition(" ")
    try:
        value = float(said["Val-AUC"])
        t, bar = (*map(float, said.get("Edit-T", "").split()), None, None)[:2]
        row = Row(
            commit=sha,
            val_auc=value,
            test_auc=math.nan,
            wall_time_s=math.nan,
            status=said["Status"],
            description=commit.subject + f" {why}" * bool(why),
            iteration=int(said["Iteration"]),
            decision=decision,
            delta=value - best.val_auc if best else 0.0,
            val_sd=statistics.stdev(folds) if len(folds) > 1 else math.nan,
            agent=said.get("Agent", ""),
            tokens=None,
            cost_usd=None,
            started_at="",
            edit_t=t,
            edit_bar=bar,
        )
        row = Row.from_line(row.to_line())
    except (KeyError, ValueError) as err:
        raise RunError(f"commit {sha} has no message of a step ({err})") from None
    with contextlib.suppress(OSError, ValueError, RunError, StopIteration):
        head = read_plain(log).decode("utf-8", "replace").partition(OUTPUT_MARK)[0]
        line = next(part for part in head.split("\n") if part.startswith(ROW_MARK))
        copy = replace(Row.from_line(line.removeprefix(ROW_MARK)), commit=sha)
        copy.check()
        check_row(copy, commit)
        return copy
    return row


def failure_text(status: str, log: Path) -> str:
    """Say why a candidate got no score, with the end of what it printed."""
    printed = ""
    with contextlib.suppress(OSError):
        printed = read_plain(log).decode("utf-8", "replace").partition(OUTPUT_MARK)[2].strip()
    return f"{status}\n{printed[-FAILURE_CHARS:]}".strip()
