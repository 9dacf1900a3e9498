"""The ledger: rows survive the way to disk and back, and crashes cost at most the last line."""

import math
from dataclasses import asdict, replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import RunError
from harness.run.ledger import COLUMNS, HEADER, Ledger, Row, clean, describe, describe_best

ROW = Row(
    commit="0123456789ab",
    val_auc=0.8959708568404221,
    test_auc=0.95,
    wall_time_s=0.25,
    status="ok",
    description="an idea [strict: gain 0.0012 > 0]",
    iteration=0,
    decision="baseline",
    delta=0.0,
    val_sd=0.017,
    agent="playbook",
    tokens=0,
    cost_usd=0.0,
    started_at="2026-01-01T00:00:00Z",
)

texts = st.text(max_size=700)
floats = st.floats(allow_infinity=False)
rows = st.builds(
    Row,
    commit=st.text("0123456789abcdef", min_size=12, max_size=12),
    val_auc=floats,
    test_auc=floats,
    wall_time_s=st.floats(0, 1e5),
    status=texts,
    description=texts,
    iteration=st.integers(0, 99999),
    decision=st.sampled_from(["kept", "discarded"]),
    delta=floats,
    val_sd=floats,
    agent=texts,
    tokens=st.none() | st.integers(0, 10**12),
    cost_usd=st.none() | st.floats(0, 1e6),
    started_at=st.just("2026-01-01T00:00:00Z"),
)


def same(a: Row, b: Row) -> bool:
    nan_safe = [
        {k: "nan" if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(r).items()}
        for r in (a, b)
    ]
    return nan_safe[0] == nan_safe[1]


@given(rows)
def test_a_row_comes_back_with_every_digit_and_its_text_in_one_cell(row):
    line = row.to_line()
    assert line.count("\n") == 1
    assert line.count("\t") == len(COLUMNS) - 1
    texts_cleaned = {k: clean(getattr(row, k)) for k in ("status", "description", "agent")}
    assert same(Row.from_line(line), replace(row, **texts_cleaned))


@given(texts, st.integers(1, 600))
def test_cleaned_text_is_one_bounded_line_that_cleaning_leaves_alone(text, limit):
    once = clean(text, limit)
    assert len(once.splitlines()) <= 1
    assert "\t" not in once
    assert '"' not in once
    assert len(once) <= limit
    assert clean(once, limit) == once


@given(st.lists(texts, min_size=1, max_size=6))
def test_pandas_reads_as_many_rows_as_were_written(tmp_path_factory, descriptions):
    path = tmp_path_factory.mktemp("ledger") / "results.tsv"
    ledger = Ledger(path)
    for i, text in enumerate(descriptions):
        decision = "discarded" if i else "baseline"
        ledger.append(replace(ROW, iteration=i, decision=decision, description=text))
    ledger.close()
    table = pd.read_csv(path, sep="\t", dtype={"commit": str})
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == len(descriptions) == len(ledger.frame())


def write(path, n):
    ledger = Ledger(path)
    for i in range(n):
        ledger.append(replace(ROW, iteration=i, decision="kept" if i else "baseline"))
    ledger.close()
    return path.read_bytes()


def test_a_line_torn_at_any_byte_is_dropped_and_the_rows_before_it_stay(tmp_path):
    path = tmp_path / "results.tsv"
    whole = write(path, 3)
    keep = whole[:-1].rfind(b"\n") + 1
    for cut in range(keep, len(whole)):
        path.write_bytes(whole[:cut])
        reader = Ledger(path, writable=False)
        assert len(reader.rows) == 2
        assert path.read_bytes() == whole[:cut], "reading must not write"
        ledger = Ledger(path)
        assert ledger.torn == (cut > keep)
        ledger.append(replace(ROW, iteration=2, decision="kept"))
        ledger.close()
        assert path.read_bytes() == whole


