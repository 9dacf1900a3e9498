"""How a file is written: packing, encoding, separator, and which lines are no rows."""

import csv
import gzip
import importlib
import io
import re
import zipfile
from collections import Counter, deque
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.newtask.columns import WORDS
from harness.task import MISSING, CsvFormat, DataError, clean_name, numeral, plain_lines, records

MARKS = (",", ";", "\t", "|", " ")
SAMPLE = 300  # records that decide on the separator
TOTALS, ALPHABETS, PACKED = re.compile(WORDS["totals"]), WORDS["alphabets"], WORDS["packed"]


class Sniffed(NamedTuple):
    """A file that is understood."""

    form: CsvFormat
    starts: np.ndarray  # the line on which each row begins
    said: list[str]  # what was not plain


def unpack(raw: bytes, name: str) -> tuple[bytes, list[str]]:
    """Give a file's table as CSV bytes, unpacked and converted if need be, and say how.

    Raises
    ------
    DataError
        If it is no table, or needs a package that is not here: with the command that helps.
    """
    said: list[str] = []
    try:
        if raw[:2] == b"\x1f\x8b":
            raw, said = gzip.decompress(raw), ["the file was unpacked (gzip)"]
        elif raw[:4] == b"PK\x03\x04" and b"xl/workbook" not in raw:
            with zipfile.ZipFile(io.BytesIO(raw)) as packed:
                inside = [
                    i for i in packed.infolist() if not i.is_dir() and "__MAC" not in i.filename
                ]
                if len(inside) != 1:
                    cure = f"unpack it with `python -m zipfile -e {name} .` and give one of them"
                    raise DataError(f"the zip file holds {len(inside)} files: {cure}")
                raw, said = packed.read(inside[0]), [f"'{inside[0].filename}' was unpacked (zip)"]
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError) as err:
        raise DataError(f"{name} cannot be unpacked ({err}): unpack it yourself") from None
    known = (v for k, v in PACKED.items() if raw.startswith(k.encode("latin-1")))
    what, reader, needs = next(known, ("", "", ""))
    if not what:
        return raw, said
    if not reader:
        raise DataError(f"{name} is {what}: export the table as CSV in UTF-8")
    try:
        importlib.import_module(needs)
        bare = {"header": None, "dtype": str, "keep_default_na": False}
        options = bare if reader == "read_excel" else {}
        table = getattr(pd, reader)(io.BytesIO(raw), **options)
    except ImportError:
        cure = f"`python -m pip install {needs}` lets me read it, or save the table as CSV in UTF-8"
        raise DataError(f"{name} is {what}: {cure}") from None
    except Exception as err:  # whatever these readers raise
        raise DataError(f"{name} is {what} that cannot be read ({err}): save it as CSV") from None
    said.append(f"{name} is {what}: its (first) table was written to data.csv")
    return table.to_csv(index=False, header=not options).encode(), said


def sniff(raw: bytes, target: str, encoding: str | None = None) -> Sniffed:
    """Find out how a CSV file is written; `target` is a name that its header should hold.

    Raises
    ------
    DataError
        If it is no CSV file with a header and rows, or a line is damaged: it is named.
    """
    guessed = encoding is None
    encoding = encoding or _encoding(raw)
    lines = plain_lines(raw, CsvFormat(encoding=encoding))
    if b"\x00" in lines[:4096]:
        raise DataError("the file is not text: save the table as CSV in UTF-8")
    if re.match(rb"\s*(<!doctype|<html|<table|<\?xml|[\[{]\s*[\"{\[])", lines[:200], re.I):
        raise DataError("the file is a web page, XML or JSON: save the table as CSV in UTF-8")
    told = re.match(rb"\"?sep=(.)\"?[,;\t]*\n", lines, re.I)
    mark, width, header = _separator(lines, target, told and told[1].decode())
    form = CsvFormat(mark, encoding, skip=(1,) if told else ())
    said = []
    if encoding[:5] != "utf-8":
        word = re.search(r"[^\W\d_]*[^\x00-\x7f]\w*", lines.decode("utf-8", "replace"))
        how = (
            f" (as in '{word[0]}'), guessed: --encoding says otherwise" if word and guessed else ""
        )
        said.append(f"encoding: {encoding}{how}")
    said += [f"separator: {'tab' if mark == chr(9) else repr(mark)}"] if mark != "," else []
    said += ["line 1 (sep=) is obeyed and left out"] if told else []
    if b'\\"' in lines and not _closes(lines, form):
        form = form._replace(escape="\\")
        said.append('separator: a quote in quotes is written \\"')
    skip, starts, more = _scan(lines, form, target, width, header)
    return Sniffed(form._replace(skip=skip), starts, said + more)


