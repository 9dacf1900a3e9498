"""The museum's catalogue: load the exhibits, run one against the real scorer, say what came of it.

Used by tests/museum/test_museum.py, benchmarks/museum.py and notebook 06.
"""

import math
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import REPO
from harness.task.task import BASELINE_VAL_AUC, HEART

from . import surroundings

HERE = Path(__file__).resolve().parent
ROOMS = ("cheats", "honest", "broken", "remains")
TOLERANCE = 0.005  # a cheat may differ from its honest twin by this much
SHORT_S = 2.0  # seconds for exhibits that would take all the time there is
HEADER = ("Tries", "Stopped by", "Seen", "Family", "Expect", "Reason", "Naive", "Budget")
KINDS = ("honest-value", "no-gain", "ok", "rejected", "crashed", "timeout", "remains")


@dataclass(frozen=True)
class Exhibit:
    """One file of the museum.

    Attributes
    ----------
    name : str
        File name without its ending.
    room : {"cheats", "honest", "broken", "remains"}
    family, title, tries, stopped_by, seen : str
        From the file's header. `seen` is ``-`` where it was not seen in the wild.
    expect : tuple of (kind, twin)
        What may come of it; any one of them is right.
    reason : str
        Part of the status line of a broken exhibit.
    naive : bool
        Whether it may run without any sandbox (`benchmarks/museum.py --naive`).
    short : bool
        Whether it needs a short budget, since it would use up a long one.
    """

    name: str
    room: str
    family: str
    title: str
    tries: str
    stopped_by: str
    seen: str
    expect: tuple[tuple[str, str], ...]
    reason: str
    naive: bool
    short: bool
    path: Path = field(repr=False)

    @property
    def source(self) -> bytes:
        """The program."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Outcome:
    """What came of one exhibit.

    Attributes
    ----------
    status : str
        As C3 prints it, after the probes if it would have been kept.
    val_auc : float
        NaN unless ok.
    raw_val_auc : float
        Before the probes.
    probed : bool
    verdict : str
        Which expectation was met, empty if none.
    why : str
        What was wrong, empty if nothing.
    left : tuple of str
        What it changed or left behind.
    """

    exhibit: Exhibit
    status: str
    val_auc: float
    raw_val_auc: float
    probed: bool
    verdict: str
    why: str
    left: tuple[str, ...]
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether it came out as its header says."""
        return not self.why

    @property
    def contained(self) -> bool:
        """Whether nothing is left of it."""
        return not self.left


def _header(path: Path) -> dict[str, str]:
    """Read the `Key: value` lines at the top of a file, which need not be valid Python."""
    text = path.read_bytes().decode("utf-8", "replace")
    found = {}
    for line in text[:3000].splitlines():
        key, colon, value = line.lstrip("# ").partition(": ")
        if colon and key in HEADER:
            found.setdefault(key, value.strip())
    first = re.search(r'^(?:r?"""|# )(?!-\*-)(.+)$', text[:3000], re.MULTILINE)
    return {"title": first[1].strip().removesuffix('"""') if first else path.stem, **found}


def _beside(path: Path) -> Path:
    """Files that cannot have a header have it in a file of the same name, ending in .txt."""
    note = path.with_suffix(".txt")
    return note if note.exists() else path


