"""The trusted side: folds out, numbers in, metric computed here.

Owns the data, the labels, the folds and the metric. A candidate's text is read (never run) here;
its code runs in the sandbox and gives back plain numbers, one per row, for rows in an order of our
choosing.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from harness.candidate import CandidateError, check_source, plain
from harness.scoring.probes import run_probes
from harness.scoring.score import FIGURES, Probe, Score, brier
from harness.sealing import Job, Packed, Reply, Sandbox
from harness.task import HEART, Task

KEEP_PACKED = 64 * 1024**2  # bytes of packed folds that are worth keeping between scores


@dataclass(frozen=True)
class Rows:
    """Where one job's rows come from: positions in the split, already in shuffled order."""

    train: np.ndarray
    new: np.ndarray
    sealed: bool = False  # whether `new` are positions in the sealed test


class Scorer:
    """Scores candidates on a task; keeps warm workers between scores.

    Options are those of `Sandbox`. Not for two threads at once, apart from `cancel`.
    """

    def __init__(self, task: Task = HEART, **options):
        self.task = task
        hidden = [task.path.parent] if task.path else []
        # First: its workers warm up while the data is loaded.
        self.sandbox = Sandbox(hidden=hidden, **options)
        try:
            self.split = task.split()
        except BaseException:
            self.sandbox.close()
            raise
        self.final = Rows(
            self._shuffled(len(self.split.y_train), 0, 0, "final"),
            self._shuffled(len(self.split.y_test), 0, 0, "test"),
            sealed=True,
        )
        self._folds: dict[int, list[Rows]] = {}
        self._packed: dict[tuple, Packed] = {}
        self._packed_bytes = 0
        self._kept: dict[str, object] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        self.sandbox.close()

    def cancel(self) -> None:
        """Stop the score that runs now, from another thread: it raises KeyboardInterrupt."""
        self.sandbox.cancel()

    @property
    def isolation(self) -> str:
        """The level of isolation in force."""
        return self.sandbox.isolation

    # ------------------------------------------------------------------------------- scoring

    def score(self, source: str | bytes, *, fold_seed: int | None = None) -> Score:
        """Score the text of a train.py: its folds, and a final fit for the sealed test.

        `fold_seed` is another than the task's frozen one.
        """
        return self.score_many([source], fold_seed=fold_seed)[0]

    def score_many(
        self, sources: Sequence[str | bytes], *, fold_seed: int | None = None
    ) -> list[Score]:
        """Score several candidates side by side; results in the order given."""
        scores, groups = [], []
        for source in sources:
            score = Score("ok", cv_folds=self.task.n_folds, isolation=self.isolation)
            try:
                data, hypothesis = check_source(source)
            except CandidateError as err:
                scores.append(replace(score, status=str(err)))
                continue
            groups.append(self._fold_jobs(data, fold_seed))
            if len(self.split.X_test):
                groups[-1].append(self.job(data, self.final, ("final",)))
            scores.append(replace(score, hypothesis=hypothesis))
        replies = iter(self.run(groups))  # a group for each score that is still ok
        return [self._filled(s, next(replies), fold_seed) if s.ok else s for s in scores]

    def fold_scores(self, source: str | bytes, fold_seeds: Sequence[int]) -> np.ndarray:
        """Score a candidate on folds of other seeds: an array of shape (n_seeds, n_folds).

        Raises `CandidateError` if the candidate fails on one of them.
        """
        data, _ = check_source(source)
        table = []
        replies_of = self.run([self._fold_jobs(data, seed) for seed in fold_seeds])
        for seed, replies in zip(fold_seeds, replies_of, strict=True):
            _raise_first(replies)
            pairs = zip(self.folds(seed), replies, strict=True)
            table.append([self.metric(rows.new, reply) for rows, reply in pairs])
        return np.array(table, dtype=float).reshape(len(fold_seeds), -1)

    def predict(
        self, source: str | bytes, X_train: pd.DataFrame, y_train: np.ndarray, X_new: pd.DataFrame
    ) -> np.ndarray:
        """Fit a candidate on given rows and predict others, isolated like a fold.

        Gives scores of class 1 or values, of shape (n_new,), or class probabilities, of shape
        (n_new, n_outputs). Raises `CandidateError`.
        """
        numbers, _ = self.outputs(source, X_train, y_train, X_new)
        return numbers[:, 0] if self.task.n_outputs == 1 else numbers

    def outputs(
        self, source: str | bytes, X_train: pd.DataFrame, y_train: np.ndarray, X_new: pd.DataFrame
    ) -> tuple[np.ndarray, float]:
        """Do as `predict`; give an array of shape (n_new, n_outputs) and where class 1 begins."""
        data, _ = check_source(source)
        rows = Packed((_bare(X_train), np.asarray(y_train), _bare(X_new)))
        job = self._job(data, rows, len(X_new), self.seed("predict", len(X_new)))
        try:
            [[reply]] = self.run([[job]])
        finally:
            rows.close()
        _raise_first([reply])
        return self._table(reply), reply.threshold

    def probe(self, source: str | bytes, score: Score) -> Score:
        """Test a score that is about to be kept; see `harness.scoring.probes`.

        Gives the same with `probes` filled in, or one with status ``rejected (…)``.
        """
        if not score.ok:
            return score
        try:
            probes = run_probes(self, check_source(source)[0], score)
        except CandidateError as err:  # its answers to other labels cannot be measured
            probes = (Probe("probe failed", float("nan"), 0.0, "reject", str(err)),)
        score = replace(score, probes=probes)
        bad = next((p for p in probes if p.verdict == "reject"), None)
        if bad is None:
            return score
        nothing = {**dict.fromkeys(FIGURES, float("nan")), "fold_scores": (), "predictions": ()}
        return replace(score, status=f"rejected ({bad.name}: {bad.detail})", **nothing)

    # --------------------------------------------------------------------- what probes also use

    def folds(self, seed: int | None = None) -> list[Rows]:
        """The folds, as shuffled positions in the train split.

        The order is part of what is frozen: models that depend on it give the same number twice.
        """
        seed = self.task.fold_seed if seed is None else seed
        if seed not in self._folds:
            X, y = self.split.X_train, self.split.y_train
            self._folds[seed] = [
                Rows(self._shuffled(train, seed, k, "train"), self._shuffled(val, seed, k, "new"))
                for k, (train, val) in enumerate(self.task.folds(X, y, seed))
            ]
        return self._folds[seed]

    def job(self, source: bytes, rows: Rows, key: tuple | None, *, labels=None, seed=None) -> Job:
        """Make the job of one fold, or of the final fit.

        `key` names these rows and labels: packed rows with the same key are used again. It is None
        for what comes once, which needs a `seed` for the worker's global random generators (frozen
        by default). `labels` are others than the true ones, of shape (n_train_split,).
        """
        packed = self._packed.get(key)
        if packed is None:
            X, labels = self.split.X_train, self.split.y_train if labels is None else labels
            asked = self.split.X_test if rows.sealed else X
            packed = Packed(
                (_bare(X.iloc[rows.train]), labels[rows.train], _bare(asked.iloc[rows.new]))
            )
            if key and (rows.sealed or self._packed_bytes + packed.nbytes <= KEEP_PACKED):
                self._packed[key] = packed
                self._packed_bytes += packed.nbytes
        return self._job(source, packed, len(rows.new), self.seed(*key) if seed is None else seed)

    def run(
        self, groups: list[list[Job]], budget_s: float | None = None, stop_early: bool = True
    ) -> list[list[Reply]]:
        """Do as `Sandbox.run`; a group has the time of one score by default."""
        if not groups:
            return []
        with self._lock:
            return self.sandbox.run(groups, budget_s or self.task.budget_s, stop_early)

    def once(self, name: str, make):
        """Compute ``make(self)`` at the first call and keep it for this scorer's life."""
        if name not in self._kept:
            self._kept[name] = make(self)
        return self._kept[name]

    def metric(self, positions: np.ndarray, reply: Reply, labels=None) -> float:
        """The task's metric for predictions of these rows, by the train split's labels or others.

        Raises `CandidateError` if there is none, as for probabilities that do not add up to one.
        """
        y = (self.split.y_train if labels is None else labels)[positions]
        try:
            return self.task.score_predictions(y, self._table(reply), reply.threshold)
        except ValueError as err:
            raise CandidateError(f"rejected (the metric failed: {plain(str(err))})") from None

    # -------------------------------------------------------------------------------- inside

    def _fold_jobs(self, data: bytes, seed: int | None) -> list[Job]:
        seed = self.task.fold_seed if seed is None else seed
        return [self.job(data, rows, ("fold", seed, k)) for k, rows in enumerate(self.folds(seed))]

    def _job(self, source: bytes, rows: Packed, n_new: int, seed: int) -> Job:
        k = self.task.n_outputs
        return Job(source, rows, n_new * k, self.task.kind, k, seed)

    def _filled(self, score: Score, replies: list[Reply], fold_seed: int | None) -> Score:
        """Fill in what the jobs came to; one that failed, the final fit too, fails the score."""
        folds = self.folds(fold_seed)
        ran = [r for r in replies if r.ended_s]
        wall = max(r.ended_s for r in ran) - min(r.started_s for r in ran) if ran else 0.0
        score = replace(
            score,
            wall_time_s=float(wall),
            log=_join_logs(replies),
            cpu_s=float(np.nansum([r.cpu_s for r in replies])),
            peak_mib=float(np.nanmax([0.0, *(r.peak_mib for r in replies)])),
        )
        try:
            _raise_first(replies)
            for k, reply in enumerate(replies):
                if self.task.kind != "multiclass" and np.ptp(reply.numbers) == 0:
                    where = f"fold {k + 1}" if k < len(folds) else "the test rows"
                    raise CandidateError(f"rejected (constant predictions on {where})")
            values = [self.metric(rows.new, r) for rows, r in zip(folds, replies, strict=False)]
            if not np.isfinite(values).all():
                raise CandidateError("rejected (the metric is not finite)")
            test = self._test_figures(replies[-1]) if len(replies) > len(folds) else {}
        except CandidateError as err:
            return replace(score, status=str(err))
        return replace(
            score,
            val_auc=float(np.mean(values)),
            val_sd=float(np.std(values, ddof=1)),
            fold_scores=tuple(values),
            predictions=tuple(reply.numbers for reply in replies[: len(folds)]),
            brier=brier(self.task, self.split.y_train, folds, replies),
            **test,
        )

    def _test_figures(self, reply: Reply) -> dict[str, float]:
        figures = {"test_auc": self.metric(self.final.new, reply, self.split.y_test)}
        if self.task.kind != "regression":
            y = self.split.y_test[self.final.new]
            pred = self.task.scored_classes(self._table(reply), reply.threshold)
            figures["test_acc"] = float(np.mean(pred == y))
            classes = [1] if self.task.kind == "binary" else np.union1d(y, pred)
            figures["test_f1"] = float(np.mean([_f1(y == c, pred == c) for c in classes]))
        return figures

    def _table(self, reply: Reply) -> np.ndarray:
        return reply.numbers.reshape(-1, self.task.n_outputs)

    def seed(self, *key) -> int:
        """A frozen seed for this task and purpose."""
        text = repr((self.task.name, *key))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    def _shuffled(self, positions: np.ndarray | int, *key) -> np.ndarray:
        return np.random.default_rng(self.seed(*key)).permutation(positions)


