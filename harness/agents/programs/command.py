"""The agent that runs an outside program: any command, or a coding CLI by its preset.

The program gets a folder of its own with the best `train.py`, `program.md` and `history.md`, and
the prompt on standard input. When it has ended, its `train.py` is taken and nothing else; neither
its exit status nor its words can make a proposal good. What happened is, in this order: timeout,
rate limited, agent error, invalid file, no change, invalid code, ok.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.agents import errors
from harness.agents.agent import View
from harness.agents.cost import Spent
from harness.agents.paid import PaidAgent
from harness.agents.programs.presets import PRESETS, Call
from harness.agents.programs.reports import Report, concluded
from harness.agents.programs.scratch import Scratch
from harness.agents.prompt import build_prompt, history_text
from harness.agents.secrets import allowed_env, redact
from harness.processes import GRACE_S, Finished, Runner

TIMEOUT_S = 600.0  # a coding CLI with a slow model takes minutes; a stuck one takes forever
LOG_CHARS = 32_000
LOCAL_KEY = "none"  # local servers want a key to be there and do not look at it


class CommandAgent(PaidAgent):
    """Proposes by running a program that edits a file.

    Parameters
    ----------
    name : str
        "command", or the name of a preset.
    command : str or sequence of str, optional
        For "command": the argument list. A string is split as a shell would, but no shell runs.
        ``{workspace}``, ``{prompt_file}``, ``{model}`` and the other fields of `presets.Call`
        are filled in.
    grace : float
        Seconds between SIGTERM and SIGKILL.
    env : str or sequence of str
        Names of further environment variables that the program may see (comma-separated).
    **options
        Those of `PaidAgent`, which also says what is raised.
    """

    def __init__(
        self,
        name: str = "command",
        *,
        command: str | Sequence[str] | None = None,
        grace: float = GRACE_S,
        env: str | Sequence[str] = (),
        timeout: float | str = TIMEOUT_S,
        **options,
    ):
        super().__init__(name, timeout=timeout, **options)
        self.preset, self.grace = PRESETS.get(name), float(grace)
        keys = self.preset.keys if self.preset else ()
        self.key_env = self.key_env or next(iter(keys), None)
        more = env.replace(",", " ").split() if isinstance(env, str) else env
        self.visible = tuple(filter(None, (*keys, *more, self.key_env)))
        self.argv = tuple(shlex.split(command) if isinstance(command, str) else command or ())
        self._runner = Runner()
        if self.preset is not None:
            if self.argv:
                raise ValueError(f"agent {name!r} has its own command; use agent 'command'")
            if self.preset.needs_model and not self.model:
                raise ValueError(f"agent {name!r} needs a model: --model M")
            self._choose_server()
            return
        if not self.argv:
            raise ValueError("agent 'command' needs a command, for example 'my-agent {model}'")
        line = " ".join(self.argv)
        if not self.model and "{model}" in line:
            raise ValueError("the command has {model} in it: give a model")
        if redact(line) != line:  # options are written to run.json and shown in notebooks
            raise ValueError("the command has a key in it: name its variable in option env")

    def _choose_server(self) -> None:
        """Take OPENAI_BASE_URL as the server's address, or refuse; never in silence."""
        preset, asked = self.preset, os.environ.get("OPENAI_BASE_URL")
        if asked and not self.base_url and not os.environ.get(preset.own_base):
            ours = preset.openai is not None and (self.model or "").startswith(preset.openai)
            if not ours:
                what = f"for models {preset.openai}…" if preset.openai else "for no model"
                raise ValueError(
                    f"OPENAI_BASE_URL is set, and agent {self.name!r} would go there {what}: "
                    "unset it, or give the address as --agent-option base_url=…"
                )
            self.base_url = asked
        if self.base_url and preset.openai and "/" not in (self.model or ""):
            raise ValueError(f"with a base_url, agent {self.name!r} needs --model openai/NAME")
        if self.base_url and self.name == "aider" and not self.model.startswith(preset.openai):
            raise ValueError("with a base_url, aider goes there for models openai/NAME alone")

    def ask(self, view: View, spent: Spent) -> str:
        """Run the program once and take its train.py."""
        prompt = build_prompt(view, reflect_every=self.reflect_every, reply="edit")
        files = {
            "train.py": view.best_source,
            "program.md": view.program,
            "history.md": history_text(view) + "\n",
        }
        with Scratch(files) as scratch:
            state = view.state_dir or scratch.root / "state"
            state.mkdir(parents=True, exist_ok=True)
            where = (self.model, self.base_url, self.key_env)
            call = Call(scratch.workspace, scratch.root / "prompt.md", scratch.root, state, *where)
            call.prompt_file.write_text(prompt, encoding="utf-8")
            done = self._run(call, scratch.tmp, prompt)
            spent.requests += 1
            _keep_output(view, state, done)
            report = self.preset.read(done, call) if self.preset else concluded(done)
            spent.note = _note(scratch.changes(), report, done)
            if done.returncode is None:
                spent.unknown = True  # cut off: what it had spent by then, nobody said
            elif not issubclass(report.kind, errors.FREE) or (report.usage and report.usage.total):
                spent.add(report.usage, report.usd)
            self._check(done, report)
            source = scratch.take()
        if source == view.best_source:
            raise errors.NoChange(f"{self.name} left train.py as it was")
        return source

    def close(self) -> None:
        """End a program that is running, from whichever thread."""
        self._runner.close()

    def _run(self, call: Call, tmp: Path, prompt: str) -> Finished:
        env = allowed_env(self.visible)
        # A temporary folder of its own. HOME stays: it holds the CLI's login, and Codex cannot
        # edit anything when HOME lies below the temporary folder.
        env |= {"TMPDIR": str(tmp), "TMP": str(tmp), "TEMP": str(tmp), "TERM": "dumb"}
        if self.preset is None:
            argv = [call.fill(part) for part in self.argv]
        else:
            self.preset.prepare(call)
            if self.base_url and self.preset.openai is not None:
                env.setdefault(self.key_env, LOCAL_KEY)
            env |= dict(word.split("=", 1) for word in call.words(self.preset.environment))
            argv = [self.ready(), *call.words(self.preset.arguments)]
        limits = {"timeout": self.timeout, "grace": self.grace}
        try:
            return self._runner.run(argv, cwd=call.workspace, env=env, stdin=prompt, **limits)
        except FileNotFoundError as error:
            raise errors.AgentMissing(f"cannot start the agent's program: {error}") from None

    def ready(self) -> str:
        """Find the program; the message says how to get one that is not there."""
        wanted, how = "".join(self.argv[:1]), "install it, or name it by its path"
        if self.preset is not None:
            wanted = os.environ.get(self.preset.program_env) or self.preset.program
            how = f"{self.preset.install}, or name the program in {self.preset.program_env}"
        elif "{" in wanted or Path(wanted).name != wanted:
            return wanted  # where that is, the call's folder decides
        found = shutil.which(wanted)
        if found is None:
            raise errors.AgentMissing(f"{wanted} is not installed: {how}")
        return found

    def _check(self, done: Finished, report: Report) -> None:
        """Raise what went wrong, if anything did, in the order that the module's text names."""
        limited = report.kind is errors.RateLimited
        if done.timed_out and not (limited and self.preset and self.preset.slow_429):
            late = f"{self.name} did not finish in {self.timeout:g} s and was ended"
            raise errors.AgentTimeout("; it said: ".join(filter(None, (late, report.error))))
        if done.returncode is None and not done.timed_out:
            raise errors.AgentError(f"{self.name} was ended before it had finished")
        if report.error is not None:
            raise report.kind(f"{self.name}: {report.error}", retry_after=report.retry_after)


def _keep_output(view: View, state: Path, done: Finished) -> None:
    """Write down what the program printed; keys are masked."""
    text = redact(
        f"exit status: {done.returncode}\n--- standard output\n{done.stdout[-LOG_CHARS:]}\n"
        f"--- standard error\n{done.stderr[-LOG_CHARS:]}\n"
    )
    slot = f"-{view.slot}" if view.slot else ""
    with contextlib.suppress(OSError):
        log = state / f"{view.iteration:04d}{slot}.log"
        log.write_text(text, encoding="utf-8", errors="replace")


def _note(changes: Sequence[str], report: Report, done: Finished) -> str:
    facts = {
        "put back": ", ".join(changes),
        "actions that were denied": report.denied,
        "processes that it had left running and that were ended": done.left_behind,
    }
    return "; ".join(f"{words}: {fact}" for words, fact in facts.items() if fact)


make = CommandAgent
