"""Scratch folders: made for one job, bounded, and removed whatever a program left in them."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import tempfile
import time
from pathlib import Path

from harness.files import lock_file

SCRATCH_LIMIT = 256 * 1024**2  # bytes in a job's scratch folder
OWNER = ".owner"  # the file that the owner of a scratch root holds locked
FORGOTTEN_S = 7 * 24 * 3600.0  # no run of another host is that old
ENTRY_LIMIT = 20_000  # files and folders in it


class OwnFolder:
    """A temporary folder whose owner holds a lock in it; makes it, after removing what is left.

    What is left is a folder like it whose lock is free: its owner has ended. A temporary folder
    can be shared with containers and hosts that do not see each other's processes, so numbers of
    processes say nothing.
    """

    def __init__(self, kind: str = "ratchet"):
        base = Path(tempfile.gettempdir())
        for old in base.glob(f"{kind}-*"):
            _remove_if_left(old)
        self.path = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=base)).resolve()
        # Locked before it has its name: nobody ever finds it free while its owner lives.
        first = self.path / (OWNER if os.name == "nt" else "owner")
        self._lock = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with contextlib.suppress(OSError):  # no locks here: then nobody else removes it
            os.write(self._lock, _boot())
            lock_file(self._lock)
            os.rename(first, self.path / OWNER)

    def is_there(self) -> bool:
        """Whether nobody, such as a cleaner of temporary folders, has removed it."""
        return self.path.is_dir()

    def close(self) -> None:
        """Remove it and all that is in it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        remove_tree(self.path)


def _remove_if_left(folder: Path) -> None:
    with contextlib.suppress(OSError):
        plain = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link, no pipe
        handle = os.open(folder / OWNER, os.O_RDWR | plain)
        try:
            lock_file(handle)
            here, age_s = os.read(handle, 64) == _boot(), time.time() - os.fstat(handle).st_mtime
        finally:
            os.close(handle)
        if here or age_s > FORGOTTEN_S:  # a lock of another host may be out of sight
            remove_tree(folder)


def _boot() -> bytes:
    """Name this start of this system: all who share it share its locks."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    return platform.node().encode()[:64]


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
                    continue
                with contextlib.suppress(OSError):
                    os.chmod(entry.path, 0o700)  # whoever filled it may have locked it
                if folder == top:
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
