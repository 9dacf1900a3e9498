"""The watched loop: it says what is being done and why, stops in one line, and goes on."""

import pytest

from harness.agents import get_agent
from harness.run import DISCARDED, Run
from harness.run.ledger import Row
from harness.teaching import lesson, watch


def row(reason, status="ok", decision=DISCARDED):
    return Row("abc", 0.9, 0.1, 0.5, status, f"idea [confirm: {reason}]", 1, decision, 0.01, 0.02,
               "playbook", 0, 0.0, "2026-01-01T00:00:00Z")  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("gain 0.0031 > 0", "0.0031 better, and this rule keeps any gain"),
        ("loss 0.0075", "0.0075 worse than the best"),
        ("tie, not shorter", "no better and no shorter, so nothing changes"),
        ("tie, 12 chars shorter", "no better, but 12 characters shorter"),
        ("gain 0.0031 <= its SE 0.0040", "no more than its own standard error, 0.0040"),
        ("fresh gain 0.0004 <= its SE 0.0011", "on fresh folds 0.0004 is no more than"),
        ("fresh gain 0.0044 > its SE 0.0011", "and on fresh folds by 0.0044"),
        ("fresh gain -0.0004 after 2 of 5 fold seeds", "not on fresh folds: -0.0004 after 2 of 5"),
        ("fresh gain 0.0040, T=1.80 <= 2.35", "T = 1.80 is not above the bar of 2.35"),
        ("something new", "something new"),
    ],
)
def test_a_reason_is_told_in_words(reason, words):
    assert words in lesson.why(row(reason))


def test_every_rule_speaks_in_patterns_that_are_known(repo):
    """What `rules.py` can say is said in words, so that a new reason does not go untold."""
    for said in ("fresh gain 0.1, T=3.00 > 2.35", "gain 0.1 > its SE 0.05", "tie"):
        assert lesson.why(row(said)) != said


@pytest.fixture
def make(heart, tmp_path, monkeypatch):
    def build(wish, **options):
        monkeypatch.setenv("AUTORESEARCH_WIDGETS", wish)

        def open_run(scorer):
            return Run.open("watched", root=tmp_path, agent="playbook", rule="strict", seed=0,
                            scorer=scorer)  # fmt: skip

        return watch.Watch(open_run, get_agent("playbook"), heart, **{"iterations": 2, **options})

    return build


def test_lines_without_a_person_and_on_from_there(make, capsys):
    shown = make("0")
    assert not shown.go().failed
    assert len(shown.rows) == 3
    assert capsys.readouterr().out.count("\n    ") == 3
    more = make("0", iterations=3)
    assert more.go().reason == "3 iterations are done"
    assert [r.iteration for r in more.rows] == [0, 1, 2, 3]
    assert more.view.iteration == 4


def test_a_stop_is_one_line_and_the_run_goes_on(make):
    shown = make("0", iterations=3)

    def row(row, show=shown._row):
        show(row)
        if len(shown.rows) == 2:
            shown.stop()

    shown._row = row
    outcome = shown.go()
    assert outcome.reason.startswith("Stopped after 1 iterations, nothing is lost")
    assert "\n" not in outcome.reason
    assert len(shown.rows) == 2
    del shown._row
    assert shown.go().reason == "3 iterations are done"
    assert len(shown.rows) == 4


def test_the_panel_shows_idea_reason_and_progress(make, monkeypatch):
    monkeypatch.setattr(watch, "TICK_S", 0.005)
    shown = make("1", noise_sd=0.007)
    seen = []
    draw = shown.panel.draw
    shown.panel.draw = lambda **k: (draw(**k), seen.append(shown.panel.state.value))
    shown.go()
    panel = shown.panel
    scoring = [state for state in seen if "scoring it on the five frozen folds" in state]
    assert any("<b></b>" not in state for state in scoring), "the idea under work"
    assert "2 iterations are done" in panel.state.value
    assert panel.table.value.count("<tr><td>") == 3
    assert 'alt="Staircase of val_auc' in panel.stairs.value
    assert panel.bar.value == panel.bar.max == 2
    assert panel.stop.disabled
    assert not panel.more.disabled
    assert "test_auc" not in panel.table.value
