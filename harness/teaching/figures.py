"""Figures that belong to one lesson each: what runs where, luck, claims, tricks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from harness.plots import BLACK, BLUE, GREY, SKY, VERMILION, YELLOW, new_figure, styled

# -- lesson 02: the frozen harness ------------------------------------------------------


@styled
def processes() -> Figure:
    """Draw what runs where: the trusted process, one worker per fold, and what passes between."""
    fig, ax = new_figure("The answers never enter the process that runs the edited code", height=5)
    ax.set(xlim=(0, 10), ylim=(0, 6.2))
    ax.axis("off")

    def box(x, y, w, h, text, colour, weight="normal", dashed=False):
        ax.add_patch(
            FancyBboxPatch(
                (x, y), w, h, boxstyle="round,pad=0.02,rounding_size=0.12", fc=colour, ec=BLACK,
                lw=1.6, ls="--" if dashed else "-",
            )
        )  # fmt: skip
        ax.text(x + w / 2, y + h / 2, text, ha="center", va="center", weight=weight, fontsize=11)

    def arrow(start, end, text, above=True):
        ax.add_patch(
            FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=18, lw=2, color=BLACK)
        )
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + (0.16 if above else -0.16))
        ax.text(*middle, text, ha="center", va="bottom" if above else "top", fontsize=10)

    box(0.05, 0.1, 4.2, 5.6, "", "#E8F3FA")
    ax.text(2.15, 5.38, "TRUSTED: the harness", ha="center", va="center", weight="bold")
    box(0.3, 4.1, 3.7, 0.9, "patients, labels, split, folds\n(heart_cleveland.csv)", "white")
    box(0.3, 2.75, 3.7, 0.9, "y_val: the answers of this fold\nstay here", YELLOW, "bold")
    box(0.3, 1.4, 3.7, 0.9, "metric: compares p with y_val\nval_auc, val_sd", "white")
    box(0.3, 0.3, 3.7, 0.7, "rule → ledger → git", "white")
    box(6.3, 1.5, 3.65, 4.2, "", "#FBEBDD", dashed=True)
    ax.text(8.12, 5.38, "UNTRUSTED: one fold", ha="center", va="center", weight="bold")
    box(6.55, 3.95, 3.15, 1.05, "train.py\nfeature_fn, build_pipeline", "white")
    box(6.55, 2.75, 3.15, 0.8, "fit on X_train, y_train", "white")
    box(6.55, 1.75, 3.15, 0.7, "predict X_val → p", "white")
    arrow((4.3, 4.55), (6.25, 4.55), "X_train, y_train,\nX_val")
    arrow((6.25, 1.95), (4.3, 1.95), "p: numbers,\nnothing else", above=False)
    ax.text(
        8.12, 1.3, "a fresh process for each fold;\nno files, no network,\ntime and memory limited",
        ha="center", va="top", fontsize=10, style="italic",
    )  # fmt: skip
    return fig


PROCESSES_ALT = (
    "Two boxes. Left, the trusted harness holds the patients, the labels, the folds, the metric, "
    "the rule and the ledger; the answers y_val stay in it. Right, an untrusted process for one "
    "fold runs train.py. X_train, y_train and X_val go from left to right; only numbers come back."
)


# -- lesson 05: is it real? -------------------------------------------------------------


@styled
def climbs(staircases: np.ndarray, title: str) -> Figure:
    """Draw many staircases of the same programs in other orders, their mean on top.

    Parameters
    ----------
    staircases : array of shape (n_orders, n_tries + 1)
        Best score so far after each try.
    """
    fig, ax = new_figure(title, height=4.4)
    x = np.arange(staircases.shape[1])
    for stairs in staircases:
        ax.plot(x, stairs, color=SKY, lw=0.7, alpha=0.35, drawstyle="steps-post")
    ax.plot([], [], color=SKY, lw=2, label="one order each")
    ax.plot(x, staircases.mean(axis=0), color=BLUE, lw=3.5, label="their mean", zorder=4)
    ax.set(xlabel="candidates tried", ylabel="best val_auc so far", xlim=(0, x[-1]))
    ax.xaxis.get_major_locator().set_params(integer=True)
    fig.legend(loc="outside lower left", ncols=3, fontsize=10)
    return fig


@styled
def fall_back(frozen: Sequence[float], fresh: Sequence[float], title: str) -> Figure:
    """Draw each program's score where it was chosen and where it was not; the winner stands out."""
    fig, ax = new_figure(title, height=4.4)
    winner = int(np.argmax(frozen))
    for place, (a, b) in enumerate(zip(frozen, fresh, strict=True)):
        if place != winner:
            ax.plot([0, 1], [a, b], "-o", color=GREY, lw=1, ms=4, alpha=0.6)
    ax.plot([0, 1], [frozen[winner], fresh[winner]], "-D", color=VERMILION, lw=3.5, ms=9, zorder=5)
    ax.annotate("the winner", (0, frozen[winner]), xytext=(-12, 0), textcoords="offset points",
                ha="right", va="center", color=VERMILION, weight="bold")  # fmt: skip
    for x, values, shift in ((0, frozen, -0.3), (1, fresh, 0.2)):
        mean, sd = np.mean(values), np.std(values, ddof=1)
        ax.errorbar(x + shift, mean, yerr=sd, fmt="s", color=BLUE, ms=8, capsize=5)
        ax.annotate(f"{mean:.4f}\n± {sd:.4f}", (x + shift, mean), xytext=(10, 0),
                    textcoords="offset points", va="center", fontsize=10)  # fmt: skip
    ax.plot([], [], "s", color=BLUE, label="mean ± 1 SD of all programs")
    ax.set_xticks([0, 1], ["on the folds\nthey were chosen by", "on fresh folds"])
    ax.set(ylabel="mean ROC AUC", xlim=(-0.6, 1.6))
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside lower left", fontsize=10)
    return fig


