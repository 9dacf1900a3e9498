"""Every figure has one look, one message, and the message is its title.

Functions return a matplotlib `Figure` and never touch pyplot, so that they work in a notebook, in a
report and on a server alike. `show` displays a figure with its alternative text. The colours are
those of Okabe and Ito (2008), which colour-blind readers can tell apart; wherever two groups are
compared, shape or line style differs as well, so that a black-and-white print still reads.
"""

import base64
import html
import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#6E6E6E"
# What is claimed is a hollow diamond, in every figure.
CLAIMED = {"marker": "D", "ls": "", "mfc": "white", "mec": VERMILION, "mew": 2, "ms": 9}

WIDTH = 8.0  # inches; at DPI this is 1,120 pixels, sharp on a projector
DPI = 140
# A decorator: draw in the style of `plots.mplstyle` and leave everyone else's settings alone.
styled = matplotlib.style.context("harness.plots", after_reset=True)


def new_figure(title: str, height: float = 4.0, columns: int = 1, **options):
    """Return a figure and its axes, the message as its title."""
    fig = Figure(figsize=(WIDTH, height))
    axes = fig.subplots(1, columns, squeeze=False, **options)[0]
    fig.suptitle("\n".join(textwrap.wrap(title, 74)), x=0.01, ha="left")
    return fig, (axes[0] if columns == 1 else axes)


def note(ax, text: str, at: tuple, offset: tuple, **look) -> None:
    """Write beside a point, a few printer's points away from it."""
    ax.annotate(text, at, xytext=offset, textcoords="offset points", **{"fontsize": 10, **look})


def mean_mark(ax, x: float, scores: Sequence[float], offset: float, **look) -> None:
    """Mark mean ± 1 SD of some scores, the numbers beside it on the side of the offset."""
    mean, sd = np.mean(scores), np.std(scores, ddof=1)
    ax.errorbar(x, mean, yerr=sd, **look)
    side = "right" if offset < 0 else "left"
    note(ax, f"{mean:.4f}\n± {sd:.4f}", (x, mean), (offset, 0), ha=side, va="center")


@styled
def png(fig: Figure, alt: str | None = None) -> bytes:
    """Return the figure as PNG bytes; `alt` goes into the file's description."""
    buffer = io.BytesIO()
    described = None if alt is None else {"Description": alt}
    fig.savefig(buffer, format="png", dpi=DPI, metadata=described)
    return buffer.getvalue()


def save(fig: Figure, path: Path, alt: str = "") -> Path:
    """Write the figure as a PNG, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(png(fig, alt))
    partial.replace(path)
    return path


def picture(fig: Figure, alt: str) -> str:
    """Return the figure as an HTML image that carries its alternative text."""
    encoded = base64.b64encode(png(fig)).decode()
    return (
        f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(alt, quote=True)}" '
        'style="width: 100%; max-width: 800px; height: auto">'
    )


def show(fig: Figure, alt: str, *, display_id: str | None = None, update: bool = False) -> None:
    """Display a figure with its alternative text.

    Parameters
    ----------
    fig : Figure
    alt : str
        What the figure shows, for a reader who cannot see it.
    display_id, update
        With an id, the same place in the notebook is drawn again when `update` is true.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("a figure needs alt text: say what it shows")
    shown = picture(fig, alt)
    encoded = shown.split("base64,")[1].split('"')[0]
    bundle = {"image/png": encoded, "text/html": shown, "text/plain": f"[figure] {alt}"}
    extra = {"display_id": display_id, "update": update} if display_id else {}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}, "alt": alt}, **extra)


# -- the loop ---------------------------------------------------------------------------


def _best_so_far(rows: Sequence) -> tuple[list[int], list[float]]:
    """Return iterations and values of the baseline and the kept candidates, in order."""
    kept = [row for row in rows if row.decision in ("baseline", "kept")]
    return [row.iteration for row in kept], [row.val_auc for row in kept]


