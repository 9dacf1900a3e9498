"""A CSV file as a table: columns read by their frozen types.

A task of one's own freezes a type per column, so that a file is read the same way every time:

================  =================================================================
number            float64, missing as NaN
category          `category` of text, missing as NaN; codes such as 02139 keep zeros
text              `str`, missing as NaN
date [format]     datetime64 without a time zone (UTC), missing as NaT
================  =================================================================
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

TYPES = ("number", "category", "text", "date")


class DataError(Exception):
    """A data file is missing, changed or unfit; the message is one line that says what to do."""


def read_file(path: Path, cure: str, what: str = "") -> bytes:
    """Read a file, or say in one line what to do."""
    try:
        return path.read_bytes()
    except OSError as err:
        raise DataError(f"{what}{path} cannot be read ({err.strerror}): {cure}") from None


class CsvFormat(NamedTuple):
    """How a CSV file is written; `missing` are marks beside the usual ones (empty, NA, …)."""

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


def text_dtype():
    """The type of text columns: `str` whose values lie in Python memory, so that it can travel."""
    try:
        return pd.StringDtype("python", na_value=np.nan)
    except TypeError:  # pandas 2.2 keeps text as objects
        return np.dtype(object)


def read_text(raw: bytes, form: CsvFormat) -> pd.DataFrame:
    """Read a table as text, missing values as NaN."""
    return _read(raw, form, text_dtype())


def read_table(
    raw: bytes, columns: Iterable[tuple[str, str]], target: str, form: CsvFormat | None = None
) -> tuple[pd.DataFrame, pd.Series]:
    """Read features by their frozen types; rows without a target are left out.

    Parameters
    ----------
    raw : bytes
        The CSV file.
    columns : iterable of (str, str)
        Names and types, in the order that the table shall have.
    target : str
        The column to predict; comes back as text.

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
        table = _read(raw, form, dtype, [*types, target])
    except ValueError as err:
        table = read_text(raw, form)  # tell which column it is
        for name, kind in {target: "text", **types}.items():
            if name not in table:
                raise DataError(f"the data has no column '{name}': mend [columns]") from None
            if kind == "number" and as_numbers(table[name], form.decimal) is None:
                cure = "make it a category in [columns]"
                raise DataError(f"column '{name}' is not all numbers: {cure}") from None
        raise DataError(f"the data cannot be read: {err}") from None
    there = table[target].notna().to_numpy()
    table = table[there].reset_index(drop=True)
    X = {name: _convert(table[name], kind) for name, kind in types.items()}
    return pd.DataFrame(X), table[target]


def _convert(values: pd.Series, kind: str) -> pd.Series:
    name, _, form = kind.partition(" ")
    if name in ("number", "text"):  # it was read as such
        return values
    if name == "category":
        return pd.Series(pd.Categorical(values, categories=sorted(values.dropna().unique())))
    if name == "date":
        found = as_dates(values, form or "ISO8601")
        if found is None:
            raise DataError(f"column '{values.name}' is not all dates of the form {form}")
        return found
    raise DataError(f"column '{values.name}' has type '{kind}': use {', '.join(TYPES)}")


def _read(raw: bytes, form: CsvFormat, dtype, columns: list[str] | None = None) -> pd.DataFrame:
    text = io.StringIO(raw.decode(form.encoding, "replace"))
    header = next(csv.reader(text, delimiter=form.separator, skipinitialspace=True))
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(header)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(f"column '{twice[0]}' appears twice in the header: rename one")
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
            usecols=columns,
            dtype=dtype,
            skipinitialspace=True,
        )
    except pd.errors.ParserError as err:
        raise DataError(f"the file is not regular CSV: {' '.join(str(err).split())}") from None


def as_numbers(values: pd.Series, decimal: str) -> pd.Series | None:
    """Turn a column of text into float64, or None if a cell is no number."""
    text = values.str.replace(",", ".", regex=False) if decimal == "," else values
    try:
        return pd.to_numeric(text.astype(object)).astype(np.float64)
    except (ValueError, TypeError):
        return None


def as_dates(values: pd.Series, form: str) -> pd.Series | None:
    """Turn a column of text into datetime64 (UTC), or None if a cell is no such date."""
    try:
        found = pd.to_datetime(values, format=form, utc=True)
    except (ValueError, TypeError, OverflowError):
        return None
    return found.dt.tz_localize(None)
