"""Pieces of a page that stands alone: escaped text, tables, figures, and the page around them.

A page made here loads nothing: no script, no font, no picture from elsewhere, and its own policy
forbids them. Whatever came from a candidate or an agent passes through `text` first.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from harness import plots
from harness.agents import redact

STYLE = Path(__file__).with_name("page.css")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# Not allowed in HTML at all, or able to turn the text around them backwards.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already, made here; every other text is escaped."""


def text(value: object) -> Markup:
    """Escape a text: markup in it is shown, not obeyed; secrets are masked."""
    if isinstance(value, Markup):
        return value
    shown = _ODD.sub("\ufffd", redact(str(value))).encode("utf-8", "replace").decode("utf-8")
    return Markup(html.escape(shown, quote=True))


def tag(name: str, *content: object, **attributes: str) -> Markup:
    """Make an element; `class_` stands for class."""
    words = "".join(f' {k.rstrip("_")}="{text(v)}"' for k, v in attributes.items())
    return Markup(f"<{name}{words}>{''.join(map(text, content))}</{name}>")


def join(*parts: Markup) -> Markup:
    """Put pieces on lines of their own."""
    return Markup("\n".join(map(text, parts)))


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[int]
) -> Markup:
    """Make a table whose first column names the row.

    Parameters
    ----------
    rows : sequence of sequences
        A row with a single cell is a remark that spans all columns.
    numbers : sequence of int
        Columns that are set flush right.
    """
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    lines = []
    for row in rows:
        if len(row) == 1:
            lines.append(tag("tr", tag("td", row[0], colspan=str(len(columns)), class_="gap")))
            continue
        cells = [tag("th", row[0], scope="row")]
        cells += [
            tag("td", cell, class_="number") if place in numbers else tag("td", cell)
            for place, cell in enumerate(row[1:], 1)
        ]
        lines.append(tag("tr", *cells))
    body = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *lines))
    # Wider than a phone: it scrolls on its own, by keyboard too.
    return tag("div", body, class_="scroll", role="region", tabindex="0", **{"aria-label": caption})


def facts(pairs: Sequence[tuple[str, object]]) -> Markup:
    """Make a list of names and what they are."""
    return tag("dl", *(Markup(tag("dt", name) + tag("dd", value)) for name, value in pairs))


def figure(fig: Figure, alt: str) -> Markup:
    """Embed a figure with its alternative text."""
    data = base64.b64encode(plots.png(fig)).decode()
    wide, high = (round(inches * plots.DPI) for inches in fig.get_size_inches())
    picture = (
        f'<img src="data:image/png;base64,{data}" alt="{text(alt)}" width="{wide}" height="{high}">'
    )
    return tag("figure", Markup(picture))


def diff(lines: Sequence[str], label: str) -> Markup:
    """Show a unified diff, line by line, added and removed ones marked by more than colour."""
    marks = {"+": "ins", "-": "del"}
    shown = []
    for line in lines:
        mark = marks.get(line[:1]) if not line.startswith(("+++", "---")) else None
        shown.append(tag(mark, line) if mark else text(line))
    code = tag("code", Markup("\n".join(shown)))
    return tag("pre", code, role="region", tabindex="0", **{"aria-label": label})


def page(title: str, *parts: Markup) -> str:
    """Make the whole page."""
    style = STYLE.read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"{join(tag('h1', title), *parts)}\n</main>\n</body>\n</html>\n"
    )
