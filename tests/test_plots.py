"""Figures carry their message, their alt text, and colours that all readers can tell apart."""

import math
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from harness import plots


def row(iteration, val_auc, decision, status="ok"):
    return SimpleNamespace(iteration=iteration, val_auc=val_auc, decision=decision, status=status)


ROWS = [
    row(0, 0.8960, "baseline"),
    row(1, 0.8900, "discarded"),
    row(2, 0.8991, "kept"),
    row(3, math.nan, "discarded", "crashed (ValueError)"),
    row(4, 0.55, "discarded"),
    row(5, 0.9065, "kept"),
    row(6, 0.9035, "discarded"),
]


def title(fig):
    return fig.get_suptitle()


def lines(fig, label):
    return [ln for ln in fig.axes[0].get_lines() if ln.get_label() == label]


def test_staircase_shows_every_row():
    fig = plots.staircase(ROWS, 0.0065)
    (kept,), (lost,), (far,), (dead,) = (
        lines(fig, name)
        for name in (
            "kept",
            "discarded",
            "discarded, below the axis",
            "no score (crash, timeout, rejected)",
        )
    )
    assert list(kept.get_xdata()) == [0, 2, 5]
    assert list(lost.get_xdata()) == [1, 4, 6]
    assert list(far.get_xdata()) == [4]
    assert list(dead.get_xdata()) == [3]
    low, high = fig.axes[0].get_ylim()
    for mark in (far, dead):  # they stand where they can be seen
        assert low < mark.get_ydata()[0] < high
    assert low < 0.89
    assert high > 0.9065


def test_staircase_never_goes_down():
    steps = [ln for ln in plots.staircase(ROWS).axes[0].get_lines()
             if ln.get_drawstyle() == "steps-post"]  # fmt: skip
    (stairs,) = steps
    assert np.all(np.diff(stairs.get_ydata()) >= 0)
    assert stairs.get_xdata()[-1] == 6


def test_staircase_says_its_message():
    message = title(plots.staircase(ROWS, 0.0065))
    assert message == "2 of 6 kept: val_auc 0.8960 → 0.9065, a gain of 1.6 noise SDs"
    assert "noise" not in title(plots.staircase(ROWS))
    assert title(plots.staircase(ROWS, title="Mine")) == "Mine"


def test_staircase_needs_no_rows_and_no_gain():
    assert "No candidate" in title(plots.staircase([]))
    assert plots.png(plots.staircase(ROWS[:1], 0.0065)).startswith(b"\x89PNG")
    assert plots.png(plots.staircase([ROWS[0], ROWS[3]], 0.0065)).startswith(b"\x89PNG")


def test_staircase_in_words():
    words = plots.staircase_alt(ROWS, 0.0065)
    assert "0.8991 at iteration 2" in words
    assert "1 without a score" in words
    assert "0.0065" in words
    assert plots.staircase_alt([])


def test_a_thousand_rows_are_drawn():
    many = [ROWS[0], *(row(i, 0.89 + 1e-5 * i, "kept") for i in range(1, 1001))]
    assert plots.png(plots.staircase(many)).startswith(b"\x89PNG")


def test_show_needs_alt_text(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: seen.append((a, k)))
    fig = plots.bars({"ca": 4, "thal": 2}, "Six gaps", "gaps")
    with pytest.raises(ValueError, match="alt text"):
        plots.show(fig, "  ")
    plots.show(fig, 'four in "ca" & two')
    (((bundle,), options),) = seen
    assert 'alt="four in &quot;ca&quot; &amp; two"' in bundle["text/html"]
    assert options["metadata"]["image/png"]["alt"] == 'four in "ca" & two'
    assert bundle["text/plain"].startswith("[figure]")
    assert "display_id" not in options
    plots.show(fig, "again", display_id="x", update=True)
    assert seen[-1][1]["update"] is True


def test_intervals_draw_spread_only_where_there_is_one():
    fig = plots.intervals({"one": [0.9], "five": [0.9, 0.91, 0.88, 0.87, 0.92]}, "T", "x")
    texts = [t.get_text() for t in fig.axes[0].texts]
    assert "0.900" in texts
    assert "0.896 ± 0.021" in texts
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["five", "one"]


def test_paired_folds_labels_do_not_overlap():
    before, after = [0.9, 0.89, 0.88, 0.87, 0.91], [0.9, 0.9, 0.9, 0.9, 0.9]
    fig = plots.paired_folds(before, after, "T")
    places = sorted(t.xy[1] for t in fig.axes[0].texts if t.get_text().startswith("fold"))
    assert np.all(np.diff(places) > 0.0015)


def test_bars_hatch_what_they_point_out():
    fig = plots.bars({"ca": 4, "thal": 2, "age": 0}, "T", "x", highlight=["ca"])
    hatches = {bar.get_hatch() for bar in fig.axes[0].patches}
    assert hatches == {"//", ""}


def test_drawing_leaves_other_peoples_settings_alone():
    before = dict(matplotlib.rcParams)
    plots.png(plots.staircase(ROWS))
    assert dict(matplotlib.rcParams) == before


def test_save_is_whole_or_not_at_all(tmp_path):
    alt = plots.staircase_alt(ROWS)
    path = plots.save(plots.staircase(ROWS), tmp_path / "deep" / "x.png", alt)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert b"Staircase" in path.read_bytes()  # the description travels with the file
    assert [p.name for p in path.parent.iterdir()] == ["x.png"]


def brightness(colour):
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (r, g, b)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [plots.GREY, plots.BLUE, plots.VERMILION, plots.BLACK])
def test_marks_stand_out_from_white(colour):
    assert 1.05 / (brightness(colour) + 0.05) >= 3.0  # WCAG 2.2, graphical objects
