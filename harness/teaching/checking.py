"""How an answer is checked and a quiz is asked: results, hints, numbers of every sort.

A check compares what an answer *does*, so that every right answer passes, and it recognises the
likeliest wrong ones, so that the hint fits. `...` means not attempted. `quiz` shows a question
whose every choice is explained.
"""

import functools
import html
import math
import numbers
import re
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.files import catalogue
from harness.teaching.lesson import interactive, shell

SAYS = catalogue(__file__)  # by the number of an exercise
RIGHT, NOT_YET, NOT_ATTEMPTED = "right", "not yet", "not attempted yet"
OPEN = "Replace the ... above (a function has to return its answer), and run it and its check."
STALE = "The cell of your answer ended in an error: mend it and run it, then run this check."
_MARKS = {RIGHT: "✓", NOT_YET: "✗", NOT_ATTEMPTED: "…"}
_COLOURS = {RIGHT: "#009E73", NOT_YET: "#D55E00", NOT_ATTEMPTED: "#6E6E6E"}


_failed: set[str] = set()  # names that a cell was to make, and it ended in an error


def note_failure(ran) -> None:
    """After each cell: remember what it was to make if it failed, forget it if it ran."""
    made = re.findall(r"(?m)^(?:def +)?(\w+) *[=(]", ran.info.raw_cell or "")
    (_failed.difference_update if ran.success else _failed.update)(made)


if shell():
    shell().events.register("post_run_cell", note_failure)


@dataclass(frozen=True)
class Result:
    """What a check found; a notebook shows it as a line."""

    exercise: str
    verdict: str
    message: str = ""
    kind: str = "Exercise"

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.verdict == RIGHT

    def __repr__(self) -> str:
        text = f"{_MARKS[self.verdict]} {self.kind} {self.exercise}: {self.verdict}."
        return f"{text} {self.message}".rstrip()

    def _repr_html_(self) -> str:
        return line(self.verdict, str(self))


def line(verdict: str, text: str) -> str:
    """Return a line of HTML with the colour of a verdict at its side."""
    style = f"border-left: 5px solid {_COLOURS[verdict]}; padding: 0.3em 0.8em"
    return f'<p role="status" style="{style}">{html.escape(text)}</p>'


class Hint(Exception):
    """Raised inside a check: the answer is not right yet, and this may help.

    `words` is the name of a text that the catalogue has for the exercise, into which `values` are
    put; any other text is told as it is. `given` may be one of the `slips`, which come first.
    """

    def __init__(self, words: str, given: float = math.nan, slips: Sequence = (), **values):
        super().__init__(words)
        self.words, self.given, self.slips, self.values = words, given, slips, values

    def told(self, says: Mapping) -> str:
        """Return the words, `says` being what the catalogue has for the exercise."""
        if self.words not in says:
            return self.words
        known = zip(self.slips, says["slips"], strict=True) if self.slips else ()
        hints = (hint for wrong, (digits, hint) in known if near(self.given, wrong, digits))
        return next(hints, says[self.words]).format(**self.values)


def need(condition: bool, words: str, **values) -> None:
    """Raise the hint unless the condition holds."""
    if not condition:
        raise Hint(words, **values)


class NotAttempted(Exception):
    """The learner's function still has nothing in it."""


def exercise(number: str) -> Callable:
    """Make a check out of a function that raises `Hint`, or returns what its praise needs.

    Its first argument is the learner's; what their code raises becomes a hint too.
    """

    def decorate(function: Callable) -> Callable[..., Result]:
        @functools.wraps(function)
        def check(answer, *args, **kwargs) -> Result:
            if any(answer is shell().user_ns.get(name, _failed) for name in _failed):
                return Result(number, NOT_YET, STALE)
            try:
                if answer is ... or answer is None:
                    raise NotAttempted
                praise = function(answer, *args, **kwargs) or {}
            except NotAttempted:
                return Result(number, NOT_ATTEMPTED, OPEN)
            except Hint as hint:
                return Result(number, NOT_YET, hint.told(SAYS[number]))
            except Exception as error:
                frames = traceback.extract_tb(error.__traceback__)
                own = [f for f in frames if re.search("ipykernel|^notebook$", f.filename)]
                last = (own or frames)[-1]  # the learner's own line, if an error has one
                text = f"{type(error).__name__}: {error} (line {last.lineno} of {last.name})"
                return Result(number, NOT_YET, f"Your answer could not be checked. {text}")
            return Result(number, RIGHT, SAYS[number]["right"].format(**praise))

        return check

    return decorate


