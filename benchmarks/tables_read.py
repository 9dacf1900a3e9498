"""Tables as people have them, 50 of them unlike those of tests/newtask/cases: how are they read?

    python -m benchmarks.tables_read           # made, read, held against what is in them
    python -m benchmarks.tables_read --speed   # 60,000 x 20 and 100 x 12,000: time and memory

*Read right*: all columns hold what was written, and what was to be said is said. *Refused*: with a
line, a column or a command. *Told*: read otherwise, but a line names the column. Else it is *harm*.
"""

import argparse
import gzip
import io
import re
import sys
import tempfile
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.newtask import new_task, newtask
from harness.task import DataError

N = 240
RNG = np.random.default_rng(16)
A, B = RNG.normal(0, 1, (2, N))
Y = (A + B + RNG.normal(0, 0.7, N) > 0).astype(int)
BIG = (1500 + 900 * np.abs(A)).round(2)
DAYS = pd.Series(pd.Timestamp("2019-01-05") + pd.to_timedelta(RNG.integers(0, 1400, N), unit="D"))
MOMENTS = DAYS + pd.to_timedelta(RNG.integers(0, 86_400, N), unit="s")
IS_ODD = np.arange(N) % 50 == 7  # five cells


class Case(NamedTuple):
    """A file, and what holds when it is read right."""

    raw: bytes
    holds: dict  # column -> what it holds, as load() gives it; None: it is left out
    says: str = ""  # what a line must say
    refused: str = ""  # or what a refusal must say
    options: dict = {}
    name: str = "t.csv"


def table(sep: str = ",", **columns) -> str:
    """A CSV file of some columns, b and y."""
    frame = pd.DataFrame({**columns, "b": B.round(3), "y": Y} | columns)
    return frame.to_csv(index=False, sep=sep, lineterminator="\n")


def odd(usual, cell: str) -> list[str]:
    return [cell if flag else str(u) for u, flag in zip(usual, IS_ODD, strict=True)]


def but(values, meaning: float = np.nan) -> np.ndarray:
    return np.where(IS_ODD, meaning, np.asarray(values, float))


def comma(values, form: str = "{:,.2f}", thousand: str = ".") -> list[str]:
    return [form.format(v).translate(str.maketrans(",.", thousand + ",")) for v in values]


def numbers() -> dict[str, Case]:
    x, pos = A.round(3), np.abs(A).round(3)
    euro = table(";", a=comma(A, "{:.3f}"), x=odd(comma(pos, "{:.3f}"), "<0,05"))
    made = {
        "above a bound": (odd(x, ">4.5"), but(x, 4.5), "'>4.5' is read as 4.5"),
        "n.d.": (odd(x, "n.d."), but(x), "'n.d.' is read as missing"),
        "#REF!": (odd(x, "#REF!"), but(x), "'#REF!' is read as missing"),
        "not done": (odd(x, "not done"), but(x), "'not done' is read as missing"),
        "one comma": (odd(x, "1,75"), but(x, 1.75), "'1,75' is read as 1.75"),
        "units": ([f"{v} mmol/l" for v in pos], pos, "mmol/l taken off"),
        "percent": ([f"{v} %" for v in pos], pos, "% taken off"),
        "brackets": ([f"({-v})" if v < 0 else str(v) for v in x], x, "is read as -"),
        "pounds": ([f"£{v:,.2f}" for v in BIG], BIG, "£ taken off"),
        "apostrophes": ([f"{v:,.2f}".replace(",", "'") for v in BIG], BIG, "is read as"),
        "spaces": ([f"{v:,.2f}".replace(",", "\u00a0") for v in BIG], BIG, "is read as"),
        "exponents": ([f"{v:.3E}" for v in A], [float(f"{v:.3E}") for v in A], ""),
        "plus": ([f"{v:+}" for v in x], x, ""),
        "9999": (odd(pos, "9999"), but(pos, 9999), "9999 .5 times. looks like"),
        "-99": (odd(pos, "-99"), but(pos, -99), "-99 .5 times. looks like"),
    }
    found = {k: Case(table(x=c).encode(), {"x": t}, s) for k, (c, t, s) in made.items()}
    found["comma, below"] = Case(euro.encode(), {"a": x, "x": but(pos, 0.05)}, "'<0,05' is read")
    money = table(";", x=comma(BIG, "€ {:,.2f}"))
    found["euros"] = Case(money.encode(), {"x": BIG}, "€ taken off")
    far = table(x=odd(x, "Infinity")).encode()
    found["Infinity"] = Case(far, {}, refused="column 'x', line 9: 'Infinity'")
    mixed = [f"{v} {'kg' if i % 3 else 'g'}" for i, v in enumerate(pos)]
    found["kg and g"] = Case(table(x=mixed).encode(), {}, refused="'x' mixes 'kg' and 'g'")
    metres = [f"{170 + 9 * v:.0f}" if i % 2 else f"{1.7 + 0.09 * v:.2f} m" for i, v in enumerate(x)]
    found["metres or not"] = Case(table(x=metres).encode(), {}, refused="'x' mixes 'm' and 'no")
    return found


