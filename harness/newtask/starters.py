"""The starting `train.py` and `program.md` of a task of one's own, written for its columns."""

import json
from collections.abc import Mapping
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from harness.candidate import LINE
from harness.task import Task

FEW = 10  # categories of a column from which on rare ones are pooled
SHOWN = 300  # columns of a wide table that are described
LOGISTIC = "LogisticRegression(max_iter=1000, random_state=42)"
MODELS = {
    "binary": (LOGISTIC, "logistic regression"),
    "multiclass": (LOGISTIC, "multinomial logistic regression"),
    "regression": ("Ridge(alpha=1.0)", "ridge regression"),
}
WORDS = {
    "number": "scaled numbers",
    "category": "one-hot categories",
    "date": "dates as numbers",
    "text": "TF-IDF of text",
}
PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=jinja2.select_autoescape(["html"]),
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
)


def write_train(task: Task, X: pd.DataFrame) -> str:
    """Write the starting `train.py` for a task's column types.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        The features of the training rows: how many categories there are, which dates have a time.
    """
    of = {
        kind: [n for n, k in task.columns if k.partition(" ")[0] == kind and n != task.groups]
        for kind in WORDS
    }
    does = ", ".join(words for kind, words in WORDS.items() if of[kind])
    model, model_words = MODELS[task.kind]
    lists = {"CATEGORIES": of["category"], "DATES": of["date"], "TEXTS": of["text"]}
    dates = [X[name].dropna() for name in of["date"]]
    return PAGES.get_template("own_train.py.txt").render(
        **of,
        many=any(X[name].nunique() > FEW for name in of["category"]),
        hours=any((date.dt.normalize() != date).any() for date in dates),
        groups=_string(task.groups) if task.groups else "",
        hypothesis=_hypothesis(f"baseline: {does}, {model_words}"),
        constants=[_constant(name, values) for name, values in lists.items() if values],
        model=model,
        task=_string(task.ref),
    )


def _constant(name: str, values: list[str]) -> str:
    line = f"{name} = [{', '.join(map(_string, values))}]"
    if len(line) <= LINE:
        return line
    return f"{name} = [\n" + "".join(f"    {_string(v)},\n" for v in values) + "]"


def _string(text: str) -> str:
    """A Python string in double quotes, whatever is in it."""
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else json.dumps(text)


def _hypothesis(text: str) -> str:
    line = f"HYPOTHESIS = {_string(text)}"
    if len(line) <= LINE:
        return line
    at = text.rindex(" ", 0, LINE - 10) + 1
    return f"HYPOTHESIS = (\n    {_string(text[:at])}\n    {_string(text[at:])}\n)"


def write_toml(task: Task, rows: int, dropped: Mapping[str, str]) -> str:
    """Write the `task.toml` that freezes what was decided; `rows` are noted for a reader."""
    return PAGES.get_template("task.toml.txt").render(task=task, rows=rows, dropped=dropped)


def _toml(value: object) -> str:
    """A value of TOML: JSON's escapes of text are TOML's, apart from DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _toml(name)


PAGES.filters |= {"toml": _toml, "key": _key}


def write_program(task: Task, X: pd.DataFrame, n: int, dropped: Mapping[str, str]) -> str:
    """Write the starting `program.md`: what the task is, what a candidate is, how to work.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        The features of the training rows, to say what each column holds: of the sealed ones
        no agent hears.
    n : int
        Rows of the whole table.
    dropped : mapping of str to str
        Columns that no model sees, and why.
    """
    columns = [
        (_cell(c), kind.partition(" ")[0], _describe(X[c], kind))
        for c, kind in task.columns[:SHOWN]
    ]
    told = {"n_rows": n, "n_train": len(X), "n_columns": len(task.columns)}
    page = PAGES.get_template("own_program.md")
    return page.render(task=task, columns=columns, dropped=dropped, **told)


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


def write_look(task: Task, X: pd.DataFrame, y: np.ndarray, n: int, dropped, made) -> str:
    """Write the page that shows a person the table: what was found, what was decided and why.

    Parameters
    ----------
    X, y : DataFrame of shape (n_train, p), ndarray of shape (n_train,)
        The training rows: what is sealed is not looked at.
    n : int
        Rows of the whole table.
    dropped : mapping of str to str
        Columns that no model sees, and why.
    made : Made
        Choices and warnings.
    """
    names = task.labels or (f"not {' or '.join(task.positive)}", " or ".join(task.positive))
    answer = pd.Series(y if task.kind == "regression" else np.array(names, dtype=object)[y])
    kinds = {
        task.target: "number" if task.kind == "regression" else "category",
        **dict(task.columns),
    }
    cells = {name: dict(said) for name, said in task.csv.cells}
    columns = [
        (name, kind, _describe(values, kind), *_bars(values, kind), cells.get(name, {}))
        for name, kind in list(kinds.items())[:SHOWN]
        for values in [answer if name == task.target else X[name]]
    ]
    return PAGES.get_template("look.html").render(
        task=task,
        columns=columns,
        more=len(kinds) - len(columns),
        n=n,
        n_train=len(X),
        dropped=dropped,
        made=made,
    )


def _bars(values: pd.Series, kind: str) -> tuple[list[int], str]:
    """Heights of a small histogram, from 0 to 30, and what it is about."""
    there = values.dropna()
    if kind == "category":
        counts = there.astype(str).value_counts()[:24].to_numpy()
        what = "rows of each value, the most frequent first"
    else:
        if kind == "text":
            there = there.str.len()
        counts = np.histogram(there.astype("int64" if kind[:4] == "date" else float), 24)[0]
        what = "rows from the least value to the greatest"
    return [round(30 * c / max(counts.max(), 1)) for c in counts] if len(counts) else [], what
