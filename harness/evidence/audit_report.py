"""What an audit tells a person: one table, one paragraph, one figure and its alternative text."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from harness import plots
from harness.evidence.findings import SIGNIFICANT, Audit, Elsewhere
from harness.rules import CANNOT_TELL, LUCK, REAL, STOP_AT, Interval, stats

ADVICE = {
    REAL: "Adopt what is certified; what it gains elsewhere is likely to be less than here.",
    CANNOT_TELL: (
        "Do not call it an improvement yet: more rows would tell, more iterations on these "
        "rows would not. Prefer the simpler of the two programs."
    ),
    LUCK: (
        "Stay with the baseline, and ask of the next run a stricter rule or fewer, better "
        "founded tries."
    ),
}


# Rows that no fold contained, as the table and the figure, a sentence and the alt text name them.
ELSEWHERE = {
    "test": ("sealed test", "On the sealed test", "on the sealed test"),
    "hospital": ("other hospital", "At the other hospital", "elsewhere"),
}


def _elsewhere(found: Audit) -> list[tuple[Elsewhere, str, str, str]]:
    """Give what was looked at, with its three names."""
    parts = [(getattr(found, place), *names) for place, names in ELSEWHERE.items()]
    return [part for part in parts if part[0] is not None]


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.4f} (95% {interval.low:+.4f} to {interval.high:+.4f})"


def _plain(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _metric(found: Audit) -> str:
    return "AUC" if found.metric == "roc_auc" else found.metric


def table(found: Audit) -> str:
    """Give the figures, one line each."""
    lines = [
        ("run", f"{found.tag}, rule {found.rule}, {found.tries} scored tries"),
        ("best", f"iteration {found.best_iteration}: {found.hypothesis}"),
        ("claimed", f"{found.baseline_val:.4f} -> {found.best_val:.4f}, {found.claimed:+.4f}"),
        ("luck", f"{found.luck:+.4f} expected of so many tries with nothing there"),
    ]
    if found.one_set:
        lines.append(
            ("fresh folds", "none: this task's rows can be cut into folds in one way only")
        )
    else:
        noise = (
            f"over {len(found.fresh_scores_best)} fold seeds: baseline {found.noise_baseline:.4f}, "
            f"best {found.noise_best:.4f}, paired difference {found.noise_paired:.4f}"
        )
        gain = f"gain {_signed(found.fresh)}, one-sided p={found.fresh_p:.3f}"
        gain = gain if found.best_iteration else "nothing was kept, so there is no gain to measure"
        lines += [("noise SD", noise), ("fresh folds", gain)]
    if found.test is None:
        lines.append(("sealed test", "not looked at"))
    for part, title, *_ in _elsewhere(found):
        title = f"{title} ({part.rows} rows)"
        if part.error:
            lines.append((title, f"no figures: {part.error}"))
            continue
        test = f"bootstrap of {found.resampled}"
        if found.resampled == "rows" and found.metric == "roc_auc":
            test = "DeLong"
        if not found.best_iteration:
            lines.append((title, f"baseline {_plain(part.baseline)}"))
            continue
        lines += [
            (title, f"baseline {_plain(part.baseline)}, best {_plain(part.best)}"),
            ("", f"gain {_signed(part.difference)}, {test} p={part.p:.2f}"),
        ]
        if part.brier_best is not None:
            lines.append(("", f"Brier {part.brier_baseline:.3f} -> {part.brier_best:.3f}"))
    for name, part in found.calibration.items():
        lines.append((f"calibration, {name}", f"out-of-fold Brier {part.brier:.3f}"))
    if len(found.openings) > 1:
        warning = (
            f"the sealed test has been opened {len(found.openings)} times (first "
            f"{found.openings[0]}, before this {found.openings[-2]}): it is no longer "
            "sealed, do not choose by it"
        )
        lines.append(("WARNING", warning))
    lines += [("harm", text) for text in found.harms]
    lines.append(("certificate", found.certificate.short))
    lines.append(("verdict", found.verdict))
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


def paragraph(found: Audit) -> str:
    """Say in plain words what was found and what to do."""
    leak = ""
    if not found.metric.startswith("neg_") and found.baseline_val >= STOP_AT:
        leak = (
            " The baseline was nearly perfect: look for a column, or a sum of columns, that holds "
            "the answer (the task's look.html says which come near)."
        )
    if found.best_iteration == 0 or found.claimed <= 0:
        return (
            f"Cannot tell: in {found.tries} tries nothing was kept that raised val_auc, so there "
            f"is no gain to judge. The baseline stays.{leak}"
        )
    parts = [
        f"{found.verdict.capitalize()}.",
        f"The run claims {found.claimed:+.4f} {_metric(found)} after {found.tries} tries; "
        f"that many tries would find about {found.luck:+.4f} with nothing there.",
        "No other folds can be drawn from these rows, so the sealed test decides."
        if found.one_set
        else f"On {len(found.fresh_scores_best)} fresh fold splits of the training rows, which no "
        f"decision saw, the gain is {_signed(found.fresh)}.",
        f"The certificate: {found.certificate.sentence}",
    ]
    for part, _, where, _ in _elsewhere(found):
        if part.error:
            parts.append(f"{where} there are no figures ({part.error}).")
            continue
        meaning = "which chance alone could give"
        if part.p < SIGNIFICANT:
            meaning = f"a {'loss' if part.contradicts else 'gain'} beyond chance"
        parts.append(f"{where} ({part.rows} rows) it is {_signed(part.difference)}, {meaning}.")
    if len(found.openings) > 1:
        parts.append(f"The sealed test has now been opened {len(found.openings)} times.")
    return " ".join([*parts, *found.harms, ADVICE[found.verdict]]) + leak


def message(found: Audit) -> str:
    """Give the figure's title: what it shows."""
    if found.claimed <= 0:
        return "Nothing was kept: there is no gain to judge"
    where = "the sealed test" if found.one_set else "folds that no decision saw"
    return {
        REAL: f"Real: the gain is there again on {where}",
        CANNOT_TELL: "Cannot tell: these rows neither show the gain nor rule it out",
        LUCK: f"Luck: the claimed gain is not there on {where}",
    }[found.verdict]


