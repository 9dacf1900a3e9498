"""Replay a run from its git repository: does the ledger say what the harness measures?

Nothing here writes to the run or obeys anything in it, so a teacher can point it at folders that
were handed in.
"""

import math
import os
import random
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness import RunError, fingerprint
from harness.candidate import CandidateError, plain, program_id, refusal
from harness.files import read_plain
from harness.rules import Best, Tries, decide, objection
from harness.run import (
    BASELINE,
    DISCARDED,
    DISCARDED_REFS,
    KEPT,
    TOLERANCE,
    Commit,
    Record,
    Row,
    find_run,
    one_line_hypothesis,
    read_record,
    read_settings,
    rule_of,
    take_fingerprint,
)
from harness.scoring import Score, plain_values
from harness.task import DataError, Task, get_task

FILES = ("train.py", "program.md")  # all that a commit and the workspace hold
# Discarded rows that are scored again, drawn in secret: who invents scores for them, to seem less
# lucky than he was (they set the bar of a claim), would have to invent few.
SAMPLED = 5
# Refusals by the ratchet itself, which scoring the stored program again would not show.
BY_AGENT, DUPLICATE = "rejected (agent: ", "rejected (duplicate of iteration "


def check_agreement(run: Path | Record) -> list[str]:
    """Hold ledger, git, logs and folder of a run to each other, without scoring anything.

    What does not agree is given back, one line each.
    """
    record = run if isinstance(run, Record) else read_record(Path(run))
    said, best = [], None
    for row, sha, commit in zip(record.rows, record.shas, record.commits, strict=True):
        where = f"iteration {row.iteration}"
        if sha is None or commit is None or not sha.startswith(row.commit):
            discarded = f"{DISCARDED_REFS}/{row.iteration:04d}"
            place = record.workspace.branch if row.kept else discarded
            said.append(f"{where}: commit {row.commit} is not on {place}")
            continue
        if commit.parent != best:
            said.append(f"{where}: its commit does not follow the best before it")
        said += [f"{where}: {line}" for line in _check_commit(record, row, commit)]
        if not (record.path / "logs" / f"{row.iteration:04d}.log").exists():
            said.append(f"{where}: its log is missing")
        best = sha if row.kept else best
    return [*said, *_check_refs(record, best), *_check_folder(record)]


def _check_commit(record: Record, row: Row, commit: Commit) -> Iterator[str]:
    try:
        tree = record.workspace.git.read_tree(commit.tree)
        source = record.workspace.source_in(commit)
    except (RunError, KeyError):
        yield "its files cannot be read from git"
        return
    if {name: mode for name, (mode, _) in tree.items()} != dict.fromkeys(FILES, "100644"):
        yield f"its commit holds {', '.join(sorted(tree))}"
    elif tree["program.md"][1] != record.settings["start"]["program.md"]:
        yield "program.md differs from the run's"
    hypothesis = one_line_hypothesis(source.decode("utf-8", "surrogateescape"))
    if commit.subject != hypothesis or not row.description.startswith(hypothesis):
        yield "the hypothesis in ledger, commit and train.py is not the same"
    trailers = commit.trailers
    told = (trailers.get("Iteration"), trailers.get("Status"), trailers.get("Val-AUC"))
    if told != (str(row.iteration), row.status, repr(row.val_auc)):
        yield "commit message and ledger disagree"
    folds = commit.folds
    if row.ok and (not folds or not abs(sum(folds) / len(folds) - row.val_auc) < 1e-6):
        yield "val_auc is not the mean of the folds"
    if trailers.get("Decision", "").split(" ")[0] != row.decision:
        yield "commit message and ledger disagree about the decision"


def _check_refs(record: Record, best: str | None) -> Iterator[str]:
    git = record.workspace.git
    expected = {f"{row.iteration:04d}" for row in record.rows if not row.kept}
    if extra := git.refs(DISCARDED_REFS).keys() - expected:
        yield f"references without a row: {', '.join(sorted(extra)[:5])}"
    if git.read_ref(git.head_ref) != best:
        yield f"branch {record.workspace.branch} is not at the best commit"
    elif best is not None:
        try:
            on_branch = len(record.workspace.history(best))
        except RunError as err:
            yield str(err)
            return
        if on_branch != len(record.kept):
            yield f"{on_branch} commits on the branch, {len(record.kept)} kept rows"
    head = ""
    with suppress(OSError):
        head = read_plain(git.path / "HEAD").decode(errors="replace").strip()
    if head != f"ref: {git.head_ref}":
        yield "HEAD is not on the run's branch"


def _check_folder(record: Record) -> Iterator[str]:
    space = record.workspace
    found = {entry.name for entry in os.scandir(space.path)} if space.path.is_dir() else set()
    if found != {".git", *FILES}:
        yield f"the workspace holds {', '.join(sorted(found)) or 'nothing'}"
    best = record.best and record.best.iteration
    if best is None or None in (record.shas[best], record.commits[best]):
        return
    try:
        if space.read_train() != record.source(best):
            yield "train.py in the workspace is not the best one"
    except RunError as err:
        yield str(err)


