"""Finding a task; those of one's own: `tasks/<name>/task.toml` to a `Task`."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path

from harness import CALL
from harness.task import task as tasks
from harness.task.table import TYPES, CsvFormat, DataError, read_file
from harness.task.task import HEART, Task

KINDS = ("binary", "multiclass", "regression")

# Keys of task.toml by their types; those that [data] has.
_TASK = {
    str: "name kind metric target groups time subgroup",
    list: "positive labels",
    int: "split_seed n_folds fold_seed",
    float: "test_size budget_s baseline",
}
_DATA = {str: "file sha256 separator encoding answer", int: "rows", tuple: "skip"}


def get_task(name: str | Path | Task = "heart") -> Task:
    """Find a task: `heart`, a name under `tasks/`, or a task's folder or `task.toml`.

    Raises a DataError if there is none (the message names those there are), or its `task.toml` is
    damaged.
    """
    if isinstance(name, Task):
        return name
    if str(name) == "heart":
        return HEART
    for folder in (tasks.TASKS / name, Path(name)):
        folder = folder.parent if folder.name == "task.toml" else folder
        if (folder / "task.toml").is_file():
            return load_task(folder)
    known = ["heart", *sorted(path.parent.name for path in tasks.TASKS.glob("*/task.toml"))]
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}"
    raise DataError(f"there is no task '{name}': {hint} (`{CALL} new` makes one)")


def load_task(folder: Path) -> Task:
    """Read a folder's `task.toml`; the data is read and checked when the task is used.

    Raises a DataError if the file cannot be read or says something that no task can have.
    """
    folder = Path(folder).resolve()
    path = folder / "task.toml"
    try:
        found = tomllib.loads(read_file(path, "restore it").decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise DataError(f"{path} is not valid TOML ({err}): mend it") from None
    data, columns, cells = (found.pop(table, {}) for table in ("data", "columns", "cells"))
    found.pop("dropped", None)  # for people
    data.setdefault("rows", 0)
    plain = _checked(path, found, _TASK, ("name", "kind", "metric", "target"))
    data = _checked(path, data, _DATA, ("file", "sha256"))
    if plain["kind"] not in KINDS:
        raise DataError(f"{path}: kind '{plain['kind']}' is none of {', '.join(KINDS)}")
    if not columns:
        raise DataError(f"{path}: [columns] is empty: name at least one column to learn from")
    for name, kind in columns.items():
        if str(kind).partition(" ")[0] not in TYPES:
            raise DataError(f"{path}: column '{name}' is '{kind}': use {', '.join(TYPES)}")
    for role in ("groups", "time", "subgroup"):
        if role in plain and plain[role] not in columns:
            raise DataError(f"{path}: {role} '{plain[role]}' is not in [columns]")
    for name, said in cells.items():
        if name not in (*columns, plain["target"]) or not isinstance(said, dict):
            raise DataError(f'{path}: [cells] {name}: use a column = {{ "cell" = "meaning" }}')
        cells[name] = {cell: str(meaning) for cell, meaning in said.items()}
    if plain["target"] in columns:
        raise DataError(f"{path}: the target '{plain['target']}' is in [columns]: take it out")
    return Task(
        **plain,
        path=folder / data.pop("file"),
        sha256=data.pop("sha256"),
        n_rows=data.pop("rows"),  # as noted by `ratchet new`, for agents
        columns=tuple((name, str(kind)) for name, kind in columns.items()),
        csv=CsvFormat(**data, cells=cells),
        folder=folder,
    )


def note_baseline(task: Task, value: float) -> None:
    """Write into a new task's `task.toml` what its start scores: `evaluate` probes what is better.

    Probing the start itself would take many times as long as scoring it, and it is nobody's gain.
    """
    path = task.folder / "task.toml"
    split = "\n# The split"
    text = path.read_text("utf-8").replace(split, f"baseline = {value!r}\n{split}", 1)
    path.write_text(text, "utf-8")


def _checked(path: Path, found: Mapping, keys: Mapping[type, str], needed: tuple) -> dict:
    """The values as a task holds them, if all that is needed is there and of its type."""
    for key in needed:
        if key not in found:
            raise DataError(f"{path} has no '{key}': put it back")
    types, values = {key: kind for kind, names in keys.items() for key in names.split()}, {}
    for key, value in found.items():
        if key not in types:
            near = difflib.get_close_matches(key, types, 1)
            raise DataError(f"{path}: unknown '{key}'" + (f", say '{near[0]}'" if near else ""))
        wanted = types[key]
        ok = {float: (int, float), tuple: list}.get(wanted, wanted)
        if not isinstance(value, ok) or isinstance(value, bool):
            raise DataError(f"{path}: '{key}' must be a {wanted.__name__}, not {value!r}")
        values[key] = tuple(map(str, value)) if wanted is list else wanted(value)
    return values
