"""What a file's columns hold, guessed once and told: then it is frozen in `task.toml`."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.newtask.words import WORDS, few, no, say
from harness.task import CURRENCY, MISSING, Numeral, as_float, numeral, table

NEARLY = 0.9  # of the cells: then the others are odd cells
MANY = 30  # different values that are surely a category; more needs rows to back them
LONG_WORDS = 3.0  # words per value from which on it is text
ID_NAME = re.compile(WORDS["ids"])
SENTINEL = re.compile(r"-?(99+|88+|77+)(\.0+)?|-[1789](\.0+)?")
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+")  # or decimals
APART = 8  # times as large as those without a unit: another unit is meant
YEAR = re.compile(r"\b(19|20)\d\d\b")
NAMED = re.compile(WORDS["named"])
EXACT = 2**53  # float64 has the digits of whole numbers up to here
MARKS, SCALES = frozenset(WORDS["missing"]), frozenset(WORDS["scales"])
UNITS = {*WORDS["units"], *SCALES, *CURRENCY, "no unit"}


def _shape(text: str) -> str:
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", text))


FORMS = defaultdict(list)  # how a date looks -> the formats that may fit, the likelier first
for _shaped in WORDS["iso"]:
    FORMS[_shaped].append("ISO8601")
for _date in WORDS["dates"]:
    for _time in WORDS["times"] if "%H" not in _date else [""]:
        _example = pd.Timestamp("2021-05-04 13:02:03.5").strftime(_date + _time)
        FORMS[_shape(_example)].append(_date + _time)


class Column(NamedTuple):
    """What was decided about a column."""

    kind: str  # as `convert` takes it; or "id", "empty", "constant"
    cells: dict[str, str] = {}  # what odd cells mean
    said: tuple[str, ...] = ()  # what a person should know
    gaps: Counter = Counter()  # how often each of the usual marks for missing stands there
    name: str = ""


class Cells:
    """A column of text, each text once; `starts` are the lines of its rows."""

    def __init__(self, values: pd.Series, starts: np.ndarray):
        self.values, self.starts, self.name = values.astype("category"), starts, values.name
        often, found = self.values.value_counts().to_dict(), Counter()
        self.spelled = {text: often[text] for text in self.values.dropna().unique()}
        for text, n in self.spelled.items():
            found[text.strip()] += n
        self.gaps = Counter({t: n for t, n in found.items() if t in MISSING})
        self.counts = {t: n for t, n in found.items() if t not in MISSING}
        self.n = sum(self.counts.values())

    def means(self, cell: str, meaning: str) -> str:
        """Say what is made of a cell, and where it stands."""
        bound = ", its bound" * (cell[:1] in "<>≤≥~≈" and meaning != "")
        n = self.counts[cell]
        times = "once" if n == 1 else f"{n} times, first"
        what = f"{meaning or 'missing'}{bound}"
        return say("one_cell", cell=cell, meaning=what, times=times, line=self.line(cell))

    def line(self, cell: str) -> int:
        """The line on which a cell stands first."""
        spelled = [text for text in self.spelled if text.strip() == cell]
        return self.starts[int(self.values.isin(spelled).argmax())]


def looks_like_id(name: object) -> bool:
    """Whether a column's name says that it identifies something."""
    return bool(ID_NAME.search(str(name).strip()))


def readable(cells: Iterable[str], decimal: str) -> bool:
    """Whether some of a column's cells are numbers so plain that pandas may read them all."""
    texts = {t.strip() for t in cells} - MISSING
    pointed = [t for t in texts if "." in t and decimal == "."]
    if _codes(texts) or (texts and {len(t) for t in texts if t.isdigit()} in ({8}, {14})):
        return False
    if pointed and all(map(THOUSANDS.fullmatch, pointed)):
        return False
    plain = (t if decimal == "." else "?" if "." in t else t.replace(",", ".") for t in texts)
    return sum(x == x for x in map(as_float, plain)) > 0.5 * len(texts)


def _codes(texts: Iterable[str]) -> bool:
    """Whether digits are names: some have zeros in front."""
    return all(t.isdigit() for t in texts) and any(t[0] == "0" != t for t in texts)