# -- scoring again ------------------------------------------------------------------------


@dataclass
class Report:
    """What verifying one run came to."""

    tag: str
    folder: str = ""  # its name; a class hands in forty with one tag
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

    @property
    def name(self) -> str:
        """The folder, and the tag if it is another."""
        return f"{self.folder} ({self.tag})" if self.folder not in ("", self.tag) else self.tag


def verify(
    path: Path,
    scorer,
    *,
    every: bool = False,
    say=lambda line: None,
    most_s: float = math.inf,
    probe_all: bool = True,
) -> Report:
    """Score a run's candidates again and hold them to its ledger; what was kept is probed again.

    Parameters
    ----------
    scorer : Scorer
        Of the run's task.
    every : bool
        Also score all discarded candidates again; else a few, drawn in secret.
    say : callable
        Called with a line of progress now and then.
    most_s : float
        Seconds after which the rest is left unverified, which is a problem.
    probe_all : bool
        False probes only the best of what was kept.
    """
    until = time.monotonic() + most_s
    record = read_record(path)
    settings, rows = record.settings, record.rows
    changed = fingerprint.changes(settings["fingerprint"], take_fingerprint(settings["task"]))
    problems = [f"fingerprint: {line}" for line in changed]
    problems += check_agreement(record)
    if not rows:
        problems.append("the ledger has no rows")
    kept = sum(row.decision == KEPT for row in rows)
    folder = plain(record.path.resolve().name, 80)
    report = Report(settings["tag"], folder, len(rows), kept, problems=problems)
    judge = _Judge(record, scorer, every, report, probe_all)
    for row, *found in zip(rows, record.shas, record.commits, strict=True):
        if None in found:
            continue  # reported by check_agreement
        if time.monotonic() > until:
            problems.append(
                f"not verified from iteration {row.iteration} on: {most_s:g} s are over"
            )
            break
        if row.iteration and row.iteration % 25 == 0:
            say(f"{report.name}: iteration {row.iteration} of {len(rows) - 1}")
        try:
            for line in judge.look_at(row):
                problems.append(f"iteration {row.iteration}: {line}")
        except (RunError, KeyError, ValueError) as err:  # numbers that do not belong together
            problems.append(f"iteration {row.iteration}: {err}")
    report.problems = [plain(line, 500) for line in problems]
    return report


class _Judge:
    """Walks through a run as the ratchet did, with scores measured again."""

    def __init__(self, record: Record, scorer, every: bool, report: Report, probe_all: bool):
        self.record, self.scorer, self.every, self.report = record, scorer, every, report
        self.probe_all = probe_all
        task = get_task(record.settings["task"])
        self.rule = rule_of(record.settings).on(task)
        self.best: Best | None = None
        self.tries = Tries.of(task, start=record.rows[0].val_auc if record.rows else 1.0)
        self.programs: dict[str, int] = {}
        lost = [row.iteration for row in record.rows if row.ok and not row.kept]
        claims = any(row.decision == KEPT for row in record.rows)
        n = min(SAMPLED, len(lost)) if claims else 0
        self.drawn = set(random.SystemRandom().sample(lost, n))

    def look_at(self, row: Row) -> Iterator[str]:
        """Say what is wrong with one row."""
        data = self.record.source(row.iteration)
        source = data.decode("utf-8", "surrogateescape")
        same = self.programs.setdefault(program_id(source), row.iteration)
        if row.status.startswith(BY_AGENT):
            return
        if row.status.startswith(DUPLICATE):
            told = row.status.removeprefix(DUPLICATE).rstrip(")")
            if told != str(same):
                yield f"is no duplicate of iteration {told}"
            return
        if same != row.iteration:
            yield f"is the program of iteration {same}, scored twice"
        status = row.status
        if row.kept or self.every or row.iteration in self.drawn:
            status = yield from self._score_again(row, data, source)
        if row.kept and not row.ok:
            yield f"{row.decision} without a score"
        elif row.decision != BASELINE and row.ok and status == "ok" and self.best is not None:
            yield from self._check_decision(row, source)
        if row.ok and self.best is not None:
            folds = self.record.folds(row.iteration)
            self.tries = self.tries.after(folds, self.best.fold_scores)
        if row.kept:
            text, commit = data.decode("utf-8", "replace"), self.record.commit(row.iteration)
            told = (row.iteration, row.commit, text, row.val_auc, commit.folds)
            self.best = Best(*told, guarded=commit.guarded)
            self.report.best_val_auc = row.val_auc

    def _score_again(self, row: Row, data: bytes, source: str) -> Generator[str, None, str]:
        """Say where the new score differs; return its status."""
        self.report.rescored += 1
        if reason := refusal(data):
            if row.status != f"rejected ({reason})":
                yield f"{reason}, the ledger says {row.status}"
            return f"rejected ({reason})"
        score = self.scorer.score(source)
        judged = row.decision == KEPT and (self.probe_all or row is self.record.best)
        judged |= row.status.startswith("rejected")
        if score.ok and judged and self.best is not None:  # as `judge` did before it kept this
            score = self.scorer.probe(source, score)
        # Reasons may name addresses or seconds: the kind of failure must be the same.
        if score.status.split(" ")[0] != row.status.split(" ")[0]:
            yield f"scores {score.status}, the ledger says {row.status}"
        elif score.ok:
            commit = self.record.commit(row.iteration)
            apart = zip(score.fold_scores, commit.folds, strict=True)
            difference = max(abs(a - b) for a, b in [(score.val_auc, row.val_auc), *apart])
            self.report.largest_difference = max(self.report.largest_difference, difference)
            if not difference <= TOLERANCE:
                yield (
                    f"scores {score.val_auc:.9f}, the ledger says {row.val_auc:.9f} "
                    f"({difference:.2g} off, in a fold or their mean)"
                )
            mine, told = score.brier, commit.guarded.get("brier")
            if told is not None and not abs(mine - told) <= TOLERANCE:
                yield f"has a Brier score of {mine:.9f}, its commit says {told:.9f}"
        return score.status

    def _check_decision(self, row: Row, source: str) -> Iterator[str]:
        """Ask the rule again, with the scores of the ledger."""
        if not abs(row.delta - (row.val_auc - self.best.val_auc)) <= TOLERANCE:
            yield "delta is not against the best"
        commit, guards = self.record.commit(row.iteration), self.rule.guards
        if said := objection(guards, commit.guarded, self.best.guarded):
            if row.decision == KEPT or row.reason != said:  # time is not measured again
                yield f"{row.decision}, but {said}"
            return
        score = Score("ok", row.val_auc, fold_scores=commit.folds)
        try:
            tries = self.tries.paying(row.edit_bar)  # a longer run pays for its tries in advance
            found = decide(source, score, self.best, self.rule, self.scorer, tries)
        except CandidateError as err:
            yield f"{row.decision}, but fails on fresh folds: {err}"
            return
        if found.keep != (row.decision == KEPT):
            should = KEPT if found.keep else DISCARDED
            yield f"{row.decision}, but {self.rule.name} says {should} ({found.reason})"
        elif found.t is not None and not _near(found.t, row.edit_t):
            yield f"edit_t is {row.edit_t}, measured again it is {found.t:.4f}"


