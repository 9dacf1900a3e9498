"""What a file's columns hold, guessed once and told: then it is frozen in `task.toml`."""

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.task import CENSORED, CURRENCY, MISSING, DataError, as_dates, numeral

NEARLY = 0.9  # of the cells: then the others are odd cells
MANY = 30  # different values that are surely a category; more needs rows to back them
LONG_WORDS = 3.0  # words per value from which on it is text
ID_NAME = re.compile(r"(^|[_\s-])(id|ids|uuid|guid|key|index|idx|row|rownum|nr|no|number)$")
CAMEL_ID = re.compile(r"[a-z0-9]I[dD]$")
SENTINEL = re.compile(r"-?(99+|88+|77+)(\.0+)?|-[1789](\.0+)?")
EITHER = {c: re.compile(rf"[^\d.,]*[1-9]\d{{0,2}}(\{c}\d{{3}})+[^\d.,]*") for c in ".,"}
WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
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
    either: str = ""  # the mark that may stand before decimals or thousands
    name: str = ""


def looks_like_id(name: object) -> bool:
    """Whether a column's name says that it identifies something."""
    name = str(name).strip()
    lower = name.lower()
    return bool(ID_NAME.search(lower) or CAMEL_ID.search(name) or re.match("column \\d", lower))


def decide(values: pd.Series, starts: np.ndarray, asked: str = "", target: bool = False) -> Column:
    """Decide what a column of text holds.

    Parameters
    ----------
    values : Series of str, shape (n,)
        As they stand in the file.
    starts : ndarray of shape (n,)
        The line of each, to tell where an odd cell is.
    asked : str
        A type that a person named.
    target : bool
        Whether it is what is predicted: then a word that comes back is a class.

    Raises
    ------
    DataError
        If no reading of it can be right: infinite numbers, mixed units.
    """
    found = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(np.float64)
    counts: Counter = Counter()
    for t, c in values[np.isnan(found)].value_counts().items():
        counts[t.strip()] += int(c)
    gaps = Counter({t: c for t, c in counts.items() if t in MISSING})
    there = len(values) - gaps.total()
    if there == 0:
        return Column("empty", gaps=gaps)
    if np.isinf(found).any() and np.isfinite(found).sum() > 0.5 * there:
        at = int(np.isinf(found).argmax())
        raise DataError(
            f"column '{values.name}', line {starts[at]}: '{values.iloc[at]}' is no finite number: "
            f"mend it, or say --cell '{values.name}={values.iloc[at]}=' to read it as missing"
        )
    numeric = len(counts) == len(gaps)
    if " " in asked or asked in ("category", "text"):
        column = words(values, gaps, asked) if asked == "category" else Column(asked)
        return column._replace(gaps=gaps)
    column = _plain(values, found, gaps) if numeric and asked != "date" else None
    texts = values if column else values.str.strip()
    if asked != "number":
        column = column or _dates(texts, starts, gaps)
    if asked != "date":
        column = column or _written(texts, starts, gaps, asked == "number", target)
    if asked == "number":
        return column._replace(kind=column.kind if column.kind[:6] == asked else asked)
    if column is None and asked:
        raise DataError(
            f"column '{values.name}' holds no dates: say how, --type '{values.name}=date %d.%m.%y'"
        )
    column = column or words(values, gaps)
    if target and column.kind in ("id", "text"):
        return Column("number" if numeric else "category", gaps=gaps)
    if not gaps and not column.cells and values.nunique() == 1 and not target:
        return Column("constant")
    return column


def is_plain(values: pd.Series) -> bool:
    """Whether all cells are plain numbers or empty, and float64 has all their digits."""
    found = pd.to_numeric(values.astype(object), errors="coerce")
    return bool(values[found.isna()].isin(MISSING).all() and found.abs().max() < 2**53)


