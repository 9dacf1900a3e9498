"""One request to a model server over HTTP, and its answer, whole or in pieces.

Two dialects: OpenAI's chat completions and Anthropic's messages. Both are one POST with JSON, and
what is hard about them is what odd servers do to it, which a client library hides; so there is
none. All that comes back is untrusted: a field that is missing or of another kind is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.agents.cost import Usage, dollars, usage_of
from harness.files import catalogue

REPLY_CHARS = 1_000_000  # no train.py needs more; a model that never stops is cut off
MAX_TOKENS = 8192  # Anthropic wants a number; every model of theirs gives as many
VERSION = "2023-06-01"  # of Anthropic's messages
_TOLD = catalogue(__file__)
LENGTH, DECLINED = _TOLD["length"], _TOLD["declined"]


class Trouble(Exception):
    """The server answered with an error, in its status or inside a 200."""

    def __init__(self, status: int | None, text: str, headers=None):
        super().__init__(text)
        self.status, self.text, self.headers = status, text, dict(headers or {})


@dataclass
class Reply:
    """What a server said so far."""

    text: str = ""
    thoughts: str = ""  # reasoning that came in a field of its own
    refusal: str = ""
    tools: bool = False
    usage: Usage | None = None
    usd: float | None = None
    finish: str = ""
    done: bool = False  # it said that this was all
    used: dict = field(default_factory=dict)  # the counts it told so far, as it wrote them

    def add(self, where: str, text) -> None:
        """Add a piece; a content may also be a list of parts, of text or of thoughts."""
        for part in text if isinstance(text, list) else [text]:
            if isinstance(part, dict):
                kind = str(part.get("type"))
                inner = part.get("text") or part.get("thinking") or part.get("reasoning")
                thought = "think" in kind or "reason" in kind
                self.add("thoughts" if thought else "text" if "text" in kind else "", inner)
                self.tools |= kind.startswith("tool")
            elif isinstance(part, str) and where:
                setattr(self, where, (getattr(self, where) + part)[:REPLY_CHARS])


def post(client, dialect: str, url: str, headers: dict, wish: dict) -> Reply:
    """Send one request and collect the reply.

    Raises
    ------
    Trouble
        If the server refused, or sent an error inside its answer.
    ValueError
        If it is no answer of a model, or one that broke off.
    """
    reply, said, size = Reply(), [], 0
    with client.stream("POST", url, json=wish, headers=headers) as answer:
        if answer.status_code >= 300:
            text = answer.read()[:REPLY_CHARS].decode("utf-8", "replace")
            place = answer.headers.get("location", "")
            raise Trouble(answer.status_code, text or place, answer.headers)
        for event in _events(answer.iter_lines(), said):
            reply.done |= event is None
            if event is not None:
                _TAKE[dialect](reply, _sound(event))
            size += len(str(event))
            if len(reply.text) >= REPLY_CHARS or size > 20 * REPLY_CHARS:
                reply.finish = "length"
            if reply.done or reply.finish == "length":
                if reply.usage or event is None or size > REPLY_CHARS:
                    break
    if said:  # no stream came, whatever was asked for
        _TAKE[dialect](reply, _sound(json.loads("\n".join(said))))
        reply.done = True
    if not (reply.done or reply.finish):
        raise ValueError("the answer broke off, or is no answer of a model")
    return reply


def _events(lines: Iterator[str], other: list[str]) -> Iterator[dict | None]:
    """The data of server-sent events, None for the last; other lines are put into ``other``."""
    begun = False
    for line in lines:
        name, colon, data = line.partition(":")
        if colon and name == "data":
            begun = True
            yield None if data.strip() == "[DONE]" else json.loads(data)
            continue
        of_stream = not other and line.startswith(("event:", "id:", ":", "retry:"))
        if line.strip() and not begun and not of_stream:
            other.append(line[:REPLY_CHARS])
            if sum(map(len, other)) > 4 * REPLY_CHARS:
                raise ValueError("the answer never ends")


def _sound(said) -> dict:
    """An answer or a piece of one, if it is no error; some servers put that inside a 200."""
    if not isinstance(said, dict):
        raise ValueError("the server's answer is not a chat completion")
    choices = said.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    problem = said.get("error") or (isinstance(first, dict) and first.get("error"))
    problem = problem or (said if said.get("type") == "error" else None)
    if problem:
        code = problem.get("code") or problem.get("status") if isinstance(problem, dict) else None
        number = int(code) if str(code).isdigit() and 300 <= int(code) < 600 else None
        raise Trouble(number, json.dumps({"error": problem}))
    return said


def _openai(reply: Reply, said: dict) -> None:
    """Take a chat completion, or a piece of one."""
    if isinstance(used := said.get("usage"), dict):
        reply.usage = usage_of(used, _TOLD["used"]["chat"])
        reply.usd = dollars(used.get("cost"))  # some gateways add the price
    choices = said.get("choices")
    if not isinstance(choices, list):
        if said.get("object") != "chat.completion.chunk" and "usage" not in said:
            raise ValueError("the server's answer is not a chat completion")
        return
    for choice in [one for one in choices[:1] if isinstance(one, dict)]:
        part = choice.get("delta") or choice.get("message") or choice
        if not isinstance(part, dict):
            continue
        reply.add("text", part.get("content") or part.get("text"))
        reply.add("thoughts", part.get("reasoning_content") or part.get("reasoning"))
        reply.add("refusal", part.get("refusal"))
        reply.tools |= bool(part.get("tool_calls") or part.get("function_call"))
        reply.finish = str(choice.get("finish_reason") or reply.finish).lower()


def _anthropic(reply: Reply, said: dict) -> None:
    """Take a message, or an event of one."""
    message = said.get("message") if isinstance(said.get("message"), dict) else said
    for part in (message, said):
        if isinstance(used := part.get("usage"), dict):
            reply.used |= used  # counts so far, not differences
            reply.usage = usage_of(reply.used, _TOLD["used"]["messages"])
    delta = said.get("delta") if isinstance(said.get("delta"), dict) else {}
    if said.get("type") == "message":
        reply.add("text", said.get("content") or "")
    elif not str(said.get("type", "")).startswith(("message_", "content_block_", "ping")):
        raise ValueError("the server's answer is not a message of Anthropic's")
    reply.add("text", delta.get("text"))
    reply.add("thoughts", delta.get("thinking"))
    block = said.get("content_block")
    reply.tools |= isinstance(block, dict) and block.get("type") == "tool_use"
    reply.finish = str(
        delta.get("stop_reason") or message.get("stop_reason") or reply.finish
    ).lower()
    reply.done |= said.get("type") == "message_stop"


_TAKE = {"chat": _openai, "messages": _anthropic}
