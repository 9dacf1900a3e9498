"""A git repository written in plain Python: objects, references and the index, nothing else.

Git itself is never started, for three reasons. An agent may write to the workspace, and a stranger
made a folder that was handed in: git runs programs that a repository's own configuration names.
Starting git several times per iteration costs more than scoring a light model. And a run works
where git is not installed. What is written here is an ordinary repository: `git log`, `git show`
and `git fsck` read it. What is read is bounded in size and number: nothing in it is believed.
"""

import contextlib
import hashlib
import math
import os
import re
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from harness import RunError
from harness.files import catalogue, naming, read_plain, remove, restore_file, write_file
from harness.run.packs import MAX_OBJECT, Packs, inflate

AUTHOR = "AutoResearch <autoresearch@localhost>"
# Commit dates count iterations, not seconds: two runs with the same seed give the same commits.
EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z is iteration 0; one minute per iteration
CONFIG = catalogue(__file__)["config"]
MAX_REFS = 100_000  # references, or commits on a branch; a run of 10,000 iterations is a long one
MAX_REFS_BYTES = 8 * 1024**2  # of packed-refs
MAX_FILES = 1_000  # in a tree: a run's own hold two
PATIENCE_S = 60  # processor seconds for all objects of a stranger's run
_SHA = re.compile(r"[0-9a-f]{40}\Z")
_WRITTEN = re.compile(rb"^committer " + AUTHOR.encode() + rb" (\d{1,12}) \+0000$", re.M)


class Commit(NamedTuple):
    """What a commit object says."""

    tree: str
    parent: str | None
    message: str

    @property
    def subject(self) -> str:
        """First line of the message."""
        return self.message.split("\n", 1)[0]

    @property
    def trailers(self) -> dict[str, str]:
        """The `Key: value` lines at the end of the message."""
        last = self.message.rstrip("\n").rsplit("\n\n", 1)[-1]
        pairs = (line.partition(": ") for line in last.split("\n"))
        return {key: value for key, mark, value in pairs if mark}

    @property
    def folds(self) -> tuple[float, ...]:
        """Fold scores as the message states them; none where there was no score."""
        return tuple(_numbers(self.trailers.get("Folds", "")))

    @property
    def guarded(self) -> dict[str, float]:
        """What guards looked at; nothing where there were none."""
        pairs = (word.partition("=") for word in self.trailers.get("Guarded", "").split())
        return {name: float(value) for name, _, value in pairs}

    @property
    def fresh(self) -> list[list[float]] | None:
        """Scores on fresh folds, a list for each fold seed; None where there are none."""
        told = self.trailers.get("Fresh-Folds")
        return told and [_numbers(part) for part in told.split("|")]


def _numbers(text: str) -> list[float]:
    try:
        return list(map(float, text.split()))
    except ValueError:
        raise RunError("a commit's fold scores are no numbers: start a new tag") from None


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _held(raw: bytes | None, sha: str) -> bytes:
    """An object's header and content, held to its name."""
    if raw is None or _sha1(raw) != sha:
        raise RunError("is missing" if raw is None else "is damaged")
    return raw


