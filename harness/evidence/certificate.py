"""The certificate of a run: its best program pruned, tested once on folds of its own.

The statistics are in `harness/rules/certificate.py`. Here the edits of a run are taken back one by
one, by text, in the same isolation and with the same probes as a candidate's. A certificate is a
function of the run: making it again gives the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from harness import CALL, RunError, rules
from harness.agents import get_agent
from harness.candidate import CandidateError, take_back, with_hypothesis
from harness.files import write_file
from harness.rules import CANNOT_TELL, CERTIFICATE_SEEDS, CONFIRM_SEEDS, LUCK
from harness.run import CERTIFICATE, Record, read_record
from harness.scoring import number, plain_values, signed

Say = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """A program against the start on the certificate's folds: gain, standard error, T."""

    edits: list[int]  # iterations whose edits it holds
    gain: float
    error: float
    t: float

    @classmethod
    def of(cls, edits, found: rules.Test) -> Part:
        """Take over a test."""
        return cls(list(edits), found.gain, found.error, found.t)


@dataclass(frozen=True)
class Certificate:
    """What may be claimed of a run; see `sentence`."""

    tag: str
    commit: str  # of the working best, the start where nothing was kept
    metric: str
    tries: int  # scored tries, which the bar pays for
    bar: float  # what T must exceed
    edit_bar: float  # what an edit's must
    claimed: float  # gain of the working best on the frozen folds
    working: Part | None = None  # all that was kept; None where nothing was
    pruned: Part | None = None  # what its scores miss; None where that is nothing
    joined: list[list[int]] = field(default_factory=list)  # cannot be taken back one by one
    edits: dict[int, float] = field(default_factory=dict)  # certified edits and their T
    val_auc: float = float("nan")  # of the pruned program, on the frozen folds
    source: str = ""  # its text
    fresh: bool = True  # whether other folds than the frozen ones exist
    notes: list[str] = field(default_factory=list)

    @property
    def certified(self) -> bool:
        """Whether the pruned program may be claimed to be better than the start."""
        return self.fresh and self.pruned is not None and self.pruned.t > self.bar

    @property
    def real(self) -> bool:
        """Whether anything of the run may be claimed: its pruned program, or one edit."""
        return self.certified or bool(self.edits)

    def verdict(self, contradicted: bool = False) -> str:
        """Give the word for it: real, cannot tell or luck."""
        if self.working is None or not self.fresh:
            return CANNOT_TELL
        found = rules.Test(self.working.gain, self.working.error, len(self.working.edits))
        return rules.verdict(self.claimed, self.real, found, contradicted)

    @property
    def sentence(self) -> str:
        """Say in one sentence what may be claimed."""
        name = "AUC" if self.metric == "roc_auc" else self.metric
        after = f"after {self.tries} tries"
        if self.working is None:
            return f"Nothing to claim: {after} nothing was kept, and the start stays."
        if not self.fresh:
            return (
                f"Nothing may be claimed yet: {after} the search has seen each fold that the task "
                f"allows, and only the sealed test can tell ({CALL} audit)."
            )
        part = self.pruned or self.working
        low, high = part.gain - 2 * part.error, part.gain + 2 * part.error
        gain = f"{signed(part.gain)} {name} (95% {signed(low)} to {signed(high)})"
        which = "the best program"
        if part.edits != self.working.edits:
            which = f"the program with the edits of iterations {_list(part.edits)} alone"
        if self.certified:
            return (
                f"Real: {which} gains {gain} on fresh folds, T={part.t:.2f} {after}, where luck "
                f"alone exceeds {self.bar:.2f} in at most one run of twenty."
            )
        if self.edits:
            best = max(self.edits, key=self.edits.get)
            return (
                f"Real in part: the edit of iteration {best} is a gain (T={self.edits[best]:.2f} "
                f"{after}, above {self.edit_bar:.2f}); how large the whole is, these rows cannot "
                "show."
            )
        word = "Luck" if self.verdict() == LUCK else "Cannot tell"
        return (
            f"{word}: the run claims {signed(self.claimed)} {name}; on fresh folds {which} gains "
            f"{gain}, T={part.t:.2f} {after}, and {self.bar:.2f} is needed: the start stays."
        )

    @property
    def short(self) -> str:
        """T, bar and tries, for a table."""
        part = self.pruned or self.working
        if part is None:
            return f"nothing was kept in {self.tries} tries"
        if not self.fresh:
            return "none: the search has seen every fold that this task allows"
        edits = f", edits {_list(self.edits)} certified alone" if self.edits else ""
        sign = ">" if part.t > self.bar else "<="
        left = f"{len(part.edits)} of {len(self.working.edits)} edits"
        return f"T={part.t:.2f} {sign} {self.bar:.2f} ({left}, {self.tries} tries{edits})"

    def to_dict(self) -> dict:
        """Plain values, for JSON."""
        told = {"verdict": self.verdict(), "certified": self.certified, "sentence": self.sentence}
        return plain_values(asdict(self)) | told

    @classmethod
    def from_dict(cls, values: dict) -> Certificate:
        """Build it again; KeyError or TypeError where a version had other fields."""
        values = {f.name: values[f.name] for f in fields(cls)}
        parts = {k: values[k] and Part(**values[k]) for k in ("working", "pruned")}
        edits = {int(i): float(t) for i, t in values["edits"].items()}
        val_auc = float("nan") if values["val_auc"] is None else values["val_auc"]
        return cls(**values | parts | {"edits": edits, "val_auc": val_auc})


