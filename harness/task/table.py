"""A CSV file as a table: lines, columns and cells read as `task.toml` says.

==============================  =====================================================
number                          float64, missing as NaN
number 1,234.5, number 1.234,5  the same as people write it, whatever unit stands beside it;
                                2:45 PM and 14:45 are 14.75 (hours)
category                        `category` of text; codes such as 02139 keep zeros
text                            `str`, missing as NaN
date [form|form]                datetime64 without a time zone (UTC), missing as NaT; the form
                                `mixed` reads dates whose months are words
==============================  =====================================================

A cell that its column's type does not fit, or that means something else than it says, stands under
`[cells]`: `crp = { "<0.1" = "0.1", "n.d." = "" }` (no text: missing; numbers with a point). A cell
that is named there is never one of the usual marks: `{ "NA" = "NA" }` makes the word a level.
"""

import csv
import functools
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.files import catalogue

TYPES = ("number", "category", "text", "date")
PLAIN, POINT, COMMA = NUMBERS = ("number", "number 1,234.5", "number 1.234,5")
MISSING, CENSORED, CURRENCY = map(frozenset, catalogue(__file__).values())
Table = tuple[pd.DataFrame, pd.Series]  # features, and the target as it is written
csv.field_size_limit(2**31 - 1)


class DataError(Exception):
    """A data file is missing, changed or unfit; the message is one line that says what to do."""


def read_file(path: Path, cure: str, what: str = "") -> bytes:
    """Read a file, or say in one line what to do."""
    try:
        return path.read_bytes()
    except OSError as err:
        raise DataError(f"{what}{path} cannot be read ({err.strerror}): {cure}") from None


class CsvFormat(NamedTuple):
    """How a CSV file is written."""

    separator: str = ","
    encoding: str = "utf-8"
    skip: tuple[int, ...] = ()  # lines that are no rows, from 1 on
    answer: str = "text"  # how the target is read: its type, as a column's
    cells: Mapping[str, Mapping[str, str]] = {}  # column -> text -> meaning


def text_dtype():
    """The type of text columns: `str` whose values lie in Python memory, so that it can travel."""
    try:
        return pd.StringDtype("python", na_value=np.nan)
    except TypeError:  # pandas 2.2 keeps text as objects
        return np.dtype(object)


def plain_lines(raw: bytes, form: CsvFormat) -> bytes:
    """The file as UTF-8 with one kind of line end, without the lines that are left out."""
    if form.encoding not in ("utf-8", "ascii") or b"\r" in raw:
        text = raw.decode(form.encoding, "replace").removeprefix("\ufeff")
        raw = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    if form.skip:
        lines, gone = raw.split(b"\n"), set(form.skip)
        raw = b"\n".join(line for n, line in enumerate(lines, 1) if n not in gone)
    return raw


def records(lines: bytes, form: CsvFormat, strict: bool = True) -> Iterator[list[str]]:
    """The records of a file, a `csv.reader`."""
    text = io.TextIOWrapper(io.BytesIO(lines), "utf-8", "replace", newline="\n")
    return csv.reader(text, delimiter=form.separator, skipinitialspace=True, strict=strict)


