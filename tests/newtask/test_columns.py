"""Columns and lines as people write them: the pure functions under `ratchet new`."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.newtask.columns import decide, settle
from harness.newtask.sniff import sniff, unpack
from harness.task.table import (
    DataError,
    column_names,
    convert,
    numeral,
    plain_lines,
    read_columns,
    text_dtype,
)

RNG = np.random.default_rng(3)
A = RNG.normal(0, 1, 120)
DAYS = pd.Timestamp("2021-01-01") + pd.to_timedelta(RNG.integers(0, 800, 120), unit="D")


def column(cells, **choices):
    values = pd.Series([str(cell) for cell in cells], dtype=text_dtype(), name="x")
    return values, decide(values, np.arange(2, len(values) + 2), **choices)


def some(usual, odd, every: int = 20):
    return [odd if i % every == 3 else cell for i, cell in enumerate(usual)]


ONE = [f"{x:.1f}" for x in 50 + 20 * A]
COMMA = [cell.replace(".", ",") for cell in ONE]


@pytest.mark.parametrize(
    ("cells", "kind", "said"),
    [
        (some(ONE, "<LOD"), "number", "'<LOD' is read as missing .6 times, first on line 5"),
        (some(ONE, ">90.5"), "number", "'>90.5' is read as 90.5, its bound"),
        (some(ONE, "60+"), "number", "'60.' is read as 60"),
        (some(ONE, "~45"), "number", "'~45' is read as 45, its bound"),
        (some(ONE, "#DIV/0!"), "number", "'#DIV/0!' is read as missing"),
        (some(ONE, "55 kg", 50), "number", "'55 kg' is read as 55"),
        (some(ONE, "55,5", 50), "number", "'55,5' is read as 55.5"),
        (some(ONE, "45%", 50), "number", "'45%' is read as missing"),
        (some(ONE, "."), "number", r"'\.' is read as missing"),
        (some([1, 2, 3, 4, 5] * 24, "Prefer not to say"), "number", "'Prefer not to say'"),
        (COMMA, "number 1.234,5", "'.*,.' is read as"),
        (
            [f"{1500 + 300 * x:,.2f}" for x in A],
            "number 1,234.5",
            r"'\d,\d{3}\.\d\d' is read as \d{4}",
        ),
        ([f"${1000 + 99 * x:,.2f}" for x in A], "number 1,234.5", r"\$ taken off"),
        ([f"{c} €" for c in COMMA], "number 1.234,5", "€ taken off"),
        ([f"{c}%" for c in ONE], "number 1,234.5", "% taken off"),
        ([f"{c} mg" for c in ONE], "number 1,234.5", "mg taken off"),
        ([f"{int(6e4 + 9e3 * x):,}".replace(",", "'") for x in A], "number 1,234.5", "'"),
        (some(ONE, "-999"), "number", "-999 .6 times. looks like a mark for missing.*--cell"),
        (some([1, 2, 3, 4] * 30, "99"), "number", "99 .6 times. looks like"),
        (DAYS.strftime("%d.%m.%Y %H:%M"), "date %d.%m.%Y %H:%M", None),
        (DAYS.strftime("%m/%d/%Y %I:%M %p"), "date %m/%d/%Y %I:%M %p", None),
        (DAYS.strftime("%d%b%Y"), "date %d%b%Y", None),
        (DAYS.strftime("%A, %B %d, %Y"), "date mixed", "dates in words: .* is read as 202"),
        (DAYS.strftime("%a %b %d %H:%M:%S PDT %Y"), "date mixed", "dates in words"),
        (DAYS.strftime("%a, %d %b %Y %H:%M:%S +0000"), "date mixed", "dates in words"),
        (DAYS.strftime("%d. Mai %Y, abends"), "category", "neither numbers nor dates"),
        (DAYS.strftime("%Y-%m-%d %H:%M:%S CEST"), "date ISO8601", "'.* CEST' are left off"),
        (DAYS.strftime("%d/%m/%Y %I:%M %p EST"), "date %d/%m/%Y %I:%M %p", "EST' are left off"),
        ([f"{d.day} de enero de {d.year}" for d in DAYS], "category", "neither numbers nor dates"),
        ([f"'{c}'" for c in ONE], "number 1,234.5", "'' is read as"),
        (
            [
                str(c).translate({48 + k: 0x660 + k for k in range(10)})
                for c in RNG.integers(9, 99, 120)
            ],
            "number 1,234.5",
            "is read as",
        ),
        (DAYS.strftime("%Y%m%d"), "date %Y%m%d", None),
        (DAYS.strftime("%d.%m.%y"), "date %d.%m.%y", "1969 to 2068"),
        (some(DAYS.strftime("%d.%m.%Y"), "31.02.2021"), "date %d.%m.%Y", "'31.02.2021'.*no date"),
        (some(DAYS.strftime("%d.%m.%Y"), "31.12.9999"), "date %d.%m.%Y", "'31.12.9999'"),
        (
            [d.strftime("%d/%m/%Y" if d.day % 2 else "%m/%d/%Y") for d in DAYS],
            "category",
            "neither numbers nor dates",
        ),
        ([f"{i % 12}:{i % 60:02d}" for i in range(1, 121)], "number 1,234.5", "'1:01'.*1.01667"),
        (
            [f"{1 + i % 12}:{i % 50 + 10} PM" for i in range(120)],
            "number 1,234.5",
            "PM' is read as 1",
        ),
        ([f"1:{10 * 2 ** (i % 5)}" for i in range(120)], "category", None),
        ([f"{i % 24}{'AB'[i % 2]}" for i in range(120)], "category", None),
        (["1st", "2nd", "3rd", "4th"] * 30, "category", None),
        (["18-24", "25-34", "35-44", "45+"] * 30, "category", None),
        (["R12", "R13", "R14"] * 40, "category", None),
        (["Yes", "yes", "YES ", "No"] * 30, "category", "'yes' is read as 'Yes'"),
        (["AA", "Aa", "aa"] * 40, "category", None),  # one spelling of one: no such joining
        ([str(90071992547409930 + 3 * i) for i in range(120)], "id", None),
        (np.sort(RNG.choice(200, 120, False)), "id", None),
        ([f"{i:06d}" for i in RNG.choice(999999, 120, False)], "id", None),
    ],
)
def test_what_a_column_holds(cells, kind, said):
    values, found = column(cells)
    assert found.kind == kind
    assert all(re.search("column 'x'", line) for line in found.said)
    if said:
        assert any(re.search(said, line) for line in found.said), found.said
    if kind.startswith(("number", "date")):  # and what was decided reads it
        read = convert(values, found.kind, found.cells)
        assert read.notna().mean() > 0.9


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (some(ONE, "inf"), "'x', line 5: 'inf' is no finite number.*--cell 'x=inf='"),
        (some(ONE, "1e999"), "'1e999' is no finite number"),
        ([f"1e{300 + i}" for i in range(120)], "'1e309' is no finite number"),
        ([f"${c}{'MK'[i % 2]}" for i, c in enumerate(ONE)], r"mixes '\$[MK]' and '\$[MK]'"),
        ([f"{c} {'mg' if i % 3 else 'g'}" for i, c in enumerate(ONE)], "mixes 'mg' and 'g'"),
        ([c + "%" * (i % 2) for i, c in enumerate(ONE)], "mixes '%' and 'no unit'"),
        (
            [f"{170 + i}" if i % 3 else f"{1.7 + i / 100:.2f} m" for i in range(120)],
            "mixes 'm' and",
        ),
    ],
)
def test_what_no_reading_can_be_right_for_is_refused(cells, words):
    with pytest.raises(DataError, match=words):
        column(cells)


def test_a_word_is_a_level_where_the_column_or_the_file_says_so():
    _, plan = column(["NA", "EU", "AS"] * 40)
    assert settle(plan, set()).cells == {"NA": "NA"}
    assert settle(plan, {"NA"}).cells == {}
    _, both = column(["None", "", "Some"] * 40)
    assert settle(both, set()).cells == {"None": "None"}
    _, both = column(["NA", "", "Some"] * 40)
    assert "read as missing" in settle(both, set()).said[0]


def test_thousands_are_told_from_decimals_by_the_other_columns():
    points = [f"{1000 + i * 7:,}".replace(",", ".") for i in range(120)]
    values, found = column(points, comma=True)
    assert found.kind == "number 1.234,5"
    assert convert(values, found.kind, found.cells).min() == 1000
    assert column(points)[1].kind == "number"
    values, found = column([p.replace(".", ",") for p in points], comma=True)
    assert convert(values, found.kind, found.cells).min() == 1
    assert column([p.replace(".", ",") for p in points])[1].kind == "number 1,234.5"


@given(
    value=st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
    style=st.sampled_from(["{:,.2f}", "{:.2f}", "${:,.2f}", "{:,.2f} kg", "{:,.2f}%"]),
    comma=st.booleans(),
)
def test_a_number_is_read_back_however_it_is_written(value, style, comma):
    text = style.format(value)
    if comma:
        text = text.translate(str.maketrans(",.", ".,"))
    found, *_ = numeral(text, "," if comma else ".")
    assert found == float(value)


@given(st.text(max_size=12))
def test_no_text_makes_reading_a_number_fail(text):
    for decimal in ".,":
        found, _pre, _post = numeral(text, decimal)
        assert isinstance(found, float)


# -- files ----------------------------------------------------------------------------------

ROWS = "".join(f"{x:.2f},{y:.2f},Köln,{i % 2}\n" for i, (x, y) in enumerate(zip(A, A, strict=True)))
PLAIN = "a,b,ort,y\n" + ROWS


@pytest.mark.parametrize(
    ("raw", "said", "first"),
    [
        (PLAIN, "^$", 2),
        (PLAIN.replace(",", ";"), "separator: ';'", 2),
        (PLAIN.replace(",", "\t"), "separator: tab", 2),
        (PLAIN.replace(",", "  "), "separator: ' '", 2),
        ("sep=;\n" + PLAIN.replace(",", ";"), "line 1 is left out: Excel's sep=", 3),
        ("Report\n\n01.02.2024\n" + PLAIN, "line 1 is left out.*line 3 is left out", 5),
        ("# by tool, v2\n" + PLAIN, "above the header", 3),
        (PLAIN + "Total,12.5,,60\n", "no row .'Total", 2),
        (PLAIN + "* p < 0.05, two sided\nNotes: x, y, z, a, b\n", "lines? 122.*footnote", 2),
        (PLAIN + "\n(120 rows affected)\n", "a footnote", 2),
        (PLAIN + "a,b,ort,y\n" + ROWS, "line 122 is left out: the header again", 2),
        (PLAIN + ",,,\n,,,\n", "lines 122, 123 are left out: empty", 2),
        (PLAIN.encode("cp1252"), "encoding: cp1252 .as in 'Köln'.", 2),
        (PLAIN.replace("Köln", "Bäle").encode("mac_roman"), "encoding: mac_roman", 2),
        (PLAIN.encode("utf-16"), "encoding: utf-16", 2),
        (PLAIN.encode("utf-16-le"), "encoding: utf-16-le", 2),
        (PLAIN.replace("Köln", "мужской").encode("cp1251"), "encoding: cp1251", 2),
        (PLAIN.replace("Köln", "東京大阪").encode("cp932"), "encoding: cp932", 2),
        (PLAIN.replace("\n", "\r"), "^$", 2),
        (b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(), "^$", 2),
    ],
)
def test_how_a_file_is_written(raw, said, first):
    found = sniff(raw if isinstance(raw, bytes) else raw.encode(), "y")
    assert re.search(said, " ".join(found.said)), found.said
    assert found.starts[0] == first
    raw = raw if isinstance(raw, bytes) else raw.encode()
    lines = plain_lines(raw, found.form)
    assert column_names(lines, found.form) == ["a", "b", "ort", "y"]
    assert len(read_columns(lines, found.form)) == len(found.starts)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (PLAIN.replace("Köln", "Köln, DE", 1), "line 2 has 5 fields, most have 4"),
        (PLAIN + "1,2,x,1,7\n" + ROWS, "line 122 has 5 fields"),
        (PLAIN.replace("Köln", '"Köln', 1), "line 2: a quote opens and never closes"),
        (PLAIN + '1,"a "good" one",x,1\n' + ROWS, "line 122: "),
        ("a,b,y\n", "no rows"),
        ("a\n1\n2\n", "one column"),
        ("<html><table>", "a web page"),
        ('[{"a": 1}]', "JSON"),
        (PLAIN[:30] + "\0" + PLAIN[30:], "not text"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(raw, words):
    with pytest.raises(DataError, match=words):
        sniff(raw.encode(), "y")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp932", ["大阪府", "京都府", "東京都"]),
        ("cp932", ["山田", "佐藤", "鈴木", "高橋"]),
        ("gb18030", ["北京", "上海", "广州"]),
        ("big5", ["臺北", "高雄", "臺中"]),
        ("euc_kr", ["서울", "부산", "대구"]),
    ],
)
def test_few_signs_of_east_asia_are_guessed_among_its_encodings(encoding, words):
    lines = "".join(f"{words[i % len(words)]},{i % 7},{i % 2}\n" for i in range(60))
    found = sniff(("ward,x,y\n" + lines).encode(encoding), "y")
    assert found.form.encoding == encoding
    assert any("guessed" in line for line in found.said)


def test_packed_files_are_unpacked_or_refused_with_a_command(tmp_path):
    import gzip
    import zipfile

    raw, path = PLAIN.encode(), tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(raw))
    assert unpack(path) == raw
    packed = gzip.compress(raw)
    for damaged in (
        packed[:-20],
        packed[:40] + b"\xff" * 9 + packed[49:],
        b"PK\x03\x04" + bytes(200),
    ):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="t.csv.gz cannot be unpacked"):
            unpack(path)
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("t.csv", raw)
    assert unpack(path) == raw
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("u.csv", raw)
    with pytest.raises(DataError, match="[Mm]ultiple files.*python -m zipfile -e t.zip"):
        unpack(path)
    path.write_bytes(b"PAR1" + bytes(50))
    with pytest.raises(
        DataError, match="a Parquet file: .*pip install pyarrow.*pandas.read_parquet"
    ):
        unpack(path)
    path.write_bytes(b"%PDF-1.4 ...")
    with pytest.raises(DataError, match="a PDF: export the table as CSV"):
        unpack(path)