def meanings() -> dict[str, Case]:
    levels = np.array(["null", "low", "high"])[np.arange(N) % 3]
    three = np.where(A > 0.5, "None", np.where(A < -0.5, "Severe", "Mild"))
    truth = np.where(Y == 1, "TRUE", "FALSE")
    mixed = [t.title() if i % 9 == 0 else t for i, t in enumerate(truth)]
    ones = [f"{v}.0" if i % 7 == 0 else str(v) for i, v in enumerate(Y)]
    subject = np.arange(N) // 4
    fixed = RNG.normal(60, 9, 60).round(1)[subject]
    same = RNG.integers(0, 2, 60)[subject]
    rows = np.sort(RNG.choice(N + 30, N, replace=False))
    ids = [str(2**60 + 3 * int(i)) for i in RNG.permutation(N)]
    gone = [str(v) if y else "" for v, y in zip(A.round(2), Y, strict=True)]
    left = (A * 9).round(2), (B * 7).round(2)
    frame = table(p=left[0], q=left[1], y=(left[0] - left[1]).round(2))
    people = table(hh=[f"h{i}" for i in subject], age=fixed, bmi=fixed / 3, y=same)
    return {
        "null, a level": Case(table(x=levels).encode(), {"x": levels}, "'null' is taken"),
        "None, a class": Case(table(a=A.round(3), y=three).encode(), {"y": three}, "'None' is"),
        "TRUE and True": Case(table(a=A.round(3), y=mixed).encode(), {"y": Y}, "'True' is read as"),
        "1 and 1.0": Case(table(a=A.round(3), y=ones).encode(), {"y": Y}, "'1.0' is read as '1'"),
        "households": Case(people.encode(), {"age": fixed}, "--groups 'hh' keeps them together"),
        "row numbers": Case(table(line=rows, a=A.round(3)).encode(), {"line": None}, "identifier"),
        "long numbers": Case(table(k=ids, a=A.round(3)).encode(), {"k": None}, "identifier"),
        "postcodes": Case(table(zip=[f"{i % 40:05d}" for i in range(N)]).encode(),
                          {"zip": [f"{i % 40:05d}" for i in range(N)]}),
        "a difference": Case(frame.encode(), {"p": left[0]}, "'p' and 'q' together|'q' and 'p'"),
        "gaps that tell": Case(table(t=gone, a=A.round(3)).encode(), {}, refused="'t' gives"),
        "the answer again": Case(table(z=[f"v{v}" for v in Y]).encode(), {}, refused="'z' gives"),
    }  # fmt: skip


