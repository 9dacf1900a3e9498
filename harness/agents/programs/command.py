"""The agent that runs an outside program: any command, or a coding CLI by its preset.

The program gets a folder of its own with the best `train.py`, `program.md` and `history.md`, and
the prompt on standard input. When it has ended, its `train.py` is taken and nothing else; neither
its exit status nor its words can make a proposal good. What happened is, in this order: timeout,
rate limited, agent error, invalid file, no change, invalid code, ok.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.agents.agent import Proposal, View
from harness.agents.cost import Cost, load_prices, record, settle
from harness.agents.edits import contract_error
from harness.agents.errors import (
    AgentError,
    AgentMissing,
    AgentTimeout,
    AuthError,
    NoChange,
    RateLimited,
)
from harness.agents.programs.presets import PRESETS, Call, Preset
from harness.agents.programs.reports import Report, read_plain
from harness.agents.programs.scratch import Scratch
from harness.agents.prompt import build_prompt, history_text
from harness.agents.secrets import allowed_env, redact
from harness.processes import GRACE_S, Finished, Runner

TIMEOUT_S = 600.0  # a coding CLI with a slow model takes minutes; a stuck one takes forever
LOG_CHARS = 32_000
PLACEHOLDERS = ("workspace", "prompt_file", "model", "state_dir")


class CommandAgent:
    """Proposes by running a program that edits a file.

    Parameters
    ----------
    name : str
        "command", or the name of a preset.
    command : str or sequence of str, optional
        For "command": the argument list. A string is split as a shell would, but no shell runs.
        ``{workspace}``, ``{prompt_file}``, ``{model}`` and ``{state_dir}`` are filled in.
    model : str, optional
        Passed on as it is.
    timeout : float
        Seconds of wall clock for one proposal.
    base_url, key_env : str, optional
        For a preset: another server, and the name of the variable that holds its key.
    env : str or sequence of str
        Names of further environment variables that the program may see (comma-separated).
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
        name: str = "command",
        *,
        command: str | Sequence[str] | None = None,
        model: str | None = None,
        timeout: float | str = TIMEOUT_S,
        grace: float = GRACE_S,
        base_url: str | None = None,
        key_env: str | None = None,
        env: str | Sequence[str] = (),
        prices=None,
        reflect_every: int | str = 10,
    ):
        self.name = name
        self.preset: Preset | None = PRESETS.get(name)
        self.model, self.base_url = model or None, base_url or None
        self.timeout, self.grace = float(timeout), float(grace)
        if not 0 < self.timeout < 1e6:
            raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")
        self.reflect_every = int(reflect_every)
        self.extra_env = tuple(env.replace(",", " ").split() if isinstance(env, str) else env)
        self.key_env = key_env or (self.preset.keys[0] if self.preset else None)
        self.prices = load_prices(prices)
        self._runner = Runner()
        if self.preset is not None:
            if command:
                raise ValueError(f"agent {name!r} has its own command; use agent 'command'")
            if self.preset.needs_model and not self.model:
                raise ValueError(f"agent {name!r} needs a model")
            self.argv: tuple[str, ...] = ()
        else:
            argv = shlex.split(command) if isinstance(command, str) else list(command or ())
            if not argv:
                raise ValueError("agent 'command' needs a command, for example 'my-agent {model}'")
            if not self.model and any("{model}" in part for part in argv):
                raise ValueError("the command has {model} in it: give a model")
            self.argv = tuple(argv)
            # Options are written to run.json and shown in notebooks.
            if redact(" ".join(argv)) != " ".join(argv):
                raise ValueError("the command has a key in it: name its variable in option env")

    def propose(self, view: View) -> Proposal:
        """Run the program once and take its train.py.

        Raises
        ------
        AgentError
            A subclass for each outcome other than "ok" and "invalid code".
        """
        prompt = build_prompt(view, reflect_every=self.reflect_every, reply="edit")
        files = {
            "train.py": view.best_source,
            "program.md": view.program,
            "history.md": history_text(view) + "\n",
        }
        with Scratch(files) as scratch:
            state = view.state_dir or scratch.root / "state"
            state.mkdir(parents=True, exist_ok=True)
            call = Call(
                workspace=scratch.workspace,
                prompt_file=scratch.root / "prompt.md",
                call_dir=scratch.root,
                state_dir=state,
                model=self.model,
                base_url=self.base_url,
                key_env=self.key_env,
            )
            call.prompt_file.write_text(prompt, encoding="utf-8")
            done = self._run(call, scratch.tmp, prompt)
            report = self.preset.read(done, call) if self.preset else read_plain(done)
            changes = scratch.changes()
            cost = settle(
                report.usage, model=self.model, reported_usd=report.usd, prices=self.prices
            )
            if done.returncode is None:
                cost = Cost()  # cut off: what it had spent by then, nobody said
            elif (report.rate_limited or report.unauthorised) and not cost.tokens:
                cost = Cost(source="none")  # refused before anything was used
            note = _note(changes, report, done)
            outcome = "ok"
            try:
                proposal = self._judge(view, scratch, done, report, cost, note)
                outcome = proposal.outcome
                return proposal
            except AgentError as error:
                outcome = error.outcome
                error.note = note
                error.tokens, error.cost_usd, error.cost_source = cost.tokens, cost.usd, cost.source
                note = f"{error}; {note}" if note else str(error)
                raise
            finally:
                self._remember(view, state, done, outcome, cost, note)

    def close(self) -> None:
        """End a program that is running, from whichever thread."""
        self._runner.close()

    def arguments(self, call: Call) -> list[str]:
        """The argument list of one call, for a person to look at, too."""
        if self.preset is not None:
            return [self.preset.program, *self.preset.arguments(call)]
        values = {key: str(getattr(call, key) or "") for key in PLACEHOLDERS}
        argv = []
        for part in self.argv:
            for key, value in values.items():
                part = part.replace("{" + key + "}", value)
            argv.append(part)
        return argv

    def _run(self, call: Call, tmp: Path, prompt: str) -> Finished:
        names = (*(self.preset.keys if self.preset else ()), *self.extra_env)
        env = allowed_env((*names, *((self.key_env,) if self.key_env else ())))
        # A temporary folder of its own. HOME stays: it holds the CLI's login, and Codex cannot
        # edit anything when HOME lies below the temporary folder.
        env |= {"TMPDIR": str(tmp), "TMP": str(tmp), "TEMP": str(tmp), "TERM": "dumb"}
        argv = self.arguments(call)
        if self.preset is not None:
            self.preset.prepare(call)
            env |= self.preset.environment(call)
            argv[0] = self._program()
        try:
            return self._runner.run(
                argv,
                cwd=call.workspace,
                env=env,
                stdin=prompt,
                timeout=self.timeout,
                grace=self.grace,
            )
        except FileNotFoundError as error:
            raise AgentMissing(f"cannot start the agent's program: {error}") from None

    def _program(self) -> str:
        wanted = os.environ.get(self.preset.program_env) or self.preset.program
        found = shutil.which(wanted)
        if found is None:
            raise AgentMissing(
                f"{wanted} is not installed: {self.preset.install}, "
                f"or name the program in {self.preset.program_env}"
            )
        return found

    def _judge(
        self, view: View, scratch: Scratch, done: Finished, report: Report, cost: Cost, note: str
    ) -> Proposal:
        """Decide what happened, in the order of `errors.OUTCOMES`."""
        said = report.error or ""
        if done.timed_out and not (report.rate_limited and self.preset and self.preset.slow_429):
            raise AgentTimeout(f"{self.name} did not finish in {self.timeout:g} s and was ended")
        if done.returncode is None and not done.timed_out:
            raise AgentError(f"{self.name} was ended before it had finished")
        if report.rate_limited:
            raise RateLimited(f"{self.name}: {said}", retry_after=report.retry_after)
        if report.unauthorised:
            raise AuthError(f"{self.name}: {said}")
        if report.error is not None:
            raise AgentError(f"{self.name}: {said}")
        source = scratch.take("train.py")
        if source == view.best_source:
            raise NoChange(f"{self.name} left train.py as it was")
        broken = contract_error(source)
        outcome = "invalid code" if broken else "ok"
        note = "; ".join(part for part in (broken, note) if part)
        return Proposal(source, cost.tokens, cost.usd, cost.source, note=note, outcome=outcome)

    def _remember(
        self, view: View, state: Path, done: Finished, outcome: str, cost: Cost, note: str
    ) -> None:
        """Keep what the program printed, and one line about the call; keys are masked."""
        record(
            state,
            iteration=view.iteration,
            slot=view.slot,
            agent=self.name,
            model=self.model,
            outcome=outcome,
            seconds=round(done.seconds, 2),
            **cost.fields(),
            note=note,
        )
        text = redact(
            f"exit status: {done.returncode}\n--- standard output\n{done.stdout[-LOG_CHARS:]}\n"
            f"--- standard error\n{done.stderr[-LOG_CHARS:]}\n"
        )
        name = (
            f"{view.iteration:04d}.log"
            if not view.slot
            else f"{view.iteration:04d}-{view.slot}.log"
        )
        try:
            (state / name).write_text(text, encoding="utf-8", errors="replace")
        except OSError:
            return


def _note(changes: Sequence[str], report: Report, done: Finished) -> str:
    parts = []
    if changes:
        parts.append(f"put back: {', '.join(changes)}")
    if report.denied:
        parts.append(f"actions that were denied: {report.denied}")
    if done.left_behind:
        parts.append(f"processes that it had left running and that were ended: {done.left_behind}")
    return "; ".join(parts)


def make(name: str = "command", **options) -> CommandAgent:
    """Make the agent; ``options`` are those of `CommandAgent`."""
    try:
        return CommandAgent(name, **options)
    except TypeError as error:
        raise ValueError(f"agent {name!r}: {error}") from None
