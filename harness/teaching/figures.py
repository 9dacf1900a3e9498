"""Figures that belong to one lesson each: what runs where, luck, claims, tricks."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from harness import plots
from harness.plots import BLACK, BLUE, GREY, SKY, VERMILION, YELLOW

# What is claimed is a hollow diamond, in every figure.
CLAIMED = {"marker": "D", "ls": "", "mfc": "white", "mec": VERMILION, "mew": 2, "ms": 9}

# -- lesson 02: the frozen harness ------------------------------------------------------


@plots.styled
def processes() -> Figure:
    """Draw what runs where: the trusted process, one worker per fold, and what passes between."""
    title = "The answers never enter the process that runs the edited code"
    fig, ax = plots.new_figure(title, height=5)
    ax.set(xlim=(0, 10), ylim=(0, 6.2))
    ax.axis("off")
    shape = "round,pad=0.02,rounding_size=0.12"

    def box(x, y, w, h, text, colour, weight="normal", line="-"):
        look = {"fc": colour, "ec": BLACK, "lw": 1.6, "ls": line}
        ax.add_patch(FancyBboxPatch((x, y), w, h, boxstyle=shape, **look))
        ax.text(x + w / 2, y + h / 2, text, ha="center", va="center", weight=weight, fontsize=11)

    def arrow(start, end, text, side="bottom"):
        look = {"arrowstyle": "-|>", "mutation_scale": 18, "lw": 2, "color": BLACK}
        ax.annotate("", end, start, arrowprops=look)
        x, y = np.mean([start, end], axis=0)
        ax.text(
            x, y + (0.16 if side == "bottom" else -0.16), text, ha="center", va=side, fontsize=10
        )

    box(0.05, 0.1, 4.2, 5.6, "", "#E8F3FA")
    ax.text(2.15, 5.38, "TRUSTED: the harness", ha="center", va="center", weight="bold")
    box(0.3, 4.1, 3.7, 0.9, "patients, labels, split, folds\n(heart_cleveland.csv)", "white")
    box(0.3, 2.75, 3.7, 0.9, "y_val: the answers of this fold\nstay here", YELLOW, "bold")
    box(0.3, 1.4, 3.7, 0.9, "metric: compares p with y_val\nval_auc, val_sd", "white")
    box(0.3, 0.3, 3.7, 0.7, "rule → ledger → git", "white")
    box(6.3, 1.5, 3.65, 4.2, "", "#FBEBDD", line="--")
    ax.text(8.12, 5.38, "UNTRUSTED: one fold", ha="center", va="center", weight="bold")
    box(6.55, 3.95, 3.15, 1.05, "train.py\nfeature_fn, build_pipeline", "white")
    box(6.55, 2.75, 3.15, 0.8, "fit on X_train, y_train", "white")
    box(6.55, 1.75, 3.15, 0.7, "predict X_val → p", "white")
    arrow((4.3, 4.55), (6.25, 4.55), "X_train, y_train,\nX_val")
    arrow((6.25, 1.95), (4.3, 1.95), "p: numbers,\nnothing else", side="top")
    words = "a fresh process for each fold;\nno files, no network,\ntime and memory limited"
    ax.text(8.12, 1.3, words, ha="center", va="top", fontsize=10, style="italic")
    return fig


PROCESSES_ALT = (
    "Two boxes. Left, the trusted harness holds the patients, the labels, the folds, the metric, "
    "the rule and the ledger; the answers y_val stay in it. Right, an untrusted process for one "
    "fold runs train.py. X_train, y_train and X_val go from left to right; only numbers come back."
)


# -- lessons 05 and 06: luck, and is it real? ------------------------------------------


@plots.styled
def climbs(staircases: np.ndarray, title: str) -> Figure:
    """Draw many staircases of the same programs in other orders, their mean on top.

    Parameters
    ----------
    staircases : array of shape (n_orders, n_tries + 1)
        Best score so far after each try.
    """
    fig, ax = plots.new_figure(title, height=4.4)
    x = np.arange(staircases.shape[1])
    for stairs in staircases:
        ax.plot(x, stairs, color=SKY, lw=0.7, alpha=0.35, drawstyle="steps-post")
    ax.plot([], [], color=SKY, lw=2, label="one order each")
    ax.plot(x, staircases.mean(axis=0), color=BLUE, lw=3.5, label="their mean", zorder=4)
    ax.set(xlabel="candidates tried", ylabel="best val_auc so far", xlim=(0, x[-1]))
    ax.xaxis.get_major_locator().set_params(integer=True)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


@plots.styled
def fall_back(
    frozen: Sequence[float], fresh: Sequence[float], title: str,
    places: tuple[str, str] = ("on the folds\nthey were chosen by", "on fresh folds"),
    ylabel: str = "mean ROC AUC",
) -> Figure:  # fmt: skip
    """Draw each program's score where it was chosen and where it was not; the winner stands out."""
    fig, ax = plots.new_figure(title, height=4.4)
    winner = int(np.argmax(frozen))
    for place, (a, b) in enumerate(zip(frozen, fresh, strict=True)):
        if place != winner:
            ax.plot([0, 1], [a, b], "-o", color=GREY, lw=1, ms=4, alpha=0.6)
    ax.plot([0, 1], [frozen[winner], fresh[winner]], "-D", color=VERMILION, lw=3.5, ms=9, zorder=5)
    words = {"ha": "right", "va": "center", "color": VERMILION, "weight": "bold", "fontsize": 12}
    plots.note(ax, "the winner", (0, frozen[winner]), (-12, 0), **words)
    plots.mean_mark(ax, -0.3, frozen, 10, fmt="s", color=BLUE, ms=8)
    plots.mean_mark(ax, 1.2, fresh, 10, fmt="s", color=BLUE, ms=8)
    ax.plot([], [], "s", color=BLUE, label="mean ± 1 SD of all programs")
    ax.set_xticks([0, 1], places)
    ax.set(ylabel=ylabel, xlim=(-0.6, 1.6))
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower left")
    return fig


