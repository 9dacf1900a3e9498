"""Finding a task; those of one's own: `tasks/<name>/task.toml` to a `Task` and back."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.task import task as tasks
from harness.task.table import TYPES, CsvFormat, DataError
from harness.task.task import HEART, Task

KINDS = ("binary", "multiclass", "regression")
_PLAIN = {  # key in task.toml -> type
    "name": str,
    "kind": str,
    "metric": str,
    "target": str,
    "positive": list,
    "labels": list,
    "groups": str,
    "time": str,
    "n_folds": int,
    "fold_seed": int,
    "split_seed": int,
    "test_size": float,
    "budget_s": float,
    "baseline": float,
}
_DATA = {
    "file": str,
    "sha256": str,
    "separator": str,
    "decimal": str,
    "encoding": str,
    "missing": list,
}


def get_task(name: str | Path | Task = "heart") -> Task:
    """Find a task: `heart`, a name under `tasks/`, or the path of a task's folder.

    Raises
    ------
    DataError
        If there is no such task, or its `task.toml` is damaged.
    """
    if isinstance(name, Task):
        return name
    if str(name) == "heart":
        return HEART
    return find_task(name)


def task_names() -> Sequence[str]:
    """Names that `get_task` knows."""
    return ("heart", *sorted(path.parent.name for path in tasks.TASKS.glob("*/task.toml")))


def find_task(name: str | Path) -> Task:
    """Find a task by its name under `tasks/`, or by its folder or `task.toml`.

    Raises
    ------
    DataError
        If there is none; the message names those there are.
    """
    for folder in (tasks.TASKS / name, Path(name)):
        folder = folder.parent if folder.name == "task.toml" else folder
        if (folder / "task.toml").is_file():
            return load_task(folder)
    known = task_names()
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}"
    raise DataError(f"there is no task '{name}': {hint} (`ratchet new` makes one)")


def load_task(folder: Path) -> Task:
    """Read a folder's `task.toml`; the data is read and checked when the task is used.

    Raises
    ------
    DataError
        If the file cannot be read or says something that no task can have.
    """
    folder = Path(folder).resolve()
    path = folder / "task.toml"
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as err:
        raise DataError(f"{path} cannot be read ({err.strerror}): restore it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise DataError(f"{path} is not valid TOML ({err}): mend it") from None
    data, columns = found.pop("data", {}), found.pop("columns", {})
    found.pop("dropped", None)  # for people
    _check(path, found, _PLAIN, ("name", "kind", "metric", "target"))
    n_rows = data.pop("rows", 0)
    _check(path, data, _DATA, ("file", "sha256"))
    if found["kind"] not in KINDS:
        raise DataError(f"{path}: kind '{found['kind']}' is none of {', '.join(KINDS)}")
    if not columns:
        raise DataError(f"{path}: [columns] is empty: name at least one column to learn from")
    for name, kind in columns.items():
        if str(kind).partition(" ")[0] not in TYPES:
            raise DataError(f"{path}: column '{name}' is '{kind}': use {', '.join(TYPES)}")
    for role in ("groups", "time"):
        if found.get(role) is not None and found[role] not in columns:
            raise DataError(f"{path}: {role} '{found[role]}' is not in [columns]")
    if found["target"] in columns:
        raise DataError(f"{path}: the target '{found['target']}' is in [columns]: take it out")
    plain = {
        key: tuple(map(str, value))
        if isinstance(value, list)
        else float(value)
        if _PLAIN[key] is float
        else value
        for key, value in found.items()
    }
    form = {k: tuple(v) if k == "missing" else v for k, v in data.items() if k in CsvFormat._fields}
    return Task(
        **plain,
        path=folder / data["file"],
        sha256=data["sha256"],
        columns=tuple((str(name), str(kind)) for name, kind in columns.items()),
        csv=CsvFormat(**form),
        n_rows=n_rows if isinstance(n_rows, int) else 0,  # as noted by `ratchet new`, for agents
        folder=folder,
    )


def _check(path: Path, found: Mapping, types: Mapping[str, type], needed: tuple) -> None:
    for key in needed:
        if key not in found:
            raise DataError(f"{path} has no '{key}': put it back")
    for key, value in found.items():
        if key not in types:
            near = difflib.get_close_matches(key, types, 1)
            raise DataError(f"{path}: unknown '{key}'" + (f", say '{near[0]}'" if near else ""))
        ok = (int, float) if types[key] is float else types[key]
        if not isinstance(value, ok) or isinstance(value, bool):
            raise DataError(f"{path}: '{key}' must be a {types[key].__name__}, not {value!r}")


def write_toml(task: Task, rows: int, dropped: Mapping[str, str]) -> str:
    """Write a task out as the text of a `task.toml`.

    Parameters
    ----------
    task : Task
        One with `columns`, `csv` and `path`.
    rows : int
        Rows of the file, for the reader.
    dropped : mapping of str to str
        Columns that no model sees, and why.
    """
    form = task.csv or CsvFormat()
    lines = [
        f"# Task {task.name}: what is frozen. A run holds on to it: change something here, and",
        "# runs that began before are over. Make a new task for a new question.",
        f"name = {_text(task.name)}",
        f"kind = {_text(task.kind)}  # binary, multiclass or regression",
        f"metric = {_text(task.metric)}  # a scikit-learn scorer; greater is better",
        f"target = {_text(task.target)}  # the column to predict",
    ]
    if task.kind == "binary":
        lines.append(f"positive = {_list(task.positive)}  # values of the target that are class 1")
    if task.kind == "multiclass":
        lines.append(f"labels = {_list(task.labels)}  # classes 0, 1, 2 and so on")
    if task.groups:
        lines.append(f"groups = {_text(task.groups)}  # rows of one value never part between folds")
    if task.time:
        lines.append(f"time = {_text(task.time)}  # folds and test come after what they learn from")
    lines += [
        "",
        "# The split: the test rows are sealed first, the folds are made of the rest.",
        f"test_size = {task.test_size}",
        f"split_seed = {task.split_seed}",
        f"n_folds = {task.n_folds}",
        f"fold_seed = {task.fold_seed}",
        f"budget_s = {task.budget_s:g}  # wall-clock seconds for one candidate",
        "",
        "[data]",
        f"file = {_text(task.path.name)}",
        f"sha256 = {_text(task.sha256)}  # checked at every load",
        f"rows = {rows}",
        f"separator = {_text(form.separator)}",
        f"decimal = {_text(form.decimal)}",
        f"encoding = {_text(form.encoding)}",
        f"missing = {_list(form.missing)}  # marks of missing values, beside empty and NA",
        "",
        "[columns]  # what a model may see, and how it is read: number, category, text, date",
        *(f"{_key(name)} = {_text(kind)}" for name, kind in task.columns),
    ]
    if dropped:
        lines += ["", "[dropped]  # what no model sees, and why; move a line up to use the column"]
        lines += [f"{_key(name)} = {_text(why)}" for name, why in dropped.items()]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, apart from DEL."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _text(name)
