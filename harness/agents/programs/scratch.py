"""The throw-away folder that an outside program works in, and what is trusted of it afterwards.

The program never gets the run's own workspace. It gets a fresh folder outside the course's
repository (a CLI would read the `AGENTS.md` of any folder above it) with `train.py`, `program.md`
and `history.md`. Afterwards one thing is taken: the bytes of `train.py`, through a handle to the
folder that was opened before the program started. The rest is reported and thrown away. (A program
can still write wherever its user can: `workspace.py` puts the run's own folder right after a step.)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.agents.edits import clean_source
from harness.agents.errors import InvalidFile
from harness.candidate import MAX_BYTES
from harness.files import read_plain
from harness.sealing import remove_tree

MAX_LISTED = 20  # changed files that are named; the rest is counted
MAX_SCANNED = 2000  # directory entries looked at: a program may leave millions
# What `git status` or a commit of the program's own touches: not worth a line each.
GIT_NOISE = (".git/index", ".git/objects", ".git/logs", ".git/COMMIT_EDITMSG", ".git/ORIG_HEAD")


class Scratch:
    """A fresh folder with the files the program may see; use it as a context manager.

    Parameters
    ----------
    files : mapping of str to str
        Name and text of each file to lay out, `train.py` among them.

    `workspace` is what the program sees as its working folder: the top level of a git repository
    of its own, so that no tool climbs further up. `tmp` is the call's own TMPDIR.
    """

    def __init__(self, files: Mapping[str, str]):
        self.root = Path(tempfile.mkdtemp(prefix="autoresearch-")).resolve()
        self.workspace, self.tmp = self.root / "workspace", self.root / "tmp"
        self.workspace.mkdir()
        self.tmp.mkdir()
        for name, text in files.items():
            (self.workspace / name).write_bytes(text.encode("utf-8"))
        _git_init(self.workspace)
        self._before = _listing(self.workspace)
        # A handle, not a path: the program may move the folder and put another in its place.
        self._handle = None if os.name == "nt" else os.open(self.workspace, os.O_RDONLY)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if self.root.is_dir() and not self.root.is_symlink():
            os.chmod(self.root, 0o700)  # the program may have locked it
            remove_tree(self.root)
        else:
            self.root.unlink(missing_ok=True)

    def take(self) -> str:
        """Return the text of train.py: a regular file of its own, at most 256 KiB, in UTF-8.

        Raises
        ------
        InvalidFile
            With the reason, for anything else, and if the text contains the value of a key.
        """
        path = self.workspace / "train.py" if self._handle is None else "train.py"
        try:
            data = read_plain(path, MAX_BYTES + 1, dir_fd=self._handle)
            links = os.stat(path, dir_fd=self._handle, follow_symlinks=False).st_nlink
        except FileNotFoundError:
            raise InvalidFile("train.py is gone") from None
        except OSError as error:  # a symbolic link (ELOOP), no permission, a socket
            why = f"train.py cannot be read, or is not a regular file: {error.strerror}"
            raise InvalidFile(why) from None
        if links > 1:
            raise InvalidFile("train.py is a hard link to another file")
        return clean_source(data)

    def changes(self) -> tuple[str, ...]:
        """Everything else the program changed here: ``("changed program.md", "new a.txt", …)``."""
        after = _listing(self.workspace)
        found = []
        for name in sorted(self._before.keys() | after.keys()):
            if name == "train.py" or self._before.get(name) == after.get(name):
                continue
            word = "new" if name not in self._before else "changed" if name in after else "deleted"
            # A file name is text that the program chose: printable ASCII, and not long.
            found.append(f"{word} {ascii(name)[1:-1][:80]}")
        if len(found) > MAX_LISTED:
            found[MAX_LISTED:] = [f"and {len(found) - MAX_LISTED} more"]
        return tuple(found)


def _git_init(folder: Path) -> None:
    # No templates (no hooks), no settings of the user; without git the folder simply has no .git.
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "init", "-q", "--template=", str(folder)],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
            env={"PATH": os.environ.get("PATH", ""), "GIT_CONFIG_NOSYSTEM": "1", "HOME": ""},
        )


def _listing(folder: Path) -> dict[str, str]:
    """Relative name of everything below ``folder`` with a word for its kind and content."""
    found: dict[str, str] = {}
    todo = [""]
    while todo:
        inside = todo.pop()
        with contextlib.suppress(OSError), os.scandir(folder / inside) as entries:
            for entry in entries:
                path = inside + entry.name
                if len(found) >= MAX_SCANNED:
                    return found
                if path.startswith(GIT_NOISE):
                    continue
                found[path] = _kind(entry.path)
                if found[path] == "folder":
                    todo.append(f"{path}/")
    return found


def _kind(path: str) -> str:
    try:
        facts = os.lstat(path)
        if stat.S_ISDIR(facts.st_mode):
            return "folder"
        if not stat.S_ISREG(facts.st_mode):
            return "special"
        with open(path, "rb") as file:
            return f"{facts.st_size}:{hashlib.sha256(file.read(MAX_BYTES)).hexdigest()}"
    except OSError:
        return "unreadable"
