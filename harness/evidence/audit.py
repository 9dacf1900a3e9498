"""Is it real? Judge a finished run's gain on evidence that no decision of the run has seen.

In order of weight: the certificate (fresh folds of the training rows: many, paired, but the
same patients that the search saw), the sealed test (other patients, but few, and good for one look
only), and another hospital (other patients, other habits). The verdict is one of

real          something is certified, and neither the sealed test nor the other hospital shows a
              loss beyond chance
luck          nothing is, and the gain that the run claims lies above what fresh folds allow: what
              the ratchet reported is not there
cannot tell   neither: there may be a gain, but these rows cannot show it
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness import RunError
from harness.candidate import CandidateError
from harness.evidence import harms
from harness.evidence.certificate import make_certificate, write_certificate
from harness.evidence.findings import Audit, Calibration, Elsewhere
from harness.files import read_json, write_file
from harness.rules import PRIOR, Test, stats, verdict
from harness.run import Row
from harness.run import read_record as read_run_record
from harness.task import HEART, HUNGARY, Task

# Fold seeds for audits alone: rules use others (harness.rules.rules), the frozen folds 42.
AUDIT_SEEDS = tuple(range(9001, 9011))
CALIBRATION_BINS = 5
OPENINGS = "openings.json"  # beside the runs: when which sealed rows were looked at
STRETCHES = 12  # of a sealed test in time that are resampled whole


def audit(
    run_dir: Path,
    scorer,
    *,
    task: Task = HEART,
    hospital: Task | None = HUNGARY,
    seeds: tuple[int, ...] | None = None,
    openings: tuple[str, ...] = (),
    look: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Audit:
    """Audit a run. Reads the run's folder and changes nothing in it.

    Parameters
    ----------
    scorer : Scorer
        Runs all candidate code, isolated; of the run's task.
    hospital : Task or None
        Other patients with the same columns.
    seeds : tuple of int, optional
        Fold seeds that no rule uses; `AUDIT_SEEDS` by default.
    openings : tuple of str
        Dates at which the sealed test was opened, this one included.
    look : bool
        Whether to look at the sealed test; without, it stays sealed.
    say : callable
        Called with one line per stage.

    Raises
    ------
    RunError
        If there is no finished iteration, or baseline or best no longer run.
    """
    settings, rows, sources, folds = read_run(run_dir)
    in_time = task.time is not None
    fresh = task.fresh_seeds(seeds or AUDIT_SEEDS)
    one_set, seeds = not fresh, fresh or (task.fold_seed,)
    baseline, best = rows[0], [row for row in rows if row.kept][-1]
    programs = {"baseline": sources[0], "best": sources[best.iteration]}
    claimed = best.val_auc - baseline.val_auc

    kind = "the frozen folds" if one_set else f"fresh folds: {len(seeds)} cross-validations"
    say(f"{kind} of baseline and best")
    found = _on_fresh_folds(scorer, task, programs, seeds)
    split = task.split()
    sealed = other = None
    if look and len(split.y_test):
        say(f"sealed test: {len(split.y_test)} rows")
        sealed = _elsewhere(scorer, task, split, programs, "test", split.X_test, split.y_test)
    if hospital is not None:
        X, y = hospital.load()
        say(f"another hospital: {len(y)} rows")
        other = _elsewhere(scorer, task, split, programs, hospital.name, X, y)
    calibration, answers = {}, {}
    if task.kind == "binary" and not in_time:
        say("calibration: one cross-validation, out of fold")
        for name, source in programs.items():
            answers[name] = harms.out_of_fold(scorer, task, split, source, seeds[0])
            if curve := _calibration(split.y_train, answers[name][0][:, 0]):
                calibration[name] = curve

    elsewhere = [part for part in (sealed, other) if part is not None]
    worse = harms.in_probabilities(elsewhere)
    if best.iteration:
        worse += harms.in_subgroups(scorer, task, programs, seeds[0], answers)
    known = []
    if sealed and best.iteration:
        known = harms.in_the_source(scorer, task, split, programs["best"])
    certificate = make_certificate(run_dir, scorer, task=task, say=say)
    contradicted = bool(known) or any(part.contradicts for part in elsewhere)
    word = certificate.verdict(contradicted)
    if one_set and sealed is not None and sealed.difference is not None:
        word = by_sealed_test(claimed, sealed.difference, contradicted)
    return Audit(
        tag=settings["tag"],
        commit=best.commit,
        rule=settings["rule"],
        tries=sum(row.ok for row in rows[1:]),
        best_iteration=best.iteration,
        hypothesis=best.hypothesis,
        baseline_val=baseline.val_auc,
        best_val=best.val_auc,
        claimed=claimed,
        luck=expected_luck(folds),
        verdict=word,
        certificate=certificate,
        harms=known + worse,
        test=sealed,
        hospital=other,
        calibration=calibration,
        openings=list(openings),
        metric=task.metric,
        one_set=one_set,
        resampled="groups" if task.groups else "stretches of time" if in_time else "rows",
        **found,
    )


def _on_fresh_folds(scorer, task: Task, programs: dict, seeds: tuple[int, ...]) -> dict:
    """Measure both programs on other folds of the training rows; fields of `Audit`."""
    try:  # one program that is both is measured once
        tables = {p: scorer.fold_scores(p, seeds) for p in dict.fromkeys(programs.values())}
    except CandidateError as err:
        raise RunError(f"baseline or best no longer runs: {err}; is it repeatable?") from None
    before, after = (tables[p] for p in programs.values())
    test = stats.corrected_t_test(after - before, task.n_folds, task.share)
    a, b = before.mean(axis=1), after.mean(axis=1)

    def spread(means: np.ndarray) -> float:  # none where there is only one set of folds
        return float(means.std(ddof=1)) if len(means) > 1 else float("nan")

    return {
        "fresh": stats.Interval(test.mean, *test.interval()),
        "fresh_p": test.p_greater,
        "fresh_scores_baseline": a.tolist(),
        "fresh_scores_best": b.tolist(),
        "noise_baseline": spread(a),
        "noise_best": spread(b),
        "noise_paired": spread(b - a),
    }


def by_sealed_test(claimed: float, sealed: stats.Interval, contradicted: bool) -> str:
    """Give the verdict where the sealed test is all that the search has not seen."""
    half = (sealed.high - sealed.low) / 2 / 1.96
    return verdict(claimed, sealed.low > 0, Test(sealed.value, half, 1), contradicted)


def expected_luck(folds: list[tuple[float, ...]]) -> float:
    """Validation gain that these tries would have found on average with nothing there.

    `folds[0]` are the baseline's fold scores, the others one tuple per scored try. The mean of the
    best of so many gains is about the climb of a ratchet that keeps every gain. Luck is on these
    rows and these folds: fold gains of a change that is worth nothing hardly go together, so the
    correction for claims on other patients (Nadeau and Bengio) has no place here; it said up to
    three times too much for folds in time. Five folds tell badly how much one gain scatters: all
    tries tell it together, as for the certificate, and also how much they resemble each other. Each
    gain holds the luck of the same start: to count it for every try said twice too much.
    """
    base = np.asarray(folds[0], float)
    gains = [np.subtract(scores, base) for scores in folds[1:] if len(scores) == len(base)]
    gains = np.array([gain for gain in gains if np.isfinite(gain).all() and np.ptp(gain) > 0])
    if not len(gains):
        return 0.0
    own = gains.var(axis=1, ddof=1)
    rest = gains - gains.mean(axis=1, keepdims=True)
    squares = np.square(rest).sum()
    pairs = np.square(rest.sum(axis=0)).sum() - squares  # sum of the products of any two
    alike = float(np.clip(pairs / max(len(gains) - 1, 1) / squares, 0.0, 0.95))
    shared = (PRIOR * own.mean() + own) / (PRIOR + 1)
    return stats.expected_max_of_noise(np.sqrt(shared / len(base)), alike)


def read_run(run_dir: Path) -> tuple[dict, list[Row], dict[int, str], list[tuple[float, ...]]]:
    """Read settings, rows, sources of kept iterations, and fold scores of all scored ones.

    Raises RunError if there is no run, or it has no baseline yet.
    """
    run = read_run_record(run_dir)
    if not run.rows:
        raise RunError(f"run '{run.settings['tag']}' has no baseline yet: let it run first")
    sources = {row.iteration: run.source(row.iteration).decode("utf-8") for row in run.kept}
    folds = [run.folds(row.iteration) for row in run.rows if row.ok]
    return run.settings, run.rows, sources, folds


def _is_probability(*predictions: np.ndarray) -> bool:
    return all(np.all((p >= 0) & (p <= 1)) for p in predictions)


def _elsewhere(scorer, task: Task, split, programs: dict, name: str, X, y) -> Elsewhere:
    """Fit both programs on all training rows and compare them on other rows."""
    rows, brier = (split.X_train, split.y_train, X), ()
    try:
        answers = [scorer.outputs(source, *rows) for source in programs.values()]
        found = _compare(task, X, y, answers)
        both = [numbers[:, 0] for numbers, _ in answers]
        if task.metric == "roc_auc" and not (task.groups or task.time):
            found = replace(found, p=stats.delong(y, *both).p)
        if task.kind == "binary" and _is_probability(*both):
            brier = *(stats.brier(y, p) for p in both), float(y.mean() * (1 - y.mean()))
    except (CandidateError, ValueError) as err:
        return Elsewhere(name, len(y), error=str(err).split("\n")[0])
    return Elsewhere(name, len(y), found.first, found.second, found.difference, found.p, *brier)


def _compare(task: Task, X, y, answers) -> stats.Paired:
    """Compare two programs' answers by the task's own metric, with a bootstrap of the rows.

    Rows of one group are drawn together, and so are neighbours in time, which are alike: the block
    bootstrap (Carlstein 1986).
    """

    def scores(rows: np.ndarray) -> tuple[float, ...]:
        return tuple(task.score_predictions(y[rows], n[rows], at) for n, at in answers)

    groups = X[task.groups].to_numpy() if task.groups else None
    if task.time and groups is None:
        place = np.argsort(np.argsort(X[task.time].to_numpy(), kind="stable"))
        groups = place * min(STRETCHES, len(y)) // len(y)
    strata = None if task.kind == "regression" else y
    return stats.bootstrap_pair(scores, len(y), groups=groups, strata=strata)


def _calibration(y: np.ndarray, p: np.ndarray) -> Calibration | None:
    """Hold out-of-fold predictions to what happened; None if they are no probabilities."""
    if not _is_probability(p):
        return None
    curve = (part.tolist() for part in stats.reliability(y, p, CALIBRATION_BINS))
    return Calibration(*curve, stats.brier(y, p))


# -- the command --------------------------------------------------------------------------


def read_record(run_dir: Path) -> dict:
    """Read `audit.json` of a run: the openings of the sealed test and the last result.

    A run that was never audited has no openings.
    """
    path = Path(run_dir) / "audit.json"
    try:
        record = read_json(path)
        if isinstance(record["openings"], list):
            return record
        raise ValueError
    except FileNotFoundError:
        return {"openings": []}
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(
            f"{path} cannot be read: restore it, it records how often the sealed test was opened"
        ) from None


def write_record(run_dir: Path, record: dict) -> None:
    """Write `audit.json`, whole or not at all."""
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    write_file(Path(run_dir) / "audit.json", text.encode())


def _write_opening(run_dir: Path, known: list[str], split, now: str) -> list[str]:
    """Add an opening to those of the very same sealed rows by any run of this folder; all of them.

    They are kept beside the runs, by the rows' own fingerprint: another tag, or a run that was
    deleted, makes no test sealed again.
    """
    rows = hashlib.sha256(split.X_test.to_csv().encode() + split.y_test.tobytes()).hexdigest()[:16]
    path = Path(run_dir).parent / OPENINGS
    try:
        all_rows = read_json(path)
    except FileNotFoundError:
        all_rows = {}
    except (OSError, ValueError):
        raise RunError(f"{path} cannot be read: restore it, it records openings of tests") from None
    earlier = all_rows.get(rows, [])
    all_rows[rows] = [*earlier, *(opening for opening in known if opening not in earlier), now]
    write_file(path, (json.dumps(all_rows, indent=1) + "\n").encode())
    return all_rows[rows]


def open_and_audit(run_dir: Path, scorer, *, look: bool = True, **options) -> Audit:
    """Audit a run and record it: `audit.json`, `audit.png` and its alternative text.

    Options are those of `audit`. Looking at the sealed test is recorded before it is looked
    at: an audit that is cut short has opened it, too.
    """
    from harness.evidence import audit_report

    run_dir = Path(run_dir)
    read_run(run_dir)  # a run that cannot be audited must not cost an opening
    record = read_record(run_dir)
    if look:
        now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        record["openings"] = _write_opening(run_dir, record["openings"], scorer.split, now)
        write_record(run_dir, record)
    found = audit(run_dir, scorer, openings=tuple(record["openings"]), look=look, **options)
    write_record(run_dir, found.to_dict())
    write_certificate(run_dir, found.certificate)
    audit_report.save(found, run_dir / "audit.png")
    return found