def decide(values: pd.Series, starts: np.ndarray, asked="", target=False, comma=False) -> Column:
    """Decide what a column holds: text as it stands in the file, or numbers if pandas read it so.

    `starts` are the lines of its rows, `asked` is a type that a person named, `comma` whether
    decimals have a comma in this file. In a `target` a word that comes back is a class.

    Raises a DataError if no reading of it can be right: infinite numbers, mixed units.
    """
    if values.dtype.kind in "iuf":
        found = values.to_numpy(np.float64)
        return _numbers(values.name, found[~np.isnan(found)], len(found))
    seen = Cells(values, starts)
    if not seen.n:
        return Column("empty", gaps=seen.gaps)
    texts, often = [*seen.counts], np.fromiter(seen.counts.values(), int)
    found = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)
    over = [texts[i] for i in np.flatnonzero(np.isinf(found))]
    digits = any(t[-1].isdigit() for t in over)  # 1e999, no word
    if over and (digits or often[np.isfinite(found)].sum() > 0.5 * seen.n):
        cell = over[0]
        raise no("infinite", name=values.name, line=seen.line(cell), cell=cell)
    numeric, column = not np.isnan(found).any(), None
    if " " in asked or asked in ("category", "text"):
        column = words(seen, asked) if asked == "category" else Column(asked)
        return column._replace(gaps=seen.gaps)
    if numeric and asked != "date":
        column = _plain(seen, np.repeat(found, often), comma)
    if asked != "number":
        column = column or _dates(seen)
    if asked != "date":
        column = column or _written(seen, asked == "number", target, comma)
    if asked == "number":
        return column._replace(kind=column.kind if column.kind[:6] == asked else asked)
    if column is None and asked:
        raise no("no_dates", name=values.name)
    column = (column or words(seen))._replace(gaps=seen.gaps)
    if target and column.kind in ("id", "text"):
        return Column("number" if numeric else "category", gaps=seen.gaps)
    if len(seen.spelled) == 1 and not seen.gaps and not column.cells and not target:
        return Column("constant")
    return column


def _plain(seen: Cells, numbers: np.ndarray, comma: bool) -> Column | None:
    """All numbers, written plainly: but digits may be names, or dates, or number the rows."""
    texts, k, n = list(seen.counts), len(seen.counts), len(numbers)
    column = _numbers(seen.name, numbers, len(seen.values))
    if (numbers % 1 != 0).any():
        return None if comma else column  # 1.234 is a thousand and more
    forms = {8: ("%Y%m%d", "%d%m%Y"), 14: ("%Y%m%d%H%M%S",)}
    sizes = {len(t) for t in texts}
    for form in forms.get(sizes.pop(), ()) if len(sizes) == 1 < k - 1 else ():
        read = table.as_dates(pd.Series(texts, dtype=object), form)
        if read.notna().all() and read.dt.year.between(1900, 2100).all():
            return Column(f"date {form}")
    if _codes(texts) or np.abs(numbers).max() > EXACT:  # zeros or digits would be lost
        return Column("category" if k <= max(MANY, 0.5 * n) else "id")
    return column


def _numbers(name: str, numbers: np.ndarray, rows: int) -> Column:
    """Numbers: or do they number the rows, or stand some for missing?"""
    n = len(numbers)
    if not n:
        return Column("empty")
    low, high = numbers.min(), numbers.max()
    if low == high and n == rows:
        return Column("constant")
    whole = (numbers[:99] % 1 == 0).all() and (numbers % 1 == 0).all()
    if n > max(0.9 * rows, 9) and whole and len(pd.unique(numbers)) == n:
        span, up = high - low, (np.diff(numbers) > 0).all()
        # Numbers drawn at random from so few would not all differ (the birthday problem).
        if looks_like_id(name) or span < n * n / 20 or (up and span < n * n / 4):
            return Column("id")
    if not any(SENTINEL.fullmatch(f"{v:g}") for v in (low, high)):
        return Column("number")
    distinct = np.unique(numbers)
    ends = np.unique([distinct[:3], distinct[-3:]] if len(distinct) > 5 else distinct[[0, -1]])
    odd = [v for v in ends if SENTINEL.fullmatch(f"{v:g}")]
    rest = distinct[~np.isin(distinct, odd)]
    low, high = (rest[0], rest[-1]) if len(rest) > 1 else (-np.inf, np.inf)
    far = [v for v in odd if v < 0 <= low < high - 4 or max(low - v, v - high) > high - low]
    said = (say("sentinel", name=name, v=v, n=(numbers == v).sum()) for v in far)
    return Column("number", {}, tuple(said))