def _list(numbers) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def lines(found: Certificate) -> list[str]:
    """Tell a person: what each program is worth, then the sentence."""
    told = [f"certificate of run '{found.tag}': {found.short}"]
    named = {"working best": found.working, "pruned": found.pruned}
    for name, part in named.items():
        if part is not None and not (name == "pruned" and part == found.working):
            told.append(
                f"{name} (edits of iterations {_list(part.edits)}): {signed(part.gain)} on fresh "
                f"folds, standard error {number(part.error)}, T={part.t:.2f}"
            )
    told += [f"iterations {_list(group)} can only be taken back together" for group in found.joined]
    return [*told, *found.notes, found.sentence]


def tries_of(record: Record, task) -> rules.Tries:
    """What the certificate knows of a run's tries."""
    tries, best = rules.Tries.of(task, start=record.rows[0].val_auc), ()
    for row in record.rows:
        folds = record.folds(row.iteration) if row.ok else ()
        if folds and best:
            tries = tries.after(folds, best)
        best = folds if row.kept else best
    return tries


class _Programs:
    """The programs that a run's kept edits make together; each is scored once.

    Parts are tuples of positions in the chain of kept programs, 1 for the first edit.
    """

    def __init__(self, record: Record, scorer, task, say: Say):
        self.scorer, self.say, self.task_name = scorer, say, record.settings["task"]
        self.seeds = task.fresh_seeds(CONFIRM_SEEDS)
        self.playbook = get_agent("playbook")  # knows its own edits, where their lines meet
        self.kept = record.kept
        self.texts = [record.source(row.iteration).decode("utf-8") for row in self.kept]
        self.parts = [(i,) for i in range(1, len(self.texts))]
        self._scores: dict[str, np.ndarray | None] = {}
        for row, text in zip(self.kept, self.texts, strict=True):
            if fresh := record.commit(row.iteration).fresh:
                self._scores[text] = np.asarray(fresh, float)

    def text(self, parts) -> str | None:
        """The program with these parts only; None where later edits rest on a missing one."""
        keep = {i for part in parts for i in part}
        last = max(keep, default=0)
        text = self.texts[last]
        for i in range(last - 1, 0, -1):
            if i not in keep and text is not None:
                edit = self.texts[i - 1], self.texts[i], text
                text = take_back(*edit) or self.playbook.take_back(*edit, self.task_name)
        return text

    def scores(self, parts) -> np.ndarray | None:
        """Its scores on the rule's fresh folds, (n_seeds, n_folds); None where it has none."""
        text = self.text(parts)
        if text is None:
            return None
        if text not in self._scores:
            self.say(f"certificate: fresh folds with {len(parts)} of {len(self.parts)} edits")
            try:
                self._scores[text] = self.scorer.fold_scores(text, self.seeds)
            except CandidateError:
                self._scores[text] = None
        return self._scores[text]

    def join(self) -> None:
        """Join edits that cannot be taken back alone with the one that came after them."""
        at = len(self.parts) - 2
        while at >= 0:
            parts = self.parts
            if at + 1 < len(parts) and self.scores(parts[:at] + parts[at + 1 :]) is None:
                parts[at : at + 2] = [parts[at] + parts[at + 1]]
            else:
                at -= 1

    def iterations(self, parts) -> list[int]:
        """Iterations of the ledger whose edits these are."""
        return [self.kept[i].iteration for part in parts for i in part]


