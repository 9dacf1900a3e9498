"""One step of a run: score a proposal, decide, write it down, act on it. Safe to kill anywhere.

The order is what makes it safe. A candidate's commit is written first and nothing points to it;
then its log; then its row in the ledger, which is the moment it counts; then references and
folder follow. Opening a run does the last part again, so a crash costs at most the candidates
of the batch that have no row yet, and what asking for them cost.
"""

import contextlib
import math
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from harness.agents import AgentError, Past, Proposal, View
from harness.candidate import MAX_BYTES, program_id, refusal
from harness.files import write_file
from harness.rules import Best, Judged, judge, measure, objection
from harness.run import notes, steering
from harness.run import settings as runfile
from harness.run.git import Commit
from harness.run.ledger import BASELINE, DISCARDED, KEPT, Ledger, Row, clean
from harness.run.lock import locked
from harness.run.pace import OutOfTime, Pace
from harness.run.record import read_ledger
from harness.run.words import no
from harness.run.workspace import SHORT, Workspace, check_tag
from harness.scoring import Score
from harness.task import get_task


def _data(proposal: Proposal) -> bytes:
    """The candidate as stored: enough of it to see again that it was too large."""
    return proposal.source.encode("utf-8", "surrogateescape")[: MAX_BYTES + 1]


def spent(call: Proposal | AgentError) -> tuple[int | None, float | None]:
    """Return tokens and US dollars of a call: 0 where it costs nothing, None where unknown."""
    free = call.cost_source == "none"
    tokens = 0 if free and call.tokens is None else call.tokens
    return tokens, 0.0 if free and call.cost_usd is None else call.cost_usd


def _forget(path: Path, made: list[Path], failed, *exc) -> None:
    """After a start that failed, leave no folder: the command shall find none."""
    if failed and path in made and not runfile.has_rows(path):
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            if path.parent in made:
                path.parent.rmdir()  # unless another run began there


