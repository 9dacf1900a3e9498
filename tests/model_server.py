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
