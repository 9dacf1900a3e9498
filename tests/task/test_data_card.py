"""The data card's figures are computed again from the files, so that they cannot rot."""

import hashlib

import pandas as pd
import pytest

from harness import DATA
from harness.task import task

FILES = ("heart_cleveland.csv", "heart_hungary.csv")


@pytest.fixture(scope="module")
def card() -> str:
    return (DATA / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables() -> list[pd.DataFrame]:
    return [pd.read_csv(DATA / name) for name in FILES]


def rows_under(card: str, header: str) -> dict[str, list[str]]:
    """Read one Markdown table: first cell -> the other cells."""
    _, found, rest = card.partition(header + "\n")
    assert found, f"the data card has no table headed {header!r}"
    rows = {}
    for line in rest.splitlines()[1:]:
        if not line.startswith("|"):
            break
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        assert first not in rows, f"{first} stands twice in the data card"
        rows[first] = cells
    return rows


def facts(name: str, table: pd.DataFrame) -> dict[str, str]:
    raw = (DATA / name).read_bytes()
    sick = table["num"] > 0
    features = table.drop(columns="num")
    return {
        "rows": f"{len(table)}",
        "columns": f"{table.shape[1]}",
        "`num` = 0, 1, 2, 3, 4": ", ".join(str((table["num"] == k).sum()) for k in range(5)),
        "disease (`num` > 0)": f"{sick.sum()} ({sick.mean():.1%})",
        "no disease": f"{(~sick).sum()} ({(~sick).mean():.1%})",
        "rows with a missing feature": f"{features.isna().any(axis=1).sum()}",
        "missing cells": f"{table.isna().sum().sum()}",
        "rows that repeat an earlier row": f"{table.duplicated().sum()}",
        "size in bytes": f"{len(raw)}",
        "SHA-256": f"`{hashlib.sha256(raw).hexdigest()}`",
    }


def test_facts_of_both_files(card, tables):
    written = rows_under(card, "| | `heart_cleveland.csv` | `heart_hungary.csv` |")
    cleveland, hungary = (facts(*pair) for pair in zip(FILES, tables, strict=True))
    assert written == {key: [cleveland[key], hungary[key]] for key in cleveland}


def test_missing_values_and_ranges_per_column(card, tables):
    written = rows_under(
        card,
        "| column | Cleveland: missing | min / median / max "
        "| Hungary: missing | min / median / max |",
    )
    computed = {}
    for column in tables[0].columns:
        cells = []
        for table in tables:
            values = table[column]
            cells += [
                f"{values.isna().sum()}",
                f"{values.min():g} / {values.median():g} / {values.max():g}",
            ]
        computed[f"`{column}`"] = cells
    assert written == computed


def test_every_column_is_explained(card, tables):
    written = rows_under(card, "| column | meaning | unit or codes |")
    expected = [f"`{name}`" for name in tables[0].columns]
    assert list(written) == expected
    assert list(tables[1].columns) == list(tables[0].columns)
    assert [f"`{name}`" for name in task.COLUMNS] == expected[:-1]
    for column, cells in written.items():
        assert all(cells), f"{column}: meaning or unit is missing"


def test_codes_in_the_files_are_the_codes_in_the_card(card, tables):
    written = rows_under(card, "| column | meaning | unit or codes |")
    for column in ("sex", "cp", "fbs", "restecg", "exang", "slope", "thal"):
        codes = {int(part.split()[0]) for part in written[f"`{column}`"][1].split(", ")}
        for name, table in zip(FILES, tables, strict=True):
            found = set(table[column].dropna().astype(int))
            assert found <= codes, f"{name}: {column} holds {found - codes}, not in the card"


def test_task_and_card_agree(card):
    counts = rows_under(card, "| | `heart_cleveland.csv` | `heart_hungary.csv` |")
    assert counts["rows"][0] == f"{task.N_ROWS}"
    assert counts["SHA-256"] == [f"`{task.HEART.sha256}`", f"`{task.HUNGARY.sha256}`"]


def test_source_and_licence_are_named(card):
    for words in ("10.24432/C52P4X", "CC BY 4.0", "Janosi", "Steinbrunn", "Pfisterer", "Detrano"):
        assert words in card
