"""Tables as people keep them, through `ratchet new`: read right, refused with a line, or harmed?

The files and what must hold of each were written, and committed, by someone who had not read the
reader's code. Each is made here (seeded), like a file of a clinic, a cafe, a school or a workshop.

    python -m benchmarks.blind_tables
"""

from __future__ import annotations

import contextlib
import gzip
import io
import multiprocessing
import re
import sys
import tempfile
import tomllib
import traceback
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from harness.cli import main
from harness.task import load_task


@dataclass
class Case:
    """A file, how `ratchet new` is called on it, and what must hold.

    Attributes
    ----------
    kinds : dict of str
        What a column must be: number, date, category, text; `out` where no model may see it.
    cells : dict of (str, int) to object
        What the cell of a column (data row, from 0, in the file's order) must become; None: a gap.
    says : list of str
        Patterns, each to be found in what is printed (case aside).
    refused : str
        `no`, `may` (a task or a refusal, both with `says`) or `must`.
    """

    name: str
    data: bytes
    target: str = "y"
    options: tuple[str, ...] = ()
    kinds: dict = field(default_factory=dict)
    cells: dict = field(default_factory=dict)
    says: tuple[str, ...] = ()
    rows: int = 240
    classes: tuple[str, ...] = ()
    refused: str = "no"


def frame(seed, n=240, **names):
    """Rows of a clinic's kind: `dose` tells `y`, `age` and `ward` do not."""
    rng = np.random.default_rng(seed)
    dose = rng.lognormal(2, 0.9, n).round(2)
    y = (np.log(dose) + rng.normal(0, 0.6, n) > 2).astype(int)
    ward = rng.choice(["North", "South", "East"], n)
    data = {"dose": dose, "age": rng.integers(18, 90, n), "ward": ward, "y": y}
    return pd.DataFrame(data).rename(columns=names)


def odd(table, column, **cells):
    """Write words into cells of a column: `r17="<0.5"`."""
    table[column] = table[column].astype(str)
    for row, text in cells.items():
        table.loc[int(row[1:]), column] = text
    return table


def csv(table, encoding="utf-8", **how):
    return table.to_csv(index=False, **how).encode(encoding)


def numbers():
    """Cells that are no plain numbers in columns that are."""
    for i, (name, cell, value) in enumerate(
        [
            ("above.csv", ">100", 100.0),
            ("at_most.csv", "≤0.5", 0.5),
            ("about.csv", "~12", 12.0),
            ("div0.csv", "#DIV/0!", None),
            ("not_done.csv", "not done", None),
            ("pending.csv", "pending", None),
            ("question.csv", "?", None),
            ("dash.csv", "-", None),
            ("na_dots.csv", "n.a.", None),
            ("haemolysed.csv", "haemolysed", None),
            ("value_error.csv", "#VALUE!", None),
            ("below.csv", "<= 0.25", 0.25),
        ]
    ):
        table = odd(frame(i), "dose", r117=cell)
        said = () if cell in ("?", "-", "n.a.") else ("dose", re.escape(cell))
        yield Case(
            name, csv(table), kinds={"dose": "number"}, cells={("dose", 117): value}, says=said
        )
    money = [
        ("pounds.csv", lambda v: f"£{v:,.2f}"),
        ("euro_after.csv", lambda v: f"{v:.2f} €"),
        ("usd.csv", lambda v: f"USD {v:,.2f}"),
        ("kilograms.csv", lambda v: f"{v:.2f} kg"),
        ("mg_per_dl.csv", lambda v: f"{v:.2f} mg/dL"),
        ("celsius.csv", lambda v: f"{v:.2f}°C"),
        ("percent_space.csv", lambda v: f"{v:.2f} %"),
        ("swiss.csv", lambda v: f"{v * 1000:,.2f}".replace(",", "'")),
        ("thin_space.csv", lambda v: f"{v * 1000:,.2f}".replace(",", "\u00a0")),
        ("accounting.csv", lambda v: f"{v:.2f}" if v > 3 else f"({v:.2f})"),
    ]
    for i, (name, write) in enumerate(money):
        table = frame(20 + i)
        value = float(table.dose[5]) * (1000 if name in ("swiss.csv", "thin_space.csv") else 1)
        value = -value if name == "accounting.csv" and value <= 3 else value
        table["dose"] = table.dose.map(write)
        yield Case(
            name, csv(table), kinds={"dose": "number"}, cells={("dose", 5): value}, says=("dose",)
        )
    table = frame(40)
    first = float(table.dose[0])
    data = csv(table, sep=";", decimal=",")
    yield Case("komma.csv", data, kinds={"dose": "number"}, cells={("dose", 0): first})
    table["dose"] = table.dose.map(
        lambda v: f"{v * 1000:,.2f}".translate(str.maketrans(",.", ".,"))
    )
    cell = {("dose", 0): round(first * 1000, 2)}
    yield Case("komma_tausend.csv", csv(table, sep=";"), kinds={"dose": "number"}, cells=cell)
    for name, cell in (("inf.csv", "-inf"), ("overflow.csv", "1e999")):
        data = csv(odd(frame(41), "dose", r30=cell))
        yield Case(name, data, refused="must", says=("dose", re.escape(cell)))
    for name, mark in (("sentinel_9999.csv", 9999), ("sentinel_minus1.csv", -99)):
        table = frame(42)
        table.loc[::9, "age"] = mark
        yield Case(name, csv(table), says=("age", f"{mark}"), kinds={"age": "number"})


