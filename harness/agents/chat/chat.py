"""The agent that asks a chat model: any server that speaks OpenAI's chat completions.

OpenAI itself, Ollama, vLLM, LM Studio, llama.cpp and many others do. One completion per proposal:
the reply holds the whole file or a diff. If what comes back does not load, the model is told why,
once or twice. The key comes from an environment variable and goes nowhere else.

    ratchet run --tag mine --agent chat ...     with AUTORESEARCH_BASE_URL, AUTORESEARCH_MODEL
                                                and OPENAI_API_KEY set
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial

from harness.agents import errors
from harness.agents.agent import View
from harness.agents.cost import Spent, Usage, count, dollars
from harness.agents.edits import contract_error, read_reply
from harness.agents.paid import PaidAgent
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


class ChatAgent(PaidAgent):
    """Proposes by one chat completion.

    Parameters
    ----------
    model : str, optional
        Default: environment variable ``AUTORESEARCH_MODEL``.
    base_url : str, optional
        Default: ``AUTORESEARCH_BASE_URL``, then ``OPENAI_BASE_URL``, then OpenAI's own.
    key_env : str
        Name of the variable that holds the key.
    temperature : float, optional
        Left to the server unless given.
    stream : bool
        Ask for the reply in pieces, so that a stuck server is noticed.
    retries, repairs : int
    backoff : float
        Seconds before the first retry; each further one waits twice as long.
    **options
        Those of `PaidAgent`, which also says what is raised.
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
        **options,
    ):
        env = os.environ
        model = model or env.get("AUTORESEARCH_MODEL")
        if not model:
            raise ValueError("agent 'chat' needs a model: option model, or AUTORESEARCH_MODEL")
        base_url = base_url or env.get("AUTORESEARCH_BASE_URL") or env.get("OPENAI_BASE_URL")
        where = {"model": model, "base_url": base_url, "key_env": key_env}
        super().__init__(name, timeout=timeout, **where, **options)
        self.temperature = None if temperature is None else float(temperature)
        self.stream = str(stream).lower() not in ("false", "0", "no")
        self.retries, self.repairs = int(retries), int(repairs)
        self.backoff, self._client = float(backoff), None

    def ask(self, view: View, spent: Spent) -> str:
        """Ask, read the file, and say what is wrong with it while repair turns are left."""
        deadline = time.monotonic() + self.timeout
        prompt = build_prompt(view, reflect_every=self.reflect_every, reply="fence")
        messages = [{"role": "user", "content": prompt}]
        for turn in itertools.count():
            reply = self._complete(messages, deadline, spent)
            try:
                source = self._read(reply, view)
                problem = contract_error(source)
                if problem is None or turn >= self.repairs:
                    return source
            except (errors.InvalidFile, errors.NoChange) as error:
                if turn >= self.repairs:
                    raise
                problem = str(error)
            told = (
                f"That cannot be used:\n\n{fence(problem, 'text')}\n\n"
                "Answer again with the whole new train.py in one ```python block."
            )
            messages.append({"role": "assistant", "content": reply.text})
            messages.append({"role": "user", "content": told})

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _read(self, reply: _Reply, view: View) -> str:
        if reply.finish == "length":
            raise errors.InvalidFile("the reply reached the server's length limit")
        source = read_reply(reply.text, view.best_source)
        if source.strip() == view.best_source.strip():
            raise errors.NoChange(f"{self.model} gave back the train.py that it was given")
        return source

    def _complete(self, messages: list[dict], deadline: float, spent: Spent) -> _Reply:
        """One completion, tried again after server errors, with the deadline over all of it."""
        client = self._connect()
        for attempt in itertools.count():
            spent.requests += 1
            try:
                reply = _within(deadline, lambda: self._request(client, messages, deadline))
                spent.add(reply.usage, reply.usd)
                return reply
            except TimeoutError:
                spent.unknown = True
                raise errors.AgentTimeout(
                    f"{self.model} did not answer within {self.timeout:g} s"
                ) from None
            except Exception as error:
                failure, again = self._explain(error)
                spent.unknown |= not isinstance(failure, errors.RateLimited | errors.AuthError)
                wait = self.backoff * 2**attempt
                if failure.retry_after is not None:
                    wait = failure.retry_after
                again = again and attempt < self.retries and wait <= PATIENCE_S
                if not again or time.monotonic() + wait >= deadline:
                    raise failure from None
                time.sleep(wait)

    def _request(self, client, messages: list[dict], deadline: float) -> _Reply:
        """Send one request and collect the reply, in pieces or at once."""
        wish = {"model": self.model, "messages": messages}
        if self.temperature is not None:
            wish["temperature"] = self.temperature
        client = client.with_options(timeout=max(0.1, deadline - time.monotonic()))
        create = partial(client.chat.completions.create, **wish)
        if self.stream:
            try:
                reply = _streamed(create, stream_options={"include_usage": True})
            except Exception as error:
                # Some servers refuse the option that asks for the token count of a stream.
                if getattr(error, "status_code", None) not in (400, 422):
                    raise
                reply = _streamed(create)
            if reply.chunks:  # a server that cannot stream answers with something else
                return reply
        return _whole(create())

    def _connect(self):
        if self._client is None:
            try:
                import openai
            except ImportError:
                raise errors.AgentMissing(
                    "agent 'chat' needs the package openai: pip install 'autoresearch-course[chat]'"
                ) from None
            key = os.environ.get(self.key_env, "").strip()
            if not key and self.base_url is None:
                raise errors.AuthError(f"no key: set the environment variable {self.key_env}")
            self._client = openai.OpenAI(
                api_key=key or LOCAL_KEY, base_url=self.base_url, max_retries=0
            )
        return self._client

    def _explain(self, error: Exception) -> tuple[errors.AgentError, bool]:
        """Our error for one of the client's, and whether to try again at once."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            return errors.AgentTimeout(f"{self.model}: the server did not answer in time"), True
        if isinstance(error, openai.APIStatusError):
            status = error.status_code
            kind = errors.BY_STATUS.get(status, errors.AgentError)
            wait = _retry_after(error.response.headers) if kind is errors.RateLimited else None
            failure = kind(f"{self.model}: {status} {error.message}", retry_after=wait)
            return failure, kind is errors.RateLimited or status >= 500 or status in (408, 409)
        if isinstance(error, openai.OpenAIError | ValueError | TypeError | AttributeError):
            # A broken connection, or a reply that is no completion at all.
            return errors.AgentError(f"{self.model}: {type(error).__name__}: {error}"), True
        if type(error).__module__.split(".")[0] in ("httpx", "httpcore"):
            return errors.AgentError(f"{self.model}: the connection broke: {error}"), True
        raise error  # not about the server: a fault of ours


def _within(deadline: float, work: Callable[[], _Reply]) -> _Reply:
    """Do ``work`` in a thread and wait no longer than the deadline; then raise TimeoutError.

    A client's own time-out counts from byte to byte: a server that sends one now and then would
    never reach it. The thread left behind ends with its connection.
    """
    answer: Future = Future()

    def target() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # handed to the caller's thread
            answer.set_exception(error)

    threading.Thread(target=target, daemon=True).start()
    return answer.result(timeout=max(0.0, deadline - time.monotonic()))


def _whole(completion) -> _Reply:
    if isinstance(completion, str) or not getattr(completion, "choices", None):
        raise ValueError("the server's answer is not a chat completion")
    return _collect([completion])


def _streamed(create: Callable, **options) -> _Reply:
    with create(stream=True, **options) as stream:
        return _collect(stream)


def _collect(chunks) -> _Reply:
    """Put together the pieces of a stream; a whole completion is one piece."""
    reply, parts, size = _Reply(), [], 0
    for chunk in chunks:
        reply.chunks += 1
        if getattr(chunk, "usage", None):
            reply.usage, reply.usd = _usage(chunk.usage)
        for choice in (getattr(chunk, "choices", None) or [])[:1]:
            said = getattr(choice, "delta", None) or choice.message
            parts.append(getattr(said, "content", None) or "")
            size += len(parts[-1])
            reply.finish = choice.finish_reason or reply.finish
        if size > REPLY_CHARS:
            reply.finish = "length"
            break
    reply.text = "".join(parts)[:REPLY_CHARS]
    return reply


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
    text, seconds = (headers.get("retry-after") or "").strip(), math.nan
    with contextlib.suppress(ValueError, TypeError):
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    with contextlib.suppress(ValueError):
        seconds = float(text)
    return min(max(seconds, 0.0), 86_400.0) if math.isfinite(seconds) else None


make = ChatAgent
