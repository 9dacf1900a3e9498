"""How a file is written: packing, encoding, separator, and which lines are no rows."""

import codecs
import csv
import re
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.newtask.words import WORDS, few, no, say
from harness.task import CsvFormat, clean_name, numeral, plain_lines, read_file, records

DAMAGED = zipfile.BadZipFile, zlib.error
MARKS = (",", ";", "\t", "|", " ")
SAMPLE = 300  # records that decide on the separator
TOTALS, ALPHABETS, PACKED = re.compile(WORDS["totals"]), WORDS["alphabets"], WORDS["packed"]
MARKUP = re.compile(rb"\s*(<!doctype|<html|<table|<\?xml|[\[{]\s*[\"{\[])", re.I)
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32"}
BOMS |= {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Sniffed(NamedTuple):
    """A file that is understood."""

    form: CsvFormat
    lines: bytes  # as `plain_lines` gives them
    starts: np.ndarray  # the line on which each row begins
    said: list[str]  # what was not plain


def unpack(path: Path) -> bytes:
    """Read a file, packed or not; of what is no text, tell the command that converts it."""
    raw = read_file(path, "give the path of a CSV file")
    if raw[:2] == b"\x1f\x8b" or (raw[:4] == b"PK\x03\x04" and b"xl/workbook" not in raw):
        how = "gzip" if raw[0] == 0x1F else "zip"
        try:
            with pd.io.common.get_handle(path, "rb", is_text=False, compression=how) as file:
                raw = file.handle.read()
        except (OSError, EOFError, ValueError, RuntimeError, *DAMAGED) as err:
            raise no("packed", name=path.name, why=err) from None
    if not raw.strip():
        raise no("empty_file", file=path)
    for begins, (what, reader, needs) in PACKED.items():
        if raw.startswith(begins.encode("latin-1")):
            key = "convert" if reader else "export"
            raise no(key, name=path.name, what=what, reader=reader, needs=needs)
    return raw


def sniff(raw: bytes, target: str, encoding: str | None = None) -> Sniffed:
    """Find out how a CSV file is written; `target` is a name that its header should hold.

    Raises a DataError if it is no CSV file with a header and rows, or a line is damaged: it is
    named.
    """
    try:
        name = codecs.lookup(encoding).name if encoding else _encoding(raw)
    except LookupError:
        raise no("unknown_encoding", name=encoding) from None
    lines = plain_lines(raw, CsvFormat(encoding=name))
    if b"\x00" in lines[:4096] or MARKUP.match(lines):
        raise no("not_text")
    told = re.match(rb"\"?sep=(.)\"?[,;\t]*\n", lines, re.I)
    mark, width, header = _separator(lines, target, told and told[1].decode())
    form, said = CsvFormat(mark, name), []
    if name[:5] != "utf-8":
        word = re.search(r"[^\W\d_]*[^\x00-\x7f]\w*", lines[:5_000_000].decode("utf-8", "replace"))
        how = say("encoding_how", word=word[0]) if word and not encoding else ""
        said.append(say("encoding", name=name, how=how))
    if mark != ",":
        said.append(say("separator", mark="tab" if mark == "\t" else repr(mark)))
    left, starts = _rows(lines, form, target, width, header, bool(told))
    for why, at in left.items():
        said.append(say("left_lines" if len(at) > 1 else "left_line", lines=few(at, 8), why=why))
    form = form._replace(skip=tuple(sorted(line for at in left.values() for line in at)))
    return Sniffed(form, plain_lines(raw, form) if form.skip else lines, starts, said)


def _encoding(raw: bytes) -> str:
    """The encoding whose alphabet has most letters of the file's words, no capital within one."""
    head = raw[:2000]
    if (bom := next((b for b in BOMS if raw.startswith(b)), None)) is not None:
        return BOMS[bom]
    if head.count(0) > len(head) / 4:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        return "utf-8" if raw.decode("utf-8") else ""
    except UnicodeDecodeError:
        words = re.findall(rb"[A-Za-z]*[\x80-\xff]+[A-Za-z\x80-\xff]*", raw)
        cells = re.findall(rb"[^,;\t\n\r\" ]*[\x80-\xff][^,;\t\n\r\" ]*", raw)
    raw = b" ".join(dict.fromkeys(words))
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", raw)]
    foreign = sum(n for n in runs if n > 2) > 0.5 * sum(runs)  # whole words of another script

    def fit(name: str) -> float:
        text, known = raw.decode(name, "replace"), ALPHABETS[name]
        inside = re.findall(r"(?<=[^\W\d_])[^\W\d_](?=[^\W\d_])", text)
        shouts = sum(c > "\x7f" and c.isupper() for c in inside) * (0.1 if text.isupper() else 1)
        letters = [c.lower() in known for c in text if c > "\x7f"]
        return (sum(letters) - shouts) / len(letters)

    best = max((n for n, known in ALPHABETS.items() if (known[0] > "\u036f") == foreign), key=fit)
    if fit(best) < 0.9:  # no alphabet: Chinese, Japanese, Korean
        from charset_normalizer import from_bytes

        raw = b" ".join(dict.fromkeys(cells))  # a sign's second byte may be that of "{"
        best = getattr(from_bytes(raw, cp_isolation=WORDS["signs"]).best(), "encoding", best)
    return best


def _separator(lines: bytes, target: str, told: str | None) -> tuple[str, int, list[str]]:
    """The separator, how many fields most lines have by it, and the line that is the header."""
    sample = lines[:2_000_000].decode("utf-8", "replace").split("\n", SAMPLE)[:SAMPLE]
    if sum(map(bool, sample)) < 2:
        raise no("no_rows")
    found = []
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):  # one may never close: the scan tells where
        for mark in [] if found else [told] if told else MARKS:
            text = (line + "\n" for line in sample)
            rows = csv.reader(text, delimiter=mark, quoting=quoting, skipinitialspace=True)
            rows = [row for row in rows if row]
            width, count = Counter(map(len, rows)).most_common(1)[0]
            named = (i for i, row in enumerate(rows[:20]) if target in map(clean_name, row))
            at = next(named, -1) if width > 1 else -1
            if width > 1 and count > 0.5 * len(rows) and (at >= 0 or mark != " "):
                found.append((at >= 0, count > 0.8 * len(rows), width, mark, rows, at))
    if not found:
        raise no("one_column")
    *_, width, mark, rows, at = max(found)
    near = (i for i, row in enumerate(rows) if abs(len(row) - width) < 2 and row[0][:1] != "#")
    first = next((i for i in near if sum(map(bool, rows[i])) > max(1, width // 2)), 0)
    if at >= 0 and all(np.isnan(numeral(cell.strip(), ".")[0]) for cell in rows[at]):
        first = at  # such as '#id,a,b', or below a title
    return mark, width, rows[first]


def _layout(lines: bytes, form: CsvFormat) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The line and the byte at which each record begins (and the end), and its number of fields."""
    byte, mark = np.frombuffer(lines, np.uint8), ord(form.separator)
    ends, quotes = np.flatnonzero(byte == 10), np.flatnonzero(byte == 34)
    ends = ends if lines[-1:] == b"\n" else np.append(ends, len(lines))
    opens = np.isin(byte[np.maximum(quotes[::2] - 1, 0)], [10, 34, mark, 32]).all()
    closes = np.isin(byte[(quotes[1::2] + 1) % len(byte)], [10, 34, mark]).all()
    if opens and closes and len(quotes) % 2 == 0 and mark != 32:
        marks = np.flatnonzero(byte == mark)
        if len(quotes):
            marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
        lasts = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)  # with which records end
        fields = np.diff(np.searchsorted(marks, ends[lasts]), prepend=0) + 1
    else:  # quotes within fields, or odd ones: slowly, and to the letter
        lasts, fields, reader = [-1], [], records(lines, form)
        try:
            for row in reader:
                lasts.append(reader.line_num - 1)
                fields.append(len(row))
        except csv.Error as err:
            key = "open_quote" if "unexpected end" in str(err) else "quote"
            raise no(key, line=lasts[-1] + 2, why=err) from None
        lasts, fields = np.array(lasts[1:]), np.array(fields)
    at = np.append(0, ends[lasts] + 1)
    return np.append(0, lasts + 1) + 1, at, np.where(np.diff(at) > 1, fields, 0)


def _rows(lines: bytes, form: CsvFormat, target: str, width: int, header: list[str], told: bool):
    """The lines that are no rows, by why; and the lines where rows begin."""
    begin, at, fields = _layout(lines, form)
    left, good = {say("sep_line"): [1]} if told else {}, fields == width

    def row(i: int) -> list[str]:
        return next(records(lines[at[i] : at[i + 1]], form, strict=False), [])

    def leave(i: int, key: str) -> None:
        why = say(key, text=" ".join(filter(None, row(i))).strip()[:40])
        left.setdefault(why, []).extend(range(begin[i], begin[i + 1]))
        good[i] = False

    top = next((i for i in range(min(len(fields), 2 * SAMPLE)) if row(i) == header), 0)
    n, title = len(header), lines[at[top] : at[top + 1]].strip()
    good[: top + 1] = False
    if n not in (width, width - 1) and not (n == width + 1 and not header[-1].strip()):
        raise no("header_fields", line=begin[top], n=n, width=width)
    first, size = np.frombuffer(lines, np.uint8)[at[:-1]], np.diff(at)
    again = (first == first[top]) & (np.abs(size - size[top]) < 2)
    odd, notes = ((fields != width) & (fields > 0)) | (size == width) | again, []
    for i in np.flatnonzero(odd):
        if i < top and (i or not told):
            leave(i, "above")
        elif i > top and lines[at[i] : at[i + 1]].strip() == title:
            leave(i, "again")
        elif i > top and not any(cell.strip() for cell in row(i)):
            leave(i, "blank")
        elif i > top and not good[i]:
            leave(i, "comment") if lines[at[i]] == ord("#") else notes.append(i)
    if not good.any():
        raise no("no_rows")
    last, where = np.flatnonzero(good), [*map(clean_name, header), target].index(target)
    for i in notes:
        if i < last[-1] or (fields[i] > where and i == notes[0]):
            cells = {"what": form.separator.join(row(i))[:40], "mark": form.separator}
            raise no("ragged", line=begin[i], n=fields[i], width=width, **cells)
        leave(i, "footnote")
    for i in last[:-10:-1]:  # sums and notes below the table
        there = [cell.strip() for cell in row(i) if cell.strip()] or [""]
        if not (len(there) == 1 < width - 1 or TOTALS.fullmatch(there[0].lower().rstrip(":"))):
            break
        leave(i, "no_row")
    return left, begin[:-1][good]