def attempt(function: Callable, *args):
    """Call the learner's function; one that gives back nothing has not been written yet."""
    need(callable(function), "This should be a function: start it with def.")
    value = function(*args)
    if value is None or value is ...:
        raise NotAttempted
    return value


def as_number(value) -> float:
    """Take any sort of number, also one in an array or written as text."""
    if isinstance(value, str):
        text = value.strip().replace(",", ".")
        try:
            return float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            raise Hint(f"A number is wanted, not the text {value!r}.") from None
    array = np.asarray(value)
    need(array.size == 1, f"One number is wanted; this has {array.size}.")
    is_number = isinstance(array.flat[0], numbers.Number | np.bool_)
    need(is_number, f"A number is wanted, not {type(value).__name__}.")
    return float(array.flat[0])


def near(value: float, truth: float, digits: int = 2) -> bool:
    """Whether a number equals the truth, also when rounded to so many digits."""
    return math.isfinite(value) and abs(value - truth) <= 0.5 * 10**-digits + 1e-12


def compare(answer, truth: float, digits: int, slips: Sequence[float] = (), **values) -> None:
    """Hold an answer to the true number, rounded or not; `slips` are those of a `Hint`."""
    value = as_number(answer)
    if not near(value, truth, digits):
        raise Hint("hint", value, slips, **values)


def entries(answer, wanted: Iterable[str], words: Collection[str] = ()) -> dict:
    """Take a dictionary with an entry for each wanted name; with `words`, each is one of them."""
    need(hasattr(answer, "items"), "dictionary")
    given = {str(name).strip(): value for name, value in answer.items()}
    loosely = {name.lower(): value for name, value in given.items()}
    found = {name: given.get(name, loosely.get(name.lower())) for name in wanted}
    missing = sorted(name for name, value in found.items() if value is None or value is ...)
    need(not missing, "missing", names=", ".join(missing[:5]))
    for name in found if words else ():
        word = " ".join(str(found[name]).lower().split()).rstrip("s")
        found[name] = word = re.sub("^can(’t|'t|t| not) ", "cannot ", word)
        need(word in words, "odd", letter=name, word=word)
    return found


# -- quiz -------------------------------------------------------------------------------


class Question:
    """One quiz question. Every choice opens to its explanation, with or without a kernel."""

    def __init__(self, text: str, right: str, choices: Mapping[str, tuple[str, str]]):
        if right not in choices:
            raise ValueError(f"the right choice {right!r} is not among {sorted(choices)}")
        if any(len(choice) != 2 or not all(choice) for choice in choices.values()):
            raise ValueError("each choice needs a text and an explanation")
        self.text, self.right, self.choices = text, right, dict(choices)

    def explain(self, choice: str) -> str:
        """Say whether a choice is right and why."""
        verdict = "Right." if choice == self.right else "Not quite."
        return f"{verdict} {self.choices[choice][1]}"

    def __repr__(self) -> str:
        lines = [self.text]
        for letter, (words, _) in self.choices.items():
            lines += [f"  {letter}) {words}", f"     {self.explain(letter)}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [
            f"<details><summary>{letter}) {html.escape(words)}</summary>"
            f"<p>{html.escape(self.explain(letter))}</p></details>"
            for letter, (words, _) in self.choices.items()
        ]
        return "\n".join([f"<p><strong>{html.escape(self.text)}</strong></p>", *parts])

    def widget(self):
        """Return radio buttons that explain the chosen answer."""
        import ipywidgets

        options = [(f"{k}) {words}", k) for k, (words, _) in self.choices.items()]
        buttons = ipywidgets.RadioButtons(
            options=options, value=None, layout={"width": "max-content", "max_width": "100%"}
        )
        answer = ipywidgets.HTML()

        def chosen(change) -> None:
            if change["new"] is None:
                return
            verdict = RIGHT if change["new"] == self.right else NOT_YET
            answer.value = line(verdict, self.explain(change["new"]))

        buttons.observe(chosen, names="value")
        title = ipywidgets.HTML(f"<strong>{html.escape(self.text)}</strong>")
        return ipywidgets.VBox([title, buttons, answer])


def quiz(text: str, *, right: str, **choices: tuple[str, str]):
    """Show one question; each choice is its text and why it is right or wrong."""
    question = Question(text, right, choices)
    return question.widget() if interactive() else question
