"""The agent that asks a chat model: any server that speaks OpenAI's chat completions.

OpenAI itself, Ollama, vLLM, LM Studio, llama.cpp and many others do. One completion per proposal:
the reply holds the whole file or a diff. If what comes back does not load, the model is told why,
once or twice. The key comes from an environment variable and goes nowhere else.

    ratchet run --tag mine --agent chat ...     with AUTORESEARCH_BASE_URL, AUTORESEARCH_MODEL
                                                and OPENAI_API_KEY set
"""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from harness.agents.agent import Proposal, View
from harness.agents.cost import Cost, Usage, count, dollars, load_prices, record, settle
from harness.agents.edits import contract_error, read_reply
from harness.agents.errors import (
    AgentError,
    AgentMissing,
    AgentTimeout,
    AuthError,
    InvalidFile,
    NoChange,
    RateLimited,
)
from harness.agents.prompt import build_prompt, fence

TIMEOUT_S = 300.0  # for one proposal, all its tries and repairs together
RETRIES = 2  # after a server error or a broken connection
REPAIRS = 1  # turns in which the model is told what is wrong with its file
BACKOFF_S = 1.0
PATIENCE_S = 20.0  # a longer Retry-After is left to the loop, which can wait for hours
REPLY_CHARS = 1_000_000  # no train.py needs more; a model that never stops is cut off
LOCAL_KEY = "none"  # local servers want a key to be there and do not look at it


@dataclass
class _Reply:
    text: str = ""
    usage: Usage | None = None
    usd: float | None = None
    finish: str | None = None
    chunks: int = 0


