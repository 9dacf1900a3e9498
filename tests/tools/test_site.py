"""The website: every page whole, linked, searchable, and without serious accessibility faults."""

import functools
import importlib.util
import json
import sys
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urldefrag, urlsplit

import pytest


@pytest.fixture(scope="module")
def builder(repo):
    """Load tools/build_site.py."""
    spec = importlib.util.spec_from_file_location("build_site", repo / "tools" / "build_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the cache ------------------------------------------------------------------------------


@pytest.fixture
def small(builder, tmp_path, monkeypatch):
    """A course of one lesson; `ran` lists what was run."""
    monkeypatch.setattr(builder, "ROOT", tmp_path)
    monkeypatch.setattr(builder, "WORK", tmp_path / "build" / "site")
    (tmp_path / "harness").mkdir()
    for name in ("harness/a.py", "train.py", "requirements.txt", "01_a.ipynb"):
        (tmp_path / name).write_text(name)
    ran = []

    def execute(notebook, course, out):
        assert (course / "harness" / "a.py").read_text() == (tmp_path / "harness/a.py").read_text()
        assert course != tmp_path  # runs of lessons must not land among the learner's own
        ran.append(notebook.name)
        out.write_text("{}")

    monkeypatch.setattr(builder, "execute", execute)
    builder.ran = ran
    return builder


@pytest.mark.parametrize("changed", ["01_a.ipynb", "harness/a.py", "train.py", "requirements.txt"])
def test_a_lesson_runs_again_only_when_something_changed(small, tmp_path, changed):
    lesson = tmp_path / "01_a.ipynb"
    first = small.run_lessons([lesson])
    assert small.run_lessons([lesson]) == first
    assert small.ran == ["01_a.ipynb"]
    (tmp_path / changed).write_text("other")
    second = small.run_lessons([lesson])
    assert small.ran == ["01_a.ipynb"] * 2
    assert list((tmp_path / "build/site/executed").iterdir()) == list(second.values())


def test_lessons_that_were_not_run_are_refused(builder, tmp_path, capsys):
    words = ["--executed", str(tmp_path), "--out", str(tmp_path / "out")]
    assert builder.main(words) == 1
    assert "is missing: --executed needs every lesson" in capsys.readouterr().err
    for path in (builder.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert builder.main(words) == 1
    assert "has no outputs" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# -- the pages ------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page names: links, ids, pictures, what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.pictures = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs.get("id"), attrs.get("name")}
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        if tag == "img":
            self.pictures.append(attrs.get("alt"))
        if tag in ("img", "script", "iframe") and attrs.get("src"):
            self.loads.append(attrs["src"])
        if tag == "link" and attrs.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(attrs["href"])


@pytest.fixture(scope="module")
def site(builder, tmp_path_factory):
    """The site, built from the lessons of today; runs those that changed."""
    pytest.importorskip("myst_nb", reason="`make site` installs what builds it")
    out = tmp_path_factory.mktemp("website") / "site"
    assert builder.main(["--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {path.name: Page(path) for path in sorted(site.glob("*.html"))}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_lesson_is_a_page_with_its_figures(builder, pages):
    lessons = [path.stem for path in (builder.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")]
    assert lessons
    for name in lessons:
        found = pages[f"{name}.html"].pictures
        assert any(alt and len(alt) >= 20 for alt in found), f"{name} has no figure"
    for name, page in pages.items():
        assert all(alt is not None for alt in page.pictures), name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_links_lead_somewhere_and_nothing_comes_from_elsewhere(site, pages):
    broken = []
    for name, page in pages.items():
        for load in page.loads:
            assert not urlsplit(load).netloc, f"{name} loads {load}"
            there = load.startswith("data:") or (site / unquote(urlsplit(load).path)).is_file()
            broken += [] if there else [(name, load)]
        for link in page.links:
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            path, anchor = urldefrag(link)
            target = unquote(urlsplit(path).path) or name
            if not (site / target).is_file():
                broken.append((name, link))
            elif anchor and target in pages and unquote(anchor) not in pages[target].ids:
                broken.append((name, link))
    assert not broken


@pytest.fixture(scope="module")
def address(site):
    """Serve the site, as search needs a server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(chromium):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_no_serious_accessibility_fault(browser, address, pages, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    faults = []
    for name in pages:
        page.goto(f"{address}/{name}")
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        faults += [
            f"{name}: {fault['id']}: {fault['nodes'][0]['html'][:200]}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} wide on a screen of {width}"
    page.close()
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(1800)
def test_search_and_keyboard(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/search.html?q=staircase")
    page.wait_for_selector("#search-results li a", timeout=30_000)
    assert "04_agent_loop" in json.dumps(
        page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
    )
    page.goto(f"{address}/01_dataset.html")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent.trim()")
    assert first == "Skip to content"
    page.close()


# -- slides ---------------------------------------------------------------------------------


def test_slides_show_what_is_taught_and_leave_exercises_in_the_notebook(repo, tmp_path, builder):
    pytest.importorskip("nbconvert")
    sys.path.insert(0, str(repo / "tools"))
    import build_slides
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    shown = [new_output("stream", text="forty-two")]
    folder = tmp_path / "run"
    folder.mkdir()
    for path in sorted((repo / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        cells = [
            new_markdown_cell("# Title\n\nA promise.", id="title"),
            new_code_cell("import sys", id="setup"),
            new_markdown_cell("## One idea", id="idea-words"),
            new_code_cell("print(42)", id="idea", outputs=shown, execution_count=1),
            new_markdown_cell("It is forty-two.", id="idea-after"),
            new_code_cell("answer = ...", id="exercise-1"),
            new_code_cell("lesson.quiz()", id="quiz-1"),
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        book = new_notebook(
            cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
        )
        nbformat.write(book, folder / path.name)
    out = tmp_path / "slides"
    assert build_slides.main(["--executed", str(folder), "--out", str(out)]) == 0
    pages = sorted(out.glob("*.slides.html"))
    assert len(pages) == 9
    html = pages[0].read_text(encoding="utf-8")
    body = html[html.index("<body") :]
    assert "A promise." in body
    assert "forty-two" in body
    assert body.count("<section") == 5  # two headings, each in a column, and the output below one
    for left_out in ("answer = ...", "lesson.quiz", "import sys"):
        assert left_out not in body
    words = ["--executed", str(folder), "--out", str(out), "--offline", str(tmp_path)]
    assert build_slides.main(words) == 1  # nothing was installed there
