"""What the notebooks share: checked parameters, whole records, and no test score anywhere."""

import json
import math
import tempfile

import pytest

from harness.agents import Past
from harness.run.ledger import Row
from harness.teaching import lesson, naive

GOOD = {
    "tag": "x",
    "iterations": 8,
    "agent": "playbook",
    "rule": "strict",
    "time_budget": "30m",
    "seed": 0,
}


def row(iteration, val_auc, decision, status="ok", test_auc=0.123456):
    return Row(
        "abc", val_auc, test_auc, 0.5, status, f"idea {iteration} [strict: gain 0.1 > 0]",
        iteration, decision, 0.01, 0.02, "playbook", 0, 0.0, "2026-01-01T00:00:00Z",
    )  # fmt: skip


ROWS = [
    row(0, 0.8960, "baseline"),
    row(1, 0.9000, "kept"),
    row(2, math.nan, "discarded", "crashed (ValueError: odd)", math.nan),
]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [({}, 1800), ({"time_budget": 90}, 90), ({"time_budget": "1h30m"}, 5400), ({"seed": 7}, 1800)],
)
def test_parameters_that_can_be_used(changes, seconds):
    assert lesson.check_parameters(**{**GOOD, **changes}).seconds == seconds


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tag": 7}, "-r tag 007"),
        ({"tag": True}, "-r"),
        ({"tag": None}, "must be text"),
        ({"tag": "../x"}, "bad tag"),
        ({"iterations": 0}, "iterations"),
        ({"iterations": "8"}, "iterations"),
        ({"iterations": 8.0}, "iterations"),
        ({"iterations": True}, "iterations"),
        ({"seed": -1}, "seed"),
        ({"agent": "nobody"}, "playbook"),
        ({"agent": ["playbook"]}, "agent"),
        ({"rule": "mine"}, "strict"),
        ({"rule": None}, "rule"),
        ({"time_budget": "soon"}, "8h"),
        ({"time_budget": 0}, "8h"),
        ({"time_budget": None}, "time_budget"),
        ({"time_budget": float("nan")}, "8h"),
    ],
)
def test_parameters_that_cannot(changes, message):
    with pytest.raises(ValueError) as caught:
        lesson.check_parameters(**{**GOOD, **changes})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fresh_tag_counts_on(tmp_path):
    assert lesson.fresh_tag("x", tmp_path) == "x"
    (tmp_path / "x").mkdir()
    (tmp_path / "x-2").mkdir()
    assert lesson.fresh_tag("x", tmp_path) == "x-3"


def test_table_has_no_test_columns():
    table = lesson.table(ROWS)
    assert not [name for name in table.columns if "test" in name]
    assert "0.123" not in table.to_html()
    assert list(table["hypothesis"])[1] == "idea 1"


def test_public_lines_leave_the_test_out():
    class Score:
        def lines(self):
            return "val_auc: 0.9\ntest_auc: 0.8\ntest_acc: 0.7\nstatus: ok"

    assert lesson.public_lines(Score()) == "val_auc: 0.9\nstatus: ok"


def test_live_plot_prints_every_row_and_no_test_score(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("harness.plots.show", lambda fig, alt, **k: shown.append((alt, k)))
    live = lesson.LivePlot(ROWS[:1], 0.006)
    for one in ROWS[1:]:
        live(one)
    live(row(10, 0.91, "kept"))
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if not line.startswith("    ")]
    assert [line[:6] for line in lines[:3]] == ["iter 0", "iter 1", "iter 2"]
    assert "    0.1 better, and this rule keeps any gain\n" in out
    assert "    no score, so it cannot win: crashed (ValueError: odd)\n" in out
    assert "best so far: val_auc=0.9100" in out
    assert "0.123" not in out
    assert [k["update"] for _, k in shown] == [False, True, True, True]


