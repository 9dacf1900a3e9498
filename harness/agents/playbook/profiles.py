"""What the columns of a task mean, for agents that write features.

HEART's columns have names and a clinical reading. Any other task gets a profile
without names: columns are then chosen by their type, and no feature is invented.
"""

from __future__ import annotations

from dataclasses import dataclass

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


_CLINICAL = {
    "hr_reached": Feature(
        "Share of the heart rate expected at this age (220 - age) that was reached.",
        'X["hr_reached"] = X["thalach"] / (220 - X["age"])',
        "share of the age-predicted maximum heart rate that was reached",
    ),
    "st_load": Feature(
        "ST depression weighs more when the ST segment does not rise again.",
        'X["st_load"] = X["oldpeak"] * X["slope"]',
        "ST depression times ST slope",
    ),
    "st_hr": Feature(
        "ST depression per heartbeat: the same depression at a lower rate is worse.",
        'X["st_hr"] = 100 * X["oldpeak"] / X["thalach"]',
        "ST depression relative to peak heart rate (ST/HR index)",
    ),
    "pressure_product": Feature(
        "Heart rate times blood pressure: the work the heart was asked to do.",
        'X["pressure_product"] = X["thalach"] * X["trestbps"] / 1000',
        "heart rate times blood pressure (rate-pressure product)",
    ),
    "silent": Feature(
        "No chest pain at rest, yet angina under load.",
        'X["silent"] = (X["cp"] == 4) * X["exang"]',
        "no chest pain at rest, yet angina in the exercise test",
    ),
    "male_defect": Feature(
        "A reversible defect in a man: the two strongest signs together.",
        'X["male_defect"] = X["sex"] * (X["thal"] == 7)',
        "sex and a reversible thallium defect together",
    ),
    "red_flags": Feature(
        "How many of the classic warning signs a patient shows.",
        'signs = [X["cp"] == 4, X["exang"] == 1, X["ca"] > 0, X["thal"] > 3, X["oldpeak"] > 1]\n'
        'X["red_flags"] = sum(sign.astype(float) for sign in signs)',
        "a count of warning signs (cp 4, exang, ca > 0, thal > 3, oldpeak > 1)",
    ),
    "log_chol": Feature(
        "Doubling matters, not adding: the tail of cholesterol is long.",
        'X["chol"] = np.log(X["chol"].clip(lower=50))',
        "cholesterol on a log scale, its tail is long",
    ),
    "root_oldpeak": Feature(
        "The first millimetre of ST depression tells more than the third.",
        'X["oldpeak"] = np.sqrt(X["oldpeak"].clip(lower=0))',
        "square root of ST depression: the first millimetre tells most",
    ),
}

HEART_PROFILE = Profile(
    name="heart",
    # The number of vessels is a count, 0 to 3, with gaps: few enough levels to treat as codes.
    codes=(*CATEGORICAL, "ca"),
    curved=tuple(column for column in NUMERIC if column != "ca"),
    features=tuple(_CLINICAL.items()),
    droppable=("fbs", "chol", "restecg", "trestbps"),
)


def profile_of(task_name: str) -> Profile:
    """The profile of a task; one without column names for any task but HEART."""
    return HEART_PROFILE if task_name == "heart" else Profile(task_name)
