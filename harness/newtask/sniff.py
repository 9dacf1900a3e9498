"""How a file is written: packing, encoding, separator, and which lines are no rows."""

import codecs
import csv
import gzip
import importlib
import io
import re
import zipfile
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.newtask.words import WORDS, few, no, say
from harness.task import MISSING, CsvFormat, clean_name, numeral, plain_lines, records

MARKS = (",", ";", "\t", "|", " ")
SAMPLE = 300  # records that decide on the separator
TOTALS, ALPHABETS, PACKED = re.compile(WORDS["totals"]), WORDS["alphabets"], WORDS["packed"]


class Sniffed(NamedTuple):
    """A file that is understood."""

    form: CsvFormat
    lines: bytes  # as `plain_lines` gives them
    starts: np.ndarray  # the line on which each row begins
    said: list[str]  # what was not plain


def unpack(raw: bytes, name: str) -> tuple[bytes, list[str]]:
    """Give a file's table as CSV bytes, unpacked and converted if need be, and say how.

    Raises
    ------
    DataError
        If it is no table, or needs a package that is not here: with the command that helps.
    """
    said = []
    try:
        if raw[:2] == b"\x1f\x8b":
            raw, said = gzip.decompress(raw), [say("gzip")]
        elif raw[:4] == b"PK\x03\x04" and b"xl/workbook" not in raw:
            with zipfile.ZipFile(io.BytesIO(raw)) as packed:
                files = [f for f in packed.namelist() if f[-1] != "/" and "__MAC" not in f]
                if len(files) != 1:
                    raise no("zip_many", n=len(files), name=name)
                raw, said = packed.read(files[0]), [say("zip", file=files[0])]
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError) as err:
        raise no("zip_damaged", name=name, why=err) from None
    known = (v for k, v in PACKED.items() if raw.startswith(k.encode("latin-1")))
    what, reader, needs = next(known, ("", "", ""))
    if what and not reader:
        raise no("export", name=name, what=what)
    if not what:
        return raw, said
    bare = {"header": None, "dtype": str, "keep_default_na": False} if "excel" in reader else {}
    try:
        importlib.import_module(needs)
        table = getattr(pd, reader)(io.BytesIO(raw), **bare)
    except ImportError:
        raise no("install", name=name, what=what, needs=needs) from None
    except Exception as err:  # whatever these readers raise
        raise no("unreadable", name=name, what=what, why=err) from None
    said.append(say("converted", name=name, what=what))
    return table.to_csv(index=False, header=not bare).encode(), said


def sniff(raw: bytes, target: str, encoding: str | None = None) -> Sniffed:
    """Find out how a CSV file is written; `target` is a name that its header should hold.

    Raises
    ------
    DataError
        If it is no CSV file with a header and rows, or a line is damaged: it is named.
    """
    try:
        name = codecs.lookup(encoding).name.replace("-", "_") if encoding else _encoding(raw)
    except LookupError:
        raise no("unknown_encoding", name=encoding) from None
    name = {"utf_8": "utf-8"}.get(name, name)
    lines = plain_lines(raw, CsvFormat(encoding=name))
    if b"\x00" in lines[:4096]:
        raise no("not_text")
    if re.match(rb"\s*(<!doctype|<html|<table|<\?xml|[\[{]\s*[\"{\[])", lines[:200], re.I):
        raise no("markup")
    told = re.match(rb"\"?sep=(.)\"?[,;\t]*\n", lines, re.I)
    mark, width, header = _separator(lines, target, told and told[1].decode())
    form, said = CsvFormat(mark, name), []
    if name[:5] != "utf-8":
        word = re.search(r"[^\W\d_]*[^\x00-\x7f]\w*", lines[:5_000_000].decode("utf-8", "replace"))
        how = say("encoding_how", word=word[0]) if word and not encoding else ""
        said.append(say("encoding", name=name, how=how))
    if mark != ",":
        said.append(say("separator", mark="tab" if mark == "\t" else repr(mark)))
    if told:
        said.append(say("sep_line"))
    if b'\\"' in lines and not _closes(lines, form):
        form = form._replace(escape="\\")
        said.append(say("escape"))
    left, starts = _rows(lines, form, target, width, header, bool(told))
    for why, at in left.items():
        key = "left_lines" if len(at) > 1 else "left_line"
        said += [say(key, lines=few(at, least=8), why=why)] if why else []
    form = form._replace(skip=tuple(sorted(line for at in left.values() for line in at)))
    return Sniffed(form, plain_lines(raw, form) if form.skip else lines, starts, said)


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
        found = re.findall(rb"[A-Za-z]*[\x80-\xff]+[A-Za-z\x80-\xff]*", raw)
    words = b" ".join(dict.fromkeys(found))
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", words)]
    foreign = sum(n for n in runs if n > 2) > 0.5 * sum(runs)  # whole words of another script
    names = [name for name, letters in ALPHABETS.items() if (letters[0] > "\u036f") == foreign]
    best = max(names, key=lambda name: _fit(words, name))
    if foreign and _fit(words, best) < 0.9:  # no alphabet: Chinese, Japanese, Korean
        from charset_normalizer import from_bytes

        guess = from_bytes(words, cp_exclusion=["utf_16", "utf_16_be", "utf_16_le", "utf_32"])
        best = getattr(guess.best(), "encoding", "cp1252")
    return best


