"""How a CSV file is written and what its columns hold, guessed once: then it is frozen."""

import csv
import re

import numpy as np
import pandas as pd

from harness.task import CsvFormat, DataError, as_dates, as_numbers

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
    numbers = as_numbers(there, decimal)
    if numbers is None and marks and k > len(marks):
        numbers = as_numbers(there[~there.isin(marks)], decimal)
    elif numbers is not None:
        marks = ()
    if k - len(marks) <= (0 if marks else 1) and n == len(values):
        return "constant", ()
    if numbers is not None:
        if _is_code(distinct):
            return "category" if k <= max(MANY, 0.5 * n) else "id", ()
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
    return next((f for f in DATE_FORMATS if as_dates(values, f) is not None), None)


def ambiguous_dates(values: pd.Series, form: str) -> bool:
    """Whether day and month could stand the other way round in every value."""
    other = form.replace("%d/%m", "%m/%d")
    return other != form and as_dates(values.dropna(), other) is not None


def _is_code(distinct: np.ndarray) -> bool:
    """Whether digits are names: some begin with 0, all have the same length (postcodes)."""
    texts = [str(value) for value in distinct]
    padded = any(t[:1] == "0" and len(t) > 1 and t.isdigit() for t in texts)
    return padded and len({len(t) for t in texts}) == 1


def _counts_rows(numbers: pd.Series, name: object, complete: bool) -> bool:
    """Whether whole numbers differ on every row and are named or spaced like an identifier."""
    if not complete or not numbers.is_unique or len(numbers) < 10:
        return False
    if (numbers % 1 != 0).any():
        return False
    return looks_like_id(name) or bool(numbers.max() - numbers.min() == len(numbers) - 1)
