"""The live page of a run, served to this machine alone: see what it does, and steer it.

The address has a token behind its `#`, which no browser sends: the page takes it out of the address
and sends it as a header of each request. A foreign page can neither read it nor send the header,
and the files that anyone may have tell nothing. The browser draws the picture, and what a reply
needs is read again only when it changed, so that watching takes next to nothing from the run.
"""

import asyncio
import difflib
import json
import secrets
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from harness import RunError
from harness.agents import calls, totals
from harness.evidence import report
from harness.run import Ledger, describe_best, read_progress, read_record, steering
from harness.scoring import plain_values

LOOPBACK = "127.0.0.1"
ROWS = 20  # of the ledger, as a table
SHOWN = ("iteration", "decision", "outcome", "val_auc", "delta", "hypothesis")  # no test figures
FILES = {"": "text/html", "watch.css": "text/css", "watch.js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@lru_cache(2)
def _rows(ledger: Path, changed: int) -> list:
    return Ledger(ledger, writable=False).rows


@lru_cache(4)
def _program(path: Path, iteration: int, commit: str) -> str:
    return read_record(path).source(iteration).decode("utf-8", "replace")


def state(path: Path) -> dict:
    """Say how a run stands, fit for JSON; its texts are strangers': show them as text."""
    ledger, now, diff = path / "results.tsv", read_progress(path), []
    rows = _rows(ledger, ledger.stat().st_mtime_ns)
    kept, source = [row for row in rows if row.kept], now.pop("source")
    best = kept[-1] if kept else None
    if best:
        text = source or _program(path, rows[-1].iteration, rows[-1].commit)
        same = text == _program(path, best.iteration, best.commit)
        base = kept[-2:][0] if same else best  # what it replaced, not itself
        both = _program(path, base.iteration, base.commit).splitlines(), text.splitlines()
        names = f"the best, {base.iteration}", "the candidate under work" if source else "the last"
        diff = list(difflib.unified_diff(*both, *names, lineterm=""))
    paid = [vars(row) for row in rows if row.tokens or row.cost_usd != 0]
    told = now | {
        "now": time.time(),
        "tag": path.name,
        "wish": steering.wish(path),
        "hints": steering.hints(path),
        "best": best and describe_best(best),
        "cost": totals(calls(path / "agent") or paid),
        "steps": [(row.outcome, row.val_auc) for row in rows],
        "rows": [
            {name: getattr(row, name) for name in SHOWN} | {"why": report.why(row)}
            for row in rows[-ROWS:][::-1]
        ],
        "diff": [line[: report.LINE_CHARS] for line in diff[: report.DIFF_LINES]],
    }
    return _clean(plain_values(told))


def _clean(value):
    """Mask secrets and odd characters in every text."""
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list):
        return list(map(_clean, value))
    return report.clean(value) if isinstance(value, str) else value


def steer(path: Path, do: object = "", *more) -> dict:
    """Do what a button asks for, as the command of that name does."""
    if do not in ("hint", "pause", "stop") or (
        do == "hint" and not all(isinstance(text, str) for text in more)
    ):
        raise RunError("this is nothing that a run can be asked for")
    return {"said": getattr(steering, do)(path, *more)}


def application(path: Path, token: str):
    """Make the web application of one run."""
    from tornado import web

    class Page(web.RequestHandler):
        def set_default_headers(self):
            self.set_header("Content-Security-Policy", POLICY)
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Cache-Control", "no-store")

        def get(self, name):
            self.set_header("Content-Type", f"{FILES[name]}; charset=utf-8")
            self.finish(Path(__file__).with_name(name or "watch.html").read_bytes())

    class State(Page):
        def get(self):
            given = self.request.headers.get("X-Ratchet-Token", "")
            if not secrets.compare_digest(given.encode(), token.encode()):
                raise web.HTTPError(403)
            try:
                asked = self.request.body
                self.finish(steer(path, *json.loads(asked)) if asked else state(path))
            except (RunError, OSError, ValueError, TypeError) as err:
                self.set_status(400)
                self.finish({"said": report.clean(err)})

        post = get

    pages = [("/state", State), *((f"/({name})", Page) for name in FILES)]
    return web.Application(pages, log_function=lambda handler: None)


async def serve(path: Path, port: int, say: Callable[[str], None]) -> None:
    """Serve a run's page until cancelled; `say` is told its address."""
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    token = secrets.token_urlsafe(24)
    try:
        sockets = bind_sockets(port, LOOPBACK)
    except (OSError, OverflowError):
        raise RunError(f"port {port} cannot be used: choose another --port") from None
    server = HTTPServer(application(path, token), max_body_size=64 * 1024)
    server.add_sockets(sockets)
    address = f"http://{LOOPBACK}:{sockets[0].getsockname()[1]}/#{token}"
    say(f"watch at {address} (whoever has the address may steer; Ctrl-C ends the page)")
    await asyncio.Event().wait()
