"""Scratch folders: made for one job, bounded, and removed whatever a program left in them."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

SCRATCH_LIMIT = 256 * 1024**2  # bytes in a job's scratch folder
ENTRY_LIMIT = 20_000  # files and folders in it


def make_scratch_root() -> Path:
    """Make the folder of all scratch folders; remove those of processes that were killed."""
    from psutil import pid_exists

    base = Path(tempfile.gettempdir())
    for old in base.glob("ratchet-*-*"):
        owner = old.name.split("-")[1]
        if owner.isdigit() and not pid_exists(int(owner)):
            remove_tree(old)
    return Path(tempfile.mkdtemp(prefix=f"ratchet-{os.getpid()}-", dir=base)).resolve()


def remove_tree(top: str | os.PathLike) -> None:
    """Remove a folder that somebody else filled, however deep: no recursion, no long paths.

    Every folder inside is first moved to the top, so that no path is ever longer than two names.
    What cannot be removed, since it is gone or not ours, is left.
    """
    top = os.fspath(top)
    folders = [top]
    while folders:
        folder = folders.pop()
        with contextlib.suppress(OSError):
            with os.scandir(folder) as found:
                entries = list(found)
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                elif folder == top:
                    folders.append(entry.path)
                else:
                    folders.append(os.path.join(top, secrets.token_hex(12)))
                    os.rename(entry.path, folders[-1])
            if folder != top:
                os.rmdir(folder)
    with contextlib.suppress(OSError):
        os.rmdir(top)


def too_full(top: str) -> bool:
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
                    if total > SCRATCH_LIMIT or count > ENTRY_LIMIT:
                        return True
        except FileNotFoundError:
            continue
        except OSError:
            return True  # a path too long to look into
    return False