def alt(found: Audit) -> str:
    """Say what the figure shows, for a reader who cannot see it."""
    if not found.best_iteration:
        return (
            f"Three panels. Left: cross-validated {_metric(found)} of the baseline, mean "
            f"{np.mean(found.fresh_scores_baseline):.3f}. Middle: nothing was kept, so there is no "
            "gain to judge. Right: reliability curve of the baseline, if it gives probabilities. "
            f"Verdict: {found.verdict}."
        )
    folds, gains = "the frozen folds", ["the gain"]
    if not found.one_set:
        folds = f"{len(found.fresh_scores_best)} fresh fold splits"
        gains = [f"the gain on fresh folds {_signed(found.fresh)}"]
    for part, *_, name in _elsewhere(found):
        if part.difference is not None:
            gains.append(f"{name} {_signed(part.difference)}")
    curves = [
        "reliability curves out of fold with 95% intervals"
        if found.calibration
        else "no calibration"
    ]
    curves += [f"{name} with Brier score {p.brier:.3f}" for name, p in found.calibration.items()]
    return (
        f"Three panels. Left: cross-validated {_metric(found)} of baseline and best on "
        f"{folds}, paired; means {np.mean(found.fresh_scores_baseline):.3f} and "
        f"{np.mean(found.fresh_scores_best):.3f}. Middle: the claimed gain {found.claimed:+.4f}, "
        f"expected luck {found.luck:+.4f}, and with 95% intervals {', '.join(gains)}. "
        f"Right: {', '.join(curves)}. Verdict: {found.verdict}."
    )


