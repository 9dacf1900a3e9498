"""A `train.py` as a short list of choices: write one out as source, read one back.

The offline agents think in recipes ("one-hot codes, splines, two models
averaged") and hand over source. `render` writes a recipe the way a person
would, always in the same order, so that one changed choice is a small diff.
`parse` reads the choices back from the text alone: an agent rebuilt after a
crash needs no memory of its own. Reading is checked by writing: a source is
*recognised* only if rendering what was read gives the same program again.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from textwrap import wrap

from harness.agents.playbook.models import MODELS, Member, member, read_members
from harness.agents.playbook.profiles import Profile
from harness.agents.playbook.surgery import explode
from harness.candidate import LINE, MAX_HYPOTHESIS, import_lines, normalise

DOCSTRING = (
    '"""The one file an agent may change. `python train.py` asks the harness to score it."""'
)
MAIN_GUARD = """if __name__ == "__main__":
    from harness.cli import main

    raise SystemExit(main(["evaluate", __file__]))"""


@dataclass(frozen=True)
class Recipe:
    """The choices that make up one `train.py`; the defaults are the baseline."""

    features: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()  # one-hot columns; ("*",) means "whatever is not a number"
    rare: int = 0  # pool codes seen fewer times than this
    knots: int = 0  # 0: no splines
    degree: int = 3
    scale: str = "standard"
    impute: str = "median"
    flags: bool = False  # say which numbers were missing
    interactions: bool = False
    members: tuple[Member, ...] = (member("logistic"),)
    combine: str = "vote"  # how several members make one: vote, rank, stack
    weights: tuple[int, ...] = ()
    wrap: tuple = ()  # ("bagging", n, samples, features) or ("calibrated", method)


SCALERS = {
    "standard": ("StandardScaler", "StandardScaler()"),
    "robust": ("RobustScaler", "RobustScaler()"),
    "power": ("PowerTransformer", "PowerTransformer()"),
    "quantile": (
        "QuantileTransformer",
        'QuantileTransformer(n_quantiles=50, output_distribution="normal")',
    ),
}

# Read in this order: products of columns are scaled once more, always by StandardScaler.
_SCALERS_READ = sorted(SCALERS.items(), key=lambda item: item[0] == "standard")

RANK_AVERAGE = '''class RankAverage(ClassifierMixin, BaseEstimator):
    """Average where a patient ranks with each member, not the members' probabilities.

    One member may be bolder than another; ranks put them on one scale. A rank is
    taken among out-of-fold training scores, so it does not depend on who else is asked.
    """

    def __init__(self, members):
        self.members = members

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fitted_ = [clone(model).fit(X, y) for _, model in self.members]
        self.reference_ = [
            np.sort(cross_val_predict(model, X, y, cv=3, method="predict_proba")[:, 1])
            for _, model in self.members
        ]
        return self

    def predict_proba(self, X):
        ranks = [
            np.interp(model.predict_proba(X)[:, 1], reference, np.linspace(0, 1, len(reference)))
            for model, reference in zip(self.fitted_, self.reference_)
        ]
        p = np.mean(ranks, axis=0)
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]'''


def render(recipe: Recipe, hypothesis: str, profile: Profile) -> str:
    """Write a recipe out as the text of a `train.py`.

    Parameters
    ----------
    recipe : Recipe
    hypothesis : str
        One line; cut to the length that the contract allows.
    profile : Profile
        The meaning of the task's columns.

    Returns
    -------
    str
    """
    needs: set[tuple[str, str]] = {("sklearn.pipeline", "make_pipeline")}
    constants, features = _render_columns(recipe, profile), _render_features(recipe, profile)
    body = _render_build(recipe, profile, needs)
    custom = recipe.combine == "rank" and len(recipe.members) > 1
    if custom:
        needs |= {("sklearn.base", n) for n in ("BaseEstimator", "ClassifierMixin", "clone")}
        needs.add(("sklearn.model_selection", "cross_val_predict"))
    line = " ".join(hypothesis.split())[:MAX_HYPOTHESIS]
    head = [DOCSTRING, "", *_imports(needs, numpy=custom or "np." in features), ""]
    head.append(_hypothesis(line))
    parts = ["\n".join([*head, *constants])]
    if custom:
        parts.append(RANK_AVERAGE)
    parts += [features, body, MAIN_GUARD]
    return "\n\n\n".join(parts) + "\n"


def parse(source: str, profile: Profile) -> tuple[Recipe, bool]:
    """Read the choices back from a source.

    Returns
    -------
    recipe : Recipe
        What was recognised; the nearest recipe where something was not.
    exact : bool
        True if the recipe accounts for the whole program.
    """
    text = normalise(source)
    return _parse_normalised(text, profile)


@lru_cache(maxsize=256)
def _parse_normalised(text: str, profile: Profile) -> tuple[Recipe, bool]:
    lists = _string_lists(text)
    flat = _dedent(text)
    features = tuple(key for key, f in profile.features if normalise(f.code) in flat)
    knots = re.search(r"SplineTransformer\(n_knots=(\d+), degree=(\d+)", text)
    rare = re.search(r"OneHotEncoder\([^)]*min_frequency=(\d+)", text)
    onehot = "OneHotEncoder(" in text
    codes = tuple(lists.get("CODES", profile.codes if profile.named else ("*",))) if onehot else ()
    drop = re.search(r"\.drop\(columns=(\[[^\]]*\])\)", text)
    members, spans = read_members(text)
    recipe = Recipe(
        features=features,
        drop=tuple(ast.literal_eval(drop.group(1))) if drop else (),
        codes=codes,
        rare=int(rare.group(1)) if rare else 0,
        knots=int(knots.group(1)) if knots else 0,
        degree=int(knots.group(2)) if knots else 3,
        scale=next((k for k, (name, _) in _SCALERS_READ if name + "(" in text), "standard"),
        impute="knn" if "KNNImputer(" in text else "median",
        flags="add_indicator=True" in text,
        interactions="PolynomialFeatures(" in text,
        members=members or Recipe().members,
        combine="rank" if "RankAverage(" in text else "stack" if "Stacking" in text else "vote",
        weights=_read_weights(text),
        wrap=_read_wrap(text),
    )
    if len(recipe.members) == 1:
        recipe = replace(recipe, combine="vote", weights=())
    return recipe, bool(spans) and normalise(render(recipe, "", profile)) == text


def _render_columns(recipe: Recipe, profile: Profile) -> list[str]:
    """Module constants that name the columns, where the task's columns have names."""
    lines = []
    if recipe.codes and profile.named:
        lines += ["", "# Columns whose numbers are names: 4 is not twice 2."]
        lines.append(_fit_line(f"CODES = {_list(c for c in recipe.codes if c not in recipe.drop)}"))
    if recipe.knots and profile.named:
        lines += ["", "# Continuous columns, where risk need not rise in a straight line."]
        lines.append(
            _fit_line(f"CURVED = {_list(c for c in profile.curved if c not in recipe.drop)}")
        )
    return lines


