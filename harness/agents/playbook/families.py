"""Families of ideas: what a hypothesis is about, and how promising that is before any evidence.

An offline agent begins its hypothesis with its family ("encode: ..."). For a hypothesis that a
person or a language model wrote, the family is guessed from the words it uses (`families.toml`).
"""

from __future__ import annotations

import re

from harness.candidate import hypothesis_of
from harness.files import catalogue

_TOLD = catalogue(__file__)
PRIORS: dict[str, float] = _TOLD["priors"]
GENERAL: dict[str, float] = PRIORS | _TOLD["general"]
FAMILIES = tuple(PRIORS)


def family_of(hypothesis_or_source: str) -> str:
    """Tell which family of ideas a hypothesis, or the source that states it, belongs to.

    It is one of `FAMILIES`, "null" for the null agent, "baseline", or "other".
    """
    text = hypothesis_or_source
    if "\n" in text.strip() or text.lstrip().startswith(("HYPOTHESIS", "import ", "from ")):
        text = hypothesis_of(text)
    prefix, colon, _ = text.partition(":")
    prefix = prefix.strip().lower()
    if colon and (prefix in PRIORS or prefix in ("null", "baseline")):
        return prefix
    found = (f for f, words in _TOLD["words"].items() if re.search(words, text, re.IGNORECASE))
    return next(found, "other")