class Run(contextlib.ExitStack):
    """A run that this process owns. Make one with `Run.open`; close it, or use `with`."""

    def __init__(self, path: Path, settings: dict, ending, *, task, scorer, hook):
        super().__init__()  # what `close` does: end the scorer, close the ledger, give the run free
        self.path, self.settings, self.task = path, settings, task
        self.tag: str = settings["tag"]
        self.seed: int = settings["seed"]
        self.agent: str = settings["agent"]
        self.notices: list[str] = []  # one line each, for whoever watches
        self.last_score = None  # of this process: what the last row came from
        self.planned = 0  # tries that certificates pay for in advance, if there will be so many
        self.ends_at: float | None = None  # when the loop's time budget ends, for whoever watches
        self.frozen = runfile.Frozen(settings, task)
        self.pace, self.undecided = Pace(self), []  # proposals that the last steps left so
        self._hook, self._storing = hook, ThreadPoolExecutor(1, "storing")
        self._load()
        self.push(ending.pop_all())
        self.callback(lambda: self.ledger.close())
        self.callback(self._storing.shutdown)
        if scorer is not None:
            self.scorer = scorer

    @classmethod
    def open(
        cls,
        tag: str,  # names the run, its folder `root/<tag>` and its branch
        *,
        task=None,  # what is measured, or what finds it; HEART unless said otherwise
        root: Path | None = None,  # folder of all runs; `runs/` beside the package
        scorer=None,  # used instead of one made (and closed) by the run
        start: tuple[bytes, bytes] | None = None,  # train.py and program.md; the task's own
        hook: Callable[[str], None] = lambda point: None,  # hears each point where a crash may fall
        **frozen,  # agent, rule, seed, options, guard; None means "as recorded" on one that exists
    ) -> "Run":
        """Start a run, or continue it if it exists.

        Raises a RunError if the tag is bad, another process owns the run, a setting differs from
        the recorded one, or the harness or the data changed since the run started.
        """
        path = Path(root or runfile.RUNS) / check_tag(tag)
        task = task if task is None else get_task(task)
        asked = runfile.choices(task=task and task.ref, **frozen)
        made = [folder for folder in (path, path.parent) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as ending:
            ending.enter_context(locked(path / ".lock", tag))
            ending.push(partial(_forget, path, made))
            if (path / "run.json").exists():
                settings = runfile.recorded(path / "run.json", tag, asked, task)
            else:
                settings = runfile.begin(path, tag, asked, start, task)
            return cls(path, settings, ending, task=task, scorer=scorer, hook=hook)

    def _load(self) -> None:
        """Read ledger and git, and bring the second into line with the first."""
        self._stale = False
        self._changed: list[str] = []  # files that somebody else changed since the last row
        self.workspace = Workspace(self.path / "workspace", self.tag)
        self.start_source = self.workspace.open(self.settings["start"]).decode("utf-8")
        read_ledger(self.path, self.workspace, strict=True)  # refuses one that is behind git
        self.ledger = Ledger(self.path / "results.tsv")
        if self.ledger.torn:
            self.notices.append("the last line of results.tsv was unfinished and was dropped")
        self.history: list[Past] = []  # every finished iteration as an agent may see it
        self._seen: dict[str, int] = {}  # program -> iteration that brought it first
        self.tokens, self.cost_usd, self.unknown_costs = 0, 0.0, 0
        self.best: Best | None = None
        self._gains: list[tuple] = []  # of scored tries: fold scores, and those of the best then
        self._tries = None  # what came of those before
        rows = self.ledger.rows
        for row, sha in zip(rows, self.workspace.reconcile(rows), strict=True):
            commit = self.workspace.git.read_commit(sha)
            notes.check_row(row, commit)
            self._remember(row, sha, commit, self.workspace.source_in(commit))
        if self.best is not None:
            self.workspace.keep(self.best.sha, self.best.source.encode())
        self.workspace.refresh_index()

    def settle(self) -> None:
        """Put the folder back to the best candidate (`ratchet step` reads `train.py` before)."""
        self._report(self.workspace.put_back())

    def _report(self, changed: list[str]) -> None:
        self._changed += changed
        if changed:
            more = f" and {len(changed) - 8} more" if len(changed) > 8 else ""
            self.notices.append(f"put back in the workspace: {', '.join(changed[:8])}{more}")

    def _remember(self, row: Row, sha: str, commit: Commit, data: bytes) -> None:
        source = data.decode("utf-8", "replace")
        told = (row.iteration, row.val_auc, row.val_sd, row.status, row.decision, row.delta)
        self.history.append(Past(*told, commit.subject, source))
        self._seen.setdefault(commit.trailers.get("Program", ""), row.iteration)
        self.tokens += row.tokens or 0
        self.cost_usd += row.cost_usd or 0.0
        self.unknown_costs += row.cost_usd is None
        if row.ok and self.best is not None:
            self._gains.append((commit.folds, self.best.fold_scores))
        if row.kept:
            told = row.iteration, sha, source, row.val_auc, commit.folds
            self.best = Best(*told, commit.fresh, commit.guarded)

    @cached_property
    def rule(self):
        """The decision rule (imported when first needed)."""
        return runfile.rule_of(self.settings).on(self.measured)

    @cached_property
    def measured(self):
        """The task, loaded when first needed."""
        return get_task(self.task or self.settings["task"])

    @property
    def tries(self):
        """What the run's certificate knows of the tries so far (`harness.rules.Tries`)."""
        from harness.rules import Tries

        start = self.history[0].val_auc if self.history else 1.0
        known = self._tries or Tries.of(self.measured, self.planned, start)
        for folds, best in self._gains:
            known = known.after(folds, best)
        self._gains, self._tries = [], replace(known, planned=self.planned)
        return self._tries

    @cached_property
    def scorer(self):
        """The scorer; its warm process starts when first needed."""
        from harness.scoring import Scorer

        scorer = Scorer(self.measured)
        self.callback(scorer.close)
        return scorer

    @property
    def iteration(self) -> int:
        """Number of the next iteration."""
        return len(self.ledger.rows)

    def duplicate_of(self, source: str) -> int | None:
        """Return the iteration that brought the same program before, or None."""
        return self._seen.get(program_id(source))

    def view(self, slot: int = 0, pending: tuple[str, ...] = (), start: int | None = None) -> View:
        """Show what an agent may see that is asked for one `slot` of those scored side by side.

        `pending` are the sources proposed for the slots before it, `start` is the first iteration
        of the batch: nothing from then on is shown, so that a batch cut short by a crash continues
        as it would have gone (the folder is another matter: it holds the newest best).
        """
        start = self.iteration if start is None else start
        history = self.history[:start] if start < self.iteration else self.history
        best = next(past for past in reversed(history) if past.decision != DISCARDED)
        last, space, settings = self.ledger.rows[start - 1], self.workspace, self.settings
        failure = None if last.ok else notes.failure_text(last.status, self.log_path(start - 1))
        told = (space.program.decode("utf-8", "replace"), best.source, best.val_auc, best.iteration)
        told += (history, failure, start + slot, self.seed, space.path, self.path / "agent")
        task = {"task_name": settings["task"], "measure": self.measured.measure}
        task |= {"kind": settings.get("kind", "binary"), "n_rows": settings.get("n_rows", 0)}
        return View(*told, slot, pending, **task)

    def last_source(self) -> bytes:
        """Return the last candidate as it was written, scored or not."""
        return self.history[-1].source.encode() if self.history else b""

    def set_aside(self) -> str | None:
        """Store an edit of `train.py` that no step scored; return how to see it, or None."""
        known = self.best and (self.best.source.encode(), self.last_source())
        return known and self.workspace.set_aside(known)

    def log_path(self, iteration: int) -> Path:
        """Where an iteration's log lies."""
        return self.path / "logs" / f"{iteration:04d}.log"

    def ensure_baseline(self) -> Row | None:
        """Score the starting program as iteration 0; None if that was done before.

        Raises a RunError if it does not score: there is nothing to improve on then.
        """
        if self.ledger.rows:
            return None
        self.frozen.check()
        started = runfile.now()
        steering.tell(self, "scoring", self.start_source)
        score = self.scorer.score(self.start_source)
        mine = measure(self.rule.guards, score)
        fault = objection(self.rule.guards, mine, mine) if score.ok else score.status
        if fault:
            raise no("no_start", fault=fault)
        tree = self.workspace.store(self.start_source.encode())
        proposal, found = Proposal(self.start_source), Judged(score, keep=True)
        with self._guarded():
            return self._record(proposal, found, started, tree)

    def step(self, proposal: Proposal) -> Row:
        """Take one proposal through: score, decide, log, act."""
        return self.steps([proposal])[0]

    def steps(self, proposals: Sequence[Proposal]) -> list[Row]:
        """Take proposals through that were made from the same best.

        They are scored side by side and decided in the order given, each against the best at
        that moment, so that the ledger does not depend on which was scored first. Those for which
        there is no time (`Run.pace`) get no row: they are `undecided`.
        """
        with self._guarded():
            self.frozen.check()
            started = runfile.now()
            self._report(self.workspace.put_back(train=False))
            refused: list[Score | None] = []
            batch: dict[str, int] = {}  # program -> iteration, as in `_seen`
            for iteration, proposal in enumerate(proposals, self.iteration):
                refused.append(self._refusal(proposal, batch))
                batch.setdefault(program_id(proposal.source), iteration)
            self._enter("score", proposals[0].source, len(proposals))
            # Storing waits for the disk, scoring for other processes: do both at once.
            data = [_data(proposal) for proposal in proposals]
            trees = self._storing.submit(lambda: list(map(self.workspace.store, data)))
            wanted = [p.source for p, score in zip(proposals, refused, strict=True) if not score]
            scores, rows = self.pace.score_many(wanted), []
            with contextlib.suppress(OutOfTime):  # `pace` keeps what is left
                for proposal, score in zip(proposals, refused, strict=True):
                    found = self._judge(proposal, score or next(scores))
                    rows.append(self._record(proposal, found, started, trees.result()[len(rows)]))
            self.undecided = proposals[len(rows) :]
            self.pace.decided(self.iteration, self.undecided)
            return rows

    @contextlib.contextmanager
    def _guarded(self):
        """After an exception (Ctrl-C included) memory may lag behind the disk: read it again."""
        if self._stale:
            self.ledger.close()
            self._load()
        try:
            yield
        except BaseException:
            self._stale = True
            raise

    def _refusal(self, proposal: Proposal, batch: dict[str, int]) -> Score | None:
        """Say why a proposal is not scored at all, or None."""
        program, reason = program_id(proposal.source), None
        if proposal.outcome != "ok":
            note = proposal.note.strip().split("\n")[0]
            reason = f"agent: {proposal.outcome}" + (f": {note}" if note else "")
        elif not (reason := refusal(proposal.source.encode("utf-8", "surrogateescape"))):
            same = self._seen.get(program, batch.get(program))
            reason = None if same is None else f"duplicate of iteration {same}"
        return reason and Score(f"rejected ({clean(reason, 300)})", isolation="not run")

    def _judge(self, proposal: Proposal, score) -> Judged:
        if not score.ok:
            return Judged(score)
        if self.rule.fold_seeds and score.val_auc > self.best.val_auc:
            steering.tell(self, "fresh folds", proposal.source)
        told = (proposal.source, score, self.best, self.rule, self.pace)
        return judge(*told, lambda: self._enter("probe", proposal.source), self.tries)

    def _enter(self, point: str, source: str, slots: int = 1) -> None:
        self._hook(point)
        steering.tell(self, {"score": "scoring", "probe": "probes"}[point], source, slots=slots)

    def _record(self, proposal: Proposal, found: Judged, started: str, tree: str) -> Row:
        """Write commit, log and row, then act on the decision."""
        score, best, iteration = found.score, self.best, self.iteration
        hypothesis = notes.one_line_hypothesis(proposal.source)
        reason = clean(found.reason).replace("[", "(").replace("]", ")")
        why = f" [{self.rule.name}: {reason}]" if reason else ""
        tokens, cost_usd = spent(proposal)
        row = Row(
            commit="",  # known when it is written
            val_auc=float(score.val_auc),
            test_auc=float(score.test_auc) if score.ok else math.nan,
            wall_time_s=round(float(score.wall_time_s), 3),
            status=notes.one_line_status(score.status),
            description=hypothesis + why,
            iteration=iteration,
            decision=BASELINE if best is None else KEPT if found.keep else DISCARDED,
            delta=float(score.val_auc - best.val_auc) if best else 0.0,
            val_sd=float(score.val_sd) if score.ok else math.nan,
            agent=self.agent,
            tokens=tokens,
            cost_usd=cost_usd,
            started_at=started,
            edit_t=found.t,
            edit_bar=found.bar,
        )
        fresh = found.repeats if found.keep else None
        guarded = measure(self.rule.guards, score)
        message = notes.commit_message(row, hypothesis, score, proposal.source, fresh, guarded)
        commit = Commit(tree, best.sha if best else None, message)
        sha = self.workspace.git.write_commit(*commit, iteration)
        self._hook("commit")  # nothing points to it yet
        seen = self._changed, steering.hints(self.path, iteration)
        log = notes.log_text(row, hypothesis, score, proposal, *seen)
        write_file(self.log_path(iteration), log.encode("utf-8", "replace"), durable=False)
        self._hook("log")
        row = self.ledger.append(replace(row, commit=sha[:SHORT]))
        self._hook("row")  # from here on the candidate counts
        self.last_score, data = score, _data(proposal)
        self._remember(row, sha, commit, data)
        if row.kept:
            self.workspace.keep(sha, data)
            self.workspace.refresh_index()
        else:
            self.workspace.discard(iteration, sha)
        self._hook("ref")
        self._changed.clear()
        self.settle()
        self._hook("settled")
        return row

    def take_notices(self) -> list[str]:
        """Return what should be told to a person, once."""
        told, self.notices = self.notices, []
        return told