def _render_features(recipe: Recipe, profile: Profile) -> str:
    lines = [
        "def feature_fn(X):",
        '    """Turn the raw patient table into the table that the model sees."""',
    ]
    if recipe.features:
        lines.append("    X = X.copy()")
    for key, feature in profile.features:  # the profile's order, not the order of discovery
        if key in recipe.features:
            lines.append(f"    # {feature.why}")
            lines += [f"    {line}" for line in feature.code.splitlines()]
    if recipe.drop:
        lines.append("    # Left out: a column that tells little is one more way to overfit.")
        lines.append(f"    return X.drop(columns={_list(recipe.drop)})")
    else:
        lines.append("    return X")
    return "\n".join(lines)


def _render_build(recipe: Recipe, profile: Profile, needs: set) -> str:
    lines = [
        "def build_pipeline():",
        '    """Return a fresh estimator; the harness fits it once per fold."""',
    ]
    steps = _render_preparation(recipe, profile, needs, lines)
    steps.append(_render_model(recipe, needs, lines))
    lines.append("    return make_pipeline(")
    lines += [explode(step, 8) + "," for step in steps]
    lines.append("    )")
    return "\n".join(lines)


def _render_preparation(recipe: Recipe, profile: Profile, needs: set, lines: list) -> list[str]:
    """Steps before the model; helpers that they use are appended to `lines`."""
    flag = ", add_indicator=True" if recipe.flags else ""
    if recipe.impute == "knn":
        needs.add(("sklearn.impute", "KNNImputer"))
        imputer = f"KNNImputer(n_neighbors=10{flag})"
    else:
        needs.add(("sklearn.impute", "SimpleImputer"))
        imputer = f'SimpleImputer(strategy="median"{flag})'
    scaler_name, scaler = SCALERS[recipe.scale]
    needs.add(("sklearn.preprocessing", scaler_name))
    steps = [imputer, scaler]
    if recipe.codes or recipe.knots:
        blocks = []
        if recipe.codes:
            needs.add(("sklearn.preprocessing", "OneHotEncoder"))
            lines.append(
                "    # One column per code. Missing is a code of its own; new codes are ignored."
            )
            pool = (
                f'min_frequency={recipe.rare}, handle_unknown="infrequent_if_exist"'
                if recipe.rare
                else 'handle_unknown="ignore"'
            )
            lines.append(explode(f"codes = OneHotEncoder({pool}, sparse_output=False)", 4))
            blocks.append(f"(codes, {'CODES' if profile.named else _selector('exclude', needs)})")
        if recipe.knots:
            needs.add(("sklearn.preprocessing", "SplineTransformer"))
            lines.append("    # A few bends per column; flat beyond the range seen in training.")
            # Quantiles put the bends where the rows are, but need more than two values per column.
            knots = ' knots="quantile",' if profile.named else ""
            spline = (
                f"SplineTransformer(n_knots={recipe.knots}, degree={recipe.degree},"
                f'{knots} extrapolation="constant")'
            )
            plain = 'SimpleImputer(strategy="median")'
            needs.add(("sklearn.impute", "SimpleImputer"))
            lines.append(explode(f"curves = make_pipeline({plain}, {spline})", 4))
            blocks.append(f"(curves, {'CURVED' if profile.named else _selector('include', needs)})")
        lines.append(explode(f"numbers = make_pipeline({imputer}, {scaler})", 4))
        needs.add(("sklearn.compose", "make_column_transformer"))
        steps = [f"make_column_transformer({', '.join(blocks)}, remainder=numbers)"]
    if recipe.interactions:
        needs.add(("sklearn.preprocessing", "PolynomialFeatures"))
        steps.append("PolynomialFeatures(degree=2, interaction_only=True, include_bias=False)")
        # Products of scaled columns are on no common scale, and a penalty needs one.
        needs.add(("sklearn.preprocessing", "StandardScaler"))
        steps.append("StandardScaler()")
    return steps


