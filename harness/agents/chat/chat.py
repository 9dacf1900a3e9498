"""The agent that asks a chat model: any server that speaks OpenAI's chat completions or Anthropic's
messages.

OpenAI itself, Ollama, vLLM, LM Studio, llama.cpp, LiteLLM, Azure and many others do
(`notebooks/SERVERS.md`). One completion per proposal: the reply holds the whole file or a diff. If
what comes back does not load, the model is told why, once or twice. The key comes from an
environment variable and goes nowhere else.

    ratchet run --tag mine --agent chat --model ollama/qwen3
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from harness.agents import errors
from harness.agents.agent import View
from harness.agents.chat import servers, wire
from harness.agents.chat.wire import Reply, Trouble
from harness.agents.cost import Spent
from harness.agents.edits import contract_error, read_reply
from harness.agents.outcomes import Meaning, explain, said
from harness.agents.paid import PaidAgent
from harness.agents.prompt import build_prompt, fence

TIMEOUT_S = 300.0  # for one proposal, all its tries and repairs together
RETRIES = 2  # after a server error or a broken connection
REPAIRS = 1  # turns in which the model is told what is wrong with its file
BACKOFF_S = 1.0
PATIENCE_S = 20.0  # a longer Retry-After is left to the loop, which can wait for hours
CONNECT_S = 20.0


class ChatAgent(PaidAgent):
    """Proposes by one chat completion.

    Parameters
    ----------
    model : str, optional
        Default: environment variable ``AUTORESEARCH_MODEL``. ``SERVER/MODEL`` names a server of
        `servers.SERVERS`, with its usual address and key.
    base_url : str, optional
        Default: ``AUTORESEARCH_BASE_URL``, then the server's own variable (``OPENAI_BASE_URL``),
        then its usual address.
    key_env : str, optional
        Name of the variable that holds the key; default: the server's.
    dialect : {"chat", "messages"}, optional
        OpenAI's or Anthropic's; default: the server's.
    max_tokens : int, optional
        Longest reply; left to the server unless given.
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
        key_env: str | None = None,
        dialect: str | None = None,
        max_tokens: int | str | None = None,
        timeout: float | str = TIMEOUT_S,
        temperature: float | str | None = None,
        stream: bool | str = True,
        retries: int | str = RETRIES,
        repairs: int | str = REPAIRS,
        backoff: float | str = BACKOFF_S,
        **options,
    ):
        model = model or os.environ.get("AUTORESEARCH_MODEL")
        if not model:
            raise ValueError("agent 'chat' needs a model: --model M, or AUTORESEARCH_MODEL")
        if dialect not in (None, "chat", "messages"):
            raise ValueError(
                f"dialect is chat (OpenAI's) or messages (Anthropic's), not {dialect!r}"
            )
        self.place = servers.find(model, base_url, key_env, dialect)
        where = {"model": model, "base_url": self.place.base_url, "key_env": self.place.key_env}
        super().__init__(name, timeout=timeout, **where, **options)
        self.max_tokens = None if max_tokens is None else int(max_tokens)
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
        if self._client is not None:
            self._client.close()
        self._client = None

    def _read(self, reply: Reply, view: View) -> str:
        text = reply.text if reply.text.strip() else reply.thoughts  # some put all of it there
        if reply.finish in wire.LENGTH:
            raise errors.InvalidFile("the reply reached the server's length limit")
        if reply.finish in wire.DECLINED or (reply.refusal and not reply.text):
            raise errors.Declined(
                f"the model or its filter declined: {reply.refusal or reply.finish}"
            )
        if not text.strip():
            what = "calls of tools that it was not given" if reply.tools else "nothing"
            raise errors.InvalidFile(f"the reply holds {what}, and no text")
        source = read_reply(text, view.best_source)
        if source.strip() == view.best_source.strip():
            raise errors.NoChange(f"{self.model} gave back the train.py that it was given")
        return source

    def _complete(self, messages: list[dict], deadline: float, spent: Spent) -> Reply:
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
                spent.unknown |= not isinstance(failure, errors.FREE)
                wait = self.backoff * 2**attempt
                if failure.retry_after is not None:
                    wait = failure.retry_after
                again = again and attempt < self.retries and wait <= PATIENCE_S
                if not again or time.monotonic() + wait >= deadline:
                    raise failure from None
                time.sleep(wait)

    def _request(self, client, messages: list[dict], deadline: float) -> Reply:
        """Send one request and collect the reply, in pieces or at once."""
        wish = {"model": self.place.model, "messages": messages, "stream": self.stream}
        url, headers = servers.request_to(self.place)
        dialect, chat = self.place.dialect, self.place.dialect == "chat"
        if self.temperature is not None:
            wish["temperature"] = self.temperature
        if not chat:
            headers["anthropic-version"] = wire.VERSION
        if self.max_tokens is not None or not chat:
            wish["max_tokens"] = self.max_tokens or wire.MAX_TOKENS
        client.timeout = max(0.1, deadline - time.monotonic())
        if self.stream and chat:
            try:
                more = {"stream_options": {"include_usage": True}}
                return wire.post(client, dialect, url, headers, wish | more)
            except Trouble as error:
                # Some servers refuse the option that asks for the token count of a stream.
                if error.status not in (400, 422) or "stream" not in error.text:
                    raise
        return wire.post(client, dialect, url, headers, wish)

    def ready(self) -> None:
        """Look for the key."""
        place = self.place
        wanted = place.key_env and not os.environ.get(place.key_env, "").strip()
        known = place.base_url in {server.address for server in servers.SERVERS.values()}
        if wanted and known and not servers.is_local(place.base_url):
            raise errors.AuthError(f"no key: set the environment variable {place.key_env}")

    def _connect(self):
        if self._client is None:
            import httpx  # a third of a second, and the playbook needs none of it

            self.ready()
            self._client = httpx.Client()
        return self._client

    def _explain(self, error: Exception) -> tuple[errors.AgentError, bool]:
        """Our error for one of the wire's, and whether to try again at once."""
        import httpx

        where = f"{self.model}: "
        if isinstance(error, Trouble):
            meaning = explain(error.status, error.text, error.headers)
            number = f"{error.status} " if error.status else ""
            slow = (error.status or 500) >= 500 or error.status in (408, 409)
            again = meaning.kind is errors.RateLimited or (
                meaning.kind is errors.AgentError and slow
            )
            return meaning.error(f"{where}{number}{said(error.text)}"), again
        if isinstance(error, httpx.TimeoutException):
            return errors.AgentTimeout(f"{where}the server did not answer in time"), True
        if isinstance(error, httpx.ConnectError):
            advice = "is the server running, and base_url right?"
            meaning = Meaning(errors.AgentError, None, advice)
            return meaning.error(f"{where}nobody answers at {self.base_url}: {error}"), True
        if isinstance(error, httpx.HTTPError | httpx.StreamError):
            return errors.AgentError(f"{where}the connection broke: {error}"), True
        if isinstance(error, ValueError | TypeError | AttributeError | RecursionError):
            return errors.AgentError(f"{where}not what a model's server answers: {error}"), True
        raise error  # not about the server: a fault of ours


def _within(deadline: float, work: Callable[[], Reply]) -> Reply:
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


make = ChatAgent