def staircase_message(rows: Sequence, noise_sd: float | None = None) -> str:
    """Say in one line what the staircase shows."""
    its, best = _best_so_far(rows)
    if not best:
        return "No candidate scored yet"
    tried = max(row.iteration for row in rows)
    gain = best[-1] - best[0]
    words = f"{len(its) - 1} of {tried} kept: val_auc {best[0]:.4f} → {best[-1]:.4f}"
    if noise_sd and len(its) > 1:
        words += f", a gain of {gain / noise_sd:.1f} noise SDs"
    return words


@styled
def staircase(rows: Sequence, noise_sd: float | None = None, title: str | None = None) -> Figure:
    """Draw every candidate of a run, the kept ones joined as a staircase.

    Parameters
    ----------
    rows : sequence
        Rows of the ledger (`iteration`, `val_auc`, `status`, `decision` are read).
    noise_sd : float, optional
        Standard deviation of the baseline's `val_auc` when only the folds change; drawn as a band.
    title : str, optional
        The message; by default what the rows say.
    """
    fig, ax = new_figure(title or staircase_message(rows, noise_sd), height=4.4)
    its, best = _best_so_far(rows)
    if not best:
        return fig
    last = max(row.iteration for row in rows)
    lost = [r for r in rows if r.decision == "discarded" and math.isfinite(r.val_auc)]
    dead = [r.iteration for r in rows if not math.isfinite(r.val_auc)]
    # A candidate that is far off would squeeze the rest flat: it is marked at the floor instead.
    margin = max(noise_sd or 0.0, 0.004)
    spread = max(best[-1] - best[0], 2 * margin)
    lowest = min(best + [r.val_auc for r in lost])
    floor = max(lowest - margin, best[0] - 2.5 * spread) - 0.5 * margin
    bottom = floor - 0.08 * (best[-1] - floor)
    low = [r.iteration for r in lost if r.val_auc < bottom]

    if noise_sd:
        band = (best[0] - noise_sd, best[0] + noise_sd)
        ax.axhspan(*band, color=SKY, alpha=0.25, lw=0, label="baseline ± 1 SD over fold seeds")
    ax.axhline(best[0], color=GREY, ls="--", lw=1.5, label="baseline")
    ax.plot([*its, last], [*best, best[-1]], color=BLUE, drawstyle="steps-post", zorder=3)
    hollow = {"ls": "", "mfc": "white", "mec": GREY, "zorder": 2}
    ax.plot(its, best, "o", color=BLUE, ms=8, zorder=4, label="kept")
    places = [r.iteration for r in lost], [r.val_auc for r in lost]
    ax.plot(*places, marker="o", ms=7, label="discarded", **hollow)
    words = "discarded, below the axis" if low else None
    ax.plot(low, [floor] * len(low), marker="v", ms=8, label=words, **hollow)
    words = "no score (crash, timeout, rejected)" if dead else None
    ax.plot(dead, [floor] * len(dead), "x", color=VERMILION, ms=9, mew=2.5, zorder=5, label=words)
    ax.set_ylim(bottom, best[-1] + margin)
    ax.set(xlabel="iteration", ylabel="val_auc (mean of 5 folds)", xlim=(-0.6, max(last, 8) + 0.6))
    ax.xaxis.get_major_locator().set_params(integer=True)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


def staircase_alt(rows: Sequence, noise_sd: float | None = None) -> str:
    """Describe the staircase in words."""
    its, best = _best_so_far(rows)
    if not best:
        return "Empty plot: no candidate has been scored yet."
    dead = sum(not math.isfinite(row.val_auc) for row in rows)
    steps = ", ".join(f"{v:.4f} at iteration {i}" for i, v in zip(its, best, strict=True))
    band = f" A band marks one SD of fold noise, {noise_sd:.4f}." if noise_sd else ""
    return (
        f"Staircase of val_auc over {max(row.iteration for row in rows)} iterations. "
        f"Best so far: {steps}. {dead} without a score.{band}"
    )


# -- building blocks for the lessons ----------------------------------------------------