def _plain(values: pd.Series, found: np.ndarray, gaps: Counter) -> Column:
    """All numbers, written plainly: but digits may be names, or dates, or number the rows."""
    numbers = found[~np.isnan(found)]
    if (numbers % 1 != 0).any():
        either = all(EITHER["."].fullmatch(t.strip()) for t in values if "." in t)
        return Column("number", {}, _sentinels(values, numbers), gaps, "." * either)
    texts = [t.strip() for t in values.unique()]
    texts = [t for t in texts if t not in MISSING]
    k, n = len(texts), len(numbers)
    if {len(t) for t in texts} in ({8}, {14}) and k > 2:
        dates = pd.Series(texts, dtype=object)
        for form in ("%Y%m%d", "%d%m%Y") if len(texts[0]) == 8 else ("%Y%m%d%H%M%S",):
            read = as_dates(dates, form)
            if read.notna().all() and read.dt.year.between(1900, 2100).all():
                return Column(f"date {form}", gaps=gaps)
    code = all(t.isdigit() for t in texts) and any(t[0] == "0" and len(t) > 1 for t in texts)
    if code or np.abs(numbers).max() > 2**53:  # zeros in front or digits would be lost
        return Column("category" if k <= max(MANY, 0.5 * n) else "id", gaps=gaps)
    if n > 0.9 * len(values) and n > 9 and k == n:
        span, up = np.ptp(numbers), (np.diff(numbers) > 0).all()
        # Numbers drawn at random from so few would not all differ (the birthday problem).
        if looks_like_id(values.name) or span < n * n / 20 or (up and span < n * n / 4):
            return Column("id", gaps=gaps)
    return Column("number", {}, _sentinels(values, numbers), gaps)


def _sentinels(values: pd.Series, numbers: np.ndarray) -> tuple[str, ...]:
    """Ask about numbers such as -999 that stand far from all others."""
    distinct = np.unique(numbers)
    ends = distinct[[0, 1, 2, -3, -2, -1]] if len(distinct) > 5 else distinct[[0, -1]]
    odd = [v for v in np.unique(ends) if SENTINEL.fullmatch(f"{v:g}")]
    rest = distinct[~np.isin(distinct, odd)]
    if len(rest) < 2:
        return ()
    low, high = rest[0], rest[-1]
    far = [
        v for v in odd if v < 0 <= low < high - 4 or min(abs(v - low), abs(v - high)) > high - low
    ]
    return tuple(
        f"column '{values.name}': {v:g} ({(numbers == v).sum()} times) looks like a mark for "
        f"missing: if it is one, say --cell '{values.name}={v:g}='"
        for v in far
    )


def _written(
    texts: pd.Series, starts: np.ndarray, gaps: Counter, forced: bool, target: bool
) -> Column | None:
    """Numbers as people write them, most of the cells: say what is made of the others."""
    counts = {t: c for t, c in texts.value_counts().items() if t not in MISSING}
    reads = {d: {t: numeral(t, d) for t in counts} for d in ".,"}
    hits = {d: sum(counts[t] for t, r in reads[d].items() if r[0] == r[0]) for d in ".,"}
    decimal = "," if hits[","] > hits["."] else "."
    other = reads["." if decimal == "," else ","]
    read = {t: r if r[0] == r[0] else other[t] for t, r in reads[decimal].items()}
    read = {t: r for t, r in read.items() if r[0] == r[0]}
    if not read and not forced:
        return None
    bad = {t: c for t, c in counts.items() if t not in read}
    words = {t: c for t, c in bad.items() if t.lower() not in MARKS}
    good, unknown = sum(counts[t] for t in read), sum(words.values())
    nearly = good >= NEARLY * (good + unknown) or (len(read) >= 20 and len(words) <= 3)
    few = target and len(read) <= 20 and any(c > 9 for c in bad.values())  # words that are classes
    if forced and good < 0.5 * (good + unknown):
        odd = next(t for t in texts if t in words)
        cure = "choose another --kind" if target else f"use --type '{texts.name}=category'"
        raise DataError(f"column '{texts.name}' is not all numbers ('{odd}'): {cure}")
    if not forced and (not nearly or len(read) <= len(words) or few):
        return None
    own = {t: r for t, r in read.items() if reads[decimal][t] == r}
    around = _around(texts, counts, own, decimal)
    if around is None:
        return None
    kind, cells, said = around
    cells |= {t: f"{r[0]:.15g}" for t, r in read.items() if t not in own}  # the other mark
    cells |= dict.fromkeys(bad, "")
    if not kind and not cells and not forced:
        return None
    tie = hits["."] == hits[","] and any(reads["."][t][0] != reads[","][t][0] for t in read)
    numbers = np.array([read[t][0] for t in texts if t in read and t not in cells])
    told = [_means(texts, starts, t, m) for t, m in list(cells.items())[:6]]
    if told:
        more = f" and {len(cells) - 6} more" if len(cells) > 6 else ""
        said.append(f"column '{texts.name}': {'; '.join(told)}{more}; --cell says otherwise")
    said += _sentinels(texts, numbers)
    return Column(f"number {kind}".strip(), cells, tuple(said), gaps, "," if tie else "")