def _expectations(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in text.split("|"):
        kind, _, twin = part.strip().partition(" ")
        if kind not in KINDS:
            raise ValueError(f"unknown expectation {kind!r}")
        found.append((kind, twin.strip() or "baseline"))
    return tuple(found)


def load_gallery(rooms=ROOMS) -> list[Exhibit]:
    """List the exhibits, room by room, in the order of their numbers."""
    found = []
    for room in rooms:
        for path in sorted((HERE / room).glob("*.py")):
            head = _header(_beside(path))
            default = {"honest": "ok", "broken": "crashed | rejected | timeout"}.get(room, "")
            exhibit = Exhibit(
                name=path.stem,
                room=room,
                family=head.get("Family", room),
                title=head["title"],
                tries=head.get("Tries", ""),
                stopped_by=head.get("Stopped by", ""),
                seen=head.get("Seen", "-"),
                expect=_expectations(head.get("Expect", default)),
                reason=head.get("Reason", ""),
                naive=head.get("Naive", "") != "skip",
                short=head.get("Budget", "") == "short",
                path=path,
            )
            found.append(exhibit)
    return found


_twins: dict[tuple[int, str], float] = {}


def twin_value(name: str, scorer) -> float:
    """Score the honest twin that an exhibit is compared with, once per scorer."""
    if (id(scorer), name) not in _twins:
        path = REPO / "train.py" if name == "baseline" else HERE / "honest" / f"{name}.py"
        _twins[id(scorer), name] = scorer.score(path.read_bytes()).val_auc
    return _twins[id(scorer), name]


def run_exhibit(exhibit: Exhibit, scorer, *, watch: bool = True) -> Outcome:
    """Score one exhibit as the ratchet would, probe it if it would be kept, look around.

    Parameters
    ----------
    scorer : harness.scoring.scorer.Scorer
        For exhibits with `short`, one with a short budget (`short_task`).
    watch : bool
        Whether to compare the surroundings before and after.

    Returns
    -------
    Outcome
    """
    before = surroundings.snapshot(scorer) if watch else {}
    start = time.monotonic()
    score = scorer.score(exhibit.source)
    unsteady = ""
    if exhibit.family == "memory between folds" and score.ok:
        # What a fold leaves may only help the next score.
        again = scorer.score(exhibit.source)
        if again.status != score.status or abs(again.val_auc - score.val_auc) > 1e-9:
            unsteady = f"scored again it gives {again.status} {again.val_auc:.6f}: it remembers"
            score = max(score, again, key=lambda s: s.val_auc if s.ok else -1.0)
    raw, probed = score.val_auc, False
    lucky = exhibit.family == "hidden nondeterminism"  # another draw might be kept
    if score.ok and (lucky or score.val_auc > BASELINE_VAL_AUC):
        probed = True
        score = scorer.probe(exhibit.source, score)
    seconds = time.monotonic() - start
    verdict, why = _judge(exhibit, score, scorer)
    return Outcome(
        exhibit=exhibit,
        status=score.status,
        val_auc=score.val_auc,
        raw_val_auc=raw,
        probed=probed,
        verdict=verdict,
        why=unsteady or why,
        left=tuple(surroundings.changes(before, scorer)) if watch else (),
        seconds=seconds,
    )


def _judge(exhibit: Exhibit, score, scorer) -> tuple[str, str]:
    """Find the expectation that was met, or say what came instead."""
    lines = score.lines().splitlines()
    if len(lines) != 9 or lines[0].split(": ")[0] != "val_auc":
        return "", f"its score prints {len(lines)} lines"
    kind_of = score.status.partition(" ")[0]
    if kind_of != "ok" and not math.isnan(score.val_auc):
        return "", f"{score.status} with val_auc {score.val_auc}"
    for kind, twin in exhibit.expect:
        if kind == kind_of == "ok" or kind == "remains" and kind_of == "ok":
            return kind, ""
        if kind == kind_of:
            if exhibit.reason and exhibit.reason not in score.status:
                return "", f"{score.status!r} does not say {exhibit.reason!r}"
            return kind, ""
        if kind in ("honest-value", "no-gain") and kind_of == "ok":
            gain = score.val_auc - twin_value(twin, scorer)
            if gain <= TOLERANCE and (kind == "no-gain" or gain >= -TOLERANCE):
                return kind, ""
    expected = " | ".join(kind for kind, _ in exhibit.expect)
    return "", f"{score.status} with val_auc {score.val_auc:.6f}, expected {expected}"


def short_task(task=HEART):
    """The same task with little time."""
    return task.with_budget(SHORT_S)


class Guards:
    """Two warm scorers, one with little time, for running many exhibits.

    Parameters
    ----------
    scorer : harness.scoring.scorer.Scorer, optional
        The one with all the time, if there is one already.
    **options
        For those that are made here, for example ``landlock=False``.
    """

    def __init__(self, scorer=None, **options):
        self.options, self._scorers = options, {False: scorer} if scorer else {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for scorer in self._scorers.values():
            scorer.close()

    def for_exhibit(self, exhibit: Exhibit):
        """The scorer that fits."""
        from harness.scoring.scorer import Scorer

        if exhibit.short not in self._scorers:
            task = short_task() if exhibit.short else HEART
            self._scorers[exhibit.short] = Scorer(task, **self.options)
        return self._scorers[exhibit.short]

    def run(self, exhibit: Exhibit, *, watch: bool = True) -> Outcome:
        """Run one exhibit with the scorer that fits."""
        return run_exhibit(exhibit, self.for_exhibit(exhibit), watch=watch)


def summary(outcomes) -> str:
    """Return the one line of counts that the museum promises."""
    parts = []
    for room, words in (
        ("cheats", "cheats stopped"),
        ("honest", "honest scored"),
        ("broken", "broken reported"),
    ):
        mine = [o for o in outcomes if o.exhibit.room == room]
        parts.append(f"{words} {sum(o.as_expected for o in mine)}/{len(mine)}")
    parts.append(f"contained {sum(o.contained for o in outcomes)}/{len(outcomes)}")
    return ", ".join(parts)
