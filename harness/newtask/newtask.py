"""`ratchet new`: make a task from a CSV file, or say in plain words why it is not fit for one."""

import hashlib
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype as is_numeric

from harness.newtask.columns import EXACT, Cells, Column, decide, readable, settle, words
from harness.newtask.fitness import DEFAULT_METRICS, MIN_PER_CLASS, check_metric, examine
from harness.newtask.sniff import Sniffed, sniff, unpack
from harness.newtask.starters import write_texts
from harness.newtask.words import WORDS, few, hint, no, say
from harness.task import KINDS, TYPES, Task, load_task, table

SAMPLE = 50_000  # cells that tell how the numbers of a file are written
MANY_CLASSES = 20  # different numbers from which on a target is a quantity
CLASS_LIMIT = 100
USELESS = ("id", "empty", "constant")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass
class Made:
    """A new task, and what a person should be told about it."""

    task: Task
    warnings: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)  # columns that no model sees, and why


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
    """Make a task's folder from a CSV file; what can be chosen is what `ratchet new` takes.

    `cells` is column -> cell -> meaning, `tell` hears what is being done, `frozen` goes to `Task`.
    Raises a DataError if the data or a choice is unfit; nothing is left behind then.
    """
    from harness.task import TASKS  # when asked: a test may have moved it

    folder = Path(root or TASKS) / name
    if not _NAME.fullmatch(name) or name in ("heart", "heart-hungary"):
        raise no("bad_name", name=name)
    if folder.exists():
        raise no("exists", folder=folder)
    seeds = {"fold_seed": seed, "split_seed": seed}
    made = Made(Task(name, folder / "data.csv", target=target, folder=folder, **seeds, **frozen))
    if kind is not None and kind not in KINDS:
        raise no("bad_kind", kind=kind, kinds=", ".join(KINDS))
    asked = {"drop": drop, "keep": keep, "type": types or {}, "cell": cells or {}}
    tell(f"reading {csv}")
    raw = _read(made, Path(csv), encoding, asked, kind, positive, tell)
    made.task = task = replace(made.task, metric=metric or DEFAULT_METRICS[made.task.kind])
    check_metric(task)
    made.choices.append(say("metric", metric=task.metric))
    tell("looking for leaks, copies and rows that belong together")
    findings = examine(task, tuple(keep))
    made.warnings += [f.text for f in findings if not f.refuse]
    if findings and findings[0].refuse:
        raise no("all", texts="; and ".join(f.text for f in findings if f.refuse))
    split = task.split()  # sealed rows tell nobody
    n = len(split.y_train) + len(split.y_test)
    _write(folder, raw, write_texts(task, split.X_train, split.y_train, n, made))
    made.task = load_task(folder)
    made.choices.append(say("rows", n=n, test=len(split.y_test)))
    return made