def _render_model(recipe: Recipe, needs: set, lines: list) -> str:
    """The last step; a list of members is appended to `lines` if there are several."""
    for kind, _ in recipe.members:
        needs |= set(MODELS[kind].imports)
    if len(recipe.members) == 1:
        model = MODELS[recipe.members[0][0]].write(recipe.members[0])
    else:
        lines.append("    members = [")
        for name, one in zip(_names(recipe.members), recipe.members, strict=True):
            lines.append(explode(f'("{name}", {MODELS[one[0]].write(one)})', 8) + ",")
        lines.append("    ]")
        model = _render_combination(recipe, needs)
    if recipe.wrap:
        lines.append(explode(f"model = {model}", 4))
        if recipe.wrap[0] == "bagging":
            needs.add(("sklearn.ensemble", "BaggingClassifier"))
            _, n, samples, share = recipe.wrap
            return (
                f"BaggingClassifier(model, n_estimators={n}, max_samples={samples},"
                f" max_features={share}, random_state=42)"
            )
        needs.add(("sklearn.calibration", "CalibratedClassifierCV"))
        return f'CalibratedClassifierCV(model, method="{recipe.wrap[1]}", cv=5)'
    return model


def _render_combination(recipe: Recipe, needs: set) -> str:
    if recipe.combine == "rank":
        return "RankAverage(members)"
    if recipe.combine == "stack":
        needs.add(("sklearn.ensemble", "StackingClassifier"))
        needs.add(("sklearn.linear_model", "LogisticRegression"))
        return "StackingClassifier(members, final_estimator=LogisticRegression(C=0.1), cv=5)"
    needs.add(("sklearn.ensemble", "VotingClassifier"))
    weights = f", weights={list(recipe.weights)}" if recipe.weights else ""
    return f'VotingClassifier(members, voting="soft"{weights})'


def _names(members: tuple[Member, ...]) -> list[str]:
    """One name per member; a second model of a kind gets a number."""
    names: list[str] = []
    for kind, _ in members:
        same = sum(name.split("-")[0] == kind for name in names)
        names.append(f"{kind}-{same + 1}" if same else kind)
    return names


def _selector(how: str, needs: set) -> str:
    needs.add(("sklearn.compose", "make_column_selector"))
    return f'make_column_selector(dtype_{how}="number")'


def _imports(needs: set[tuple[str, str]], numpy: bool) -> list[str]:
    lines = ["import numpy as np"] if numpy else []
    for module in sorted({m for m, _ in needs}):
        lines += import_lines(module, [n for m, n in needs if m == module])
    return lines


def _fit_line(text: str) -> str:
    """An assignment on one line, or its value broken below where that is too long."""
    return text if len(text) <= LINE else explode(text, 0)


def _hypothesis(text: str) -> str:
    """The HYPOTHESIS line; a long one as pieces that Python reads as one string."""
    if len(text) + 15 <= LINE:
        return f"HYPOTHESIS = {_quoted(text)}"
    pieces = wrap(text, LINE - 7, drop_whitespace=False)
    return "HYPOTHESIS = (\n" + "".join(f"    {_quoted(p)}\n" for p in pieces) + ")"


def _quoted(text: str) -> str:
    """A string literal in double quotes, as the formatter writes it."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if '"' not in text and "\\" not in literal else literal


def _list(names) -> str:
    return "[" + ", ".join(f'"{n}"' for n in names) + "]"


def _dedent(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def _string_lists(text: str) -> dict[str, list[str]]:
    """Module-level `NAME = [...]` lists of strings."""
    found = {}
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
                found[node.targets[0].id] = value
    return found


def _read_weights(text: str) -> tuple[int, ...]:
    found = re.search(r"weights=\[([\d, ]+)\]", text)
    return tuple(int(w) for w in found.group(1).split(",")) if found else ()


def _read_wrap(text: str) -> tuple:
    bag = re.search(
        r"BaggingClassifier\(model, n_estimators=(\d+), max_samples=([\d.]+),"
        r" max_features=([\d.]+)",
        text,
    )
    if bag:
        return ("bagging", int(bag.group(1)), float(bag.group(2)), float(bag.group(3)))
    cal = re.search(r"CalibratedClassifierCV\(model, method='(\w+)'", text)
    return ("calibrated", cal.group(1)) if cal else ()
