"""The live page: who may look and steer, what is said, in a real browser too."""

import asyncio
import contextlib
import json
import re
import shutil
import threading
import time
import urllib.error
import urllib.request

import pytest
from fakes import PROGRAM, SECRET, START, FakeScorer, Scripted, frozen, program  # noqa: F401
from labserver import open_page, snap

from harness import RunError
from harness.agents import Proposal
from harness.evidence import watch
from harness.run import Run, loop, steering

pytestmark = pytest.mark.usefixtures("frozen")
XSS = "<img src=x onerror=\\'document.title=1\\'>"
KEY = "sk-ant-api03-" + "A" * 40


@contextlib.contextmanager
def served(path):
    """Serve a run from a thread; give its address and the token."""
    told, ready, ended = [], threading.Event(), {}

    def tell(address):
        told.append(address)
        ended["loop"], ended["task"] = asyncio.get_running_loop(), asyncio.current_task()
        ready.set()

    def work():
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(watch.serve(path, 0, tell))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(60)
        yield re.search(r"(http:\S+)/#(\S+)", told[0]).groups()
    finally:
        ended["loop"].call_soon_threadsafe(ended["task"].cancel)
        thread.join(60)


@pytest.fixture
def run(tmp_path):
    """An open run of four rows, one whose hypothesis is markup."""
    with Run.open(
        "demo", root=tmp_path, start=(START, PROGRAM), scorer=FakeScorer(), rule="strict"
    ) as made:
        steps = [program(0.82, "an idea"), program(0.7, XSS), program("crashed (it broke)", "c")]
        loop.run(made, Scripted(steps), iterations=3, time_budget=3600)
        yield made


def get(address, token=None, body=None, **headers):
    """Ask; give status, text and headers."""
    headers |= {} if token is None else {"X-Ratchet-Token": token}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode("utf-8", "replace"), reply.headers
    except urllib.error.HTTPError as err:
        return err.code, err.read().decode("utf-8", "replace"), err.headers


def test_only_the_token_opens_and_steers(run):
    with served(run.path) as (base, token):
        hint = ["hint", "try trees"]
        for wrong in (None, "", "x", token[:-1], token + "x", "é"):
            assert get(f"{base}/state", wrong and wrong.encode().decode("latin-1"))[0] == 403
            assert get(f"{base}/state", wrong and "x" + wrong[1:].strip("é"), hint)[0] == 403
        assert get(f"{base}/state?token={token}")[0] == 403  # in no address that is sent
        assert get(f"{base}/state", Cookie=f"token={token}")[0] == 403
        assert steering.hints(run.path) == ()
        assert get(f"{base}/state", token)[0] == 200
        assert get(f"{base}/state", token, hint)[0] == 200
        assert steering.hints(run.path) == ("try trees",)
        for body in (["rm"], [], {}, 1, ["hint", ""], ["hint", 1], ["hint"], [[]], ["stop", 1]):
            status, text, _ = get(f"{base}/state", token, body)
            assert status == 400
            assert json.loads(text)["said"]
        assert get(f"{base}/state", token, ["pause"])[0] == 200
        assert steering.wish(run.path) == "pause"
        assert get(f"{base}/state", token, ["pause", True])[0] == 200
        assert get(f"{base}/state", token, ["stop"])[0] == 200
        assert steering.wish(run.path) == "stop"
        for name in ("watch.py", "..%2frun.json", "report.html", "results.tsv", "watch.js/"):
            assert get(f"{base}/{name}")[0] == 404


def test_what_anyone_may_have_is_the_same_for_every_run_and_loads_nothing_else(run):
    with served(run.path) as (base, token):
        for name in ("", "watch.css", "watch.js"):
            status, text, headers = get(f"{base}/{name}")
            assert status == 200
            assert token not in text
            assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["Cache-Control"] == "no-store"


def test_what_is_said_of_a_run(run):
    told = watch.state(run.path)
    assert (told["stage"], told["reason"]) == ("ended", "3 iterations are done")
    assert told["steps"] == [
        ["baseline", 0.8],
        ["kept", 0.82],
        ["discarded", 0.7],
        ["crashed", None],
    ]
    assert [row["iteration"] for row in told["rows"]] == [3, 2, 1, 0]
    assert told["rows"][0]["why"] == "crashed (it broke)"
    assert told["cost"] == "no calls"
    assert str(SECRET) not in json.dumps(told)
    assert "test_auc" not in json.dumps(told)
    assert [line for line in told["diff"] if line.startswith("--- the best, 1")]
    run.step(Proposal(program(0.83, "better")))
    assert "+HYPOTHESIS = 'better'" in watch.state(run.path)["diff"]  # against what it replaced
    steering.tell(run, "probes", program(0.84, f"a new idea {KEY}"))
    told = watch.state(run.path)
    assert (told["stage"], told["iteration"]) == ("probes", 5)
    assert any(line.startswith("+") and "a new idea" in line for line in told["diff"])
    assert KEY not in json.dumps(told)  # a secret that a candidate holds is masked


