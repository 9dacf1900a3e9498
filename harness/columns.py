"""The columns of a CSV file: how they are read, and how their types are guessed once.

A task of one's own freezes a type per column, so that a file is read the same way every time:

================  =================================================================
number            float64, missing as NaN
category          `category` of text, missing as NaN; codes such as 02139 keep zeros
text              `str`, missing as NaN
date [format]     datetime64 without a time zone (UTC), missing as NaT
================  =================================================================
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from harness.task import CsvFormat, DataError

TYPES = ("number", "category", "text", "date")
MISSING_MARKS = ("?", "-", "--", ".", "*", "missing", "unknown")  # in a column of numbers
# The day first where both orders fit: the more common order in the world. A note says so.
DATE_FORMATS = (
    "ISO8601",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
)
MANY = 30  # different values that are surely a category; more needs rows to back them
LONG_WORDS = 3.0  # words per value from which on it is text
ID_NAME = re.compile(r"(^|[_\s-])(id|ids|uuid|guid|key|index|idx|row|rownum|nr|no|number)$")
CAMEL_ID = re.compile(r"[a-z0-9]I[dD]$")


def text_dtype():
    """The type of text columns: `str` whose values lie in Python memory, so that it can travel."""
    try:
        return pd.StringDtype("python", na_value=np.nan)
    except TypeError:  # pandas 2.2 keeps text as objects
        return np.dtype(object)


def sniff(raw: bytes) -> CsvFormat:
    """Find out how a CSV file is written.

    Raises
    ------
    DataError
        If it is no CSV file with a header and rows.
    """
    encoding = "utf-8"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = raw.decode(encoding, "replace")
    if raw[:3] == b"\xef\xbb\xbf":
        encoding, text = "utf-8-sig", text[1:]
    if "\x00" in text[:4096]:
        raise DataError("the file is not text: save the table as CSV in UTF-8")
    lines = [line for line in text[:200_000].splitlines() if line.strip()][:50]
    if len(lines) < 2:
        raise DataError("the file has no rows: give a CSV file with a header line and data")
    widths = {}
    for mark in (",", ";", "\t", "|"):
        rows = list(csv.reader(lines, delimiter=mark))
        counts = [len(row) for row in rows]
        if counts[0] > 1 and counts.count(counts[0]) > 0.8 * len(counts):
            widths[mark] = counts[0]
    if not widths:
        raise DataError("the file has one column, or rows of different lengths: check it is CSV")
    separator = max(widths, key=widths.get)
    decimal = "."
    if separator != ",":
        cells = [c.strip() for row in csv.reader(lines[1:], delimiter=separator) for c in row]
        commas = sum(bool(re.fullmatch(r"-?\d+,\d+", c)) for c in cells)
        points = sum(bool(re.fullmatch(r"-?\d+\.\d+", c)) for c in cells)
        decimal = "," if commas > points else "."
    return CsvFormat(separator, decimal, encoding)


def header(raw: bytes, form: CsvFormat) -> list[str]:
    """Read the names of the columns as they stand in the file."""
    text = io.StringIO(raw.decode(form.encoding, "replace"))
    names = next(csv.reader(text, delimiter=form.separator, skipinitialspace=True))
    seen = [name.strip() for name in names]
    twice = sorted({name for name in seen if seen.count(name) > 1 and name})
    if twice:
        raise DataError(f"column '{twice[0]}' appears twice in the header: rename one")
    return names


def read_text(raw: bytes, form: CsvFormat, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Read a table as text, missing values as NaN."""
    return _read(raw, form, columns, text_dtype())


def read_table(
    raw: bytes, columns: Iterable[tuple[str, str]], target: str, form: CsvFormat | None = None
) -> tuple[pd.DataFrame, pd.Series]:
    """Read features by their frozen types; rows without a target are left out.

    Parameters
    ----------
    raw : bytes
        The CSV file.
    columns : sequence of (str, str)
        Names and types, in the order that the table shall have.
    target : str
        The column to predict; comes back as text.
    form : CsvFormat, optional

    Returns
    -------
    X : DataFrame of shape (n, p)
    target : Series of shape (n,)

    Raises
    ------
    DataError
        If a column is not there or does not hold what its type says.
    """
    form, types = form or CsvFormat(), dict(columns)
    dtype = {name: text_dtype() for name in [*types, target]}
    dtype |= {name: np.float64 for name, kind in types.items() if kind == "number"}
    try:
        table = _read(raw, form, [*types, target], dtype)
    except ValueError as err:
        table = read_text(raw, form)  # tell which column it is
        for name in [*types, target]:
            if name not in table:
                raise DataError(f"the data has no column '{name}': mend [columns]") from None
        for name, kind in types.items():
            if kind == "number" and _numbers(table[name], form.decimal) is None:
                raise DataError(
                    f"column '{name}' is not all numbers: make it a category in [columns]"
                ) from None
        raise DataError(f"the data cannot be read: {err}") from None
    there = table[target].notna().to_numpy()
    table = table[there].reset_index(drop=True)
    X = {name: convert(table[name], kind) for name, kind in types.items()}
    return pd.DataFrame(X), table[target]