def _raise_first(replies: Sequence[Reply]) -> None:
    for reply in replies:
        if reply.problem:
            raise CandidateError(reply.problem)


def _f1(true: np.ndarray, found: np.ndarray) -> float:
    """Harmonic mean of precision and recall; 0 where neither is defined."""
    both = int((true & found).sum())
    return 2 * both / max(1, int(true.sum() + found.sum()))


def _bare(X: pd.DataFrame) -> pd.DataFrame:
    """The same rows without an index that could tell where they come from."""
    return X.reset_index(drop=True)


def _join_logs(replies: Sequence[Reply]) -> str:
    """One log of all folds; folds that said the same are told together."""
    said: dict[str, list[int]] = {}
    for k, reply in enumerate(replies):
        if reply.log:
            said.setdefault(reply.log, []).append(k + 1)
    if len(said) == 1 and len(replies) in map(len, said.values()):
        return next(iter(said))
    return "".join(
        f"[job {', '.join(map(str, jobs))}]\n{text}" + ("" if text.endswith("\n") else "\n")
        for text, jobs in said.items()
    )[: 64 * 1024]


def evaluate(
    candidate: str | bytes | Path, task: Task = HEART, *, probe: bool = True, **options
) -> Score:
    """Score one file or text, and `probe` it if it does better than the task's starting point.

    Options are those of `Scorer`.
    """
    source = candidate.read_bytes() if isinstance(candidate, Path) else candidate
    with Scorer(task, **options) as scorer:
        score = scorer.score(source)
        if probe and score.ok and score.val_auc > task.baseline:
            score = scorer.probe(source, score)
        return score
