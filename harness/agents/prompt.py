"""The prompt: exactly what a language model is told before it proposes the next train.py.

`build_prompt` is the whole of it; its words are in `prompt.toml`. Print it, change `program.md`,
print it again.

Text that a candidate wrote or printed (hypotheses, error messages) is data. It is bounded, every
line of it starts with ``| ``, and it stands in a fence that it cannot close.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import jinja2

from harness.agents import memory
from harness.agents.agent import View
from harness.agents.memory import number
from harness.candidate import hypothesis_of, visible
from harness.files import catalogue

RECENT = 20  # rows of the history shown one by one
KEPT_SHOWN = 12  # older kept rows shown beside them
MAX_CHARS = 96_000  # no prompt is longer, whatever happened in the run


def build_prompt(view: View, *, reflect_every: int = 10, reply: str = "fence") -> str:
    """Write the prompt for one proposal; a view holds no test figures, so it has none.

    Parameters
    ----------
    view : View
    reflect_every : int
        Every so many iterations a short reflection on the run so far is added; 0 for never.
    reply : {"fence", "edit"}
        Whether the model answers with a file in its text, or edits the file on disk.

    Returns
    -------
    str
        At most `MAX_CHARS` characters, however long the run is.
    """
    lately = memory.reflection(view.history, view.iteration, reflect_every)
    tried = view.iteration - view.slot - 1 - view.best_iteration
    told = {"reply": _TOLD["replies"][reply], "methods": _TOLD["methods"][view.kind]}
    told |= {"history": history_text(view), "tried": tried, "lately": lately}
    return _PAGE.render(told, view=view) + "\n"


def history_text(view: View) -> str:
    """The history part of the prompt: recent rows whole, older ones condensed."""
    rows = memory.tail(view.history, RECENT)
    window = memory.tail(view.history, memory.FAMILY_WINDOW)
    tallies = memory.tallies(view.history)
    told = _HISTORY.render(
        rows=rows,
        older=len(view.history) - len(rows),
        kept=[past for past in window[: -len(rows)] if past.decision in ("kept", "baseline")],
        kept_shown=KEPT_SHOWN,
        paid=[tally for tally in tallies if tally.kept],
        failed=[t for t in tallies if t.tries >= memory.FAILED_AFTER and not t.kept],
        repeats=memory.near_repeats(view.history)[: memory.SHOWN],
    )
    return told.strip("\n")


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters: its beginning and its end."""
    if len(text) <= limit:
        return text
    gap = f"\n[… {len(text) - limit} characters left out …]\n"
    half = (limit - len(gap)) // 2
    return text[: limit - len(gap) - half] + gap + text[len(text) - half :]


def fence(text: str, info: str = "") -> str:
    """``text`` in a Markdown fence longer than any run of backticks inside it."""
    # A file of nothing but backticks must not make the fence as long as itself.
    text = re.sub("`{60,}", "`" * 60, text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{info}\n{text.rstrip()}\n{ticks}"


def data(lines: Iterable[str]) -> str:
    """Untrusted lines, each marked with ``| ``, in a fence: no line can end the block."""
    return fence("\n".join("| " + line for line in lines), "text")


def listed(text: str) -> str:
    """Lines that somebody else wrote as `data`, with no characters that act on a screen or hide."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    return data(visible(text, "·", "\n\t").split("\n")) + "\n"


_TOLD = catalogue(__file__)
_TEMPLATES = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
_TEMPLATES.filters |= {f.__name__: f for f in (cut, fence, hypothesis_of, listed, number)}
_TEMPLATES.filters["one_line"] = memory.one_line
_PAGE, _HISTORY = (_TEMPLATES.from_string(_TOLD[name]) for name in ("page", "history"))
