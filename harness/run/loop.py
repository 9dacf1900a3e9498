"""Many steps: ask the agent, take the ratchet one step, until a budget or a stop rule ends it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness import RunError
from harness.agents import Agent, AgentError, Proposal, View
from harness.candidate import program_id
from harness.files import write_file
from harness.run.ledger import Row
from harness.run.ratchet import Run

ASKS = 4  # times an agent is asked before a repeated program uses up its iteration
ERRORS = 3  # agent errors in a row that end the run
WAIT_S, MAX_WAIT_S = 5.0, 900.0  # between tries after "too many requests": doubling from, up to
ENDED = "ended.json"  # a loop's last word on a run; one that was killed leaves none
PATIENCE_S = 12 * 3600.0  # waiting in a row: longer than any provider's usage window
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m", "s?")))


@dataclass(frozen=True)
class Outcome:
    """How a loop ended: why, how many rows it wrote, and whether something went wrong."""

    reason: str
    rows: int
    failed: bool = False


def parse_duration(text: str | float) -> float:
    """Turn `8h`, `90m`, `30s`, `1h30m` or a number of seconds into seconds.

    Raises
    ------
    ValueError
        If it is none of these, or not more than 0.
    """
    match = _DURATION.fullmatch(str(text).strip().lower().replace(" ", ""))
    parts = [float(part or 0) for part in match.groups()] if match else []
    seconds = sum(p * unit for p, unit in zip(parts, (86400, 3600, 60, 1), strict=False))
    if seconds <= 0:
        raise ValueError(f"bad duration {text!r}: write it like 8h, 90m, 30s or 1h30m")
    return seconds


class _Stop(Exception):
    """Ends the loop; carries the reason and whether it is a failure."""

    def __init__(self, reason: str, failed: bool = False):
        super().__init__(reason)
        self.reason, self.failed = reason, failed


class _Loop:
    """The state of one `run` call: clocks, what was spent, errors in a row."""

    def __init__(self, run: Run, agent: Agent, say, sleep, clock):
        self.run, self.agent, self.say = run, agent, say
        self.sleep, self.clock = sleep, clock
        self.deadline = self.max_cost = self.max_calls = None
        self.extra_calls = 0  # calls that ended in no row of their own
        self.errors, self.warned = 0, False
        self.batch_calls, self.batch_cost = 0, 0.0  # proposals that have no row yet
        self.warned = False  # that costs are unknown
        self.carried_tokens: int | None = 0  # spent on such calls since the last row
        self.carried_cost: float | None = 0.0

    def check_budgets(self) -> None:
        """Raise `_Stop` when time, money or calls are used up."""
        run = self.run
        if self.deadline is not None and self.clock() >= self.deadline:
            raise _Stop("the time budget is used up")
        if self.max_cost is not None and run.unknown_costs and not self.warned:
            self.warned = True
            self.say("some costs are unknown: the cost limit holds only for those that are known")
        spent = run.cost_usd + self.batch_cost + (self.carried_cost or 0.0)
        if self.max_cost is not None and spent >= self.max_cost:
            raise _Stop(f"the cost limit is reached ({spent:.2f} USD)")
        calls = max(run.iteration - 1, 0) + self.batch_calls + self.extra_calls
        if self.max_calls is not None and calls >= self.max_calls:
            raise _Stop(f"the limit of {self.max_calls} agent calls is reached")

    def check_leak(self) -> None:
        """Raise `_Stop` when the best score is too good to be true."""
        from harness.rules import STOP_AT

        best, task = self.run.best, getattr(self.run.scorer, "task", None)
        if getattr(task, "metric", "roc_auc") != "roc_auc" or best.val_auc < STOP_AT:
            return
        if getattr(task, "folder", None) is not None:  # one's own data may be that easy
            if not self.warned:
                self.say(f"val_auc {best.val_auc:.4f} is very high: is it a leak in the data?")
            self.warned = True
        else:
            raise _Stop(
                f"val_auc {best.val_auc:.4f} at iteration {best.iteration} is too good to be true: "
                f"look for leakage in {self.run.workspace.train} before believing it"
            )

    def ask(self, view: View) -> Proposal:
        """Get a proposal for one slot, whatever it takes short of giving up."""
        waited, tries = 0.0, 0
        for attempt in range(ASKS):
            while True:
                self.check_budgets()
                try:
                    proposal = self._propose(view)
                    break
                except AgentError as err:
                    if err.fatal:
                        raise _Stop(str(err), failed=err.outcome != "done") from None
                    if err.uses_iteration:
                        return self._failed(view, err)
                    pause = err.retry_after or min(WAIT_S * 2**tries, MAX_WAIT_S)
                    self._carry(err)
                    tries, waited = tries + 1, waited + pause
                    self._wait(pause, waited, err)
            if proposal.outcome != "ok":
                return self._carried(proposal)
            if not self._repeats(proposal, view):
                self.errors = 0
                return self._carried(proposal)
            if attempt < ASKS - 1:
                # Told what it repeated, an agent that depends on its view alone can move on.
                self._carry(proposal)
                view = replace(
                    view,
                    pending=(*view.pending, proposal.source),
                    last_failure="That program was tried before: propose another.",
                )
        self.errors = 0
        return self._carried(proposal)  # the ratchet writes it down as a duplicate

    def _repeats(self, proposal: Proposal, view: View) -> bool:
        if self.run.duplicate_of(proposal.source) is not None:
            return True
        return program_id(proposal.source) in map(program_id, view.pending)

    def _propose(self, view: View) -> Proposal:
        try:
            proposal = self.agent.propose(view)
        except AgentError:
            raise
        except (RunError, MemoryError):
            raise
        except Exception as err:  # a fault in an agent is an agent's error like any other
            raise AgentError(f"{type(err).__name__}: {err}") from err
        finally:
            self.run.settle()
        return proposal

    def _failed(self, view: View, err: AgentError) -> Proposal:
        """Turn an agent's failure into a row, or into the end of the run."""
        if err.outcome in ("agent error", "timeout"):
            self.errors += 1
            if self.errors >= ERRORS:
                raise _Stop(
                    f"the agent failed {self.errors} times in a row, last: {err}", failed=True
                )
        else:
            self.errors = 0
        self.say(f"agent {err.outcome}: {err}")
        note = f"{err}\n{err.note}" if err.note else str(err)
        return self._carried(
            Proposal(view.best_source, err.tokens, err.cost_usd, err.cost_source, note, err.outcome)
        )

    def _wait(self, pause: float, waited: float, err: AgentError) -> None:
        if waited > PATIENCE_S:
            raise _Stop(f"the agent was refused for {waited / 3600:.0f} hours: {err}", failed=True)
        if self.deadline is not None and self.clock() + pause >= self.deadline:
            raise _Stop(f"the time budget would end while waiting for the agent ({err})")
        self.say(f"agent {err.outcome}: asking again in {pause:.0f} s ({err})")
        self.sleep(pause)

    def _carry(self, call) -> None:
        """Remember what a call without a row cost; the next row takes it."""
        self.extra_calls += 1
        free = call.cost_source == "none"
        tokens = 0 if free and call.tokens is None else call.tokens
        cost = 0.0 if free and call.cost_usd is None else call.cost_usd
        known = self.carried_tokens is not None and tokens is not None
        self.carried_tokens = self.carried_tokens + tokens if known else None
        known = self.carried_cost is not None and cost is not None
        self.carried_cost = self.carried_cost + cost if known else None

    def _carried(self, proposal: Proposal) -> Proposal:
        """Add what earlier calls for the same row cost; a sum with an unknown part is unknown."""
        tokens, cost = self.carried_tokens, self.carried_cost
        self.carried_tokens, self.carried_cost = 0, 0.0
        self.batch_calls += 1
        self.batch_cost += (cost or 0.0) + (proposal.cost_usd or 0.0)
        if tokens == 0 and cost == 0.0:
            return proposal
        free = proposal.cost_source == "none"
        mine = 0 if free and proposal.tokens is None else proposal.tokens
        paid = 0.0 if free and proposal.cost_usd is None else proposal.cost_usd
        source = proposal.cost_source
        return replace(
            proposal,
            tokens=None if tokens is None or mine is None else tokens + mine,
            cost_usd=None if cost is None or paid is None else cost + paid,
            cost_source="unknown" if cost is None else "reported" if free else source,
        )


