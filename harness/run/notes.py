"""What a step writes for readers: the commit's message and the iteration's log."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from harness.agents import Proposal
from harness.candidate import MAX_HYPOTHESIS, hypothesis_of
from harness.run.ledger import Row, clean

NO_HYPOTHESIS = "(no hypothesis)"
OUTPUT_MARK = "--- what the candidate printed ---\n"
FAILURE_CHARS = 2000  # of a failed candidate's output that an agent gets to see
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")  # differs from run to run and tells nothing


def one_line_hypothesis(source: str) -> str:
    """Read a program's hypothesis as it stands in ledger, commit and log."""
    return clean(hypothesis_of(source), MAX_HYPOTHESIS) or NO_HYPOTHESIS


def one_line_status(status: str) -> str:
    """Make a status the same in every run of the same program."""
    return clean(_ADDRESS.sub("0x…", status))


def commit_message(row: Row, hypothesis: str, score, program: str, measured: str = "") -> str:
    """Format a candidate's commit message: hypothesis, then what was measured. No test figures."""
    trailers = {
        "Iteration": row.iteration,
        "Decision": row.decision + row.description.removeprefix(hypothesis),
        "Status": row.status,
        "Val-AUC": repr(row.val_auc),
        "Folds": " ".join(repr(float(s)) for s in score.fold_scores) if score.ok else "",
        "Guarded": measured,
        "Agent": row.agent,
        "Program": program,
    }
    lines = [f"{key}: {value}" for key, value in trailers.items() if value != ""]
    return f"{hypothesis}\n\n" + "\n".join(lines) + "\n"


def log_text(
    row: Row,
    hypothesis: str,
    score,
    proposal: Proposal,
    changed: list[str],
    hints: Sequence[str] = (),
) -> str:
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
    lines += [
        f"probe: {p.name} {p.value:.4f} (limit {p.threshold:.4f}) {p.verdict} {p.detail}"
        for p in score.probes
    ]
    lines += [f"hint: {hint}" for hint in hints]
    lines += [f"put back: {clean(name, 200)}" for name in changed]
    if proposal.note:
        lines += ["--- what the agent said ---", proposal.note.rstrip("\n")]
    return "\n".join(lines) + "\n" + OUTPUT_MARK + score.log


def failure_text(status: str, log: Path) -> str:
    """Say why a candidate got no score, with the end of what it printed."""
    printed = ""
    with contextlib.suppress(OSError):
        printed = log.read_text("utf-8", "replace").partition(OUTPUT_MARK)[2].strip()
    return f"{status}\n{printed[-FAILURE_CHARS:]}".strip()
