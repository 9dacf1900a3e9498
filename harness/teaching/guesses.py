"""Predictions: a guess is asked for, kept in a small file, and later stands beside its outcome.

`guess` asks, `outcome` tells what came, `calibration` is the learner's own record. Nobody has to
answer: an open question is only printed. The file lies in `runs/`, which git ignores.
"""

import html
import json
import time

from harness import RunError
from harness.files import read_json, write_file
from harness.run import RUNS
from harness.teaching.checking import NOT_ATTEMPTED, NOT_YET, RIGHT, Hint, Result, as_number, line
from harness.teaching.lesson import interactive

FILE = RUNS / "guesses.json"
_asked: dict[str, "Guess"] = {}  # of this kernel, by number
_came: dict[str, object] = {}  # outcomes that this kernel has seen


def kept() -> dict[str, dict]:
    """Return every guess of this learner, by its number; empty if there is none."""
    try:
        return read_json(FILE)
    except (OSError, ValueError, RunError):
        return {}


class Guess:
    """One question; shown, it says the guess that was kept and, once known, what came."""

    def __init__(self, number: str, question: str, choices: tuple, within: float | None):
        if not choices and within is None:
            raise ValueError("give the choices, or `within`: how near a number has to come")
        self.number, self.question, self.within = number, question, within
        self.choices = [str(choice) for choice in choices]

    def answer(self, value, sure=None) -> "Guess":
        """Keep a guess and how sure it is, in percent; raise a `Hint` for what is neither."""
        if self.choices:
            plain = str(value).strip().lower()
            named = [c for n, c in enumerate(self.choices) if plain in (c.lower(), "abcdef"[n])]
            if not named:
                raise Hint(f"Write one of {', '.join(map(repr, self.choices))}, not {value!r}.")
            value = named[0]
        else:
            value = as_number(value)
        sure = None if sure is None else as_number(str(sure).strip().removesuffix("%"))
        if sure is not None and not 0 <= sure <= 100:
            raise Hint("How sure, in percent: 0 is surely wrong, 100 is surely right.")
        told = {"guess": value, "sure": sure, "late": self.number in _came}
        self._write({"question": self.question, **told, "at": time.strftime("%Y-%m-%dT%H:%M:%S")})
        return self

    def came(self, value) -> None:
        """Take down what came; a guess in the file gets it beside it."""
        _came[self.number] = str(value) if self.choices else as_number(value)
        if self.choices and _came[self.number] not in self.choices:
            raise ValueError(f"{value!r} is none of the choices {self.choices}")
        if mine := kept().get(self.number):
            self._write(mine)

    def _write(self, mine: dict) -> None:
        came, said = _came.get(self.number), mine["guess"]
        if came is not None:
            numbers = not (isinstance(came, str) or isinstance(said, str))
            right = abs(came - said) <= self.within + 1e-12 if numbers else came == said
            mine |= {"outcome": came, "right": bool(right)}
        FILE.parent.mkdir(parents=True, exist_ok=True)
        write_file(FILE, json.dumps(kept() | {self.number: mine}, indent=1).encode() + b"\n")

    def told(self) -> tuple[str, str]:
        """Return a verdict, for its colour, and the words."""
        mine, came = kept().get(self.number), _came.get(self.number)
        outcome = "" if came is None else f" It came to: {_words(came)}."
        if mine is None:
            choices = f" ({'; '.join(self.choices)})" if self.choices else ""
            stop = "" if (choices or self.question)[-1] in "?…" else "."
            text = f"Guess {self.number}: {self.question}{choices}{stop} No guess.{outcome}"
            return NOT_ATTEMPTED, text
        sure = "" if mine["sure"] is None else f" ({mine['sure']:g}% sure)"
        verdict = NOT_ATTEMPTED if came is None else RIGHT if mine.get("right") else NOT_YET
        words = {NOT_ATTEMPTED: "", RIGHT: " You were right.", NOT_YET: " Not what you expected."}
        text = f"Guess {self.number}: you said {_words(mine['guess'])}{sure}."
        late = " (Written after the outcome was shown: not counted.)" if mine.get("late") else ""
        return verdict, text + outcome + words[verdict] + late

    def __repr__(self) -> str:
        return self.told()[1]

    def _repr_html_(self) -> str:
        return line(*self.told())

    def widget(self):
        """Return the question with a place for the answer."""
        import ipywidgets as w

        wide = {"width": "max-content", "max_width": "100%"}
        field = w.Text(placeholder="a number", layout={"width": "10em"})
        if self.choices:
            field = w.RadioButtons(options=self.choices, value=None, layout=wide)
        sure = w.IntSlider(
            value=60, min=0, max=100, step=5, description="% sure", layout={"width": "22em"}
        )
        button, said = w.Button(description="Keep my guess"), w.HTML()
        said.value = self._repr_html_() if self.number in kept() else ""

        def keep(_) -> None:
            try:
                said.value = self.answer(field.value or "", sure.value)._repr_html_()
            except Hint as hint:
                said.value = line(NOT_YET, str(hint))

        button.on_click(keep)
        title = w.HTML(f"<strong>{html.escape(self.question)}</strong>")
        return w.VBox([title, field, w.HBox([sure, button]), said])


def _words(value) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def guess(number: str, question: str, *choices, within=None, answer=None, sure=None):
    """Ask for a prediction: one of the choices, or a number that may be off by `within`.

    With a person at the notebook it is a small form; `answer` and `sure` (percent) do without.
    """
    asked = _asked[number] = Guess(number, question, choices, within)
    if answer is None and interactive():
        return asked.widget()
    try:
        return asked if answer is None else asked.answer(answer, sure)
    except Hint as hint:
        return Result(number, NOT_YET, str(hint), "Guess")


def outcome(number: str, value):
    """Put what came beside the guess of that number; returns what to show."""
    if number not in _asked:
        raise ValueError(f"guess {number} was not asked: run its cell first")
    _asked[number].came(value)
    return _asked[number]


def calibration():
    """Return the guesses whose outcome is known as a table: right, sure (0 to 1), late."""
    import pandas as pd

    known = {number: one for number, one in kept().items() if "right" in one}
    names = ["question", "guess", "outcome", "right", "sure", "late"]
    table = pd.DataFrame([[one[n] for n in names] for one in known.values()], list(known), names)
    return table.assign(sure=pd.to_numeric(table["sure"]) / 100).sort_index()
