"""Every exhibit of the museum against the real scorer: what comes of it, and what it leaves."""

import subprocess
import sys
from collections import Counter

import pytest
from harness import REPO

from museum import gallery, make_memorised, surroundings

EXHIBITS = gallery.load_gallery()
OUTCOMES: list[gallery.Outcome] = []


@pytest.fixture(scope="module")
def guards(lend, heart):
    with lend(), gallery.Guards(heart) as guards:
        yield guards
        if OUTCOMES:
            print(f"\n{gallery.summary(OUTCOMES)}")


@pytest.mark.skipif(sys.platform != "linux", reason="isolation is complete on Linux alone")
@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda e: f"{e.room}-{e.name}")
def test_exhibit(exhibit, guards):
    outcome = guards.run(exhibit)
    OUTCOMES.append(outcome)
    surroundings.sweep()  # after a failure, so that the next exhibit starts clean
    assert outcome.as_expected, outcome.why
    assert outcome.contained, "left behind: " + "; ".join(outcome.left)


def test_rooms_hold_what_they_promise():
    rooms = Counter(e.room for e in EXHIBITS)
    assert rooms["cheats"] >= 214
    assert rooms["honest"] >= 18
    assert rooms["broken"] >= 20
    assert len({e.name for e in EXHIBITS}) == len(EXHIBITS)
    for exhibit in EXHIBITS:
        assert exhibit.family, exhibit.name
        assert exhibit.expect, exhibit.name
        if exhibit.room in ("cheats", "remains"):
            assert exhibit.tries, exhibit.name
            assert exhibit.stopped_by, exhibit.name


def test_channels_share_one_engine():
    """What differs between channels is the channel: their engine is the same, to the letter."""
    for family, count in (("memory between folds", 50), ("folds that talk", 5)):
        mine = [e for e in EXHIBITS if e.family == family]
        assert len(mine) >= count
        assert len({e.source.decode().partition("\ndef baseline():")[2] for e in mine}) == 1


def test_memorised_exhibits_can_be_made_again():
    """The tables that need no fitting are the same bytes on every machine."""
    exact = {"table_of_rows", "hash_table", "positives_only", "one_big_number", "nudge"}
    made = {name: text for _, name, text in make_memorised.make() if name in exact}
    assert made.keys() == exact
    for exhibit in EXHIBITS:
        name = exhibit.name.partition("_")[2]
        if name in exact:
            text = make_memorised.formatted(made[name], exhibit.path.name)
            assert exhibit.source.decode() == text


def test_a_changed_surrounding_is_seen(tmp_path, monkeypatch):
    """The watch itself can fail: a file under the tag and a changed umask are reported."""
    for place in (*surroundings.WATCHED, surroundings.WORKER):
        assert place.startswith(".git/") or (REPO / place).exists(), f"nobody watches {place}"
    monkeypatch.setattr(surroundings, "PATIENCE_S", 0.0)
    monkeypatch.chdir(tmp_path)
    before = surroundings.snapshot(None)
    assert surroundings.changes(before, None) == []
    (tmp_path / "armuseum.left").write_text("x")
    assert any("armuseum.left" in change for change in surroundings.changes(before, None))
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert sleeper.pid in surroundings.process_table()
    finally:
        sleeper.kill()
        sleeper.wait()
    assert surroundings.sweep()
    assert surroundings.changes(before, None) == []