def dates() -> dict[str, Case]:
    made = {
        "%b %d, %Y": DAYS, "%Y-%m-%dT%H:%M:%SZ": MOMENTS, "%d.%m.%y": DAYS, "%Y%m%d": DAYS,
        "%d-%b-%Y": DAYS, "%m/%d/%Y %I:%M %p": MOMENTS.dt.floor("min"),
        "%d/%m/%Y %H:%M": MOMENTS.dt.floor("min"),
    }  # fmt: skip
    found = {
        form: Case(table(when=when.dt.strftime(form), a=A.round(3)).encode(), {"when": when})
        for form, when in made.items()
    }
    cells = odd(DAYS.dt.strftime("%Y-%m-%d"), "2021-02-30")
    known = DAYS.mask(IS_ODD)
    found["no such day"] = Case(
        table(when=cells).encode(), {"when": known}, "'2021-02-30'.*no date"
    )
    return found


def files() -> dict[str, Case]:
    plain, words = table(a=A.round(3)), table(a=A.round(3), ort=["Łódź", "Gdańsk"] * (N // 2))
    cyrillic = table(a=A.round(3), ort=["мужской", "женский"] * (N // 2))
    euro = table(a=A.round(3), ort=["10 € für Öl", "Müller"] * (N // 2))
    a, lines = {"a": A.round(3)}, plain.splitlines()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as file:
        file.writestr("x.csv", plain)
    ragged = "\n".join([*lines[:99], "1.2,3", *lines[99:]])
    again = "\n".join([*lines[:50], lines[0], *lines[50:100], lines[0], *lines[100:]])
    named = "\n".join([lines[0], *(f'"r{i}",{row}' for i, row in enumerate(lines[1:]))])
    wide = {f"x{i}": RNG.normal(0, 1, N).round(2) for i in range(1500)}
    city = ["Łódź", "Gdańsk"] * (N // 2)
    return {
        "a source below": Case(
            f"{plain}\nSource: our own survey\n".encode(), a, "242|243.*footnote"
        ),
        "a title above": Case(
            f"Export of 5 May\n\n{plain}".encode(), a, "line 1 .*above the header"
        ),
        "BOM and CRLF": Case(b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode(), a),
        "utf-16, tabs": Case(table("\t", a=A.round(3)).encode("utf-16"), a, "utf-16"),
        "koi8": Case(cyrillic.encode("koi8_r"), {"ort": ["мужской", "женский"] * (N // 2)}, "koi8"),
        "cp1252": Case(
            euro.encode("cp1252"), {"ort": ["10 € für Öl", "Müller"] * (N // 2)}, "cp125"
        ),
        "cp1250": Case(words.encode("cp1250"), {"ort": city}, "cp1250"),
        "pipes": Case(plain.replace(",", "|").encode(), a, "separator"),
        "old Mac": Case(plain.replace("\n", "\r").encode(), a),
        "zip": Case(zipped.getvalue(), a, name="t.zip"),
        "gzip": Case(gzip.compress(plain.encode()), a, name="t.csv.gz"),
        "a short row": Case(ragged.encode(), {}, refused="line 100 has 2 fields"),
        "an open quote": Case(plain.replace("\n", '\n"', 5).encode(), {}, refused="line [0-9]+: "),
        "headers again": Case(again.encode(), a, "lines 51, 102 are left out"),
        "R's row names": Case(named.encode(), a, "identifier"),
        "an empty column": Case(plain.replace("\n", ",\n").encode(), a, "empty on every row"),
        "parquet": Case(b"PAR1" + bytes(99), {}, refused="pandas.read_parquet", name="t.parquet"),
        "1500 columns": Case(table(**wide).encode(), {"x7": wide["x7"]}),
    }


def judge(case: Case, folder: Path) -> tuple[str, str]:
    """How a file was read, and what shows it."""
    path = folder / case.name
    path.write_bytes(case.raw)
    try:
        made = new_task("t", path, "y", root=folder, **case.options)
    except DataError as err:
        text = str(err)
        if case.refused:
            return ("right" if re.search(case.refused, text) else "harm"), text
        return ("refused" if re.search("line|column|python", text) else "harm"), text
    said = made.choices + made.warnings
    if case.refused:
        return "harm", f"not refused: {said}"
    X, y = made.task.load()
    labels = np.array(made.task.labels)
    X = X.assign(y=labels[y] if made.task.labels else y)
    for name, truth in case.holds.items():
        if (truth is None) != (name not in X) or (truth is not None and not same(X[name], truth)):
            told = [line for line in said if f"'{name}'" in line]
            return (
                "told" if told else "harm"
            ), f"{name}: {dict(made.task.columns).get(name)} {told}"
    if case.says and not any(re.search(case.says, line) for line in said):
        return "harm", f"nobody says '{case.says}': {said}"
    return "right", ""


def same(found: pd.Series, truth) -> bool:
    """Whether a column holds what was written."""
    truth = pd.Series(truth)
    if found.dtype.kind in "fi":
        return truth.dtype.kind in "fi" and np.allclose(found, truth, equal_nan=True)
    if found.dtype.kind == "M":
        return truth.dtype.kind == "M" and found.astype(truth.dtype).equals(truth)
    return list(found.astype(object)) == list(truth)


def every() -> dict[str, Case]:
    """All cases by name."""
    return numbers() | meanings() | dates() | files()


def survey(show=print) -> dict[str, int]:
    """Read all of them, and count."""
    counts = dict.fromkeys(("right", "refused", "told", "harm"), 0)
    for name, case in every().items():
        with tempfile.TemporaryDirectory(prefix="tables-read-") as folder:
            how, why = judge(case, Path(folder))
        counts[how] += 1
        if how != "right":
            show(f"{name}: {how}: {why[:300]}")
    total = sum(counts.values())
    show(
        f"read right {counts['right']}/{total}, refused with line {counts['refused']}, "
        f"told {counts['told']}, silent harm {counts['harm']}"
    )
    return counts


def big(rows: int, columns: int) -> pd.DataFrame:
    """A table of numbers, categories and dates."""
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, rows), unit="D")
    made = {f"x{i}": rng.normal(0, 1, rows).round(4) for i in range(columns - 8)}
    made |= {f"k{i}": rng.integers(0, 1000, rows) for i in range(3)}
    made |= {f"c{i}": rng.choice(["red", "green", "blue"], rows) for i in range(3)}
    return pd.DataFrame(made | {"when": day.strftime("%d.%m.%Y"), "y": rng.integers(0, 2, rows)})


def timed(act, *args):
    began = time.process_time()
    result = act(*args)
    return time.process_time() - began, result


def speed(rows: int, columns: int) -> str:
    """Processor time of reading (file, columns, types) and of all of `new` but its score."""
    with tempfile.TemporaryDirectory(prefix="tables-read-") as name:
        folder, csv, spent, read = Path(name), Path(name) / "big.csv", [], newtask._read
        big(rows, columns).to_csv(csv, index=False)
        big(60, 10).to_csv(folder / "warm.csv", index=False)
        new_task("warm", folder / "warm.csv", "y", root=folder)  # imports

        def reading(*args):
            seconds, result = timed(read, *args)
            spent.append(seconds)
            return result

        newtask._read = reading
        own = min(timed(pd.read_csv, csv)[0] for _ in range(3))
        whole = min(
            timed(lambda k=k: new_task(f"t{k}", csv, "y", root=folder))[0] for k in range(3)
        )
        newtask._read = read
        tracemalloc.start()
        new_task("traced", csv, "y", root=folder)
        held = tracemalloc.get_traced_memory()[1] / csv.stat().st_size
        tracemalloc.stop()
    return (
        f"{rows:,} x {columns:,}: pandas {own:.2f} s; reading {min(spent):.2f} s, "
        f"{min(spent) / own:.1f} times; `ratchet new` without its score {whole:.2f} s, "
        f"{whole / own:.1f} times; {held:.1f} times the file held"
    )


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--speed", action="store_true", help="time and memory of large tables")
    args = parser.parse_args()
    if args.speed:
        print(speed(60_000, 20), speed(100, 12_000), sep="\n")
        return 0
    return int(survey()["harm"] > 0)


if __name__ == "__main__":
    sys.exit(main())
