"""`ratchet watch`: who may look and steer, what the page says, in a real browser too."""

import asyncio
import contextlib
import json
import shutil
import threading
import urllib.error
import urllib.request

import pytest
from fakes import PROGRAM, SECRET, START, FakeScorer, Scripted, frozen, program  # noqa: F401
from labserver import open_page, snap

from harness.commands import watch
from harness.run import Run, loop, steering

pytestmark = pytest.mark.usefixtures("frozen")
XSS = "<img src=x onerror=\\'document.title=1\\'>"


@contextlib.contextmanager
def served(runs, only=None):
    """Serve a folder of runs from a thread; give the address with its token."""
    told, ready, ended = [], threading.Event(), {}

    def say(address):
        told.append(address)
        ended["loop"], ended["task"] = asyncio.get_running_loop(), asyncio.current_task()
        ready.set()

    def work():
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(watch.serve(runs, only, 0, (), say))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(60)
        yield told[0]
    finally:
        ended["loop"].call_soon_threadsafe(ended["task"].cancel)
        thread.join(60)


@pytest.fixture
def run(tmp_path):
    """An open run of three rows, the last with a hypothesis that is markup."""
    with Run.open("demo", root=tmp_path, start=(START, PROGRAM), scorer=FakeScorer()) as made:
        steps = [program(0.82, "an idea"), program(0.7, XSS)]
        loop.run(made, Scripted(steps), iterations=2, time_budget=3600)
        yield made


def get(address, **headers):
    """Ask; give status and text."""
    body = headers.pop("body", None)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, data, headers), timeout=30
        ) as reply:
            return reply.status, reply.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as err:
        return err.code, err.read().decode("utf-8", "replace")


def test_only_the_token_opens_and_steers(run):
    with served(run.path.parent) as address:
        base, _, token = address.partition("/?token=")
        cookie = {"Cookie": f"ratchet-watch={token}"}
        assert get(base)[0] == get(f"{base}/?token=x")[0] == get(f"{base}/state")[0] == 403
        assert get(f"{base}/state?token={token}")[0] == 403  # the address opens the page alone
        assert get(f"{base}/state", **cookie)[0] == 200
        assert get(f"{base}/state", Host="evil.example", **cookie)[0] == 403
        asked = {"action": "hint", "text": "try trees"}
        assert get(f"{base}/state", body=asked, **cookie)[0] == 403  # no header: another page
        assert steering.waiting(run.path) == []
        cookie["X_Ratchet_Token"] = token
        assert get(f"{base}/state?run=demo", body=asked, **cookie)[0] == 200
        assert steering.waiting(run.path) == ["try trees"]
        for body in ({"action": "rm"}, [], {"action": "hint", "text": ""}):
            assert get(f"{base}/state?run=demo", body=body, **cookie)[0] == 400
        assert get(f"{base}/state?run=../demo", **cookie)[0] == 404


def test_what_is_said_of_a_run_before_during_and_after(tmp_path, run):
    assert watch.state(tmp_path / "later")["stage"] == "not begun"
    told = watch.state(run.path)
    assert told["stage"] == "ended"
    assert told["n"] == 2
    assert str(SECRET) not in json.dumps(told)
    assert "test_auc" not in json.dumps(told)
    (run.path / "ended.json").unlink()
    run.tell("probes", 3, program(0.83, "a new idea"))
    told = watch.state(run.path)
    assert (told["stage"], told["hypothesis"]) == ("probes", "a new idea")
    assert any(line.startswith("+") and "a new idea" in line for line in told["diff"])
    (run.path / ".lock").write_text("999999999\n")  # as a killed owner leaves it
    assert watch.state(run.path)["stage"] == "not running"


@pytest.mark.heavy
@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_page_in_a_browser(run, width, scheme):
    chromium = shutil.which("chromium")
    pytest.importorskip("playwright")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    if not chromium:
        pytest.skip("no chromium here")
    with (
        served(run.path.parent) as address,
        open_page(chromium, width=width, height=1000) as page,
    ):
        page.emulate_media(color_scheme=scheme)
        faults = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.goto(address)
        page.wait_for_selector("#rows tr:nth-child(3)")
        assert "token" not in page.url
        assert "onerror" in page.inner_text("#rows")
        assert page.locator("#rows img").count() == 0
        page.wait_for_selector("#staircase:not([hidden])")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.getElementById('staircase').naturalWidth") > 0
        page.fill("#text", "try trees")
        page.keyboard.press("Enter")
        page.wait_for_selector("#waiting:has-text('trees')")
        page.focus("#pause")
        page.keyboard.press("Enter")
        page.wait_for_selector("#pause:has-text('Go on')")
        assert steering.paused(run.path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"watch-{width}")
        # axe itself needs what the page's policy forbids: it runs by the debugger, past it
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
        assert faults == []