def _closes(lines: bytes, form: CsvFormat) -> bool:
    try:
        return sum(1 for _ in records(lines, form)) >= 0
    except csv.Error:
        return False


def _encoding(raw: bytes) -> str:
    boms = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16"}
    for bom, name in (boms | {b"\xfe\xff": "utf-16"}).items():
        if raw.startswith(bom):
            return name
    head = raw[:2000]
    if head.count(0) > len(head) / 4:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        raw.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        words = b" ".join(
            dict.fromkeys(re.findall(rb"[A-Za-z]*[\x80-\xff]+[A-Za-z\x80-\xff]*", raw))
        )
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", words)]
    foreign = sum(n for n in runs if n > 2) > 0.5 * sum(runs)  # whole words of another script
    names = [name for name, letters in ALPHABETS.items() if (letters[0] > "\u036f") == foreign]
    best = max(names, key=lambda name: _fit(words, name))
    if foreign and _fit(words, best) < 0.9:  # no alphabet: Chinese, Japanese, Korean
        from charset_normalizer import from_bytes

        never = ["utf_16", "utf_16_be", "utf_16_le", "utf_32"]
        found = from_bytes(words, cp_exclusion=never).best()
        best = found.encoding if found else "cp1252"
    return best


def _fit(words: bytes, encoding: str) -> float:
    """The share of letters that are the alphabet's, and no capital within a word."""
    text = words.decode(encoding, "replace")
    inside = {m.start() + 1 for m in re.finditer(r"(?=[^\W\d_][^\W\d_][^\W\d_])", text)}
    letters = [(i, c) for i, c in enumerate(text) if c > "\x7f"]
    good = sum(
        c.lower() in ALPHABETS[encoding].lower()
        and not (c.isupper() and i in inside and text[i + 1].islower())
        for i, c in letters
    )
    return good / max(len(letters), 1)