class ChatAgent:
    """Proposes by one chat completion.

    Parameters
    ----------
    model : str, optional
        Default: environment variable ``AUTORESEARCH_MODEL``.
    base_url : str, optional
        Default: ``AUTORESEARCH_BASE_URL``, then ``OPENAI_BASE_URL``, then OpenAI's own.
    key_env : str
        Name of the variable that holds the key. The key itself is no option on purpose: options
        end up in notebooks and in run.json.
    timeout : float
        Seconds of wall clock for one proposal.
    temperature : float, optional
        Left to the server unless given.
    stream : bool
        Ask for the reply in pieces, so that a stuck server is noticed.
    retries, repairs : int
    prices, reflect_every
        As for `command.CommandAgent`.

    Raises
    ------
    ValueError
        If there is no model, or an option makes no sense.
    """

    def __init__(
        self,
        name: str = "chat",
        *,
        model: str | None = None,
        base_url: str | None = None,
        key_env: str = "OPENAI_API_KEY",
        timeout: float | str = TIMEOUT_S,
        temperature: float | str | None = None,
        stream: bool | str = True,
        retries: int | str = RETRIES,
        repairs: int | str = REPAIRS,
        backoff: float | str = BACKOFF_S,
        prices=None,
        reflect_every: int | str = 10,
    ):
        self.name = name
        self.model = model or os.environ.get("AUTORESEARCH_MODEL") or ""
        if not self.model:
            raise ValueError("agent 'chat' needs a model: option model, or AUTORESEARCH_MODEL")
        env = os.environ
        self.base_url = (
            base_url or env.get("AUTORESEARCH_BASE_URL") or env.get("OPENAI_BASE_URL") or None
        )
        self.key_env = key_env
        self.timeout, self.backoff = float(timeout), float(backoff)
        if not 0 < self.timeout < 1e6:
            raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")
        self.temperature = None if temperature is None else float(temperature)
        self.stream = str(stream).lower() not in ("false", "0", "no")
        self.retries, self.repairs = int(retries), int(repairs)
        self.reflect_every = int(reflect_every)
        self.prices = load_prices(prices)
        self._client = None

    def propose(self, view: View) -> Proposal:
        """Ask the model for one new train.py.

        Raises
        ------
        AgentError
            A subclass for each outcome other than "ok" and "invalid code".
        """
        began = time.monotonic()
        spent = _Spent()
        outcome, note = "ok", ""
        try:
            proposal = self._converse(view, began + self.timeout, spent)
            outcome, note = proposal.outcome, proposal.note
            return proposal
        except AgentError as error:
            outcome, note = error.outcome, str(error)
            cost = spent.cost(self)
            error.tokens, error.cost_usd, error.cost_source = cost.tokens, cost.usd, cost.source
            raise
        finally:
            record(
                view.state_dir,
                iteration=view.iteration,
                slot=view.slot,
                agent=self.name,
                model=self.model,
                outcome=outcome,
                requests=spent.requests,
                seconds=round(time.monotonic() - began, 2),
                **spent.cost(self).fields(),
                note=note,
            )

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _converse(self, view: View, deadline: float, spent: _Spent) -> Proposal:
        """Ask, read the file, and say what is wrong with it while repair turns are left."""
        prompt = build_prompt(view, reflect_every=self.reflect_every, reply="fence")
        messages = [{"role": "user", "content": prompt}]
        for turn in range(self.repairs + 1):
            reply = self._ask(messages, deadline, spent)
            source, problem = None, None
            try:
                if reply.finish == "length":
                    raise InvalidFile("the reply reached the server's length limit")
                source = read_reply(reply.text, view.best_source)
                if source.strip() == view.best_source.strip():
                    raise NoChange(f"{self.model} gave back the train.py that it was given")
                problem = contract_error(source)
            except (InvalidFile, NoChange) as error:
                if turn == self.repairs:
                    raise
                problem = str(error)
            if problem is None or turn == self.repairs:
                break
            messages += [
                {"role": "assistant", "content": reply.text[:REPLY_CHARS]},
                {
                    "role": "user",
                    "content": "That cannot be used:\n\n"
                    + fence(problem, "text")
                    + "\n\nAnswer again with the whole new train.py in one ```python block.",
                },
            ]
        cost = spent.cost(self)
        return Proposal(
            source,
            cost.tokens,
            cost.usd,
            cost.source,
            note=problem or "",
            outcome="invalid code" if problem else "ok",
        )

    def _ask(self, messages: list[dict], deadline: float, spent: _Spent) -> _Reply:
        """One completion, tried again after server errors, with the deadline over all of it."""
        client = self._connect()
        for attempt in range(self.retries + 1):
            spent.requests += 1
            try:
                reply = _within(deadline, lambda: self._request(client, messages, deadline))
                spent.add(reply)
                return reply
            except _Late:
                spent.unknown = True
                raise AgentTimeout(
                    f"{self.model} did not answer within {self.timeout:g} s"
                ) from None
            except Exception as error:
                explained = self._explain(error)
                if explained is None:
                    raise
                failure, again = explained
                spent.unknown = spent.unknown or not isinstance(failure, RateLimited | AuthError)
                wait = self.backoff * 2**attempt
                if failure.retry_after is not None:
                    wait = failure.retry_after
                again = again and attempt < self.retries and wait <= PATIENCE_S
                if not again or time.monotonic() + wait >= deadline:
                    raise failure from None
                time.sleep(wait)
        raise AssertionError("unreachable")

    def _request(self, client, messages: list[dict], deadline: float) -> _Reply:
        """Send one request and collect the reply, in pieces or at once."""
        wish = {"model": self.model, "messages": messages}
        if self.temperature is not None:
            wish["temperature"] = self.temperature
        client = client.with_options(timeout=max(0.1, deadline - time.monotonic()))
        if not self.stream:
            return _whole(client.chat.completions.create(**wish))
        try:
            reply = _collect(
                client.chat.completions.create(
                    **wish, stream=True, stream_options={"include_usage": True}
                )
            )
        except Exception as error:
            # Some servers refuse the option that asks for the token count of a stream.
            if getattr(error, "status_code", None) not in (400, 422):
                raise
            reply = _collect(client.chat.completions.create(**wish, stream=True))
        if not reply.chunks:  # a server that cannot stream answers with something else
            reply = _whole(client.chat.completions.create(**wish))
        return reply

    def _connect(self):
        if self._client is None:
            try:
                import openai
            except ImportError:
                raise AgentMissing(
                    "agent 'chat' needs the package openai: pip install 'autoresearch-course[chat]'"
                ) from None
            key = os.environ.get(self.key_env, "").strip()
            if not key and self.base_url is None:
                raise AuthError(f"no key: set the environment variable {self.key_env}")
            self._client = openai.OpenAI(
                api_key=key or LOCAL_KEY, base_url=self.base_url, max_retries=0
            )
        return self._client

    def _explain(self, error: Exception) -> tuple[AgentError, bool] | None:
        """Our error for one of the client's, and whether to try again at once.

        None for an error that is not about the server: that one is a fault of ours.
        """
        import openai

        if isinstance(error, openai.APITimeoutError):
            return AgentTimeout(f"{self.model}: the server did not answer in time"), True
        if isinstance(error, openai.APIStatusError):
            status, text = error.status_code, f"{self.model}: {error.status_code} {error.message}"
            if status in (429, 503, 529):
                return RateLimited(text, retry_after=_retry_after(error.response.headers)), True
            if status in (401, 403):
                return AuthError(text), False
            return AgentError(text), status >= 500 or status in (408, 409)
        if isinstance(error, openai.OpenAIError | ValueError | TypeError | AttributeError):
            # A broken connection, or a reply that is no completion at all.
            return AgentError(f"{self.model}: {type(error).__name__}: {error}"), True
        if type(error).__module__.split(".")[0] in ("httpx", "httpcore"):
            return AgentError(f"{self.model}: the connection broke: {error}"), True
        return None