def _draw_gains(ax, found: Audit, frozen: dict) -> None:
    """Draw the claim, what luck would find, and every interval."""
    places = {} if found.one_set else {"fresh folds": found.fresh}
    places |= {name: part.difference for part, name, *_ in _elsewhere(found) if part.difference}
    ax.plot(found.claimed, 0, **frozen)
    for at, interval in enumerate(places.values(), 1):
        error = [[interval.value - interval.low], [interval.high - interval.value]]
        ax.errorbar(interval.value, at, xerr=error, fmt="o", color=plots.BLUE, capsize=4)
    ax.axvline(0, color=plots.BLACK, lw=1)
    if found.luck > 0:
        ax.axvline(found.luck, color=plots.VERMILION, ls="--", lw=1.5)
        ax.annotate(
            "luck", (found.luck, 0.99), xycoords=("data", "axes fraction"), va="top",
            xytext=(3, 0), textcoords="offset points", color=plots.VERMILION, fontsize=9,
        )  # fmt: skip
    ax.set_yticks(range(len(places) + 1), ["claimed", *places], fontsize=9)
    ax.set(ylim=(len(places) + 0.5, -0.6), title="Gain (95%)", xlabel=_metric(found))
    ax.tick_params(axis="x", labelsize=9)


@plots.styled
def figure(found: Audit) -> Figure:
    """Draw noise, gains with their intervals, and calibration."""
    fig, (floor, gains, curve) = plots.new_figure(message(found), height=4.2, columns=3)
    looks = {"baseline": ("s", "--", plots.ORANGE), "best": ("o", "-", plots.BLUE)}
    scores = [found.fresh_scores_baseline, found.fresh_scores_best]
    kept = 2 if found.best_iteration else 1  # programs to draw
    floor.plot(range(kept), scores[:kept], "-", color="0.75", lw=1)
    for at, (mark, _, colour) in list(enumerate(looks.values()))[:kept]:
        floor.plot([at] * len(scores[at]), scores[at], mark, color=colour, ms=5)
    frozen = {"ls": "", "marker": "D", "mfc": "white", "mec": plots.BLACK, "ms": 7}
    values = [found.baseline_val, found.best_val][:kept]
    floor.plot(range(kept), values, label="frozen folds", **frozen)
    floor.set(xlim=(-0.5, 1.5), title="Frozen folds" if found.one_set else "Fresh fold splits")
    floor.set(xticks=[0, 1], xticklabels=looks, ylabel=f"cross-validated {_metric(found)}")
    floor.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=9)

    if found.best_iteration:
        _draw_gains(gains, found, frozen)
    else:
        gains.annotate("nothing was kept:\nno gain to judge", (0.5, 0.5), ha="center")
        gains.set(title="Gain", xticks=[], yticks=[])

    curve.plot([0, 1], [0, 1], color="0.6", lw=1)
    for name, part in list(found.calibration.items())[:kept]:
        mark, line, colour = looks[name]
        label = f"{name}, Brier {part.brier:.3f}"
        counts = zip(part.observed, part.count, strict=True)
        shares = [stats.wilson(round(o * n), n) for o, n in counts]
        error = [[s.value - s.low for s in shares], [s.high - s.value for s in shares]]
        look = {"color": colour, "ms": 5, "label": label, "capsize": 2, "elinewidth": 0.8}
        curve.errorbar(part.predicted, part.observed, yerr=error, fmt=mark + line, **look)
    if found.calibration:
        curve.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), fontsize=9)
    else:
        curve.annotate("no probabilities of two classes", (0.5, 0.5), ha="center", fontsize=9)
    curve.set(
        title="Calibration (95%)", xlabel="predicted", ylabel="observed", xlim=(0, 1), ylim=(0, 1)
    )
    for ax in (floor, gains, curve):
        ax.set_title(ax.get_title(loc="left"), fontsize=11, loc="left")
    return fig


def save(found: Audit, path: Path) -> Path:
    """Write the figure, and its alternative text beside it (`audit.alt.txt`)."""
    text = alt(found)
    path = plots.save(figure(found), path, alt=text)
    path.with_suffix(".alt.txt").write_text(text + "\n", "utf-8")
    return path