class GitFiles:
    """Reads and writes one `.git` folder; `branch`, without `refs/heads/`, is its only one."""

    def __init__(self, path: Path, branch: str):
        self.path = Path(path)
        self.head_ref = f"refs/heads/{branch}"
        self._scratch = self.path / f"ratchet-{os.getpid()}.tmp"
        self._packs = Packs(self.path)
        self.patience = math.inf  # processor seconds left for reading

    def create(self) -> None:
        """Make the folders, HEAD and config; harmless on a repository that is there."""
        for folder in ("objects", "refs/heads", "refs/autoresearch/discarded"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        for left in self.path.glob("ratchet-*.tmp"):  # of a process that was killed
            left.unlink(missing_ok=True)
        self.restore_settings()

    def restore_settings(self) -> list[str]:
        """Put HEAD and config back to what they must be; say which had changed."""
        expected = {"HEAD": f"ref: {self.head_ref}\n", "config": CONFIG}
        files = ((name, self.path / name, text.encode()) for name, text in expected.items())
        changed = [name for name, path, data in files if restore_file(path, data, self._scratch)]
        for name in ("commondir", "config.worktree"):  # both would lead git to another config
            if os.path.lexists(self.path / name):
                remove(self.path / name)
                changed.append(name)
        return [f".git/{name}" for name in changed]

    def write(self, kind: str, data: bytes) -> str:
        """Store an object durably and return its name."""
        raw = f"{kind} {len(data)}\0".encode() + data
        sha = _sha1(raw)
        with contextlib.suppress(OSError, RunError):  # not there, or not whole
            self._read_loose(sha)
            return sha
        path = self._loose(sha)
        path.parent.mkdir(exist_ok=True)
        scratch = self.path / f"ratchet-{os.getpid()}-{threading.get_ident()}.tmp"
        with naming(path), open(scratch, "wb") as out:
            out.write(zlib.compress(raw, 1))
            out.flush()
            if os.name != "nt":
                # Renamed before it is synced, so that one sync makes content and name durable.
                # What a power cut leaves half done has no row, and is written again here.
                os.replace(scratch, path)
            os.fsync(out.fileno())
        if os.name == "nt":  # an open file cannot be renamed there
            os.replace(scratch, path)
        return sha

    def read(self, sha: str, kind: str) -> bytes:
        """Return an object's content; a RunError if it is missing, damaged or of another kind."""
        began = time.thread_time()
        try:
            if self.patience < 0:
                raise RunError("takes too long to read, like those before it")
            if not _SHA.match(sha):
                raise RunError("is no name of an object")
            try:
                raw = self._read_loose(sha)
            except FileNotFoundError:
                raw = _held(self._packs.read(sha), sha)
            if not raw.startswith(f"{kind} ".encode()):
                raise RunError(f"is no {kind}")
        except (OSError, RunError) as err:
            why = getattr(err, "strerror", None) or err
            raise RunError(f"object {sha[:12]} in {self.path}: {why}; start a new tag") from None
        finally:
            self.patience -= time.thread_time() - began
        return raw.partition(b"\0")[2]

    def _read_loose(self, sha: str) -> bytes:
        """Return header and content of an object that has a file of its own."""
        return _held(inflate(read_plain(self._loose(sha), 2 * MAX_OBJECT)), sha)

    def _loose(self, sha: str) -> Path:
        return self.path / "objects" / sha[:2] / sha[2:]

    def expand(self, prefix: str) -> str | None:
        """Find the full name of a loose object by its first characters."""
        try:
            names = os.listdir(self.path / "objects" / prefix[:2])
        except OSError:
            return None
        found = [name for name in names if name.startswith(prefix[2:]) and len(name) == 38]
        return prefix[:2] + found[0] if len(found) == 1 else None

    def write_tree(self, files: dict[str, str]) -> str:
        """Store a folder of regular files given as name -> blob."""
        entries = sorted((f"100644 {name}\0".encode(), sha) for name, sha in files.items())
        return self.write("tree", b"".join(head + bytes.fromhex(sha) for head, sha in entries))

    def read_tree(self, sha: str) -> dict[str, tuple[str, str]]:
        """Return name -> (mode, object) of a folder."""
        data, at, files = self.read(sha, "tree"), 0, {}
        while at < len(data):
            end = data.find(b"\0", at)
            mode, _, name = data[at:end].decode(errors="replace").partition(" ")
            if end < 0 or len(files) == MAX_FILES:
                raise RunError(f"tree {sha[:12]} in {self.path} is damaged: start a new tag")
            files[name] = (mode, data[end + 1 : end + 21].hex())
            at = end + 21
        return files

    def write_commit(self, tree: str, parent: str | None, message: str, iteration: int) -> str:
        """Store a commit dated by its iteration."""
        who = f"{AUTHOR} {EPOCH + 60 * iteration} +0000"
        lines = [f"tree {tree}"] + ([f"parent {parent}"] if parent else [])
        lines += [f"author {who}", f"committer {who}", "", message]
        return self.write("commit", "\n".join(lines).encode("utf-8", "replace"))

    def read_commit(self, sha: str) -> Commit:
        """Return tree, parent and message of a commit."""
        head, _, message = self.read(sha, "commit").decode(errors="replace").partition("\n\n")
        lines = reversed(head.split("\n"))  # of several parents the first counts
        fields = dict(line.partition(" ")[::2] for line in lines)
        return Commit(fields.get("tree", ""), fields.get("parent"), message)

    def iteration_of(self, sha: str) -> int | None:
        """Tell which iteration's commit this is; None for one that was not written here.

        An agent's own commits, amended ones too, have other dates.
        """
        found = _WRITTEN.search(self.read(sha, "commit").partition(b"\n\n")[0])
        number, rest = divmod(int(found[1]) - EPOCH, 60) if found else (0, 1)
        said = self.read_commit(sha).trailers.get("Iteration")
        return number if not rest and said == str(number) else None

    def read_ref(self, name: str, packed: dict[str, str] | None = None) -> str | None:
        """Return what a reference points to, or None."""
        try:
            text = read_plain(self.path / name, 1024).decode("ascii").strip()
        except (OSError, ValueError):
            text = (self._packed_refs() if packed is None else packed).get(name, "")
        return text if _SHA.match(text) else None

    def set_ref(self, name: str, sha: str) -> None:
        """Point a reference at an object."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not waited for: opening a run sets every reference again from the ledger.
        write_file(path, f"{sha}\n".encode(), self._scratch, durable=False)

    def refs(self, folder: str) -> dict[str, str]:
        """Return every reference in a folder, as last part of its name -> object."""
        prefix, packed = folder + "/", self._packed_refs()
        found = {name: sha for name, sha in packed.items() if name.startswith(prefix)}
        with contextlib.suppress(OSError):
            for name in os.listdir(self.path / folder):
                found[prefix + name] = self.read_ref(prefix + name, packed)
        if len(found) > MAX_REFS:
            raise RunError(f"{self.path} has more than {MAX_REFS} references: start a new tag")
        return {name.removeprefix(prefix): sha for name, sha in found.items() if sha}

    def _packed_refs(self) -> dict[str, str]:
        try:
            text = read_plain(self.path / "packed-refs", MAX_REFS_BYTES).decode(errors="replace")
        except OSError:
            return {}
        lines = (line for line in text.split("\n") if line[:1] not in ("#", "^", ""))
        pairs = (line.partition(" ") for line in lines)
        return {name.strip(): sha for sha, _, name in pairs if _SHA.match(sha)}

    def write_index(self, files: dict[str, str]) -> None:
        """Make git's index list these files (name -> blob), so that `git status` is clean."""
        body = struct.pack(">4sLL", b"DIRC", 2, len(files))
        for name, sha in sorted(files.items()):
            # Times and sizes are left at 0, which makes git compare the content itself.
            numbers = [*[0] * 6, 0o100644, 0, 0, 0]
            entry = struct.pack(">10L20sH", *numbers, bytes.fromhex(sha), len(name)) + name.encode()
            body += entry + b"\0" * (8 - len(entry) % 8)
        (self.path / "index.lock").unlink(missing_ok=True)  # of a git that was killed here
        body += bytes.fromhex(_sha1(body))
        write_file(self.path / "index", body, self._scratch, durable=False)