def _fit(words: bytes, encoding: str) -> float:
    """The share of letters that are the alphabet's, and no capital within a word."""
    text, known = words.decode(encoding, "replace"), ALPHABETS[encoding].lower()
    letters = [c for c in text if c > "\x7f"]
    inside = re.findall(r"(?<=[^\W\d_])[^\W\d_](?=[^\W\d_])", text)
    shouts = sum(c > "\x7f" and c.isupper() for c in inside) if not text.isupper() else 0
    return (sum(c.lower() in known for c in letters) - shouts) / max(len(letters), 1)


def _separator(lines: bytes, target: str, told: str | None) -> tuple[str, int, list[str]]:
    """The separator, how many fields most lines have by it, and the line that is the header."""
    sample, found = b"\n".join(lines[:2_000_000].split(b"\n", SAMPLE)[:SAMPLE]), []
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):  # one may never close: the scan tells where
        for mark in [told] if told else MARKS:
            text = sample.decode("utf-8", "replace").splitlines(keepends=True)
            options = {"delimiter": mark, "quoting": quoting, "skipinitialspace": True}
            rows = [row for row in csv.reader(text, **options) if row]
            if len(rows) < 2:
                continue
            width, count = Counter(len(row) for row in rows).most_common(1)[0]
            named = [i for i, row in enumerate(rows[:20]) if len(row) > 1 and target in _names(row)]
            if width > 1 and count > 0.5 * len(rows) and (named or mark != " "):
                found.append((bool(named), count > 0.8 * len(rows), width, mark, rows, named))
        if found:
            break
    else:
        raise no("one_column" if sample.strip().count(b"\n") else "no_rows")
    *_, width, mark, rows, named = max(found)
    near = (i for i, row in enumerate(rows) if abs(len(row) - width) < 2 and row[0][:1] != "#")
    first = next((i for i in near if sum(map(bool, _names(rows[i]))) > max(1, width // 2)), 0)
    if named and named[0] != first and not any(map(_numeric, rows[named[0]])):
        first = named[0]  # such as '#id,a,b', or below a title
    return mark, width, rows[first]


def _names(row: list[str]) -> list[str]:
    return [clean_name(cell) for cell in row]


def _numeric(cell: str) -> bool:
    return numeral(cell.strip(), ".")[0] == numeral(cell.strip(), ".")[0]


def _layout(lines: bytes, form: CsvFormat) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The line and the byte at which each record begins (and the end), and its number of fields."""
    byte = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(byte == 10)
    if lines[-1:] != b"\n":
        ends = np.append(ends, len(lines))
    quotes = np.flatnonzero(byte == 34)
    before, after = byte[np.maximum(quotes[::2] - 1, 0)], byte[(quotes[1::2] + 1) % len(byte)]
    border = [10, 34, ord(form.separator)]
    regular = len(quotes) % 2 == 0 and np.isin(before[quotes[::2] > 0], [*border, 32]).all()
    if regular and np.isin(after, border).all() and form.separator != " " and not form.escape:
        marks = np.flatnonzero(byte == ord(form.separator))
        if len(quotes):
            marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
        lasts = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)  # with which records end
        fields = np.diff(np.searchsorted(marks, ends[lasts]), prepend=0) + 1
    else:  # quotes within fields, or odd ones: slowly, and to the letter
        lasts, fields, reader = [], [], records(lines, form)
        try:
            for row in reader:
                lasts.append(reader.line_num - 1)
                fields.append(len(row))
        except csv.Error as err:
            key = "open_quote" if "unexpected end" in str(err) else "quote"
            raise no(key, line=lasts[-1] + 2 if lasts else 1, why=err) from None
        lasts, fields = np.array(lasts), np.array(fields)
    stops = ends[lasts]
    bytes_at = np.append(0, stops + 1)
    return np.append(0, lasts + 1) + 1, bytes_at, np.where(np.diff(bytes_at) > 1, fields, 0)


def _rows(lines: bytes, form: CsvFormat, target: str, width: int, header: list[str], told: bool):
    """The lines that are no rows, by why; and the lines where rows begin."""
    begin, at, fields = _layout(lines, form)
    left: dict[str, list[int]] = {"": [1] if told else []}

    def row(i: int) -> list[str]:
        return next(records(lines[at[i] : at[i + 1]], form, strict=False), [])

    def leave(i: int, key: str, cells=()) -> None:
        why = say(key, text=" ".join(cells).strip()[:40])
        left.setdefault(why, []).extend(range(begin[i], begin[i + 1]))
        good[i] = False

    good = fields == width
    top = next((i for i in range(min(len(fields), 2 * SAMPLE)) if row(i) == header), 0)
    good[: top + 1] = False
    for i in range(told, top):
        if fields[i]:
            leave(i, "above", row(i))
    n = len(row(top))
    if n != width and n != width - 1 and not (n == width + 1 and not row(top)[-1].strip()):
        raise no("header_fields", line=begin[top], n=n, width=width)
    size, title = np.diff(at), lines[at[top] : at[top + 1]].strip()
    odd, notes = (fields != width) & (fields > 0), []
    same = np.frombuffer(lines, np.uint8)[at[:-1]] == lines[at[top]]
    odd |= (size == width) | (same & (np.abs(size - size[top]) < 2))
    where = _names(header).index(target) if target in _names(header) else width - 1
    for i in top + 1 + np.flatnonzero(odd[top + 1 :]):
        cells = row(i)
        if lines[at[i] : at[i + 1]].strip() == title:
            leave(i, "again")
        elif not any(cell.strip() for cell in cells):
            leave(i, "blank")
        elif cells[0][:1] == "#" and not good[i]:
            leave(i, "comment")
        elif not good[i]:
            notes.append(i)
    if not good.any():
        raise no("no_rows")
    last = np.flatnonzero(good)
    for i in notes:
        if i < last[-1] or (fields[i] > where and i == notes[0]):
            cells = form.separator.join(row(i))[:40], form.separator
            told = {"what": cells[0], "mark": cells[1], "width": width}
            raise no("ragged", line=begin[i], n=fields[i], **told)
        leave(i, "footnote", row(i))
    for i in last[:-10:-1]:
        there = [cell.strip() for cell in row(i) if cell.strip()] or [""]
        if not (len(there) == 1 < width - 1 or TOTALS.fullmatch(there[0].lower().rstrip(":"))):
            break
        leave(i, "no_row", there)
    head = [row(i) for i in last[:15]]
    columns = [[r[j][:200] for r in head[3:]] for j in range(width)]
    counts = [j for j, cells in enumerate(columns) if sum(map(_numeric, cells)) > 0.8 * len(cells)]
    for i, cells in zip(last[: 3 if len(head) > 9 else 0], head, strict=False):
        there = [cells[j].strip() for j in counts]
        if any(map(_numeric, there)) or sum(cell not in MISSING for cell in there) < 2:
            break
        leave(i, "labels", cells)
    return left, begin[:-1][good]
