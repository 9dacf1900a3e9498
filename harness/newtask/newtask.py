"""`ratchet new`: make a task from a CSV file, or say in plain words why it is not fit for one."""

import difflib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from harness.newtask import columns as cols
from harness.newtask.fitness import DEFAULT_METRICS, check_metric, examine
from harness.newtask.starters import write_program, write_train
from harness.task import (
    KINDS,
    TYPES,
    DataError,
    Task,
    as_numbers,
    load_task,
    read_file,
    read_text,
    write_toml,
)

MANY_CLASSES = 20  # different numbers from which on a target is a quantity
CLASS_LIMIT = 100
POSITIVE_WORDS = ("1", "yes", "true", "y", "t", "positive", "pos", "1.0", "present", "ja", "oui")
USELESS = {
    "id": "a different value on every row, like an identifier",
    "empty": "empty on every row",
    "constant": "the same value on every row",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass
class Made:
    """A new task, and what a person should be told about it."""

    task: Task
    warnings: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)


def new_task(
    name: str,
    csv: Path | str,
    target: str,
    *,
    root: Path | None = None,
    positive: Sequence[str] = (),
    kind: str | None = None,
    metric: str | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    seed: int = 42,
    **frozen,
) -> Made:
    """Make a folder with data, `task.toml`, `train.py` and `program.md`.

    Parameters
    ----------
    name : str
        Name of the task and its folder.
    csv : Path
        The data; copied byte by byte.
    target : str
        The column to predict.
    root : Path, optional
        Folder of all tasks; `tasks/` beside the package.
    positive : sequence of str
        Values of the target that are class 1.
    kind : {"binary", "multiclass", "regression"}, optional
        Guessed from the target unless given.
    metric : str, optional
        A scikit-learn scorer name.
    drop, keep : sequence of str
        Columns to leave out; columns to keep though they look like identifiers or leaks.
    types : mapping of str to str, optional
        Types that a person knows better: number, category, text, date or `date FORMAT`.
    seed : int
        Of split and folds.
    **frozen
        More choices for the `Task`: `groups`, `time`, `n_folds`, `test_size`, `budget_s`.

    Raises
    ------
    DataError
        If the data or a choice is unfit; nothing is left behind then.
    """
    from harness.task import TASKS  # when asked: a test may have moved it

    root = Path(root or TASKS)
    folder = root / name
    if not _NAME.fullmatch(name) or name in ("heart", "heart-hungary"):
        raise DataError(f"'{name}' cannot name a task: use letters, digits, - and _ (not 'heart')")
    if folder.exists():
        raise DataError(f"{folder} exists: choose another name, or remove that folder")
    task = Task(name, folder / "data.csv", target=target, folder=folder, **frozen)
    if not 2 <= task.n_folds <= 20 or not 0 < task.test_size <= 0.5 or task.budget_s <= 0:
        raise DataError("use 2 to 20 folds, a test of 0 to 0.5 of the rows, a budget above 0 s")
    if kind is not None and kind not in KINDS:
        raise DataError(f"kind '{kind}' is none of {', '.join(KINDS)}")
    if task.groups and task.time:
        raise DataError("--groups and --time together are not supported: choose what matters more")
    raw = read_file(Path(csv), "give the path of a CSV file")
    if not raw.strip():
        raise DataError(f"{csv} is empty: give a CSV file with a header line and data")
    task = replace(
        task,
        sha256=hashlib.sha256(raw).hexdigest(),
        fold_seed=seed,
        split_seed=seed,
        csv=cols.sniff(raw),
    )
    made, table = Made(task), read_text(raw, task.csv)
    _check_roles(task, drop, keep, types or {}, list(table.columns))
    answer = _answer(made, table)
    chosen = _choose_kind(made, answer, kind, positive)
    dropped = dict.fromkeys(drop, "left out by the person who made the task")
    table = table.loc[answer.index].drop(columns=target)
    features, marks = _features(made, table, dropped, keep, types or {})
    task = replace(
        task,
        metric=metric or DEFAULT_METRICS[chosen["kind"]],
        columns=tuple(features.items()),
        csv=task.csv._replace(missing=tuple(sorted(marks))),
        **chosen,
    )
    check_metric(task)
    made.choices.append(f"metric: {task.metric} (printed as val_auc, whatever the metric is)")
    root.mkdir(parents=True, exist_ok=True)
    half_made = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    try:  # the folder appears whole or not at all
        (half_made / "data.csv").write_bytes(raw)
        there = replace(task, path=half_made / "data.csv")
        findings = examine(there, tuple(keep))
        made.warnings += [f.text for f in findings if not f.refuse]
        if findings and findings[0].refuse:
            raise DataError("; and ".join(f.text for f in findings if f.refuse))
        X, _ = there.load()
        n_train = len(there.split().y_train)
        texts = {
            "task.toml": write_toml(task, len(X), dropped),
            "train.py": write_train(task, X),
            "program.md": write_program(task, X, n_train, dropped),
        }
        for file, text in texts.items():
            (half_made / file).write_text(text, encoding="utf-8", newline="\n")
        half_made.chmod(0o755)
        half_made.rename(folder)
    finally:
        shutil.rmtree(half_made, ignore_errors=True)
    made.task = load_task(folder)
    made.choices.append(f"rows: {len(X)}, of which {len(X) - n_train} are sealed for the test")
    return made