def test_a_header_torn_at_any_byte_is_written_again(tmp_path):
    path = tmp_path / "results.tsv"
    for cut in range(len(HEADER)):
        path.write_bytes(HEADER.encode()[:cut])
        assert Ledger(path, writable=False).rows == []
        Ledger(path).close()
        assert path.read_text() == HEADER


def test_zeros_in_the_last_line_count_as_torn(tmp_path):
    path = tmp_path / "results.tsv"
    whole = write(path, 2)
    path.write_bytes(whole + b"\0" * 50 + b"\n")
    ledger = Ledger(path)
    assert (len(ledger.rows), ledger.torn) == (2, True)
    ledger.close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", [b"rubbish", b"", b"\xff\xfe"])
def test_damage_in_the_middle_is_an_error_that_names_the_line(tmp_path, damage):
    path = tmp_path / "results.tsv"
    lines = write(path, 4).split(b"\n")
    lines[2] = damage
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(RunError, match="line 3 is damaged"):
        Ledger(path)


def test_a_row_that_is_doubled_or_missing_is_an_error(tmp_path):
    path = tmp_path / "results.tsv"
    lines = write(path, 4).split(b"\n")
    path.write_bytes(b"\n".join([*lines[:3], *lines[2:]]))
    with pytest.raises(RunError, match="line 4"):
        Ledger(path)
    path.write_bytes(b"\n".join([*lines[:2], *lines[3:]]))
    with pytest.raises(RunError, match="line 3"):
        Ledger(path)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "results.tsv"
    whole = write(path, 1)
    ledger = Ledger(path)
    real = __import__("os").write
    monkeypatch.setattr("os.write", lambda fd, data: real(fd, data[:10]))
    with pytest.raises(RunError, match="free some space"):
        ledger.append(replace(ROW, iteration=1, decision="kept"))
    monkeypatch.undo()
    assert path.read_bytes() == whole
    ledger.append(replace(ROW, iteration=1, decision="kept"))
    assert len(Ledger(path, writable=False).rows) == 2
    ledger.close()


def test_a_foreign_file_is_not_taken_for_a_ledger(tmp_path):
    path = tmp_path / "results.tsv"
    path.write_text("a\tb\n1\t2\n" * 100)
    with pytest.raises(RunError, match="no ledger header"):
        Ledger(path)


def test_lines_for_people_are_those_of_the_contract():
    kept = replace(
        ROW,
        iteration=3,
        val_auc=0.8996,
        delta=0.0012,
        decision="kept",
        description="LightGBM num_leaves=31, reg_lambda=1.0 [strict: gain 0.0012 > 0]",
    )
    assert describe(kept) == (
        "iter 3 | val_auc=0.8996 (Δ +0.0012) | KEPT       — LightGBM num_leaves=31, reg_lambda=1.0"
    )
    lost = replace(
        kept,
        iteration=4,
        val_auc=0.8921,
        delta=-0.0075,
        decision="discarded",
        description="stacking LogReg+RF+XGB [strict: loss 0.0075]",
    )
    assert describe(lost) == (
        "iter 4 | val_auc=0.8921 (Δ -0.0075) | DISCARDED  — stacking LogReg+RF+XGB"
    )
    nan = float("nan")
    broken = replace(lost, iteration=5, val_auc=nan, delta=nan, description="no imputing")
    crashed = replace(broken, status="crashed (ValueError: Input X contains NaN)")
    assert describe(crashed) == (
        "iter 5 | val_auc=nan | CRASHED    — ValueError: Input X contains NaN"
    )
    late = replace(broken, status="timeout (180 s)")
    assert describe(late) == "iter 5 | val_auc=nan | TIMEOUT    — 180 s"
    refused = replace(broken, status="rejected (duplicate of iteration 2)")
    assert describe(refused) == "iter 5 | val_auc=nan | REJECTED   — duplicate of iteration 2"
    assert describe_best(kept) == (
        "best so far: val_auc=0.8996 @ 0123456 — LightGBM num_leaves=31, reg_lambda=1.0"
    )
    for row in (kept, lost, crashed, late):
        assert "0.95" not in describe(row) + describe_best(row), "a test figure was shown"
