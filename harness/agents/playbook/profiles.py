"""What the columns of a task mean, for agents that write features.

HEART's columns have names and a clinical reading. Any other task gets a profile
without names: columns are then chosen by their type, and no feature is invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.files import catalogue
from harness.task import CATEGORICAL, NUMERIC


@dataclass(frozen=True)
class Feature:
    """One change to the table: why, the lines that make it, and how a hypothesis names it."""

    why: str
    code: str
    text: str


@dataclass(frozen=True)
class Profile:
    """The meaning of a task's columns; empty where nobody said."""

    name: str
    codes: tuple[str, ...] = ()  # columns whose numbers are names (4 is not "more" than 3)
    curved: tuple[str, ...] = ()  # continuous columns, where a bend can make sense
    # Derived columns that somebody who knows the subject would try.
    features: tuple[tuple[str, Feature], ...] = ()
    droppable: tuple[str, ...] = ()  # columns that a simpler model may do without

    @property
    def named(self) -> bool:
        """Whether columns can be called by name in a `train.py`."""
        return bool(self.codes or self.curved)


HEART_PROFILE = Profile(
    name="heart",
    # The number of vessels is a count, 0 to 3, with gaps: few enough levels to treat as codes.
    codes=(*CATEGORICAL, "ca"),
    curved=tuple(column for column in NUMERIC if column != "ca"),
    features=tuple((name, Feature(**one)) for name, one in catalogue(__file__).items()),
    droppable=("fbs", "chol", "restecg", "trestbps"),
)


def profile_of(task_name: str) -> Profile:
    """The profile of a task; one without column names for any task but HEART."""
    return HEART_PROFILE if task_name == "heart" else Profile(task_name)
