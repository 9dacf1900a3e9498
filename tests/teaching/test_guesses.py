"""Predictions: kept in a file, beside their outcome, and never in anybody's way."""

import json

import pytest

from harness.teaching import guesses
from harness.teaching.guesses import calibration, guess, outcome


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr(guesses, "FILE", tmp_path / "runs" / "guesses.json")
    monkeypatch.setattr(guesses, "_asked", {})
    monkeypatch.setattr(guesses, "_came", {})
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "0")


def test_nobody_has_to_answer():
    asked = guess("1a", "How many?", within=1)
    assert repr(asked) == "Guess 1a: How many? No guess."
    assert repr(guess("1b", "The share", "a", "b")) == "Guess 1b: The share (a; b). No guess."
    assert "It came to: 2." in repr(outcome("1a", 2))
    assert not guesses.FILE.exists()
    assert calibration().empty


def test_a_guess_is_kept_and_its_outcome_beside_it():
    guess("1a", "How many?", within=1, answer="3", sure="80%")
    assert json.loads(guesses.FILE.read_text())["1a"]["guess"] == 3
    told = repr(outcome("1a", 2))
    assert "you said 3 (80% sure). It came to: 2. You were right." in told
    guess("1b", "Better?", "better", "worse", answer="B", sure=55)
    assert "Not what you expected" in repr(outcome("1b", "better"))
    table = calibration()
    assert list(table.index) == ["1a", "1b"]
    assert list(table["right"]) == [True, False]
    assert list(table["sure"]) == [0.8, 0.55]
    assert not table["late"].any()


def test_a_guess_after_its_outcome_says_so():
    guess("1a", "How many?", within=0)
    outcome("1a", 2)
    told = repr(guess("1a", "How many?", within=0, answer=2))
    assert "It came to: 2. You were right." in told
    assert calibration()["late"].tolist() == [True]


@pytest.mark.parametrize("answer", ["many", "c", ""])
def test_an_answer_must_be_one_of_the_choices(answer):
    told = repr(guess("1a", "Better?", "better", "worse", answer=answer))
    assert told.startswith("✗ Guess 1a: not yet. Write one of 'better'")
    assert not guesses.FILE.exists()


def test_sure_is_a_percentage():
    assert "in percent" in repr(guess("1a", "How many?", within=1, answer=3, sure=120))


def test_an_outcome_needs_its_question_and_a_choice():
    with pytest.raises(ValueError, match="run its cell"):
        outcome("9z", 1)
    guess("1a", "Better?", "better", "worse")
    with pytest.raises(ValueError, match="none of the choices"):
        outcome("1a", "equal")


def test_the_form_keeps_a_guess(monkeypatch):
    monkeypatch.setenv("AUTORESEARCH_WIDGETS", "1")
    box = guess("1a", "How <many>?", within=1)
    title, field, row, said = box.children
    assert "&lt;many&gt;" in title.value
    sure, button = row.children
    button.click()
    assert "number is wanted" in said.value
    assert not guesses.FILE.exists()
    field.value, sure.value = "0,5", 90
    button.click()
    assert "you said 0.5 (90% sure)" in said.value
    again = guess("1a", "How <many>?", within=1)
    assert "you said 0.5" in again.children[-1].value


def test_a_damaged_file_stops_nothing():
    guess("1a", "How many?", within=1, answer=3)
    guesses.FILE.write_text("{")
    assert "No guess." in repr(guess("1a", "How many?", within=1))