def _separator(lines: bytes, target: str, told: str | None) -> tuple[str, int, list[str]]:
    """The separator, how many fields most lines have by it, and the line that is the header."""
    sample = b"\n".join(lines[:2_000_000].split(b"\n", SAMPLE)[:SAMPLE])
    found = []
    marks = [(mark, True) for mark in ([told] if told else MARKS)]
    for mark, quotes in marks + [(mark, False) for mark, _ in marks]:
        if not quotes and found:
            break
        rows = records(sample, CsvFormat(mark), strict=False)
        if not quotes:  # one that never closes: the scan will tell where
            rows = csv.reader(
                sample.decode("utf-8", "replace").split("\n"), delimiter=mark, quoting=3
            )
        rows = [row for row in rows if row]
        if len(rows) < 2:
            raise DataError("the file has no rows: give a CSV file with a header line and data")
        width, count = Counter(len(row) for row in rows).most_common(1)[0]
        named = [i for i, row in enumerate(rows[:20]) if len(row) > 1 and target in _names(row)]
        if width > 1 and count > 0.5 * len(rows) and (named or mark != " "):
            found.append((bool(named), count > 0.8 * len(rows), width, mark, rows, named))
    if not found:
        raise DataError("the file has one column, or rows of different lengths: check it is CSV")
    *_, width, mark, rows, named = max(found)
    near = (i for i, row in enumerate(rows) if abs(len(row) - width) < 2 and row[0][:1] != "#")
    first = next((i for i in near if sum(map(bool, _names(rows[i]))) > max(1, width // 2)), 0)
    if named and named[0] != first and not (any(map(_numeric, rows[named[0]]))):
        first = named[0]  # such as '#id,a,b', or below a title
    return mark, width, rows[first]


def _names(row: list[str]) -> list[str]:
    return [clean_name(cell) for cell in row]


def _numeric(cell: str) -> bool:
    return numeral(cell.strip(), ".")[0] == numeral(cell.strip(), ".")[0]


def _scan(lines: bytes, form: CsvFormat, target: str, width: int, header: list[str]):
    """One pass over all records: the lines that are no rows, where rows begin, what to say."""
    skip, starts, why, odd, head = list(form.skip), [], {}, [], []
    last: deque = deque(maxlen=9)
    begin, above, reader = 1, True, records(lines, form)

    def leave(at: tuple[int, int], reason: str) -> None:
        skip.extend(range(*at))
        why.setdefault(reason, []).append(at[0])

    try:
        for row in reader:
            at, begin = (begin, reader.line_num + 1), reader.line_num + 1
            if at[0] in form.skip or not row:
                continue
            if above and row == header:
                above, n = False, len(row)
                if n != width and n != width - 1 and not (n == width + 1 and not row[-1].strip()):
                    cure = f"the header on line {at[0]} has {n} fields, most rows have {width}"
                    raise DataError(f"{cure}: mend it")
            elif above:
                leave(at, f"above the header ('{' '.join(row).strip()[:40]}')")
            elif row == header:
                leave(at, "the header again")
            elif not row[0].strip() and not any(cell.strip() for cell in row):
                leave(at, "empty")
            elif len(row) == width:
                starts.append(at[0])
                last.append((at, row))
                if len(head) < 40:
                    head.append((at, row))
            elif row[0].startswith("#"):
                leave(at, "a comment")
            else:
                odd.append((at, row))
    except csv.Error as err:
        what = "a quote opens and never closes" if "unexpected end" in str(err) else err
        raise DataError(f"line {begin}: {what}: mend it; a quote in quotes is doubled") from None
    if not starts:
        raise DataError("the file has no rows: give a CSV file with a header line and data")
    where = _names(header).index(target) if target in _names(header) else width - 1
    for at, row in odd:
        if at[0] < starts[-1] or (len(row) > where and not any("a footnote" in r for r in why)):
            what, mark = form.separator.join(row)[:40], form.separator
            raise DataError(
                f"line {at[0]} has {len(row)} fields, most have {width} ('{what}'): mend it; a "
                f"field that holds a '{mark}' belongs in quotes"
            )
        leave(at, f"a footnote ('{' '.join(row).strip()[:40]}')")
    for at, row in reversed(last):
        there = [cell.strip() for cell in row if cell.strip()]
        if not (len(there) == 1 < width - 1 or TOTALS.fullmatch(there[0].lower().rstrip(":"))):
            break
        leave(at, f"no row ('{' '.join(there)[:40]}')")
        starts.pop()
    columns = list(zip(*(row[:200] for _, row in head[3:]), strict=True))
    counts = [j for j, cells in enumerate(columns) if sum(map(_numeric, cells)) > 0.8 * len(cells)]
    for at, row in head[: 3 if len(head) > 9 else 0]:
        cells = [row[j].strip() for j in counts]
        if any(map(_numeric, cells)) or sum(cell not in MISSING for cell in cells) < 2:
            break
        leave(at, f"no row, but units or labels ('{' '.join(row).strip()[:40]}')")
        starts.remove(at[0])
    said = [
        f"line{'s' * (len(at) > 1)} {', '.join(map(str, at[:8]))}{', …' * (len(at) > 8)} "
        f"{'are' if len(at) > 1 else 'is'} left out: {reason}"
        for reason, at in why.items()
    ]
    return tuple(sorted(skip)), np.array(starts), said