def _check_roles(task: Task, drop, keep, types, there: list[str]) -> None:
    """Make sure that every column that a person named is there, and has one role."""
    named = {role: [getattr(task, role)] for role in ("target", "groups", "time")}
    lower = {name.strip().lower(): name for name in there}
    for role, names in {**named, "drop": drop, "keep": keep, "type": types}.items():
        for name in names:
            if name is None or name in there:
                continue
            near = difflib.get_close_matches(name.strip().lower(), lower, 1, 0.5)
            shown = ", ".join(there[:8]) + (", …" if len(there) > 8 else "")
            hint = f"did you mean '{lower[near[0]]}'?" if near else f"there are: {shown}"
            raise DataError(f"--{role}: the file has no column '{name}': {hint}")
    for role, name in (("--groups", task.groups), ("--time", task.time)):
        if name == task.target:
            raise DataError(f"{role} '{name}' is the target, too: choose another column")
        if name in drop:
            raise DataError(f"{role} '{name}' is dropped, too: take it out of --drop")
    if task.target in drop:
        raise DataError(f"the target '{task.target}' is dropped, too: take it out of --drop")


def _answer(made: Made, table: pd.DataFrame) -> pd.Series:
    target = made.task.target
    answer = table[target].dropna()
    gaps = len(table) - len(answer)
    if gaps > 0.5 * len(table):
        raise DataError(
            f"target '{target}' is empty on {gaps} of {len(table)} rows: choose another --target, "
            "or leave those rows out of the file"
        )
    if gaps:
        made.warnings.append(f"target '{target}' is empty on {gaps} rows: they are left out")
    return answer


def _choose_kind(
    made: Made, answer: pd.Series, kind: str | None, positive: Sequence[str]
) -> dict[str, object]:
    """Settle kind, positive values and labels."""
    target, decimal = made.task.target, made.task.csv.decimal
    values = list(answer.unique())
    numbers = as_numbers(answer, decimal)
    if kind is None:
        whole = numbers is not None and (numbers % 1 == 0).all()
        if positive or len(values) <= 2:
            kind = "binary"
        elif numbers is not None and (not whole or len(values) > MANY_CLASSES):
            kind = "regression"
        else:
            kind = "multiclass"
    if positive and kind != "binary":
        raise DataError(f"--positive is for binary tasks, this one is {kind}: leave one out")
    if kind == "regression":
        if numbers is None:
            odd = next(v for v in values if as_numbers(pd.Series([v], dtype=str), decimal) is None)
            raise DataError(f"target '{target}' is not all numbers ('{odd}'): mend it, or --kind")
        made.choices.append(
            f"kind: regression, '{target}' from {numbers.min():g} to {numbers.max():g}"
        )
        return {"kind": kind}
    if kind == "multiclass":
        if len(values) > CLASS_LIMIT:
            hint = "is it a quantity (--kind regression), or text?"
            raise DataError(f"target '{target}' has {len(values)} different values: {hint}")
        if len(values) == 2:
            raise DataError(f"target '{target}' has two values: leave --kind out, it is binary")
        by_size = None if numbers is None else lambda v: (float(v), v)
        labels = sorted(values, key=by_size)
        made.choices.append(f"kind: multiclass, {len(labels)} classes of '{target}'")
        return {"kind": kind, "labels": tuple(labels)}
    chosen = _positive(answer, values, positive, target)
    share = answer.isin(chosen).mean()
    made.choices.append(
        f"kind: binary, class 1 is '{target}' = {' or '.join(chosen)} ({share:.1%} of the rows)"
        + ("" if positive or len(values) < 2 else "; --positive says otherwise")
    )
    return {"kind": "binary", "positive": chosen}