def _around(texts, counts, read, decimal) -> tuple[str, dict[str, str], list[str]] | None:
    """How a column's numbers are written: marks, currency, unit; and cells that are not so."""
    affixes = Counter()
    for t, (value, *around) in read.items():
        affixes[tuple(around)] += counts[t] * (value != 0 or around != ["", ""])
    bare = affixes.pop(("", ""), 0)
    bounds = {a for a in affixes if a[0] in CENSORED or a[1][:1] == "+"}
    units = [(a, c) for a, c in affixes.most_common() if a not in bounds]
    main, weight = units[0] if units else (("", ""), 0)
    often = ["".join(a) for a, c in units if c > max(1, 0.02 * (bare + weight))]
    scaled, name = bool({*main} & SCALES), texts.name
    if scaled and min(bare, weight) > 0.05 * (bare + weight):
        often.append("no unit")
    if len(often) > 1 and sum(unit in UNITS for unit in often) < 2:
        return None  # 12A, 12B; 2nd, 3rd
    if len(often) > 1:
        line = next(t for t in texts if t in read and tuple(read[t][1:]) != main)
        raise DataError(
            f"column '{name}' mixes '{often[0]}' and '{often[1]}' (such as '{line}'): bring its "
            f"numbers to one unit, or --drop '{name}', or use --type '{name}=category'"
        )
    if weight < 0.1 * (bare + weight) and not {*main} & CURRENCY:
        main = ("", "")
    cells = {}
    for t, (value, *around) in read.items():
        if tuple(around) not in (main, ("", "")) or (scaled and value and tuple(around) != main):
            cells[t] = "" if {*around} & SCALES or scaled else f"{value:.15g}"
    kind, said = "", []
    if main != ("", "") or any(not _floats(t) for t in read if t not in cells):
        gap = " " if main[1][:1].isalpha() else ""
        kind = f"{main[0]}1{'.' if decimal == ',' else ','}234{decimal}5{gap}{main[1]}"
        one = next(t for t in read if t not in cells and not _floats(t))
        off = f", {' and '.join(filter(None, main))} taken off" if any(main) else ""
        said = [f"column '{name}' holds numbers: '{one}' is read as {read[one][0]:g}{off}"]
    return kind, cells, said


def _floats(text: str) -> bool:
    try:
        return float(text) is not None
    except ValueError:
        return False


def _means(texts: pd.Series, starts: np.ndarray, cell: str, meaning: str) -> str:
    at = (texts == cell).to_numpy()
    how = f"{meaning}, its bound" * (cell[:1] in "<>≤≥~≈") or meaning if meaning else "missing"
    times = "once" if at.sum() == 1 else f"{at.sum()} times, first"
    return f"'{cell}' is read as {how} ({times} on line {starts[int(at.argmax())]})"


def _dates(texts: pd.Series, starts: np.ndarray, gaps: Counter) -> Column | None:
    """Dates in one or more forms; what is none of them is told."""
    counts = {t: c for t, c in texts.value_counts().items() if t not in MISSING}
    if not any(_shape(t) in FORMS for t in list(counts)[:50]):
        return None
    shapes, fits = defaultdict(list), {}
    for t in counts:
        shapes[_shape(t)].append(t)
    for first, second in (("%d", "%m"), ("%m", "%d")):
        forms, odd = [], []
        for shape, cells in shapes.items():
            cells, best = pd.Series(cells, dtype=object), (0, "", None)
            for form in FORMS.get(shape, ()):
                if _order(form) != (second, first):
                    read = as_dates(cells, form)
                    good = int(read.notna().sum())
                    best = max(best, (good, form, read), key=lambda b: b[0])
            forms += [best[1]] if best[0] and best[1] not in forms else []
            odd += list(cells if best[2] is None else cells[best[2].isna()])
        fits[first] = sum(counts[t] for t in odd), forms, odd
    bad, forms, odd = min(fits.values(), key=lambda f: f[0])
    total, name = sum(counts.values()), texts.name
    if not forms or bad > (1 - NEARLY) * total:
        return None
    said, kind = [], "|".join(forms)
    if odd:
        told = [_means(texts, starts, t, "") for t in odd[:6]]
        said.append(f"column '{name}': {'; '.join(told)}: no date; --cell says otherwise")
    if fits["%d"][0] == fits["%m"][0] and fits["%d"][1] != fits["%m"][1]:
        month = "|".join(fits["%m"][1])
        said.append(
            f"column '{name}' is read with the day first; if the month is first, use --type "
            f"'{name}=date {month}'"
        )
    if len(forms) > 1:
        said.append(f"column '{name}' holds dates in {len(forms)} forms: {', '.join(forms)}")
    if "%y" in kind:
        said.append(f"column '{name}': years of two digits are read as 1969 to 2068")
    return Column(f"date {kind}", dict.fromkeys(odd, ""), tuple(said), gaps)