@styled
def intervals(
    values: Mapping[str, Sequence[float]],
    title: str,
    xlabel: str,
    reference: float | None = None,
    reference_label: str = "",
) -> Figure:
    """Draw one row per name: every value as a dot, mean ± 1 SD as a bar.

    Parameters
    ----------
    values : mapping of str to sequence of float
        Repeated measurements of each thing, for example one score per fold.
    reference : float, optional
        A vertical line to compare with, named by `reference_label`.
    """
    fig, ax = new_figure(title, height=1.5 + 0.62 * len(values))
    for y, given in enumerate(reversed(values.values())):
        points = np.asarray(given, dtype=float)
        # A fixed spread of the dots keeps them apart without any randomness.
        jitter = 0.16 * np.sin(2.4 * np.arange(len(points)))
        ax.plot(points, y + jitter, "o", color=SKY, mec=BLUE, mew=0.5, ms=5, alpha=0.8)
        mean, words = points.mean(), f"{points.mean():.3f}"
        if len(points) > 1:
            sd = points.std(ddof=1)
            words += f" ± {sd:.3f}"
            ax.errorbar(mean, y, xerr=sd, fmt="D", color=BLACK, ms=6, zorder=5)
        note(ax, words, (mean, y), (0, 12), ha="center")
    if reference is not None:
        ax.axvline(reference, color=VERMILION, ls="--", lw=1.5)
        top = {"xycoords": ("data", "axes fraction"), "va": "top"}
        note(ax, reference_label, (reference, 1.0), (4, -2), color=VERMILION, **top)
    ax.set_yticks(range(len(values)), reversed(values))
    ax.set(xlabel=xlabel, ylim=(-0.6, len(values) - 0.25))
    ax.margins(x=0.1)
    ax.grid(axis="y", visible=False)
    return fig


@styled
def bars(
    values: Mapping[str, float], title: str, xlabel: str, errors: Sequence[float] | None = None,
    highlight: Sequence[str] = (), form: str = "{:g}",
) -> Figure:  # fmt: skip
    """Draw one horizontal bar per name, its value written beside it."""
    fig, ax = new_figure(title, height=1.4 + 0.42 * len(values))
    names, numbers = list(values)[::-1], list(values.values())[::-1]
    ranges = None
    if errors is not None:  # what is counted does not go below zero
        high = np.array(errors, dtype=float)[::-1]
        low = np.minimum(high, numbers) if min(numbers) >= 0 else high
        ranges = [low, high]
    drawn = ax.barh(names, numbers, xerr=ranges, capsize=4)
    for name, bar in zip(names, drawn, strict=True):
        colour, hatch = (ORANGE, "//") if name in highlight else (BLUE, "")
        bar.set(hatch=hatch, facecolor=colour, edgecolor="white", linewidth=0)
    if errors is None:
        ax.bar_label(drawn, [form.format(v) for v in numbers], padding=4, fontsize=10)
    ax.set(xlabel=xlabel)
    if errors is None and all(float(v).is_integer() for v in numbers):  # counts: no half patients
        ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.12)
    return fig


@styled
def paired_folds(
    before: Sequence[float], after: Sequence[float], title: str,
    names: tuple[str, str] = ("best so far", "candidate"),
) -> Figure:  # fmt: skip
    """Draw two programs' scores on the same folds, one line per fold, the means beside them."""
    fig, ax = new_figure(title, height=4.2)
    for a, b in zip(before, after, strict=True):
        up = b > a
        ax.plot([0, 1], [a, b], "-o" if up else "--s", color=BLUE if up else ORANGE, ms=7)
    apart = 0.05 * (max(*before, *after) - min(*before, *after))
    lowest = -math.inf
    for place in np.argsort(after, kind="stable"):  # labels from below, none on another
        lowest = max(float(after[place]), lowest + apart)
        note(ax, f"fold {place + 1}", (1, lowest), (9, 0), va="center")
    mean_mark(ax, -0.16, before, -9, fmt="D", color=BLACK, ms=7)
    mean_mark(ax, 1.28, after, 9, fmt="D", color=BLACK, ms=7)
    ax.plot([], [], "-o", color=BLUE, label="fold got better")
    ax.plot([], [], "--s", color=ORANGE, label="fold got worse or stayed")
    ax.plot([], [], "D", color=BLACK, label="mean ± 1 SD over folds")
    ax.set_xticks([0, 1], names)
    ax.set(ylabel="ROC AUC on one fold", xlim=(-0.55, 1.65))
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower left", ncols=3)
    return fig
