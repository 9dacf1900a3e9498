"""What a class handed in, taken in as plain files: folders and zips, at any depth.

Everything is copied, within bounds, before anything is read: links, pipes, devices and names that
lead elsewhere stay behind, and what was handed in stays as it is.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from harness import RunError
from harness.candidate import plain, visible
from harness.files import read_plain

MAX_BYTES = 128 * 1024**2  # of one hand-in, unpacked
MAX_FILES = 20_000
MAX_DEPTH, MAX_ZIPS_DEEP = 40, 3
MAX_NOTES = 20
_UNSHOWN = "a name that cannot be shown, or too deep"
_SKIPPED = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", "__pycache__")
_SKIPPED += (".venv", "venv", "site-packages", "node_modules")  # of who hands in everything
# How Canvas names what it gives out (name_LATE_user_submission_file), and Moodle.
_CANVAS = re.compile(r"(?P<name>.+?)_(?:LATE_)?(?P<id>\d+)_\d+_.+")
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_\w+")
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError)
_BROKEN += (NotImplementedError, UnicodeError)


def find(folder: Path, without: Path) -> dict[tuple[str, str], list[Path]]:
    """List hand-ins as (name, number at the learning platform or "") -> its files and folders.

    Each entry of the folder is one, but for `without`; those of one user of Canvas or Moodle belong
    together.
    """
    found: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name[:1] == "." or path.name in _SKIPPED or path.absolute() == without.absolute():
            continue
        known = _MOODLE.fullmatch(path.name) or _CANVAS.fullmatch(path.name)
        stem = path.name.removesuffix(".zip") if path.suffix == ".zip" else path.name
        key = (plain(known["name"], 80), known["id"]) if known else (plain(stem, 80), "")
        found.setdefault(key, []).append(path)
    return found


class Intake:
    """Copies one hand-in to a folder of ours.

    Attributes
    ----------
    notes : list of str
        What was left behind and why.
    digest : str
        Of names and contents; the same for the same hand-in.
    """

    def __init__(self, target: Path):
        self.target, self.left, self.files = target, MAX_BYTES, 0
        self.notes: list[str] = []
        self._hash = hashlib.sha256()
        self.digest = ""

    def take(self, entries: list[Path]) -> None:
        """Take in files, folders and zips."""
        todo = [(path, (path.name,)) for path in entries]
        try:
            while todo:
                path, parts = todo.pop()
                try:
                    mode = path.lstat().st_mode
                    if parts[-1] in _SKIPPED:
                        continue
                    if stat.S_ISDIR(mode) and len(parts) < MAX_DEPTH:
                        inside = sorted(path.iterdir(), reverse=True)
                        shown = (*parts[:-1], visible(parts[-1]))  # it names what is in there
                        todo += [(child, (*shown, child.name)) for child in inside]
                    elif not stat.S_ISREG(mode) or parts[-1] != visible(parts[-1]):
                        link = "a link" if stat.S_ISLNK(mode) else "no plain file, or too deep"
                        self.note(parts, link if not stat.S_ISREG(mode) else _UNSHOWN)
                    else:
                        self.put(parts, read_plain(path, self.left + 1))
                except OSError as err:
                    self.note(parts, err.strerror or "cannot be read")
        except RunError as err:
            self.notes.append(str(err))
        self.digest = self._hash.hexdigest()

    def note(self, parts: tuple[str, ...], why: str) -> None:
        """Say what was left behind."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(f"left out: {plain('/'.join(parts), 120)} ({why})")

    def put(self, parts: tuple[str, ...], data: bytes, zips: int = 0) -> None:
        """Write one file, or take in the zip that it is; a RunError where it is too much."""
        self.left -= len(data)
        self.files += 1
        if self.left < 0 or self.files > MAX_FILES:
            raise RunError(
                f"more than {MAX_BYTES >> 20} MiB or {MAX_FILES} files: not read further"
            )
        if parts[-1].lower().endswith(".zip"):
            self._unzip((*parts[:-1], parts[-1][:-4] or "zip"), data, zips + 1)
            return
        self._hash.update(repr((parts, len(data))).encode("utf-8", "replace") + data)
        path = self.target.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                file.write(data)
        except (OSError, ValueError):  # there twice, a file in a folder's place, a name too long
            self.note(parts, "it cannot be written")

    def _unzip(self, parts: tuple[str, ...], data: bytes, zips: int) -> None:
        try:
            if zips > MAX_ZIPS_DEEP:
                raise ValueError("zips in zips in zips")
            # Refuse a list of millions before it is in memory; what a zip says of it may be a lie.
            if data.count(b"PK\x01\x02") > 4 * MAX_FILES:
                raise ValueError("too many files in it")
            with zipfile.ZipFile(io.BytesIO(data)) as box:
                for info in box.infolist():
                    inside = info.filename.rstrip("/").split("/")
                    if info.is_dir() or set(inside) & set(_SKIPPED):
                        continue
                    if why := _refused(info, len(parts) + len(inside)):
                        self.note((*parts, info.filename), why)
                        continue
                    with box.open(info) as file:
                        found = file.read(self.left + 1)
                    self.put((*parts, *inside), found, zips)
        except _BROKEN as err:
            self.note(parts, f"no zip that can be read: {plain(str(err), 80)}")


def _refused(info: zipfile.ZipInfo, depth: int) -> str:
    """Say why an entry of a zip is left out, "" if it is not."""
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "a link" if kind == stat.S_IFLNK else "no plain file"
    if {"", ".", ".."} & set(name.split("/")) or "\\" in name or ":" in name:
        return "a name that leads elsewhere"
    if name != visible(name) or depth > MAX_DEPTH:
        return _UNSHOWN
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packed in another way"
    return ""


def walk(folder: Path, name: str, ending: str = "") -> list[Path]:
    """List the files of this name, or with this ending, that were taken in."""
    found = []
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in (".git", "solutions"))  # ours
        found += [Path(top, f) for f in files if f == name or (ending and f.endswith(ending))]
    return sorted(found)