def test_what_is_damaged_is_said_in_a_line(run):
    with served(run.path) as (base, token):
        (run.path / "results.tsv").write_text("nonsense\n")
        status, text, _ = get(f"{base}/state", token)
        assert status == 400
        assert "ledger" in json.loads(text)["said"]
        run.path.joinpath("results.tsv").unlink()
        assert get(f"{base}/state", token)[0] == 400


def test_a_port_that_is_taken_is_refused_in_a_line(run):
    with served(run.path) as (base, _):
        port = int(base.rpartition(":")[2])
        with pytest.raises(RunError, match="choose another --port"):
            asyncio.run(watch.serve(run.path, port, print))


def test_asking_again_reads_nothing_again(run, monkeypatch):
    watch.state(run.path)
    monkeypatch.setattr(watch, "Ledger", None)
    monkeypatch.setattr(watch, "read_record", None)
    assert watch.state(run.path)["stage"] == "ended"


@pytest.mark.heavy
@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_page_in_a_browser(run, width, scheme):
    chromium = shutil.which("chromium")
    pytest.importorskip("playwright")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    if not chromium:
        pytest.skip("no chromium here")
    steering.tell(run, "fresh folds", program(0.83, "a new idea"))
    with (
        served(run.path) as (base, token),
        open_page(chromium, width=width, height=1000) as page,
    ):
        page.emulate_media(color_scheme=scheme)
        faults, asked = [], []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base}/#{token}")
        page.wait_for_selector("#rows tr:nth-child(4)")
        assert token not in page.url
        assert all(url.startswith((base, "data:")) for url in asked)
        assert "onerror" in page.inner_text("#rows")
        assert page.locator("#rows img").count() == 0
        assert "A gain: scoring on fresh folds" in page.inner_text("#stage")
        assert "Candidate 4: a new idea" in page.inner_text("#hypothesis")
        assert "3 of 3 candidates" in page.inner_text("#counts")
        assert "left" in page.inner_text("#counts")
        assert page.locator("#picture circle.kept").count() == 2
        assert page.locator("#picture path.failed").count() == 1
        assert "1 kept, from 0.8000 to 0.8200" in page.text_content("#words")
        assert "a new idea" in page.inner_text("#diff ins")
        page.fill("#text", "try trees")
        page.keyboard.press("Enter")
        page.wait_for_selector("#hints:has-text('trees')")
        assert page.input_value("#text") == ""
        page.focus("#pause")
        page.keyboard.press("Enter")
        page.wait_for_selector("#pause:has-text('Go on')")
        assert steering.wish(run.path) == "pause"
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.click("#stop")
        assert steering.wish(run.path) == "pause"
        page.once("dialog", lambda dialog: dialog.accept())
        page.click("#stop")
        page.wait_for_selector("#said:has-text('ends before')")
        assert steering.wish(run.path) == "stop"
        steering.clear(run.path)
        run.step(Scripted([program(0.84, "live")]).propose(None))  # seen without a reload
        page.wait_for_selector("#picture circle.kept:nth-of-type(3), #rows tr:nth-child(5)")
        assert "live" in page.inner_text("#rows tr:first-child")
        assert page.locator("#picture path.discarded").count() == 1  # far below, by another mark
        page.reload()  # the tab keeps the token
        page.wait_for_selector("#rows tr:nth-child(5)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"watch-{width}")
        # axe itself needs what the page's policy forbids: it runs by the debugger, past it
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
        assert faults == []
        page.evaluate("sessionStorage.clear()")
        page.reload()
        page.wait_for_selector("#stage:has-text('open the address')")


def test_a_run_that_is_watched_is_not_slowed(run):
    """What the loop writes for a watcher takes less than a hundredth of any real step."""
    source = program(0.83, "an idea", "x = 1\n" * 500)
    took = []
    for _ in range(50):
        begun = time.process_time()
        steering.tell(run, "scoring", source)
        took.append(time.process_time() - begun)
    assert sorted(took)[25] < 0.005  # three times in a step; a step takes more than half a second
