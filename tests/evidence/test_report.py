"""The report: what happened and nothing else, for runs that ended, were killed, or are hostile."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from fakes import PROGRAM, SECRET, START, FakeScorer, Scripted, frozen, program  # noqa: F401

from harness import RunError
from harness.cli import main
from harness.evidence import audit_report, report
from harness.evidence.certificate import Certificate
from harness.evidence.findings import Audit, Calibration, Elsewhere
from harness.rules.stats import Interval
from harness.run import loop
from harness.run.ratchet import Run

pytestmark = pytest.mark.usefixtures("frozen")

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & 'a' \u202e back"
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Reader(HTMLParser):
    """Reads a page as a browser would and checks that its elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.headings = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def open_run(tmp_path, **options):
    options = {"task": "heart", "agent": "scripted", "scorer": FakeScorer()} | options
    return Run.open("t", root=tmp_path, rule="strict", start=(START, PROGRAM), **options)


def run_of(tmp_path, steps, **limits):
    with open_run(tmp_path) as run:
        loop.run(run, Scripted(steps), **({"iterations": len(steps)} | limits))
    return tmp_path / "t"


def page_of(path, **options):
    out = report.write(path, measure=False, **options)
    return Reader(out.read_text("utf-8"))


STEPS = [
    program(0.82, "a better idea"),
    program(0.81, "a worse idea"),
    program("crashed (ValueError: no)", "a broken idea"),
    program(0.83, HOSTILE, "# <b>bold</b>\n"),
]


@pytest.fixture
def finished(tmp_path):
    return run_of(tmp_path, STEPS)


def test_it_tells_what_happened(finished):
    page = page_of(finished)
    assert "0.8000 → 0.8300, a gain of +0.0300" in page.text
    assert "4 candidates: 1 crashed, 1 discarded, 2 kept" in page.text
    assert "It ended by itself: 4 iterations are done." in page.text
    assert "because strict: gain 0.0200 > 0" in page.text  # why it was kept
    assert "crashed (ValueError: no)" in page.text
    assert "+VALUE = 0.83" in page.text  # the winning diff, against the start
    assert "-VALUE = 0.8" in page.text
    assert "ratchet audit --tag t" in page.text
    assert "results.tsv" in page.text
    seen = json.loads((finished / "run.json").read_text())["fingerprint"]["sha256"]
    assert seen in page.text


def test_markup_of_a_candidate_is_shown_and_not_obeyed(finished):
    raw = (finished / "report.html").read_text() if page_of(finished) else ""
    page = Reader(raw)
    assert not page.all("script")
    assert not page.all("b")
    assert all("onerror" not in attrs for _, attrs in page.tags)
    assert "<script>alert(1)</script>" in page.text
    assert "# <b>bold</b>" in page.text
    assert "\u202e" not in raw


def test_secrets_are_masked(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "hunter2hunter2")
    page = page_of(run_of(tmp_path, [program(0.82, "said hunter2hunter2")]))
    assert "hunter2" not in page.text
    assert "said [SOME_API_KEY]" in page.text


def test_test_figures_stay_sealed(finished):
    page_of(finished)
    raw = (finished / "report.html").read_text()
    assert str(SECRET) in (finished / "results.tsv").read_text()
    for told in (str(SECRET)[:6], f"{SECRET:.3f}", "test_auc", "test_acc", "test_f1"):
        assert told not in re.sub(r"base64,[^\"]+", "", raw)


def test_it_stands_alone_and_can_be_read_by_everybody(finished):
    page = page_of(finished)
    assert (finished / "report.html").stat().st_size < 2**20
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action"):
            assert attrs.get(name, "data:").startswith("data:")
    assert "url(" not in (finished / "report.html").read_text()
    assert page.all("html") == [{"lang": "en"}]
    assert page.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    assert page.all("img")
    assert all(len(img["alt"]) > 20 for img in page.all("img"))
    assert all(th["scope"] in ("col", "row") for th in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))


# -- however the run ended ------------------------------------------------------------------