def column_names(lines: bytes, form: CsvFormat) -> list[str]:
    """Names from the header; a column that it lacks is R's row names, or empty and the last."""
    rows = (row for row in records(lines, form, strict=False) if row)
    header, first = next(rows, []), next(rows, [])
    if len(first) == len(header) + 1:
        header.insert(0 if first[-1].strip() else len(header), "")
    names = [clean_name(name) or f"column {i}" for i, name in enumerate(header, 1)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(f"column '{twice[0]}' appears twice in the header: rename one")
    return names


def clean_name(name: str) -> str:
    """A column's name without spaces and single quotes around it."""
    return _unquoted(name.strip(), "'")


def _unquoted(text: str, quotes: str) -> str:
    """Text without a pair of quotes around it."""
    quoted = len(text) > 2 and text[0] == text[-1] and text[0] in quotes
    return text[1:-1].strip() if quoted else text


def read_columns(lines, form: CsvFormat, columns=None, numbers=(), decimal=".") -> pd.DataFrame:
    """Read columns as text, each text once (`category`); `numbers` as such, if all cells are."""
    names, numbers = column_names(lines, form), set(numbers)
    wanted = names if columns is None else list(columns)
    for name in dict.fromkeys(wanted).keys() - set(names):
        raise DataError(f"the data has no column '{name}': mend [columns]")
    words = [name for name in wanted if name not in numbers]
    marks = dict.fromkeys(numbers, list(MISSING))
    how = {"sep": form.separator, "decimal": decimal, "skipinitialspace": True, "header": 0}
    how |= {"index_col": False, "keep_default_na": False, "na_values": marks, "usecols": wanted}
    try:
        dtype = dict.fromkeys(words, object)
        table = pd.read_csv(io.BytesIO(lines), names=names, dtype=dtype, **how)
    except pd.errors.ParserError as err:
        raise DataError(f"the file is not regular CSV: {' '.join(str(err).split())}") from None
    odd = [c for c in wanted if c in numbers and table[c].dtype.kind not in "iuf"]
    odd = read_columns(lines, form, odd) if odd else {}
    return table.assign(**{name: table[name].astype("category") for name in words}, **odd)


def read_table(raw: bytes, columns: Iterable[tuple], target: str, form: CsvFormat | None) -> Table:
    """Read features by their frozen types, and the target; rows without a target are left out.

    Raises a DataError if a column is not there or does not hold what its type says.
    """
    form, types = form or CsvFormat(), dict(columns)
    plain = [c for c, kind in types.items() if kind in (PLAIN, COMMA) and c not in form.cells]
    decimal = "," if any(types[c] == COMMA for c in plain) else "."
    table = read_columns(plain_lines(raw, form), form, [*types, target], plain, decimal)
    return typed(table, types, target, form)


def typed(table: pd.DataFrame, types: Mapping[str, str], target: str, form: CsvFormat) -> Table:
    """Give columns that were read the types that they shall have; see `read_table`."""
    kinds, cells = {**types, target: form.answer}, form.cells
    found = {name: convert(table[name], kind, cells.get(name, {})) for name, kind in kinds.items()}
    X, answer = pd.DataFrame(found), found[target]
    del X[target]
    if answer.isna().any():
        X, answer = X[answer.notna()].reset_index(drop=True), answer.dropna().reset_index(drop=True)
        for name in X.columns[X.dtypes == "category"]:
            X[name] = X[name].cat.remove_unused_categories()
    return X, answer


def convert(values: pd.Series, kind: str, cells: Mapping[str, str]) -> pd.Series:
    """Turn a column's text into what its type says.

    Raises a DataError if a cell is not what the type says; it is named.
    """
    if values.dtype.kind in "iuf":  # read as numbers already
        return values.astype(np.float64)
    values, (name, _, written) = values.astype("category"), kind.partition(" ")
    codes = values.cat.codes.to_numpy()
    texts = [*(text.strip() for text in values.cat.categories), ""]  # the last: nothing there
    said, choices = [cells.get(t, "" if t in MISSING else t) for t in texts], {}
    if kind in NUMBERS:
        read = numerals(texts, "," if kind == COMMA else ".", regular=kind == PLAIN)
        found = [as_float(cells[t]) if t in cells else read[t][0] for t in texts]
    elif name == "date":
        found = as_dates(pd.Series(said, dtype=object), written or "ISO8601")
    elif kind == "category":
        levels = sorted({text for text in said if text})
        place = {level: code for code, level in enumerate(levels)}
        found = pd.Categorical.from_codes([place.get(t, -1) for t in said], levels)
    elif kind == "text":
        found, choices = [text or None for text in said], {"dtype": text_dtype()}
    else:
        kinds = ", ".join((*NUMBERS, *TYPES[1:]))
        raise DataError(f"column '{values.name}' has type '{kind}': use {kinds} or 'date FORMAT'")
    found = pd.Series(found, **choices)
    bad = found.isna().to_numpy() & np.array([text != "" for text in said])
    if bad.any():
        cell, what = texts[int(bad.argmax())], f"all {name}s" + f" ({written})" * bool(written)
        raise DataError(
            f"column '{values.name}' is not {what}: '{cell}' is none; say what it means (--cell, "
            "or [cells] in task.toml), or make the column a category"
        )
    codes = np.where(codes < 0, len(texts) - 1, codes)
    return found.take(codes).set_axis(values.index).rename(values.name)


def as_float(text: str) -> float:
    """A number as programs write it, or NaN."""
    try:
        return float(text)
    except ValueError:
        return np.nan


# A clock's zone by its letters, at the end or before the year.
ZONE = re.compile(r"(:\d\d(?:\.\d+)?(?: ?[AaPp][Mm])?) ?\(?[A-Z]{3,5}\)?(?=$| \d{4}$)")
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?(?:\s?([aApP])\.?[mM]\.?)?")
Numeral = tuple[float, str, str]  # a number, and what stands before and after it; NaN: it is none


def numerals(texts: Iterable[str], decimal: str, regular: bool = False) -> dict[str, Numeral]:
    """Numbers as people write them; if `regular`, none but those that a program writes."""
    texts = pd.Series(list(texts), dtype=object).drop_duplicates()
    plain = texts
    if decimal == ",":
        plain = texts.str.replace(",", ".", regex=False).mask(texts.str.contains(".", regex=False))
    read = pd.to_numeric(plain, errors="coerce").tolist()
    other = (np.nan, "", "") if regular else None
    pairs = zip(texts, read, strict=True)
    return {t: (float(v), "", "") if v == v else other or numeral(t, decimal) for t, v in pairs}


def numeral(text: str, decimal: str) -> Numeral:
    """A number as people write it, with what stands before and after it; 2:45 PM in hours."""
    text = _unquoted(text, "'\"`")
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds, half = clock.groups()
        hours = int(hours) % 12 + 12 * (half in "pP") if half else int(hours)
        return hours + int(minutes) / 60 + float(seconds or 0) / 3600, "", ""
    found = _numeral(decimal).fullmatch(text)
    if found is None:
        return np.nan, "", ""
    pre, body, post = found.group("pre", "body", "post")
    minus = bool(re.search("[-−–]", pre)) or post == "-" or (pre[:1] == "(" and post[-1:] == ")")
    pre, post = re.sub(r"[-−–(\s]|^\+", "", pre), post.strip(" )").removesuffix("-").strip()
    if pre and pre not in CURRENCY and pre not in CENSORED or re.match(r"[-−–]", post):
        return np.nan, "", ""
    body = re.sub(r"[^\d.,eE+-]", "", body).replace("." if decimal == "," else ",", "")
    value = float(body.replace(",", "."))
    return (-value if minus else value), pre, post


@functools.cache
def _numeral(decimal: str) -> re.Pattern:
    d, t = re.escape(decimal), re.escape("." if decimal == "," else ",")
    whole = rf"[1-9]\d{{0,2}}(?P<t>[{t}'’ \u00a0\u202f\u2009])\d{{3}}(?:(?P=t)\d{{3}})*"
    whole = rf"(?:{whole}|[1-9]\d?(?:{t}\d\d)+{t}\d{{3}}|\d+)(?:{d}\d*)?|{d}\d+"
    pre, body = r"(?P<pre>(?:[^\d.,]|(?<=[^\W\d])\.)*?)", rf"(?:{whole})(?:[eE][+-]?\d+)?"
    post = r"(?P<post>(?!.*\d\d)(?:/?[^\W\d]|[%‰°$€£¥₹₽₩₺+)*†\-−])[^;,:]{0,16}|)"
    return re.compile(rf"{pre}\s*(?P<body>{body})\s*{post}")


def as_dates(values: pd.Series, forms: str) -> pd.Series:
    """Turn text into datetime64, by the first of the forms that fits; NaT where none does.

    In UTC where an offset is written; a zone's letters (CET, CEST) are left off: the clock counts.
    """
    values = values.str.replace(ZONE, r"\1", regex=True)
    found = pd.Series(pd.NaT, values.index, dtype="datetime64[ns]")
    for form in forms.split("|"):
        rest = found.isna()
        dates = pd.to_datetime(values[rest], format=form, utc=True, errors="coerce")
        dates = dates.dt.tz_localize(None)
        known = dates.between("1678", "2261")  # 9999-12-31 is no date
        found[rest] = dates.where(known).astype("datetime64[ns]")
    return found
