"""`ratchet watch`: one live page of a run, on this machine alone.

Whoever has the token may look and steer. The address carries it once; then a cookie does, and the
page's own requests a header. A foreign page can send neither the header nor, by a name that it
has bound to 127.0.0.1, a Host that is answered.
"""

import asyncio
import functools
import json
import secrets
import time
from pathlib import Path

from harness import RunError
from harness.commands.options import OK, RUNS, count, option, tag

HELP = "show a run live in a browser: staircase, ledger, diff, hint, pause, stop"
EPILOG = (
    "Through a tunnel (ssh -L 8123:127.0.0.1:PORT), open the address with the port of your side."
)
OPTIONS = {
    "--tag": option("name of the run; all runs, the newest first, unless given", "T", type=tag),
    **RUNS,
    "--port": option("default: any free one", "P", type=count, default=0),
    "--host": option("another name that is answered to, for a tunnel that has one", "NAME"),
}
ROWS = 12  # of the ledger, that the page shows
LOOPBACK = "127.0.0.1"


def tags(runs: Path) -> list[str]:
    """Return the runs of a folder, the newest first."""
    found = [path.parent for path in runs.glob("*/run.json")]
    return [path.name for path in sorted(found, key=_changed, reverse=True)]


def _changed(path: Path) -> float:
    times = [f.stat().st_mtime for f in (path / "run.json", path / "results.tsv") if f.exists()]
    return max(times, default=0.0)


def state(path: Path) -> dict:
    """Say how a run stands: figures of its validation alone, texts without secrets.

    Returns
    -------
    dict
        Fit for JSON; every text in it is untrusted and must be shown as text.
    """
    from harness.agents import calls, totals
    from harness.commands.options import row_to_dict
    from harness.evidence import report
    from harness.run import describe_best, steering

    if not (path / "run.json").exists():
        return {"tag": path.name, "stage": "not begun", "rows": []}
    run = report.read(path)
    rows, best = run.record.rows, run.best
    now = _now(path) if run.alive is not None else {}
    stage = now.get("stage") or (
        "working" if run.alive else "ended" if run.ended else "not running"
    )
    limits = now.get("limits") or {}
    ends_at = limits.get("ends_at")
    shown = [row_to_dict(row) | {"outcome": row.outcome, "why": report.why(row)} for row in rows]
    told = {
        "tag": run.record.settings["tag"],
        "stage": "ended" if run.ended else stage,
        "ended": run.ended and run.ended["reason"],
        "hypothesis": now.get("hypothesis"),
        "seconds": now and max(0.0, time.time() - now["since"]),
        "n": max(len(rows) - 1, 0),
        "iterations": limits.get("iterations"),
        "left_s": None if ends_at is None else max(0.0, ends_at - time.time()),
        "best": best and describe_best(best),
        "verdict": run.audit.get("verdict"),
        "cost": _cost(rows, totals(calls(path / "agent"))),
        "paused": steering.paused(path),
        "waiting": steering.waiting(path),
        "rows": [{k: r[k] for k in _SHOWN} | {"hypothesis": x.hypothesis}
                 for r, x in zip(shown[-ROWS:], rows[-ROWS:], strict=True)][::-1],
        "diff": _diff(run, now),
        "staircase": len(rows),
    }  # fmt: skip
    return _masked(told)


_SHOWN = ("iteration", "decision", "outcome", "val_auc", "delta", "wall_time_s", "why")


def _now(path: Path) -> dict:
    try:
        now = json.loads((path / "now.json").read_text("utf-8"))
        return now if isinstance(now["since"], float) else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _cost(rows, spent) -> str:
    if spent.calls:
        return str(spent)
    dollars, tokens = (sum(getattr(r, k) or 0 for r in rows) for k in ("cost_usd", "tokens"))
    unknown = sum(row.cost_usd is None for row in rows)
    return f"{dollars:.4f} USD, {tokens:,} tokens" + f", unknown for {unknown}" * bool(unknown)


def _diff(run, now: dict) -> list[str]:
    """Compare the candidate under work, or else the last one, with the best."""
    from harness.evidence import report
    from harness.teaching import lesson

    if run.best is None:
        return []
    try:
        best = run.record.source(run.best.iteration).decode("utf-8", "replace")
        source = now.get("source") or run.record.source(len(run.record.rows) - 1)
    except RunError:
        return []
    source = source if isinstance(source, str) else source.decode("utf-8", "replace")
    lines = lesson.diff(best, source).splitlines()
    return [line[: report.LINE_CHARS] for line in lines[: report.DIFF_LINES]]


