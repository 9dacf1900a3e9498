"""What agents that ask a language model share: their options, and a record of every call."""

from __future__ import annotations

import time

from harness.agents.agent import Proposal, View
from harness.agents.cost import Spent, load_prices, record
from harness.agents.edits import contract_error
from harness.agents.errors import AgentError


class PaidAgent:
    """An agent whose calls cost something: a subclass has `ask`, the rest is here.

    Parameters
    ----------
    name : str
    model : str, optional
        Passed on as it is.
    base_url, key_env : str, optional
        Another server, and the name of the variable that holds its key. The key itself is no
        option on purpose: options end up in notebooks and in run.json.
    timeout : float
        Seconds of wall clock for one proposal.
    prices : path or mapping, optional
        Price table, see `cost.load_prices`.
    reflect_every : int
        See `build_prompt`.

    Raises
    ------
    ValueError
        If an option makes no sense; the message says which.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout: float | str,
        model: str | None = None,
        base_url: str | None = None,
        key_env: str | None = None,
        prices=None,
        reflect_every: int | str = 10,
    ):
        self.name, self.model = name, model or None
        self.base_url, self.key_env = base_url or None, key_env
        self.timeout, self.reflect_every = float(timeout), int(reflect_every)
        if not 0 < self.timeout < 1e6:
            raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")
        self.prices = load_prices(prices)

    def ask(self, view: View, spent: Spent) -> str:
        """Get the text of a new train.py, and add what that used to ``spent``."""
        raise NotImplementedError

    def propose(self, view: View) -> Proposal:
        """Ask once; whatever comes of it is one line in ``calls.jsonl``.

        Raises
        ------
        AgentError
            A subclass for each outcome other than "ok" and "invalid code".
        """
        began, spent = time.monotonic(), Spent()
        outcome, said = "interrupted", ""
        try:
            source = self.ask(view, spent)
            said = contract_error(source) or ""
            outcome = "invalid code" if said else "ok"
        except AgentError as error:
            outcome, said = error.outcome, str(error)
            vars(error).update(spent.cost(self.model, self.prices).fields(), note=spent.note)
            raise
        except BaseException:
            spent.unknown = True  # what it had used by then, nobody said
            raise
        finally:
            note = "; ".join(filter(None, (said, spent.note)))
            cost = spent.cost(self.model, self.prices).fields()
            record(
                view.state_dir,
                iteration=view.iteration,
                slot=view.slot,
                agent=self.name,
                model=self.model,
                outcome=outcome,
                requests=spent.requests,
                seconds=round(time.monotonic() - began, 2),
                **cost,
                note=note,
            )
        return Proposal(source, **cost, note=note, outcome=outcome)