def words():
    """Levels and classes that look like gaps, or like one another."""
    table = frame(50)
    table["ward"] = np.where(table.age > 60, "None", table.ward)
    yield Case("level_none.csv", csv(table), cells={("ward", int(table.age.idxmax())): "None"})
    table = frame(51)
    table["grade"] = np.select([table.dose > 12, table.dose > 6], ["nan", "NA"], "high")
    data = csv(table.drop(columns="y"))
    yield Case("classes_na.csv", data, "grade", classes=("nan", "NA", "high"))
    table = frame(52)
    table["y"] = np.where(table.y == 1, "Pass", "Fail")
    table.loc[[3, 40, 77], "y"] = [t.upper() + " " for t in table.y[[3, 40, 77]]]
    yield Case("spellings.csv", csv(table), classes=("Pass", "Fail"), says=("PASS|FAIL",))
    table = odd(frame(53), "y", r8="1.0" if frame(53).y[8] else "0.0")
    yield Case("one_point_zero.csv", csv(table), classes=("0", "1"))
    table = frame(54)
    table["y"] = np.where(table.y == 1, "true", "false")
    table.loc[:30, "y"] = table.y[:31].str.title()
    yield Case("truth.csv", csv(table), classes=("true", "false"), says=("True|False",))
    table = frame(55)
    table["y"] = table.y.astype(str)
    table.loc[0, "y"] = "unsure"
    yield Case("one_of_a_class.csv", csv(table), says=("unsure",), refused="may")


def together():
    """Repeated measures and identifiers."""
    for i, name in enumerate(("Schüler", "machine_no", "house", "subj")):
        rng = np.random.default_rng(60 + i)
        who = np.repeat(np.arange(45), rng.integers(2, 12, 45))[:240]
        a, b = rng.normal(size=(2, 45))
        table = pd.DataFrame({name: [f"K{w * 7 + 13}" for w in who]})
        table["a"] = (a[who] + rng.normal(0, 0.03, len(who))).round(3)
        table["b"] = (b[who] + rng.normal(0, 0.03, len(who))).round(3)
        table["y"] = rng.integers(0, 2, 45)[who]
        said = (f"--groups {name}",)
        yield Case(f"repeated_{i}.csv", csv(table), rows=len(table), says=said, refused="may")
    table = frame(65)
    table.insert(0, "nr", np.delete(np.arange(1, 271), np.arange(5, 271, 9))[:240])
    yield Case("gaps_in_numbers.csv", csv(table), kinds={"nr": "out"}, says=("nr",))
    table = frame(66)
    numbers64 = 9007199254740993 + np.random.default_rng(6).permutation(240) * 2
    table.insert(0, "account", numbers64)
    yield Case("account64.csv", csv(table), kinds={"account": "out"}, says=("account",))


def leaks():
    """Columns that hold the answer."""
    rng = np.random.default_rng(70)
    for name, sign in (("sum", 1), ("difference", -1)):
        p, q = rng.integers(100, 900, (2, 240))
        table = pd.DataFrame({"gross": p, "part": q, "seats": rng.integers(1, 9, 240)})
        table["total"] = p + sign * q
        yield Case(f"leak_{name}.csv", csv(table), "total", says=("gross", "part"))
    table = frame(72)
    table["refund_date"] = np.where(table.y == 1, "2022-03-04", "")
    yield Case("leak_missing.csv", csv(table), says=("refund_date",), refused="may")
    table = frame(73)
    table["score_x"] = table.y * 2 + rng.normal(0, 0.01, 240).round(4)
    yield Case("leak_near_copy.csv", csv(table), says=("score_x",), refused="may")


