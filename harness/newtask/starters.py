"""The files of a new task, each from its template: task.toml, train.py, program.md, look.html."""

import json
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from harness.candidate import LINE
from harness.task import Task

FEW = 10  # categories of a column from which on rare ones are pooled
SHOWN = 300  # columns of a wide table that are described


def write_train(task: Task, X: pd.DataFrame) -> str:
    """Write the starting `train.py` for a task's column types; `X` are the training rows."""
    of = {kind: [] for kind in ("number", "category", "date", "text")}
    for name, kind in task.columns:
        if name != task.groups:
            of[kind.partition(" ")[0]].append(name)
    many = any(X[name].nunique() > FEW for name in of["category"])
    dates = (X[name].dropna() for name in of["date"])
    hours = any((date.dt.normalize() != date).any() for date in dates)
    page = PAGES.get_template("own_train.py.txt")
    return page.render(task=task, LINE=LINE, many=many, hours=hours, **of)


def write_texts(task: Task, X: pd.DataFrame, y: np.ndarray, rows: int, made) -> dict[str, str]:
    """Write all files of a task: `X` and `y` are its training rows, for sealed ones tell nobody."""
    names = task.labels or (f"not {' or '.join(task.positive)}", " or ".join(task.positive))
    answer = pd.Series(y if task.kind == "regression" else np.array(names, dtype=object)[y])
    asked = task.target, "number" if task.kind == "regression" else "category", answer
    told = {"task": task, "rows": rows, "n_train": len(X), "made": made, "asked": asked}
    told["shown"] = [(name, kind, X[name]) for name, kind in task.columns[:SHOWN]]
    files = {"task.toml": "task.toml.txt", "program.md": "own_program.md", "look.html": "look.html"}
    texts = {name: PAGES.get_template(file).render(told) for name, file in files.items()}
    return texts | {"train.py": write_train(task, X)}


def _toml(value: object) -> str:
    """A value of TOML: JSON's escapes of text are TOML's, apart from DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _toml(name)


def _string(text: str) -> str:
    """A Python string in double quotes, whatever is in it."""
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else json.dumps(text)


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _describe(values: pd.Series, kind: str) -> str:
    """What a column holds, in a few words; nothing about the target."""
    empty = values.isna().mean()
    gaps = f", {empty:.0%} missing" if empty >= 0.005 else ", few missing" if empty else ""
    there = values.dropna()
    if kind[:6] == "number":
        return f"{there.min():.6g} to {there.max():.6g}, median {there.median():.6g}{gaps}"
    if kind[:4] == "date":
        return f"{there.min():%Y-%m-%d} to {there.max():%Y-%m-%d}{gaps}"
    if kind == "text":
        return f"about {there.str.split().str.len().mean():.0f} words each{gaps}"
    counts = there.astype(object).value_counts()
    shown = ", ".join(f"{_cell(v)[:30]}" for v in counts.index[:6])
    return f"{len(counts)} values: {shown}{', …' if len(counts) > 6 else ''}{gaps}"


def _bars(values: pd.Series, kind: str) -> list[int]:
    """Heights of a small histogram, from 0 to 30: of categories, the most frequent first."""
    there = values.dropna()
    if kind == "category":
        counts = there.astype(object).value_counts()[:24].to_numpy()
    else:
        there = there.str.len() if kind == "text" else there
        counts = np.histogram(there.astype("int64" if kind[:4] == "date" else float), 24)[0]
    return [round(30 * c / max(counts.max(), 1)) for c in counts]


PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=jinja2.select_autoescape(["html"]),
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
)
PAGES.filters |= {"toml": _toml, "key": _key, "py": _string, "cell": _cell}
PAGES.filters |= {"describe": _describe, "bars": _bars}