def _positive(answer: pd.Series, values: list, asked: Sequence[str], target: str) -> tuple:
    if asked:
        for value in asked:
            if value not in values:
                near = difflib.get_close_matches(value, values, 1, 0.4)
                shown = ", ".join(f"'{v}'" for v in sorted(values)[:8])
                hint = f"did you mean '{near[0]}'?" if near else f"there are: {shown}"
                raise DataError(f"--positive: '{target}' is never '{value}': {hint}")
        return tuple(asked)
    if len(values) > 2:
        shown = ", ".join(f"'{v}'" for v in sorted(values)[:5])
        raise DataError(
            f"target '{target}' has {len(values)} values ({shown}, …): say which are class 1 with "
            "--positive, or use --kind multiclass"
        )
    known = [v for v in values if v.strip().lower() in POSITIVE_WORDS]
    if len(known) == 1:
        return (known[0],)
    counts = answer.value_counts()
    return (min(values, key=lambda v: (counts[v], v)),)  # the rarer one is what people look for


def _features(
    made: Made,
    table: pd.DataFrame,
    dropped: dict[str, str],
    keep: Sequence[str],
    types: Mapping[str, str],
) -> tuple[dict[str, str], set[str]]:
    """Settle the type of every column; add to `dropped` what no model should see."""
    decimal, kept = made.task.csv.decimal, {*keep, made.task.groups, made.task.time}
    features: dict[str, str] = {}
    marks: set[str] = set()
    for name, values in table.drop(columns=list(dropped)).items():
        guessed, found = cols.guess(values, decimal)
        kind = types.get(name, guessed)
        if name in types and kind.partition(" ")[0] not in TYPES:
            raise DataError(f"--type {name}={kind}: use {', '.join(TYPES)} or 'date FORMAT'")
        if kind == "date":
            kind = f"date {cols.date_format(values.dropna()) or 'ISO8601'}"
        if kind == "id" and name in kept:
            numeric = as_numbers(values.dropna(), decimal) is not None
            kind = "number" if numeric else "category"
        if kind in USELESS:
            dropped[name] = USELESS[kind]
            cure = f"; --keep '{name}' keeps it" if kind == "id" else ""
            made.warnings.append(f"column '{name}' is left out ({USELESS[kind]}){cure}")
            continue
        features[name] = kind
        if found and kind == "number":
            marks |= set(found)
            shown = " ".join(f"'{mark}'" for mark in found)
            made.warnings.append(f"column '{name}': {shown} is read as missing")
        if kind.startswith("date") and cols.ambiguous_dates(values, kind.partition(" ")[2]):
            made.warnings.append(
                f"column '{name}' is read with the day first; if the month is first, use --type "
                f"'{name}=date %m/%d/%Y'"
            )
    if not features:
        raise DataError("no column is left to learn from: check --drop, or --keep one")
    count = {kind: sum(k.startswith(kind) for k in features.values()) for kind in TYPES}
    said = ", ".join(f"{n} {kind}" for kind, n in count.items() if n)
    made.choices.append(f"columns: {said}; {len(dropped)} left out")
    return features, marks