def dates():
    """Dates of many forms."""
    forms = {
        "iso_t": "%Y-%m-%dT%H:%M:%S",
        "ampm": "%m/%d/%Y %I:%M %p",
        "compact": "%Y%m%d",
        "german": "%d.%m.%Y",
        "short": "%d.%m.%y",
        "named": "%d %b %Y",
        "minutes": "%d/%m/%Y %H:%M",
        "long_named": "%B %d, %Y",
    }
    for i, (name, form) in enumerate(forms.items()):
        table = frame(80 + i)
        when = pd.Timestamp("2019-01-05 07:10") + pd.to_timedelta(table.age * 37 + table.index, "h")
        table.insert(1, "seen", (when + pd.to_timedelta(table.index % 300, "D")).dt.strftime(form))
        yield Case(f"date_{name}.csv", csv(table), kinds={"seen": "date"})
        if name == "german":
            table.loc[7, "seen"] = "31.02.2020"
            said = ("seen", re.escape("31.02.2020"))
            yield Case("date_impossible.csv", csv(table), says=said, refused="may")
            table.loc[7:90, "seen"] = "2020-05-17"
            yield Case("date_mixed.csv", csv(table), says=("seen",), refused="may")


def files():
    """Dialects, encodings, wrappings."""
    plain = frame(90, ward="Größe")
    text = plain.to_csv(index=False)
    lines = text.splitlines()
    for code in ("utf-8-sig", "utf-16", "latin-1"):
        said = ("latin|1252|8859",) if code == "latin-1" else ("utf-?16",) if "16" in code else ()
        may = "may" if "16" in code else "no"
        data = text.encode(code)
        yield Case(f"{code}.csv", data, kinds={"Größe": "category"}, says=said, refused=may)
    shop = frame(91)
    shop["ward"] = shop.ward.map({"North": "東京都", "South": "大阪府", "East": "京都府"})
    cell = {("ward", 0): shop.ward[0]}
    yield Case(
        "sjis.csv", csv(shop, "shift-jis"), says=("shift|cp932|sjis",), cells=cell, refused="may"
    )
    shop = frame(92)
    shop["ward"] = shop.ward.map({"North": "“Café”", "South": "Crème €", "East": "Zoë’s"})
    cell = {("ward", 0): shop.ward[0]}
    yield Case("cp1252.csv", csv(shop, "cp1252"), says=("1252",), cells=cell)
    ends = {
        "footer_total.csv": ([*lines, "Source: ward office, 2021"], ("242",)),
        "comments_two.csv": (["# exported 3 May", "# by Ann", *lines], ("#|comment",)),
        "comment_inside.csv": ([*lines[:50], "# new sheet", *lines[50:]], ("51|comment",)),
        "sep_bar.csv": (["sep=|", *[x.replace(",", "|") for x in lines]], ("sep=",)),
        "header_again.csv": ([*lines[:100], lines[0], *lines[100:]], ("101|header",)),
        "last_empty.csv": ([x + "," for x in lines], ("empty|column",)),
        "blank_lines.csv": ([*lines[:60], "", "", *lines[60:]], ()),
    }
    for name, (body, said) in ends.items():
        yield Case(name, "\n".join(body).encode(), kinds={"dose": "number"}, says=said)
    yield Case("cr.csv", "\r".join(lines).encode(), kinds={"dose": "number"})
    yield Case("tabs.csv", csv(plain, sep="\t"), kinds={"dose": "number"})
    named = [lines[0], *[f'"row{i}",{x}' for i, x in enumerate(lines[1:], 1)]]
    yield Case("r_names.csv", "\n".join(named).encode(), kinds={"dose": "number"}, says=("row",))
    long = [*lines[:150], lines[150] + ",7", *lines[151:]]
    yield Case("one_too_many.csv", "\n".join(long).encode(), says=("151",), refused="must")
    notes = frame(93)
    notes["note"] = [f'said "well",\nleft {i}' for i in notes.index]
    cell = {("note", 4): 'said "well",\nleft 4'}
    yield Case("note_lines.csv", csv(notes), kinds={"note": "text"}, cells=cell)
    wide = pd.DataFrame(np.random.default_rng(9).normal(size=(240, 3000)).round(3))
    wide.columns = [f"gene{i}" for i in wide]
    yield Case("wide.csv", csv(wide.assign(y=plain.y)), kinds={"gene2999": "number"})
    notes["note"] = "lorem ipsum " * 15000
    notes.loc[::2, "note"] = "short"
    yield Case("long_cells.csv", csv(notes.head(60)), rows=60)
    flat = frame(94).assign(unit="mg", site=4)
    yield Case("constant.csv", csv(flat), says=("unit", "site"))
    twice = csv(frame(95)).replace(b"dose,age", b"age,age", 1)
    yield Case("same_name.csv", twice, says=("age",), refused="may")
    data = csv(frame(96))
    yield Case("packed.csv.gz", gzip.compress(data), kinds={"dose": "number"}, refused="may")
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as z:
        z.writestr("a.csv", data)
    yield Case("packed.zip", box.getvalue())
    for name, write in (("book.xlsx", "to_excel"), ("rows.parquet", "to_parquet")):
        box = io.BytesIO()
        try:
            getattr(frame(97), write)(box, index=False)
            data = box.getvalue()
        except ImportError:  # without the writer: its first bytes are enough to be told apart
            data = (b"PK\x03\x04" if "xlsx" in name else b"PAR1") + bytes(200)
        yield Case(name, data, says=("to_csv|read_",), refused="may")