def certify(run_dir: Path, scorer, **how) -> Certificate:
    """Do as `make_certificate`, and write `certificate.json` into the run's folder."""
    return write_certificate(run_dir, make_certificate(run_dir, scorer, **how))


def write_certificate(run_dir: Path, found: Certificate) -> Certificate:
    """Write `certificate.json`, whole or not at all."""
    text = json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n"
    write_file(Path(run_dir) / CERTIFICATE, text.encode())
    return found


def make_certificate(
    run_dir: Path, scorer, *, task=None, say: Say = lambda line: None
) -> Certificate:
    """Find out what may be claimed of a run; its folder is only read.

    Parameters
    ----------
    scorer, task, say
        Of the run; the scorer's unless given; called with a line before what takes time.

    Raises
    ------
    RunError
        If the run has no baseline yet, or its programs no longer run.
    """
    record = read_record(Path(run_dir))
    if not record.rows:
        raise RunError(f"run '{record.settings['tag']}' has no baseline yet: let it run first")
    task = task or scorer.task
    tries, best = tries_of(record, task), record.best
    bar = tries.edit_bar
    certified = [row for row in record.kept if row.edit_t is not None and row.edit_t > bar]
    blank = Certificate(
        record.settings["tag"],
        best.commit,
        task.metric,
        tries.count,
        tries.bar,
        bar,
        best.val_auc - record.rows[0].val_auc,
        edits={row.iteration: row.edit_t for row in certified},
    )
    programs = _Programs(record, scorer, task, say)
    everything = list(programs.parts)
    if not everything:
        return blank
    seeds = task.fresh_seeds(CERTIFICATE_SEEDS)
    if not seeds:  # nothing that the search has not seen, but the sealed test
        found = rules.test(
            [np.subtract(record.folds(best.iteration), record.folds(0))], tries, len(everything)
        )
        return replace(blank, working=Part.of(programs.iterations(everything), found), fresh=False)
    if programs.scores(everything) is None:
        raise RunError("the best program no longer runs: is it repeatable?")
    programs.join()
    say("certificate: the test, on folds that nothing chose by")
    start = scorer.fold_scores(programs.texts[0], seeds)
    tested: dict[tuple, Part] = {}

    def worth(parts: tuple) -> float:
        if parts in tested:
            return tested[parts].t
        text = programs.text(parts)
        try:
            gains = scorer.fold_scores(text, seeds) - start if text is not None else None
        except CandidateError:
            gains = None
        if gains is None:
            return -math.inf
        iterations = programs.iterations(parts)
        tested[parts] = Part.of(iterations, rules.test(gains, tries, len(iterations)))
        return tested[parts].t

    whole = tuple(programs.parts)
    worth(whole)
    if whole not in tested:
        raise RunError("the best program no longer runs on other folds: is it repeatable?")
    left = rules.prune(whole, programs.scores, worth)
    notes, source, score = [], programs.texts[-1], best
    if left != whole:
        pruned, its_score = _probed(programs, left, scorer)
        if its_score.ok:
            source, score = pruned, its_score
        else:
            notes.append(f"the pruned program is not one that could be kept: {its_score.status}")
            left = whole
    return replace(
        blank,
        working=tested[whole],
        pruned=tested[left],
        joined=[programs.iterations([p]) for p in programs.parts if len(p) > 1],
        notes=notes,
        source=source,
        val_auc=score.val_auc,
    )


def _probed(programs: _Programs, left, scorer):
    """Score and probe a pruned program like any candidate."""
    said = "; ".join(programs.kept[i].hypothesis for part in left for i in part)
    source = with_hypothesis(programs.text(left), said)
    score = scorer.score(source)
    return source, scorer.probe(source, score) if score.ok else score
