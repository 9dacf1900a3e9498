"""One step of a run: score a proposal, decide, write it down, act on it. Safe to kill anywhere.

The order is what makes it safe. A candidate's commit is written first and nothing points to it;
then its log; then its row in the ledger, which is the moment it counts; then references and
folder follow. Opening a run does the last part again, so a crash costs at most the candidate
that was being scored.
"""

from __future__ import annotations

import functools
import math
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import RunError
from harness.agents import Past, Proposal, View
from harness.candidate import MAX_BYTES, program_id, refusal
from harness.files import write_file
from harness.rules import Best, Judged, judge
from harness.run import notes
from harness.run import settings as runfile
from harness.run.ledger import BASELINE, DISCARDED, KEPT, Ledger, Row, clean
from harness.run.lock import RunLock
from harness.run.workspace import SHORT, Workspace, check_tag
from harness.scoring import Score
from harness.task import get_task


def _data(proposal: Proposal) -> bytes:
    """The candidate as stored: enough of it to see again that it was too large."""
    return proposal.source.encode("utf-8", "surrogateescape")[: MAX_BYTES + 1]


class Run:
    """A run that this process owns. Make one with `Run.open`; close it, or use `with`."""

    def __init__(self, path: Path, settings: dict, lock: RunLock, *, task, scorer, hook):
        self.path, self.settings, self._lock = path, settings, lock
        self.tag: str = settings["tag"]
        self.seed: int = settings["seed"]
        self.agent: str = settings["agent"]
        self.task = task
        self.notices: list[str] = []  # one line each, for whoever watches
        self._scorer, self._owns_scorer, self._hook = scorer, scorer is None, hook
        self.last_score = None  # of this process: what the last row came from
        self._rule = None
        self._storing = ThreadPoolExecutor(1, "storing")
        self._load()

    # -- opening ----------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        tag: str,
        *,
        task=None,
        root: Path | None = None,
        agent: str | None = None,
        rule: str | None = None,
        seed: int | None = None,
        options: dict | None = None,
        resume: bool = True,
        scorer=None,
        start: tuple[bytes, bytes] | None = None,
        hook: Callable[[str], None] = lambda point: None,
    ) -> Run:
        """Start a run, or continue it if it exists.

        Parameters
        ----------
        tag : str
            Names the run, its folder `root/<tag>` and its branch.
        task : Task or str, optional
            What is measured; HEART unless said otherwise.
        root : Path, optional
            Folder of all runs; `runs/` beside the package.
        agent, rule, seed, options : optional
            Frozen when the run starts. None means "as recorded" on a run that exists.
        resume : bool
            False refuses a run that exists.
        scorer : Scorer, optional
            Used instead of one made (and closed) by the run.
        start : (bytes, bytes), optional
            Starting `train.py` and `program.md`; the task's own unless given.
        hook : callable
            For tests: called with the name of each point where a crash could fall.

        Raises
        ------
        RunError
            If the tag is bad, another process owns the run, a setting differs from the recorded
            one, or the harness or the data changed since the run started.
        """
        path = Path(root or runfile.RUNS) / check_tag(tag)
        task = task if task is None else get_task(task)
        asked = {"task": task and task.ref, "agent": agent, "rule": rule, "seed": seed}
        asked["options"] = {k: v for k, v in (options or {}).items() if v is not None} or None
        made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        lock = RunLock(path / ".lock", tag)
        try:
            record = path / "run.json"
            if record.exists():
                if not resume:
                    raise RunError(f"run '{tag}' exists: choose another tag, or continue it")
                settings = runfile.recorded(record, tag, asked, task)
            else:
                if not made and runfile.has_rows(path):
                    raise RunError(f"{record} is missing: restore it or start a new tag")
                settings = runfile.begin(path, tag, asked, start, task)
            return cls(path, settings, lock, task=task, scorer=scorer, hook=hook)
        except BaseException:
            lock.release()
            if made and not (path / "run.json").exists():
                shutil.rmtree(path, ignore_errors=True)  # nothing began
            raise

    def _load(self) -> None:
        """Read ledger and git, and bring the second into line with the first."""
        self._stale = False
        self._changed: list[str] = []  # files that somebody else changed since the last row
        self.workspace = Workspace(self.path / "workspace", self.tag)
        start = self.workspace.open(self.settings["start"])
        self.start_source = start.decode("utf-8")
        self.ledger = Ledger(self.path / "results.tsv")
        if self.ledger.torn:
            self.notices.append("the last line of results.tsv was unfinished and was dropped")
        self._past: list[Past] = []
        self._seen: dict[str, int] = {}  # program -> iteration that scored it
        self.tokens, self.cost_usd, self.unknown_costs = 0, 0.0, 0
        self.best: Best | None = None
        for row, sha in zip(
            self.ledger.rows, self.workspace.reconcile(self.ledger.rows), strict=True
        ):
            commit = self.workspace.git.read_commit(sha)
            data = self.workspace.source_in(commit)
            program = commit.trailers.get("Program", "")
            folds = tuple(map(float, commit.trailers.get("Folds", "").split()))
            self._remember(row, sha, data, commit.subject, program, folds)
        if self.best is not None:
            self.workspace.keep(self.best.sha, self.best.source.encode())
        self.workspace.refresh_index()

    def settle(self) -> None:
        """Put the folder back to the best candidate (step mode reads `train.py` before)."""
        changed = self.workspace.put_back()
        self._report(changed)

    def _report(self, changed: list[str]) -> None:
        self._changed += changed
        if changed:
            more = f" and {len(changed) - 8} more" if len(changed) > 8 else ""
            self.notices.append(f"put back in the workspace: {', '.join(changed[:8])}{more}")

    def _remember(
        self, row: Row, sha: str, data: bytes, hypothesis: str, program: str, folds: tuple
    ) -> None:
        source = data.decode("utf-8", "replace")
        self._past.append(
            Past(
                row.iteration,
                row.val_auc,
                row.val_sd,
                row.status,
                row.decision,
                row.delta,
                hypothesis,
                source,
            )
        )
        self._seen.setdefault(program, row.iteration)
        self.tokens += row.tokens or 0
        self.cost_usd += row.cost_usd or 0.0
        self.unknown_costs += row.cost_usd is None
        if row.decision != DISCARDED:
            self.best = Best(row.iteration, sha, source, row.val_auc, folds)

    # -- what others ask ----------------------------------------------------------------------

    @property
    def rule(self):
        """The decision rule (imported when first needed)."""
        if self._rule is None:
            from harness.rules import get_rule

            self._rule = get_rule(self.settings["rule"])
        return self._rule

    @property
    def scorer(self):
        """The scorer; its warm process starts when first needed."""
        if self._scorer is None:
            from harness.scoring import Scorer

            self._scorer = Scorer(get_task(self.task or self.settings["task"]))
        return self._scorer

    @property
    def history(self) -> Sequence[Past]:
        """Every finished iteration as an agent may see it; do not change it."""
        return self._past

    @property
    def iteration(self) -> int:
        """Number of the next iteration."""
        return len(self.ledger.rows)

    def duplicate_of(self, source: str) -> int | None:
        """Return the iteration that scored the same program before, or None."""
        return self._seen.get(program_id(source))

    def view(self, slot: int = 0, pending: tuple[str, ...] = (), start: int | None = None) -> View:
        """Show what an agent may see.

        Parameters
        ----------
        slot : int
            Which of the candidates scored side by side is asked for.
        pending : tuple of str
            Sources proposed for the slots before it.
        start : int, optional
            First iteration of the batch: nothing from then on is shown, so that a batch cut
            short by a crash continues as it would have gone.
        """
        start = self.iteration if start is None else start
        rows = self.ledger.rows
        best, history = self.best.iteration, self._past
        if start < len(rows):
            history = self._past[:start]
            best = next(p.iteration for p in reversed(history) if p.decision != DISCARDED)
        return View(
            program=self.workspace.program.decode("utf-8", "replace"),
            best_source=self._past[best].source,
            best_val_auc=self._past[best].val_auc,
            best_iteration=best,
            history=history,
            last_failure=self._failure(rows[start - 1]),
            iteration=start + slot,
            seed=self.seed,
            workspace=self.workspace.path,
            state_dir=self.path / "agent",
            slot=slot,
            pending=pending,
            task_name=self.settings["task"],
            kind=self.settings.get("kind", "binary"),
            n_rows=self.settings.get("n_rows", 0),
        )

    def _failure(self, row: Row) -> str | None:
        """Say why a candidate got no score, with the end of what it printed."""
        if row.ok:
            return None
        try:
            text = self.log_path(row.iteration).read_text("utf-8", "replace")
        except OSError:
            text = ""
        return notes.failure_text(row.status, text)

    def last_source(self) -> bytes:
        """Return the last candidate as it was written, scored or not."""
        return self._past[-1].source.encode() if self._past else b""

    def set_aside(self) -> str | None:
        """Store an edit of `train.py` that no step scored; return how to see it, or None."""
        try:
            data = self.workspace.read_train()
        except RunError:
            return None
        if self.best is None or data in (self.best.source.encode(), self.last_source()):
            return None
        blob = self.workspace.git.write("blob", data)
        return f"git -C {self.workspace.path} cat-file -p {blob[:SHORT]}"

    def log_path(self, iteration: int) -> Path:
        """Where an iteration's log lies."""
        return self.path / "logs" / f"{iteration:04d}.log"

    # -- stepping -----------------------------------------------------------------------------

    def ensure_baseline(self) -> Row | None:
        """Score the starting program as iteration 0; None if that was done before.

        Raises
        ------
        RunError
            If it does not score: there is nothing to improve on then.
        """
        if self.ledger.rows:
            return None
        started = runfile.now()
        score = self.scorer.score(self.start_source)
        if not score.ok:
            raise RunError(
                f"the starting train.py does not score: {score.status}; mend it, then start again"
            )
        return self._guarded(
            lambda: self._record(
                Proposal(self.start_source),
                score,
                BASELINE,
                "",
                0.0,
                started,
                self.workspace.store(self.start_source.encode()),
            )
        )

    def step(self, proposal: Proposal) -> Row:
        """Take one proposal through: score, decide, log, act."""
        return self.steps([proposal])[0]

    def steps(self, proposals: Sequence[Proposal]) -> list[Row]:
        """Take proposals through that were made from the same best.

        They are scored side by side and decided in the order given, each against the best at
        that moment, so that the ledger does not depend on which was scored first.
        """
        return self._guarded(lambda: self._steps(proposals))

    def _guarded(self, work: Callable):
        """After an exception (Ctrl-C included) memory may lag behind the disk: read it again."""
        if self._stale:
            self.ledger.close()
            self._load()
        try:
            return work()
        except BaseException:
            self._stale = True
            raise

    def _steps(self, proposals: Sequence[Proposal]) -> list[Row]:
        started = runfile.now()
        self._report(self.workspace.put_back(train=False))
        scores: list = []
        in_batch: dict[str, int] = {}
        for slot, proposal in enumerate(proposals):
            reason = self._refusal(proposal, in_batch)
            in_batch.setdefault(program_id(proposal.source), self.iteration + slot)
            status = reason and f"rejected ({clean(reason, 300)})"
            scores.append(Score(status, isolation="not run") if status else None)
        wanted = [p.source for p, score in zip(proposals, scores, strict=True) if score is None]
        self._hook("score")
        # Storing waits for the disk, scoring for other processes: do both at once.
        stored = self._storing.submit(
            lambda: [self.workspace.store(_data(proposal)) for proposal in proposals]
        )
        if len(wanted) == 1:
            found = [self.scorer.score(wanted[0])]
        else:
            found = self.scorer.score_many(wanted) if wanted else []
        answers = iter(found)
        scores = [next(answers) if score is None else score for score in scores]
        rows = []
        for proposal, score, tree in zip(proposals, scores, stored.result(), strict=True):
            found = self._judge(proposal, score)
            delta = found.score.val_auc - self.best.val_auc
            decision = KEPT if found.keep else DISCARDED
            rows.append(
                self._record(proposal, found.score, decision, found.reason, delta, started, tree)
            )
            if found.keep:
                self.best.repeats = found.repeats
        return rows

    def _refusal(self, proposal: Proposal, in_batch: dict[str, int]) -> str | None:
        if proposal.outcome != "ok":
            note = proposal.note.strip().split("\n")[0]
            return f"agent: {proposal.outcome}" + (f": {note}" if note else "")
        reason = refusal(proposal.source.encode("utf-8", "surrogateescape"))
        if reason:
            return reason
        same = self.duplicate_of(proposal.source)
        same = in_batch.get(program_id(proposal.source)) if same is None else same
        return None if same is None else f"duplicate of iteration {same}"

    def _judge(self, proposal: Proposal, score) -> Judged:
        if not score.ok:
            return Judged(score)
        probing = functools.partial(self._hook, "probe")
        return judge(proposal.source, score, self.best, self.rule, self.scorer, probing)

    def _record(
        self,
        proposal: Proposal,
        score,
        decision: str,
        reason: str,
        delta: float,
        started: str,
        tree: str,
    ) -> Row:
        """Write commit, log and row, then act on the decision."""
        iteration, ok = self.iteration, score.ok
        data = _data(proposal)
        hypothesis = notes.one_line_hypothesis(proposal.source)
        status = notes.one_line_status(score.status)
        reason = clean(reason).replace("[", "(").replace("]", ")")
        why = f" [{self.rule.name}: {reason}]" if reason else ""
        program = program_id(proposal.source)
        told = (iteration, hypothesis, decision + why, status, score, self.agent)
        parent = self.best.sha if self.best is not None else None
        message = notes.commit_message(*told, program)
        sha = self.workspace.commit(tree, parent, message, iteration)
        self._hook("commit")
        log = notes.log_text(*told, proposal, self._changed).encode("utf-8", "replace")
        path = self.log_path(iteration)
        write_file(path, log, path.with_suffix(".tmp"), durable=False)
        self._hook("log")
        free = proposal.cost_source == "none"  # costs nothing; otherwise None means unknown
        row = self.ledger.append(
            Row(
                commit=sha[:SHORT],
                val_auc=float(score.val_auc),
                test_auc=float(score.test_auc) if ok else math.nan,
                wall_time_s=round(float(score.wall_time_s), 3),
                status=status,
                description=hypothesis + why,
                iteration=iteration,
                decision=decision,
                delta=float(delta),
                val_sd=float(score.val_sd) if ok else math.nan,
                agent=self.agent,
                tokens=0 if free and proposal.tokens is None else proposal.tokens,
                cost_usd=0.0 if free and proposal.cost_usd is None else proposal.cost_usd,
                started_at=started,
            )
        )
        self._hook("row")
        self.last_score = score
        self._remember(row, sha, data, hypothesis, program, tuple(score.fold_scores))
        if decision == DISCARDED:
            self.workspace.discard(iteration, sha)
        else:
            self.workspace.keep(sha, data)
            self.workspace.refresh_index()
        self._hook("ref")
        self._changed.clear()
        self.settle()
        self._hook("settled")
        return row

    def take_notices(self) -> list[str]:
        """Return what should be told to a person, once."""
        told, self.notices = self.notices, []
        return told

    def close(self) -> None:
        """End the scorer, close the ledger, give the run free."""
        try:
            if self._owns_scorer and self._scorer is not None:
                self._scorer.close()
        finally:
            self._storing.shutdown()
            self.ledger.close()
            self._lock.release()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc) -> None:
        self.close()