class _Spent:
    """What the requests of one proposal used, together."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.usd: float | None = None
        self.unknown = False  # some request did not say
        self.requests = 0

    def add(self, reply: _Reply) -> None:
        if reply.usage is None:
            self.unknown = True
            return
        self.usage = (self.usage or Usage()) + reply.usage
        if reply.usd is not None:
            self.usd = (self.usd or 0.0) + reply.usd

    def cost(self, agent: ChatAgent) -> Cost:
        if self.usage is None and not self.unknown:
            return Cost(source="none")  # every request was refused: nothing was used
        return settle(
            None if self.unknown else self.usage,
            model=agent.model,
            reported_usd=None if self.unknown else self.usd,
            prices=agent.prices,
        )


class _Late(Exception):
    """The deadline passed."""


def _within(deadline: float, work: Callable[[], _Reply]) -> _Reply:
    """Do ``work`` in a thread and wait no longer than the deadline.

    A client's own time-out counts from byte to byte: a server that sends one now and then would
    never reach it. The thread left behind ends with its connection.
    """
    answer: queue.Queue = queue.Queue()

    def target() -> None:
        try:
            answer.put((work(), None))
        except BaseException as error:  # handed to the caller's thread
            answer.put((None, error))

    threading.Thread(target=target, daemon=True).start()
    try:
        reply, error = answer.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise _Late from None
    if error is not None:
        raise error
    return reply


def _collect(stream) -> _Reply:
    reply, parts, size = _Reply(), [], 0
    with stream:
        for chunk in stream:
            reply.chunks += 1
            if getattr(chunk, "usage", None):
                reply.usage, reply.usd = _usage(chunk.usage)
            for choice in (getattr(chunk, "choices", None) or [])[:1]:
                piece = getattr(choice.delta, "content", None) or ""
                parts.append(piece)
                size += len(piece)
                reply.finish = choice.finish_reason or reply.finish
            if size > REPLY_CHARS:
                reply.finish = "length"
                break
    reply.text = "".join(parts)
    return reply


def _whole(completion) -> _Reply:
    if isinstance(completion, str) or not getattr(completion, "choices", None):
        raise ValueError("the server's answer is not a chat completion")
    choice = completion.choices[0]
    usage, usd = _usage(completion.usage) if completion.usage else (None, None)
    text = (choice.message.content or "")[:REPLY_CHARS]
    return _Reply(text, usage, usd, choice.finish_reason, 1)


def _usage(said) -> tuple[Usage, float | None]:
    details = getattr(said, "prompt_tokens_details", None)
    usage = Usage(
        input=count(getattr(said, "prompt_tokens", None)),
        output=count(getattr(said, "completion_tokens", None)),
        cached_input=count(getattr(details, "cached_tokens", None)),
    )
    return usage, dollars(getattr(said, "cost", None))  # some gateways add the price


def _retry_after(headers) -> float | None:
    """Seconds from a Retry-After header: a number, or a date."""
    text = (headers.get("retry-after") or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), 86_400.0) if math.isfinite(seconds) else None


def make(name: str = "chat", **options) -> ChatAgent:
    """Make the agent; ``options`` are those of `ChatAgent`."""
    try:
        return ChatAgent(name, **options)
    except TypeError as error:
        raise ValueError(f"agent {name!r}: {error}") from None
