"""The run's own git repository: kept candidates on a branch, discarded ones under references.

`workspace/` holds two files, `train.py` and `program.md`. An agent may write what it likes there:
only `train.py` is ever read back, and everything is put right after each step.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from pathlib import Path

from harness import RunError
from harness.candidate import MAX_BYTES
from harness.files import write_file
from harness.run.git import Commit, GitFiles
from harness.run.ledger import DISCARDED, Row

SHORT = 12  # characters of a commit in the ledger: no two alike in a run of 10,000 iterations
DISCARDED_REFS = "refs/autoresearch/discarded"
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def check_tag(tag: str) -> str:
    """Return the tag if it can name a run, a folder and a git branch.

    Raises
    ------
    RunError
        With what a tag may look like.
    """
    tag = str(tag)
    if not _TAG.match(tag) or ".." in tag or tag.endswith((".", ".lock")):
        raise RunError(
            f"bad tag {tag[:80]!r}: use 1 to 64 letters, digits, '.', '_' or '-', starting with a "
            "letter or digit, without '..' and not ending in '.' or '.lock'"
        )
    return tag


class Workspace:
    """The folder an agent works in, and the record of what it tried.

    Parameters
    ----------
    path : Path
        `runs/<tag>/workspace`.
    tag : str
        The run's tag; the branch is `autoresearch/<tag>`.
    """

    def __init__(self, path: Path, tag: str):
        self.path = Path(path)
        self.branch = f"autoresearch/{tag}"
        self.git = GitFiles(self.path / ".git", self.branch)
        self.train = self.path / "train.py"
        self.program = b""
        self._program_blob = ""
        self._current = b""  # what train.py must hold between steps

    # -- writing what was decided -----------------------------------------------------------

    def create(self, train: bytes, program: bytes) -> dict[str, str]:
        """Make the repository and its two files; return the objects they are stored as."""
        if self.path.is_symlink():
            raise RunError(f"{self.path} is a link: remove it and start again")
        self.path.mkdir(parents=True, exist_ok=True)
        self.git.create()
        start = {
            "train.py": self.git.write("blob", train),
            "program.md": self.git.write("blob", program),
        }
        return start

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

    def commit(self, tree: str, parent: str | None, message: str, iteration: int) -> str:
        """Store a candidate as a commit that nothing points to yet; return its name."""
        return self.git.write_commit(tree, parent, message, iteration)

    def keep(self, sha: str, data: bytes) -> None:
        """Move the branch to a commit and make it what the folder holds."""
        self._current = data
        self.git.set_ref(self.git.head_ref, sha)

    def discard(self, iteration: int, sha: str) -> None:
        """Keep a discarded commit reachable."""
        self.git.set_ref(f"{DISCARDED_REFS}/{iteration:04d}", sha)

    # -- putting right what an agent or a crash left ------------------------------------------

    def put_back(self, *, train: bool = True) -> list[str]:
        """Make the folder what the record says; return what else than `train.py` had changed.

        With `train=False` the candidate in `train.py` stays: it has not been scored yet.
        """
        if not (self.git.path / "objects").is_dir():
            raise RunError(f"{self.git.path} was removed: start a new tag")
        changed = self.git.restore_settings()
        for entry in list(os.scandir(self.path)):
            if entry.name in (".git", "train.py", "program.md"):
                continue
            changed.append(entry.name)
            _remove(Path(entry.path))
        if self._restore(self.path / "program.md", self.program):
            changed.append("program.md")
        if train:
            self._restore(self.train, self._current)
        return changed

    def _restore(self, path: Path, data: bytes) -> bool:
        """Write a file unless it is a regular file with these bytes; say whether it was not."""
        with contextlib.suppress(OSError):
            if not stat.S_ISREG(path.lstat().st_mode):
                _remove(path)
            elif path.read_bytes() == data:
                return False
        write_file(path, data, self.git.path / "ratchet-put-back.tmp", durable=False)
        return True

    def refresh_index(self) -> None:
        """Let git's index agree with the folder."""
        blob = self.git.write("blob", self._current)
        self.git.write_index({"train.py": blob, "program.md": self._program_blob})

    def reconcile(self, rows: list[Row]) -> list[str]:
        """Set branch and references again from the ledger; return each row's full commit.

        A crash can fall between a row and its references, and an agent can run git itself. The
        ledger is right, because a row is written after its commit and before anything points
        to it.

        Raises
        ------
        RunError
            If the commit of a row is not there.
        """
        discarded = self.git.refs(DISCARDED_REFS)
        kept = {}
        tip = self.git.read_ref(self.git.head_ref)
        if tip is not None and rows:
            try:
                kept = {sha[:SHORT]: sha for sha, _ in self.history(tip)}
            except RunError:
                kept = {}  # somebody else's commit or nothing: found by name below
        shas, expected, best = [], {}, None
        for row in rows:
            name = f"{row.iteration:04d}"
            sha = kept.get(row.commit) if row.decision != DISCARDED else discarded.get(name)
            if sha is None or not sha.startswith(row.commit):
                sha = self.git.expand(row.commit)
            if sha is None:
                raise RunError(
                    f"commit {row.commit} of iteration {row.iteration} is missing from "
                    f"{self.path}: start a new tag"
                )
            shas.append(sha)
            if row.decision == DISCARDED:
                expected[name] = sha
            else:
                best = sha
        for name in discarded.keys() - expected.keys():
            self.git.delete_ref(f"{DISCARDED_REFS}/{name}")
        for name, sha in expected.items():
            if discarded.get(name) != sha:
                self.git.set_ref(f"{DISCARDED_REFS}/{name}", sha)
        if best is not None and tip != best:
            self.git.set_ref(self.git.head_ref, best)
        elif best is None and tip is not None:
            self.git.delete_ref(self.git.head_ref)
        return shas

    # -- reading ----------------------------------------------------------------------------

    def read_train(self) -> bytes:
        """Read `train.py` as an agent left it, at most one byte more than is allowed.

        Raises
        ------
        RunError
            If it is not a regular file.
        """
        try:
            if not stat.S_ISREG(self.train.lstat().st_mode):
                raise RunError(f"{self.train} is not a regular file: write the candidate there")
            with open(self.train, "rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as err:
            raise RunError(
                f"{self.train} cannot be read ({err.strerror}): write it again"
            ) from None

    def source_of(self, sha: str) -> bytes:
        """Return the `train.py` of a commit."""
        return self.source_in(self.git.read_commit(sha))

    def source_in(self, commit: Commit) -> bytes:
        """Return the `train.py` of a commit that was read."""
        return self.git.read(self.git.read_tree(commit.tree)["train.py"][1], "blob")

    def history(self, tip: str) -> list[tuple[str, Commit]]:
        """Walk from a commit to the first one; newest first."""
        walk = []
        sha: str | None = tip
        while sha is not None:
            commit = self.git.read_commit(sha)
            walk.append((sha, commit))
            sha = commit.parent
        return walk


def _remove(path: Path) -> None:
    """Delete whatever stands there, never following a link."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as err:
        raise RunError(f"{path} cannot be removed ({err.strerror}): remove it by hand") from None
