"""A scripted model server on loopback: chat completions, Anthropic messages, OpenAI responses.

A test hands it a list of acts, one per request; the last one is repeated. An act is text to answer
with, or a callable that gets the request handler and does what it likes.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelServer:
    """Serves on a free loopback port until closed; `requests` has what it was asked."""

    def __init__(self, acts=()):
        self.acts, self.requests, self.headers, self.paths = list(acts), [], [], []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            model_server = outer

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_HEAD

            def do_POST(self):
                try:
                    outer._serve(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def json(self, value, status=200, headers=()):
                self.raw(json.dumps(value).encode(), status, [*headers])

            def raw(self, body, status=200, headers=(), kind="application/json"):
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                for name, text in headers:
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def events(self, events, pause=0.0):
                """Send server-sent events: pairs of event name (or None) and data."""
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True
                for name, data in events:
                    text = data if isinstance(data, str) else json.dumps(data)
                    lead = f"event: {name}\n" if name else ""
                    self.wfile.write(f"{lead}data: {text}\n\n".encode())
                    self.wfile.flush()
                    if outer.closing.wait(pause):
                        return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()

    def _serve(self, handler):
        length = int(handler.headers.get("content-length") or 0)
        body = json.loads(handler.rfile.read(length) or b"{}")
        with self._lock:
            turn = len(self.requests)
            self.requests.append(body)
            self.headers.append({k.lower(): v for k, v in handler.headers.items()})
            self.paths.append(handler.path)
        act = self.acts[min(turn, len(self.acts) - 1)]
        handler.request = body
        if callable(act):
            act(handler)
        else:
            chat(act)(handler)


# -- OpenAI's chat completions --------------------------------------------------------------------


def chat(text, usage=(1000, 200), finish="stop", pieces=7, pause=0.0, cost=None):
    """Answer with ``text``, streamed if that was asked for."""

    def act(handler):
        spent = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if usage else None
        if spent:
            spent["total_tokens"] = sum(usage)
        if cost is not None:
            spent["cost"] = cost
        base = {"id": "x", "created": int(time.time()), "model": "test"}
        if not handler.request.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            full = {**base, "object": "chat.completion", "choices": [choice]}
            handler.json(full | ({"usage": spent} if spent else {}))
            return
        step = max(1, len(text) // pieces)
        parts = [text[i : i + step] for i in range(0, len(text), step)]
        chunk = {**base, "object": "chat.completion.chunk"}
        events = [
            (None, chunk | {"choices": [{"index": 0, "delta": {"content": p}}]}) for p in parts
        ]
        end = {"index": 0, "delta": {}, "finish_reason": finish}
        events.append((None, chunk | {"choices": [end]}))
        if spent and (handler.request.get("stream_options") or {}).get("include_usage"):
            events.append((None, chunk | {"choices": [], "usage": spent}))
        handler.events([*events, (None, "[DONE]")], pause)

    return act


def chat_tools(*calls):
    """Stream tool calls: pairs of name and arguments."""

    def act(handler):
        called = [
            {
                "index": i,
                "id": f"call_{i}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for i, (name, arguments) in enumerate(calls)
        ]
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "test"}
        delta = {"index": 0, "delta": {"role": "assistant", "tool_calls": called}}
        end = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
        spent = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
        handler.events(
            [
                (None, chunk | {"choices": [delta]}),
                (None, chunk | {"choices": [end], "usage": spent}),
                (None, "[DONE]"),
            ]
        )

    return act


def refuse(status, text="no", headers=()):
    """Answer with an error in OpenAI's form."""
    error = {"error": {"message": text, "type": "error", "code": str(status)}}
    return lambda handler: handler.json(error, status, headers)


def rubbish(body=b"<html>hello</html>", kind="text/html"):
    """Answer 200 with something that is no completion."""
    return lambda handler: handler.raw(body, 200, kind=kind)


def silent(handler):
    """Take the request and never answer."""
    handler.model_server.closing.wait(60)


def hang_up(handler):
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.close()


def dribble(handler):
    """Stream something every 50 ms, for ever."""
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "test"}
    delta = {"choices": [{"index": 0, "delta": {"content": "."}}]}
    handler.events(((None, chunk | delta) for _ in range(2000)), pause=0.05)


# -- Anthropic's messages, as Claude Code uses them -----------------------------------------------


def anthropic(steps):
    """Answer a coding CLI: ``steps(request)`` gives a list of blocks, text or tool use."""

    def act(handler):
        if handler.path.split("?")[0].endswith("/count_tokens"):
            handler.json({"input_tokens": 100})
            return
        blocks = steps(handler.request)
        stop = "tool_use" if any(b["type"] == "tool_use" for b in blocks) else "end_turn"
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "test"}
        spent = {"input_tokens": 1000, "output_tokens": 50}
        if not handler.request.get("stream"):
            handler.json(message | {"content": blocks, "stop_reason": stop, "usage": spent})
            return
        start = message | {"content": [], "stop_reason": None, "usage": spent}
        events = [("message_start", {"type": "message_start", "message": start})]
        for i, block in enumerate(blocks):
            if block["type"] == "text":
                empty, delta = {"type": "text", "text": ""}, {"type": "text_delta"}
                delta["text"] = block["text"]
            else:
                empty = block | {"input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            for kind, extra in (
                ("content_block_start", {"content_block": empty}),
                ("content_block_delta", {"delta": delta}),
                ("content_block_stop", {}),
            ):
                events.append((kind, {"type": kind, "index": i, **extra}))
        end = {"stop_reason": stop, "stop_sequence": None}
        events.append(("message_delta", {"type": "message_delta", "delta": end, "usage": spent}))
        events.append(("message_stop", {"type": "message_stop"}))
        handler.events(events)

    return act


# -- OpenAI's responses, as Codex uses them -------------------------------------------------------


def responses(steps):
    """Answer a coding CLI: ``steps(request)`` gives the output items, messages or calls."""

    def act(handler):
        items = steps(handler.request)
        spent = {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050}
        spent["input_tokens_details"] = {"cached_tokens": 0}
        spent["output_tokens_details"] = {"reasoning_tokens": 0}
        whole = {"id": "resp_1", "object": "response", "model": "test", "output": items}
        events = [("response.created", {"response": whole | {"output": [], "status": "x"}})]
        for i, item in enumerate(items):
            events.append(("response.output_item.done", {"output_index": i, "item": item}))
        done = whole | {"status": "completed", "usage": spent}
        events.append(("response.completed", {"response": done}))
        handler.events([(name, {"type": name, **data}) for name, data in events])

    return act


# -- Gemini's generateContent ---------------------------------------------------------------------


def gemini(steps):
    """Answer the Gemini CLI: ``steps(request)`` gives the parts, text or function calls."""

    def act(handler):
        content = {"role": "model", "parts": steps(handler.request)}
        spent = {"promptTokenCount": 1000, "candidatesTokenCount": 50, "totalTokenCount": 1050}
        answer = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]}
        answer["usageMetadata"] = spent
        if "stream" in handler.path:
            handler.events([(None, answer)])
        else:
            handler.json(answer)

    return act