def _near(a: float, b: float | None) -> bool:
    return b is not None and abs(a - b) <= TOLERANCE * max(1.0, abs(a))


def table(reports: Sequence[Report]) -> str:
    """Format reports as one table, a line per run."""
    wide = max([3, *(len(r.name) for r in reports)])
    head = f"{'run':<{wide}}  rows  kept  best val_auc  scored again  largest difference  verdict"
    lines = [head]
    for r in reports:
        verdict = "ok" if r.ok else f"{len(r.problems)} problem{'s' * (len(r.problems) > 1)}"
        lines.append(
            f"{r.name:<{wide}}  {r.rows:>4}  {r.kept:>4}  {r.best_val_auc:>12.6f}  "
            f"{r.rescored:>12}  {r.largest_difference:>18.2g}  {verdict}"
        )
    return "\n".join(lines)


def main(names: Sequence[str], *, root: Path | None = None, every: bool = False, say=print) -> list:
    """Verify several runs with one warm scorer per task; return their reports."""
    from harness.scoring import Scorer

    reports: list[Report] = []
    scorers: dict[str, Scorer] = {}
    with ExitStack() as stack:
        for name in names:
            try:
                path = find_run(name, root)
                task = find_task(path)
                if task.ref not in scorers:
                    scorers[task.ref] = stack.enter_context(Scorer(task))
                reports.append(verify(path, scorers[task.ref], every=every, say=say))
            except Exception as err:  # whatever is in there: one folder never ends the table
                reports.append(unreadable(name, err))
    return reports


def find_task(path: Path) -> Task:
    """Find the task that a run says it is about, among those that are here.

    Raises
    ------
    RunError
        If it is not here, or comes with the run: its owner may have written the answers.
    """
    name = read_settings(path / "run.json")["task"]
    try:
        task = get_task(name)
    except DataError:
        raise RunError(
            f"it is about task '{name}', which is not here: put it under tasks/"
        ) from None
    if task.folder is not None and task.folder.is_relative_to(path.resolve().parent):
        raise RunError(f"it brings its own task '{name}': put that under tasks/ if you trust it")
    return task


def unreadable(name: str | Path, err: Exception) -> Report:
    """Report a run that could not be read, or not to its end."""
    kind = "" if isinstance(err, RunError | OSError) else f"{type(err).__name__}: "
    return Report(plain(Path(name).name, 80), problems=[plain(f"{kind}{err}", 500)])


def to_dict(report: Report) -> dict:
    """Return a report for machines; a score that is not there is None."""
    return plain_values(asdict(report) | {"ok": report.ok})