def _written(seen: Cells, forced: bool, target: bool, comma: bool) -> Column | None:
    """Numbers as people write them, most of the cells: say what is made of the others."""
    counts, name = seen.counts, seen.name
    sample = list(counts)[:: len(counts) // 500 + 1]
    hits = sum(any(numeral(t, d)[0] == numeral(t, d)[0] for d in ".,") for t in sample)
    if not forced and hits < 0.4 * len(sample):
        return None
    fits = {d: {t: r for t, r in table.numerals(counts, d).items() if r[0] == r[0]} for d in ".,"}
    hits = {d: sum(counts[t] for t in fits[d]) for d in ".,"}
    decimal, other = ",." if hits[","] + comma > hits["."] else ".,"
    read = fits[other] | fits[decimal]
    bad = {t: n for t, n in counts.items() if t not in read}
    unknown = {t: n for t, n in bad.items() if t.lower() not in MARKS}
    good, lost = sum(counts[t] for t in read), sum(unknown.values())
    if forced and good < 0.5 * (good + lost):
        raise no("no_numbers" + "_target" * target, name=name, cell=next(iter(unknown)))
    nearly = good >= NEARLY * (good + lost) or (len(read) >= 20 and len(unknown) <= 3)
    classes = target and len(read) <= 20 and any(n > 9 for n in bad.values())
    if not forced and (not nearly or len(read) <= len(unknown) or classes):
        return None
    column = _around(seen, fits[decimal], table.COMMA if decimal == "," else table.POINT)
    if column is None:
        return None
    cells = column.cells | {t: f"{r[0]:.15g}" for t, r in read.items() if t not in fits[decimal]}
    cells |= dict.fromkeys(bad, "")
    if column.kind == "number" and not cells and not forced:
        return None
    said = list(column.said)
    if cells:
        told = few(cells, how=lambda t: seen.means(t, cells[t]), join="; ")
        said.append(say("cells", name=name, told=told))
    numbers = [v for t, (v, *_) in read.items() if t not in cells for _ in range(counts[t])]
    said += _numbers(name, np.array(numbers), 0).said
    return Column(column.kind, cells, tuple(said))


def _around(seen: Cells, read: Mapping[str, Numeral], kind: str) -> Column | None:
    """How a column's numbers are written: marks, currency, unit; and cells that are not so."""
    units, bare = Counter(), 0
    for t, (value, pre, post) in read.items():
        if pre or post:
            units[pre, post] += seen.counts[t] * (pre not in table.CENSORED and post[:1] != "+")
        elif value:
            bare += seen.counts[t]
    main, weight = units.most_common(1)[0] if +units else (("", ""), 0)
    often = [a for a, n in units.most_common() if n > max(1, 0.02 * (bare + weight))]
    scaled = bool({*main} & SCALES)
    if min(bare, weight) > 0.05 * (bare + weight):
        sizes = {told: [] for told in (True, False)}
        for t, (value, *around) in read.items():
            sizes[tuple(around) == main] += [abs(value)] * (seen.counts[t] if value else 0)
        told, other = (np.median(sizes[main] or [np.nan]) for main in (True, False))
        apart = bool(max(told / other, other / told) >= APART)  # 1.70 m, and 170
        often += [("no unit", "")] * (scaled or apart)
    if len(often) > 1 and sum(not UNITS.isdisjoint((*a, "".join(a))) for a in often) < 2:
        return None  # 12A, 12B; 2nd, 3rd
    if len(often) > 1:
        cell = next(t for t, (_, *around) in read.items() if tuple(around) != main)
        raise no("mixes", name=seen.name, a="".join(often[0]), b="".join(often[1]), cell=cell)
    if weight < 0.1 * (bare + weight) and not {*main} & CURRENCY:
        main = ("", "")
    cells, one = {}, ""
    for t, (value, *around) in read.items():
        if tuple(around) not in (main, ("", "")) or (scaled and value and tuple(around) != main):
            cells[t] = "" if {*around} & SCALES or scaled else f"{value:.15g}"
        elif not one and (as_float(t) != value or not t.isascii()):
            one = t
    if not one:
        return Column("number", cells)
    off = f", {' and '.join(filter(None, main))} taken off" if any(main) else ""
    said = say("holds_numbers", name=seen.name, cell=one, value=read[one][0], off=off)
    return Column(kind, cells, (said,))


def _dates(seen: Cells) -> Column | None:
    """Dates in one or more forms; what is none of them is told."""
    rest, forms, said, name = pd.Series([*seen.counts], dtype=object), [], [], seen.name
    if zoned := next((t for t in rest if table.ZONE.search(t)), ""):
        said.append(say("zones", name=name, cell=zoned))
    while len(rest):
        shapes = (_shape(table.ZONE.sub(r"\1", t)) for t in rest[:50])
        fit = dict.fromkeys(form for shape in shapes for form in FORMS.get(shape, ()))
        turned = {_order(form)[::-1] for form in forms if _order(form)}
        fit = {form: table.as_dates(rest, form) for form in fit if _order(form) not in turned}
        best = max(fit, key=lambda form: fit[form].count(), default="")
        if not best or not fit[best].count():
            break
        same = (form for form in fit if fit[form].count() == fit[best].count())
        twin = [form for form in same if _order(form) == _order(best)[::-1] != ""]
        said += [say("day_first", name=name, month=form) for form in twin[:1]]
        rest, forms = rest[fit[best].isna()], [*forms, best]
    if not forms and all(map(NAMED.search, rest[:50])):  # in words, so no order is guessed
        read = table.as_dates(rest, "mixed")
        if forms := ["mixed"] * int(read.notna().any()):
            t, v = next((t, v) for t, v in zip(rest, read, strict=True) if v == v)
            said.append(say("in_words", name=name, cell=t, date=f"{v:%Y-%m-%d %H:%M}"))
            rest = rest[read.isna()]
    if not forms or sum(map(seen.counts.get, rest)) > (1 - NEARLY) * seen.n:
        return None
    if len(rest):
        told = few(rest, how=lambda t: seen.means(t, ""), join="; ")
        said.append(say("odd_dates", name=name, told=told))
    if len(forms) > 1:
        said.append(say("forms", name=name, n=len(forms), forms=", ".join(forms)))
    if any("%y" in form for form in forms):
        said.append(say("two_digits", name=name))
    return Column(f"date {'|'.join(forms)}", dict.fromkeys(rest, ""), tuple(said))


def _order(form: str) -> str:
    """Day and month in the order of a form that could be misread: by numbers, the year last."""
    return form[1] + form[4] if re.match("%[dm].%[dm]", form) else ""


def words(seen: Cells, asked: str = "") -> Column:
    """Categories, text or names; spellings of one category are joined."""
    counts, n, k, name, said = seen.counts, seen.n, len(seen.counts), seen.name, []
    long = sum(len(t.split()) * c for t, c in counts.items()) / n
    figures = sum(c for t, c in counts.items() if t[:1].isdigit() or YEAR.search(t)) > 0.5 * n
    figures &= long < 6
    if not asked and long >= LONG_WORDS and k > MANY and not figures:
        return Column("text")
    if not asked and k > 0.95 * n and k > MANY:
        return Column("id")
    spelled = defaultdict(list)
    for t in sorted(seen.spelled, key=seen.spelled.get, reverse=True):
        if t.strip() not in MISSING:
            spelled[_spelling(t)].append(t)
    groups = [same for same in spelled.values() if len(same) > 1 < len(spelled)]
    odd = {t: same[0].strip() for same in groups for t in same if t != same[0].strip()}
    if odd:
        told = few(odd, how=lambda t: say("spelling", cell=t, meaning=odd[t]))
        said.append(say("cells", name=name, told=told))
    if not asked and figures and k > 9:
        cell = next((t for t in counts if not t[:1].isdigit()), next(iter(counts)))
        said.append(say("neither", name=name, k=k, cell=cell))
    cells = {t.strip(): m for t, m in odd.items() if t.strip() != m}
    return Column("category", cells, tuple(said), seen.gaps)


def _spelling(text: str) -> str:
    """What spellings of one category share."""
    folded = " ".join(text.casefold().split())
    zeros = folded[:1] == "0" and folded[1:].isdigit()
    return folded if zeros or np.isnan(as_float(folded)) else f"{float(folded):g}"


def settle(column: Column, marks: set[str], least: int = 1) -> Column:
    """Decide by the marks for missing of the other columns what the word NA means in this one."""
    marked = [t for t, n in column.gaps.items() if t and t not in marks and n >= least]
    levels = [t for t in marked if "" not in column.gaps or t == "None"]
    if column.kind != "category" or not marked:
        return column
    key, why = "level" if levels else "level_gap", say("no_gaps") * ("" not in column.gaps)
    said = say(key, name=column.name, marks=" and ".join(map(repr, levels or marked)), why=why)
    return column._replace(cells=column.cells | {t: t for t in levels}, said=(*column.said, said))
