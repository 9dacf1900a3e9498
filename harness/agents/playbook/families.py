"""Families of ideas: what a hypothesis is about, and how promising that is before any evidence.

An offline agent begins its hypothesis with its family ("encode: ..."). For a hypothesis that a
person or a language model wrote, the family is guessed from the words it uses.
"""

from __future__ import annotations

import re

from harness.candidate import hypothesis_of

# Prior chance that a move of the family is kept early in a run. Set by judgement after looking at
# `python -m benchmarks.moves` from two bases, in coarse steps; they are not computed from it. What
# the table showed: one-hot codes help by far the most; on top of them, bends, averaging with
# ExtraTrees and bagging add little, about one standard error; another model alone loses. Penalties
# hardly moved the mean and stand higher than the table would put them, because they are the
# cheapest guard on few rows. Rescaling gains as much as one-hot codes from the plain start, but
# nothing once the codes are one-hot, so it stands lower. Products of columns and a search inside
# the fold come last: they swing most. The table is from HEART, all of it, so HEART results of the
# playbook are optimistic.
PRIORS: dict[str, float] = {
    "encode": 0.8,
    "ensemble": 0.5,
    "curves": 0.5,
    "bagging": 0.4,
    "regularise": 0.3,
    "combine": 0.3,
    "tune": 0.2,
    "features": 0.2,
    "simplify": 0.2,
    "scale": 0.2,
    "model": 0.1,
    "missing": 0.1,
    "calibrate": 0.1,
    "interactions": 0.05,
    "automl": 0.05,
}
FAMILIES = tuple(PRIORS)

# For a task nobody here has seen, by judgement alone: which kind of model fits is not known, so
# trying others comes first; no column has a meaning, so features come late.
GENERAL: dict[str, float] = PRIORS | {"model": 0.6, "encode": 0.3, "tune": 0.3, "scale": 0.3}

# First match wins, so the special comes before the general.
_WORDS = {
    "automl": r"flaml|automl|auto-?sklearn|optuna",
    "ensemble": r"voting|stack|ensemble|averag|blend|rank",
    "calibrate": r"calibrat|isotonic|platt",
    "bagging": r"bagg|bootstrap",
    "encode": r"one.?hot|encod|dummy|dummies|categor",
    "curves": r"spline|\bbins?\b|binning|discreti|bend",
    "interactions": r"polynomial|interaction|pairwise",
    "missing": r"imput|missing|indicator|\bnan\b",
    "scale": r"scal|quantile|power transform|yeo|normali[sz]",
    "regularise": r"regulari|penalt|\bC\s*=|\bl1\b|\bl2\b|shrink",
    "simplify": r"simplif|remov|drop|undo|without",
    "model": r"forest|extratrees|boost|lightgbm|lgbm|xgb|\bsvc?m?\b|gaussian|bayes|neighbo|\bknn\b|"
    r"neural|mlp|discriminant|\blda\b",
    "tune": r"tun(e|ing)|n_estimators|depth|leaves|leaf|learning_rate|gamma|hyper",
    "features": r"feature|ratio|\blog\b|log1p|product|reserve|add column",
}


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
    found = (f for f, words in _WORDS.items() if re.search(words, text, re.IGNORECASE))
    return next(found, "other")
