"""The live page of a run, served to this machine alone: see what it does, and steer it.

The address has a token behind its `#`, which no browser sends: the page takes it out of the address
and sends it as a header of each request. A foreign page can neither read it nor send the header,
and the files that anyone may have tell nothing. The browser draws the picture, and what a reply
needs is read again only when it changed, so that watching takes next to nothing from the run.
"""

import asyncio
import functools
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from harness import RunError
from harness.agents import calls, totals
from harness.evidence import report
from harness.run import Ledger, describe_best, read_progress, read_record, steering
from harness.scoring import plain_values

LOOPBACK = "127.0.0.1"
ROWS = 20  # of the ledger, as a table
SHOWN = ("iteration", "decision", "outcome", "val_auc", "delta", "hypothesis")  # no test figures
TYPES = {"watch.html": "text/html", "watch.css": "text/css", "watch.js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "ratchet",
}


@functools.lru_cache(2)
def _rows(ledger: Path, changed: tuple[int, int]) -> list:
    return Ledger(ledger, writable=False).rows


@functools.lru_cache(4)
def _program(path: Path, commit: str) -> bytes:
    record = read_record(path)
    return record.source(next(row.iteration for row in record.rows if row.commit == commit))


def state(path: Path) -> dict:
    """Say how a run stands, fit for JSON; its texts are strangers' ones: show them as text.

    Raises
    ------
    RunError
        If its ledger is damaged, or git has lost a program.
    """
    ledger, now = path / "results.tsv", read_progress(path)
    found = ledger.stat()
    rows = _rows(ledger, (found.st_mtime_ns, found.st_size))
    best = next((row for row in reversed(rows) if row.kept), None)
    source, diff = now.pop("source").encode(), []
    if best:
        names = (
            "the best",
            "under work" if source else f"iteration {rows[-1].iteration}, the last",
        )
        source = source or _program(path, rows[-1].commit)
        diff = report.diff_lines(_program(path, best.commit), source, *names)
    paid = [vars(row) for row in rows if row.tokens or row.cost_usd != 0]
    told = {
        **now,
        "now": time.time(),
        "tag": path.name,
        "wish": steering.wish(path),
        "hints": steering.waiting(path),
        "best": best and describe_best(best),
        "cost": str(totals(calls(path / "agent") or paid)),
        "steps": [(row.outcome, row.val_auc) for row in rows],
        "rows": [
            {name: getattr(row, name) for name in SHOWN} | {"why": report.why(row)}
            for row in rows[-ROWS:][::-1]
        ],
        "diff": diff,
    }
    return _clean(plain_values(told))


def _clean(value):
    """Mask secrets and odd characters in every text."""
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list):
        return list(map(_clean, value))
    return report.clean(value) if isinstance(value, str) else value


def steer(path: Path, asked: object) -> str:
    """Do what a button asks for; return what to tell."""
    match asked:
        case {"do": "hint", "text": str(text)}:
            return steering.hint(path, text)
        case {"do": "pause", "off": bool(off)}:
            return steering.pause(path, off)
        case {"do": "stop"}:
            return steering.stop(path)
    raise RunError("this is nothing that a run can be asked for")


def application(path: Path, token: str):
    """Make the web application of one run."""
    from tornado import web

    class Page(web.RequestHandler):
        def set_default_headers(self):
            for name, value in HEADERS.items():
                self.set_header(name, value)

        def get(self, name):
            self.set_header("Content-Type", f"{TYPES[name or 'watch.html']}; charset=utf-8")
            self.finish(Path(__file__).with_name(name or "watch.html").read_bytes())

    class State(Page):
        def prepare(self):
            given = self.request.headers.get("X-Ratchet-Token", "")
            if not secrets.compare_digest(given.encode(), token.encode()):
                raise web.HTTPError(403)

        def answer(self, ask: Callable[[], dict]):
            try:
                self.finish(ask())
            except (RunError, OSError, ValueError) as err:
                self.set_status(400)
                self.finish({"said": report.clean(err)})

        def get(self):
            self.answer(lambda: state(path))

        def post(self):
            self.answer(lambda: {"said": steer(path, json.loads(self.request.body))})

    files = "|".join(TYPES).replace(".", r"\.")
    return web.Application([("/state", State), (f"/({files}|)", Page)], log_function=str)


async def serve(path: Path, port: int, tell: Callable[[str], None]) -> None:
    """Serve a run's page until cancelled; `tell` is given its address."""
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    token = secrets.token_urlsafe(24)
    try:
        sockets = bind_sockets(port, LOOPBACK)
    except (OSError, OverflowError):
        raise RunError(f"port {port} cannot be used: choose another --port") from None
    server = HTTPServer(application(path, token), max_body_size=64 * 1024)
    server.add_sockets(sockets)
    tell(f"http://{LOOPBACK}:{sockets[0].getsockname()[1]}/#{token}")
    await asyncio.Event().wait()