def convert(values: pd.Series, kind: str) -> pd.Series:
    """Turn one column, read as text or numbers, into its frozen type."""
    name, _, form = kind.partition(" ")
    if name == "number":
        return values.astype(np.float64)
    if name == "category":
        return pd.Series(pd.Categorical(values, categories=sorted(values.dropna().unique())))
    if name == "text":
        return values
    if name == "date":
        dates = _dates(values, form or "ISO8601")
        if dates is None:
            raise DataError(f"column '{values.name}' is not all dates of the form {form}")
        return dates
    raise DataError(f"column '{values.name}' has type '{kind}': use {', '.join(TYPES)}")


def guess(values: pd.Series, decimal: str = ".") -> tuple[str, tuple[str, ...]]:
    """Guess the type of a column of text.

    Returns
    -------
    kind : str
        As `read_table` takes it; "id" for an identifier, "empty", or "constant".
    marks : tuple of str
        Marks for missing values that keep a column of numbers from being read as one.
    """
    there = values.dropna()
    distinct = there.unique()
    n, k = len(there), len(distinct)
    if n == 0:
        return "empty", ()
    marks = tuple(mark for mark in MISSING_MARKS if mark in distinct)
    numbers = _numbers(there, decimal)
    if numbers is None and marks and k > len(marks):
        numbers = _numbers(there[~there.isin(marks)], decimal)
    elif numbers is not None:
        marks = ()
    if k - len(marks) <= (0 if marks else 1) and n == len(values):
        return "constant", ()
    if numbers is not None:
        if _is_code(distinct):
            return "category" if _is_category(there, k, n) else "id", ()
        return ("id" if _counts_rows(numbers, values.name, n == len(values)) else "number"), marks
    if (found := date_format(there)) is not None:
        return f"date {found}", ()
    words = there.str.split().str.len().mean()
    if words >= LONG_WORDS and k > MANY:
        return "text", ()
    if k > 0.95 * n and k > MANY and words < LONG_WORDS:
        return "id", ()
    return "category", ()


def looks_like_id(name: object) -> bool:
    """Whether a column's name says that it identifies something."""
    name = str(name).strip()
    return bool(ID_NAME.search(name.lower()) or CAMEL_ID.search(name) or "unnamed" in name.lower())


def date_format(values: pd.Series) -> str | None:
    """Find the format that all values have, or None."""
    first = str(values.iloc[0])
    if not re.search(r"\d", first) or not 6 <= len(first) <= 40:
        return None
    return next((f for f in DATE_FORMATS if _dates(values, f) is not None), None)


def ambiguous_dates(values: pd.Series, form: str) -> bool:
    """Whether day and month could stand the other way round in every value."""
    other = form.replace("%d/%m", "%m/%d")
    return other != form and _dates(values.dropna(), other) is not None


def _read(raw: bytes, form: CsvFormat, columns, dtype) -> pd.DataFrame:
    wanted = None if columns is None else set(columns)
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(header(raw, form))]
    try:
        return pd.read_csv(
            io.BytesIO(raw),
            sep=form.separator,
            decimal=form.decimal,
            encoding=form.encoding,
            encoding_errors="replace",
            na_values=list(form.missing),
            names=names,
            header=0,
            index_col=False,
            usecols=None if wanted is None else wanted,
            dtype=dtype,
            skipinitialspace=True,
        )
    except pd.errors.ParserError as err:
        raise DataError(f"the file is not regular CSV: {' '.join(str(err).split())}") from None


def _numbers(values: pd.Series, decimal: str) -> pd.Series | None:
    text = values.str.replace(",", ".", regex=False) if decimal == "," else values
    try:
        return pd.to_numeric(text.astype(object)).astype(np.float64)
    except (ValueError, TypeError):
        return None


def _dates(values: pd.Series, form: str) -> pd.Series | None:
    try:
        dates = pd.to_datetime(values, format=form, utc=True)
    except (ValueError, TypeError, OverflowError):
        return None
    return dates.dt.tz_localize(None)


def _is_code(distinct: np.ndarray) -> bool:
    """Whether digits are names: some begin with 0, all have the same length (postcodes)."""
    texts = [str(value) for value in distinct]
    padded = any(t[:1] == "0" and len(t) > 1 and t.isdigit() for t in texts)
    return padded and len({len(t) for t in texts}) == 1


def _is_category(values: pd.Series, k: int, n: int) -> bool:
    return k <= max(MANY, 0.5 * n)


def _counts_rows(numbers: pd.Series, name: object, complete: bool) -> bool:
    """Whether whole numbers differ on every row and are named or spaced like an identifier."""
    if not complete or not numbers.is_unique or len(numbers) < 10:
        return False
    if (numbers % 1 != 0).any():
        return False
    return looks_like_id(name) or bool(numbers.max() - numbers.min() == len(numbers) - 1)