@styled
def claims(runs: Mapping[str, Mapping], title: str) -> Figure:
    """Draw for each run what it claims, what luck alone would find, and the gain on fresh folds.

    Parameters
    ----------
    runs : mapping
        Name to a mapping with `claimed`, `luck`, `fresh`, `fresh_low` and `fresh_high`.
    """
    fig, ax = new_figure(title, height=1.7 + 0.6 * len(runs))
    places = np.arange(len(runs))[::-1]
    values = list(runs.values())
    fresh = np.array([run["fresh"] for run in values])
    low = fresh - [run["fresh_low"] for run in values]
    high = np.array([run["fresh_high"] for run in values]) - fresh
    ax.axvline(0, color=GREY, lw=1.5)
    ax.errorbar(fresh, places, xerr=[low, high], fmt="o", color=BLUE, ms=8, capsize=5,
                label="gain on fresh folds, 95% interval")  # fmt: skip
    ax.plot([run["claimed"] for run in values], places, "D", mfc="white", mec=VERMILION, mew=2,
            ms=9, label="gain claimed by the run")  # fmt: skip
    ax.plot([run["luck"] for run in values], places, "|", color=BLACK, ms=18, mew=2.5,
            label="luck expected of so many tries")  # fmt: skip
    ax.set_yticks(places, list(runs))
    ax.set(xlabel="gain in ROC AUC over the starting program", ylim=(-0.7, len(runs) - 0.3))
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower left", ncols=3, fontsize=10)
    return fig


# -- lesson 06: when agents cheat -------------------------------------------------------


@styled
def believed(tricks: Mapping[str, tuple[float, float]], honest: float, title: str) -> Figure:
    """Draw what a naive harness and ours report for each trick; no score stands at the right edge.

    Parameters
    ----------
    tricks : mapping of str to (float, float)
        Name to the score that the naive harness believes and the score of ours, NaN for none.
    honest : float
        What the program is worth without the trick.
    """
    fig, ax = new_figure(title, height=1.9 + 0.42 * len(tricks))
    places = np.arange(len(tricks))[::-1]
    edge = 1.03
    for y, (naive, ours) in zip(places, tricks.values(), strict=True):
        stop = ours if math.isfinite(ours) else edge
        if math.isfinite(naive):
            ax.plot([naive, stop], [y, y], color="#BBBBBB", lw=1.5, zorder=1)
            ax.plot(naive, y, "D", mfc="white", mec=VERMILION, mew=2, ms=9, zorder=3)
        if math.isfinite(ours):
            ax.plot(ours, y, "o", color=BLUE, ms=9, zorder=4)
        else:
            ax.plot(edge, y, "X", color=BLUE, ms=10, zorder=4)
    ax.axvline(honest, color=GREY, ls="--", lw=1.5, label="honest value")
    ax.plot([], [], "D", mfc="white", mec=VERMILION, mew=2, ms=9, label="naive harness")
    ax.plot([], [], "o", color=BLUE, ms=9, label="this harness")
    ax.plot([], [], "X", color=BLUE, ms=10, label="this harness: rejected, no score")
    ax.set_yticks(places, [name.rstrip(".") for name in tricks], fontsize=10)
    left = min(0.85, honest - 0.02)
    ax.set(xlabel="reported ROC AUC", xlim=(left, 1.06))
    ticks = [t for t in (0.85, 0.9, 0.95, 1.0) if t >= left]
    ax.set_xticks([*ticks, edge], [*(f"{t:.2f}" for t in ticks), "no\nscore"])
    ax.set_ylim(-0.6, len(tricks) - 0.4)
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside lower left", ncols=4, fontsize=10)
    return fig