def test_kept_diffs_compare_with_what_was_best():
    def past(iteration, decision, source):
        return Past(iteration, 0.9, 0.02, "ok", decision, 0.0, "idea", source)

    history = [
        past(0, "baseline", "a\n"),
        past(1, "discarded", "x\n"),
        past(2, "kept", "b\n"),
        past(3, "kept", "c\n"),
    ]
    (first, one), (second, two) = lesson.kept_diffs(history)
    assert (first.iteration, second.iteration) == (2, 3)
    assert "-a" in one
    assert "+b" in one
    assert "-b" in two
    assert lesson.diff("a", "a") == "(no difference)"
    page = lesson.diff("a", "<b>")._repr_html_()  # in colour, and nothing of it is markup
    assert "color: #" in page
    assert "&lt;b&gt;" in page
    assert repr(lesson.diff("a", "b")).count("\n") > 2


def test_a_table_shows_all_of_a_hypothesis_and_four_digits():
    page = lesson.neat(lesson.table([row(1, 0.1234567, "kept")])).data
    assert "<td>0.1235</td>" in page
    assert "max-width: 900px" in page
    assert "text-align: left" in page
    long = "x" * 180
    import pandas as pd

    assert long in lesson.neat(pd.DataFrame({"a": [long]})).data


def test_lines_break_between_words_for_a_person(monkeypatch, capsys):
    text = "word " * 40
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "0")
    lesson.say(text.strip())
    assert capsys.readouterr().out == text.strip() + "\n"
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "1")
    lesson.say(text, "", "/a/very/long/path" * 10)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(len(line) <= lesson.WIDTH for line in lines[:4])
    assert set(" ".join(lines[:3]).split()) == {"word"}


def test_record_is_written_last_and_only_at_the_end(tmp_path):
    runs = tmp_path / "runs"
    (runs / "x").mkdir(parents=True)
    (runs / "x" / "notebook.json").write_text("{}")
    folder = lesson.begin("x", runs)
    assert not (folder / "notebook.json").exists()  # an earlier one must not vouch for this run
    record = lesson.finish("x", "notebooks/04.ipynb", ROWS, 0.006, runs, claim="Cannot tell.")
    assert json.loads((folder / "notebook.json").read_text()) == record
    assert record["status"] == "ok"
    assert record["rows"] == 3
    assert record["claim"] == "Cannot tell."
    assert record["best"]["iteration"] == 1
    assert (tmp_path / record["plot"]).read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in folder.iterdir()) == ["loop.png", "notebook.json"]


def test_a_record_is_not_written_when_the_plot_fails(tmp_path, monkeypatch):
    (tmp_path / "runs" / "x").mkdir(parents=True)
    monkeypatch.setattr("harness.plots.save", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lesson.finish("x", "n", ROWS, 0.006, tmp_path / "runs")
    assert not (tmp_path / "runs" / "x" / "notebook.json").exists()


def test_exhibits_say_what_they_are():
    found = lesson.exhibits()
    assert len(found) >= 60
    for name, exhibit in found.items():
        assert exhibit.title, name
        assert exhibit.tries, name
        assert exhibit.stopped, name
        assert exhibit.family, name


@pytest.mark.heavy
def test_naive_harness_believes_what_it_should_not(repo):
    start = (repo / "train.py").read_text(encoding="utf-8")
    assert naive.score(start) == pytest.approx(0.895971, abs=1e-6)
    forged = start.replace("HYPOTHESIS", "print('val_auc: 0.999999')\nHYPOTHESIS", 1)
    assert naive.score(forged) == 0.999999
    assert math.isnan(naive.score("raise SystemExit"))
    assert math.isnan(naive.score("print('val_auc: much')"))
    assert math.isnan(naive.score("while True: pass", timeout_s=3))


@pytest.mark.heavy
def test_naive_harness_leaves_no_file_in_folders_above(repo, tmp_path, monkeypatch):
    """The exhibit writes into `.`, `..` and `../..`: all three go with the throwaway folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    exhibit = repo / "tests" / "museum" / "cheats" / "107_file_cwd.py"
    assert naive.score(exhibit.read_text(encoding="utf-8")) > 0.95
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "armuseum.json").exists()
