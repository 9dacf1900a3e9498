"""Many steps: ask the agent, take the ratchet one step, until a budget or a stop rule ends it."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from harness import RunError
from harness.agents import Agent, AgentError, Proposal, View, at_most
from harness.candidate import program_id
from harness.files import write_file
from harness.rules import too_good
from harness.run import steering
from harness.run.duration import parse_duration
from harness.run.ledger import Row
from harness.run.ratchet import Run, spent
from harness.run.words import SAYS, no

ASKS = 4  # times an agent is asked before a repeated program uses up its iteration
NOTHING = (0, 0.0)  # tokens and US dollars
ERRORS = 3  # outcomes "agent error" or "timeout" in a row that end the run
WAIT_S, MAX_WAIT_S = 5.0, 900.0  # between tries after "too many requests": doubling from, up to
TIME_UP = "the time budget is used up"
ENDED = "ended.json"  # a loop's last word on a run; one that was killed leaves none
PATIENCE_S = 12 * 3600.0  # waiting in a row: longer than any provider's usage window
REPEATED = "That program was tried before: propose another."


@dataclass(frozen=True)
class Outcome:
    """How a loop ended: why, how many rows it wrote, and whether something went wrong."""

    reason: str
    rows: int
    failed: bool = False


@dataclass(eq=False)
class _Stop(Exception):
    """Ends the loop."""

    reason: str
    failed: bool = False


def _add(a: tuple, b: tuple) -> tuple:
    """Add tokens to tokens and dollars to dollars; a sum with an unknown part is unknown."""
    return tuple(None if None in pair else sum(pair) for pair in zip(a, b, strict=True))


def _clock(pause: float) -> str:
    """The time of day after a pause, here; the day too, if it is another."""
    then, now = time.localtime(time.time() + pause), time.localtime()
    return time.strftime("%H:%M:%S" if then.tm_yday == now.tm_yday else "%a %H:%M", then)


@dataclass
class _Loop:
    """One call of `run`: what it was given, what was spent, errors in a row."""

    run: Run
    agent: Agent  # who proposes
    # Rows beyond the baseline that the ledger shall have in the end, so that the same call finishes
    # a run that was cut short.
    iterations: int | None = None
    # Seconds, or text such as `8h`, that this call may take; what is not decided by then stays
    # undecided (`harness/run/pace.py`).
    time_budget: float | str | None = None
    parallel: int = 1  # candidates proposed from the same best and scored side by side
    # US dollars that the whole run may cost: no call starts once the ledger and this loop's own
    # calls have reached them; and agent calls, counting one per row that is there.
    max_cost: float | None = None
    max_calls: int | None = None
    # Rows without a keep after which the agent is told to change the kind of idea; three times as
    # many end the run.
    patience: int | None = None
    on_row: Callable[[Row], None] = lambda row: None  # hears of each new row
    say: Callable[[str], None] = lambda line: None  # hears each line a person should see
    sleep: Callable[[float], None] | None = None
    clock: Callable[[], float] = time.monotonic
    calls: int = field(default=0, init=False)  # that have no row of their own
    carried: tuple = field(default=NOTHING, init=False)  # spent on such since the last proposal
    batch_cost: tuple = field(default=NOTHING, init=False)  # of proposals that have no row yet
    errors: int = field(default=0, init=False)  # in a row
    warned: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        limits = (self.iterations, self.time_budget, self.max_cost, self.max_calls)
        if all(limit is None for limit in limits):
            raise no("no_end", ValueError)
        if self.parallel < 1:
            raise ValueError("parallel must be at least 1")
        seconds = math.inf if self.time_budget is None else parse_duration(self.time_budget)
        self.deadline = self.clock() + seconds
        self.run.planned = self.iterations or 0
        self.run.ends_at = None if seconds == math.inf else time.time() + seconds
        self.sleep = self.sleep or partial(steering.sleep, self.run.path)

    def check_budgets(self) -> None:
        """Raise `_Stop` when time, money or calls are used up."""
        run = self.run
        if self.clock() >= self.deadline:
            raise _Stop(TIME_UP)
        if self.max_cost is not None:
            known = self._spent()
            if known is None:
                raise _Stop(SAYS["unknown_cost"], failed=True)
            if known >= self.max_cost:
                raise _Stop(f"the cost limit is reached ({known:.2f} USD)")
        calls = max(run.iteration - 1, 0) + self.calls
        if self.max_calls is not None and calls >= self.max_calls:
            raise _Stop(f"the limit of {self.max_calls} agent calls is reached")
        tried = run.iteration - 1 - run.best.iteration
        whole = (run.iteration - 1) % self.parallel == 0  # as if it had never been cut short
        if self.patience and whole and tried >= 3 * self.patience:
            raise _Stop(f"none of the last {tried} candidates was kept (patience {self.patience})")

    def steer(self, view: View) -> View:
        """Do as a person wishes: wait, end, or hand on hints."""
        run = self.run
        if steering.obey(run, self.check_budgets, self.sleep, self.say):
            raise _Stop("a person stopped it")
        steering.tell(run, "asking", iteration=view.iteration)
        hints = steering.take(run.path, view.iteration)
        return replace(view, hints=hints, patience=self.patience or 0)

    def _spent(self) -> float | None:
        """US dollars so far, rows and calls without one; what nobody knows is never 0 but None."""
        prices, run = getattr(self.agent, "prices", None), self.run
        rows = [row for row in run.ledger.rows if row.cost_usd is None] if run.unknown_costs else []
        unknown = [self.batch_cost, self.carried, *((row.tokens, None) for row in rows)]
        parts = [at_most(tokens, usd, prices) for tokens, usd in unknown]
        return None if None in parts else run.cost_usd + sum(parts)

    def check_leak(self) -> None:
        """Raise `_Stop` when the best score is too good to be true."""
        best, scorer = self.run.best, self.run.scorer
        task = getattr(scorer, "task", None)
        y = getattr(getattr(scorer, "split", None), "y_train", None)
        if self.warned or not too_good(task, best.val_auc, y):
            return
        if getattr(task, "folder", None) is None:
            told = {"n": best.iteration, "train": self.run.workspace.train}
            raise no("leakage", _Stop, value=best.val_auc, **told)
        self.warned = True  # once: one's own data may be that easy
        self.say(SAYS["nearly_perfect"].format(value=best.val_auc, metric=task.metric))

    def ask(self, view: View) -> Proposal:
        """Get a proposal for one slot, whatever it takes short of giving up."""
        waited, tries, proposed = 0.0, 0, 0
        while True:
            view = self.steer(view)
            self.check_budgets()
            try:
                proposal = self._propose(view)
            except AgentError as err:
                if err.fatal:
                    raise _Stop(str(err), failed=err.outcome != "done") from None
                if err.uses_iteration:
                    return self._failed(view, err)
                pause = err.retry_after or min(WAIT_S * 2**tries, MAX_WAIT_S)
                self._carry(err)
                tries, waited = tries + 1, waited + pause
                self._wait(pause, waited, err)
                continue
            proposed += 1
            if proposal.outcome == "ok":
                if proposed < ASKS and self._repeats(proposal, view):
                    # Told what it repeated, an agent that depends on its view alone can move on.
                    self._carry(proposal)
                    pending = (*view.pending, proposal.source)
                    view = replace(view, pending=pending, last_failure=REPEATED)
                    continue
                self.errors = 0  # a repeat to the last is written down as a duplicate
            return self._with_carried(proposal)

    def _repeats(self, proposal: Proposal, view: View) -> bool:
        if self.run.duplicate_of(proposal.source) is not None:
            return True
        return program_id(proposal.source) in map(program_id, view.pending)

    def _propose(self, view: View) -> Proposal:
        try:
            return self.agent.propose(view)
        except (AgentError, RunError, MemoryError):
            raise
        except Exception as err:  # a fault in an agent is an agent's error like any other
            raise AgentError(f"{type(err).__name__}: {err}") from err
        finally:
            self.run.settle()

    def _failed(self, view: View, err: AgentError) -> Proposal:
        """Turn an agent's failure into a row, or into the end of the run."""
        broken = err.outcome in ("agent error", "timeout")
        self.errors = self.errors + 1 if broken else 0
        if self.errors >= ERRORS:
            raise _Stop(f"the agent failed {self.errors} times in a row, last: {err}", failed=True)
        self.say(f"agent {err.outcome}: {err}")
        steering.take(self.run.path, view.iteration, back=True)
        note, cost = f"{err}\n{err.note}".rstrip("\n"), (err.tokens, err.cost_usd, err.cost_source)
        return self._with_carried(Proposal(view.best_source, *cost, note, err.outcome))

    def _wait(self, pause: float, waited: float, err: AgentError) -> None:
        if waited > PATIENCE_S:
            total = f"over {PATIENCE_S / 3600:.0f} hours, until {_clock(pause)}"
            raise _Stop(f"waiting for the agent would take {total}: {err}", failed=True)
        if self.clock() + pause >= self.deadline:
            raise _Stop(f"the time budget would end while waiting for the agent ({err})")
        self.say(f"agent {err.outcome}: asking again in {pause:.0f} s, at {_clock(pause)} ({err})")
        steering.tell(self.run, "waiting")
        self.sleep(pause)

    def _carry(self, call: Proposal | AgentError) -> None:
        """Remember what a call without a row cost: the next row of this call of `run` takes it.

        What is carried when the loop ends is in no row, but it counted against the budgets.
        """
        self.calls += 1
        self.carried = _add(self.carried, spent(call))

    def _with_carried(self, proposal: Proposal) -> Proposal:
        """Add what earlier calls for the same row cost."""
        carried, self.carried = self.carried, NOTHING
        self.calls += 1
        tokens, cost_usd = total = _add(carried, spent(proposal))
        self.batch_cost = _add(self.batch_cost, total)
        if carried == NOTHING:
            return proposal
        source = "reported" if proposal.cost_source == "none" else proposal.cost_source
        source = "unknown" if carried[1] is None else source
        return replace(proposal, tokens=tokens, cost_usd=cost_usd, cost_source=source)

    def go(self) -> None:
        """Go on until something raises `_Stop`."""
        self.begin()
        while True:
            self.check_leak()
            if self.iterations is not None and self.run.iteration > self.iterations:
                raise _Stop(f"{self.iterations} iterations are done")
            self.check_budgets()
            self.batch()

    def begin(self) -> None:
        """Set aside what nobody scored, and see to the baseline."""
        if aside := self.run.set_aside():
            self.say(SAYS["aside"].format(aside=aside))
        self.run.settle()
        row = self.run.ensure_baseline()
        self._tell([] if row is None else [row])
        self._decided(self.run.pace.catch_up(self.iterations))

    def batch(self) -> None:
        """Fill the slots from the next iteration to the end of its batch.

        Batches begin at iterations 1, 1+K, 1+2K and so on, wherever the run was cut short: the
        rest of a batch is asked for as if the run had never stopped (by the view: the folder
        holds the newest best).
        """
        run, first = self.run, self.run.iteration
        run.frozen.check()  # before an agent is paid
        start = 1 + self.parallel * ((first - 1) // self.parallel)
        end = start + self.parallel
        if self.iterations is not None:
            end = min(end, self.iterations + 1)
        proposals: list[Proposal] = []
        try:
            for iteration in range(first, end):
                pending = (*run.history[start:first], *proposals)
                view = run.view(iteration - start, tuple(slot.source for slot in pending), start)
                proposals.append(self.ask(view))
        except _Stop:
            self._score(proposals)  # what was proposed before is paid for
            raise
        self._score(proposals)

    def _score(self, proposals: list[Proposal]) -> None:
        """Take a batch through; `_Stop` if the time was over before all of it was decided."""
        rows = self.run.steps(proposals) if proposals else []
        self.calls, self.batch_cost = self.calls - len(proposals), NOTHING
        self._decided(rows)

    def _decided(self, rows: list[Row]) -> None:
        """Tell of a batch; `_Stop` if the time was over before all of it was decided."""
        self._tell(rows)
        if count := len(self.run.undecided):
            which = f"iteration {self.run.iteration}" + f" and {count - 1} more" * (count > 1)
            raise _Stop(f"{TIME_UP}; undecided, and decided first when the run goes on: {which}")

    def _tell(self, rows: list[Row]) -> None:
        for line in self.run.take_notices():
            self.say(line)
        for row in rows:
            self.on_row(row)


def run(run: Run, agent: Agent, **choices) -> Outcome:
    """Run the ratchet loop until something ends it; `choices` are the fields of `_Loop`.

    Gives an `Outcome` that `failed` when the agent ended the run by failing.
    """
    loop, before = _Loop(run, agent, **choices), run.iteration
    steering.clear(run.path)
    (run.path / ENDED).unlink(missing_ok=True)
    try:
        with run.pace.until(loop.deadline, loop.clock):
            loop.go()
    except _Stop as stop:
        # The morning's report cannot know otherwise.
        said = {"reason": stop.reason, "failed": stop.failed, "iterations": run.iteration - 1}
        write_file(run.path / ENDED, json.dumps(said).encode() + b"\n")
        steering.tell(run, "ended", reason=stop.reason)
        return Outcome(stop.reason, run.iteration - before, stop.failed)
    except BaseException:
        steering.tell(run, "not running")  # the process may live on: a notebook's kernel does
        raise