def cases():
    """Every case, in order."""
    for kind in (numbers, words, together, leaks, dates, files):
        yield from kind()


def judge(case, code, said, task):
    """Say what came of a case, and why: right, line, harm (wrong without a word), wrong."""
    plain = said.replace("'", "")  # names stand in quotes, so that a shell takes them
    missing = [p for p in case.says if not re.search(p, plain, re.IGNORECASE)]
    if "Traceback" in said or (code and not said.strip()):
        return "wrong", "no clear line"
    if code:
        if case.refused == "no":
            return "line", "refused"
        return ("line", f"not said: {missing}") if missing else ("right", "")
    if case.refused == "must":
        return "harm", "was to be refused"
    X, y = task.load()
    faults = [] if len(y) == case.rows else [f"{len(y)} rows, not {case.rows}"]
    if case.classes and len(np.unique(y)) != len(case.classes):
        faults.append(f"{len(np.unique(y))} classes, not {len(case.classes)}")
    for column, kind in case.kinds.items():
        values = X.get(column)
        got = "out" if values is None else kind_of(task, column)
        if got != kind:
            faults.append(f"{column} is {got}, not {kind}")
    for (column, row), value in case.cells.items():
        got = X[column].iloc[row] if column in X and row < len(X) else "no such cell"
        gap = pd.isna(got)
        number = isinstance(value, float) and not isinstance(got, str)
        same = (
            gap
            if value is None
            else not gap and (got == value or number and np.isclose(got, value))
        )
        if not same:
            faults.append(f"{column}[{row}] is {got!r}, not {value!r}")
    if faults:  # words about the column make it a fault that can be seen
        return ("wrong" if case.says and not missing else "harm"), "; ".join(faults)
    return ("wrong", f"not said: {missing}") if missing else ("right", "")


def kind_of(task, column):
    """Return how a task reads a column: the first word of its line in task.toml."""
    toml = tomllib.loads((task.folder / "task.toml").read_text(encoding="utf-8"))
    return toml["columns"][column].split()[0]


def put_through(number):
    """Make a case's file and task in a folder of its own; return what came of it."""
    case = list(cases())[number]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, case.name)
        path.write_bytes(case.data)
        score = [] if case.name.startswith("leak_") else ["--no-score"]
        words = ["new", "t", "--csv", str(path), "--target", case.target, "--tasks", place]
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                code = main([*words, *score, *case.options])
            except SystemExit as end:
                code = end.code
            except Exception:
                code = 1
                said.write(traceback.format_exc())
        said = said.getvalue().replace(place, "")
        try:
            what, why = judge(case, code, said, None if code else load_task(Path(place, "t")))
        except Exception as error:
            what, why = "wrong", f"judging failed: {error!r}"
        return case.name, what, why, said


def show():
    """Put all through and print the counts; return 1 if there was silent harm."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(put_through, range(len(list(cases()))), chunksize=1)
    for name, what, why, said in found:
        if what != "right":
            print(f"{name}: {what}: {why}\n    " + "\n    ".join(said.strip().splitlines()[:6]))
    n = Counter(what for _, what, _, _ in found)
    print(
        f"read right {n['right']}/{len(found)}, refused with line {n['line']}, "
        f"silent harm {n['harm']}, wrong but said {n['wrong']}"
    )
    return int(n["harm"] > 0)


if __name__ == "__main__":
    sys.exit(show())