def _order(form: str) -> tuple[str, ...]:
    """Day and month in the order of a form that could be misread: by numbers, the year last."""
    return tuple(re.findall("%[dm]", form)) if re.match("%[dm].%[dm]", form) else ()


def words(values: pd.Series, gaps: Counter, asked: str = "") -> Column:
    """Categories, text or names; spellings of one category are joined."""
    counts = values.value_counts()
    counts = counts[[t.strip() not in MISSING for t in counts.index]]
    k, n, name = len(counts), counts.sum(), values.name
    long = sum(len(t.split()) * c for t, c in counts.items()) / n
    figures = sum(c for t, c in counts.items() if t.strip()[:1].isdigit()) > 0.5 * n and long < 5
    if not asked and long >= LONG_WORDS and k > MANY and not figures:
        return Column("text", gaps=gaps)
    if not asked and k > 0.95 * n and k > MANY:
        return Column("id", gaps=gaps)
    spelled = defaultdict(list)
    for t in counts.index:
        spelled[_spelling(t)].append(t)
    groups = [same for same in spelled.values() if len(same) > 1 < len(spelled)]
    odd = {t: same[0].strip() for same in groups for t in same if t != same[0].strip()}
    said = []
    if odd:
        told = [f"'{t}' is read as '{m}'" for t, m in list(odd.items())[:6]]
        more = f" and {len(odd) - 6} more" if len(odd) > 6 else ""
        said.append(f"column '{name}': {', '.join(told)}{more}; --cell says otherwise")
    if not asked and figures and k > 9:
        one = next((t for t in counts.index if not t[:1].isdigit()), counts.index[0])
        said.append(
            f"column '{name}' is read as a category of {k} values, for it holds neither numbers "
            f"nor dates throughout (such as '{one}'): --type '{name}=number' takes what is one"
        )
    cells = {t.strip(): m for t, m in odd.items() if t.strip() != m}
    return Column("category", cells, tuple(said), gaps)


def _spelling(text: str) -> str:
    """What spellings of one category share."""
    folded = " ".join(text.casefold().split())
    zeros = folded[:1] == "0" and folded[1:].isdigit()
    return f"{float(folded):g}" if _floats(folded) and not zeros else folded


def evidence(columns: Mapping[str, Column], separator: str) -> tuple[bool, bool, set[str]]:
    """What all columns tell: whether a comma comes before decimals or thousands, marks of gaps."""
    known = [c.kind for c in columns.values() if c.kind[:6] == "number" and not c.either]
    comma, point = any("234,5" in k for k in known), any("1,234.5" in k for k in known)
    marks = {t for c in columns.values() if c.kind[:4] in ("numb", "date") for t in c.gaps}
    return comma, comma or (separator != "," and not point), marks


def settle(column: Column, known: tuple[bool, bool, set[str]], least: int = 1) -> Column:
    """Decide by the other columns what 1.234, 1,234 and the word NA mean in this one."""
    points, commas, marks = known
    either, plain = column.either, "number 1,234.5"
    if (either == "." and points) or (either == "," and commas):
        kind = (column.kind if " " in column.kind else plain).replace("1,234.5", "1.234,5")
        what = "1.234 is a thousand and more" if either == "." else "1,234 is a little over one"
        said = f"{what} here, decimals have a comma; --type '{column.name}={plain}' says otherwise"
        column = column._replace(kind=kind, said=(f"column '{column.name}': {said}",))
    marked = [t for t, n in column.gaps.items() if t and t not in marks and n >= least]
    levels = [t for t in marked if "" not in column.gaps or t == "None"]
    if column.kind != "category" or not marked:
        return column
    said = f"column '{column.name}': {' and '.join(map(repr, levels or marked))} is "
    said += "taken as a level" if levels else "read as missing"
    if "" not in column.gaps:
        said += ", for the column has no other gaps"
    cells, said = column.cells | {t: t for t in levels}, f"{said}; --cell says otherwise"
    return column._replace(cells=cells, said=(*column.said, said))