@plots.styled
def claims(runs: Mapping[str, Mapping], title: str) -> Figure:
    """Draw for each run what it claims, what luck alone would find, and the gain on fresh folds.

    Parameters
    ----------
    runs : mapping
        Name to a mapping with `claimed`, `luck`, `fresh`, `fresh_low`, `fresh_high`, `t`, `bar`.
    """
    fig, ax = plots.new_figure(title, height=1.7 + 0.6 * len(runs))
    places = np.arange(len(runs))[::-1]
    names = ("claimed", "luck", "fresh", "fresh_low", "fresh_high")
    claimed, luck, fresh, low, high = np.array([[r[n] for n in names] for r in runs.values()]).T
    ax.axvline(0, color=GREY, lw=1.5)
    words = "gain on fresh folds, 95% interval"
    error = [fresh - low, high - fresh]
    ax.errorbar(fresh, places, xerr=error, fmt="o", color=BLUE, ms=8, label=words)
    ax.plot(claimed, places, label="gain claimed by the run", **CLAIMED)
    words = "luck expected of so many tries"
    ax.plot(luck, places, "|", color=BLACK, ms=18, mew=2.5, label=words)
    names = [f"{name}: T={run['t']:.2f}, bar {run['bar']:.2f}" for name, run in runs.items()]
    ax.set_yticks(places, names)
    ax.set(xlabel="gain in ROC AUC over the starting program", ylim=(-0.7, len(runs) - 0.3))
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


# -- lesson 07: when agents cheat -------------------------------------------------------


@plots.styled
def believed(tricks: Mapping[str, tuple[float, float]], honest: float, title: str) -> Figure:
    """Draw what a naive harness and ours report for each trick; no score stands at the right edge.

    Parameters
    ----------
    tricks : mapping of str to (float, float)
        Name to the score that the naive harness believes and the score of ours, NaN for none.
    honest : float
        What the program is worth without the trick.
    """
    fig, ax = plots.new_figure(title, height=1.9 + 0.42 * len(tricks))
    places = np.arange(len(tricks))[::-1]
    edge = 1.03
    for y, (naive, ours) in zip(places, tricks.values(), strict=True):
        scored = math.isfinite(ours)
        stop, mark, size = (ours, "o", 9) if scored else (edge, "X", 10)
        if math.isfinite(naive):
            ax.plot([naive, stop], [y, y], color="#BBBBBB", lw=1.5, zorder=1)
            ax.plot(naive, y, zorder=3, **CLAIMED)
        ax.plot(stop, y, mark, color=BLUE, ms=size, zorder=4)
    ax.axvline(honest, color=GREY, ls="--", lw=1.5, label="honest value")
    ax.plot([], [], label="naive harness", **CLAIMED)
    ax.plot([], [], "o", color=BLUE, ms=9, label="this harness")
    ax.plot([], [], "X", color=BLUE, ms=10, label="this harness: rejected, no score")
    ax.set_yticks(places, [name.rstrip(".") for name in tricks], fontsize=10)
    left = min(0.85, honest - 0.02)
    ax.set(xlabel="reported ROC AUC", xlim=(left, 1.06))
    ticks = [t for t in (0.85, 0.9, 0.95, 1.0) if t >= left]
    ax.set_xticks([*ticks, edge], [*(f"{t:.2f}" for t in ticks), "no\nscore"])
    ax.set_ylim(-0.6, len(tricks) - 0.4)
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower left", ncols=4)
    return fig