def _write(folder: Path, raw: bytes, texts: Mapping[str, str]) -> None:
    """Write a task's folder, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    half_made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (half_made / "data.csv").write_bytes(raw)
        for file, text in texts.items():
            (half_made / file).write_text(text, encoding="utf-8", newline="\n")
        half_made.chmod(0o755)
        half_made.rename(folder)
    finally:
        shutil.rmtree(half_made, ignore_errors=True)


def _read(made: Made, csv: Path, encoding, asked: dict, kind, positive, tell) -> bytes:
    """Read the file, settle what every column holds and what is predicted; say what was odd."""
    task, target, raw = made.task, made.task.target, unpack(csv)
    file = sniff(raw, target, encoding)
    for line in file.said:
        (made.warnings if "left out" in line else made.choices).append(line)
    names = table.column_names(file.lines, file.form)
    _check_roles(task, asked, names)
    types, cells = asked["type"], asked["cell"]
    wanted = [n for n in names if n not in asked["drop"]]
    data, sample, comma = _columns(file, wanted, {target, *types, *cells})
    commas = [c for some in sample.values() for c in some if comma and "," in c]
    made.choices += [say("comma", cell=cell) for cell in commas[:1]]
    columns = {}
    for at, (name, values) in enumerate(data.items(), 1):
        tell(f"looking at column {at} of {data.shape[1]}")
        own, want = dict(cells.get(name, {})), types.get(name, "")
        if own:
            values = values.astype(object).str.strip().replace(own)
        if name == target:
            answer, want = values, "number" if kind == "regression" else ""
        column, plain = decide(values, file.starts, want, name == target, comma), is_numeric(values)
        if column.kind == "id" and name in {*asked["keep"], task.groups, task.time}:
            column = Column("number" if plain else "category")
        if plain:
            gaps = Counter(table.MISSING.intersection(map(str.strip, sample[name])))
            turned = comma and column.kind == "number" and values.dtype.kind == "f"
            column = column._replace(gaps=gaps, kind=table.COMMA if turned else column.kind)
        columns[name] = column._replace(cells=column.cells | own, name=name)
    column = columns.pop(target)
    marks = {t for c in columns.values() if c.kind[:4] in ("numb", "date") for t in c.gaps}
    column, roles = _predicted(made, column, answer, file.starts, marks, kind, positive)
    made.dropped = dict.fromkeys(asked["drop"], say("by_person"))
    features = _features(made, {name: settle(c, marks) for name, c in columns.items()})
    frozen = {n: c.cells for n, c in (features | {target: column}).items() if c.cells}
    how = column.kind if roles["kind"] == "regression" else "text"
    form = file.form._replace(answer=how, cells=frozen)
    kinds = {n: c.kind for n, c in features.items()}
    sha = hashlib.sha256(raw).hexdigest()
    task = replace(task, sha256=sha, csv=form, columns=tuple(kinds.items()), **roles)
    X, answer = table.typed(data, kinds, target, form)
    made.task = replace(task, frames=(X, task.encode(answer)))
    return raw


def _predicted(made: Made, column: Column, answer, starts, marks, kind, positive):
    """Settle what is predicted: how the target is read, the kind of task, its classes."""
    target, numbers, classes = made.task.target, None, column
    if column.kind == "empty":
        raise no("no_answer", target=target)
    if column.kind.startswith("number"):
        numbers = table.convert(answer, column.kind, column.cells).dropna()
    if column.kind != "category" and kind != "regression":  # numbers, which may be classes
        plainly = answer.astype(object).replace(column.cells) if column.cells else answer
        classes = words(Cells(plainly, starts), "category")
        said = column.said + classes.said
        classes = classes._replace(cells=column.cells | classes.cells, said=said, name=target)
    classes = settle(classes, marks, MIN_PER_CLASS)
    if kind is None:
        spelled = table.convert(answer, "category", classes.cells) if numbers is None else numbers
        kind = "regression"
        if positive or spelled.nunique() <= 2:
            kind = "binary"
        elif numbers is None or ((numbers % 1 == 0).all() and numbers.nunique() <= MANY_CLASSES):
            kind = "multiclass"
    column = column if kind == "regression" else classes
    made.warnings += [text.replace("column", "target", 1) for text in column.said]
    answer = table.convert(answer, column.kind, column.cells)
    if (gaps := int(answer.isna().sum())) > 0.5 * len(answer):
        raise no("few_answers", target=target, gaps=gaps, n=len(answer))
    made.warnings += [say("some_answers", target=target, gaps=gaps)] if gaps else []
    return column, _choose_kind(made, answer.dropna(), kind, numbers, positive)


def _columns(file: Sniffed, names: list[str], as_text: set[str]):
    """The columns as text or, where nothing is lost, numbers; first cells; comma or not."""
    every = table.column_names(file.lines, file.form)
    most = min(500, SAMPLE // len(every) + 100)
    rows = [r for r in islice(table.records(file.lines, file.form, strict=False), 1, most) if r]
    cells = dict(zip(every, zip(*rows, strict=False), strict=False))
    free = [n for n in names if n in cells and n not in as_text]
    marks = {",": ".", ";": ",."}.get(file.form.separator, ".,")  # of decimals, the likelier first
    plain = {mark: [n for n in free if readable(cells[n], mark)] for mark in marks}
    decimal = max(marks, key=lambda mark: len(plain[mark]))
    data = table.read_columns(file.lines, file.form, names, plain[decimal], decimal)
    if len(data) != len(file.starts):
        raise no("two_ways")
    numbers = data.select_dtypes("number")
    most = np.maximum(numbers.max(), -numbers.min().astype(float))
    if len(odd := most.index[most > EXACT]):
        data = data.assign(**table.read_columns(file.lines, file.form, odd))
    return data, cells, decimal == ","


def _check_roles(task: Task, roles: dict[str, Sequence[str]], there: list[str]) -> None:
    """Make sure that every column that a person named is there, and has one role."""
    if not 2 <= task.n_folds <= 20 or not 0 < task.test_size <= 0.5 or task.budget_s <= 0:
        raise no("bad_split")
    if task.groups and task.time:
        raise no("two_roles")
    named = {role: [getattr(task, role)] for role in ("target", "groups", "time")}
    for role, names in {**named, **roles}.items():
        for name in names:
            if name is not None and name not in there:
                raise no("no_column", role=role, name=name, hint=hint(name, there))
    for name, asked in roles["type"].items():
        if asked.partition(" ")[0] not in TYPES:
            raise no("bad_type", name=name, asked=asked, types=", ".join(TYPES))
    for role, (name,) in named.items():
        if role != "target" and name == task.target:
            raise no("role_target", role=role, name=name)
        if name in roles["drop"]:
            raise no("role_dropped", role=role, name=name)


def _choose_kind(made: Made, answer: pd.Series, kind: str, numbers, positive) -> dict[str, object]:
    """Settle positive values and labels."""
    target, values = made.task.target, list(answer.unique())
    if positive and kind != "binary":
        raise no("not_binary", kind=kind)
    if kind == "regression":
        told = {"low": answer.min(), "high": answer.max()}
        made.choices.append(say("regression", target=target, **told))
        return {"kind": kind}
    if kind == "multiclass":
        n, quantity = len(values), say("quantity") if numbers is not None else ""
        if n > CLASS_LIMIT:
            quantity = quantity or ", or join some"
            raise no("many_classes", target=target, n=n, most=CLASS_LIMIT, quantity=quantity)
        if n <= 2:
            raise no("two_values", target=target)
        order = {} if numbers is None else dict(zip(answer, numbers[answer.index], strict=True))
        made.choices.append(say("multiclass", n=n, target=target, quantity=quantity))
        return {"kind": kind, "labels": tuple(sorted(values, key=lambda v: (order.get(v, 0.0), v)))}
    chosen = _positive(answer, values, positive, target)
    share = answer.isin(chosen).mean()
    otherwise = "" if positive or len(values) < 2 else say("otherwise")
    told = {"chosen": " or ".join(chosen), "share": share, "otherwise": otherwise}
    made.choices.append(say("binary", target=target, **told))
    return {"kind": "binary", "positive": chosen}


def _positive(answer: pd.Series, values: list, asked: Sequence[str], target: str) -> tuple:
    for value in asked:
        if value not in values:
            raise no("never_positive", target=target, value=value, hint=hint(value, values, 0.4))
    if asked:
        return tuple(asked)
    if len(values) > 2:
        raise no("which_positive", target=target, n=len(values), shown=few(sorted(values)))
    known = [v for v in values if v.strip().lower() in WORDS["positive"]]
    if len(known) == 1:
        return (known[0],)
    counts = answer.value_counts()
    return (min(values, key=lambda v: (counts[v], v)),)  # the rarer one is what people look for


def _features(made: Made, columns: dict[str, Column]) -> dict[str, Column]:
    """The columns to learn from; add to `made.dropped` what no model should see."""
    features, useless = {}, defaultdict(list)
    for name, column in columns.items():
        if column.kind not in USELESS:
            features[name] = column
            made.warnings += column.said
            continue
        made.dropped[name] = say(column.kind)
        if name in (made.task.groups, made.task.time):
            raise no("cuts_nothing", name=name, why=made.dropped[name])
        useless[column.kind].append(name)
    for kind, names in useless.items():
        if len(names) > 3:
            n, told = len(names), few(names, 8)
            made.warnings.append(say("left_columns", n=n, names=told, why=say(kind)))
            continue
        for name in names:
            keep = say("keep_it", name=name) if kind == "id" else ""
            made.warnings.append(say("left_column", name=name, why=say(kind), keep=keep))
    if not features:
        raise no("nothing_left")
    count = {kind: sum(c.kind.startswith(kind) for c in features.values()) for kind in TYPES}
    counts = ", ".join(f"{n} {kind}" for kind, n in count.items() if n)
    made.choices.append(say("columns", counts=counts, n=len(made.dropped)))
    return features
