"""`ratchet new`: make a task from a CSV file, or say in plain words why it is not fit for one."""

import difflib
import hashlib
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from harness.newtask.columns import WORDS, Column, decide, evidence, is_plain, settle, words
from harness.newtask.fitness import DEFAULT_METRICS, MIN_PER_CLASS, check_metric, examine
from harness.newtask.sniff import Sniffed, sniff, unpack
from harness.newtask.starters import write_look, write_program, write_train
from harness.task import (
    KINDS,
    TYPES,
    DataError,
    Task,
    column_names,
    convert,
    frozen_cells,
    load_task,
    plain_lines,
    read_file,
    read_text,
    write_toml,
)

CELLS = 400_000  # looked at as text at a time: memory is what a wide or long table lacks
MANY_CLASSES = 20  # different numbers from which on a target is a quantity
CLASS_LIMIT = 100
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
    cells: Mapping[str, Mapping[str, str]] | None = None,
    encoding: str | None = None,
    seed: int = 42,
    tell: Callable[[str], None] = lambda doing: None,
    **frozen,
) -> Made:
    """Make a folder with data, `task.toml`, `train.py`, `program.md` and a look at the table.

    Parameters
    ----------
    name : str
        Name of the task and its folder.
    csv : Path
        The data; copied byte by byte, or unpacked.
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
    cells : mapping of str to mapping, optional
        What single cells of a column mean; no text: missing.
    encoding : str, optional
        Of the file; guessed unless given.
    seed : int
        Of split and folds.
    tell : callable
        Is given what is being done, for somebody who waits.
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
    tell(f"reading {csv}")
    raw, said = unpack(read_file(Path(csv), "give the path of a CSV file"), Path(csv).name)
    if not raw.strip():
        raise DataError(f"{csv} is empty: give a CSV file with a header line and data")
    found, sha = sniff(raw, target, encoding), hashlib.sha256(raw).hexdigest()
    task = replace(task, sha256=sha, fold_seed=seed, split_seed=seed)
    made = Made(task, [w for w in found.said if "left out" in w])
    made.choices += [*said, *(c for c in found.said if "left out" not in c)]
    given = drop, keep, types or {}, cells or {}
    task, dropped = _decide(made, raw, found, kind, positive, given, tell)
    task = replace(task, metric=metric or DEFAULT_METRICS[task.kind])
    check_metric(task)
    made.choices.append(f"metric: {task.metric} (printed as val_auc, whatever the metric is)")
    root.mkdir(parents=True, exist_ok=True)
    half_made = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    try:  # the folder appears whole or not at all
        (half_made / "data.csv").write_bytes(raw)
        there = replace(task, path=half_made / "data.csv")
        there = replace(there, frames=there.load())  # read once
        tell("looking for leaks, copies and rows that belong together")
        findings = examine(there, tuple(keep))
        made.warnings += [f.text for f in findings if not f.refuse]
        if findings and findings[0].refuse:
            raise DataError("; and ".join(f.text for f in findings if f.refuse))
        split = there.split()
        n, X = len(split.y_train) + len(split.y_test), split.X_train  # sealed rows tell nobody
        texts = {
            "task.toml": write_toml(task, n, dropped),
            "train.py": write_train(task, X),
            "program.md": write_program(task, X, n, dropped),
            "look.html": write_look(task, X, split.y_train, n, dropped, made),
        }
        for file, text in texts.items():
            (half_made / file).write_text(text, encoding="utf-8", newline="\n")
        half_made.chmod(0o755)
        half_made.rename(folder)
    finally:
        shutil.rmtree(half_made, ignore_errors=True)
    made.task = load_task(folder)
    made.choices.append(f"rows: {n}, of which {len(split.y_test)} are sealed for the test")
    return made


def _decide(made: Made, raw: bytes, found: Sniffed, kind, positive, given, tell):
    """Settle what every column holds and what is predicted; say what was not plain."""
    drop, keep, types, cells = given
    task, target, lines = made.task, made.task.target, plain_lines(raw, found.form)
    names = column_names(lines, found.form)
    _check_roles(task, {"drop": drop, "keep": keep, "type": types, "cell": cells}, names)
    columns, names, step = {}, [n for n in names if n not in drop], CELLS // len(found.starts) + 1
    for at in range(0, len(names), step):
        tell(f"looking at columns {at + 1} to {min(at + step, len(names))} of {len(names)}")
        for name, values in read_text(lines, found.form, names[at : at + step]).items():
            if len(values) != len(found.starts):
                raise DataError("the file's quotes can be read in two ways: save it as CSV again")
            own = dict(cells.get(name, {}))
            values = values.str.strip().replace(own) if own else values
            asked = types.get(name, "")
            if name == target:
                answer, asked = values, "number" if kind == "regression" else ""
            column = decide(values, found.starts, asked, name == target)
            if column.kind == "id" and name in {*keep, task.groups, task.time}:
                column = Column("number" if is_plain(values) else "category")
            columns[name] = column._replace(cells=column.cells | own, name=name)
    column, numbers = columns.pop(target), None
    known = evidence(columns, found.form.separator)
    settled = {name: settle(c, known) for name, c in columns.items()}
    if column.kind == "empty":
        raise DataError(f"target '{target}' is empty on every row: choose another --target")
    if column.kind.startswith("number"):
        column = settle(column, known)
        numbers = convert(answer, column.kind, column.cells).dropna()
    classes = column
    if column.kind != "category":  # numbers, which may be classes
        classes = words(answer.replace(column.cells), column.gaps, "category")
        cells, said = column.cells | classes.cells, column.said + classes.said
        classes = classes._replace(cells=cells, said=said, name=target)
    classes = settle(classes, known, MIN_PER_CLASS)
    spelled = convert(answer, "category", classes.cells)
    kind = kind or _kind(spelled, numbers, positive)
    if kind != "regression":
        column = classes
    made.warnings += [text.replace("column", "target", 1) for text in column.said]
    answer = _answer(made, convert(answer, column.kind, column.cells))
    roles = _choose_kind(made, answer, kind, numbers, positive)
    dropped = dict.fromkeys(drop, "left out by the person who made the task")
    features = _features(made, settled, dropped)
    frozen = {n: c.cells for n, c in (features | {target: column}).items() if c.cells}
    form = found.form._replace(answer=column.kind, cells=frozen_cells(frozen))
    form = form._replace(answer="text") if kind != "regression" else form
    kinds = tuple((n, c.kind) for n, c in features.items())
    return replace(task, columns=kinds, csv=form, **roles), dropped


def _check_roles(task: Task, roles: dict[str, Sequence[str]], there: list[str]) -> None:
    """Make sure that every column that a person named is there, and has one role."""
    named = {role: [getattr(task, role)] for role in ("target", "groups", "time")}
    lower = {name.strip().lower(): name for name in there}
    for role, names in {**named, **roles}.items():
        for name in names:
            if name is None or name in there:
                continue
            near = difflib.get_close_matches(name.strip().lower(), lower, 1, 0.5)
            shown = ", ".join(there[:8]) + (", …" if len(there) > 8 else "")
            hint = f"did you mean '{lower[near[0]]}'?" if near else f"there are: {shown}"
            raise DataError(f"--{role}: the file has no column '{name}': {hint}")
    for name, asked in roles["type"].items():
        if asked.partition(" ")[0] not in TYPES:
            raise DataError(f"--type {name}={asked}: use {', '.join(TYPES)} or 'date FORMAT'")
    for role, name in (("--groups", task.groups), ("--time", task.time)):
        if name == task.target:
            raise DataError(f"{role} '{name}' is the target, too: choose another column")
        if name in roles["drop"]:
            raise DataError(f"{role} '{name}' is dropped, too: take it out of --drop")
    if task.target in roles["drop"]:
        raise DataError(f"the target '{task.target}' is dropped, too: take it out of --drop")


def _answer(made: Made, answer: pd.Series) -> pd.Series:
    target, gaps = made.task.target, int(answer.isna().sum())
    if gaps > 0.5 * len(answer):
        raise DataError(
            f"target '{target}' is empty on {gaps} of {len(answer)} rows: choose another --target, "
            "or leave those rows out of the file"
        )
    if gaps:
        made.warnings.append(f"target '{target}' is empty on {gaps} rows: they are left out")
    return answer.dropna()


def _kind(answer: pd.Series, numbers: pd.Series | None, positive: Sequence[str]) -> str:
    if positive or (answer if numbers is None else numbers).nunique() <= 2:
        return "binary"
    if numbers is None or ((numbers % 1 == 0).all() and numbers.nunique() <= MANY_CLASSES):
        return "multiclass"
    return "regression"


def _choose_kind(made: Made, answer: pd.Series, kind: str, numbers, positive) -> dict[str, object]:
    """Settle positive values and labels."""
    target, values = made.task.target, list(answer.unique())
    if positive and kind != "binary":
        raise DataError(f"--positive is for binary tasks, this one is {kind}: leave one out")
    if kind == "regression":
        low, high = answer.min(), answer.max()
        made.choices.append(f"kind: regression, '{target}' from {low:g} to {high:g}")
        return {"kind": kind}
    quantity = "; --kind regression fits a quantity" if numbers is not None else ""
    if kind == "multiclass":
        if len(values) > CLASS_LIMIT:
            raise DataError(
                f"target '{target}' has {len(values)} different values, at most {CLASS_LIMIT} can "
                f"be classes: choose another --target{quantity or ', or join some'}"
            )
        if len(values) <= 2:
            raise DataError(f"target '{target}' has two values: leave --kind out, it is binary")
        order = {} if numbers is None else dict(zip(answer, numbers[answer.index], strict=True))
        labels = sorted(values, key=lambda v: (order.get(v, 0.0), v))
        made.choices.append(f"kind: multiclass, {len(labels)} classes of '{target}'{quantity}")
        return {"kind": kind, "labels": tuple(labels)}
    chosen = _positive(answer, values, positive, target)
    share = answer.isin(chosen).mean()
    made.choices.append(
        f"kind: binary, class 1 is '{target}' = {' or '.join(chosen)} ({share:.1%} of the rows)"
        + ("" if positive or len(values) < 2 else "; --positive says otherwise")
    )
    return {"kind": "binary", "positive": chosen}


def _positive(answer: pd.Series, values: list, asked: Sequence[str], target: str) -> tuple:
    for value in asked:
        if value not in values:
            near = difflib.get_close_matches(value, values, 1, 0.4)
            shown = ", ".join(f"'{v}'" for v in sorted(values)[:8])
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {shown}"
            raise DataError(f"--positive: '{target}' is never '{value}': {hint}")
    if asked:
        return tuple(asked)
    if len(values) > 2:
        shown = ", ".join(f"'{v}'" for v in sorted(values)[:5])
        raise DataError(
            f"target '{target}' has {len(values)} values ({shown}, …): say which are class 1 with "
            "--positive, or leave --kind out"
        )
    known = [v for v in values if v.strip().lower() in WORDS["positive"]]
    if len(known) == 1:
        return (known[0],)
    counts = answer.value_counts()
    return (min(values, key=lambda v: (counts[v], v)),)  # the rarer one is what people look for


def _features(made: Made, columns: dict[str, Column], dropped: dict[str, str]) -> dict[str, Column]:
    """The columns to learn from; add to `dropped` what no model should see."""
    features, useless = {}, defaultdict(list)
    for name, column in columns.items():
        if column.kind in USELESS and name in (made.task.groups, made.task.time):
            raise DataError(f"column '{name}' has {USELESS[column.kind]}: it cuts no folds")
        if column.kind in USELESS:
            useless[column.kind].append(name)
            dropped[name] = USELESS[column.kind]
        else:
            features[name] = column
            made.warnings += column.said
    for kind, names in useless.items():
        said = [f"column '{name}' is" for name in names]
        if len(names) > 3:
            said = [f"{len(names)} columns ({', '.join(names[:8])}{', …' * (len(names) > 8)}) are"]
        for which, name in zip(said, names, strict=False):
            cure = f"; --keep '{name}' keeps it" if kind == "id" else ""
            made.warnings.append(f"{which} left out ({USELESS[kind]}){cure}")
    if not features:
        raise DataError("no column is left to learn from: check --drop, or --keep one")
    count = {kind: sum(c.kind.startswith(kind) for c in features.values()) for kind in TYPES}
    said = ", ".join(f"{n} {kind}" for kind, n in count.items() if n)
    made.choices.append(f"columns: {said}; {len(dropped)} left out")
    return features
