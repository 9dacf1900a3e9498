"""The starting `train.py` and `program.md` of a task of one's own, written for its columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from harness.candidate import import_lines
from harness.task import Task

TEXT_TERMS = 100  # of a text column: the most frequent words
RARE = 5  # a category on fewer training rows is pooled with the other rare ones
FEW = 10  # categories of a column from which on rare ones are pooled
LINE = 100
MODELS = {
    "binary": ("LogisticRegression", "LogisticRegression(max_iter=1000, random_state=42)"),
    "multiclass": ("LogisticRegression", "LogisticRegression(max_iter=1000, random_state=42)"),
    "regression": ("Ridge", "Ridge(alpha=1.0)"),
}
MODEL_WORDS = {
    "binary": "logistic regression",
    "multiclass": "multinomial logistic regression",
    "regression": "ridge regression",
}


def write_train(task: Task, X: pd.DataFrame) -> str:
    """Write the starting `train.py` for a task's column types.

    Parameters
    ----------
    task : Task
    X : DataFrame of shape (n, p)
        The task's features, to see how many categories there are and which dates have a time.
    """
    of: dict[str, list[str]] = {"number": [], "category": [], "text": [], "date": []}
    for name, kind in task.columns:
        if name != task.groups:
            of[kind.partition(" ")[0]].append(name)
    needs = {("sklearn.linear_model", MODELS[task.kind][0]), ("sklearn.pipeline", "make_pipeline")}
    constants, body = _feature_lines(task, X, of)
    if "pd.Timestamp" in "\n".join(body):
        needs.add(("pandas", ""))
    build = _build_lines(task, X, of, needs)
    words = ["scaled numbers"] * bool(of["number"]) + ["one-hot categories"] * bool(of["category"])
    words += ["dates as numbers"] * bool(of["date"]) + ["TF-IDF of text"] * bool(of["text"])
    parts = [
        '"""The one file an agent may change; `python train.py` has the harness score it."""',
        "",
        *_imports(needs),
        "",
        *_hypothesis(f"baseline: {', '.join(words)}, {MODEL_WORDS[task.kind]}"),
        *([""] if constants else []),
        *constants,
        "",
        "",
        "def feature_fn(X):",
        '    """Turn the raw table into the table that the model sees."""',
        *body,
        "",
        "",
        "def build_pipeline():",
        '    """Return a fresh estimator; the harness fits it once per fold."""',
        *build,
        "",
        "",
        'if __name__ == "__main__":',
        "    from harness.cli import main",
        "",
        f'    raise SystemExit(main(["evaluate", __file__, "--task", {_string(task.ref)}]))',
    ]
    return "\n".join(parts) + "\n"


def _feature_lines(task: Task, X: pd.DataFrame, of: dict) -> tuple[list[str], list[str]]:
    """The constants that name columns, and the body of `feature_fn`."""
    constants, body, drop = [], [], []
    for kind, name in (("category", "CATEGORIES"), ("date", "DATES"), ("text", "TEXTS")):
        if of[kind]:
            constants.append(_constant(name, of[kind]))
    if of["date"]:
        body += _date_lines(X, of["date"])
        drop.append("*DATES")
    if of["text"]:
        body += ["    for name in TEXTS:", '        X[name] = X[name].fillna("")  # no text']
    if task.groups:
        constants += [
            "# Folds keep these groups together, so validation rows belong to none seen before:",
            "# what a model learns about a group by name holds for no other.",
            f"GROUPS = {_string(task.groups)}",
        ]
        drop.append("GROUPS")
    if body:
        body.insert(0, "    X = X.copy()")
    if not drop:
        return constants, [*body, "    return X"]
    columns = drop[0][1:] if drop == ["*DATES"] else f"[{', '.join(drop)}]"
    return constants, [*body, f"    return X.drop(columns={columns})"]


def _build_lines(task: Task, X: pd.DataFrame, of: dict, needs: set) -> list[str]:
    """The body of `build_pipeline`; what it imports is added to `needs`."""
    numbers, model = of["number"] or of["date"], MODELS[task.kind][1]
    if numbers:
        needs |= {("sklearn.impute", "SimpleImputer"), ("sklearn.preprocessing", "StandardScaler")}
    if not (of["category"] or of["text"]):
        steps = ['SimpleImputer(strategy="median")', "StandardScaler()", model]
        return ["    return make_pipeline(", *(f"        {step}," for step in steps), "    )"]
    needs.add(("sklearn.compose", "make_column_transformer"))
    lines, blocks = [], []
    if numbers:
        needs.add(("sklearn.compose", "make_column_selector"))
        both = 'SimpleImputer(strategy="median"), StandardScaler()'
        lines.append(f"    numbers = make_pipeline({both})")
        blocks.append('(numbers, make_column_selector(dtype_include="number"))')
    if of["category"]:
        needs.add(("sklearn.preprocessing", "OneHotEncoder"))
        if max(X[name].nunique() for name in of["category"]) <= FEW:
            options = 'handle_unknown="ignore", sparse_output=False'
            lines.append(f"    categories = OneHotEncoder({options})")
        else:
            options = f'min_frequency={RARE}, handle_unknown="infrequent_if_exist"'
            lines += [
                "    # What is rare among the training rows, or new, shares one column.",
                "    categories = OneHotEncoder(",
                f"        {options}, sparse_output=False",
                "    )",
            ]
        blocks.append("(categories, CATEGORIES)")
    if of["text"]:
        needs.add(("sklearn.feature_extraction.text", "TfidfVectorizer"))
        options = f'max_features={TEXT_TERMS}, token_pattern=r"\\w+"'
        lines.append(f"    words = TfidfVectorizer({options})")
        blocks.append("*((words, name) for name in TEXTS)")
    blocks.append("sparse_threshold=0")  # every model takes a dense table, few a sparse one
    lines += [
        "    columns = make_column_transformer(",
        *(f"        {block}," for block in blocks),
        "    )",
        f"    return make_pipeline(columns, {model})",
    ]
    return lines


def _date_lines(X: pd.DataFrame, names: list[str]) -> list[str]:
    lines = [
        "    for name in DATES:",
        "        date = X[name].dt",
        '        X[f"{name} day"] = (X[name] - pd.Timestamp("2000-01-01")).dt.days.astype(float)',
        '        X[f"{name} month"] = date.month.astype(float)',
        '        X[f"{name} weekday"] = date.day_of_week.astype(float)',
    ]
    if any((X[name].dropna().dt.normalize() != X[name].dropna()).any() for name in names):
        lines.append('        X[f"{name} hour"] = date.hour.astype(float)')
    return lines


def _constant(name: str, values: list[str]) -> str:
    line = f"{name} = [{', '.join(map(_string, values))}]"
    if len(line) <= LINE:
        return line
    return f"{name} = [\n" + "".join(f"    {_string(v)},\n" for v in values) + "]"


def _string(text: str) -> str:
    """A Python string in double quotes, whatever is in it."""
    import json

    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else json.dumps(text)


def _hypothesis(text: str) -> list[str]:
    line = f"HYPOTHESIS = {_string(text)}"
    if len(line) <= LINE:
        return [line]
    at = text.rindex(" ", 0, LINE - 10) + 1
    return ["HYPOTHESIS = (", f"    {_string(text[:at])}", f"    {_string(text[at:])}", ")"]


def _imports(needs: set[tuple[str, str]]) -> list[str]:
    lines = ["import pandas as pd"] if ("pandas", "") in needs else []
    for module in sorted({m for m, n in needs if n}):
        lines += import_lines(module, [n for m, n in needs if m == module])
    return lines


def write_program(task: Task, X: pd.DataFrame, n: int, dropped: Mapping[str, str]) -> str:
    """Write the starting `program.md`: what the task is, what a candidate is, how to work.

    Parameters
    ----------
    task : Task
    X : DataFrame of shape (n, p)
    n : int
        Rows of the training split.
    dropped : mapping of str to str
        Columns that no model sees, and why.
    """
    template = Path(__file__).with_name("own_program.md").read_text("utf-8")
    methods = {
        "binary": "`fit` and `predict_proba` or `decision_function`",
        "multiclass": "`fit` and `predict_proba`",
        "regression": "`fit` and `predict`",
    }[task.kind]
    answer = {
        "binary": f"whether `{task.target}` is {' or '.join(f'`{p}`' for p in task.positive)}",
        "multiclass": f"`{task.target}`, one of {', '.join(f'`{c}`' for c in task.labels)}",
        "regression": f"`{task.target}`, a number",
    }[task.kind]
    how = "five frozen folds" if task.n_folds == 5 else f"{task.n_folds} frozen folds"
    if task.time:
        how += f" that each come after the rows they learn from, by `{task.time}`"
    if task.groups:
        how += f" that never part rows with the same `{task.groups}`"
    table = ["| column | type | what it holds |", "|---|---|---|"]
    for name, kind in task.columns:
        table.append(f"| {_cell(name)} | {kind.partition(' ')[0]} | {_describe(X[name], kind)} |")
    gone = [f"- `{name}`: {why}" for name, why in dropped.items()]
    values = {
        "name": task.name,
        "answer": answer,
        "metric": task.metric,
        "how": how,
        "budget": f"{task.budget_s:g}",
        "rows": f"{len(X)} rows, {len(task.columns)} columns",
        "n_train": str(n),
        "table": "\n".join(table),
        "dropped": "\n".join(["\n\nLeft out, since no model should see them:", *gone])
        if gone
        else "",
        "methods": methods,
    }
    for key, value in values.items():
        template = template.replace("{{" + key + "}}", value)
    return template


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _describe(values: pd.Series, kind: str) -> str:
    """What a column holds, in a few words; nothing about the target."""
    empty = values.isna().mean()
    gaps = f", {empty:.0%} missing" if empty >= 0.005 else ", few missing" if empty else ""
    there = values.dropna()
    if kind == "number":
        return f"{there.min():.6g} to {there.max():.6g}, median {there.median():.6g}{gaps}"
    if kind.startswith("date"):
        return f"{there.min():%Y-%m-%d} to {there.max():%Y-%m-%d}{gaps}"
    if kind == "text":
        return f"about {there.str.split().str.len().mean():.0f} words each{gaps}"
    counts = there.astype(str).value_counts()
    shown = ", ".join(f"{_cell(v)[:30]}" for v in counts.index[:6])
    return f"{len(counts)} values: {shown}{', …' if len(counts) > 6 else ''}{gaps}"
