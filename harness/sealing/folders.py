"""Scratch folders: made for one job, bounded, and removed whatever a program left in them."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

SCRATCH_LIMIT = 256 * 1024**2  # bytes in a job's scratch folder
ENTRY_LIMIT = 20_000  # files and folders in it


def make_scratch_root() -> Path:
    """Make the folder of all scratch folders; remove those of processes that were killed."""
    base = Path(tempfile.gettempdir())
    for old in base.glob("ratchet-*-*"):
        owner = old.name.split("-")[1]
        if owner.isdigit() and not _alive(int(owner)):
            remove_tree(old)
    return Path(tempfile.mkdtemp(prefix=f"ratchet-{os.getpid()}-", dir=base)).resolve()


def _alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def remove_tree(top: str | os.PathLike) -> None:
    """Remove a folder that somebody else filled, however deep: no recursion, no long paths.

    Every folder inside is first moved to the top, so that no path is ever longer than two names.
    """
    top = os.fspath(top)
    folders, failed = [top], set()
    while folders:
        folder = folders[-1]
        try:
            deeper = _unlink_files(folder)
            if folder != top:
                lifted = [os.path.join(top, secrets.token_hex(12)) for _ in deeper]
                for old, new in zip(deeper, lifted, strict=True):
                    os.rename(old, new)
                deeper = lifted
            deeper = [path for path in deeper if path not in failed]
            if not deeper:
                os.rmdir(folder)
                folders.pop()
            folders += deeper
        except OSError:  # not ours, or gone: what can be removed is removed
            failed.add(folder)
            folders.remove(folder)


def _unlink_files(folder: str) -> list[str]:
    """Remove the files in a folder and list the folders in it."""
    deeper = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                deeper.append(entry.path)
            else:
                os.unlink(entry.path)
    return deeper


def too_full(top: str, limit: int = SCRATCH_LIMIT, entries: int = ENTRY_LIMIT) -> bool:
    """Tell whether a scratch folder holds more bytes, entries or depth than it may."""
    total, count, folders = 0, 0, [top]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
                    if total > limit or count > entries:
                        return True
        except FileNotFoundError:
            continue
        except OSError:
            return True  # a path too long to look into
    return False