def run(
    run: Run,
    agent: Agent,
    *,
    iterations: int | None = None,
    time_budget: float | str | None = None,
    parallel: int = 1,
    max_cost: float | None = None,
    max_calls: int | None = None,
    on_row: Callable[[Row], None] = lambda row: None,
    say: Callable[[str], None] = lambda line: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Run the ratchet loop until something ends it.

    Parameters
    ----------
    run : Run
        An open run.
    agent : Agent
        Who proposes.
    iterations : int, optional
        Rows beyond the baseline that the ledger shall have in the end, so that the same call
        finishes a run that was cut short.
    time_budget : float or str, optional
        Seconds, or text such as `8h`, that this call may take; the step under way is finished.
    parallel : int
        Candidates proposed from the same best and scored side by side.
    max_cost, max_calls : optional
        US dollars that the whole run may cost; agent calls, counting one per row that is there.
    on_row : callable
        Called with each new row.
    say : callable
        Called with each line a person should see (waiting, agent errors, files put back).

    Returns
    -------
    Outcome
        `failed` is true when the agent ended the run by failing.
    """
    if iterations is None and time_budget is None and max_cost is None and max_calls is None:
        raise ValueError("give the loop an end: iterations, time_budget, max_cost or max_calls")
    if parallel < 1:
        raise ValueError("parallel must be at least 1")
    loop = _Loop(run, agent, say, sleep, clock)
    if time_budget is not None:
        loop.deadline = clock() + parse_duration(time_budget)
    loop.max_cost, loop.max_calls = max_cost, max_calls
    before = run.iteration
    (run.path / ENDED).unlink(missing_ok=True)
    try:
        _start(run, on_row, say)
        while True:
            loop.check_leak()
            if iterations is not None and run.iteration > iterations:
                raise _Stop(f"{iterations} iterations are done")
            loop.check_budgets()
            _batch(loop, iterations, parallel, on_row)
    except _Stop as stop:
        _note_end(run, stop)
        return Outcome(stop.reason, run.iteration - before, stop.failed)


def _note_end(run: Run, stop: _Stop) -> None:
    """Write down how the loop ended: the morning's report cannot know otherwise."""
    done = max(run.iteration - 1, 0)
    record = {"reason": stop.reason, "failed": stop.failed, "iterations": done}
    path = run.path / ENDED
    write_file(path, json.dumps(record).encode() + b"\n", path.with_suffix(".tmp"))


def _start(run: Run, on_row, say) -> None:
    aside = run.set_aside()
    if aside is not None:
        say(f"train.py had an edit that no step scored; it was put back, see it with: {aside}")
    run.settle()
    row = run.ensure_baseline()
    for line in run.take_notices():
        say(line)
    if row is not None:
        on_row(row)


def _batch(loop: _Loop, iterations: int | None, parallel: int, on_row) -> None:
    """Fill the slots from the next iteration to the end of its batch.

    Batches begin at iterations 1, 1+K, 1+2K and so on, wherever the run was cut short: the rest
    of a batch is asked for as if the run had never stopped.
    """
    run, first = loop.run, loop.run.iteration
    start = 1 + parallel * ((first - 1) // parallel)
    end = start + parallel
    if iterations is not None:
        end = min(end, iterations + 1)
    pending = [past.source for past in run.history[start:first]]
    proposals, stop = [], None
    for iteration in range(first, end):
        view = run.view(iteration - start, tuple(pending), start)
        try:
            proposals.append(loop.ask(view))
        except _Stop as ended:
            stop = ended  # what was proposed before is paid for: score it
            break
        pending.append(proposals[-1].source)
    if proposals:
        rows = run.steps(proposals)
        loop.batch_calls, loop.batch_cost = 0, 0.0
        for line in run.take_notices():
            loop.say(line)
        for row in rows:
            on_row(row)
    if stop is not None:
        raise stop
