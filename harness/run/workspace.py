"""The run's own git repository: kept candidates on a branch, discarded ones under references.

`workspace/` holds two files, `train.py` and `program.md`. An agent may write what it likes there:
only `train.py` is ever read back, and everything is put right after each step.
"""

import contextlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from harness import RunError
from harness.candidate import MAX_BYTES
from harness.files import read_plain, remove, restore_file
from harness.run.git import MAX_REFS, Commit, GitFiles
from harness.run.ledger import Row
from harness.run.words import no

SHORT = 12  # characters of a commit in the ledger: no two alike in a run of 10,000 iterations
DISCARDED_REFS = "refs/autoresearch/discarded"
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def check_tag(tag: str) -> str:
    """Return the tag if it can name a run, a folder and a git branch.

    Raises a RunError that says what a tag may look like.
    """
    tag = str(tag)
    if not _TAG.match(tag) or ".." in tag or tag.endswith((".", ".lock")):
        raise no("bad_tag", tag=tag[:80])
    return tag


class Workspace:
    """The folder an agent works in, and the record of what it tried."""

    def __init__(self, path: Path, tag: str):
        self.path = Path(path)
        self.branch = f"autoresearch/{tag}"
        self.git = GitFiles(self.path / ".git", self.branch)
        self.train = self.path / "train.py"
        self.program = b""
        self._program_blob = ""
        self._current = b""  # what train.py must hold between steps

    def create(self, train: bytes, program: bytes) -> dict[str, str]:
        """Make the repository and its two files; return the objects they are stored as."""
        if self.path.is_symlink():
            raise RunError(f"{self.path} is a link: remove it and start again")
        self.path.mkdir(parents=True, exist_ok=True)
        self.git.create()
        files = {"train.py": train, "program.md": program}
        return {name: self.git.write("blob", data) for name, data in files.items()}

    def open(self, start: dict[str, str]) -> bytes:
        """Get ready to work on a run that exists; return its starting `train.py`."""
        if self.path.is_symlink() or not self.path.is_dir():
            raise RunError(f"{self.path} is missing or a link: restore it or start a new tag")
        self.git.create()
        self._program_blob = start["program.md"]
        self.program = self.git.read(self._program_blob, "blob")
        self._current = self.git.read(start["train.py"], "blob")
        return self._current

    def store(self, data: bytes) -> str:
        """Store a candidate's files and return their tree; may run while it is being scored."""
        files = {"train.py": self.git.write("blob", data), "program.md": self._program_blob}
        return self.git.write_tree(files)

    def keep(self, sha: str, data: bytes) -> None:
        """Move the branch to a commit and make it what the folder holds."""
        self._current = data
        self.git.set_ref(self.git.head_ref, sha)

    def discard(self, iteration: int, sha: str) -> None:
        """Keep a discarded commit reachable."""
        self.git.set_ref(f"{DISCARDED_REFS}/{iteration:04d}", sha)

    def put_back(self, *, train: bool = True) -> list[str]:
        """Make the folder what the record says; return what else than `train.py` had changed.

        With `train=False` the candidate in `train.py` stays: it has not been scored yet.
        """
        if not (self.git.path / "objects").is_dir():
            raise RunError(f"{self.git.path} was removed: start a new tag")
        changed = self.git.restore_settings()
        for entry in list(os.scandir(self.path)):
            if entry.name not in (".git", "train.py", "program.md"):
                changed.append(entry.name)
                remove(Path(entry.path))
        scratch = self.git.path / "ratchet-put-back.tmp"
        if restore_file(self.path / "program.md", self.program, scratch):
            changed.append("program.md")
        if train:
            restore_file(self.train, self._current, scratch)
        return changed

    def refresh_index(self) -> None:
        """Let git's index agree with the folder."""
        blob = self.git.write("blob", self._current)
        self.git.write_index({"train.py": blob, "program.md": self._program_blob})

    def reconcile(self, rows: list[Row]) -> list[str]:
        """Set branch and references again from the ledger; return each row's full commit.

        A crash can fall between a row and its references, and an agent can run git itself. The
        ledger is right, because a row is written after its commit and before anything points to
        it. Raises a RunError if the commit of a row is not there.
        """
        there = self.references()
        found = zip(rows, self.referenced(rows, there), strict=True)
        shas = [self.find(row, referenced) for row, referenced in found]
        # Of what was kept the last counts.
        expected = dict(zip(map(self._reference, rows), shas, strict=True))
        for name in there.keys() - expected.keys():
            (self.git.path / name).unlink(missing_ok=True)
        for name, sha in expected.items():
            if there.get(name) != sha:
                self.git.set_ref(name, sha)
        return shas

    def read_train(self) -> bytes:
        """Read `train.py` as an agent left it, at most one byte more than is allowed."""
        try:
            if not stat.S_ISREG(self.train.lstat().st_mode):
                raise RunError(f"{self.train} is not a regular file: write the candidate there")
            return read_plain(self.train, MAX_BYTES + 1)
        except OSError as err:
            raise no("no_train", path=self.train, err=err.strerror) from None

    def set_aside(self, known: Sequence[bytes]) -> str | None:
        """Store `train.py` if it is none of the known; return how to see it, or None."""
        with contextlib.suppress(RunError):
            if (data := self.read_train()) not in known:
                blob = self.git.write("blob", data)
                return f"git -C {self.path} cat-file -p {blob[:SHORT]}"
        return None

    def _reference(self, row: Row) -> str:
        return self.git.head_ref if row.kept else f"{DISCARDED_REFS}/{row.iteration:04d}"

    def references(self) -> dict[str, str]:
        """Return name -> commit of the branch and of the discarded candidates."""
        refs = {f"{DISCARDED_REFS}/{k}": sha for k, sha in self.git.refs(DISCARDED_REFS).items()}
        tip = self.git.read_ref(self.git.head_ref)
        return refs | ({self.git.head_ref: tip} if tip else {})

    def referenced(self, rows: list[Row], there: dict[str, str]) -> list[str | None]:
        """Return the commit to which the references lead for each row; None where they do not."""
        tip, branch = there.get(self.git.head_ref) if rows else None, {}
        with contextlib.suppress(RunError):  # somebody else's commit, or nothing
            branch = {sha[:SHORT]: sha for sha, _ in self.history(tip)}
        found = {row.commit: there.get(self._reference(row)) for row in rows if not row.kept}
        return [(branch if row.kept else found).get(row.commit) for row in rows]

    def unknown(self, rows: list[Row], there: dict[str, str]) -> dict[int, str]:
        """Return the iterations that references lead to and no row names, with their commits."""
        named, found = {row.commit for row in rows}, {}
        for name, sha in there.items():
            following: str | None = sha
            with contextlib.suppress(RunError):  # not there: nothing that could be lost
                while following and following[:SHORT] not in named and len(found) < MAX_REFS:
                    number = self.git.iteration_of(following)
                    if number is not None:
                        found.setdefault(number, following)
                    on_branch = name == self.git.head_ref
                    following = self.git.read_commit(following).parent if on_branch else None
        return found

    def find(self, row: Row, referenced: str | None) -> str:
        """Return the full name of a row's commit, also where its reference lags behind."""
        if referenced is not None and referenced.startswith(row.commit):
            return referenced
        sha = self.git.expand(row.commit)
        if sha is None:
            raise no("no_commit", commit=row.commit, n=row.iteration, path=self.path)
        return sha

    def source_of(self, sha: str) -> bytes:
        """Return the `train.py` of a commit."""
        return self.source_in(self.git.read_commit(sha))

    def source_in(self, commit: Commit) -> bytes:
        """Return the `train.py` of a commit that was read."""
        tree = self.git.read_tree(commit.tree)
        if "train.py" not in tree:
            raise RunError(f"a commit in {self.path} holds no train.py: start a new tag")
        return self.git.read(tree["train.py"][1], "blob")

    def history(self, tip: str | None) -> list[tuple[str, Commit]]:
        """Walk from a commit to the first one; newest first."""
        walk = []
        while tip is not None and len(walk) < MAX_REFS:
            commit = self.git.read_commit(tip)
            walk.append((tip, commit))
            tip = commit.parent
        return walk
