"""Replay a run from its git repository: does the ledger say what the harness measures?

Nothing here writes to the run, so a teacher can point it at folders that were handed in.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness import RunError, fingerprint
from harness.candidate import program_id, refusal
from harness.run import (
    BASELINE,
    DISCARDED,
    DISCARDED_REFS,
    KEPT,
    Commit,
    Record,
    Row,
    find_run,
    one_line_hypothesis,
    read_record,
    read_settings,
    take_fingerprint,
)

TOLERANCE = 1e-9  # of a score measured again: the same numbers in the same order
# Refusals by the ratchet itself, which scoring the stored program again would not show.
RATCHET_REFUSALS = ("rejected (agent: ", "rejected (duplicate of iteration ")


def check_agreement(run: Path | Record) -> list[str]:
    """Hold ledger, git, logs and folder of a run to each other, without scoring anything.

    Returns
    -------
    list of str
        What does not agree, one line each; empty if all does.
    """
    record = run if isinstance(run, Record) else read_record(Path(run))
    said: list[str] = []
    best: str | None = None
    for row, sha, commit in zip(record.rows, record.shas, record.commits, strict=True):
        where = f"iteration {row.iteration}"
        if row.decision == DISCARDED:
            place = f"{DISCARDED_REFS}/{row.iteration:04d}"
        else:
            place = record.workspace.branch
        if sha is None or commit is None or not sha.startswith(row.commit):
            said.append(f"{where}: commit {row.commit} is not on {place}")
            continue
        if commit.parent != best:
            said.append(f"{where}: its commit does not follow the best before it")
        said += [f"{where}: {line}" for line in _check_commit(record, row, commit)]
        if not (record.path / "logs" / f"{row.iteration:04d}.log").exists():
            said.append(f"{where}: its log is missing")
        best = sha if row.decision != DISCARDED else best
    said += _check_refs(record, best)
    said += _check_folder(record)
    return said


def _check_commit(record: Record, row: Row, commit: Commit) -> list[str]:
    said = []
    try:
        tree = record.workspace.git.read_tree(commit.tree)
        source = record.workspace.source_in(commit)
    except (RunError, KeyError):
        return ["its files cannot be read from git"]
    if {name: mode for name, (mode, _) in tree.items()} != {
        "train.py": "100644",
        "program.md": "100644",
    }:
        said.append(f"its commit holds {', '.join(sorted(tree))}")
    elif tree["program.md"][1] != record.settings["start"]["program.md"]:
        said.append("program.md differs from the run's")
    text = source.decode("utf-8", "surrogateescape")
    hypothesis = one_line_hypothesis(text)
    if commit.subject != hypothesis or not row.description.startswith(hypothesis):
        said.append("the hypothesis in ledger, commit and train.py is not the same")
    trailers = commit.trailers
    told = (trailers.get("Iteration"), trailers.get("Status"), trailers.get("Val-AUC"))
    if told != (str(row.iteration), row.status, repr(row.val_auc)):
        said.append("commit message and ledger disagree")
    folds = list(map(float, trailers.get("Folds", "").split()))
    if row.ok and (not folds or not abs(sum(folds) / len(folds) - row.val_auc) < 1e-6):
        said.append("val_auc is not the mean of the folds")
    if trailers.get("Decision", "").split(" ")[0] != row.decision:
        said.append("commit message and ledger disagree about the decision")
    return said


def _check_refs(record: Record, best: str | None) -> list[str]:
    git, said = record.workspace.git, []
    expected = {f"{row.iteration:04d}" for row in record.rows if row.decision == DISCARDED}
    extra = git.refs(DISCARDED_REFS).keys() - expected
    if extra:
        said.append(f"references without a row: {', '.join(sorted(extra)[:5])}")
    if git.read_ref(git.head_ref) != best:
        said.append(f"branch {record.workspace.branch} is not at the best commit")
    elif best is not None:
        try:
            on_branch = len(record.workspace.history(best))
        except RunError as err:
            return [*said, str(err)]
        kept = sum(row.decision != DISCARDED for row in record.rows)
        if on_branch != kept:
            said.append(f"{on_branch} commits on the branch, {kept} kept rows")
    try:
        head = (git.path / "HEAD").read_text().strip()
    except OSError:
        head = ""
    if head != f"ref: {git.head_ref}":
        said.append("HEAD is not on the run's branch")
    return said


def _check_folder(record: Record) -> list[str]:
    said, space = [], record.workspace
    found = {entry.name for entry in os.scandir(space.path)} if space.path.is_dir() else set()
    if found != {".git", "train.py", "program.md"}:
        said.append(f"the workspace holds {', '.join(sorted(found)) or 'nothing'}")
    best = next((r for r in reversed(record.rows) if r.decision != DISCARDED), None)
    if best is not None and record.commits[best.iteration] is not None:
        try:
            if space.read_train() != record.source(best.iteration):
                said.append("train.py in the workspace is not the best one")
        except RunError as err:
            said.append(str(err))
    return said


# -- scoring again ------------------------------------------------------------------------


@dataclass
class Report:
    """What verifying one run came to."""

    tag: str
    rows: int = 0
    kept: int = 0
    best_val_auc: float = math.nan
    rescored: int = 0
    largest_difference: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(
    path: Path, scorer, *, every: bool = False, say=lambda line: None, tolerance: float = TOLERANCE
) -> Report:
    """Score a run's candidates again and hold them to its ledger.

    Parameters
    ----------
    path : Path
        Folder of the run.
    scorer : Scorer
        Of the run's task.
    every : bool
        Also score discarded candidates again, and probe what the rule would have kept.
    say : callable
        Called with a line of progress now and then.
    """
    record = read_record(path)
    report = Report(record.settings["tag"], len(record.rows))
    report.kept = sum(row.decision == KEPT for row in record.rows)
    problems = report.problems
    changed = fingerprint.changes(
        record.settings["fingerprint"], take_fingerprint(record.settings["task"])
    )
    problems += [f"fingerprint: {line}" for line in changed]
    problems += check_agreement(record)
    if not record.rows:
        problems.append("the ledger has no rows")
    judge = _Judge(record, scorer, every)
    for row in record.rows:
        if record.commits[row.iteration] is None:
            continue  # reported by check_agreement
        if row.iteration and row.iteration % 25 == 0:
            say(f"{report.tag}: iteration {row.iteration} of {len(record.rows) - 1}")
        try:
            judge.look_at(row, report, tolerance)
        except (RunError, KeyError) as err:
            problems.append(f"iteration {row.iteration}: {err}")
    if judge.best is not None:
        report.best_val_auc = judge.best.val_auc
    return report


class _Judge:
    """Walks through a run as the ratchet did, with scores measured again."""

    def __init__(self, record: Record, scorer, every: bool):
        from harness.rules import get_rule

        self.record, self.scorer, self.every = record, scorer, every
        self.rule = get_rule(record.settings["rule"])
        self.best: Row | None = None
        self.best_repeats = None
        self.programs: dict[str, int] = {}

    def look_at(self, row: Row, report: Report, tolerance: float) -> None:
        """Check one row; add what is wrong to the report."""
        data = self.record.source(row.iteration)
        source = data.decode("utf-8", "surrogateescape")
        where = f"iteration {row.iteration}"
        same = self.programs.setdefault(program_id(source), row.iteration)
        kept = row.decision != DISCARDED
        if row.status.startswith(RATCHET_REFUSALS):
            told = row.status.removeprefix(RATCHET_REFUSALS[1]).rstrip(")")
            if row.status.startswith(RATCHET_REFUSALS[1]) and told != str(same):
                report.problems.append(f"{where}: is no duplicate of iteration {told}")
            return
        if same != row.iteration:
            report.problems.append(f"{where}: is the program of iteration {same}, scored twice")
        status = row.status
        if kept or self.every:
            status = self._score_again(row, data, source, report, tolerance)
        if kept and row.status != "ok":
            report.problems.append(f"{where}: {row.decision} without a score")
        elif row.decision != BASELINE and row.ok and status == "ok":
            self._check_decision(row, source, report)
        if kept:
            self.best, self.best_repeats = row, None

    def _score_again(self, row: Row, data: bytes, source: str, report: Report, tolerance) -> str:
        where = f"iteration {row.iteration}"
        report.rescored += 1
        reason = refusal(data)
        if reason is not None:
            if row.status != f"rejected ({reason})":
                report.problems.append(f"{where}: {reason}, the ledger says {row.status}")
            return f"rejected ({reason})"
        score = self.scorer.score(source)
        if score.ok and row.status.startswith("rejected") and self.best is not None:
            best = self.record.source(self.best.iteration).decode()  # a probe may have said no
            score = self.scorer.probe(source, score, best)
        # Reasons may name addresses or seconds: the kind of failure must be the same.
        if score.status.split(" ")[0] != row.status.split(" ")[0]:
            report.problems.append(f"{where}: scores {score.status}, the ledger says {row.status}")
        elif score.ok:
            difference = abs(score.val_auc - row.val_auc)
            report.largest_difference = max(report.largest_difference, difference)
            if not difference <= tolerance:
                report.problems.append(
                    f"{where}: scores {score.val_auc:.9f}, the ledger says {row.val_auc:.9f} "
                    f"({difference:.2g} off)"
                )
        return score.status

    def _check_decision(self, row: Row, source: str, report: Report) -> None:
        from harness.rules import Evidence

        if self.best is None:
            return
        best_source = self.record.source(self.best.iteration).decode("utf-8", "replace")
        mine = Evidence(row.val_auc, self.record.folds(row.iteration), len(source))
        best = Evidence(self.best.val_auc, self.record.folds(self.best.iteration), len(best_source))
        if not abs(row.delta - (row.val_auc - self.best.val_auc)) <= TOLERANCE:
            report.problems.append(f"iteration {row.iteration}: delta is not against the best")
        seeds = self.rule.fold_seeds
        if seeds and self.rule.worth_confirming(mine, best):
            if self.best_repeats is None:
                self.best_repeats = self.scorer.fold_scores(best_source, seeds)
            repeats = self.scorer.fold_scores(source, seeds)
            mine = Evidence(mine.val_auc, mine.fold_scores, mine.n_chars, repeats)
            best = Evidence(best.val_auc, best.fold_scores, best.n_chars, self.best_repeats)
        verdict = self.rule.decide(mine, best)
        if verdict.keep != (row.decision == KEPT):
            should = KEPT if verdict.keep else DISCARDED
            report.problems.append(
                f"iteration {row.iteration}: {row.decision}, but {self.rule.name} says {should} "
                f"({verdict.reason})"
            )


def table(reports: Sequence[Report]) -> str:
    """Format reports as one table, a line per run."""
    wide = max([3, *(len(r.tag) for r in reports)])
    lines = [
        f"{'run':<{wide}}  rows  kept  best val_auc  scored again  largest difference  verdict"
    ]
    for r in reports:
        verdict = "ok" if r.ok else f"{len(r.problems)} problem{'s' * (len(r.problems) > 1)}"
        lines.append(
            f"{r.tag:<{wide}}  {r.rows:>4}  {r.kept:>4}  {r.best_val_auc:>12.6f}  "
            f"{r.rescored:>12}  {r.largest_difference:>18.2g}  {verdict}"
        )
    return "\n".join(lines)


def main(names: Sequence[str], *, root: Path | None = None, every: bool = False, say=print) -> list:
    """Verify several runs with one warm scorer per task; return their reports."""
    from harness.scoring import Scorer
    from harness.task import get_task

    reports: list[Report] = []
    scorers: dict[str, Scorer] = {}
    try:
        for name in names:
            try:
                path = find_run(name, root)
                task = read_settings(path / "run.json")["task"]
                if task not in scorers:
                    scorers[task] = Scorer(get_task(task))
                reports.append(verify(path, scorers[task], every=every, say=say))
            except RunError as err:
                reports.append(Report(Path(name).name, problems=[str(err)]))
    finally:
        for scorer in scorers.values():
            scorer.close()
    return reports


def to_dict(report: Report) -> dict:
    """Return a report for machines; a score that is not there is None."""
    fields = asdict(report) | {"ok": report.ok}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in fields.items()}