def snapshot(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("point", ["commit", "log", "row", "ref"])
def test_a_run_that_was_killed(tmp_path, point):
    class Killed(BaseException):
        pass

    def hook(reached):
        if reached == point and len(run.ledger.rows) >= 2 + (point in ("row", "ref")):
            raise Killed

    run = open_run(tmp_path, hook=hook)
    with pytest.raises(Killed):
        loop.run(run, Scripted(STEPS[:1] + [program(0.84, "the last")] * 3), iterations=9)
    run.close()
    (tmp_path / "t" / ".lock").write_text("2000000000\n")  # a process that is not there
    with open(tmp_path / "t" / "results.tsv", "ab") as ledger:
        ledger.write(b"abc\t0.9")  # and a row that was being written
    before = snapshot(tmp_path / "t")
    page = page_of(tmp_path / "t", out=tmp_path / "morning.html")
    assert snapshot(tmp_path / "t") == before
    done = 2 if point in ("row", "ref") else 1
    assert f"It was interrupted: nothing says that it came to an end. {done} iter" in page.text
    assert "A row that was half written is left out" in page.text
    last = "+VALUE = 0.84" if done == 2 else "+VALUE = 0.82"
    assert last in page.text  # the branch need not be there yet


def test_a_run_that_is_still_running(tmp_path):
    with open_run(tmp_path) as run:
        run.ensure_baseline()
        page = page_of(run.path)  # takes no lock, or this would fail
    assert re.search(r"has not come to an end: process \d+, which took it last", page.text)


def test_a_run_without_rows_and_one_that_is_not_there(tmp_path):
    open_run(tmp_path).close()
    page = page_of(tmp_path / "t")
    assert "0 candidates: none" in page.text
    assert not page.all("img")
    with pytest.raises(RunError, match="there is no run"):
        report.write(tmp_path / "other")


def test_a_continued_run_forgets_its_earlier_end(finished, tmp_path):
    with open_run(tmp_path) as run, pytest.raises(KeyboardInterrupt):
        loop.run(run, Scripted([KeyboardInterrupt()]), iterations=9)
    (finished / ".lock").unlink()
    assert "It was interrupted" in page_of(finished).text


def test_an_end_that_was_a_failure(tmp_path):
    from harness.agents.errors import AuthError

    path = run_of(tmp_path, [AuthError("no more credit")], iterations=3)
    assert "something failed: no more credit" in page_of(path).text


# -- long runs, cost, the noise band --------------------------------------------------------


def test_a_long_run_is_condensed(tmp_path):
    steps = [program(0.7 + i / 1e4, f"idea {i}") for i in range(1, 76)]
    steps[29] = program(0.85, "the one that was kept")
    page = page_of(run_of(tmp_path, steps))
    assert "12 of 76 rows" in page.text
    assert "the one that was kept" in page.text
    assert "iterations 1 to 29: 29 discarded, highest val_auc 0.7029" in page.text
    assert "iterations 31 to 65" in page.text
    assert "idea 75" in page.text
    assert "idea 40" not in page.text


def test_a_huge_program_makes_no_huge_page(tmp_path):
    extra = "".join(f"# {i} {'<' * 600}\n" for i in range(400))
    page = page_of(run_of(tmp_path, [program(0.9, "long", extra)]))
    assert (tmp_path / "t" / "report.html").stat().st_size < 2**20
    assert "more lines" in page.text


def test_costs_are_added_up(finished):
    assert "Cost" in page_of(finished).text
    (finished / "agent").mkdir(exist_ok=True)
    call = {"tokens": 1500, "cost_usd": 0.25, "cost_source": "reported"}
    unknown = {"tokens": None, "cost_usd": None, "cost_source": "unknown"}
    lines = "".join(json.dumps(row) + "\n" for row in (call, call, unknown))
    (finished / "agent" / "calls.jsonl").write_text(lines)
    told = "3 calls, 3,000 tokens (unknown for 1), 0.5000 USD (reported for 2, unknown for 1)"
    assert told in page_of(finished).text


class Wobbling(FakeScorer):
    """Scores that depend on the folds: 0.80, 0.81, 0.82, … by fold seed."""

    def fold_scores(self, source, fold_seeds):
        return np.array([[0.8 + 0.01 * k] * 5 for k in range(len(fold_seeds))])


def test_the_noise_band_is_measured_where_nobody_has(finished, monkeypatch, capsys):
    monkeypatch.setattr("harness.scoring.scorer.Scorer", Wobbling)
    sd = float(np.std(0.01 * np.arange(10), ddof=1))
    assert main(["report", "--tag", "t", "--runs", str(finished.parent)]) == 0
    out, err = capsys.readouterr()
    assert out == f"report: {finished / 'report.html'}\n"
    assert "10 draws of the folds" in err
    page = Reader((finished / "report.html").read_text())
    assert f"Noise SD{sd:.4f}, the start's on 10 draws" in page.text.replace(
        "Noise SD ", "Noise SD"
    )
    assert f"one SD of fold noise, {sd:.4f}" in page.all("img")[0]["alt"]
    # what the notebook has measured is taken as it is
    (finished / "notebook.json").write_text(json.dumps({"noise_sd": 0.005, "status": "ok"}))
    assert main(["report", "--tag", "t", "--runs", str(finished.parent)]) == 0
    assert capsys.readouterr().err == ""
    assert "a gain of +0.0300, 6.0 noise SDs" in Reader((finished / "report.html").read_text()).text


def test_without_a_band(finished, tmp_path):
    words = ["report", "--tag", "t", "--runs", str(tmp_path), "--no-score", "--out"]
    assert main([*words, str(tmp_path / "r.html")]) == 0
    assert "not measured" in Reader((tmp_path / "r.html").read_text()).text
    assert not list(tmp_path.glob(".*.tmp"))
    assert main([*words, str(tmp_path / "nowhere" / "r.html")]) == 1


# -- the audit ------------------------------------------------------------------------------


def audit_of(folder, **changes):
    best = report.read(folder).best
    interval = Interval(0.01, -0.02, 0.04)
    values = {
        "tag": "t", "commit": best.commit, "rule": "strict", "tries": 4, "best_iteration": 4,
        "hypothesis": HOSTILE, "baseline_val": 0.8, "best_val": 0.83, "claimed": 0.03,
        "fresh": interval, "fresh_p": 0.2, "fresh_scores_baseline": [0.79, 0.8],
        "fresh_scores_best": [0.8, 0.82], "noise_baseline": 0.007, "noise_best": 0.006,
        "noise_paired": 0.004, "luck": 0.012, "verdict": "luck",
        "certificate": Certificate("t", best.commit, "roc_auc", 4, 2.5, 2.9, 0.03),
        "test": Elsewhere("test", 61, interval, interval, interval, 0.5, 0.1, 0.1),
        "hospital": Elsewhere("hungary", 294, error="crashed <b>"),
        "calibration": {"best": Calibration([0.2, 0.8], [0.1, 0.9], [5, 5], 0.12)},
        "openings": ["2026-01-01"],
    }  # fmt: skip
    return Audit(**(values | changes))


def test_the_audit_is_told_with_its_figure(finished):
    found = audit_of(finished)
    (finished / "audit.json").write_text(json.dumps(found.to_dict()))
    page = page_of(finished)
    told = " ".join(audit_report.paragraph(found).split())
    assert told in page.text
    assert "The audit says: luck." in page.text
    assert "sealed test (61 rows)" in page.text  # opened, so it is told
    assert len(page.all("img")) == 2
    assert not page.all("script")
    assert not page.all("b")
    assert (finished / "report.html").stat().st_size < 2**20


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"openings": ["2026-01-01 00:00:00Z"]}', "An audit was begun (2026-01-01"),
        ("{", "There is no audit yet."),
        ('{"verdict": "real"}', "cannot be read by this version"),
    ],
)
def test_audits_that_are_not_whole(finished, content, told):
    (finished / "audit.json").write_text(content)
    assert told in page_of(finished).text


def test_an_audit_of_an_earlier_best(finished):
    found = audit_of(finished, commit="0123456789ab")
    (finished / "audit.json").write_text(json.dumps(found.to_dict()))
    page = page_of(finished)
    assert "This audit is of 0123456, not of the best program now" in page.text
    assert "(of an earlier best)" in page.text