def _masked(value):
    from harness.evidence import report

    if isinstance(value, dict):
        return {key: _masked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return report.clean(value) if isinstance(value, str) else value


@functools.lru_cache(4)
def staircase(path: Path, n: int) -> tuple[bytes, str]:
    """Draw the staircase of a run's first `n` rows as lesson 04 does; give it and its words."""
    from harness import plots
    from harness.evidence import report

    run = report.read(path)
    drawn = run.record.rows[:n], run.noise_sd
    alt = plots.staircase_alt(*drawn)
    return plots.png(plots.staircase(*drawn), alt), alt


def steer(path: Path, asked: dict) -> str:
    """Do what a button of the page asks for; return what to tell."""
    from harness.run import find_run, steering

    find_run(path)
    deeds = {
        "hint": lambda: steering.hint(path, str(asked.get("text", ""))),
        "pause": lambda: steering.pause(path),
        "resume": lambda: steering.pause(path, off=True),
        "stop": lambda: steering.stop(path),
    }
    if asked.get("action") not in deeds:
        raise RunError("unknown action")
    return deeds[asked["action"]]()


def application(runs: Path, only: str | None, token: str, hosts: tuple[str, ...] = ()):
    """Make the web application; `only` is the one run it shows, if it shows one."""
    from markupsafe import Markup
    from tornado import web

    from harness.evidence import report
    from harness.run import check_tag

    names, nonce, cookie = {LOOPBACK, "localhost", "[::1]", *hosts}, token[::-1], "ratchet-watch"
    page = Path(__file__).with_name("watch.html").read_text("utf-8")

    def same(given: str | None) -> bool:
        return secrets.compare_digest((given or "").encode(), token.encode())

    class Page(web.RequestHandler):
        def set_default_headers(self):
            policy = f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            policy += (
                "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
            )
            self.set_header("Content-Security-Policy", f"{policy}; frame-ancestors 'none'")
            for name, value in (
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
                ("Server", "ratchet"),
            ):
                self.set_header(name, value)

        def prepare(self):
            host = self.request.host.lower()
            host = host if host.endswith("]") else host.rpartition(":")[0] or host
            with_key = same(self.get_query_argument("token", "")) and self.request.path == "/"
            ours = with_key or same(self.get_cookie(cookie))
            if self.request.method == "POST":
                ours = ours and same(self.request.headers.get("X-Ratchet-Token"))
            if host not in names or not ours:
                raise web.HTTPError(403)
            if with_key:  # out of the address, which a projector shows
                self.set_cookie(cookie, token, httponly=True, samesite="Lax")
                self.redirect("/")

        def write_error(self, status_code, **how):
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{status_code}: open the address that `ratchet watch` printed\n")

        def path(self) -> Path:
            found = only or self.get_query_argument("run", "") or next(iter(tags(runs)), "none-yet")
            try:
                return runs / check_tag(found)
            except RunError:
                raise web.HTTPError(404) from None

        def get(self):
            text = report.PAGES.from_string(page).render(nonce=Markup(nonce), token=Markup(token))
            self.finish(text)

    class State(Page):
        def get(self):
            try:
                told = state(self.path())
            except RunError as err:  # half written, or damaged
                told = {"tag": self.path().name, "stage": f"cannot be read: {err}", "rows": []}
            self.finish(told | {"runs": [only] if only else tags(runs)})

        def post(self):
            try:
                asked = json.loads(self.request.body)
                self.finish({"said": steer(self.path(), asked if isinstance(asked, dict) else {})})
            except (RunError, ValueError) as err:
                self.set_status(400)
                self.finish({"said": str(err)})

    class Staircase(Page):
        def get(self):
            try:
                image, alt = staircase(self.path(), int(self.get_query_argument("n", "0")))
            except (RunError, ValueError):
                raise web.HTTPError(404) from None
            self.set_header("Content-Type", "image/png")
            self.finish(image)

    pages = [("/", Page), ("/state", State), ("/staircase.png", Staircase)]
    return web.Application(pages, log_function=lambda handler: None)


async def serve(runs: Path, only: str | None, port: int, hosts: tuple[str, ...], say) -> None:
    """Serve until cancelled; `say` is told the address."""
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    token = secrets.token_urlsafe(24)
    try:
        sockets = bind_sockets(port, LOOPBACK)
    except (OSError, OverflowError):
        raise RunError(f"port {port} cannot be used: choose another --port") from None
    server = HTTPServer(application(runs, only, token, hosts), max_body_size=64 * 1024)
    server.add_sockets(sockets)
    say(f"http://{LOOPBACK}:{sockets[0].getsockname()[1]}/?token={token}")
    await asyncio.Event().wait()


def main(args) -> int:
    def say(address: str) -> None:
        print(
            f"watching: {address}\nwhoever has this address may steer; end with Ctrl-C", flush=True
        )

    asyncio.run(serve(args.runs, args.tag, args.port, (args.host,) if args.host else (), say))
    return OK
